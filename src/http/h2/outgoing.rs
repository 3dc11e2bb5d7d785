//! What has gone to the client, frame by frame: from it follow what is logged of a response, and when it is complete.

use super::control::{Control, Counted};
use super::frames::{END_STREAM, HEADER, Header, Scanner, Step, kind};
use std::rc::Rc;

/// The direction to the client.
pub struct Outgoing {
    control: Rc<Control>,
    scanner: Scanner,
    /// The frame that is being sent, with its stream's account.
    current: Option<(Header, Counted)>,
    /// Streams that the server refused.
    refused: u32,
    most_refused: u32,
    /// What has been seen of the code of a RST_STREAM.
    code: Option<u32>,
}

/// The error code of streams that are refused.
const REFUSED_STREAM: u32 = 7;

impl Outgoing {
    /// The direction to a client that nothing has been sent to.
    pub fn new(control: Rc<Control>, streams: u32) -> Self {
        Outgoing {
            control,
            scanner: Scanner::default(),
            current: None,
            refused: 0,
            most_refused: streams.max(100),
            code: None,
        }
    }

    /// Whether frames may be put in here.
    pub fn is_between(&self) -> bool {
        self.scanner.at_start()
    }

    /// How much belongs to the frame that has begun.
    pub fn rest(&self) -> usize {
        self.scanner.rest()
    }

    /// Notes what has been sent.
    pub fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.scanner.step(&mut bytes) {
                Step::Begin(header) => self.begin(header),
                Step::Payload(payload) => self.payload(payload),
                Step::Partial => {}
            }
            if self.scanner.at_start() {
                self.end();
            }
        }
    }

    fn begin(&mut self, header: Header) {
        self.current = match header.stream {
            0 => None,
            stream => self.control.sent(stream).map(|sent| (header, sent)),
        };
        self.code = (header.kind == kind::RST_STREAM).then_some(0);
        let Some((_, sent)) = &self.current else {
            return;
        };
        if matches!(header.kind, kind::DATA | kind::HEADERS | kind::CONTINUATION) {
            let all = HEADER as u64 + u64::from(header.length);
            sent.bytes.set(sent.bytes.get().saturating_add(all));
            let is_trailer = sent.trailer.get() && header.flags & END_STREAM != 0;
            match header.kind {
                // What is around a body counts with the head.
                kind::DATA => {
                    sent.body.set(true);
                    sent.head.set(sent.head.get().saturating_add(HEADER as u64));
                }
                kind::HEADERS if !sent.body.get() && !is_trailer => sent.head.set(all),
                _ => sent.head.set(sent.head.get().saturating_add(all)),
            }
            if header.kind == kind::DATA {
                let delivered = self.control.delivered.get();
                let delivered = delivered.saturating_add(u64::from(header.length));
                self.control.delivered.set(delivered);
            }
        }
    }

    fn payload(&mut self, payload: &[u8]) {
        if let Some(code) = &mut self.code {
            for byte in payload {
                *code = code.wrapping_shl(8) | u32::from(*byte);
            }
        }
    }

    fn end(&mut self) {
        let code = self.code.take();
        if code == Some(REFUSED_STREAM) {
            self.refused = self.refused.saturating_add(1);
            if self.refused > self.most_refused {
                self.control.exceed("client sent too many refused streams");
            }
        }
        if let Some((header, sent)) = self.current.take()
            && matches!(header.kind, kind::DATA | kind::HEADERS)
            && header.flags & END_STREAM != 0
        {
            sent.end();
        }
    }
}
