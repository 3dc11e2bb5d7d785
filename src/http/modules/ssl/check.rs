//! What an address with TLS needs.

use super::conf::{SslRaw, Verify};
use crate::config::table::Collector;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::{Location, Server, ServerId};

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
