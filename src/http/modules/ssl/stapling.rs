//! `ssl_stapling`: the word of its issuer about a certificate (OCSP, RFC 6066 section 8) is sent along with it.

use super::conf::SslRaw;
use super::responder::Responder;
use crate::config::tree::Word;
use crate::http::negotiation::report::Report;
use crate::net::address::{Address, Options};
use crate::tls::ocsp::Question;
use crate::tls::place;
use crate::tls::select::Certificate;
use crate::tls::staple::Staple;
use crate::tls::verify::{Trust, is_issued};
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use std::rc::Rc;
use std::sync::Arc;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Adds what is to be sent to the certificates. The answer is whom to ask for it. `None` after an error.
pub fn set(
    report: &mut Report<'_>,
    raw: &SslRaw,
    pairs: &[(Word, Word)],
    trust: &Trust,
    certificates: &mut [Certificate],
) -> Option<Vec<Arc<Responder>>> {
    let on = raw
        .stapling
        .as_ref()
        .filter(|word| word.text.eq_ignore_ascii_case(b"on"));
    let Some(on) = on else {
        return Some(Vec::new());
    };
    if raw.certificate_compression == Some(true) {
        let message = "\"ssl_stapling\" is incompatible with \"ssl_certificate_compression\"";
        report.error(message.to_owned(), Some(on));
        return None;
    }
    let file = raw
        .stapling_file
        .as_ref()
        .filter(|word| !word.text.is_empty());
    if let Some(word) = file {
        let answer = from_file(report, word)?;
        for certificate in certificates {
            let mut stapled = CertifiedKey::clone(&certificate.certified);
            stapled.ocsp = Some(answer.clone());
            certificate.certified = Arc::new(stapled);
        }
        return Some(Vec::new());
    }
    let mut responders = Vec::new();
    for (certificate, (word, _)) in certificates.iter_mut().zip(pairs) {
        match responder(report, raw, trust, &certificate.certified, word) {
            Ok(responder) => {
                certificate.staple = Some(Arc::clone(&responder.staple));
                responders.push(Arc::new(responder));
            }
            Err(why) => {
                let message = format!("\"ssl_stapling\" ignored, {why}");
                report.warn(message, Some(word), "");
            }
        }
    }
    Some(responders)
}

/// Whom to ask about a certificate.
///
/// # Errors
/// nginx's sentence.
fn responder(
    report: &mut Report<'_>,
    raw: &SslRaw,
    trust: &Trust,
    certified: &Arc<CertifiedKey>,
    word: &Word,
) -> Result<Responder, String> {
    let name = place::shown(&word.text, &report.b.options.conf_prefix);
    let unknown = || format!("issuer certificate not found for certificate \"{name}\"");
    let (leaf, others) = certified.cert.split_first().ok_or_else(unknown)?;
    let issuer = others.iter().chain(trust.certificates());
    let issuer = issuer.into_iter().find(|issuer| is_issued(leaf, issuer));
    let question = issuer.and_then(|issuer| Question::new(leaf, issuer));
    let question = question.ok_or_else(unknown)?;
    let given = raw
        .stapling_responder
        .as_ref()
        .map(|word| word.text.clone());
    let url = given.filter(|url| !url.is_empty()).or_else(|| url_of(leaf));
    let url = url.ok_or_else(|| format!("no OCSP responder URL in the certificate \"{name}\""))?;
    let of = |what: &str| {
        let url = String::from_utf8_lossy(&url);
        format!("{what} in OCSP responder \"{url}\" in the certificate \"{name}\"")
    };
    let scheme = b"http://";
    let is_http = url
        .get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if !is_http || url.len() == scheme.len() {
        return Err(of("invalid URL prefix"));
    }
    let address = Address::parse(&url.slice(scheme.len()..), Options::pass(80));
    let address = address.map_err(|error| of(&error.to_string()))?;
    let trusted = trust.certificates().iter().chain(others);
    Ok(Responder {
        question,
        addresses: address.addrs,
        host: address.host,
        uri: address.uri,
        strict: raw.stapling_verify.unwrap_or(false),
        trusted: trusted.cloned().collect(),
        certified: Arc::clone(certified),
        certificate_name: name,
        staple: Arc::new(Staple::default()),
    })
}

/// The address that a certificate names (RFC 5280 section 4.2.2.1).
fn url_of(certificate: &CertificateDer<'_>) -> Option<Bytes> {
    /// id-ad-ocsp
    const OCSP: &str = "1.3.6.1.5.5.7.48.1";
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
            return None;
        };
        let mut all = access.accessdescs.iter();
        all.find_map(|one| match one.access_location {
            GeneralName::URI(url) if one.access_method.to_id_string() == OCSP => {
                Some(Bytes::copy_from_slice(url.as_bytes()))
            }
            _ => None,
        })
    })
}

/// An answer that somebody else has fetched.
fn from_file(report: &mut Report<'_>, word: &Word) -> Option<Vec<u8>> {
    let (files, base) = (
        Rc::clone(&report.b.files),
        report.b.options.conf_prefix.clone(),
    );
    let name = place::shown(&word.text, &base);
    let answer = match place::file(&word.text, &base, &*files) {
        Ok(answer) => answer,
        Err(error) => {
            // OpenSSL opens this one as binary, and says so.
            let reason = error.reason().replace(", r)", ", rb)");
            report.error(
                format!("BIO_new_file(\"{name}\") failed{reason}"),
                Some(word),
            );
            return None;
        }
    };
    let mut parts = crate::tls::der::Der::new(&answer);
    if parts.expect(crate::tls::der::SEQUENCE).is_none() {
        let reason = "error:068000A8:asn1 encoding routines::wrong tag error:0688010A:asn1 encoding routines::nested asn1 error:Type=OCSP_RESPONSE";
        report.error(
            format!("d2i_OCSP_RESPONSE_bio(\"{name}\") failed (SSL: {reason})"),
            Some(word),
        );
        return None;
    }
    Some(answer)
}
