//! nginx's headers filter: `add_header`, `add_trailer`, `expires`.

mod expires;

use crate::config::directive::{Args, Directive};
use crate::config::span::Span;
use crate::config::tree::Node;
use crate::cycle::context::{HTTP, LOCATION, LOCATION_IF, SERVER};
use crate::cycle::{Builder, invalid_parameter};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::date;
use crate::http::request::Request;
use crate::http::response::{Field, Own, Response};
use crate::http::trace::Event;
use crate::http::value::Value;
use bytes::Bytes;
use expires::Expires;

/// One `add_header` or `add_trailer`.
#[derive(Clone)]
struct Added {
    name: Bytes,
    value: Value,
    always: bool,
    special: Special,
    /// Where it stands.
    at: Span,
}

/// Names that are not simply added.
#[derive(Clone, Copy, PartialEq)]
enum Special {
    No,
    LastModified,
    ETag,
}

/// How a level relates to the lines of the one around it (`add_header_inherit`).
const INHERIT: &[&str] = &["off", "on", "merge"];
const OFF: usize = 0;
const ON: usize = 1;
const MERGE: usize = 2;

/// Settings as written.
#[derive(Clone, Default)]
pub struct HeadersRaw {
    expires: Option<Expires>,
    headers: Vec<Added>,
    trailers: Vec<Added>,
    headers_inherit: Option<usize>,
    trailers_inherit: Option<usize>,
}

/// Settings in force.
pub struct HeadersConf {
    expires: Option<Expires>,
    headers: Box<[Added]>,
    trailers: Box<[Added]>,
}

impl Settings for HeadersRaw {
    type Conf = HeadersConf;

    fn inherit(&mut self, parent: &Self, _kind: &BlockKind) {
        if self.expires.is_none() {
            self.expires.clone_from(&parent.expires);
        }
        self.headers_inherit = self.headers_inherit.or(parent.headers_inherit);
        self.trailers_inherit = self.trailers_inherit.or(parent.trailers_inherit);
        inherit_lines(&mut self.headers, &parent.headers, self.headers_inherit);
        inherit_lines(&mut self.trailers, &parent.trailers, self.trailers_inherit);
    }

    fn has_private(&self) -> bool {
        let off = Some(OFF);
        (self.headers_inherit == off && !self.headers.is_empty())
            || (self.trailers_inherit == off && !self.trailers.is_empty())
    }

    fn build(&self, _b: &mut Builder) -> HeadersConf {
        HeadersConf {
            expires: self.expires.clone().filter(|e| !e.is_off()),
            headers: self.headers.clone().into(),
            trailers: self.trailers.clone().into(),
        }
    }
}

fn inherit_lines(own: &mut Vec<Added>, parent: &[Added], inherit: Option<usize>) {
    let inherit = inherit.unwrap_or(ON);
    if inherit == MERGE || (inherit != OFF && own.is_empty()) {
        own.extend_from_slice(parent);
    }
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("expires", CONTEXTS, Args::Between(1, 2), set_expires)
        .syntax("[modified] time | epoch | max | off")
        .default("off")
        .doc("Adds the fields Expires and Cache-Control to answers of success or redirection."),
    D::custom("add_header", CONTEXTS, Args::Between(2, 3), set_header)
        .syntax("name value [always]")
        .doc("Adds a field to the head of answers of success or redirection, with always to all."),
    D::custom("add_trailer", CONTEXTS, Args::Between(2, 3), set_trailer)
        .syntax("name value [always]")
        .doc("Adds a field behind the body of answers that are sent in chunks."),
    D::choice("add_header_inherit", CONTEXTS, INHERIT, |b| {
        &mut b.http.here().headers().headers_inherit
    })
    .syntax("off | on | merge")
    .default("on")
    .doc("Whether the add_header lines of the level above hold where there are none (on), also hold beside those that are there (merge), or do not hold (off)."),
    D::choice("add_trailer_inherit", CONTEXTS, INHERIT, |b| {
        &mut b.http.here().headers().trailers_inherit
    })
    .syntax("off | on | merge")
    .default("on")
    .doc("The same for add_trailer."),
];

const CONTEXTS: crate::config::directive::Contexts =
    crate::config::directive::Contexts(HTTP.0 | SERVER.0 | LOCATION.0 | LOCATION_IF.0);

fn set_expires(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().headers().expires.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let parsed = match node.args.as_slice() {
        [value] => Expires::compile(b, value, false),
        [modified, value] if modified.text == "modified" => Expires::compile(b, value, true),
        [other, ..] => {
            let mut d = node.fault("invalid value");
            d.labels = vec![(
                other.span,
                String::from("\"modified\" is the only word here"),
            )];
            return Err(d);
        }
        [] => return Ok(()),
    }?;
    let expires = parsed.map_err(|why| node.fault(why))?;
    b.http.here().headers().expires = Some(expires);
    Ok(())
}

fn set_header(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let mut added = compile(b, node)?;
    if added.name.eq_ignore_ascii_case(b"Last-Modified") {
        added.special = Special::LastModified;
    } else if added.name.eq_ignore_ascii_case(b"ETag") {
        added.special = Special::ETag;
    }
    b.http.here().headers().headers.push(added);
    Ok(())
}

fn set_trailer(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let added = compile(b, node)?;
    b.http.here().headers().trailers.push(added);
    Ok(())
}

fn compile(b: &mut Builder, node: &Node) -> Result<Added, Diagnostic> {
    let (Some(name), Some(value)) = (node.arg(0), node.arg(1)) else {
        return Err(node.fault("is invalid"));
    };
    let value = Value::compile(b, value)?;
    if let Some(word) = node.arg(2)
        && word.text != "always"
    {
        return Err(invalid_parameter(word));
    }
    Ok(Added {
        name: name.text.clone(),
        value,
        always: node.args.len() > 2,
        special: Special::No,
        at: node.name.span,
    })
}

/// Adds what the location says.
pub fn head(req: &mut Request, conf: &HeadersConf) {
    let nothing = conf.expires.is_none() && conf.headers.is_empty() && conf.trailers.is_empty();
    if nothing || req.depth > 0 {
        return;
    }
    let safe = is_safe(req.response.status);
    if let Some(expires) = &conf.expires
        && safe
    {
        expires.apply(req);
    }
    for added in conf.headers.iter() {
        let value = (safe || added.always).then(|| added.value.eval_bytes(req));
        req.trace(|| Event::AddsHeader {
            at: added.at,
            name: added.name.clone(),
            value: value.clone(),
        });
        let Some(value) = value else { continue };
        set(&mut req.response, added, value);
    }
    // Whether there will be trailers decides on the framing, so it must be known now; their values are only
    // computed behind the body.
    req.response.want_trailers |= conf.trailers.iter().any(|a| safe || a.always);
}

/// Computes the trailer fields of an answer whose body has been sent.
pub fn trailers(req: &mut Request, conf: &HeadersConf) {
    let safe = is_safe(req.response.status);
    for added in conf.trailers.iter().filter(|a| safe || a.always) {
        let value = added.value.eval_bytes(req);
        if !value.is_empty() {
            let name = added.name.clone();
            req.response.trailers.push(Field::new(name, value));
        }
    }
}

/// Whether fields without `always` are added to answers of this status.
fn is_safe(status: u16) -> bool {
    matches!(
        status,
        200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308
    )
}

fn set(response: &mut Response, added: &Added, value: Bytes) {
    let value = Some(value).filter(|v| !v.is_empty());
    match (added.special, value) {
        (Special::ETag, value) => {
            if value.is_some() {
                response.place(Own::Etag, added.name.clone());
            }
            response.etag = value;
        }
        (Special::LastModified, value) => {
            response.last_modified = value.as_deref().and_then(date::parse_http_time);
            if value.is_some() {
                response.place(Own::LastModified, added.name.clone());
            }
            response.last_modified_text = value;
        }
        (Special::No, Some(value)) => response.push_named(added.name.clone(), value),
        (Special::No, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::span::SourceId;

    fn added(name: &'static str, special: Special) -> Added {
        Added {
            name: Bytes::from_static(name.as_bytes()),
            value: Value::default(),
            always: false,
            special,
            at: Span {
                source: SourceId(0),
                start: 0,
                end: 0,
            },
        }
    }

    #[test]
    fn lines_are_inherited_as_told() {
        let parent = [added("a", Special::No)];
        let names = |own: &[Added], inherit| {
            let mut own = own.to_vec();
            inherit_lines(&mut own, &parent, inherit);
            own.iter()
                .map(|a| String::from_utf8_lossy(&a.name).into_owned())
                .collect::<String>()
        };
        let own = [added("b", Special::No)];
        assert_eq!(names(&[], None), "a");
        assert_eq!(names(&own, None), "b");
        assert_eq!(names(&own, Some(MERGE)), "ba");
        assert_eq!(names(&[], Some(OFF)), "");
    }

    #[test]
    fn validators_are_replaced_not_added() {
        let mut r = Response {
            etag: Some(Bytes::from_static(b"\"x\"")),
            last_modified: Some(5),
            ..Response::default()
        };
        set(
            &mut r,
            &added("ETag", Special::ETag),
            Bytes::from_static(b"\"y\""),
        );
        assert_eq!(r.etag.as_deref(), Some(&b"\"y\""[..]));
        set(&mut r, &added("etag", Special::ETag), Bytes::new());
        set(&mut r, &added("X", Special::No), Bytes::new());
        set(
            &mut r,
            &added("Last-Modified", Special::LastModified),
            Bytes::new(),
        );
        assert_eq!((r.etag, r.last_modified, r.fields.len()), (None, None, 1));
        assert!(r.fields.iter().all(|f| f.own == Some(Own::Etag)));
    }
}
