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
use std::sync::Arc;

/// The entry of a protocol's `*_param`: its prefix, and the place of the settings.
#[macro_export]
macro_rules! param_directive {
    ($prefix:literal, $at:path) => {
        $crate::config::directive::Directive::custom(
            concat!($prefix, "_param"),
            $crate::cycle::context::EVERYWHERE,
            $crate::config::directive::Args::Between(2, 3),
            |b, node| $crate::http::upstream::cgi::params::set(b, node, |b| &mut $at(b).params),
        )
        .syntax("name value [if_not_empty]")
        .default("HTTP_HOST $host$is_request_port$request_port")
        .doc(concat!(
            "A parameter of requests; one called HTTP_NAME takes the place of the client's header field. Inherited \
             only where a block has no ",
            $prefix,
            "_param of its own."
        ))
    };
}

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
    /// Appends what stands in front of a name of so many bytes.
    fn begin(length: usize, out: &mut Vec<u8>);

    /// Appends what stands between name and value.
    fn middle(out: &mut Vec<u8>);

    /// Completes a parameter that begins at `start` and whose value, the last thing in `out`, begins at `value`.
    fn close(out: &mut Vec<u8>, start: usize, value: usize);
}

/// All that is set, as its protocol writes it, and what of the client's header fields is not passed on.
#[derive(Default)]
pub struct Params {
    list: Box<[Piece]>,
    /// What is set, one by one, for whoever asks.
    set: Box<[Param]>,
    /// Names of fields as they stand behind `HTTP_`, in lower case.
    replaced: Box<[Box<[u8]>]>,
}

enum Piece {
    /// Parameters that are the same for every request.
    Fixed(Vec<u8>),
    /// One that is not: all that stands before its value.
    Computed {
        open: Box<[u8]>,
        value: Value,
        if_not_empty: bool,
    },
}

const PREFIX: &[u8] = b"HTTP_";

/// The host is sent as the server understood it, unless it is set.
const HOST: (&[u8], &[u8]) = (b"HTTP_HOST", b"$host$is_request_port$request_port");

impl Params {
    /// Puts what is set before nginx's default.
    pub fn build<P: Pair>(b: &mut Builder, set: &[Param]) -> Self {
        let (mut list, mut all, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
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
            add::<P>(&mut list, param);
            all.push(param.clone());
        }
        Params {
            list: list.into(),
            set: all.into(),
            replaced: replaced.into(),
        }
    }

    /// The value of a parameter, the last one of this name.
    pub fn value(&self, req: &Request, name: &[u8]) -> Option<Bytes> {
        let found = self.set.iter().rev().find(|param| param.name == name);
        found.map(|param| param.value.eval_bytes(req))
    }

    /// Appends all parameters of a request; those of the client's fields only if `fields`.
    pub fn write<P: Pair>(&self, req: &Request, fields: bool, out: &mut Vec<u8>) {
        if req.is_rehearsal() {
            self.tell_all(req);
        }
        for piece in &self.list {
            match piece {
                Piece::Fixed(text) => out.extend_from_slice(text),
                Piece::Computed {
                    open,
                    value,
                    if_not_empty,
                } => {
                    let start = out.len();
                    out.extend_from_slice(open);
                    let at = out.len();
                    value.write(req, out);
                    if *if_not_empty && out.len() == at {
                        out.truncate(start);
                    } else {
                        P::close(out, start, at);
                    }
                }
            }
        }
        if fields {
            self.write_fields::<P>(req, out);
        }
    }

    fn tell_all(&self, req: &Request) {
        for param in &self.set {
            let value = param.value.eval_bytes(req);
            if !(param.if_not_empty && value.is_empty()) {
                tell(req, || param.name.clone(), &value);
            }
        }
    }

    /// Fields of the same name become one parameter, their values joined.
    fn write_fields<P: Pair>(&self, req: &Request, out: &mut Vec<u8>) {
        let repeats = may_repeat(req);
        for (i, (known, field, value)) in req.head.iter().enumerate() {
            let is_same = |other: &[u8]| other.eq_ignore_ascii_case(field);
            let before = || req.head.iter().take(i).any(|(_, name, _)| is_same(name));
            if self.replaces(field) || (repeats && before()) {
                continue;
            }
            let start = out.len();
            P::begin(PREFIX.len() + field.len(), out);
            let name = out.len();
            out.extend_from_slice(PREFIX);
            out.extend(field.iter().map(|byte| match byte {
                b'-' => b'_',
                byte => byte.to_ascii_uppercase(),
            }));
            let name = name..out.len();
            P::middle(out);
            let value_start = out.len();
            out.extend_from_slice(value);
            if repeats {
                let separator = if known == Known::Cookie { b"; " } else { b", " };
                for (_, name, more) in req.head.iter().skip(i + 1) {
                    if is_same(name) {
                        out.extend_from_slice(separator);
                        out.extend_from_slice(more);
                    }
                }
            }
            let text = |range| out.get(range).unwrap_or_default();
            let name = || Bytes::copy_from_slice(text(name));
            tell(req, name, text(value_start..out.len()));
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

/// Tells a rehearsal of a parameter.
fn tell(req: &Request, name: impl FnOnce() -> Bytes, value: &[u8]) {
    req.trace(|| Event::Param {
        name: name(),
        value: value.to_vec(),
    });
}

/// Appends a parameter; what does not depend on the request becomes one text with what stands before it.
fn add<P: Pair>(list: &mut Vec<Piece>, param: &Param) {
    let mut text = Vec::new();
    P::begin(param.name.len(), &mut text);
    text.extend_from_slice(&param.name);
    P::middle(&mut text);
    let Some(value) = param.value.as_literal() else {
        list.push(Piece::Computed {
            open: text.into(),
            value: param.value.clone(),
            if_not_empty: param.if_not_empty,
        });
        return;
    };
    if param.if_not_empty && value.is_empty() {
        return;
    }
    let at = text.len();
    text.extend_from_slice(value);
    P::close(&mut text, 0, at);
    match list.last_mut() {
        Some(Piece::Fixed(before)) => before.extend_from_slice(&text),
        _ => list.push(Piece::Fixed(text)),
    }
}

/// Whether two fields may have the same name. They rarely do, and looking for each name among all is slow.
fn may_repeat(req: &Request) -> bool {
    let (mut known_ones, mut others) = (0u128, 0u128);
    req.head.iter().any(|(known, name, _)| {
        let (seen, number) = match known {
            Known::Other => (&mut others, name.len()),
            known => (&mut known_ones, known as usize),
        };
        let bit = 1 << (number % 128);
        let again = *seen & bit != 0;
        *seen |= bit;
        again
    })
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
