//! What a configuration says of a cache that it does not use. nginx looks at these only where `*_cache` names a zone;
//! a zone is refused here, so that nothing is lost when they are read, checked and put aside.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::config::value::{parse_flag, parse_number, parse_offset, parse_seconds, parse_time};
use crate::cycle::context::EVERYWHERE;
use crate::cycle::{Builder, duplicate_value};
use crate::diagnostic::Diagnostic;
use crate::http::core::without_effect;
use crate::http::upstream::settings::{CGI_CONDITIONS, CONDITIONS};
use crate::http::value::Value;

type D = Directive<Builder>;

/// The table of one protocol.
macro_rules! table {
    ($prefix:literal, $conditions:ident) => {
        &[
            D::custom(
                concat!($prefix, "_cache"),
                EVERYWHERE,
                Args::Exactly(1),
                set_cache,
            )
            .syntax("off")
            .default("off")
            .doc("No effect: there is no cache yet. A zone is refused."),
            D::custom(
                concat!($prefix, "_cache_bypass"),
                EVERYWHERE,
                Args::AtLeast(1),
                values,
            )
            .syntax("string ...")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_no_cache"),
                EVERYWHERE,
                Args::AtLeast(1),
                values,
            )
            .syntax("string ...")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_key"),
                EVERYWHERE,
                Args::Exactly(1),
                set_key,
            )
            .syntax("string")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_valid"),
                EVERYWHERE,
                Args::AtLeast(1),
                set_valid,
            )
            .syntax("[code ...] time")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_methods"),
                EVERYWHERE,
                Args::AtLeast(1),
                set_methods,
            )
            .syntax("GET | HEAD | POST ...")
            .default("GET HEAD")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_min_uses"),
                EVERYWHERE,
                Args::Exactly(1),
                set_number,
            )
            .syntax("number")
            .default("1")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_max_range_offset"),
                EVERYWHERE,
                Args::Exactly(1),
                set_offset,
            )
            .syntax("number")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_use_stale"),
                EVERYWHERE,
                Args::AtLeast(1),
                |b, node| set_words(b, node, $conditions),
            )
            .syntax("error | timeout | invalid_header | non_idempotent | updating | http_500 | ... | off ...")
            .default("off")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_lock"),
                EVERYWHERE,
                Args::Exactly(1),
                set_flag,
            )
            .syntax("on | off")
            .default("off")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_lock_timeout"),
                EVERYWHERE,
                Args::Exactly(1),
                set_time,
            )
            .syntax("time")
            .default("5s")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_lock_age"),
                EVERYWHERE,
                Args::Exactly(1),
                set_time,
            )
            .syntax("time")
            .default("5s")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_revalidate"),
                EVERYWHERE,
                Args::Exactly(1),
                set_flag,
            )
            .syntax("on | off")
            .default("off")
            .doc(REASON),
            D::custom(
                concat!($prefix, "_cache_background_update"),
                EVERYWHERE,
                Args::Exactly(1),
                set_flag,
            )
            .syntax("on | off")
            .default("off")
            .doc(REASON),
        ]
    };
}

const REASON: &str = "No effect, as in nginx where no cache is in use: a directive that names a cache's zone is refused.";

/// `proxy_cache*`, as far as it means nothing without a cache.
pub static PROXY: &[D] = table!("proxy", CONDITIONS);
/// The one that only proxy has.
pub static PROXY_ONLY: &[D] = &[D::custom(
    "proxy_cache_convert_head",
    EVERYWHERE,
    Args::Exactly(1),
    set_flag,
)
.syntax("on | off")
.default("on")
.doc(REASON)];
/// `fastcgi_cache*`
pub static FASTCGI: &[D] = table!("fastcgi", CGI_CONDITIONS);
/// `uwsgi_cache*`
pub static UWSGI: &[D] = table!("uwsgi", CGI_CONDITIONS);
/// `scgi_cache*`
pub static SCGI: &[D] = table!("scgi", CGI_CONDITIONS);

fn set_cache(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    first(b, node)?;
    match node.arg(0) {
        Some(word) if word.text != "off" => {
            let name = node.name.str();
            let message =
                format!("\"{name}\" with a zone is known to nginx, not supported by goodgate yet");
            Err(node.error_at(word, message).help(
                "take the directive out: every request then goes to the server, as it does when the cache is empty",
            ))
        }
        _ => Ok(()),
    }
}

/// Refuses a directive that stands twice in its block.
fn first(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    match without_effect::is_first(b, &node.name.text) {
        true => Ok(()),
        false => Err(node.fault("is duplicate")),
    }
}

/// Values of which nginx takes any number, any number of times.
fn values(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        Value::compile(b, word)?;
    }
    Ok(())
}

fn set_key(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    first(b, node)?;
    values(b, node)
}

fn set_valid(_: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let Some((time, codes)) = node.args.split_last() else {
        return Ok(());
    };
    if parse_seconds(&time.text).is_none() {
        return Err(node.error_at(time, format!("invalid time value \"{}\"", time.str())));
    }
    for code in codes {
        let status = parse_number(&code.text).filter(|n| (100..=599).contains(n));
        if code.text != "any" && status.is_none() {
            return Err(node.error_at(code, format!("invalid status \"{}\"", code.str())));
        }
    }
    Ok(())
}

fn set_methods(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    set_words(b, node, &[("GET", 0), ("HEAD", 0), ("POST", 0)])
}

/// Words of a list that add up, as a repeated directive does too.
fn set_words(b: &mut Builder, node: &Node, known: &[(&str, u32)]) -> Result<(), Diagnostic> {
    for word in &node.args {
        let of = |name: &str| name.as_bytes().eq_ignore_ascii_case(&word.text);
        if !known.iter().any(|(name, _)| of(name)) {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let d = node.error_at(word, format!("invalid value \"{}\"", word.str()));
            return Err(d.help(format!("it must be one of: {}", names.join(", "))));
        }
        let said = format!("{} {}", node.name.str(), word.str().to_ascii_lowercase());
        if !without_effect::is_first(b, &said.into()) {
            b.warn(node, word, duplicate_value(word));
        }
    }
    Ok(())
}

fn set_number(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    checked(b, node, "number", |text| parse_number(text).is_some())
}

fn set_offset(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    checked(b, node, "value", |text| parse_offset(text).is_some())
}

fn set_time(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    checked(b, node, "value", |text| parse_time(text).is_some())
}

fn set_flag(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    first(b, node)?;
    match node.arg(0) {
        Some(word) if parse_flag(&word.text).is_none() => {
            let (value, name) = (word.str(), node.name.str());
            let message = format!(
                "invalid value \"{value}\" in \"{name}\" directive, it must be \"on\" or \"off\""
            );
            Err(node.error_at(word, message))
        }
        _ => Ok(()),
    }
}

fn checked(
    b: &mut Builder,
    node: &Node,
    kind: &str,
    valid: fn(&[u8]) -> bool,
) -> Result<(), Diagnostic> {
    first(b, node)?;
    match node.arg(0) {
        Some(word) if !valid(&word.text) => {
            let name = node.name.str();
            Err(node.error_at(word, format!("\"{name}\" directive invalid {kind}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::load_text;

    #[test]
    fn what_means_nothing_without_a_cache_is_read_and_checked() {
        let in_location = |text: &str| {
            let conf = format!("events {{}} http {{ server {{ location / {{ {text} }} }} }}");
            let all = load_text(&conf).diagnostics;
            all.into_iter().map(|d| d.message).collect::<Vec<_>>()
        };
        for good in [
            "proxy_cache_bypass $http_upgrade; proxy_cache_bypass $cookie_a $arg_b; proxy_no_cache 1;",
            "proxy_cache off; proxy_cache_valid 200 302 10m; proxy_cache_valid any 1m; proxy_cache_valid 5;",
            "fastcgi_cache_key $uri; fastcgi_cache_methods get POST; fastcgi_cache_min_uses 3;",
            "uwsgi_cache_lock on; uwsgi_cache_lock_timeout 300ms; scgi_cache_use_stale error updating;",
        ] {
            assert_eq!(in_location(good), Vec::<String>::new(), "{good}");
        }
        for (bad, message) in [
            (
                "proxy_cache zone;",
                "\"proxy_cache\" with a zone is known to nginx",
            ),
            (
                "proxy_cache_bypass $nothing;",
                "unknown \"nothing\" variable",
            ),
            ("proxy_cache_lock maybe;", "it must be \"on\" or \"off\""),
            (
                "proxy_cache_lock on; proxy_cache_lock on;",
                "directive is duplicate",
            ),
            ("proxy_cache_valid 200 soon;", "invalid time value \"soon\""),
            ("proxy_cache_valid 99 1m;", "invalid status \"99\""),
            ("proxy_cache_methods PUT;", "invalid value \"PUT\""),
        ] {
            let messages = in_location(bad);
            assert!(
                messages.iter().any(|m| m.contains(message)),
                "{bad}: {messages:?}"
            );
        }
    }
}
