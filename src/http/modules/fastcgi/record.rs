//! FastCGI records: eight bytes of head, content, padding (FastCGI specification section 3.3). There is one request
//! on a connection at a time, whose number is 1.

use crate::http::upstream::outgoing::Records;
use std::ops::Range;

/// The version of the protocol.
const VERSION: u8 = 1;
/// Begins a request.
pub const BEGIN_REQUEST: u8 = 1;
/// Ends the answer.
const END_REQUEST: u8 = 3;
/// Parameters.
pub const PARAMS: u8 = 4;
/// The body of a request.
const STDIN: u8 = 5;
/// Head and body of an answer.
const STDOUT: u8 = 6;
/// What the application has to say to the error log.
const STDERR: u8 = 7;

/// Bytes in the head of a record.
pub const HEAD: usize = 8;
/// The most that a record can hold, in bytes.
pub const MOST: usize = 0xffff;

/// The head of a record with `length` bytes of content; at most [`MOST`].
pub fn head(kind: u8, length: usize) -> [u8; HEAD] {
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    [
        VERSION,
        kind,
        0,
        1,
        high,
        low,
        padding(length).len() as u8,
        0,
    ]
}

/// What stands behind `length` bytes of content, so that records begin at multiples of eight.
pub fn padding(length: usize) -> &'static [u8] {
    const ZEROS: [u8; 8] = [0; 8];
    ZEROS.get(..(8 - length % 8) % 8).unwrap_or_default()
}

/// How the client's body is wrapped.
pub static BODY: Records = Records {
    most: 32 * 1024,
    open: |length, out| out.extend_from_slice(&head(STDIN, length)),
    close: padding,
    end: &[VERSION, STDIN, 0, 1, 0, 0, 0, 0],
};

/// Reads the records of an answer, wherever they are cut.
#[derive(Debug, Default)]
pub struct Reader {
    phase: Phase,
    /// Bytes of the head that have been seen.
    seen: u8,
    kind: u8,
    /// What is to come of the content.
    length: usize,
    /// What is to come of the padding.
    padding: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Head,
    Content,
    Padding,
}

/// What a record brings. Ranges are those of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Some of the answer.
    Stdout(Range<usize>),
    /// Some of what goes to the error log.
    Stderr(Range<usize>),
    /// There is no more of the answer.
    StdoutEnd,
    /// The record that ends the request has begun.
    EndRequest,
    /// It is complete.
    Ended,
}

impl Reader {
    /// Goes on in `input` from `at`. `None`: all of it has been read.
    ///
    /// # Errors
    /// nginx's sentence about what is no record of an answer.
    pub fn next(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Event>, String> {
        loop {
            match self.phase {
                Phase::Head => {
                    if let Some(event) = self.whole_head(input, at) {
                        if event.is_some() {
                            return Ok(event);
                        }
                        continue;
                    }
                    let Some(&byte) = input.get(*at) else {
                        return Ok(None);
                    };
                    *at += 1;
                    if let Some(event) = self.head_byte(byte)? {
                        return Ok(Some(event));
                    }
                }
                Phase::Content if self.length == 0 => self.phase = Phase::Padding,
                Phase::Content => {
                    let Some(range) = take(input, at, &mut self.length) else {
                        return Ok(None);
                    };
                    match self.kind {
                        STDOUT => return Ok(Some(Event::Stdout(range))),
                        STDERR => return Ok(Some(Event::Stderr(range))),
                        _ => {}
                    }
                }
                Phase::Padding if self.padding == 0 => {
                    self.phase = Phase::Head;
                    if self.kind == END_REQUEST {
                        return Ok(Some(Event::Ended));
                    }
                }
                Phase::Padding => {
                    if take(input, at, &mut self.padding).is_none() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The usual case: the head of a record is there as a whole, and nothing is wrong with it. Gives what it brings.
    fn whole_head(&mut self, input: &[u8], at: &mut usize) -> Option<Option<Event>> {
        let head = input.get(*at..)?.first_chunk::<HEAD>()?;
        let [VERSION, kind, 0, 1, high, low, padding, _] = *head else {
            return None;
        };
        if self.seen != 0 || !matches!(kind, STDOUT | STDERR | END_REQUEST) {
            return None;
        }
        self.kind = kind;
        self.length = usize::from(high) << 8 | usize::from(low);
        self.padding = usize::from(padding);
        *at += HEAD;
        Some(self.content())
    }

    fn head_byte(&mut self, byte: u8) -> Result<Option<Event>, String> {
        match self.seen {
            0 if byte != VERSION => {
                return Err(format!(
                    "upstream sent unsupported FastCGI protocol version: {byte}"
                ));
            }
            1 if !matches!(byte, STDOUT | STDERR | END_REQUEST) => {
                return Err(format!("upstream sent invalid FastCGI record type: {byte}"));
            }
            1 => self.kind = byte,
            2 if byte != 0 => {
                return Err(format!(
                    "upstream sent unexpected FastCGI request id high byte: {byte}"
                ));
            }
            3 if byte != 1 => {
                return Err(format!(
                    "upstream sent unexpected FastCGI request id low byte: {byte}"
                ));
            }
            4 => self.length = usize::from(byte) << 8,
            5 => self.length |= usize::from(byte),
            6 => self.padding = usize::from(byte),
            _ => {}
        }
        self.seen += 1;
        if usize::from(self.seen) < HEAD {
            return Ok(None);
        }
        self.seen = 0;
        Ok(self.content())
    }

    /// The head is over.
    fn content(&mut self) -> Option<Event> {
        self.phase = Phase::Content;
        match self.kind {
            STDOUT if self.length == 0 => Some(Event::StdoutEnd),
            END_REQUEST => Some(Event::EndRequest),
            _ => None,
        }
    }

    /// Gives back the last bytes of the content that was read last: they come again.
    pub fn unread(&mut self, count: usize) {
        self.length = self.length.saturating_add(count);
        self.phase = Phase::Content;
    }

    /// Whether a record has ended and no other has begun.
    pub fn is_between(&self) -> bool {
        let over = self.length == 0 && self.padding == 0;
        over && self.seen == 0
    }

    /// The number of the kind of record that is being read, for messages.
    pub fn kind(&self) -> u8 {
        self.kind
    }
}

/// As much of `left` bytes as there are; none if nothing is there.
fn take(input: &[u8], at: &mut usize, left: &mut usize) -> Option<Range<usize>> {
    let count = (*left).min(input.len().saturating_sub(*at));
    let range = *at..*at + count;
    *at += count;
    *left -= count;
    (count > 0).then_some(range)
}

/// nginx's sentence about something that an application wrote to its standard error. Full stops, spaces and line
/// ends behind it are cut off.
pub fn stderr_sentence(text: &[u8]) -> String {
    let is_rest = |byte: &u8| matches!(byte, b'\n' | b'\r' | b'.' | b' ');
    let rest = text.iter().skip(1).rev().take_while(|b| is_rest(b)).count();
    let text = text.get(..text.len() - rest).unwrap_or_default();
    format!(
        "FastCGI sent in stderr: \"{}\"",
        String::from_utf8_lossy(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
        let [high, low] = (content.len() as u16).to_be_bytes();
        let mut out = vec![1, kind, 0, 1, high, low, padding, 0];
        out.extend_from_slice(content);
        out.resize(out.len() + usize::from(padding), 9);
        out
    }

    /// What comes of pieces: the answer, the messages, whether it ended.
    fn read(pieces: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>, bool), String> {
        let (mut reader, mut out, mut err, mut ended) = (Reader::default(), vec![], vec![], false);
        for piece in pieces {
            let mut at = 0;
            while let Some(event) = reader.next(piece, &mut at)? {
                match event {
                    Event::Stdout(range) => out.extend_from_slice(&piece[range]),
                    Event::Stderr(range) => err.extend_from_slice(&piece[range]),
                    Event::Ended => ended = true,
                    Event::StdoutEnd | Event::EndRequest => {}
                }
            }
            assert_eq!(at, piece.len());
        }
        Ok((out, err, ended))
    }

    #[test]
    fn records_are_read_wherever_they_are_cut() {
        let mut all = record(6, b"one", 5);
        all.extend(record(7, b"oops", 0));
        all.extend(record(7, b"", 3));
        all.extend(record(6, b"two", 0));
        all.extend(record(6, b"", 0));
        all.extend(record(3, &[0; 8], 255));
        let wanted = Ok((b"onetwo".to_vec(), b"oops".to_vec(), true));
        assert_eq!(read(&[&all]), wanted);
        let bytes: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(read(&bytes), wanted);
        for cut in 0..all.len() {
            assert_eq!(read(&[&all[..cut], &all[cut..]]), wanted, "{cut}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        for (head, sentence) in [
            (
                &[2u8][..],
                "upstream sent unsupported FastCGI protocol version: 2",
            ),
            (&[1, 8], "upstream sent invalid FastCGI record type: 8"),
            (
                &[1, 6, 1],
                "upstream sent unexpected FastCGI request id high byte: 1",
            ),
            (
                &[1, 6, 0, 0],
                "upstream sent unexpected FastCGI request id low byte: 0",
            ),
        ] {
            assert_eq!(read(&[head]).unwrap_err(), sentence);
        }
    }

    #[test]
    fn heads_and_padding() {
        assert_eq!(head(STDIN, 0x1234), [1, 5, 0, 1, 0x12, 0x34, 4, 0]);
        for length in [0, 1, 7, 8, 9, MOST] {
            assert_eq!((length + padding(length).len()) % 8, 0, "{length}");
        }
    }

    #[test]
    fn messages_lose_their_ends() {
        for (text, shown) in [("a b. \r\n", "a b"), ("\n\n", "\n"), ("", ""), (".x", ".x")] {
            assert_eq!(
                stderr_sentence(text.as_bytes()),
                format!("FastCGI sent in stderr: \"{shown}\"")
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&input]);
        }
    }
}
