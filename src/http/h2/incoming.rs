//! What a client sends, frame by frame, on its way to the h2 crate: counted, heads taken out, and held back where nobody
//! listens any more. A client that does too much of what is cheap for it is reported.

use super::allowance::Allowance;
use super::assembly::{Assembly, Whole};
use super::control::Control;
use super::frames::{ACK, END_HEADERS, END_STREAM, Header, PADDED, Scanner, Step, kind};
use super::hpack::Trouble;
use super::preface::PREFACE;
use crate::clock;
use std::rc::Rc;
use std::time::Duration;

/// What the configuration allows on a connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `http2_max_concurrent_streams`.
    pub streams: u32,
    /// `http2_body_preread_size`.
    pub preread: u32,
    /// Bytes of a head: all of `large_client_header_buffers`.
    pub head: usize,
    /// Bytes of a name or value: one of them.
    pub field: usize,
    /// `keepalive_requests`.
    pub requests: u64,
    /// `keepalive_time`.
    pub time: Duration,
    /// Whether connections are kept at all.
    pub keep: bool,
    /// When the connection was accepted: monotonic milliseconds.
    pub started_ms: u64,
}

/// The direction from the client.
pub struct Incoming {
    control: Rc<Control>,
    limits: Limits,
    scanner: Scanner,
    /// Bytes of the preface that are still to come.
    preface: usize,
    /// Bytes so far of the block of fields that is being sent.
    block: usize,
    in_block: bool,
    assembly: Assembly,
    /// Whether the block begins a stream.
    is_request: bool,
    /// Whether the frame that is being read is held back.
    withheld: bool,
    /// A frame whose header waits for its first byte.
    padded: Option<Header>,
    /// Whether a request with a body has begun that is to be taken in before its body is looked at.
    awaited: bool,
    /// Whether the client has acknowledged the server's settings.
    acknowledged: bool,
    /// Whether a block of fields was held back: those behind it cannot be understood.
    deaf: bool,
    resets: Allowance,
    settings: Allowance,
    pings: Allowance,
    windows: Allowance,
    priorities: Allowance,
    empty: Allowance,
    unknown: Allowance,
}

/// A block of fields may be so much longer than what it says.
const BLOCK_SLACK: usize = 4096;
/// The window that a client goes by until it has read the server's settings (RFC 9113 section 6.9.2).
const DEFAULT_WINDOW: u32 = 65535;
/// So many bytes of bodies that a client has taken let it change a window once more.
const BYTES_PER_WINDOW: u64 = 64;

impl Incoming {
    /// The direction from a client that has sent nothing yet.
    pub fn new(control: Rc<Control>, limits: Limits) -> Self {
        let now = clock::monotonic_ms();
        let streams = limits.streams.max(100);
        Incoming {
            control,
            limits,
            scanner: Scanner::default(),
            preface: PREFACE.len(),
            block: 0,
            in_block: false,
            assembly: Assembly::default(),
            is_request: false,
            withheld: false,
            padded: None,
            awaited: false,
            acknowledged: false,
            deaf: false,
            resets: Allowance::new(streams.saturating_mul(2), 20, now),
            settings: Allowance::new(100, 10, now),
            pings: Allowance::new(500, 50, now),
            windows: Allowance::new(4000, 200, now),
            priorities: Allowance::new(streams.saturating_mul(4), 20, now),
            empty: Allowance::new(100, 10, now),
            unknown: Allowance::new(500, 50, now),
        }
    }

    /// Looks at what has arrived; appends to `out` what is to be passed on. What is left of `bytes` has to wait.
    pub fn pass(&mut self, bytes: &mut &[u8], out: &mut Vec<u8>) {
        self.control.heard.set(true);
        if self.preface > 0 {
            let (own, rest) = bytes.split_at(self.preface.min(bytes.len()));
            self.preface -= own.len();
            out.extend_from_slice(own);
            *bytes = rest;
        }
        while !bytes.is_empty() && !self.control.is_paused() {
            match self.scanner.step(bytes) {
                Step::Begin(header) => {
                    self.judge(header);
                    self.withheld = self.withholds(header);
                    match self.withheld {
                        true => self.stand_in(header, out),
                        false if self.assembly.begin(header, out) => {}
                        false if header.kind == kind::DATA => self.data(header, out),
                        false => out.extend_from_slice(&header.write()),
                    }
                }
                Step::Payload(payload) => {
                    if let Some(header) = self.padded.take() {
                        let padding = payload.first().map_or(0, |padding| u32::from(*padding));
                        let around = padding.saturating_add(1);
                        self.pass_data(header, header.length.saturating_sub(around), out);
                    }
                    match self.withheld {
                        true => {}
                        // Of a head that is too large no more is kept.
                        false if self.assembly.takes() => {
                            if self.control.excess().is_none() {
                                self.assembly.take(payload);
                            }
                        }
                        false => out.extend_from_slice(payload),
                    }
                }
                Step::Partial => {}
            }
            if self.scanner.at_start()
                && self.assembly.takes()
                && let Some(whole) = self.assembly.end(self.limits.head)
                && self.control.excess().is_none()
            {
                self.head(whole, out);
            }
            if self.awaited && !self.in_block && self.scanner.at_start() {
                self.awaited = false;
                self.control.pause();
            }
        }
        self.control
            .incomplete
            .set(self.preface > 0 || self.in_block);
    }

    /// A block of fields is complete.
    fn head(&mut self, whole: Whole, out: &mut Vec<u8>) {
        let header = whole.header;
        let block = match whole.block {
            Ok(block) => block,
            Err(Trouble::Broken) => return self.assembly.stand_in_broken(header, out),
            Err(Trouble::TooLarge(longest)) => return self.too_large(longest),
        };
        let longest = block
            .fields()
            .map(|(name, value)| name.len().max(value.len()));
        let longest = longest.max().unwrap_or(0);
        if longest > self.limits.field {
            return self.too_large(longest);
        }
        if !self.is_request && header.flags & END_STREAM != 0 && !self.may_end(header.stream) {
            return;
        }
        if self.assembly.depends_on_itself(header) {
            self.control.malformed(header.stream);
        }
        self.assembly.stand_in(header, self.is_request, out);
        if self.is_request {
            self.control.complete(block);
        }
    }

    fn too_large(&self, longest: usize) {
        self.control.exceed(match longest > self.limits.field {
            true => "client sent too large header field",
            false => "client sent too large header",
        });
    }

    /// A piece of a body begins.
    fn data(&mut self, header: Header, out: &mut Vec<u8>) {
        match header.flags & PADDED != 0 && header.length > 0 {
            // Only the first byte behind the header tells how much of it is padding.
            true => self.padded = Some(header),
            false => self.pass_data(header, header.length, out),
        }
    }

    fn pass_data(&mut self, header: Header, length: u32, out: &mut Vec<u8>) {
        let ends = header.flags & END_STREAM != 0;
        let announced = self.control.announced(header.stream);
        self.withheld = announced.is_some_and(|body| !body.take(u64::from(length), ends));
        if !self.withheld {
            out.extend_from_slice(&header.write());
        }
    }

    /// Whether a body may end here that a trailer follows.
    fn may_end(&self, stream: u32) -> bool {
        let announced = self.control.announced(stream);
        announced.is_none_or(|body| body.take(0, true))
    }

    /// Counts a frame.
    fn judge(&mut self, header: Header) {
        let now = clock::monotonic_ms();
        let is_ack = header.flags & ACK != 0;
        let fine = match header.kind {
            kind::HEADERS => {
                self.begin(header);
                return;
            }
            kind::CONTINUATION => {
                self.block = self.block.saturating_add(header.length as usize);
                self.in_block = header.flags & END_HEADERS == 0;
                self.control.go_on(header.length);
                let fits = self.block <= self.limits.head.saturating_add(BLOCK_SLACK);
                fits && (header.length > 0 || !self.in_block || self.empty.take(now))
            }
            kind::DATA if header.length == 0 && header.flags & END_STREAM == 0 => {
                self.empty.take(now)
            }
            kind::DATA | kind::GOAWAY | kind::PUSH_PROMISE => true,
            kind::PRIORITY => self.priorities.take(now),
            kind::RST_STREAM => {
                if let Some(body) = self.control.announced(header.stream) {
                    body.end();
                }
                self.resets.give(self.control.answered.take());
                self.resets.take(now)
            }
            kind::SETTINGS => {
                self.acknowledged |= is_ack;
                is_ack || self.settings.take(now)
            }
            kind::PING => is_ack || self.pings.take(now),
            kind::WINDOW_UPDATE => {
                let delivered = self.control.delivered.get();
                let back = u32::try_from(delivered / BYTES_PER_WINDOW).unwrap_or(u32::MAX);
                self.control.delivered.set(delivered % BYTES_PER_WINDOW);
                self.windows.give(back);
                self.windows.take(now)
            }
            _ => self.unknown.take(now),
        };
        if !fine {
            self.control.exceed(excess(header.kind));
        }
    }

    /// A block of fields begins: a request, or the trailer of one.
    fn begin(&mut self, header: Header) {
        self.block = header.length as usize;
        self.in_block = header.flags & END_HEADERS == 0;
        self.awaited = false;
        if self.block > self.limits.head.saturating_add(BLOCK_SLACK) {
            self.control.exceed("client sent too large header");
        }
        let is_new = header.stream > self.control.last_stream() && header.stream % 2 == 1;
        self.is_request = is_new && !self.control.is_ending();
        if !self.is_request {
            return;
        }
        self.control.begin(header.stream, header.length);
        if header.flags & END_STREAM == 0 {
            self.awaited = true;
            if !self.acknowledged && self.limits.preread < DEFAULT_WINDOW {
                self.control.come_early(header.stream);
            }
        }
        self.priorities.give(self.limits.streams);
        let age = clock::monotonic_ms().saturating_sub(self.limits.started_ms);
        if !self.limits.keep
            || self.control.requests() >= self.limits.requests
            || u128::from(age) > self.limits.time.as_millis()
        {
            self.control.end();
        }
    }

    /// Whether a frame is for nobody, since the client was told that its stream is not served.
    fn withholds(&mut self, header: Header) -> bool {
        if !self.control.is_ending() || header.stream == 0 {
            return false;
        }
        let is_block = matches!(header.kind, kind::HEADERS | kind::CONTINUATION);
        let beyond = header.stream > self.control.last_stream();
        self.deaf |= beyond && is_block;
        beyond || (self.deaf && is_block)
    }

    /// A trailer that cannot be understood still ends its stream.
    fn stand_in(&self, header: Header, out: &mut Vec<u8>) {
        let ends = header.kind == kind::HEADERS && header.flags & END_STREAM != 0;
        if ends && header.stream <= self.control.last_stream() && self.may_end(header.stream) {
            let end = Header {
                length: 0,
                kind: kind::DATA,
                flags: END_STREAM,
                stream: header.stream,
            };
            out.extend_from_slice(&end.write());
        }
    }
}

/// What is said of too many frames of a type.
fn excess(kind: u8) -> &'static str {
    match kind {
        kind::PRIORITY => "client sent too many PRIORITY frames",
        kind::RST_STREAM => "client sent too many RST_STREAM frames",
        kind::SETTINGS => "client sent too many SETTINGS frames",
        kind::PING => "client sent too many PING frames",
        kind::WINDOW_UPDATE => "client sent too many WINDOW_UPDATE frames",
        kind::CONTINUATION => "client sent too large header",
        kind::DATA => "client sent too many empty DATA frames",
        _ => "http2 flood detected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What stands in for every head.
    const HEAD: &[u8] = &[0x82, 0x86, 0x84];

    fn incoming(requests: u64) -> (Rc<Control>, Incoming) {
        let control = Rc::new(Control::default());
        let limits = Limits {
            streams: 8,
            preread: 65536,
            head: 4096,
            field: 1024,
            requests,
            time: Duration::from_secs(3600),
            keep: true,
            started_ms: clock::monotonic_ms(),
        };
        let incoming = Incoming::new(Rc::clone(&control), limits);
        (control, incoming)
    }

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            length: payload.len() as u32,
            kind,
            flags,
            stream,
        };
        [&header.write()[..], payload].concat()
    }

    /// What is passed on of bytes that arrive in pieces of a size, each request taken in as it comes.
    fn passed(incoming: &mut Incoming, bytes: &[u8], size: usize) -> Vec<u8> {
        let control = Rc::clone(&incoming.control);
        let mut out = Vec::new();
        for mut piece in bytes.chunks(size) {
            while !piece.is_empty() {
                incoming.pass(&mut piece, &mut out);
                if control.resume() {
                    control.announce(control.last_stream(), Some(4));
                }
            }
        }
        out
    }

    #[test]
    fn behind_the_last_request_nothing_new_is_passed_on() {
        let (control, mut incoming) = incoming(2);
        let own = [
            PREFACE.to_vec(),
            frame(kind::HEADERS, END_HEADERS, 1, HEAD),
            frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, HEAD),
        ]
        .concat();
        let beyond = [
            frame(kind::HEADERS, 0, 5, b"fi"),
            frame(kind::CONTINUATION, END_HEADERS, 5, b"ve"),
            frame(kind::DATA, END_STREAM, 5, b"data"),
            frame(kind::RST_STREAM, 0, 5, &[0; 4]),
        ]
        .concat();
        let rest = frame(kind::DATA, 0, 1, b"1234");
        // What it says cannot be understood any more; that it ends can.
        let trailer = frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, b"trailer");
        let all = [&own[..], &beyond, &rest, &trailer].concat();
        let end = frame(kind::DATA, END_STREAM, 1, b"");
        let out = passed(&mut incoming, &all, 1);
        assert_eq!(out, [&own[..], &rest, &end].concat());
        assert_eq!((control.last_stream(), control.is_ending()), (3, true));
        assert_eq!(control.excess(), None);
    }

    #[test]
    fn a_body_is_held_against_what_was_announced() {
        for (data, fits) in [
            (vec![frame(kind::DATA, END_STREAM, 1, b"1234")], true),
            (vec![frame(kind::DATA, END_STREAM, 1, b"123")], false),
            (vec![frame(kind::DATA, 0, 1, b"12345")], false),
            (
                vec![frame(kind::DATA, END_STREAM | PADDED, 1, b"\x021234\0\0")],
                true,
            ),
            (
                vec![frame(kind::DATA, END_STREAM | PADDED, 1, b"\x0112345\0")],
                false,
            ),
            (
                vec![frame(kind::DATA, END_STREAM | PADDED, 1, b"\xff1234")],
                false,
            ),
        ] {
            for size in [1, 3, 1000] {
                let (control, mut incoming) = incoming(9);
                let head = [PREFACE.to_vec(), frame(kind::HEADERS, END_HEADERS, 1, HEAD)].concat();
                let all = [head.clone(), data.concat()].concat();
                let out = passed(&mut incoming, &all, size);
                assert_eq!(out == all, fits, "{data:?} in pieces of {size}");
                assert!(fits || out == head);
                let wrong = control.announced(1).and_then(|body| body.wrong());
                assert_eq!(wrong.is_none(), fits);
            }
        }
    }

    #[test]
    fn heads_are_taken_out() {
        let odd = b"\x82\x86\x04\x02/\xe9\x41\x01a";
        for size in [1, 4, 1000] {
            let (control, mut incoming) = incoming(9);
            let all = [
                PREFACE.to_vec(),
                frame(kind::HEADERS, 0, 1, &odd[..5]),
                frame(kind::CONTINUATION, END_HEADERS, 1, &odd[5..]),
                frame(kind::DATA, 0, 1, b"1234"),
                frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, b"\0\x01a\x01\0"),
                frame(kind::HEADERS, END_HEADERS, 3, b"\x04\x02/b\xbe"),
                frame(kind::HEADERS, END_HEADERS, 5, b"\xbf"),
            ];
            let out = passed(&mut incoming, &all.concat(), size);
            let expected = [
                PREFACE.to_vec(),
                frame(kind::HEADERS, END_HEADERS, 1, HEAD),
                frame(kind::DATA, 0, 1, b"1234"),
                frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, b""),
                frame(kind::HEADERS, END_HEADERS, 3, HEAD),
                frame(kind::HEADERS, END_HEADERS, 5, &[0x80]),
            ];
            assert_eq!(out, expected.concat(), "in pieces of {size}");
            let first = control.asked(1).unwrap();
            assert_eq!(first.head.get(b":path"), Some(&b"/\xe9"[..]));
            assert_eq!(first.length, 9);
            let second = control.asked(3).unwrap();
            assert_eq!(second.head.get(b":authority"), Some(&b"a"[..]));
        }
    }

    #[test]
    fn a_trailer_does_not_make_a_short_body_whole() {
        for (data, fits) in [(&b"123"[..], false), (b"1234", true)] {
            let (control, mut incoming) = incoming(9);
            let head = frame(kind::HEADERS, END_HEADERS, 1, HEAD);
            let start = [PREFACE, &head, &frame(kind::DATA, 0, 1, data)].concat();
            let end = frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, b"");
            let out = passed(&mut incoming, &[&start[..], &end].concat(), 1000);
            assert_eq!(out == [&start[..], &end].concat(), fits);
            assert!(fits || out == start);
            let body = control.announced(1).unwrap();
            assert_eq!((body.wrong().is_none(), body.is_ended()), (fits, true));
        }
    }

    #[test]
    fn a_head_that_is_too_large_is_not_kept() {
        let long = [&b"\0\x01a\x7f\x80\x10"[..], &[b'x'; 3000]].concat();
        for (block, what) in [
            (
                frame(kind::HEADERS, END_HEADERS, 1, &[b'x'; 9000]),
                "client sent too large header",
            ),
            (
                frame(kind::HEADERS, END_HEADERS, 1, &long[..2181]),
                "client sent too large header field",
            ),
        ] {
            let (control, mut incoming) = incoming(9);
            let out = passed(&mut incoming, &[PREFACE, &block].concat(), 100);
            assert_eq!((&out[..], control.excess()), (PREFACE, Some(what)));
        }
    }

    proptest! {
        /// Whatever comes is passed on as it is, but heads, or the client has gone too far, or is told to end.
        #[test]
        fn nothing_else_is_changed(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1_usize..50) {
            let (mut scanner, mut rest) = (Scanner::default(), &bytes[..]);
            while !rest.is_empty() {
                let step = scanner.step(&mut rest);
                prop_assume!(!matches!(step, Step::Begin(Header { kind: kind::HEADERS, .. })));
            }
            let (control, mut incoming) = incoming(1000);
            let all = [PREFACE, &bytes].concat();
            let mut out = Vec::new();
            for mut piece in all.chunks(size) {
                while !piece.is_empty() {
                    incoming.pass(&mut piece, &mut out);
                    control.resume();
                }
            }
            // The highest bit of a stream's number means nothing and is dropped.
            let same = all.iter().zip(&out).all(|(byte, passed)| (byte ^ passed) & 0x7f == 0);
            prop_assert!(same && out.len() <= all.len(), "{out:?} of {all:?}");
            prop_assert!(all.len() - out.len() < super::super::frames::HEADER + 1);
        }
    }
}
