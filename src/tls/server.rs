//! The settings that rustls serves clients with.

use super::client_cert::AskOnly;
use super::protocol::Versions;
use super::session::Sessions;
use super::ticket::Tickets;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::{DistinguishedName, ServerConfig, SupportedCipherSuite};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a server's settings of TLS come to.
pub struct Parts {
    /// The versions; at least one.
    pub versions: Versions,
    /// The suites, those of TLS 1.3 too; at least one for each version.
    pub suites: Vec<SupportedCipherSuite>,
    /// The groups for the exchange of keys; at least one.
    pub groups: Vec<&'static dyn SupportedKxGroup>,
    /// Whether the order of the suites counts, not the client's.
    pub own_order: bool,
    /// The most bytes in a record.
    pub record: usize,
    /// The certificates.
    pub certificates: Arc<dyn ResolvesServerCert>,
    /// Whether clients are asked for a certificate, with the names of the authorities that are told to them.
    pub client_authorities: Option<Vec<DistinguishedName>>,
    /// Sessions that are kept here.
    pub sessions: Sessions,
    /// Sessions that clients keep.
    pub tickets: Tickets,
    /// The most bytes of early data; 0: none is taken.
    pub early_data: u32,
}

/// The most bytes that a record can have.
const LARGEST_RECORD: usize = 16384;
/// The fewest that rustls lets it have.
const SMALLEST_RECORD: usize = 32;

/// Puts the settings together. ALPN is left to the caller.
///
/// # Errors
/// The versions, suites and groups leave nothing to negotiate.
pub fn config(parts: Parts) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: parts.suites,
        kx_groups: parts.groups,
        ..aws_lc_rs::default_provider()
    });
    let verifier = match parts.client_authorities {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(hints) => Arc::new(AskOnly {
            hints,
            algorithms: provider.signature_verification_algorithms,
        }),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&parts.versions.list())?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(parts.certificates);
    config.ignore_client_order = parts.own_order;
    config.max_fragment_size =
        (parts.record < LARGEST_RECORD).then(|| parts.record.max(SMALLEST_RECORD));
    config.max_early_data_size = parts.early_data;
    if parts.sessions.cache.is_none() {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if !rustls::server::ProducesTickets::enabled(&parts.tickets) {
            config.send_tls13_tickets = 0;
        }
    } else {
        config.session_storage = Arc::new(parts.sessions);
    }
    config.ticketer = Arc::new(parts.tickets);
    Ok(config)
}

/// All groups, the one that also withstands quantum computers first.
pub fn default_groups() -> Vec<&'static dyn SupportedKxGroup> {
    aws_lc_rs::default_provider().kx_groups
}

/// The names of authorities, each once.
pub fn names(authorities: &[CertificateDer<'_>]) -> Vec<DistinguishedName> {
    let mut names: Vec<DistinguishedName> = Vec::new();
    for der in authorities {
        if let Ok((_, certificate)) = X509Certificate::from_der(der) {
            let name = DistinguishedName::from(certificate.subject().as_raw().to_vec());
            if !names.iter().any(|n| n.as_ref() == name.as_ref()) {
                names.push(name);
            }
        }
    }
    names
}
