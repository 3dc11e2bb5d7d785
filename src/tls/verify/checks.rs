//! What each certificate of a path must be.

use super::certificate::Certificate;
use super::notes::Opinion;
use super::{Purpose, Report, VerifyError, signature};
use x509_parser::public_key::PublicKey;

/// Extensions: nothing critical that is unknown, CAs where there must be CAs, the purpose, the length of the path.
pub fn extensions(path: &[Certificate<'_>], purpose: Purpose, report: &mut Report) {
    let mut followers: u32 = 0;
    for (i, certificate) in path.iter().enumerate() {
        if certificate.says.broken {
            report.fail(VerifyError::BAD_EXTENSION);
        }
        if certificate.says.unknown_critical {
            report.fail(VerifyError::CRITICAL_EXTENSION);
        }
        let is_last = i + 1 == path.len();
        if i > 0 && !is_ca(certificate, is_last) {
            report.fail(VerifyError::NOT_A_CA);
        }
        if !serves(certificate, purpose, i > 0, is_last) {
            report.fail(VerifyError::PURPOSE);
        }
        let most = certificate.says.ca.and_then(|(_, most)| most);
        if i > 1 && most.is_some_and(|most| followers > most) {
            report.fail(VerifyError::PATH_TOO_LONG);
        }
        if i > 0 && !certificate.is_self_issued() {
            followers = followers.saturating_add(1);
        }
    }
}

/// Whether it may issue certificates. At the end of a path one of version 1 may, and one that merely has the right
/// `keyUsage`.
fn is_ca(certificate: &Certificate<'_>, is_last: bool) -> bool {
    let says = &certificate.says;
    if says.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return false;
    }
    match says.ca {
        Some((is_ca, _)) => is_ca,
        None if !is_last => false,
        None => {
            says.key_usage.is_some() || (certificate.is_version_1() && certificate.is_self_signed())
        }
    }
}

/// Whether it is meant for this use, or for issuing certificates that are.
fn serves(certificate: &Certificate<'_>, purpose: Purpose, issues: bool, is_last: bool) -> bool {
    match certificate.opinion {
        Opinion::Trusted => return true,
        Opinion::Rejected => return false,
        Opinion::Unsaid => {}
    }
    let says = &certificate.says;
    if let Some((server, client)) = says.extended
        && !(match purpose {
            Purpose::Client => client,
            Purpose::Server => server,
        })
    {
        return false;
    }
    if issues {
        return is_ca(certificate, is_last);
    }
    if let Some(usage) = says.key_usage
        && !(usage.digital_signature()
            || usage.key_agreement()
            || (purpose == Purpose::Server && usage.key_encipherment()))
    {
        return false;
    }
    says.netscape.as_ref().is_none_or(|kind| match purpose {
        Purpose::Client => kind.ssl_client(),
        Purpose::Server => kind.ssl_server(),
    })
}

/// RSA keys have 2048 bits at least.
pub fn strength(path: &[Certificate<'_>], report: &mut Report) {
    for (i, certificate) in path.iter().enumerate() {
        let bits = match certificate.x509.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => key.key_size(),
            _ => continue,
        };
        if bits < 2048 {
            report.fail(match i {
                0 => VerifyError::WEAK_KEY,
                _ => VerifyError::WEAK_CA_KEY,
            });
        }
    }
}

/// Signatures and times, from the trusted end of the path to the peer's certificate.
pub fn signatures_and_times(path: &[Certificate<'_>], now: i64, report: &mut Report) {
    let mut issuer: Option<&Certificate<'_>> = None;
    for certificate in path.iter().rev() {
        match issuer {
            Some(issuer) => {
                if issuer
                    .says
                    .key_usage
                    .is_some_and(|usage| !usage.key_cert_sign())
                {
                    report.fail(VerifyError::NO_CERT_SIGN);
                }
                if !signature::certificate(certificate, issuer) {
                    report.fail(match signature::is_known(certificate.algorithm) {
                        true => VerifyError::SIGNATURE,
                        false => VerifyError::WEAK_DIGEST,
                    });
                }
            }
            // The end of the path needs no signature if it is trusted, and has failed already if it is not.
            None if path.len() == 1 && !certificate.is_self_signed() => {
                report.fail(VerifyError::FIRST_NOT_VERIFIED);
            }
            None => {}
        }
        let validity = certificate.x509.validity();
        if now < validity.not_before.timestamp() {
            report.fail(VerifyError::NOT_YET_VALID);
        }
        if now > validity.not_after.timestamp() {
            report.fail(VerifyError::EXPIRED);
        }
        issuer = Some(certificate);
    }
}
