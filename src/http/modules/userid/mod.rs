//! nginx's userid: marks clients with a cookie, to know them again.

mod id;

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::config::value::parse_seconds;
use crate::cycle::context::EVERYWHERE;
use crate::cycle::{Builder, duplicate_value, invalid, once};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::request::Request;
use crate::http::variable::{VarId, Variable};
use bytes::Bytes;

pub use id::head;

/// Settings as written.
#[derive(Clone, Default)]
pub struct UseridRaw {
    mode: Option<usize>,
    flags: Option<u8>,
    service: Option<i64>,
    name: Option<Bytes>,
    domain: Option<Bytes>,
    path: Option<Bytes>,
    p3p: Option<Bytes>,
    expires: Option<Expires>,
    mark: Option<Option<u8>>,
}

/// Settings in force.
pub struct UseridConf {
    mode: Mode,
    service: Option<u32>,
    name: Bytes,
    p3p: Option<Bytes>,
    expires: Expires,
    mark: Option<u8>,
    /// What stands behind the value and the time in each cookie.
    tail: Bytes,
    /// `$uid_reset`
    reset: Option<VarId>,
}

/// `userid`, in the order of [`MODES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Off,
    Log,
    V1,
    On,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expires {
    /// With the browser.
    Never,
    /// As late as can be written.
    Max,
    /// So many seconds from now.
    After(i64),
}

const MODES: &[&str] = &["off", "log", "v1", "on"];

const OFF: u8 = 1;
const SECURE: u8 = 1 << 1;
const HTTP_ONLY: u8 = 1 << 2;
/// Any of the three; more than one cannot be set.
const SAME_SITE: u8 = 1 << 3;
const STRICT: u8 = 1 << 4;
const LAX: u8 = 1 << 5;
const NONE: u8 = 1 << 6;

const FLAGS: &[(&[u8], u8, &str)] = &[
    (b"off", OFF, ""),
    (b"secure", SECURE, "; secure"),
    (b"httponly", HTTP_ONLY, "; httponly"),
    (b"samesite=strict", SAME_SITE | STRICT, "; samesite=strict"),
    (b"samesite=lax", SAME_SITE | LAX, "; samesite=lax"),
    (b"samesite=none", SAME_SITE | NONE, "; samesite=none"),
];

type D = Directive<Builder>;

fn here(b: &mut Builder) -> &mut UseridRaw {
    b.http.here().userid()
}

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::choice("userid", EVERYWHERE, MODES, |b| &mut here(b).mode)
        .syntax("on | v1 | log | off")
        .default("off")
        .doc("Whether clients get cookies (on, or v1 for those of the first version) or those that come are only known \
              to $uid_got (log)."),
    D::number("userid_service", EVERYWHERE, |b| &mut here(b).service)
        .default("IP address of the server")
        .doc("The number of the server that gave out a cookie."),
    D::text("userid_name", EVERYWHERE, |b| &mut here(b).name)
        .syntax("name")
        .default("uid")
        .doc("The name of the cookie."),
    D::text("userid_domain", EVERYWHERE, |b| &mut here(b).domain)
        .syntax("name | none")
        .default("none")
        .doc("The domain of the cookie."),
    D::text("userid_path", EVERYWHERE, |b| &mut here(b).path)
        .syntax("path")
        .default("/")
        .doc("The path of the cookie."),
    D::custom("userid_expires", EVERYWHERE, Args::Exactly(1), set_expires)
        .syntax("time | max | off")
        .default("off")
        .doc("How long a browser keeps the cookie."),
    D::custom("userid_flags", EVERYWHERE, Args::Between(1, 3), set_flags)
        .syntax("off | flag ...")
        .default("off")
        .doc("Attributes of the cookie: secure, httponly, samesite=strict, samesite=lax, samesite=none."),
    D::text("userid_p3p", EVERYWHERE, |b| &mut here(b).p3p)
        .syntax("string | none")
        .default("none")
        .doc("The field P3P that goes along with the cookie."),
    D::custom("userid_mark", EVERYWHERE, Args::Exactly(1), set_mark)
        .syntax("letter | digit | = | off")
        .default("off")
        .doc("A character in place of the padding of the cookie: a cookie without it is sent again with it."),
];

/// `$uid_got`, `$uid_set`, `$uid_reset`
pub static VARIABLES: &[Variable] = &[
    Variable::cached("uid_got", id::write_got),
    Variable::cached("uid_set", id::write_set),
    Variable::settable("uid_reset", write_reset, |req, value| {
        let value = Bytes::copy_from_slice(value);
        req.lasting.insert(Reset(value));
    }),
];

/// What `set` made of `$uid_reset`.
struct Reset(Bytes);

fn write_reset(req: &Request, out: &mut Vec<u8>) -> bool {
    if let Some(Reset(value)) = req.lasting.get() {
        out.extend_from_slice(value);
    }
    true
}

fn set_expires(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    if here(b).expires.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let expires = match &word.text[..] {
        b"max" => Expires::Max,
        b"off" => Expires::Never,
        text => match parse_seconds(text) {
            Some(time) if time.is_zero() => Expires::Never,
            Some(time) => Expires::After(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
            None => return Err(node.fault("invalid value")),
        },
    };
    once(&mut here(b).expires, &node.name, expires)
}

fn set_flags(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let known = FLAGS
            .iter()
            .find(|(name, ..)| name.eq_ignore_ascii_case(&word.text));
        let Some(&(_, bits, _)) = known else {
            return Err(invalid(word));
        };
        let flags = here(b).flags.get_or_insert(0);
        if *flags & bits == 0 {
            *flags |= bits;
        } else {
            b.warn(node, word, duplicate_value(word));
        }
    }
    Ok(())
}

fn set_mark(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    if here(b).mark.is_some() {
        return Err(node.fault("is duplicate"));
    }
    here(b).mark = Some(match &word.text[..] {
        b"off" => None,
        [c] if c.is_ascii_alphanumeric() || *c == b'=' => Some(*c),
        _ => {
            return Err(node.fault("value must be \"off\" or a single letter, digit or \"=\""));
        }
    });
    Ok(())
}

impl Settings for UseridRaw {
    type Conf = UseridConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        macro_rules! take {
            ($($field:ident)*) => { $(if self.$field.is_none() { self.$field = parent.$field.clone(); })* };
        }
        take!(mode flags service name domain path p3p expires mark);
    }

    fn build(&self, b: &mut Builder) -> UseridConf {
        let mode = match self.mode.and_then(|i| MODES.get(i)) {
            Some(&"log") => Mode::Log,
            Some(&"v1") => Mode::V1,
            Some(&"on") => Mode::On,
            _ => Mode::Off,
        };
        let reset = (mode >= Mode::V1).then(|| b.http.variables.reference(b"uid_reset", None));
        let text = |value: &Option<Bytes>| value.clone().filter(|value| value != "none");
        UseridConf {
            mode,
            service: self.service.map(|service| service as u32),
            name: self.name.clone().unwrap_or(Bytes::from_static(b"uid")),
            p3p: text(&self.p3p).filter(|value| !value.is_empty()),
            expires: self.expires.unwrap_or(Expires::Never),
            mark: self.mark.flatten(),
            tail: self.tail(text(&self.domain)),
            reset,
        }
    }
}

impl UseridRaw {
    fn tail(&self, domain: Option<Bytes>) -> Bytes {
        let mut tail = Vec::new();
        if let Some(domain) = domain {
            tail.extend_from_slice(b"; domain=");
            tail.extend_from_slice(&domain);
        }
        tail.extend_from_slice(b"; path=");
        tail.extend_from_slice(self.path.as_deref().unwrap_or(b"/"));
        let flags = self.flags.unwrap_or(0);
        for (_, bits, text) in FLAGS {
            if flags & bits == *bits {
                tail.extend_from_slice(text.as_bytes());
            }
        }
        tail.into()
    }
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::{cycle, first_complaint};

    #[test]
    fn messages_are_nginx_s() {
        let mark =
            "\"userid_mark\" directive value must be \"off\" or a single letter, digit or \"=\"";
        for (text, want) in [
            ("userid maybe;", "invalid value \"maybe\""),
            ("userid_mark !;", mark),
            ("userid_mark ab;", mark),
            (
                "userid_expires soon;",
                "\"userid_expires\" directive invalid value",
            ),
            ("userid_flags secret;", "invalid value \"secret\""),
            (
                "userid_flags samesite=lax samesite=strict;",
                "duplicate value \"samesite=strict\"",
            ),
        ] {
            let text = format!("events {{}} http {{ {text} }}");
            assert_eq!(first_complaint(&text), want, "{text}");
        }
    }

    #[test]
    fn attributes() {
        let text = "events {} http { userid_domain a.b; server { listen 18080; userid_flags off; \
                    location / { userid_path /x; userid_flags samesite=lax Secure; userid_domain none; } } }";
        let cycle = cycle(text);
        let tail = |i: usize| {
            cycle.http.as_ref().unwrap().locations[i]
                .userid
                .tail
                .clone()
        };
        assert_eq!(tail(1), "; domain=a.b; path=/");
        assert_eq!(tail(2), "; path=/x; secure; samesite=lax");
    }
}
