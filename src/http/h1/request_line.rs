//! The request line, byte by byte (RFC 9112 section 3, as nginx reads it).
//!
//! It takes up where it stopped, and refuses a wrong byte when it comes, before the line is complete.

use super::bad::Bad;
use crate::http::head::{Head, Method, Piece, Version};

/// Where in the request line the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing has come yet.
    #[default]
    Start,
    /// In the method.
    Method,
    /// Spaces before the target.
    BeforeTarget,
    /// In the scheme of an absolute-form target.
    Scheme,
    /// Behind its colon.
    SchemeColon,
    /// Behind the first slash.
    SchemeSlash,
    /// Spaces before the target of CONNECT.
    BeforeHost,
    /// First byte of the host.
    HostStart,
    /// In the host.
    Host,
    /// In an address in brackets.
    HostLiteral,
    /// Behind the closing bracket.
    HostEnd,
    /// First byte of the port.
    PortStart,
    /// In the port.
    Port,
    /// In path and query.
    Path,
    /// Spaces behind the target.
    AfterTarget,
    /// In `HTTP/`, so many bytes of it seen.
    Http(u8),
    /// First digit of the major version.
    Major,
    /// Behind the first digit.
    MajorEnd,
    /// First digit of the minor version.
    Minor,
    /// Further digits.
    MinorEnd,
    /// Spaces at the end.
    AfterVersion,
    /// The line feed that must follow a carriage return.
    LineFeed,
}

/// Reads `buf[from..to]`. `Some` is the offset behind the line, `None` asks for more bytes.
pub fn scan(head: &mut Head, from: usize, to: usize) -> Result<Option<usize>, Bad> {
    let mut state = head.scan.line;
    let buf = std::mem::take(&mut head.buf);
    let mut outcome = Ok(None);
    for (i, &byte) in buf.iter().enumerate().take(to).skip(from) {
        match step(head, state, byte, i as u32, &buf) {
            Ok(Some(next)) => state = next,
            Ok(None) => {
                outcome = finish(head).map(|()| Some(i + 1));
                break;
            }
            Err(bad) => {
                outcome = Err(bad);
                break;
            }
        }
    }
    head.buf = buf;
    head.scan.line = state;
    outcome
}

/// One byte; `None` is the end of the line.
fn step(
    head: &mut Head,
    state: State,
    byte: u8,
    at: u32,
    buf: &[u8],
) -> Result<Option<State>, Bad> {
    let next = match state {
        State::Start => {
            head.line.start = at;
            head.method_name.start = at;
            method_byte(byte)?
        }
        State::Method if byte == b' ' => {
            head.method_name.end = at;
            let name = buf
                .get(head.method_name.start as usize..at as usize)
                .unwrap_or_default();
            head.method = Method::of(name);
            if head.method == Method::Connect {
                State::BeforeHost
            } else {
                State::BeforeTarget
            }
        }
        State::Method => method_byte(byte)?,
        State::BeforeTarget => match byte {
            b' ' => State::BeforeTarget,
            b'/' => {
                head.target.start = at;
                head.path_query.start = at;
                State::Path
            }
            _ if byte.is_ascii_alphabetic() => {
                head.target.start = at;
                State::Scheme
            }
            _ => return Err(Bad::Request),
        },
        State::Scheme => match byte {
            b':' => {
                head.scheme = Some(Piece {
                    start: head.target.start,
                    end: at,
                });
                State::SchemeColon
            }
            b'+' | b'-' | b'.' => State::Scheme,
            _ if byte.is_ascii_alphanumeric() => State::Scheme,
            _ => return Err(Bad::Request),
        },
        State::SchemeColon if byte == b'/' => State::SchemeSlash,
        State::SchemeSlash if byte == b'/' => State::HostStart,
        State::SchemeColon | State::SchemeSlash => return Err(Bad::Request),
        State::BeforeHost if byte == b' ' => State::BeforeHost,
        State::BeforeHost
        | State::HostStart
        | State::Host
        | State::HostLiteral
        | State::HostEnd
        | State::PortStart
        | State::Port => authority_byte(head, state, byte, at)?,
        State::Path => match byte {
            b' ' => {
                end_target(head, at);
                State::AfterTarget
            }
            b'\r' | b'\n' => {
                end_target(head, at);
                return Ok(line_end(head, byte, at));
            }
            0..0x20 | 0x7f => return Err(Bad::Request),
            _ => State::Path,
        },
        State::AfterTarget => match byte {
            b' ' => State::AfterTarget,
            b'H' => {
                head.version_text.start = at;
                State::Http(1)
            }
            b'\r' | b'\n' => return Ok(line_end(head, byte, at)),
            _ => return Err(Bad::Request),
        },
        State::Http(seen) => match (seen, byte) {
            (1 | 2, b'T') | (3, b'P') => State::Http(seen + 1),
            (4, b'/') => State::Major,
            _ => return Err(Bad::Request),
        },
        State::Major => match byte {
            b'1' => State::MajorEnd,
            b'2'..=b'9' => return Err(Bad::Version),
            _ => return Err(Bad::Request),
        },
        State::MajorEnd => match byte {
            b'.' => State::Minor,
            b'0'..=b'9' => return Err(Bad::Version),
            _ => return Err(Bad::Request),
        },
        State::Minor if byte.is_ascii_digit() => {
            head.scan.minor = u16::from(byte - b'0');
            State::MinorEnd
        }
        State::Minor => return Err(Bad::Request),
        State::MinorEnd if byte.is_ascii_digit() && head.scan.minor <= 99 => {
            head.scan.minor = head.scan.minor * 10 + u16::from(byte - b'0');
            State::MinorEnd
        }
        State::MinorEnd | State::AfterVersion => match byte {
            b' ' => State::AfterVersion,
            b'\r' | b'\n' => return Ok(line_end(head, byte, at)),
            _ => return Err(Bad::Request),
        },
        State::LineFeed if byte == b'\n' => return Ok(None),
        State::LineFeed => return Err(Bad::Request),
    };
    Ok(Some(next))
}

/// nginx takes capital letters, `_` and `-`, and no other token characters.
fn method_byte(byte: u8) -> Result<State, Bad> {
    if is_method_byte(byte) {
        Ok(State::Method)
    } else {
        Err(Bad::Method)
    }
}

/// Whether nginx takes the byte in a method.
pub fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'_' || byte == b'-'
}

/// Host and port. Here only letters, digits, dots and dashes: what else a Host field may hold is refused in a target.
fn authority_byte(head: &mut Head, state: State, byte: u8, at: u32) -> Result<State, Bad> {
    let connect = head.method == Method::Connect;
    if matches!(state, State::BeforeHost | State::HostStart) {
        head.authority = Some(Piece { start: at, end: at });
        if connect {
            head.target.start = at;
        }
        if byte == b'[' {
            return Ok(State::HostLiteral);
        }
    }
    match state {
        State::HostLiteral => {
            return match byte {
                b']' => Ok(State::HostEnd),
                b':' => Ok(state),
                _ if is_literal_byte(byte) => Ok(state),
                _ => Err(Bad::Request),
            };
        }
        State::HostEnd if byte == b':' => return Ok(State::PortStart),
        State::PortStart | State::Port if byte.is_ascii_digit() => return Ok(State::Port),
        State::PortStart if connect => return Err(Bad::Request),
        State::HostEnd | State::PortStart | State::Port => {}
        _ if byte == b':' => return Ok(State::PortStart),
        _ if byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-' => {
            return Ok(State::Host);
        }
        _ => {}
    }
    if let Some(authority) = &mut head.authority {
        authority.end = at;
    }
    head.path_query = Piece { start: at, end: at };
    match byte {
        b' ' if !connect || state == State::Port => {
            end_target(head, at);
            Ok(State::AfterTarget)
        }
        b'/' | b'?' if !connect => Ok(State::Path),
        _ => Err(Bad::Request),
    }
}

/// Bytes of an address in brackets: unreserved and sub-delims of RFC 3986.
fn is_literal_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

fn end_target(head: &mut Head, at: u32) {
    head.target.end = at;
    head.path_query.end = at;
}

fn line_end(head: &mut Head, byte: u8, at: u32) -> Option<State> {
    head.line.end = at;
    (byte == b'\r').then_some(State::LineFeed)
}

fn finish(head: &mut Head) -> Result<(), Bad> {
    if head.version_text.start == 0 {
        head.version = Version::Http09;
        return if head.method == Method::Get {
            Ok(())
        } else {
            Err(Bad::Method09)
        };
    }
    head.version_text.end = head.line.end;
    head.version = if head.scan.minor == 0 {
        Version::Http10
    } else {
        Version::Http11
    };
    Ok(())
}
