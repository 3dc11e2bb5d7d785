//! What a "TRUSTED CERTIFICATE" of OpenSSL says about itself: for what it is trusted, and for what not.

use super::Purpose;
use super::certificate::tlv;

/// The notes behind a certificate. Each is an object identifier as in `extendedKeyUsage`, without its tag and length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Uses that it is trusted for. If there are any, it is trusted for no other.
    trusted: Vec<Vec<u8>>,
    rejected: Vec<Vec<u8>>,
}

/// What a certificate in the store counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It is trusted, and whoever it has issued.
    Trusted,
    /// It is not to be trusted for this.
    Rejected,
    /// It is trusted if it has signed itself.
    Unsaid,
}

/// id-kp-serverAuth, id-kp-clientAuth and anyExtendedKeyUsage (RFC 5280, 4.2.1.12).
const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0];

impl Notes {
    /// Reads what follows a certificate; `None` if it is no such thing.
    pub fn parse(der: &[u8]) -> Option<Self> {
        const SEQUENCE: u8 = 0x30;
        const REJECTED: u8 = 0xa0;
        let mut notes = Notes::default();
        if der.is_empty() {
            return Some(notes);
        }
        let (whole, mut inside, rest) = tlv(der)?;
        if whole.first() != Some(&SEQUENCE) || !rest.is_empty() {
            return None;
        }
        while !inside.is_empty() {
            let (element, content, rest) = tlv(inside)?;
            match element.first() {
                Some(&SEQUENCE) => notes.trusted = identifiers(content)?,
                Some(&REJECTED) => notes.rejected = identifiers(content)?,
                // A name and a number for humans.
                _ => {}
            }
            inside = rest;
        }
        Some(notes)
    }

    /// What the certificate counts for.
    pub fn opinion(&self, purpose: Purpose) -> Opinion {
        let use_of = match purpose {
            Purpose::Client => CLIENT,
            Purpose::Server => SERVER,
        };
        let named = |list: &[Vec<u8>]| list.iter().any(|oid| *oid == use_of || *oid == ANY);
        match (named(&self.rejected), named(&self.trusted)) {
            (true, _) => Opinion::Rejected,
            (false, true) => Opinion::Trusted,
            (false, false) if self.trusted.is_empty() => Opinion::Unsaid,
            (false, false) => Opinion::Rejected,
        }
    }
}

fn identifiers(mut der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    while !der.is_empty() {
        let (element, content, rest) = tlv(der)?;
        (element.first() == Some(&6)).then_some(())?;
        all.push(content.to_vec());
        der = rest;
    }
    Some(all)
}
