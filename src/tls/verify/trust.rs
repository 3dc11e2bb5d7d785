//! The certificates that are trusted, and the lists of those revoked.

use super::Purpose;
use super::certificate::{Certificate, tlv};
use super::crl::Crl;
use super::notes::{Notes, Opinion};
use rustls::pki_types::CertificateDer;
use std::collections::HashMap;
use std::fmt;

/// What `ssl_client_certificate`, `ssl_trusted_certificate`, `ssl_crl` and their like name. Never changes once it is built.
#[derive(Default)]
pub struct Trust {
    certificates: Vec<CertificateDer<'static>>,
    /// Their subjects, each once, as they are sent to clients.
    subjects: Vec<Vec<u8>>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
    /// What is noted about certificates, by their places.
    notes: HashMap<usize, Notes>,
    crls: Vec<Crl>,
    revocation: bool,
}

/// Why trusted certificates or revocation lists cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// The text is not PEM, or what it frames is not DER.
    Broken,
    /// There is nothing of the kind in it.
    Nothing,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrustError::Broken => "bad PEM",
            TrustError::Nothing => "no start line",
        })
    }
}

impl std::error::Error for TrustError {}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("certificates", &self.certificates.len())
            .field("crls", &self.crls.len())
            .finish()
    }
}

impl Trust {
    /// Adds the certificates of a PEM text. Blocks of other kinds are passed over.
    ///
    /// # Errors
    /// Nothing was added: the text cannot be read, or has no certificate in it.
    pub fn add_certificates(&mut self, pem: &[u8]) -> Result<(), TrustError> {
        let kinds = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
        let found = blocks(pem, &kinds)?;
        // Collections of authorities have certificates in them that only OpenSSL reads. Those are not trusted.
        let parsed = found.iter().filter_map(|der| {
            let (der, _, rest) = tlv(der)?;
            let notes = Notes::parse(rest)?;
            let certificate = Certificate::parse(der)?;
            let raw = certificate.x509.subject().as_raw().to_vec();
            Some((certificate.subject, raw, der.to_vec(), notes))
        });
        let parsed: Vec<_> = parsed.collect();
        if parsed.is_empty() {
            return Err(TrustError::Broken);
        }
        for (subject, raw, der, notes) in parsed {
            let places = self.by_subject.entry(subject).or_default();
            if places.is_empty() {
                self.subjects.push(raw);
            }
            let known = places
                .iter()
                .any(|at| self.certificates.get(*at).is_some_and(|c| c[..] == der));
            if !known {
                if notes != Notes::default() {
                    self.notes.insert(self.certificates.len(), notes);
                }
                places.push(self.certificates.len());
                self.certificates.push(CertificateDer::from(der));
            }
        }
        Ok(())
    }

    /// Adds the revocation lists of a PEM text. From then on every certificate of a path must be covered by one.
    ///
    /// # Errors
    /// Nothing was added: the text cannot be read, or has no list in it.
    pub fn add_crls(&mut self, pem: &[u8]) -> Result<(), TrustError> {
        let found = blocks(pem, &["X509 CRL"])?;
        let lists: Option<Vec<Crl>> = found.iter().map(|der| Crl::parse(der)).collect();
        self.crls.extend(lists.ok_or(TrustError::Broken)?);
        self.revocation = true;
        Ok(())
    }

    /// The names of the certificates as DER, for the list of acceptable authorities that a server sends.
    pub fn subjects(&self) -> &[Vec<u8>] {
        &self.subjects
    }

    /// The certificates.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// Whether no certificate is trusted.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The certificates with this subject.
    pub(super) fn named(&self, subject: &[u8]) -> impl Iterator<Item = &[u8]> {
        let places = self.by_subject.get(subject).map_or(&[][..], |all| &all[..]);
        places
            .iter()
            .filter_map(|at| self.certificates.get(*at))
            .map(|der| &der[..])
    }

    /// What a certificate counts for; `None` if it is not in the store.
    pub(super) fn opinion(&self, of: &Certificate<'_>, purpose: Purpose) -> Option<Opinion> {
        let places = self.by_subject.get(&of.subject)?;
        let mut stored = places.iter();
        let place = stored.find(|at| {
            let certificate = self.certificates.get(**at);
            certificate.is_some_and(|certificate| certificate[..] == *of.der)
        })?;
        let notes = self.notes.get(place);
        Some(notes.map_or(Opinion::Unsaid, |notes| notes.opinion(purpose)))
    }

    /// The revocation lists, if they are to be looked at.
    pub(super) fn crls(&self) -> Option<&[Crl]> {
        self.revocation.then_some(&self.crls[..])
    }
}

fn blocks(pem: &[u8], kinds: &[&str]) -> Result<Vec<Vec<u8>>, TrustError> {
    let all = pem::parse_many(pem).map_err(|_| TrustError::Broken)?;
    let of_kind = all.into_iter().filter(|block| kinds.contains(&block.tag()));
    let found: Vec<Vec<u8>> = of_kind.map(pem::Pem::into_contents).collect();
    match found.is_empty() {
        true => Err(TrustError::Nothing),
        false => Ok(found),
    }
}
