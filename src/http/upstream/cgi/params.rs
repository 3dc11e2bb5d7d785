//! The parameters of a request: those of `*_param`, then the client's header fields as `HTTP_*`.

use crate::config::span::{SourceId, Span};
use crate::config::tree::{Node, Word};
use crate::cycle::{Builder, invalid_parameter};
use crate::diagnostic::Diagnostic;
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::trace::Event;
use crate::http::value::Value;
use bytes::Bytes;
use smallvec::SmallVec;
use std::sync::Arc;

/// One `*_param`.
#[derive(Clone, Debug)]
pub struct Param {
    name: Bytes,
    value: Value,
    /// Whether it is left out if its value is empty.
    if_not_empty: bool,
}

/// How a protocol writes a parameter.
pub trait Pair {
    /// Appends the name and all that stands before the value.
    fn open(name: &[u8], out: &mut Vec<u8>);

    /// Completes a parameter that begins at `start` and whose value, the last thing in `out`, begins at `value`.
    fn close(out: &mut Vec<u8>, start: usize, value: usize);
}

/// All that is set, and what of the client's header fields is not passed on.
#[derive(Default)]
pub struct Params {
    list: Box<[Param]>,
    /// Names of fields as they stand behind `HTTP_`, in lower case.
    replaced: Box<[Box<[u8]>]>,
}

const PREFIX: &[u8] = b"HTTP_";

/// The host is sent as the server understood it, unless it is set.
const HOST: (&[u8], &[u8]) = (b"HTTP_HOST", b"$host$is_request_port$request_port");

impl Params {
    /// Puts what is set before nginx's default.
    pub fn build(b: &mut Builder, set: &[Param]) -> Self {
        let (mut list, mut replaced) = (Vec::new(), Vec::new());
        let default = (!set
            .iter()
            .any(|param| param.name.eq_ignore_ascii_case(HOST.0)))
        .then(|| default_host(b));
        for param in set.iter().chain(&default) {
            if let Some(field) = param.name.strip_prefix(PREFIX).filter(|f| !f.is_empty()) {
                replaced.push(field.to_ascii_lowercase().into());
                if param.value.as_literal() == Some(b"") {
                    continue;
                }
            }
            list.push(param.clone());
        }
        Params {
            list: list.into(),
            replaced: replaced.into(),
        }
    }

    /// The value of a parameter, the last one of this name.
    pub fn value(&self, req: &Request, name: &[u8]) -> Option<Bytes> {
        let found = self.list.iter().rev().find(|param| param.name == name);
        found.map(|param| param.value.eval_bytes(req))
    }

    /// Appends all parameters of a request; those of the client's fields only if `fields`.
    pub fn write<P: Pair>(&self, req: &Request, fields: bool, out: &mut Vec<u8>) {
        for param in &self.list {
            let start = out.len();
            P::open(&param.name, out);
            let value = out.len();
            param.value.write(req, out);
            if param.if_not_empty && out.len() == value {
                out.truncate(start);
            } else {
                tell(req, &param.name, out, value);
                P::close(out, start, value);
            }
        }
        if fields {
            self.write_fields::<P>(req, out);
        }
    }

    /// Fields of the same name become one parameter, their values joined.
    fn write_fields<P: Pair>(&self, req: &Request, out: &mut Vec<u8>) {
        let mut name = SmallVec::<[u8; 64]>::new();
        for (i, (known, field, value)) in req.head.iter().enumerate() {
            let is_same = |other: &[u8]| other.eq_ignore_ascii_case(field);
            if self.replaces(field) || req.head.iter().take(i).any(|(_, name, _)| is_same(name)) {
                continue;
            }
            name.clear();
            name.extend_from_slice(PREFIX);
            name.extend(field.iter().map(|byte| match byte {
                b'-' => b'_',
                byte => byte.to_ascii_uppercase(),
            }));
            let start = out.len();
            P::open(&name, out);
            let value_start = out.len();
            out.extend_from_slice(value);
            let separator = if known == Known::Cookie { b"; " } else { b", " };
            for (_, name, more) in req.head.iter().skip(i + 1) {
                if is_same(name) {
                    out.extend_from_slice(separator);
                    out.extend_from_slice(more);
                }
            }
            tell(req, &name, out, value_start);
            P::close(out, start, value_start);
        }
    }

    /// Whether a field of the client's is not passed on, since a parameter stands for it.
    fn replaces(&self, field: &[u8]) -> bool {
        self.replaced.iter().any(|name| {
            name.len() == field.len()
                && name.iter().zip(field).all(|(have, byte)| match byte {
                    b'-' => *have == b'_',
                    byte => *have == byte.to_ascii_lowercase(),
                })
        })
    }
}

/// Tells a rehearsal of a parameter whose value begins at `value`.
fn tell(req: &Request, name: &[u8], out: &[u8], value: usize) {
    req.trace(|| Event::Param {
        name: Bytes::copy_from_slice(name),
        value: out.get(value..).unwrap_or_default().to_vec(),
    });
}

fn default_host(b: &mut Builder) -> Param {
    let nowhere = Span {
        source: SourceId(0),
        start: 0,
        end: 0,
    };
    let word = Word {
        text: Bytes::from_static(HOST.1),
        span: nowhere,
        quoted: false,
    };
    Param {
        name: Bytes::from_static(HOST.0),
        value: Value::compile(b, &word).unwrap_or_default(),
        if_not_empty: true,
    }
}

/// `*_param name value [if_not_empty]`
///
/// # Errors
/// `invalid parameter "x"`, or a value that cannot be compiled.
pub fn set(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut Builder) -> &mut Option<Arc<Vec<Param>>>,
) -> Result<(), Diagnostic> {
    let (Some(name), Some(value)) = (node.arg(0), node.arg(1)) else {
        return Ok(());
    };
    let if_not_empty = match node.arg(2) {
        None => false,
        Some(word) if word.text == "if_not_empty" => true,
        Some(word) => return Err(invalid_parameter(word)),
    };
    let param = Param {
        name: name.text.clone(),
        value: Value::compile_inherited(b, value)?,
        if_not_empty,
    };
    Arc::make_mut(field(b).get_or_insert_default()).push(param);
    Ok(())
}
