//! A certificate taken apart as far as verification needs it.

use super::notes::Opinion;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{KeyUsage, NSCertType, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// A certificate.
#[derive(Clone)]
pub struct Certificate<'a> {
    /// As it came.
    pub der: &'a [u8],
    /// Taken apart.
    pub x509: X509Certificate<'a>,
    /// The subject, in a form that can be compared.
    pub subject: Vec<u8>,
    /// The issuer, in the same form.
    pub issuer: Vec<u8>,
    /// The algorithm of its signature: what stands in the `SEQUENCE`.
    pub algorithm: &'a [u8],
    /// What its extensions say.
    pub says: Says<'a>,
    /// Whether it is from the trust store.
    pub trusted: bool,
    /// What is noted about it there.
    pub opinion: Opinion,
}

/// What the extensions of a certificate say.
#[derive(Clone, Default)]
pub struct Says<'a> {
    /// `basicConstraints`: whether it is a CA, and how many may follow it.
    pub ca: Option<(bool, Option<u32>)>,
    /// `keyUsage`
    pub key_usage: Option<KeyUsage>,
    /// `extendedKeyUsage`: whether servers and whether clients are named.
    pub extended: Option<(bool, bool)>,
    /// `nsCertType`
    pub netscape: Option<NSCertType>,
    /// `subjectKeyIdentifier`
    pub key_id: Option<&'a [u8]>,
    /// The key and the serial number of the issuer, from `authorityKeyIdentifier`.
    pub issuer_key: (Option<&'a [u8]>, Option<&'a [u8]>),
    /// Whether `nameConstraints` limit what may follow.
    pub constrains_names: bool,
    /// Whether there is a critical extension that we do not know.
    pub unknown_critical: bool,
    /// Whether an extension is broken or occurs twice.
    pub broken: bool,
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart; `None` if it is none, or if something follows it.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let (rest, x509) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let (_, body, _) = tlv(der)?;
        let tbs: &[u8] = x509.tbs_certificate.as_ref();
        let (whole, algorithm, _) = tlv(body.get(tbs.len()..)?)?;
        if der.first() != Some(&SEQUENCE) || whole.first() != Some(&SEQUENCE) {
            return None;
        }
        // Both places must name the same algorithm (RFC 5280, 4.1.1.2).
        if x509.tbs_certificate.signature != x509.signature_algorithm {
            return None;
        }
        Some(Certificate {
            der,
            subject: comparable(x509.subject()),
            issuer: comparable(x509.issuer()),
            algorithm,
            says: Says::of(&x509),
            trusted: false,
            opinion: Opinion::Unsaid,
            x509,
        })
    }

    /// Whether `issuer` looks as if it had issued this one: by name, and by key as far as they say so.
    pub fn seems_issued_by(&self, issuer: &Certificate<'_>) -> bool {
        let (key, serial) = self.says.issuer_key;
        self.issuer == issuer.subject
            && key
                .zip(issuer.says.key_id)
                .is_none_or(|(wanted, has)| wanted == has)
            && serial.is_none_or(|serial| serial == issuer.x509.raw_serial())
    }

    /// Whether it names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether it seems to have issued itself.
    pub fn is_self_signed(&self) -> bool {
        self.seems_issued_by(self)
    }

    /// Whether it is of version 1, which has no extensions.
    pub fn is_version_1(&self) -> bool {
        self.x509.version().0 == 0
    }

    /// Its key, as `SubjectPublicKeyInfo`.
    pub fn key(&self) -> &[u8] {
        self.x509.public_key().raw
    }
}

impl<'a> Says<'a> {
    fn of(x509: &X509Certificate<'a>) -> Self {
        let mut says = Says::default();
        let mut seen = Vec::new();
        for extension in x509.tbs_certificate.iter_extensions() {
            says.broken |= seen.contains(&&extension.oid);
            seen.push(&extension.oid);
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(b) => {
                    says.ca = Some((b.ca, b.path_len_constraint));
                }
                ParsedExtension::KeyUsage(usage) => says.key_usage = Some(*usage),
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    says.extended = Some((usage.server_auth, usage.client_auth));
                }
                ParsedExtension::NSCertType(kind) => says.netscape = Some(*kind),
                ParsedExtension::SubjectKeyIdentifier(id) => says.key_id = Some(id.0),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    let key = id.key_identifier.as_ref().map(|id| id.0);
                    says.issuer_key = (key, id.authority_cert_serial);
                }
                ParsedExtension::NameConstraints(_) => says.constrains_names = true,
                // Known to OpenSSL, and without meaning unless policies are asked for.
                ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::PolicyMappings(_)
                | ParsedExtension::PolicyConstraints(_)
                | ParsedExtension::InhibitAnyPolicy(_)
                | ParsedExtension::CRLDistributionPoints(_) => {}
                ParsedExtension::ParseError { .. } => says.broken = true,
                _ => says.unknown_critical |= extension.critical,
            }
        }
        says
    }
}

/// A name in a form in which equal names are equal bytes: letters in lower case, spaces once.
pub fn comparable(name: &X509Name<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for set in name.iter_rdn() {
        out.push(b'/');
        for attribute in set.iter() {
            let value = attribute.attr_value();
            let oid = attribute.attr_type().as_bytes();
            let text = match attribute.as_str() {
                Ok(text) => text.to_lowercase(),
                Err(_) => String::new(),
            };
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            let text = match words.is_empty() {
                true => value.data.to_vec(),
                false => words.join(" ").into_bytes(),
            };
            // Lengths in front, so that no value can pass for another attribute.
            for part in [oid, &text] {
                out.extend_from_slice(&(part.len() as u64).to_be_bytes());
                out.extend_from_slice(part);
            }
        }
    }
    out
}

const SEQUENCE: u8 = 0x30;

/// The first element of a DER text: all of it, what it holds, and what follows.
pub fn tlv(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (first, tail) = (der.get(1)?, der.get(2..)?);
    let (len, header) = match first {
        0..=0x7f => (usize::from(*first), 2),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let bytes = tail.get(..count)?;
            let len = bytes
                .iter()
                .fold(0usize, |len, b| (len << 8) | usize::from(*b));
            (len, 2 + count)
        }
        _ => return None,
    };
    let end = len.checked_add(header)?;
    Some((der.get(..end)?, der.get(header..end)?, der.get(end..)?))
}
