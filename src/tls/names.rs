//! Whom a certificate is for, and how long.

use super::verify::matches_name;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whether a certificate is over at this time (seconds of Unix time), or not begun.
pub fn validity(certificate: &CertificateDer<'_>, now: i64) -> Option<&'static str> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    if validity.not_after.timestamp() < now {
        return Some("has expired");
    }
    (validity.not_before.timestamp() > now).then_some("is not yet valid")
}

/// Whether a certificate is for a server with this name, which may be one of nginx's with a star at its start or its end
/// or a dot at its start.
pub fn covers(certificate: &CertificateDer<'_>, name: &str) -> bool {
    // Some host that the name means.
    let host = match name.strip_prefix("*.").or(name.strip_prefix('.')) {
        Some(rest) => format!("goodgate.{rest}"),
        None => name.to_owned(),
    };
    matches_name(certificate, host.as_bytes())
}

/// When a certificate ends, in seconds of Unix time.
pub fn ends(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}
