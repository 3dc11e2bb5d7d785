//! nginx's referer: `$invalid_referer` says whether a request comes from a page of another site.

use crate::config::directive::{Args, Contexts, Directive};
use crate::config::span::Span;
use crate::config::table::Collector;
use crate::config::tree::{Node, Word};
use crate::cycle::Builder;
use crate::cycle::context::{LOCATION, SERVER};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, ServerId, Settings};
use crate::http::head::Known;
use crate::http::hostnames::{Hostnames, Refused};
use crate::http::regex::Regex;
use crate::http::request::Request;
use crate::http::router::ServerName;
use crate::http::variable::Variable;
use bytes::Bytes;
use std::sync::Arc;

/// Settings as written.
#[derive(Clone, Default)]
pub struct RefererRaw {
    /// What `valid_referers` says in this block or in one around it.
    valid: Option<Written>,
    /// The expressions, which a block without any takes over even if it names hosts.
    regexes: Option<Vec<Arc<Regex>>>,
    hash_max_size: Option<i64>,
    hash_bucket_size: Option<i64>,
}

/// Names with the path that the referer must begin with, if any.
type Names = Hostnames<Option<Bytes>>;

#[derive(Clone)]
struct Written {
    none: bool,
    blocked: bool,
    server_names: Option<ServerId>,
    names: Arc<Names>,
    /// Where the last line of it stands.
    span: Span,
}

/// Settings in force.
#[derive(Default)]
pub struct RefererConf {
    none: bool,
    blocked: bool,
    names: Arc<Names>,
    /// The expressions among the server's own names: they see the host.
    server_names: Vec<Arc<Regex>>,
    /// The others: they see everything behind the scheme.
    regexes: Vec<Arc<Regex>>,
}

const WHERE: Contexts = Contexts(SERVER.0 | LOCATION.0);

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("valid_referers", WHERE, Args::AtLeast(1), set)
        .syntax("none | blocked | server_names | string ...")
        .doc("The referers for which $invalid_referer is empty: none at all (none), one without a scheme (blocked), the \
              names of the server, host names with wildcards and perhaps a path, regular expressions."),
    Directive::number("referer_hash_max_size", WHERE, |b: &mut Builder| {
        &mut b.http.here().referer().hash_max_size
    })
    .syntax("size")
    .default("2048")
    .doc("Without effect: tables here size themselves."),
    Directive::number("referer_hash_bucket_size", WHERE, |b: &mut Builder| {
        &mut b.http.here().referer().hash_bucket_size
    })
    .syntax("size")
    .default("64")
    .doc("Without effect: tables here size themselves."),
];

/// `$invalid_referer`
pub static VARIABLES: &[Variable] = &[Variable::cached_weak("invalid_referer", |req, out| {
    let http = &req.http;
    if !req.location(http).referer.is_valid(req) {
        out.push(b'1');
    }
    true
})];

impl Settings for RefererRaw {
    type Conf = RefererConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        self.valid = self.valid.take().or_else(|| parent.valid.clone());
        self.regexes = self.regexes.take().or_else(|| parent.regexes.clone());
    }

    fn build(&self, b: &mut Builder) -> RefererConf {
        let regexes = self.regexes.clone().unwrap_or_default();
        let Some(valid) = &self.valid else {
            return RefererConf {
                regexes,
                ..RefererConf::default()
            };
        };
        let (mut names, mut server_names) = (Arc::clone(&valid.names), Vec::new());
        if let Some(server) = valid.server_names {
            let all = b.http.servers.get(server.0 as usize);
            let all = all.map_or(&[][..], |server| &server.names);
            match with_server_names(&names, all) {
                Ok(more) => (names, server_names) = (Arc::new(more.0), more.1),
                Err(message) => {
                    let mut d = Diagnostic::new(message).label(valid.span, "");
                    d.line = b.http.seen;
                    b.report(d);
                }
            }
        }
        if (valid.none || valid.blocked) && names.is_empty() {
            let message = "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive \
                           without any valid referer";
            b.report(Diagnostic::new(message).label(valid.span, ""));
        }
        RefererConf {
            none: valid.none,
            blocked: valid.blocked,
            names,
            server_names,
            regexes,
        }
    }
}

/// The names together with those of the server, and the regular expressions among these.
fn with_server_names(
    names: &Names,
    all: &[ServerName],
) -> Result<(Names, Vec<Arc<Regex>>), String> {
    let (mut names, mut regexes) = (names.clone(), Vec::new());
    if all.is_empty() {
        add(&mut names, &Bytes::new(), None)?;
    }
    for name in all {
        match &name.regex {
            Some(regex) => regexes.push(Arc::clone(regex)),
            None => add(&mut names, &name.name, None)?,
        }
    }
    Ok((names, regexes))
}

fn add(names: &mut Names, name: &Bytes, path: Option<Bytes>) -> Result<(), String> {
    names.add(name, path).map_err(|refused| {
        let name = String::from_utf8_lossy(name);
        match refused {
            Refused::Invalid => format!("invalid hostname or wildcard \"{name}\""),
            Refused::Conflict => format!("conflicting parameter \"{name}\""),
        }
    })
}

fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let server = ServerId(b.http.servers.len().saturating_sub(1) as u32);
    let span = node.name.span;
    for word in &node.args {
        if let Some(pattern) = word.text.strip_prefix(b"~") {
            let regex = regex(b, word, pattern)?;
            let regexes = &mut b.http.here().referer().regexes;
            regexes.get_or_insert_default().push(Arc::new(regex));
        }
        let valid = b.http.here().referer().valid.get_or_insert(Written {
            none: false,
            blocked: false,
            server_names: None,
            names: Arc::default(),
            span,
        });
        match &word.text[..] {
            b"" => {
                let message = "invalid referer \"\"";
                return Err(node.error_at(word, message));
            }
            b"none" => valid.none = true,
            b"blocked" => valid.blocked = true,
            b"server_names" => valid.server_names = Some(server),
            [b'~', ..] => {}
            text => {
                let slash = memchr::memchr(b'/', text).unwrap_or(text.len());
                let (name, path) = (word.text.slice(..slash), word.text.slice(slash..));
                let path = (!path.is_empty()).then_some(path);
                add(Arc::make_mut(&mut valid.names), &name, path)
                    .map_err(|message| node.error_at(word, message))?;
            }
        }
    }
    Ok(())
}

fn regex(b: &mut Builder, word: &Word, pattern: &[u8]) -> Result<Regex, Diagnostic> {
    if pattern.is_empty() {
        let message = format!("empty regex in \"{}\"", word.str());
        return Err(Diagnostic::new(message).label(word.span, ""));
    }
    Regex::compile(b, pattern, true, word.span)
}

/// A host that is longer matches nothing.
const LONGEST_HOST: usize = 256;
/// nginx looks for a scheme in nothing shorter.
const SHORTEST: usize = b"http://i.ru".len();

impl RefererConf {
    fn is_valid(&self, req: &Request) -> bool {
        if self.names.is_empty() && self.regexes.is_empty() && self.server_names.is_empty() {
            return true;
        }
        let Some(referer) = req.header(Known::Referer) else {
            return self.none;
        };
        let Some(rest) = behind_scheme(referer) else {
            return self.blocked;
        };
        let end = memchr::memchr2(b'/', b':', rest).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        if host.len() > LONGEST_HOST {
            return false;
        }
        req.with_scratch(|_, lower| {
            lower.extend(host.iter().map(u8::to_ascii_lowercase));
            if let Some(wanted) = self.names.get(lower) {
                let slash = memchr::memchr(b'/', path).unwrap_or(path.len());
                let path = path.get(slash..).unwrap_or_default();
                return wanted
                    .as_ref()
                    .is_none_or(|wanted| path.starts_with(wanted));
            }
            self.server_names.iter().any(|regex| regex.is_match(lower))
                || self.regexes.iter().any(|regex| regex.is_match(rest))
        })
    }
}

fn behind_scheme(referer: &[u8]) -> Option<&[u8]> {
    if referer.len() < SHORTEST {
        return None;
    }
    [&b"http://"[..], b"https://"].iter().find_map(|scheme| {
        let (start, rest) = referer.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    #[test]
    fn messages_are_nginx_s() {
        for (text, want) in [
            ("valid_referers \"\";", "invalid referer \"\""),
            ("valid_referers ~;", "empty regex in \"~\""),
            (
                "valid_referers a*b;",
                "invalid hostname or wildcard \"a*b\"",
            ),
            ("valid_referers a.b a.b/c;", "conflicting parameter \"a.b\""),
            (
                "valid_referers none ~a;",
                "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive \
                 without any valid referer",
            ),
            ("valid_referers none server_names;", ""),
            (
                "server_name a.b; valid_referers a.b server_names;",
                "conflicting parameter \"a.b\"",
            ),
            (
                "valid_referers a; location / { valid_referers blocked b; valid_referers c; }",
                "",
            ),
        ] {
            let text = format!("events {{}} http {{ server {{ listen 18080; {text} }} }}");
            assert_eq!(first_complaint(&text), want, "{text}");
        }
    }
}
