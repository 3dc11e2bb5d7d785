//! `log_format`: compiled once, written per request.

use crate::config::directive::{Args, Directive};
use crate::config::span::Span;
use crate::config::tree::{Node, Word};
use crate::cycle::Builder;
use crate::cycle::context::HTTP;
use crate::decimal;
use crate::diagnostic::Diagnostic;
use crate::http::escape::escape_json;
use crate::http::head::Version;
use crate::http::request::Request;
use crate::http::scan;
use crate::http::variable::VarId;
use bytes::Bytes;
use std::sync::Arc;

/// The directive.
pub(super) const DIRECTIVE: Directive<Builder> =
    Directive::custom("log_format", HTTP, Args::AtLeast(2), set_format)
        .syntax("name [escape=default | json | none] string ...")
        .default("combined \"...\"")
        .doc("What a line of an access log consists of. The strings are joined.");

/// A compiled format.
pub struct Format {
    escape: Escape,
    parts: Vec<Part>,
}

/// What happens to values of variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    /// `\xXX` for what could be mistaken for the end of a field or does harm to a terminal.
    Default,
    /// As the inside of a JSON string.
    Json,
    /// Nothing.
    None,
}

/// A piece of a line. Those that are no text and no variable are written without going through the variable of
/// their name: they are what most lines consist of, and none of them needs an escape.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(Bytes),
    Var(VarId),
    Pipe,
    TimeLocal,
    TimeIso8601,
    Msec,
    RequestTime,
    Status,
    BytesSent,
    BodyBytesSent,
    RequestLength,
}

const COMBINED: &[u8] =
    b"$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
    \"$http_referer\" \"$http_user_agent\"";

/// The predefined format.
pub(super) fn combined(b: &mut Builder) -> Arc<Format> {
    if let Some(format) = &b.http.log.combined {
        return Arc::clone(format);
    }
    let mut format = Format::new(Escape::Default);
    // There is nothing in it to be wrong.
    let _ = format.compile(b, &Bytes::from_static(COMBINED), None);
    let format = Arc::new(format);
    b.http.log.combined = Some(Arc::clone(&format));
    format
}

/// The format of a name, which must have been defined before.
pub(super) fn find(b: &mut Builder, name: &[u8]) -> Option<Arc<Format>> {
    if name.eq_ignore_ascii_case(b"combined") {
        return Some(combined(b));
    }
    let mut formats = b.http.log.formats.iter();
    let (_, format) = formats.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(Arc::clone(format))
}

fn set_format(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let name = node.arg(0).unwrap_or(&node.name);
    let mut known = b.http.log.formats.iter().map(|(known, _)| &**known);
    if known.any(|known| known == &*name.text) || &*name.text == b"combined" {
        let message = format!("duplicate \"log_format\" name \"{}\"", name.str());
        return Err(node.error_at(name, message));
    }
    let mut strings = node.args.iter().skip(1).peekable();
    let escape = match strings.next_if(|word| word.text.starts_with(b"escape=")) {
        Some(word) => escape(node, word)?,
        None => Escape::Default,
    };
    let mut format = Format::new(escape);
    for word in strings {
        let compiled = format.compile(b, &word.text, Some(word.span));
        compiled.map_err(|message| node.error_at(word, message))?;
    }
    b.http
        .log
        .formats
        .push((name.text.clone(), Arc::new(format)));
    Ok(())
}

fn escape(node: &Node, word: &Word) -> Result<Escape, Diagnostic> {
    match crate::cycle::parameter(word, "escape").unwrap_or_default() {
        b"default" => Ok(Escape::Default),
        b"json" => Ok(Escape::Json),
        b"none" => Ok(Escape::None),
        other => {
            let other = String::from_utf8_lossy(other).into_owned();
            Err(node
                .error_at(word, format!("unknown log format escaping \"{other}\""))
                .help("it must be default, json or none"))
        }
    }
}

impl Format {
    fn new(escape: Escape) -> Format {
        Format {
            escape,
            parts: Vec::new(),
        }
    }

    /// Adds what a string says; the error is nginx's sentence.
    fn compile(
        &mut self,
        b: &mut Builder,
        text: &Bytes,
        place: Option<Span>,
    ) -> Result<(), String> {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.first() != Some(&b'$') {
                let length = memchr::memchr(b'$', rest).unwrap_or(rest.len());
                self.parts.push(Part::Text(text.slice(at..at + length)));
                at += length;
                continue;
            }
            let (name, length) = variable_name(rest)?;
            self.parts.push(Part::of(b, name, place));
            at += length;
        }
        Ok(())
    }

    /// Appends the line without its end.
    pub fn write(&self, req: &Request, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Var(id) => self.write_variable(req, *id, out),
                Part::Pipe => out.push(if req.pipelined { b'p' } else { b'.' }),
                Part::TimeLocal => crate::clock::texts(|t| out.extend_from_slice(&t.local)),
                Part::TimeIso8601 => crate::clock::texts(|t| out.extend_from_slice(&t.iso8601)),
                Part::Msec => {
                    let now = crate::clock::unix_time();
                    seconds(out, now.as_secs(), u64::from(now.subsec_millis()));
                }
                Part::RequestTime => {
                    let ms = crate::clock::monotonic_ms().saturating_sub(req.started_ms);
                    seconds(out, ms / 1000, ms % 1000);
                }
                Part::Status => padded(out, u64::from(status(req))),
                Part::BytesSent => decimal::append(req.bytes_sent.get(), out),
                Part::BodyBytesSent => decimal::append(req.body_bytes_sent.get(), out),
                Part::RequestLength => decimal::append(req.request_length.get(), out),
            }
        }
    }

    fn write_variable(&self, req: &Request, id: VarId, out: &mut Vec<u8>) {
        let start = out.len();
        if !req.variable(id, out) {
            out.truncate(start);
            if self.escape == Escape::Default {
                out.push(b'-');
            }
            return;
        }
        let harmful = match self.escape {
            Escape::None => return,
            Escape::Default => needs_hex,
            Escape::Json => |c: u8| c < b' ' || c == b'"' || c == b'\\',
        };
        let value = out.get(start..).unwrap_or_default();
        if !scan::may_need_escape(value) {
            return;
        }
        let Some(first) = value.iter().position(|c| harmful(*c)) else {
            return;
        };
        let rest = out.split_off(start + first);
        match self.escape {
            Escape::Json => escape_json(&rest, out),
            _ => escape_hex(&rest, out),
        }
    }
}

impl Part {
    fn of(b: &mut Builder, name: &[u8], place: Option<Span>) -> Part {
        match name {
            b"pipe" => Part::Pipe,
            b"time_local" => Part::TimeLocal,
            b"time_iso8601" => Part::TimeIso8601,
            b"msec" => Part::Msec,
            b"request_time" => Part::RequestTime,
            b"status" => Part::Status,
            b"bytes_sent" => Part::BytesSent,
            b"body_bytes_sent" => Part::BodyBytesSent,
            b"request_length" => Part::RequestLength,
            _ => Part::Var(b.http.variables.reference(name, place)),
        }
    }
}

/// Reads `$name` or `${name}`; returns the name and the length of all of it.
fn variable_name(text: &[u8]) -> Result<(&[u8], usize), String> {
    let invalid = || format!("invalid parameter \"{}\"", String::from_utf8_lossy(text));
    let bracket = text.get(1) == Some(&b'{');
    let start = if bracket { 2 } else { 1 };
    let rest = text.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or_else(invalid)?;
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
    let length = rest.iter().take_while(|c| is_name(c)).count();
    let name = rest.get(..length).unwrap_or_default();
    if bracket && rest.get(length) != Some(&b'}') {
        let name = String::from_utf8_lossy(name);
        return Err(format!(
            "the closing bracket in \"{name}\" variable is missing"
        ));
    }
    match length {
        0 => Err(invalid()),
        _ => Ok((name, start + length + usize::from(bracket))),
    }
}

/// The status as a log shows it: that which an error page stands for rather than that of the page.
fn status(req: &Request) -> u16 {
    match (req.error_status, req.response.status) {
        (0, 0) if req.head.version == Version::Http09 => 9,
        (0, status) => status,
        (status, _) => status,
    }
}

fn needs_hex(c: u8) -> bool {
    !(b' '..=b'~').contains(&c) || c == b'"' || c == b'\\'
}

fn escape_hex(text: &[u8], out: &mut Vec<u8>) {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'A' + n - 10 };
    for &c in text {
        match needs_hex(c) {
            true => out.extend_from_slice(&[b'\\', b'x', digit(c >> 4), digit(c & 15)]),
            false => out.push(c),
        }
    }
}

fn seconds(out: &mut Vec<u8>, seconds: u64, ms: u64) {
    decimal::append(seconds, out);
    out.push(b'.');
    padded(out, ms);
}

/// At least three digits.
fn padded(out: &mut Vec<u8>, n: u64) {
    if n < 100 {
        out.push(b'0');
    }
    if n < 10 {
        out.push(b'0');
    }
    decimal::append(n, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_decimal() {
        assert_eq!(written(|out| decimal::append(0, out)), "0");
        assert_eq!(
            written(|out| decimal::append(u64::MAX, out)),
            u64::MAX.to_string()
        );
        assert_eq!(written(|out| padded(out, 9)), "009");
        assert_eq!(written(|out| padded(out, 1404)), "1404");
        assert_eq!(written(|out| seconds(out, 12, 34)), "12.034");
    }

    #[test]
    fn what_could_harm_is_escaped() {
        let text = written(|out| escape_hex(b"a\"b\\c\x00\x1f~\x7f\xe9", out));
        assert_eq!(text, "a\\x22b\\x5Cc\\x00\\x1F~\\x7F\\xE9");
    }

    #[test]
    fn names_end_where_nginx_ends_them() {
        assert_eq!(variable_name(b"$a_1-b"), Ok((&b"a_1"[..], 4)));
        assert_eq!(variable_name(b"${a}b"), Ok((&b"a"[..], 4)));
        let error = |text| variable_name(text).unwrap_err();
        assert_eq!(error(b"$ x"), "invalid parameter \"$ x\"");
        assert_eq!(error(b"${"), "invalid parameter \"${\"");
        assert_eq!(
            error(b"${ab"),
            "the closing bracket in \"ab\" variable is missing"
        );
    }
}
