//! What the issuer of a certificate says about it (OCSP, RFC 6960).

use super::der::{
    BIT_STRING, Der, ENUMERATED, INTEGER, NULL, OCTET_STRING, OID, Part, SEQUENCE, TIME, write,
};
use super::verify::is_signed;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate and its issuer, about whom one can ask.
pub struct Question {
    issuer: CertificateDer<'static>,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has not been revoked.
    Good,
    /// It has.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

impl Status {
    /// OpenSSL's word.
    pub fn name(self) -> &'static str {
        match self {
            Status::Good => "good",
            Status::Revoked => "revoked",
            Status::Unknown => "unknown",
        }
    }
}

/// An answer that can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub status: Status,
    /// Until when, in seconds of Unix time; none: for good.
    pub until: Option<i64>,
}

/// sha1 (RFC 3279): what responders can be trusted to know.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// id-pkix-ocsp-basic
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
/// How far clocks may be apart, in seconds.
const SKEW: i64 = 300;

fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

impl Question {
    /// About a certificate. `None` if one of the two cannot be read.
    pub fn new(certificate: &[u8], issuer: &CertificateDer<'_>) -> Option<Question> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let (_, parsed) = X509Certificate::from_der(issuer).ok()?;
        Some(Question {
            issuer: issuer.clone().into_owned(),
            name_hash: sha1(parsed.subject().as_raw()),
            key_hash: sha1(&parsed.public_key().subject_public_key.data),
            serial: certificate.raw_serial().to_vec(),
        })
    }

    /// The request as it is sent.
    pub fn request(&self) -> Vec<u8> {
        let algorithm = write(SEQUENCE, &[&write(OID, &[SHA1]), &[NULL, 0]]);
        let id = write(
            SEQUENCE,
            &[
                &algorithm,
                &write(OCTET_STRING, &[&self.name_hash]),
                &write(OCTET_STRING, &[&self.key_hash]),
                &write(INTEGER, &[&self.serial]),
            ],
        );
        let list = write(SEQUENCE, &[&write(SEQUENCE, &[&id])]);
        write(SEQUENCE, &[&write(SEQUENCE, &[&list])])
    }

    /// Reads an answer and checks that it is signed. `others` are certificates that may have signed it; with `strict`
    /// only the issuer and those whom it has charged with it may.
    ///
    /// # Errors
    /// nginx's sentence.
    pub fn read(
        &self,
        response: &[u8],
        others: &[CertificateDer<'static>],
        strict: bool,
        now: i64,
    ) -> Result<Answer, String> {
        let broken = || String::from("d2i_OCSP_RESPONSE() failed");
        let mut parts = Der::new(response)
            .expect(SEQUENCE)
            .ok_or_else(broken)?
            .parts();
        let code = parts.expect(ENUMERATED).ok_or_else(broken)?.contents;
        if code != [0] {
            let number = code.first().copied().unwrap_or_default();
            let name = error_name(number);
            return Err(format!("OCSP response not successful ({number}: {name})"));
        }
        let basic = basic(parts).ok_or("OCSP_response_get1_basic() failed")?;
        if !self.is_signed(&basic, others, strict) {
            return Err(String::from("OCSP_basic_verify() failed"));
        }
        let (status, this, next) = self
            .find(basic.data)
            .ok_or("certificate status not found in the OCSP response")?;
        let in_time = this.is_some_and(|this| this <= now.saturating_add(SKEW))
            && next.is_none_or(|next| next >= now.saturating_sub(SKEW));
        if !in_time {
            return Err(String::from("OCSP_check_validity() failed"));
        }
        Ok(Answer {
            status,
            until: next,
        })
    }

    fn is_signed(
        &self,
        basic: &Basic<'_>,
        others: &[CertificateDer<'static>],
        strict: bool,
    ) -> bool {
        let by = |certificate: &[u8]| {
            X509Certificate::from_der(certificate).is_ok_and(|(_, signer)| {
                let key = signer.public_key().raw;
                is_signed(key, basic.algorithm, basic.data.whole, basic.signature)
            })
        };
        if by(&self.issuer) {
            return true;
        }
        let mut sent = basic.certificates.iter().copied();
        match strict {
            true => sent.any(|one| by(one) && self.has_charged(one)),
            false => sent.any(by) || others.iter().any(|one| by(one)),
        }
    }

    /// Whether a certificate is one of the issuer's for signing such answers.
    fn has_charged(&self, certificate: &[u8]) -> bool {
        let parsed = X509Certificate::from_der(certificate);
        let (Ok((_, signer)), Ok((_, issuer))) = (parsed, X509Certificate::from_der(&self.issuer))
        else {
            return false;
        };
        let usage = signer.extended_key_usage().ok().flatten();
        usage.is_some_and(|usage| usage.value.ocsp_signing)
            && signer.issuer().as_raw() == issuer.subject().as_raw()
            && super::verify::is_issued(certificate, &self.issuer)
    }

    /// What is said about the certificate: status, from when and until when.
    fn find(&self, data: Part<'_>) -> Option<(Status, Option<i64>, Option<i64>)> {
        // ResponseData: perhaps a version, who speaks, when, the answers.
        let mut list = data.parts().skip_while(|part| part.tag != TIME).skip(1);
        let list = list.next().filter(|part| part.tag == SEQUENCE)?;
        list.parts().find_map(|single| {
            let mut parts = single.parts();
            let mut id = parts.expect(SEQUENCE)?.parts().skip(1);
            let same = id.next()?.contents == self.name_hash
                && id.next()?.contents == self.key_hash
                && id.next()?.contents == self.serial;
            if !same {
                return None;
            }
            let status = match parts.next()?.tag {
                0x80 => Status::Good,
                0xa1 => Status::Revoked,
                _ => Status::Unknown,
            };
            let this = parts.expect(TIME).and_then(time);
            let next = parts.next().filter(|part| part.tag == 0xa0);
            let next = next.and_then(|part| part.parts().expect(TIME));
            Some((status, this, next.and_then(time)))
        })
    }
}

/// A BasicOCSPResponse.
struct Basic<'a> {
    data: Part<'a>,
    /// The algorithm of the signature: what is in its SEQUENCE.
    algorithm: &'a [u8],
    signature: &'a [u8],
    certificates: Vec<&'a [u8]>,
}

fn basic(mut response: Der<'_>) -> Option<Basic<'_>> {
    let mut bytes = response.expect(0xa0)?.parts().expect(SEQUENCE)?.parts();
    if bytes.expect(OID)?.contents != BASIC {
        return None;
    }
    let mut parts = Der::new(bytes.expect(OCTET_STRING)?.contents)
        .expect(SEQUENCE)?
        .parts();
    let data = parts.expect(SEQUENCE)?;
    let algorithm = parts.expect(SEQUENCE)?.contents;
    let signature = parts.expect(BIT_STRING)?.contents.strip_prefix(&[0])?;
    let certificates = parts
        .expect(0xa0)
        .and_then(|part| part.parts().expect(SEQUENCE));
    let certificates = certificates.map(|list| list.parts().map(|part| part.whole).collect());
    Some(Basic {
        data,
        algorithm,
        signature,
        certificates: certificates.unwrap_or_default(),
    })
}

/// `YYYYMMDDHHMMSSZ` in seconds of Unix time.
fn time(part: Part<'_>) -> Option<i64> {
    let text = std::str::from_utf8(part.contents).ok()?;
    let text = text.strip_suffix('Z')?;
    let field = |from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
    let year: i16 = text.get(..4)?.parse().ok()?;
    let time = jiff::civil::DateTime::new(
        year,
        field(4, 6)?,
        field(6, 8)?,
        field(8, 10)?,
        field(10, 12)?,
        field(12, 14)?,
        0,
    );
    let zoned = time.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

fn error_name(code: u8) -> &'static str {
    match code {
        1 => "malformedrequest",
        2 => "internalerror",
        3 => "trylater",
        5 => "sigrequired",
        6 => "unauthorized",
        _ => "(UNKNOWN)",
    }
}
