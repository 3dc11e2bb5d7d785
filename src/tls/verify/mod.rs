//! Whether a chain of certificates leads to one that is trusted.
//!
//! The rules are OpenSSL's with the flags that nginx sets, as far as they can be told apart from outside: certificates of
//! version 1 may end a chain, a self-signed certificate may be trusted by itself, `depth` counts the certificates between
//! the peer's and the trusted one. They are stricter than RFC 5280's only where cryptography has moved on: RSA keys of less than
//! 2048 bits and SHA-1 are refused. webpki checks signatures, and names where a CA is constrained to some.
//!
//! nginx lets OpenSSL go on after an error and shows the last one. So do we: everything is looked at, in OpenSSL's order.

mod certificate;
mod checks;
mod constraints;
mod crl;
mod error;
mod host;
mod notes;
mod path;
mod signature;
mod trust;

pub use error::VerifyError;
pub use host::matches_name;
pub use signature::{is_signed, verify_tls12, verify_tls13};
pub use trust::{Trust, TrustError};

use certificate::Certificate;
use rustls::pki_types::{CertificateDer, UnixTime};

/// What the peer uses its certificate for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is a client of ours.
    Client,
    /// It is a server that we talk to.
    Server,
}

/// Verifies a chain as the peer sent it, its own certificate first. At most `depth` certificates may stand between that one
/// and the trusted one (`ssl_verify_depth`, `proxy_ssl_verify_depth`).
///
/// # Errors
/// What OpenSSL would say last.
pub fn verify_chain(
    chain: &[CertificateDer<'_>],
    trust: &Trust,
    purpose: Purpose,
    depth: u32,
    now: UnixTime,
) -> Result<(), VerifyError> {
    let mut report = Report::default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let mut sent = Vec::with_capacity(chain.len());
    for (i, der) in chain.iter().enumerate() {
        match Certificate::parse(der) {
            Some(certificate) => sent.push(certificate),
            // What merely came with it and cannot be read is of no use.
            None if i > 0 => {}
            None => return Err(VerifyError::UNSPECIFIED),
        }
    }
    let path = path::build(sent, trust, purpose, depth, now, &mut report);
    if path.is_empty() {
        return Err(VerifyError::UNSPECIFIED);
    }
    checks::extensions(&path, purpose, &mut report);
    checks::strength(&path, &mut report);
    crl::check(&path, trust, now, &mut report);
    checks::signatures_and_times(&path, now, &mut report);
    constraints::check(&path, purpose, now, &mut report);
    report.last.map_or(Ok(()), Err)
}

/// Whether a certificate is signed by the key of another.
pub fn is_issued(certificate: &[u8], issuer: &[u8]) -> bool {
    match (Certificate::parse(certificate), Certificate::parse(issuer)) {
        (Some(certificate), Some(issuer)) => signature::certificate(&certificate, &issuer),
        _ => false,
    }
}

/// What has been found wrong so far.
#[derive(Default)]
struct Report {
    last: Option<VerifyError>,
}

impl Report {
    fn fail(&mut self, error: VerifyError) {
        self.last = Some(error);
    }
}

#[cfg(test)]
mod tests;
