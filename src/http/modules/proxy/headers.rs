//! `proxy_set_header`: the header fields of requests.

use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::value::Value;
use bytes::Bytes;
use std::sync::Arc;

/// All that is set, and what of the client's fields is not passed on.
pub struct Headers {
    /// `Host`, if it is set.
    pub host: Option<Value>,
    /// The others, in the order in which they are sent.
    pub fields: Box<[Set]>,
    replaced: Names,
}

/// A field that is set.
pub enum Set {
    /// The whole line.
    Line(Bytes),
    /// A name with `: ` behind it, and a value; nothing is sent if the value is empty.
    Value(Bytes, Value),
    /// `Content-Length` with what is known of the body.
    ContentLength,
    /// `Transfer-Encoding: chunked`, if the body's length is not known.
    TransferEncoding,
}

/// What is sent unless it is set: nothing, but for the framing of the body.
const DEFAULTS: &[&str] = &[
    "Host",
    "Connection",
    "Proxy-Connection",
    "Content-Length",
    "Transfer-Encoding",
    "TE",
    "Keep-Alive",
    "Expect",
    "Upgrade",
];

impl Headers {
    /// Puts what is set before nginx's defaults.
    pub fn build(set: &[(Bytes, Value)]) -> Self {
        let (mut host, mut fields, mut replaced) = (None, Vec::new(), Names::default());
        for (name, value) in set {
            replaced.add(name);
            if name.eq_ignore_ascii_case(b"host") {
                host = Some(value.clone());
                continue;
            }
            let mut start = name.to_vec();
            start.extend_from_slice(b": ");
            match value.as_literal() {
                Some(b"") => {}
                Some(text) => {
                    start.extend_from_slice(text);
                    start.extend_from_slice(b"\r\n");
                    fields.push(Set::Line(start.into()));
                }
                None => fields.push(Set::Value(start.into(), value.clone())),
            }
        }
        for name in DEFAULTS {
            if set
                .iter()
                .any(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
            {
                continue;
            }
            replaced.add(name.as_bytes());
            match *name {
                "Content-Length" => fields.push(Set::ContentLength),
                "Transfer-Encoding" => fields.push(Set::TransferEncoding),
                _ => {}
            }
        }
        Headers {
            host,
            fields: fields.into(),
            replaced,
        }
    }

    /// Whether a field of the client's is not passed on, since it is set or left out.
    pub fn replaces(&self, known: Known, name: &[u8]) -> bool {
        self.replaced.has(known, name)
    }
}

/// A set of field names.
#[derive(Default)]
struct Names {
    known: Vec<Known>,
    /// One bit for each of `known`, looked at first.
    bits: u128,
    others: Vec<Bytes>,
}

impl Names {
    fn add(&mut self, name: &[u8]) {
        match Known::of(name) {
            Known::Other => self.others.push(Bytes::copy_from_slice(name)),
            known => match 1u128.checked_shl(known as u32) {
                Some(bit) => self.bits |= bit,
                None => self.known.push(known),
            },
        }
    }

    fn has(&self, known: Known, name: &[u8]) -> bool {
        if known == Known::Other {
            return self.others.iter().any(|n| n.eq_ignore_ascii_case(name));
        }
        match 1u128.checked_shl(known as u32) {
            Some(bit) => self.bits & bit != 0,
            None => self.known.contains(&known),
        }
    }
}

/// The setter.
pub fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let (Some(name), Some(value)) = (node.arg(0), node.arg(1)) else {
        return Ok(());
    };
    let pair = (name.text.clone(), Value::compile_inherited(b, value)?);
    let headers = b.http.here().proxy().headers.get_or_insert_default();
    Arc::make_mut(headers).push(pair);
    Ok(())
}

/// Appends a value. What would end the line does not get into it, wherever it comes from.
pub fn write_value(value: &Value, req: &Request, out: &mut Vec<u8>) {
    let start = out.len();
    value.write(req, out);
    for byte in out.get_mut(start..).unwrap_or_default() {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}
