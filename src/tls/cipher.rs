//! Cipher suites by OpenSSL's names and properties.

use rustls::CipherSuite;
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use std::sync::LazyLock;

/// A suite that OpenSSL knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    /// Its number (IANA, TLS Cipher Suites).
    pub id: u16,
    /// OpenSSL's name.
    pub name: &'static str,
    /// The first version that has it.
    pub version: &'static str,
    /// How keys are exchanged: `ECDH`, `DH`, `RSA` and so on; `any` in TLS 1.3.
    pub exchange: &'static str,
    /// How the server proves who it is: `RSA`, `ECDSA`, `None` and so on.
    pub authentication: &'static str,
    /// The cipher itself: `AESGCM`, `AES`, `Camellia` and so on.
    pub encryption: &'static str,
    /// Bits of its key.
    pub bits: u16,
    /// The checksum of records: `AEAD` if the cipher has its own.
    pub mac: &'static str,
}

/// All of them, in the order in which OpenSSL prefers them.
pub static CIPHERS: LazyLock<Vec<Cipher>> = LazyLock::new(|| {
    include_str!("ciphers.txt")
        .lines()
        .filter_map(read)
        .collect()
});

fn read(line: &'static str) -> Option<Cipher> {
    let mut words = line.split(' ');
    Some(Cipher {
        id: u16::from_str_radix(words.next()?, 16).ok()?,
        name: words.next()?,
        version: words.next()?,
        exchange: words.next()?,
        authentication: words.next()?,
        encryption: words.next()?,
        bits: words.next()?.parse().ok()?,
        mac: words.next()?,
    })
}

/// The suite as it can be used here, if it can.
pub fn supported(cipher: &Cipher) -> Option<SupportedCipherSuite> {
    let wanted = CipherSuite::from(cipher.id);
    let mut all = ALL_CIPHER_SUITES.iter();
    all.find(|suite| suite.suite() == wanted).copied()
}

/// OpenSSL's name of a suite, or its number.
pub fn name(suite: CipherSuite) -> std::borrow::Cow<'static, str> {
    let id = u16::from(suite);
    match CIPHERS.iter().find(|cipher| cipher.id == id) {
        Some(cipher) => cipher.name.into(),
        None if suite == CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV => {
            "TLS_EMPTY_RENEGOTIATION_INFO_SCSV".into()
        }
        None => format!("0x{id:04x}").into(),
    }
}

/// The suite of TLS 1.3 with this name.
pub fn tls13(name: &str) -> Option<&'static Cipher> {
    CIPHERS
        .iter()
        .find(|cipher| cipher.version == "TLSv1.3" && cipher.name == name)
}
