//! Authorities that may only issue for some names (RFC 5280, 4.2.1.10). They are rare; what they mean is left to webpki, which
//! then judges the path once more.

use super::certificate::Certificate;
use super::{Purpose, Report, VerifyError};
use rustls::pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::extensions::{GeneralName, ParsedExtension};

/// Reports a name that an issuer of the path may not issue for.
pub fn check(path: &[Certificate<'_>], purpose: Purpose, now: i64, report: &mut Report) {
    let constrained = path.iter().skip(1).any(|c| c.says.constrains_names);
    // A path that has failed already needs no further opinion, and webpki's is one on all of it.
    if !constrained || report.last.is_some() {
        return;
    }
    let Some((peer, issuers)) = path.split_first() else {
        return;
    };
    if !has_alternative_names(peer) || !holds(peer, issuers, purpose, now) {
        report.fail(VerifyError::NAME_CONSTRAINTS);
    }
}

/// Without alternative names the common name counts as one, but webpki does not hold that against constraints.
fn has_alternative_names(peer: &Certificate<'_>) -> bool {
    let mut extensions = peer.x509.tbs_certificate.iter_extensions();
    extensions.any(|e| match e.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => {
            let mut names = names.general_names.iter();
            names.any(|name| matches!(name, GeneralName::DNSName(_)))
        }
        _ => false,
    })
}

fn holds(peer: &Certificate<'_>, issuers: &[Certificate<'_>], purpose: Purpose, now: i64) -> bool {
    let Some((anchor, between)) = issuers.split_last() else {
        return false;
    };
    let (peer, anchor) = (
        CertificateDer::from(peer.der),
        CertificateDer::from(anchor.der),
    );
    let between: Vec<_> = between
        .iter()
        .map(|c| CertificateDer::from(c.der))
        .collect();
    let (Ok(peer), Ok(anchor)) = (
        EndEntityCert::try_from(&peer),
        anchor_from_trusted_cert(&anchor),
    ) else {
        return false;
    };
    let usage = match purpose {
        Purpose::Client => KeyUsage::client_auth(),
        Purpose::Server => KeyUsage::server_auth(),
    };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or(0)));
    let algorithms = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .all;
    peer.verify_for_usage(algorithms, &[anchor], &between, now, usage, None, None)
        .is_ok()
}
