//! `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`.

use super::conf::ProxyConf;
use super::rewrite::{self, Rule};
use crate::config::tree::{Node, Word};
use crate::cycle::{Builder, invalid_parameter};
use crate::diagnostic::Diagnostic;
use crate::http::regex::Regex;
use crate::http::request::Request;
use crate::http::value::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// A line of `proxy_cookie_flags`.
#[derive(Debug)]
pub struct Flags {
    cookie: Name,
    flags: Vec<Value>,
}

#[derive(Debug)]
enum Name {
    Text(Value),
    Regex(Regex),
}

/// The setter of `proxy_cookie_domain`.
pub fn set_domain(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    set(
        b,
        node,
        |b| &mut b.http.here().proxy().cookie_domains,
        |b, from, rest| {
            let to = rest.first().unwrap_or(from);
            Rule::parse_domain(b, from, to)
        },
    )
}

/// The setter of `proxy_cookie_path`.
pub fn set_path(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    set(
        b,
        node,
        |b| &mut b.http.here().proxy().cookie_paths,
        |b, from, rest| {
            let to = rest.first().unwrap_or(from);
            Rule::parse(b, from, to)
        },
    )
}

/// The setter of `proxy_cookie_flags`.
pub fn set_flags(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    set(
        b,
        node,
        |b| &mut b.http.here().proxy().cookie_flags,
        |b, name, rest| {
            let cookie = match &name.text[..] {
                [b'~', regex @ ..] => Name::Regex(Regex::compile(b, regex, true, name.span)?),
                _ => Name::Text(Value::compile(b, name)?),
            };
            let flags = rest.iter().map(|word| Value::compile(b, word));
            Ok(Flags {
                cookie,
                flags: flags.collect::<Result<_, _>>()?,
            })
        },
    )
}

/// Rules one after the other; none: `off`.
type Rules<T> = Option<Vec<Arc<T>>>;

/// What these directives have in common: `off` alone, or rules one after the other.
fn set<T: 'static>(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut Builder) -> &mut Option<Rules<T>>,
    parse: fn(&mut Builder, &Word, &[Word]) -> Result<T, Diagnostic>,
) -> Result<(), Diagnostic> {
    if matches!(field(b), Some(None)) {
        return Err(node.fault("is duplicate"));
    }
    let Some((first, rest)) = node.args.split_first() else {
        return Ok(());
    };
    if rest.is_empty() {
        if first.text != "off" {
            return Err(invalid_parameter(first));
        }
        if field(b).is_some() {
            return Err(node.fault("is duplicate"));
        }
        *field(b) = Some(None);
        return Ok(());
    }
    let rule = Arc::new(parse(b, first, rest)?);
    let rules = field(b).get_or_insert_default();
    rules.get_or_insert_default().push(rule);
    Ok(())
}

/// A part of a cookie: `name=value`, or a name alone.
type Attribute<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// A `Set-Cookie` with the rules applied; `None` if none of them changes it.
pub fn rewrite(conf: &ProxyConf, req: &Request, value: &[u8]) -> Option<Vec<u8>> {
    let mut attributes = parse(value);
    attributes.first()?.1.as_ref()?;
    let mut changed = false;
    for (name, value) in attributes.iter_mut().skip(1) {
        let Some(text) = value else { continue };
        let rules = if name.eq_ignore_ascii_case(b"domain") {
            &conf.cookie_domains
        } else if name.eq_ignore_ascii_case(b"path") {
            &conf.cookie_paths
        } else {
            continue;
        };
        if let Some(new) = rules.as_ref().and_then(|r| rewrite::apply(r, req, text, 0)) {
            *value = Some(Cow::Owned(new));
            changed = true;
        }
    }
    if let Some(rules) = &conf.cookie_flags
        && let Some(wanted) = wanted_flags(rules, req, &attributes)
    {
        edit(&mut attributes, wanted);
        changed = true;
    }
    changed.then(|| join(&attributes))
}

fn parse(value: &[u8]) -> Vec<Attribute<'_>> {
    let part = |part: &'_ [u8]| -> (usize, usize, Option<(usize, usize)>) {
        let trim = |from: usize, to: usize| {
            let text = part.get(from..to).unwrap_or_default();
            let front = text.iter().take_while(|c| **c == b' ').count();
            let back = text.iter().rev().take_while(|c| **c == b' ').count();
            (from + front, (to - back).max(from + front))
        };
        match memchr::memchr(b'=', part) {
            None => {
                let (a, z) = trim(0, part.len());
                (a, z, None)
            }
            Some(at) => {
                let (a, z) = trim(0, at);
                (a, z, Some(trim(at + 1, part.len())))
            }
        }
    };
    value
        .split(|c| *c == b';')
        .map(|text| {
            let (a, z, value) = part(text);
            let piece = |a, z| Cow::Borrowed(text.get(a..z).unwrap_or_default());
            (piece(a, z), value.map(|(a, z)| piece(a, z)))
        })
        .collect()
}

fn join(attributes: &[Attribute<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, (name, value)) in attributes.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(name);
        if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    out
}

/// What the flags of a rule add up to; each is left alone, set or removed.
#[derive(Clone, Copy, Default, PartialEq)]
struct Wanted {
    secure: Option<bool>,
    http_only: Option<bool>,
    same_site: Option<Option<&'static str>>,
}

fn wanted_flags(
    rules: &[Arc<Flags>],
    req: &Request,
    attributes: &[Attribute<'_>],
) -> Option<Wanted> {
    let name = &attributes.first()?.0;
    let rule = rules.iter().find(|rule| match &rule.cookie {
        Name::Regex(regex) => regex.matches(req, name),
        Name::Text(text) => text.eval(req).eq_ignore_ascii_case(name),
    })?;
    let mut wanted = Wanted::default();
    for flag in &rule.flags {
        let flag = flag.eval(req);
        // Where both are named, setting wins over removing, and strict over lax over none, as in nginx.
        match &flag.to_ascii_lowercase()[..] {
            b"secure" => wanted.secure = Some(true),
            b"nosecure" => wanted.secure = wanted.secure.or(Some(false)),
            b"httponly" => wanted.http_only = Some(true),
            b"nohttponly" => wanted.http_only = wanted.http_only.or(Some(false)),
            b"samesite=strict" => wanted.same_site = Some(Some("Strict")),
            b"samesite=lax" if wanted.same_site != Some(Some("Strict")) => {
                wanted.same_site = Some(Some("Lax"));
            }
            b"samesite=none" if !matches!(wanted.same_site, Some(Some("Strict" | "Lax"))) => {
                wanted.same_site = Some(Some("None"));
            }
            b"nosamesite" => wanted.same_site = wanted.same_site.or(Some(None)),
            _ => {}
        }
    }
    (wanted != Wanted::default()).then_some(wanted)
}

fn edit(attributes: &mut Vec<Attribute<'_>>, mut wanted: Wanted) {
    let mut number = 0usize;
    attributes.retain_mut(|(name, value)| {
        number += 1;
        if number == 1 {
            return true;
        }
        let flag = if name.eq_ignore_ascii_case(b"secure") {
            &mut wanted.secure
        } else if name.eq_ignore_ascii_case(b"httponly") {
            &mut wanted.http_only
        } else if name.eq_ignore_ascii_case(b"samesite") {
            if let Some(Some(site)) = wanted.same_site {
                wanted.same_site = None;
                let same = value
                    .as_ref()
                    .is_some_and(|v| v.eq_ignore_ascii_case(site.as_bytes()));
                if !same {
                    *name = Cow::Borrowed(b"SameSite");
                    *value = Some(Cow::Borrowed(site.as_bytes()));
                }
                return true;
            }
            return wanted.same_site != Some(None);
        } else {
            return true;
        };
        if *flag == Some(true) {
            *flag = None;
        }
        *flag != Some(false)
    });
    if wanted.secure == Some(true) {
        attributes.push((Cow::Borrowed(b"Secure"), None));
    }
    if wanted.http_only == Some(true) {
        attributes.push((Cow::Borrowed(b"HttpOnly"), None));
    }
    if let Some(Some(site)) = wanted.same_site {
        attributes.push((
            Cow::Borrowed(b"SameSite"),
            Some(Cow::Borrowed(site.as_bytes())),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(cookie: &str, wanted: Wanted) -> String {
        let mut attributes = parse(cookie.as_bytes());
        edit(&mut attributes, wanted);
        String::from_utf8(join(&attributes)).unwrap()
    }

    #[test]
    fn cookies_are_taken_apart_and_put_together() {
        let parts = parse(b" a = b ; Path=/ ;Secure;x=");
        let back = String::from_utf8(join(&parts)).unwrap();
        assert_eq!(back, "a=b; Path=/; Secure; x=");
    }

    #[test]
    fn flags_are_set_and_removed() {
        let on = Wanted {
            secure: Some(true),
            http_only: Some(true),
            same_site: Some(Some("Strict")),
        };
        assert_eq!(edited("a=b", on), "a=b; Secure; HttpOnly; SameSite=Strict");
        assert_eq!(
            edited("a=b; SECURE; samesite=lax", on),
            "a=b; SECURE; SameSite=Strict; HttpOnly"
        );
        let off = Wanted {
            secure: Some(false),
            http_only: Some(false),
            same_site: Some(None),
        };
        assert_eq!(
            edited("a=b; secure; Path=/; HttpOnly; SameSite=Lax", off),
            "a=b; Path=/"
        );
    }
}
