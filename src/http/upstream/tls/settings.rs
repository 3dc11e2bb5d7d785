//! `proxy_ssl_*` and `uwsgi_ssl_*` as they are written, and merged downwards.

use super::context;
use super::{Certificate, Tls};
use crate::config::tree::{Node, Word};
use crate::config::value::{parse_number, parse_seconds};
use crate::cycle::{Builder, duplicate_value, invalid, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use crate::http::value::Value;
use crate::tls::identity::Cache;
use crate::tls::protocol;
use std::sync::Arc;
use std::time::Duration;

/// As written.
#[derive(Clone, Default)]
#[allow(
    missing_docs,
    reason = "the fields are the directives without their prefix"
)]
pub struct TlsRaw {
    /// Whether this block passes requests on with TLS, or may do so. Not inherited.
    pub used: bool,
    pub session_reuse: Option<bool>,
    pub protocols: Option<Vec<Word>>,
    pub ciphers: Option<Word>,
    pub name: Option<Value>,
    pub server_name: Option<bool>,
    pub verify: Option<bool>,
    pub verify_depth: Option<i64>,
    pub trusted_certificate: Option<Word>,
    pub crl: Option<Word>,
    pub certificate: Option<(Word, Value)>,
    pub certificate_key: Option<(Word, Value)>,
    pub certificate_cache: Option<Option<Arc<Cache>>>,
    pub passwords: Option<Arc<Vec<Vec<u8>>>>,
    pub conf_commands: Option<Vec<(Word, Word)>>,
}

impl TlsRaw {
    /// Takes from the enclosing block what this one does not set.
    pub fn inherit(&mut self, parent: &Self) {
        macro_rules! fields {
            ($($field:ident)*) => {
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            };
        }
        fields! {
            session_reuse protocols ciphers name server_name verify verify_depth trusted_certificate crl certificate
            certificate_key certificate_cache passwords conf_commands
        }
    }

    /// What comes of it, in a block that uses it. `prefix` is `proxy` or `uwsgi`.
    pub fn build(&self, b: &mut Builder, prefix: &'static str) -> Option<Tls> {
        if !self.used {
            return None;
        }
        let client = context::client(b, self, prefix)?;
        let certificate = match (&self.certificate, &self.certificate_key) {
            (Some((_, certificate)), Some((_, key))) if is_computed(certificate, key) => {
                Some(Arc::new(Certificate {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    passwords: self.passwords.clone().unwrap_or_default(),
                    base: b.options.conf_prefix.clone(),
                    cache: self.certificate_cache.clone().flatten(),
                }))
            }
            _ => None,
        };
        Some(Tls {
            client,
            server_name: self.server_name.unwrap_or(false),
            verify: self.verify.unwrap_or(false),
            name: self.name.clone(),
            certificate,
        })
    }
}

/// Whether one of the two has variables.
pub fn is_computed(certificate: &Value, key: &Value) -> bool {
    certificate.as_literal().is_none() || key.as_literal().is_none()
}

/// `*_ssl_protocols`
///
/// # Errors
/// `invalid value "x"`
pub fn set_protocols(
    b: &mut Builder,
    node: &Node,
    raw: fn(&mut Builder) -> &mut TlsRaw,
) -> Result<(), Diagnostic> {
    for word in &node.args {
        let same = |name: &[u8]| word.text.eq_ignore_ascii_case(name);
        if !protocol::NAMES.iter().any(|name| same(name.as_bytes())) {
            let d = invalid(word).at(node.end);
            return Err(d.help(format!("it must be one of: {}", protocol::NAMES.join(", "))));
        }
        let list = raw(b).protocols.get_or_insert_default();
        if list.iter().any(|other| same(&other.text)) {
            b.warn(node, word, duplicate_value(word));
            continue;
        }
        list.push(word.clone());
    }
    Ok(())
}

/// A word, once.
///
/// # Errors
/// `is duplicate`
pub fn set_word(node: &Node, field: &mut Option<Word>) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    *field = node.arg(0).cloned();
    Ok(())
}

/// A value, once, and the word that it was.
///
/// # Errors
/// `is duplicate`, or a value that cannot be compiled.
pub fn set_value(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut Builder) -> &mut Option<(Word, Value)>,
) -> Result<(), Diagnostic> {
    if field(b).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    let value = Value::compile_inherited(b, word)?;
    *field(b) = Some((word.clone(), value));
    Ok(())
}

/// `*_ssl_name`
///
/// # Errors
/// `is duplicate`, or a value that cannot be compiled.
pub fn set_name(
    b: &mut Builder,
    node: &Node,
    raw: fn(&mut Builder) -> &mut TlsRaw,
) -> Result<(), Diagnostic> {
    if raw(b).name.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let value = Value::compile_inherited(b, node.arg(0).unwrap_or(&node.name))?;
    raw(b).name = Some(value);
    Ok(())
}

/// `*_ssl_conf_command`
pub fn add_command(raw: &mut TlsRaw, node: &Node) {
    if let (Some(name), Some(value)) = (node.arg(0), node.arg(1)) {
        let list = raw.conf_commands.get_or_insert_default();
        list.push((name.clone(), value.clone()));
    }
}

/// `*_ssl_password_file`
///
/// # Errors
/// `is duplicate`, or the file cannot be read.
pub fn set_passwords(
    b: &mut Builder,
    node: &Node,
    raw: fn(&mut Builder) -> &mut TlsRaw,
) -> Result<(), Diagnostic> {
    if raw(b).passwords.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    let passwords = crate::http::negotiation::passwords::read(b, &word.text)
        .map_err(|message| node.error_at(word, message))?;
    raw(b).passwords = Some(Arc::new(passwords));
    Ok(())
}

/// `*_ssl_certificate_cache`
///
/// # Errors
/// `is duplicate`, `invalid parameter "x"`, or there is no `max`.
pub fn set_cache(
    b: &mut Builder,
    node: &Node,
    raw: fn(&mut Builder) -> &mut TlsRaw,
) -> Result<(), Diagnostic> {
    if raw(b).certificate_cache.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let (mut max, mut off) = (0, false);
    let (mut inactive, mut valid) = (Duration::from_secs(10), Duration::from_secs(60));
    for word in &node.args {
        let bad = || invalid_parameter(word).at(node.end);
        if let Some(text) = parameter(word, "max") {
            let number = parse_number(text).and_then(|n| usize::try_from(n).ok());
            max = number.filter(|n| *n > 0).ok_or_else(bad)?;
        } else if let Some(text) = parameter(word, "inactive") {
            inactive = parse_seconds(text).ok_or_else(bad)?;
        } else if let Some(text) = parameter(word, "valid") {
            valid = parse_seconds(text).ok_or_else(bad)?;
        } else if word.text == "off" {
            off = true;
        } else {
            return Err(bad());
        }
    }
    if !off && max == 0 {
        let name = node.name.str();
        return Err(node.error(format!("\"{name}\" must have the \"max\" parameter")));
    }
    let cache = (!off).then(|| Arc::new(Cache::new(max, inactive, valid)));
    raw(b).certificate_cache = Some(cache);
    Ok(())
}

/// The directives of TLS with their prefix. `$at` leads from the builder to the settings.
#[macro_export]
macro_rules! upstream_tls_directives {
    ($prefix:literal, $at:path) => {{
        use $crate::config::directive::{Args, Directive};
        use $crate::cycle::context::EVERYWHERE;
        use $crate::http::upstream::tls::settings;
        &[
            Directive::flag(concat!($prefix, "_ssl_session_reuse"), EVERYWHERE, |b| &mut $at(b).session_reuse)
                .default("on").doc("Whether a session with a server is taken up again by the next connection to it."),
            Directive::custom(concat!($prefix, "_ssl_protocols"), EVERYWHERE, Args::AtLeast(1), |b, node| {
                settings::set_protocols(b, node, $at)
            }).syntax("[SSLv2] [SSLv3] [TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]").default("TLSv1.2 TLSv1.3")
                .doc("The versions of TLS. Those before TLSv1.2 cannot be had; -t says so."),
            Directive::custom(concat!($prefix, "_ssl_ciphers"), EVERYWHERE, Args::Exactly(1), |b, node| {
                settings::set_word(node, &mut $at(b).ciphers)
            }).syntax("ciphers").default("DEFAULT").doc("The cipher suites of TLSv1.2, in OpenSSL's language."),
            Directive::custom(concat!($prefix, "_ssl_name"), EVERYWHERE, Args::Exactly(1), |b, node| {
                settings::set_name(b, node, $at)
            }).syntax("name").doc("The name that the server's certificate must be for, and that is sent to it; the host of the address unless it is set."),
            Directive::flag(concat!($prefix, "_ssl_server_name"), EVERYWHERE, |b| &mut $at(b).server_name)
                .default("off").doc("Whether the name is sent to the server (SNI), which many need to choose a certificate."),
            Directive::flag(concat!($prefix, "_ssl_verify"), EVERYWHERE, |b| &mut $at(b).verify)
                .default("off").doc("Whether the server's certificate is verified. If not, whoever is on the way can pass for the server."),
            Directive::number(concat!($prefix, "_ssl_verify_depth"), EVERYWHERE, |b| &mut $at(b).verify_depth)
                .default("1").doc("How many certificates may stand between the server's and a trusted one."),
            Directive::custom(concat!($prefix, "_ssl_trusted_certificate"), EVERYWHERE, Args::Exactly(1), |b, node| {
                settings::set_word(node, &mut $at(b).trusted_certificate)
            }).syntax("file").doc("Certificates of the authorities that are trusted to vouch for servers, in PEM."),
            Directive::custom(concat!($prefix, "_ssl_crl"), EVERYWHERE, Args::Exactly(1), |b, node| {
                settings::set_word(node, &mut $at(b).crl)
            }).syntax("file").doc("Revocation lists, in PEM. With them every certificate must be covered by one."),
            Directive::custom(concat!($prefix, "_ssl_certificate"), EVERYWHERE, Args::Exactly(1), |b, node| {
                settings::set_value(b, node, |b| &mut $at(b).certificate)
            }).syntax("file").doc("Our certificate, for servers that ask for one: a file in PEM, or data: and the text itself."),
            Directive::custom(concat!($prefix, "_ssl_certificate_key"), EVERYWHERE, Args::Exactly(1), |b, node| {
                settings::set_value(b, node, |b| &mut $at(b).certificate_key)
            }).syntax("file").doc("Its key: a file in PEM, or data: and the text itself."),
            Directive::custom(concat!($prefix, "_ssl_certificate_cache"), EVERYWHERE, Args::Between(1, 3), |b, node| {
                settings::set_cache(b, node, $at)
            }).syntax("off | max=N [inactive=time] [valid=time]").default("off")
                .doc("How many certificates and keys whose names have variables are remembered, and for how long."),
            Directive::custom(concat!($prefix, "_ssl_password_file"), EVERYWHERE, Args::Exactly(1), |b, node| {
                settings::set_passwords(b, node, $at)
            }).syntax("file").doc("Passwords that encrypted keys are tried with, one a line."),
            Directive::custom(concat!($prefix, "_ssl_conf_command"), EVERYWHERE, Args::Exactly(2), |b, node| {
                settings::add_command($at(b), node);
                Ok(())
            }).syntax("name value").doc("A setting by OpenSSL's name for it, such as Ciphersuites or MinProtocol."),
        ]
    }};
}
