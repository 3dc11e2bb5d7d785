//! The directives of nginx's `ngx_http_ssl_module`.

use super::conf::{Builtin, CertificateCache, SslRaw, Verify};
use super::passwords;
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::{Node, Word};
use crate::config::value::{parse_number, parse_seconds, parse_size};
use crate::cycle::context::{HTTP, SERVER};
use crate::cycle::{Builder, duplicate_value, invalid, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use crate::http::zone::PAGE;
use crate::tls::protocol;
use bytes::Bytes;
use std::time::Duration;

const HERE: Contexts = Contexts(HTTP.0 | SERVER.0);

type D = Directive<Builder>;

fn raw(b: &mut Builder) -> &mut SslRaw {
    b.http.here().ssl()
}

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("ssl_certificate", HERE, Args::Exactly(1), |b, node| add(b, node, |raw| &mut raw.certificates))
        .syntax("file | data:certificate")
        .doc("The server's certificate and those of the authorities between it and one that clients trust, in PEM. Variables are \
              looked up at each handshake. With several certificates, each client gets one whose key it can check."),
    D::custom("ssl_certificate_key", HERE, Args::Exactly(1), |b, node| add(b, node, |raw| &mut raw.certificate_keys))
        .syntax("file | data:key")
        .doc("The private key of the certificate, in PEM: RSA from 2048 bits, P-256, P-384, P-521 or Ed25519."),
    D::custom("ssl_certificate_cache", HERE, Args::Between(1, 3), set_certificate_cache)
        .syntax("off | max=number [inactive=time] [valid=time]")
        .default("off")
        .doc("How many certificates and keys with variables in their names are kept, how long without being used, and after what \
              time their files are looked at again."),
    D::flag("ssl_certificate_compression", HERE, |b| &mut raw(b).certificate_compression)
        .default("off")
        .doc("Not supported: certificates are sent as they are, and -t says so."),
    D::custom("ssl_ech_file", HERE, Args::Exactly(1), |b, node| add(b, node, |raw| &mut raw.ech_files))
        .syntax("file")
        .doc("Not supported: names of servers are not encrypted, and -t says so."),
    D::custom("ssl_password_file", HERE, Args::Exactly(1), passwords::set)
        .syntax("file")
        .doc("A file with the passwords of keys, one a line; each is tried."),
    D::custom("ssl_dhparam", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.dhparam))
        .syntax("file")
        .doc("Without effect, and -t says so: there are no suites with DHE."),
    D::custom("ssl_ecdh_curve", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.ecdh_curve))
        .syntax("curve")
        .default("auto")
        .doc("The groups for the exchange of keys, with colons between; auto is X25519MLKEM768, X25519, P-256 and P-384."),
    D::custom("ssl_protocols", HERE, Args::AtLeast(1), set_protocols)
        .syntax("[SSLv2] [SSLv3] [TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]")
        .default("TLSv1.2 TLSv1.3")
        .doc("The versions of the protocol. Those before TLSv1.2 cannot be had; -t says so."),
    D::custom("ssl_ciphers", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.ciphers))
        .syntax("ciphers")
        .default("HIGH:!aNULL:!MD5")
        .doc("The cipher suites of TLSv1.2 in OpenSSL's language. Of those that it names, the ones with ECDHE and AES-GCM or \
              ChaCha20 are used."),
    D::size("ssl_buffer_size", HERE, |b| &mut raw(b).buffer_size)
        .default("16k")
        .doc("The most bytes that are encrypted together, and that clients must have before they can read the first."),
    D::custom("ssl_verify_client", HERE, Args::Exactly(1), set_verify)
        .syntax("on | off | optional | optional_no_ca")
        .default("off")
        .doc("Whether clients are asked for a certificate, and must have one that is verified."),
    D::number("ssl_verify_depth", HERE, |b| &mut raw(b).verify_depth)
        .default("1")
        .doc("How many authorities may stand between the certificate of a client and one that is trusted."),
    D::custom("ssl_client_certificate", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.client_certificate))
        .syntax("file")
        .doc("The authorities that clients' certificates are verified with; their names are sent to clients."),
    D::custom("ssl_trusted_certificate", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.trusted_certificate))
        .syntax("file")
        .doc("The same, but their names are not sent."),
    D::flag("ssl_prefer_server_ciphers", HERE, |b| &mut raw(b).prefer_server_ciphers)
        .default("off")
        .doc("Whether the order of ssl_ciphers counts more than that of the client."),
    D::custom("ssl_session_cache", HERE, Args::Between(1, 2), set_session_cache)
        .syntax("off | none | [builtin[:size]] [shared:name:size]")
        .default("none")
        .doc("Where sessions are kept, so that a client that comes back need not do a whole handshake. All threads share all \
              caches."),
    D::flag("ssl_session_tickets", HERE, |b| &mut raw(b).session_tickets)
        .default("on")
        .doc("Whether clients keep their sessions themselves, encrypted."),
    D::custom("ssl_session_ticket_key", HERE, Args::Exactly(1), |b, node| add(b, node, |raw| &mut raw.ticket_keys))
        .syntax("file")
        .doc("A file of 48 or 80 random bytes that tickets are encrypted with, so that several servers take each other's. The \
              first file encrypts, all decrypt."),
    D::seconds("ssl_session_timeout", HERE, |b| &mut raw(b).session_timeout)
        .default("5m")
        .doc("How long a session can be taken up again."),
    D::custom("ssl_crl", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.crl))
        .syntax("file")
        .doc("Lists of revoked certificates, in PEM, for the certificates of clients."),
    D::custom("ssl_stapling", HERE, Args::Exactly(1), |b, node| set_flag_word(b, node, |raw| &mut raw.stapling))
        .syntax("on | off")
        .default("off")
        .doc("Whether the server sends what the issuer of its certificate says about it (OCSP)."),
    D::custom("ssl_stapling_file", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.stapling_file))
        .syntax("file")
        .doc("A file with that answer, in DER."),
    D::custom("ssl_stapling_responder", HERE, Args::Exactly(1), |b, node| set(b, node, |raw| &mut raw.stapling_responder))
        .syntax("url")
        .doc("Where to ask for it, instead of the address in the certificate."),
    D::flag("ssl_stapling_verify", HERE, |b| &mut raw(b).stapling_verify)
        .default("off")
        .doc("Whether the answer is verified."),
    D::custom("ssl_early_data", HERE, Args::Exactly(1), |b, node| set_flag_word(b, node, |raw| &mut raw.early_data))
        .syntax("on | off")
        .default("off")
        .doc("Whether clients that come back may send data with their first message. Their requests are answered only when the \
              handshake is complete, so that a replayed one has no effect."),
    D::custom("ssl_conf_command", HERE, Args::Exactly(2), add_command)
        .syntax("name value")
        .doc("Settings by OpenSSL's names: Ciphersuites, CipherString, Groups, Curves, MinProtocol, MaxProtocol, Protocol and \
              Options."),
    D::flag("ssl_reject_handshake", HERE, |b| &mut raw(b).reject_handshake)
        .default("off")
        .doc("Whether handshakes for this server are refused, as for names that no server has."),
];

fn set(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut SslRaw) -> &mut Option<Word>,
) -> Result<(), Diagnostic> {
    let field = field(raw(b));
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    *field = node.arg(0).cloned();
    Ok(())
}

/// `on` or `off`, with its place.
fn set_flag_word(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut SslRaw) -> &mut Option<Word>,
) -> Result<(), Diagnostic> {
    set(b, node, field)?;
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    if word.text.eq_ignore_ascii_case(b"on") || word.text.eq_ignore_ascii_case(b"off") {
        return Ok(());
    }
    let (value, name) = (word.str(), node.name.str());
    let message =
        format!("invalid value \"{value}\" in \"{name}\" directive, it must be \"on\" or \"off\"");
    Err(node.error_at(word, message))
}

fn add(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut SslRaw) -> &mut Option<Vec<Word>>,
) -> Result<(), Diagnostic> {
    let list = field(raw(b)).get_or_insert_default();
    list.extend(node.arg(0).cloned());
    Ok(())
}

fn add_command(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if let (Some(name), Some(value)) = (node.arg(0), node.arg(1)) {
        let list = raw(b).conf_commands.get_or_insert_default();
        list.push((name.clone(), value.clone()));
    }
    Ok(())
}

fn set_protocols(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let known = protocol::NAMES
            .iter()
            .any(|name| word.text.eq_ignore_ascii_case(name.as_bytes()));
        if !known {
            return Err(invalid(word));
        }
        let list = raw(b).protocols.get_or_insert_default();
        if list
            .iter()
            .any(|other| other.text.eq_ignore_ascii_case(&word.text))
        {
            b.warn(node, word, duplicate_value(word));
            continue;
        }
        list.push(word.clone());
    }
    Ok(())
}

fn set_verify(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let field = &mut raw(b).verify;
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    *field = Some(match &word.text.to_ascii_lowercase()[..] {
        b"off" => Verify::Off,
        b"on" => Verify::On,
        b"optional" => Verify::Optional,
        b"optional_no_ca" => Verify::OptionalNoCa,
        _ => return Err(invalid(word)),
    });
    Ok(())
}

fn set_certificate_cache(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if raw(b).certificate_cache.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let mut cache = CertificateCache {
        max: 0,
        inactive: Duration::from_secs(10),
        valid: Duration::from_secs(60),
    };
    let mut off = false;
    for word in &node.args {
        let bad = || invalid_parameter(word);
        if let Some(text) = parameter(word, "max") {
            let max = parse_number(text).and_then(|n| usize::try_from(n).ok());
            cache.max = max.filter(|n| *n > 0).ok_or_else(bad)?;
        } else if let Some(text) = parameter(word, "inactive") {
            cache.inactive = parse_seconds(text).ok_or_else(bad)?;
        } else if let Some(text) = parameter(word, "valid") {
            cache.valid = parse_seconds(text).ok_or_else(bad)?;
        } else if &word.text[..] == b"off" {
            off = true;
        } else {
            return Err(bad());
        }
    }
    if !off && cache.max == 0 {
        return Err(node.error("\"ssl_certificate_cache\" must have the \"max\" parameter"));
    }
    raw(b).certificate_cache = Some((!off).then_some(cache));
    Ok(())
}

/// How many sessions OpenSSL's own cache keeps unless told otherwise.
const BUILTIN_SESSIONS: usize = 20480;

fn set_session_cache(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let bad = || node.error_at(word, format!("invalid session cache \"{}\"", word.str()));
        match &word.text[..] {
            b"off" => raw(b).builtin_cache = Some(Builtin::Off),
            b"none" => raw(b).builtin_cache = Some(Builtin::None),
            b"builtin" => raw(b).builtin_cache = Some(Builtin::Sessions(BUILTIN_SESSIONS)),
            text => {
                if let Some(size) = text.strip_prefix(b"builtin:").filter(|t| !t.is_empty()) {
                    let size = parse_number(size).and_then(|n| usize::try_from(n).ok());
                    raw(b).builtin_cache = Some(Builtin::Sessions(size.ok_or_else(bad)?));
                    continue;
                }
                let rest = text.strip_prefix(b"shared:").ok_or_else(bad)?;
                let colon = memchr::memchr(b':', rest)
                    .filter(|at| *at > 0)
                    .ok_or_else(bad)?;
                let (name, size) = rest.split_at(colon);
                let size = parse_size(size.get(1..).unwrap_or_default()).ok_or_else(bad)?;
                if size < 8 * PAGE {
                    let message = format!("session cache \"{}\" is too small", word.str());
                    return Err(node.error_at(word, message));
                }
                let name: Bytes = word.text.slice_ref(name);
                let declared = b
                    .http
                    .zones
                    .declare(&name, size, "ssl_session_cache", word.span);
                declared.map_err(|message| node.error_at(word, message))?;
                raw(b).shared_cache = Some((name, size));
            }
        }
    }
    let raw = raw(b);
    if raw.shared_cache.is_some() && raw.builtin_cache.is_none() {
        raw.builtin_cache = Some(Builtin::SharedOnly);
    }
    Ok(())
}
