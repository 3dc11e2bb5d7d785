//! 103 (Early Hints, RFC 8297) from an upstream, passed on to the client in front of the answer.

use super::head::Known;
use super::settings::Hidden;
use crate::http::h1::writer;
use crate::http::head::Version;
use crate::http::request::Request;
use crate::log::{self, Level};
use std::io::IoSlice;
use std::task::{Context, Poll, ready};

/// The header fields of a 103 as they came.
pub type Fields = Vec<(Known, Vec<u8>, Vec<u8>)>;

/// What of them is still to be sent.
#[derive(Default)]
pub struct Hints {
    text: Vec<u8>,
    sent: usize,
    /// Bytes that the upstream has sent in hints.
    received: usize,
}

impl Hints {
    /// Takes what the upstream hinted at, if the client is to know it. `limit` is what all hints together may have
    /// in bytes: as much as the head of an answer.
    pub fn take(&mut self, req: &Request, blocks: Vec<Fields>, hidden: &Hidden, limit: usize) {
        for fields in blocks {
            let size = |(_, name, value): &(Known, Vec<u8>, Vec<u8>)| name.len() + value.len() + 4;
            let all: usize = fields.iter().map(size).sum();
            self.received = self.received.saturating_add(all);
            if self.received > limit {
                let message = format_args!("upstream sent too big early hints");
                log::request(req, Level::Info, message);
                continue;
            }
            if !wanted(req) {
                continue;
            }
            match req.client.h2.get() {
                None => self.add(&fields, hidden),
                Some(over) => {
                    let shown = |f: &&(Known, Vec<u8>, Vec<u8>)| !hidden.has(f.0, &f.1);
                    let mut fields = fields.iter().filter(shown).peekable();
                    if fields.peek().is_some() {
                        over.send_interim(
                            103,
                            fields.map(|(_, name, value)| (&name[..], &value[..])),
                        );
                    }
                }
            }
        }
    }

    fn add(&mut self, fields: &Fields, hidden: &Hidden) {
        let start = self.text.len();
        self.text.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
        let head = self.text.len();
        for (known, name, value) in fields {
            if !hidden.has(*known, name) {
                writer::field(&mut self.text, name, value);
            }
        }
        match self.text.len() == head {
            true => self.text.truncate(start),
            false => self.text.extend_from_slice(b"\r\n"),
        }
    }

    /// Sends them. Ready when nothing is left; a client that is gone is noticed when the answer is sent.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, req: &Request) -> Poll<()> {
        while let Some(rest) = self.text.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let written = req
                .client
                .stream
                .poll_write_vectored(cx, &[IoSlice::new(rest)]);
            match ready!(written) {
                Ok(n) => {
                    self.sent = self.sent.saturating_add(n);
                    let sent = req.bytes_sent.get().saturating_add(n as u64);
                    req.bytes_sent.set(sent);
                }
                Err(_) => break,
            }
        }
        self.text.clear();
        self.sent = 0;
        Poll::Ready(())
    }
}

fn wanted(req: &Request) -> bool {
    let conditions = &req.location(&req.http).core.early_hints;
    req.depth == 0
        && req.head.version >= Version::Http11
        && conditions.iter().any(|value| value.is_true(req))
}
