//! Revocation lists. If there are any, every certificate of a path must be covered by one.

use super::certificate::{Certificate, comparable, tlv};
use super::trust::Trust;
use super::{Report, VerifyError, signature};
use std::collections::HashSet;
use std::sync::OnceLock;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// A revocation list.
pub struct Crl {
    issuer: Vec<u8>,
    issuer_key: Option<Vec<u8>>,
    signed: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    this_update: i64,
    next_update: Option<i64>,
    /// Whether it says something that we do not understand and must.
    unknown_critical: bool,
    /// Whether it covers some certificates of its issuer only.
    scoped: bool,
    revoked: HashSet<Box<[u8]>>,
    /// The key that its signature was found to be of: a list is long, and verified once.
    verified: OnceLock<Vec<u8>>,
}

impl Crl {
    /// Takes a list apart; `None` if it is none.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (rest, crl) = CertificateRevocationList::from_der(der).ok()?;
        if !rest.is_empty() || crl.tbs_cert_list.signature != crl.signature_algorithm {
            return None;
        }
        let signed: &[u8] = crl.tbs_cert_list.as_ref();
        let (_, body, _) = tlv(der)?;
        let (_, algorithm, _) = tlv(body.get(signed.len()..)?)?;
        let mut out = Crl {
            issuer: comparable(crl.issuer()),
            issuer_key: None,
            signed: signed.to_vec(),
            algorithm: algorithm.to_vec(),
            signature: crl.signature_value.data.to_vec(),
            this_update: crl.last_update().timestamp(),
            next_update: crl.next_update().map(|time| time.timestamp()),
            unknown_critical: false,
            scoped: false,
            revoked: HashSet::new(),
            verified: OnceLock::new(),
        };
        for extension in crl.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    out.issuer_key = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                ParsedExtension::IssuingDistributionPoint(_) => out.scoped = true,
                ParsedExtension::CRLNumber(_) => {}
                _ => out.unknown_critical |= extension.critical,
            }
        }
        for entry in crl.iter_revoked_certificates() {
            // An entry about another issuer's certificate says so in a critical extension.
            out.unknown_critical |= entry.extensions().iter().any(|e| e.critical);
            out.revoked.insert(entry.raw_serial().into());
        }
        Some(out)
    }

    fn is_current(&self, now: i64) -> bool {
        self.this_update <= now && self.next_update.is_none_or(|next| now <= next)
    }

    fn is_signed_by(&self, issuer: &Certificate<'_>) -> bool {
        if self.verified.get().is_some_and(|key| key == issuer.key()) {
            return true;
        }
        let signed =
            signature::is_signed(issuer.key(), &self.algorithm, &self.signed, &self.signature);
        if signed {
            let _ = self.verified.set(issuer.key().to_vec());
        }
        signed
    }
}

/// Looks for each certificate of the path in the list of its issuer.
pub fn check(path: &[Certificate<'_>], trust: &Trust, now: i64, report: &mut Report) {
    let Some(crls) = trust.crls() else { return };
    for (i, certificate) in path.iter().enumerate() {
        let issuer = match path.get(i + 1) {
            Some(issuer) => Some(issuer),
            None if certificate.is_self_signed() => Some(certificate),
            None => None,
        };
        check_one(certificate, issuer, crls, now, report);
    }
}

fn check_one(
    certificate: &Certificate<'_>,
    issuer: Option<&Certificate<'_>>,
    crls: &[Crl],
    now: i64,
    report: &mut Report,
) {
    let fits = |crl: &&Crl| {
        let key = issuer.and_then(|issuer| issuer.says.key_id);
        crl.issuer == certificate.issuer
            && crl
                .issuer_key
                .as_deref()
                .zip(key)
                .is_none_or(|(wanted, has)| wanted == has)
    };
    let of_issuer = crls.iter().filter(fits);
    let best = of_issuer.max_by_key(|crl| (!crl.scoped, crl.is_current(now), crl.this_update));
    let Some(crl) = best else {
        return report.fail(VerifyError::NO_CRL);
    };
    match issuer {
        None => report.fail(VerifyError::NO_CRL_ISSUER),
        Some(issuer) => {
            if issuer.says.key_usage.is_some_and(|usage| !usage.crl_sign()) {
                report.fail(VerifyError::NO_CRL_SIGN);
            }
            if crl.scoped {
                report.fail(VerifyError::CRL_SCOPE);
            }
            if now < crl.this_update {
                report.fail(VerifyError::CRL_NOT_YET_VALID);
            }
            if crl.next_update.is_some_and(|next| now > next) {
                report.fail(VerifyError::CRL_EXPIRED);
            }
            if !crl.is_signed_by(issuer) {
                report.fail(VerifyError::CRL_SIGNATURE);
            }
        }
    }
    if crl.unknown_critical {
        report.fail(VerifyError::CRITICAL_CRL_EXTENSION);
    }
    if crl.revoked.contains(certificate.x509.raw_serial()) {
        report.fail(VerifyError::REVOKED);
    }
}
