//! `ssl_stapling`: the word of its issuer about a certificate (OCSP, RFC 6066 section 8) is sent along with it.

use super::conf::SslRaw;
use crate::config::tree::Word;
use crate::http::negotiation::report::Report;
use crate::tls::place;
use rustls::sign::CertifiedKey;
use std::rc::Rc;
use std::sync::Arc;

/// Adds what is to be sent to the certificates. `None` after an error.
pub fn set(
    report: &mut Report<'_>,
    raw: &SslRaw,
    _pairs: &[(Word, Word)],
    certificates: &mut [Arc<CertifiedKey>],
) -> Option<()> {
    let on = raw
        .stapling
        .as_ref()
        .filter(|word| word.text.eq_ignore_ascii_case(b"on"));
    let Some(on) = on else {
        return Some(());
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
    let Some(word) = file else {
        report.warn(
            String::from(
                "\"ssl_stapling\" ignored, only answers in an \"ssl_stapling_file\" are sent",
            ),
            Some(on),
            "",
        );
        return Some(());
    };
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
    if !x509_parser::der_parser::parse_der(&answer)
        .is_ok_and(|(rest, object)| rest.is_empty() && object.as_sequence().is_ok())
    {
        let reason = "error:068000A8:asn1 encoding routines::wrong tag error:0688010A:asn1 encoding routines::nested asn1 error:Type=OCSP_RESPONSE";
        report.error(
            format!("d2i_OCSP_RESPONSE_bio(\"{name}\") failed (SSL: {reason})"),
            Some(word),
        );
        return None;
    }
    for certified in certificates {
        let mut stapled = CertifiedKey::clone(certified);
        stapled.ocsp = Some(answer.clone());
        *certified = Arc::new(stapled);
    }
    Some(())
}
