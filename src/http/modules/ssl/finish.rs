//! From settings to what handshakes are made with: certificates loaded, everything checked, in nginx's order.

use super::conf::{Builtin, SslRaw, Verify};
use super::lookup::Lookup;
use super::material::Loaded;
use super::tls::{Context, Tls};
use super::{material, stapling};
use crate::config::tree::Word;
use crate::cycle::Builder;
use crate::http::conf::{Location, Server};
use crate::http::negotiation::Choices;
use crate::http::negotiation::command::{self, Extra};
use crate::http::negotiation::report::Report;
use crate::http::value::Value;
use crate::http::zone;
use crate::tls::identity;
use crate::tls::select::{Certificate, Certificates, Preference};
use crate::tls::server;
use crate::tls::session::{self, Cache, Limit, Sessions};
use crate::tls::ticket::{Keys, Tickets};
use aws_lc_rs::digest;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Gives each server its TLS. Servers that share their settings share all of it.
pub fn finish(b: &mut Builder, servers: &mut [Server], locations: &[Location]) {
    let mut known: HashMap<*const SslRaw, Option<Arc<Tls>>> = HashMap::new();
    let mut loaded = Loaded::new();
    for server in servers.iter_mut() {
        let Some(location) = locations.get(server.location.0 as usize) else {
            continue;
        };
        let raw = &location.ssl;
        let made = known.entry(Arc::as_ptr(raw));
        server.tls = made
            .or_insert_with(|| tls(b, raw, &mut loaded).map(Arc::new))
            .clone();
    }
    super::check::listens(b, servers, locations);
}

/// `None` if there is nothing to it, or after an error.
fn tls(b: &mut Builder, raw: &SslRaw, loaded: &mut Loaded) -> Option<Tls> {
    if !raw.has_context() && raw.verify() == Verify::Off {
        return None;
    }
    let mut tls = Tls {
        verify: raw.verify(),
        depth: raw
            .verify_depth
            .map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        trust: Arc::default(),
        reject: raw.reject_handshake.unwrap_or(false),
        context: None,
    };
    if !raw.has_context() {
        return Some(tls);
    }
    tls.context = Some(context(&mut Report { b }, raw, &mut tls.trust, loaded)?);
    Some(tls)
}

fn context(
    report: &mut Report<'_>,
    raw: &SslRaw,
    trust: &mut Arc<crate::tls::verify::Trust>,
    loaded: &mut Loaded,
) -> Option<Context> {
    let pairs = pairs(report, raw)?;
    let written = raw.written();
    let mut choices = Choices::of(&written, report)?;
    choices.own_order = raw.prefer_server_ciphers.unwrap_or(false);
    let lookup = lookup(report, raw, &pairs)?;
    let mut certificates = match lookup {
        Some(_) => Vec::new(),
        None => material::certificates(report, raw, &pairs, loaded)?,
    };
    unsupported(report, raw);
    let authorities = material::trust(report, raw, trust)?;
    material::dhparam(report, raw)?;
    if !choices.set_curves(&written, report) {
        return None;
    }
    let ticket_files = material::ticket_keys(report, raw)?;
    let responders = stapling::set(report, raw, &pairs, trust, &mut certificates)?;
    let mut extra = Extra::default();
    let commands = raw.conf_commands.as_deref().unwrap_or_default();
    if !command::apply(commands, &written, &mut choices, &mut extra, report)
        || !choices.settle(&written, report)
    {
        return None;
    }
    if let Some(certificate) = &extra.certificate {
        let pair = (
            certificate.clone(),
            extra.key.as_ref().unwrap_or(certificate).clone(),
        );
        certificates.extend(material::certificates(report, raw, &[pair], loaded)?);
    }
    let names = authorities.as_deref().map(server::names);
    let context = session_context(&certificates, &pairs, names.as_deref().unwrap_or_default());
    let timeout = raw.session_timeout.unwrap_or(Duration::from_secs(300));
    let early_data = raw.early_data.as_ref().is_some_and(is_on);
    let mut cache = cache(raw);
    let mut tickets = choices
        .session_tickets
        .unwrap_or(raw.session_tickets.unwrap_or(true));
    if early_data {
        // What a client sends early could be sent again by anybody; only a session that is kept here is good for once.
        tickets = false;
        cache = cache.or_else(|| Some(Arc::new(Cache::new(Limit::Sessions(BUILTIN)))));
    }
    let keys = match (tickets, ticket_files.is_empty()) {
        (false, _) => None,
        (true, true) => Some(rotating_keys(timeout)),
        (true, false) => Keys::from_files(&ticket_files).map(Arc::new),
    };
    let suites = choices.suites();
    let certificates = Certificates {
        all: certificates,
        preference: Arc::new(Preference::new(
            &suites,
            choices.own_order,
            choices.versions.tls13,
        )),
    };
    let parts = server::Parts {
        versions: choices.versions,
        suites,
        groups: choices.groups.clone(),
        own_order: choices.own_order,
        record: usize::try_from(raw.buffer_size.unwrap_or(u64::MAX)).unwrap_or(usize::MAX),
        certificates: Arc::new(certificates.clone()),
        client_authorities: (raw.verify() != Verify::Off).then(|| names.unwrap_or_default()),
        sessions: Sessions {
            cache,
            context,
            timeout,
        },
        tickets: Tickets {
            keys,
            context,
            timeout,
        },
        early_data: if early_data { MOST_EARLY_DATA } else { 0 },
    };
    match server::config(parts) {
        Ok(mut config) => {
            if let Some(number) = choices.tickets {
                config.send_tls13_tickets = number;
            }
            Some(Context::new(config, lookup, certificates, responders))
        }
        Err(error) => {
            report.error(
                format!("TLS cannot be spoken with these settings: {error}"),
                None,
            );
            None
        }
    }
}

/// How many sessions a cache keeps that nobody gave a size.
const BUILTIN: usize = 20480;
/// nginx's limit of early data.
const MOST_EARLY_DATA: u32 = 16384;

fn is_on(word: &Word) -> bool {
    word.text.eq_ignore_ascii_case(b"on")
}

/// Each certificate with its key.
fn pairs(report: &mut Report<'_>, raw: &SslRaw) -> Option<Vec<(Word, Word)>> {
    let certificates = raw.certificates.as_deref().unwrap_or_default();
    let keys = raw.certificate_keys.as_deref().unwrap_or_default();
    if let (true, Some(last)) = (keys.len() < certificates.len(), certificates.last()) {
        let name = last.str();
        let message = format!("no \"ssl_certificate_key\" is defined for certificate \"{name}\"");
        report.error(message, Some(last));
        return None;
    }
    Some(
        certificates
            .iter()
            .cloned()
            .zip(keys.iter().cloned())
            .collect(),
    )
}

/// What is to be looked up at each handshake, if there are variables.
fn lookup(report: &mut Report<'_>, raw: &SslRaw, pairs: &[(Word, Word)]) -> Option<Option<Lookup>> {
    let has_variables = |word: &Word| memchr::memchr(b'$', &word.text).is_some();
    if !pairs
        .iter()
        .any(|(a, k)| has_variables(a) || has_variables(k))
    {
        return Some(None);
    }
    let mut values = Vec::new();
    for (certificate, key) in pairs {
        let compiled = [certificate, key].map(|word| Value::compile(report.b, word));
        match compiled {
            [Ok(certificate), Ok(key)] => values.push((certificate, key)),
            [Err(d), _] | [_, Err(d)] => {
                crate::config::table::Collector::report(report.b, d);
                return None;
            }
        }
    }
    let cache = raw.certificate_cache.flatten();
    Some(Some(Lookup {
        pairs: values,
        passwords: raw.passwords.clone().unwrap_or_default(),
        base: report.b.options.conf_prefix.clone(),
        cache: cache.map(|cache| identity::Cache::new(cache.max, cache.inactive, cache.valid)),
    }))
}

/// What nginx itself does without where OpenSSL does not have it.
fn unsupported(report: &mut Report<'_>, raw: &SslRaw) {
    if raw.certificate_compression == Some(true) {
        let message = "\"ssl_certificate_compression\" is not supported on this platform, ignored";
        report.warn(message.to_owned(), None, "");
    }
    if let Some(word) = raw.ech_files.as_ref().and_then(|words| words.first()) {
        let message = "\"ssl_ech_file\" is not supported on this platform, ignored";
        report.warn(message.to_owned(), Some(word), "");
    }
}

/// Where sessions are kept.
fn cache(raw: &SslRaw) -> Option<Arc<Cache>> {
    match (raw.builtin_cache, &raw.shared_cache) {
        (None | Some(Builtin::Off | Builtin::None), _) => None,
        (Some(_), Some((name, size))) => {
            let bytes = usize::try_from(zone::usable(*size)).unwrap_or(usize::MAX);
            let new = || Cache::new(Limit::Bytes(bytes));
            Some(zone::state("ssl_session_cache", name, *size, new))
        }
        (Some(Builtin::Sessions(number)), None) => {
            Some(Arc::new(Cache::new(Limit::Sessions(number))))
        }
        (Some(Builtin::SharedOnly), None) => None,
    }
}

/// Keys of tickets that nobody gave: the same for all servers, and kept over a reload.
fn rotating_keys(timeout: Duration) -> Arc<Keys> {
    let new = || Keys::rotating(timeout);
    zone::state("ssl_session_tickets", &Bytes::new(), timeout.as_secs(), new)
}

/// What sessions belong to: certificates and the authorities of clients. Those with variables in their names go by these.
fn session_context(
    certificates: &[Certificate],
    pairs: &[(Word, Word)],
    authorities: &[rustls::DistinguishedName],
) -> session::Context {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut add = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for certificate in certificates {
        add(certificate.certified.cert.first().map_or(b"", |leaf| leaf));
    }
    if certificates.is_empty() {
        for (certificate, key) in pairs {
            add(&certificate.text);
            add(&key.text);
        }
    }
    for name in authorities {
        add(name.as_ref());
    }
    let mut context = session::Context::default();
    context.copy_from_slice(hash.finish().as_ref());
    context
}
