//! nginx's secure_link: `$secure_link` says whether a link was made by somebody who knows the secret.

use crate::clock;
use crate::config::directive::{Args, Directive};
use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::diagnostic::Diagnostic;
use crate::http::base64;
use crate::http::conf::{BlockKind, Settings};
use crate::http::request::Request;
use crate::http::value::Value;
use crate::http::variable::Variable;
use bytes::Bytes;
use md5::{Digest, Md5};

/// Settings as written.
#[derive(Clone, Default)]
pub struct SecureLinkRaw {
    link: Option<Value>,
    md5: Option<Value>,
    secret: Option<Bytes>,
    /// Whether a block below `http` has both kinds.
    mixed: bool,
}

/// Settings in force.
pub enum SecureLinkConf {
    /// Nothing to check.
    Off,
    /// `secure_link` with the sum and perhaps a time, and `secure_link_md5` with what the sum is made of.
    Link(Value, Value),
    /// `secure_link_secret`
    Secret(Bytes),
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("secure_link", EVERYWHERE, Args::Exactly(1), |b, node| {
        set(b, node, |raw| &mut raw.link)
    })
    .syntax("expression")
    .doc("Where the link has its MD5 sum in base64url and, behind a comma, the time at which it expires."),
    D::custom("secure_link_md5", EVERYWHERE, Args::Exactly(1), |b, node| {
        set(b, node, |raw| &mut raw.md5)
    })
    .syntax("expression")
    .doc("What the MD5 sum is made of: the secret, and the parts of the request that it protects."),
    D::text("secure_link_secret", EVERYWHERE, |b| {
        &mut b.http.here().secure_link().secret
    })
    .syntax("word")
    .doc("The secret of links of the form /prefix/sum/link, where the sum is MD5 of the link and the secret."),
];

/// `$secure_link`, `$secure_link_expires`
pub static VARIABLES: &[Variable] = &[
    Variable::cached("secure_link", |req, out| {
        let http = &req.http;
        let answer = match &*req.location(http).secure_link {
            SecureLinkConf::Off => None,
            SecureLinkConf::Link(link, md5) => by_sum(req, link, md5),
            SecureLinkConf::Secret(secret) => {
                by_secret(req.head.bytes(req.head.path_query), secret)
            }
        };
        answer.map(|text| out.extend_from_slice(text)).is_some()
    }),
    Variable::cached("secure_link_expires", |req, out| {
        let known = req.computed.borrow();
        let expires = known.get::<Expires>();
        expires
            .map(|Expires(text)| out.extend_from_slice(text))
            .is_some()
    }),
];

/// The time that a link names, once `$secure_link` has been asked for.
struct Expires(Vec<u8>);

fn set(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut SecureLinkRaw) -> &mut Option<Value>,
) -> Result<(), Diagnostic> {
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    if field(b.http.here().secure_link()).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let value = Value::compile(b, word)?;
    *field(b.http.here().secure_link()) = Some(value);
    Ok(())
}

impl Settings for SecureLinkRaw {
    type Conf = SecureLinkConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.secret.is_some() {
            self.mixed = self.link.is_some() || self.md5.is_some();
            return;
        }
        self.link = self.link.take().or_else(|| parent.link.clone());
        self.md5 = self.md5.take().or_else(|| parent.md5.clone());
        if self.link.is_none() && self.md5.is_none() {
            self.secret = parent.secret.clone();
        }
    }

    fn build(&self, b: &mut Builder) -> SecureLinkConf {
        if self.mixed {
            let message = "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
            let mut d = Diagnostic::new(message);
            d.line = b.http.seen;
            b.report(d);
        }
        // Of what `http` has of both kinds, servers inherit the expressions.
        match (&self.secret, &self.link, &self.md5) {
            (Some(secret), None, None) => SecureLinkConf::Secret(secret.clone()),
            (_, Some(link), Some(md5)) => SecureLinkConf::Link(link.clone(), md5.clone()),
            _ => SecureLinkConf::Off,
        }
    }
}

/// The longest sum: 16 bytes, padded.
const LONGEST: usize = 24;

/// `1` if the sum is right, `0` if it is right and too late.
fn by_sum(req: &Request, link: &Value, md5: &Value) -> Option<&'static [u8]> {
    let value = link.eval_bytes(req);
    let comma = memchr::memchr(b',', &value);
    let mut expires = None;
    if let Some(comma) = comma {
        let text = value.get(comma.saturating_add(1)..).unwrap_or_default();
        expires = Some(time(text)?);
        let text = Expires(text.to_vec());
        req.computed.borrow_mut().insert(text);
    }
    let sum = value.get(..comma.unwrap_or(value.len()))?;
    if sum.len() > LONGEST {
        return None;
    }
    let sum = base64::decode_url(sum)?;
    let expected = Md5::digest(&md5.eval_bytes(req));
    if !same(&sum, &expected) {
        return None;
    }
    let now = clock::unix_time().as_secs();
    Some(match expires {
        Some(at) if at < now => b"0",
        _ => b"1",
    })
}

/// A time in seconds, not 0.
fn time(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    u64::try_from(seconds).ok().filter(|&seconds| seconds > 0)
}

/// The link behind the sum in a path of the form `/prefix/sum/link`.
fn by_secret<'a>(path: &'a [u8], secret: &[u8]) -> Option<&'a [u8]> {
    let mut parts = path.get(1..)?.splitn(3, |&b| b == b'/');
    let (_, sum, link) = (parts.next()?, parts.next()?, parts.next()?);
    if sum.len() != 32 || link.is_empty() {
        return None;
    }
    let sum: Vec<u8> = sum
        .chunks_exact(2)
        .map(|pair| match pair {
            [a, b] => {
                let digit = |c: u8| {
                    char::from(c)
                        .to_digit(16)
                        .and_then(|d| u8::try_from(d).ok())
                };
                Some(digit(*a)? << 4 | digit(*b)?)
            }
            _ => None,
        })
        .collect::<Option<_>>()?;
    let expected = Md5::new().chain(link).chain(secret).finalize();
    same(&sum, &expected).then_some(link)
}

/// Whether two sums are the same, in a time that does not tell where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::testing::first_complaint;

    #[test]
    fn messages_are_nginx_s() {
        let mixed =
            "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
        for (text, want) in [
            ("server { secure_link_secret a; secure_link b; }", mixed),
            ("secure_link_secret a; secure_link b; server { }", ""),
            (
                "secure_link a; secure_link b;",
                "\"secure_link\" directive is duplicate",
            ),
            ("secure_link_secret a; server { secure_link b; }", ""),
        ] {
            let text = format!("events {{}} http {{ {text} }}");
            assert_eq!(first_complaint(&text), want, "{text}");
        }
    }

    #[test]
    fn links_with_a_secret() {
        let good = b"/p/b3557c0f5e2f1a7b0f8d6dc0a4a2b5a0/test.html";
        assert_eq!(by_secret(good, b"other"), None);
        let sum = Md5::new().chain("a/b?c").chain("secret").finalize();
        let hex: String = sum.iter().map(|b| format!("{b:02x}")).collect();
        let path = format!("/p/{hex}/a/b?c");
        assert_eq!(by_secret(path.as_bytes(), b"secret"), Some(&b"a/b?c"[..]));
        let upper = format!("/p/{}/a/b?c", hex.to_uppercase());
        assert!(by_secret(upper.as_bytes(), b"secret").is_some());
        for path in ["", "/", "/p", "/p/", "/p/x/y"] {
            assert_eq!(by_secret(path.as_bytes(), b"secret"), None);
        }
    }

    #[test]
    fn times() {
        assert_eq!(time(b"12"), Some(12));
        for text in ["", "0", "-1", "1x", "99999999999999999999"] {
            assert_eq!(time(text.as_bytes()), None, "{text}");
        }
    }
}
