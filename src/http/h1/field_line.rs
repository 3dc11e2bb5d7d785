//! One header field line, byte by byte (RFC 9112 section 5, as nginx reads it).

use crate::http::head::Piece;

/// Where in the line the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// At its first byte.
    #[default]
    Start,
    /// In the name.
    Name,
    /// Spaces before the value.
    BeforeValue,
    /// In the value.
    Value,
    /// The line feed behind a field.
    LineFeed,
    /// The line feed behind the whole head.
    LastLineFeed,
}

/// The place in a line, kept until more bytes arrive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    state: State,
    name: Piece,
    value: Piece,
    odd: bool,
}

impl Progress {
    /// Whether nothing of the line has been read.
    pub fn is_at_start(&self) -> bool {
        self.state == State::Start
    }
}

/// What stood on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It is not complete.
    Partial,
    /// A field.
    Field {
        /// The name.
        name: Piece,
        /// The value, spaces around it cut off.
        value: Piece,
        /// The name has others than letters, digits and dashes: the configuration says whether it is taken.
        odd: bool,
        /// Offset behind the line.
        end: usize,
    },
    /// The empty line that ends the head; the offset behind it.
    Empty(usize),
}

/// Reads `buf[from..to]`. The error is what stands before the byte that no header line has.
pub fn scan(buf: &[u8], progress: &mut Progress, from: usize, to: usize) -> Result<Line, Piece> {
    for (i, &byte) in buf.iter().enumerate().take(to).skip(from) {
        let at = i as u32;
        let bad = Piece {
            start: progress.name.start,
            end: at,
        };
        match progress.state {
            State::Start => {
                progress.name = Piece { start: at, end: at };
                progress.odd = false;
                match byte {
                    b'\r' => progress.state = State::LastLineFeed,
                    b'\n' => return Ok(Line::Empty(i + 1)),
                    0..=b' ' | b':' | 0x7f => return Err(progress.name),
                    _ => {
                        progress.state = State::Name;
                        progress.odd = !is_name_byte(byte, false);
                    }
                }
            }
            State::Name => match byte {
                b':' => {
                    progress.name.end = at;
                    progress.state = State::BeforeValue;
                }
                // A line without a colon is a field without a value.
                b'\r' | b'\n' => {
                    progress.name.end = at;
                    progress.value = Piece { start: at, end: at };
                    progress.state = State::LineFeed;
                }
                0..=b' ' | 0x7f => return Err(bad),
                _ => progress.odd |= !is_name_byte(byte, false),
            },
            State::BeforeValue | State::Value => match byte {
                b'\r' | b'\n' => {
                    if progress.state == State::BeforeValue {
                        progress.value.start = at;
                    }
                    progress.value.end = at;
                    progress.state = State::LineFeed;
                }
                b' ' if progress.state == State::BeforeValue => {}
                0..=8 | 0xb..0x20 | 0x7f => return Err(bad),
                _ if progress.state == State::BeforeValue => {
                    progress.value.start = at;
                    progress.state = State::Value;
                }
                _ => {}
            },
            // The byte to complain about is the carriage return.
            State::LineFeed if byte != b'\n' => {
                return Err(Piece {
                    start: progress.name.start,
                    end: progress.value.end,
                });
            }
            State::LastLineFeed if byte != b'\n' => return Err(progress.name),
            State::LastLineFeed => return Ok(Line::Empty(i + 1)),
            State::LineFeed => {}
        }
        if progress.state == State::LineFeed && byte == b'\n' {
            progress.state = State::Start;
            let (name, mut value) = (progress.name, progress.value);
            let text = buf
                .get(value.start as usize..value.end as usize)
                .unwrap_or_default();
            value.end -= text.iter().rev().take_while(|b| **b == b' ').count() as u32;
            return Ok(Line::Field {
                name,
                value,
                odd: progress.odd,
                end: i + 1,
            });
        }
    }
    Ok(Line::Partial)
}

/// Whether nginx takes the byte in a field name without calling the line invalid.
pub fn is_name_byte(byte: u8, underscores: bool) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'_' && underscores)
}
