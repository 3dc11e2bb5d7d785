//! Private keys from PEM texts: PKCS#1, SEC1 and PKCS#8, encrypted or not.

use super::error::LoadError;
use super::key_decrypt;
use super::pem::{self, Block};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::SigningKey;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

const WHAT: &str = "PEM_read_bio_PrivateKey() failed";
const UNSUPPORTED: &str =
    "error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM";

/// The first key of a text. An encrypted one is tried with each of the passwords.
///
/// # Errors
/// There is none, it cannot be read, no password fits, or it is of a kind that cannot sign here.
pub fn key(text: &[u8], passwords: &[Vec<u8>]) -> Result<Arc<dyn SigningKey>, LoadError> {
    for block in pem::blocks(text) {
        let block = block.map_err(|error| LoadError::new(WHAT, error.reason()))?;
        if let Some(der) = private(&block, passwords)? {
            return any_supported_type(&der).map_err(|_| {
                LoadError::new(
                    "the key is of a kind or size that is not supported (RSA from 2048 bits, P-256, P-384, P-521 and Ed25519 are)",
                    "",
                )
            });
        }
    }
    Err(LoadError::new(WHAT, UNSUPPORTED))
}

/// Whether a key is that of a certificate. What cannot be compared is taken for a pair.
pub fn belongs(key: &dyn SigningKey, certificate: &CertificateDer<'_>) -> bool {
    let Some(public) = key.public_key() else {
        return true;
    };
    match X509Certificate::from_der(certificate) {
        Ok((_, certificate)) => certificate.public_key().raw == public.as_ref(),
        Err(_) => true,
    }
}

/// The key in a block, if it is one.
fn private(
    block: &Block,
    passwords: &[Vec<u8>],
) -> Result<Option<PrivateKeyDer<'static>>, LoadError> {
    let plain = |label: &str, der: Vec<u8>| -> Option<PrivateKeyDer<'static>> {
        Some(match label {
            "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
            "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
            "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
            _ => return None,
        })
    };
    let encrypted = block
        .headers
        .iter()
        .any(|(name, value)| name == "Proc-Type" && value == "4,ENCRYPTED");
    if block.label == "ENCRYPTED PRIVATE KEY" {
        let der = with_passwords(passwords, |password| {
            key_decrypt::pkcs8(&block.der, password)
        })?;
        return Ok(plain("PRIVATE KEY", der));
    }
    if !encrypted || plain(&block.label, Vec::new()).is_none() {
        return Ok(plain(&block.label, block.der.clone()));
    }
    let der = with_passwords(passwords, |password| {
        key_decrypt::traditional(block, password)
    })?;
    Ok(plain(&block.label, der))
}

/// Tries each password; the error is that of the last.
fn with_passwords(
    passwords: &[Vec<u8>],
    decrypt: impl Fn(&[u8]) -> Result<Vec<u8>, &'static str>,
) -> Result<Vec<u8>, LoadError> {
    let mut reason = "error:07880109:common libcrypto routines::interrupted or cancelled";
    for password in passwords {
        match decrypt(password) {
            Ok(der) => return Ok(der),
            Err(why) => reason = why,
        }
    }
    if passwords.is_empty() {
        let what = format!("{WHAT}, it is encrypted and there is no \"ssl_password_file\"");
        return Err(LoadError::new(what, reason));
    }
    Err(LoadError::new(WHAT, reason))
}
