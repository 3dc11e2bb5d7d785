//! nginx's charset filter: names the charset of texts, and recodes them.

mod map;
mod recode;

use crate::config::directive::{Args, Contexts, Directive};
use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::{EVERYWHERE, HTTP, LOCATION_IF};
use crate::diagnostic::Diagnostic;
use crate::http::body::Body;
use crate::http::conf::{BlockKind, Settings};
use crate::http::mime_types::MimeTypes;
use crate::http::request::Request;
use crate::http::value::Value;
use crate::log::{self, Level};
use bytes::Bytes;
use map::Map;
use recode::Recoder;
use std::sync::Arc;

/// Settings as written.
#[derive(Clone, Default)]
pub struct CharsetRaw {
    charset: Option<Charset>,
    source: Option<Charset>,
    override_upstream: Option<bool>,
    types: Option<MimeTypes>,
}

/// Settings in force.
pub struct CharsetConf {
    charset: Charset,
    source: Charset,
    override_upstream: bool,
    types: MimeTypes,
}

/// `off`, or a name, which may come from a variable.
#[derive(Clone, Default)]
enum Charset {
    #[default]
    Off,
    Name(Value),
}

/// All `charset_map`s while they are collected, and the pairs of charsets that need one.
#[derive(Default)]
pub struct CharsetBuilder {
    maps: Vec<Arc<Map>>,
    needed: Vec<(Bytes, Bytes)>,
    names: Vec<Bytes>,
}

/// All `charset_map`s, and the names of the charsets that the configuration knows.
#[derive(Default)]
pub struct CharsetMain {
    maps: Vec<Arc<Map>>,
    names: Vec<Bytes>,
}

/// That the body is to be recoded.
pub struct Recode {
    map: Arc<Map>,
    backwards: bool,
}

impl Settings for CharsetRaw {
    type Conf = CharsetConf;

    fn inherit(&mut self, parent: &Self, _kind: &BlockKind) {
        macro_rules! inherit {
            ($($field:ident)*) => { $(if self.$field.is_none() {
                self.$field.clone_from(&parent.$field);
            })* };
        }
        inherit!(charset source override_upstream types);
    }

    fn build(&self, b: &mut Builder) -> CharsetConf {
        let conf = CharsetConf {
            charset: self.charset.clone().unwrap_or_default(),
            source: self.source.clone().unwrap_or_default(),
            override_upstream: self.override_upstream.unwrap_or(false),
            types: self.types.clone().unwrap_or_else(default_types),
        };
        if let (Some(to), Some(from)) = (conf.charset.literal(), conf.source.literal())
            && !from.eq_ignore_ascii_case(&to)
        {
            b.http.charset.needed.push((from, to));
        }
        conf
    }
}

impl Charset {
    fn literal(&self) -> Option<Bytes> {
        match self {
            Charset::Off => None,
            Charset::Name(value) => value.to_literal(),
        }
    }
}

fn default_types() -> MimeTypes {
    MimeTypes::of(&[
        "text/html",
        "text/xml",
        "text/plain",
        "text/vnd.wap.wml",
        "application/javascript",
        "application/rss+xml",
    ])
}

const AND_IF: Contexts = Contexts(EVERYWHERE.0 | LOCATION_IF.0);

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("charset", AND_IF, Args::Exactly(1), set_charset)
        .syntax("charset | off")
        .default("off")
        .doc("The charset that the field Content-Type names. If it is another than source_charset, texts are recoded."),
    D::custom("source_charset", AND_IF, Args::Exactly(1), set_source)
        .syntax("charset")
        .doc("The charset that texts are in."),
    D::flag("override_charset", AND_IF, |b| {
        &mut b.http.here().charset().override_upstream
    })
    .default("off")
    .doc("Whether answers of upstreams that name their charset are recoded."),
    D::custom("charset_types", EVERYWHERE, Args::AtLeast(1), set_types)
        .syntax("mime-type ... | *")
        .default("text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml")
        .doc("The types that count as texts, besides text/html; * means all."),
    D::block("charset_map", HTTP, Args::Exactly(2), set_map)
        .syntax("charset1 charset2")
        .doc("How the bytes of one charset are written in another: lines of two codes in hexadecimal digits."),
];

fn set_charset(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    set(b, node, true)
}

fn set_source(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    set(b, node, false)
}

fn set(b: &mut Builder, node: &Node, destination: bool) -> Result<(), Diagnostic> {
    let field = |b: &mut Builder| -> Option<Charset> {
        let raw = b.http.here().charset();
        match destination {
            true => raw.charset.clone(),
            false => raw.source.clone(),
        }
    };
    if field(b).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    let value = match &word.text[..] {
        b"off" if destination => Charset::Off,
        [b'$'] => {
            return Err(node.error_at(word, "invalid variable name \"$\""));
        }
        [b'$', ..] => Charset::Name(Value::compile(b, word)?),
        _ => {
            b.http.charset.names.push(word.text.clone());
            Charset::Name(Value::literal(word.text.clone()))
        }
    };
    let raw = b.http.here().charset();
    match destination {
        true => raw.charset = Some(value),
        false => raw.source = Some(value),
    }
    Ok(())
}

fn set_types(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    MimeTypes::add(
        b,
        node,
        |b| &mut b.http.here().charset().types,
        &["text/html"],
    );
    Ok(())
}

fn set_map(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let map = map::read(b, node)?;
    let connects = |other: &Map, from: &[u8], to: &[u8]| {
        other.from.eq_ignore_ascii_case(from) && other.to.eq_ignore_ascii_case(to)
    };
    let known = &b.http.charset.maps;
    if known
        .iter()
        .any(|other| connects(other, &map.from, &map.to) || connects(other, &map.to, &map.from))
    {
        return Err(node.error(format!(
            "duplicate \"charset_map\" between \"{}\" and \"{}\"",
            String::from_utf8_lossy(&map.from),
            String::from_utf8_lossy(&map.to)
        )));
    }
    let names = [map.from.clone(), map.to.clone()];
    b.http.charset.names.extend(names);
    b.http.charset.maps.push(Arc::new(map));
    Ok(())
}

/// Fixes the maps, and complains where one is needed and missing.
pub fn finish(b: &mut Builder) -> CharsetMain {
    let CharsetBuilder {
        maps,
        needed,
        names,
    } = std::mem::take(&mut b.http.charset);
    let main = CharsetMain { maps, names };
    if let Some((from, to)) = needed.iter().find(|(f, t)| main.find(f, t).is_none()) {
        b.report(Diagnostic::new(no_map(from, to)));
    }
    main
}

fn no_map(from: &[u8], to: &[u8]) -> String {
    format!(
        "no \"charset_map\" between the charsets \"{}\" and \"{}\"",
        String::from_utf8_lossy(from),
        String::from_utf8_lossy(to)
    )
}

impl CharsetMain {
    fn knows(&self, charset: &[u8]) -> bool {
        self.names.iter().any(|n| n.eq_ignore_ascii_case(charset))
    }

    fn find(&self, from: &[u8], to: &[u8]) -> Option<Recode> {
        self.maps.iter().find_map(|map| {
            let goes = |a: &[u8], b: &[u8]| {
                map.from.eq_ignore_ascii_case(a) && map.to.eq_ignore_ascii_case(b)
            };
            let backwards = match (goes(from, to), goes(to, from)) {
                (true, _) => false,
                (_, true) => true,
                _ => return None,
            };
            Some(Recode {
                map: Arc::clone(map),
                backwards,
            })
        })
    }
}

/// Names the charset in the head, and decides whether to recode.
pub fn head(req: &mut Request, conf: &CharsetConf, main: &CharsetMain) -> Option<Recode> {
    if req.depth > 0 {
        return None;
    }
    let to = destination(req, conf, main)?;
    let from = match (&req.response.charset, &conf.source) {
        (Some(named), _) if !named.is_empty() => named.clone(),
        (_, Charset::Name(value)) => value.eval_bytes(req),
        (_, Charset::Off) => {
            name(req, to);
            return None;
        }
    };
    if from.eq_ignore_ascii_case(&to) {
        name(req, to);
        return None;
    }
    if req
        .response
        .content_encoding
        .as_ref()
        .is_some_and(|e| !e.is_empty())
    {
        return None;
    }
    let Some(recode) = main.find(&from, &to) else {
        let message = no_map(&from, &to);
        log::request(req, Level::Error, format_args!("{message}"));
        return None;
    };
    name(req, to);
    if recode.map.is_utf8() {
        req.response.content_length = None;
    }
    Some(recode)
}

/// The charset that the answer is to have, if it is to have one.
pub fn destination(req: &Request, conf: &CharsetConf, main: &CharsetMain) -> Option<Bytes> {
    let response = &req.response;
    let content_type = response.content_type.as_deref().filter(|t| !t.is_empty())?;
    if let Some(charset) = response.override_charset.as_ref().filter(|c| !c.is_empty()) {
        if !main.knows(charset) {
            let shown = String::from_utf8_lossy(charset);
            let action = req.answering();
            let message = format_args!("unknown charset \"{shown}\" to override{action}");
            log::request(req, Level::Error, message);
            return None;
        }
        return Some(charset.clone());
    }
    let Charset::Name(charset) = &conf.charset else {
        return None;
    };
    let wanted = match response.charset.as_ref().is_some_and(|c| !c.is_empty()) {
        true => conf.override_upstream,
        false => conf.types.contain(Some(content_type)),
    };
    wanted.then(|| charset.eval_bytes(req))
}

fn name(req: &mut Request, charset: Bytes) {
    // The next page may have another one.
    let redirect = matches!(req.response.status, 301 | 302);
    req.response
        .set_charset((!redirect && !charset.is_empty()).then_some(charset));
}

/// Recodes the body as it is sent.
pub fn body(req: &mut Request, recode: Recode) {
    let inner = std::mem::take(&mut req.response.body);
    let recoder = Recoder::new(inner.into_source(), recode.map, recode.backwards);
    req.response.body = Body::Stream(Box::new(recoder));
}
