//! Signatures: of certificates, of revocation lists, and of handshakes.

use super::certificate::{Certificate, tlv};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error};
use webpki::RawPublicKeyEntity;

/// All algorithms that we take signatures of.
fn algorithms() -> WebPkiSupportedAlgorithms {
    static ALL: std::sync::LazyLock<WebPkiSupportedAlgorithms> = std::sync::LazyLock::new(|| {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms
    });
    *ALL
}

/// Whether `issuer`'s key has signed a certificate.
pub fn certificate(subject: &Certificate<'_>, issuer: &Certificate<'_>) -> bool {
    let signed = subject.x509.tbs_certificate.as_ref();
    let signature = &subject.x509.signature_value;
    signature.unused_bits == 0
        && is_signed(issuer.key(), subject.algorithm, signed, &signature.data)
}

/// Whether this key has signed a text with this algorithm.
pub fn is_signed(key: &[u8], algorithm: &[u8], text: &[u8], signature: &[u8]) -> bool {
    let key = SubjectPublicKeyInfoDer::from(key);
    let Ok(key) = RawPublicKeyEntity::try_from(&key) else {
        return false;
    };
    let all = algorithms().all.iter();
    all.filter(|one| one.signature_alg_id().as_ref() == algorithm)
        .any(|one| key.verify_signature(*one, text, signature).is_ok())
}

/// Whether we know the algorithm: SHA-1 and MD5 we do not.
pub fn is_known(algorithm: &[u8]) -> bool {
    let mut all = algorithms().all.iter();
    all.any(|one| one.signature_alg_id().as_ref() == algorithm)
}

/// Verifies the peer's signature of a handshake of TLS 1.2. rustls has the same, but not for certificates of version 1.
///
/// # Errors
/// The signature is wrong, or its algorithm none of ours.
pub fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    handshake(message, certificate, signed)
}

/// Verifies the peer's signature of a handshake of TLS 1.3.
///
/// # Errors
/// The signature is wrong, or its algorithm none that TLS 1.3 allows.
pub fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let key = SubjectPublicKeyInfoDer::from(key_of(certificate)?);
    rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signed, &algorithms())
}

fn handshake(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let bad = || Error::InvalidCertificate(CertificateError::BadSignature);
    let key = SubjectPublicKeyInfoDer::from(key_of(certificate)?);
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| bad())?;
    // In TLS 1.2 the name of an ECDSA algorithm leaves the curve open.
    let algorithms = algorithms();
    let mut fitting = algorithms
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme == signed.scheme)
        .flat_map(|(_, all)| all.iter());
    match fitting.any(|one| {
        key.verify_signature(*one, message, signed.signature())
            .is_ok()
    }) {
        true => Ok(HandshakeSignatureValid::assertion()),
        false => Err(bad()),
    }
}

/// The key in a certificate, whichever version that is of.
fn key_of<'a>(certificate: &'a CertificateDer<'_>) -> Result<&'a [u8], Error> {
    let walk = || {
        let (_, body, _) = tlv(certificate)?;
        let (_, tbs, _) = tlv(body)?;
        let (first, _, rest) = tlv(tbs)?;
        // The version is tagged and absent in version 1; then come serial number, algorithm, issuer, validity, subject.
        let mut rest = match first.first() {
            Some(0xa0) => rest,
            _ => tbs,
        };
        for _ in 0..5 {
            rest = tlv(rest)?.2;
        }
        Some(tlv(rest)?.0)
    };
    walk().ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}
