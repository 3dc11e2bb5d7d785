//! FastCGI as the protocol of an exchange.

use super::answer::Answer;
use super::conf::FastcgiConf;
use super::record::{self, BEGIN_REQUEST, Event, HEAD, MOST, PARAMS, Reader, stderr_sentence};
use crate::http::explain;
use crate::http::request::Request;
use crate::http::upstream::cgi::{self, params::Pair};
use crate::http::upstream::codec::Codec;
use crate::http::upstream::decoder::Decoder;
use crate::http::upstream::failure::{Cause, Kind};
use crate::http::upstream::head::ResponseHead;
use crate::http::upstream::outgoing::Framing;
use crate::http::upstream::state::Stage;
use crate::log::{self, Level};
use bytes::Bytes;
use std::ops::Range;

/// FastCGI, for one request.
pub struct FastcgiCodec<'a> {
    conf: &'a FastcgiConf,
    reader: Reader,
    /// What was read last, records and all.
    raw: Vec<u8>,
    /// Where in `raw` the body begins.
    body: usize,
    /// Bytes that came before `raw`, since the first of the answer.
    used: usize,
    /// Whether something of the answer itself has come.
    begun: bool,
}

impl<'a> FastcgiCodec<'a> {
    /// With the settings of the location.
    pub fn new(conf: &'a FastcgiConf) -> Self {
        FastcgiCodec {
            conf,
            reader: Reader::default(),
            raw: Vec::new(),
            body: 0,
            used: 0,
            begun: false,
        }
    }

    /// Tells the error log what the application says, unless it makes the answer useless.
    fn stderr(&self, req: &Request, text: &[u8]) -> Result<(), Cause> {
        let sentence = stderr_sentence(text);
        let caught = |pattern: &Bytes| memchr::memmem::find(text, pattern).is_some();
        if self.conf.catch_stderr.iter().any(caught) {
            return Err(Cause::BadHead(sentence));
        }
        if let Some(attempt) = req.upstreams.last() {
            let failure = attempt.why(Cause::Stderr(sentence), Stage::Head);
            explain::failure(req, &failure);
            if failure.kind() == Kind::ScriptNotFound {
                *attempt.failure.borrow_mut() = Some(Box::new(failure));
            }
        }
        Ok(())
    }

    /// Puts what a record brings into the head; `true` when that is complete. `at` is where the record's bytes end.
    fn add(
        &mut self,
        head: &mut ResponseHead,
        range: Range<usize>,
        at: usize,
        limit: usize,
    ) -> Result<bool, Cause> {
        self.begun = true;
        let data = self.raw.get(range).unwrap_or_default();
        head.buf.extend_from_slice(data);
        let complete = head.parse_cgi(limit, false);
        if !complete.map_err(|bad| bad.cause(head))? {
            return Ok(false);
        }
        let len = head.len as usize;
        let rest = head.buf.len().saturating_sub(len);
        head.buf.truncate(len);
        self.reader.unread(rest);
        self.body = at.saturating_sub(rest);
        if self.used.saturating_add(self.body) > limit {
            return Err(Cause::HeaderTooBig);
        }
        Ok(true)
    }
}

impl Codec for FastcgiCodec<'_> {
    fn scheme(&self, _: bool) -> &'static str {
        "fastcgi://"
    }

    fn write_request(&mut self, req: &Request, out: &mut Vec<u8>) -> Result<Range<usize>, u16> {
        const RESPONDER: u8 = 1;
        let keep = u8::from(self.conf.keep_conn);
        out.extend_from_slice(&record::head(BEGIN_REQUEST, 8));
        out.extend_from_slice(&[0, RESPONDER, keep, 0, 0, 0, 0, 0]);
        let start = out.len();
        out.extend_from_slice(&[0; HEAD]);
        let common = &self.conf.common;
        let fields = common.passing.pass_request_headers;
        common.params.write::<NameValue>(req, fields, out);
        let length = out.len() - start - HEAD;
        if length > MOST {
            let message = format_args!("fastcgi request record is too big: {length}");
            log::request(req, Level::Alert, message);
            return Err(500);
        }
        if let Some(place) = out.get_mut(start..start + HEAD) {
            place.copy_from_slice(&record::head(PARAMS, length));
        }
        out.extend_from_slice(record::padding(length));
        out.extend_from_slice(&record::head(PARAMS, 0));
        Ok(0..0)
    }

    fn request_framing(&self) -> Framing {
        Framing::Records(&record::BODY)
    }

    fn reset(&mut self) {
        *self = FastcgiCodec::new(self.conf);
    }

    fn input<'a>(&'a mut self, _head: &'a mut ResponseHead) -> &'a mut Vec<u8> {
        &mut self.raw
    }

    fn parse(
        &mut self,
        req: &Request,
        head: &mut ResponseHead,
        limit: usize,
    ) -> Result<bool, Cause> {
        let mut at = 0;
        while let Some(event) = self
            .reader
            .next(&self.raw, &mut at)
            .map_err(Cause::BadHead)?
        {
            match event {
                Event::Stdout(range) => {
                    if self.add(head, range, at, limit)? {
                        return Ok(true);
                    }
                }
                Event::Stderr(range) => {
                    self.stderr(req, self.raw.get(range).unwrap_or_default())?;
                }
                Event::StdoutEnd => {
                    let sentence = "upstream prematurely closed FastCGI stdout";
                    return Err(Cause::BadHead(sentence.into()));
                }
                Event::EndRequest | Event::Ended => {
                    let kind = self.reader.kind();
                    let sentence = format!("upstream sent unexpected FastCGI record: {kind}");
                    return Err(Cause::BadHead(sentence));
                }
            }
        }
        // However much an application has to say beforehand, its answer has the whole buffer.
        if self.begun {
            self.used = self.used.saturating_add(self.raw.len());
        }
        self.raw.clear();
        if self.used >= limit {
            return Err(Cause::HeaderTooBig);
        }
        Ok(false)
    }

    fn body(
        &mut self,
        head: &ResponseHead,
        _text: &Bytes,
        _pass_trailers: bool,
    ) -> (Decoder, Bytes) {
        let raw = Bytes::from(std::mem::take(&mut self.raw));
        let rest = raw.slice(self.body.min(raw.len())..);
        if !cgi::has_body(head) {
            return (Decoder::Empty, rest);
        }
        let reader = std::mem::take(&mut self.reader);
        let length = cgi::body_length(head);
        let answer = Answer::new(reader, length, self.conf.keep_conn);
        (Decoder::Other(Box::new(answer)), rest)
    }

    fn content_length(&self, head: &ResponseHead) -> Option<u64> {
        cgi::body_length(head)
    }

    fn keep_alive(&self, head: &ResponseHead) -> bool {
        // Without a body the end of the request is not waited for.
        self.conf.keep_conn && cgi::has_body(head)
    }
}

/// Name-value pairs (FastCGI specification section 3.4): both lengths, one byte or four, then both texts.
pub struct NameValue;

impl Pair for NameValue {
    fn begin(length: usize, out: &mut Vec<u8>) {
        push_length(length, out);
        out.push(0);
    }

    fn middle(_out: &mut Vec<u8>) {}

    fn close(out: &mut Vec<u8>, start: usize, value: usize) {
        let length = out.len().saturating_sub(value);
        let wide = out.get(start).is_some_and(|byte| byte & 0x80 != 0);
        let place = start + if wide { 4 } else { 1 };
        match u8::try_from(length) {
            Ok(length) if length < 0x80 => {
                if let Some(byte) = out.get_mut(place) {
                    *byte = length;
                }
            }
            _ => {
                out.splice(place..=place, wide_length(length));
            }
        }
    }
}

fn push_length(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => out.push(length),
        _ => out.extend_from_slice(&wide_length(length)),
    }
}

fn wide_length(length: usize) -> [u8; 4] {
    (u32::try_from(length).unwrap_or(u32::MAX) | 1 << 31).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        NameValue::begin(name.len(), &mut out);
        out.extend_from_slice(name);
        NameValue::middle(&mut out);
        let at = out.len();
        out.extend_from_slice(value);
        NameValue::close(&mut out, 6, at);
        out.split_off(6)
    }

    #[test]
    fn lengths_of_128_and_more_take_four_bytes() {
        assert_eq!(pair(b"ab", b"c"), [2, 1, b'a', b'b', b'c']);
        assert_eq!(pair(b"", b""), [0, 0]);
        let long = vec![b'x'; 128];
        let mut wanted = vec![1, 0x80, 0, 0, 128, b'n'];
        wanted.extend(&long);
        assert_eq!(pair(b"n", &long), wanted);
        let mut wanted = vec![0x80, 0, 0, 128, 127];
        wanted.extend(&long);
        wanted.extend(&long[1..]);
        assert_eq!(pair(&long, &long[1..]), wanted);
    }
}
