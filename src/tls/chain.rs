//! Certificates and lists of revoked ones from PEM texts.

use super::error::LoadError;
use super::pem::{self, Block, PemError};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// A server's certificate and what is sent along: the first of a text, then all others.
///
/// # Errors
/// There is none, or one cannot be read.
pub fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let what = "PEM_read_bio_X509_AUX() failed";
    let mut all = Vec::new();
    for block in pem::blocks(text) {
        let what = match all.is_empty() {
            true => what,
            false => "PEM_read_bio_X509() failed",
        };
        let block = block.map_err(|error| LoadError::new(what, error.reason()))?;
        if is_certificate(&block, all.is_empty()) {
            all.push(certificate(block, what)?);
        }
    }
    match all.is_empty() {
        true => Err(nothing(what, "TRUSTED CERTIFICATE")),
        false => Ok(all),
    }
}

/// Certificates of authorities.
///
/// # Errors
/// There is none, or one cannot be read.
pub fn authorities(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let what = "PEM_read_bio_X509_AUX() failed";
    let mut all = Vec::new();
    for block in pem::blocks(text) {
        let block = block.map_err(|error| LoadError::new(what, error.reason()))?;
        if is_certificate(&block, true) {
            all.push(certificate(block, what)?);
        }
    }
    match all.is_empty() {
        true => Err(nothing(what, "TRUSTED CERTIFICATE")),
        false => Ok(all),
    }
}

/// Lists of revoked certificates.
///
/// # Errors
/// There is none, or one cannot be read.
pub fn revocations(text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, LoadError> {
    let what = "PEM_read_bio_X509_CRL() failed";
    let mut all = Vec::new();
    for block in pem::blocks(text) {
        let block = block.map_err(|error| LoadError::new(what, error.reason()))?;
        if block.label == "X509 CRL" {
            match CertificateRevocationList::from_der(&block.der) {
                Ok(_) => all.push(CertificateRevocationListDer::from(block.der)),
                Err(_) => return Err(LoadError::new(what, NOT_ASN1)),
            }
        }
    }
    match all.is_empty() {
        true => Err(nothing(what, "X509 CRL")),
        false => Ok(all),
    }
}

const NOT_ASN1: &str = "error:0688010A:asn1 encoding routines::nested asn1 error";

fn nothing(what: &str, expecting: &str) -> LoadError {
    let reason = PemError::NoStartLine.reason();
    LoadError::new(what, format!("{reason}:Expecting: {expecting}"))
}

fn is_certificate(block: &Block, trusted: bool) -> bool {
    match &*block.label {
        "CERTIFICATE" | "X509 CERTIFICATE" => true,
        // With what OpenSSL adds about the trust in it.
        "TRUSTED CERTIFICATE" => trusted,
        _ => false,
    }
}

fn certificate(block: Block, what: &str) -> Result<CertificateDer<'static>, LoadError> {
    let mut der = block.der;
    let rest = match X509Certificate::from_der(&der) {
        Ok((rest, _)) => rest.len(),
        Err(_) => return Err(LoadError::new(what, NOT_ASN1)),
    };
    der.truncate(der.len() - rest);
    Ok(CertificateDer::from(der))
}
