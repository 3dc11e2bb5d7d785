//! What `-t` says about certificates, and what an address with TLS needs.

use super::conf::{SslRaw, Verify};
use crate::config::table::Collector;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::{Location, Server, ServerId};
use crate::http::negotiation::report::Report;
use crate::tls::names::{covers, validity};
use std::collections::HashSet;

/// Warns of certificates that are over, and of servers whose certificate is for none of their names.
pub fn names(b: &mut Builder, servers: &[Server], locations: &[Location]) {
    let now = i64::try_from(crate::clock::unix_time().as_secs()).unwrap_or(i64::MAX);
    let mut known: HashSet<*const SslRaw> = HashSet::new();
    for server in servers {
        let Some(raw) = raw(server, locations) else {
            continue;
        };
        let Some(context) = server.tls.as_ref().and_then(|tls| tls.context.as_ref()) else {
            continue;
        };
        let leaves: Vec<_> = context
            .certificates
            .iter()
            .filter_map(|c| c.certified.cert.first())
            .collect();
        let words = raw.certificates.as_deref().unwrap_or_default();
        if known.insert(std::ptr::from_ref(raw)) {
            for (leaf, word) in leaves.iter().zip(words) {
                if let Some(what) = validity(leaf, now) {
                    let message = format!("certificate \"{}\" {what}", word.str());
                    Report { b }.warn(message, Some(word), "");
                }
            }
        }
        let Some(builder) = b.http.servers.get(server.id.0 as usize) else {
            continue;
        };
        let named: Vec<(String, _)> = builder
            .names
            .iter()
            .filter(|name| name.regex.is_none() && is_a_name(&name.name))
            .map(|name| (String::from_utf8_lossy(&name.name).into_owned(), name.span))
            .collect();
        let covered = |name: &str| leaves.iter().any(|leaf| covers(leaf, name));
        if leaves.is_empty() || named.is_empty() || named.iter().any(|(name, _)| covered(name)) {
            continue;
        }
        let Some(((name, span), word)) = named.first().zip(words.first()) else {
            continue;
        };
        let message = format!(
            "certificate \"{}\" is for no name of the server \"{name}\"",
            word.str()
        );
        let d = Diagnostic::warning(message).at(*span);
        b.report(
            d.label(*span, "this name is not in it")
                .label(word.span, "the certificate"),
        );
    }
}

/// Whether something of that name can be asked for.
fn is_a_name(name: &[u8]) -> bool {
    !name.is_empty() && name != b"_" && !name.ends_with(b".*")
}

/// Sees to it that every address with TLS has a certificate for those who do not say whom they want.
pub fn listens(b: &mut Builder, servers: &[Server], locations: &[Location]) {
    let mut missing = None;
    for (default, all) in b.http.ports.with_tls() {
        let settings = |id: &ServerId| raw(servers.get(id.0 as usize)?, locations);
        let without = |id: &&ServerId| settings(id).is_none_or(|raw| !raw.has_context());
        let Some(raw) = settings(&default).filter(|raw| raw.certificates.is_none()) else {
            continue;
        };
        missing = match raw.reject_handshake {
            Some(true) => all.iter().find(without).copied(),
            _ => Some(default),
        };
        if missing.is_some() {
            break;
        }
    }
    let Some(server) = missing.and_then(|id| servers.get(id.0 as usize)) else {
        return;
    };
    let Some(location) = locations.get(server.location.0 as usize) else {
        return;
    };
    let place = b.sources.place(location.span);
    let message = format!(
        "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive in {place}"
    );
    b.report(
        Diagnostic::new(message)
            .label(location.span, "this server needs one")
            .help("ssl_certificate and ssl_certificate_key name the files; ssl_reject_handshake on does without"),
    );
}

fn raw<'a>(server: &Server, locations: &'a [Location]) -> Option<&'a SslRaw> {
    let location = locations.get(server.location.0 as usize)?;
    Some(&location.ssl)
}

/// Whether a server's clients are asked for a certificate.
pub fn verifies(server: &Server) -> bool {
    server
        .tls
        .as_ref()
        .is_some_and(|tls| tls.verify != Verify::Off)
}
