//! The files that settings of TLS name.

use super::conf::{SslRaw, Verify};
use crate::config::source::errno;
use crate::config::tree::Word;
use crate::diagnostic::Diagnostic;
use crate::http::negotiation::report::Report;
use crate::tls::error::LoadError;
use crate::tls::identity::Source;
use crate::tls::pem::{self, PemError};
use crate::tls::select::Certificate;
use crate::tls::verify::Trust;
use crate::tls::{chain, place};
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Certificates that were loaded for another server, by what names them and their keys.
pub type Loaded = HashMap<(Bytes, Bytes), Certificate>;

/// Loads certificates with their keys. `None` after an error, as with all of these.
pub fn certificates(
    report: &mut Report<'_>,
    raw: &SslRaw,
    pairs: &[(Word, Word)],
    loaded: &mut Loaded,
) -> Option<Vec<Certificate>> {
    let (files, base) = (Rc::clone(&report.b.files), base(report));
    let mut all = Vec::with_capacity(pairs.len());
    for (certificate, key) in pairs {
        let id = (certificate.text.clone(), key.text.clone());
        if let Some(known) = loaded.get(&id) {
            all.push(known.clone());
            continue;
        }
        let source = Source {
            certificate: &certificate.text,
            key: &key.text,
            passwords: raw.passwords.as_deref().unwrap_or_default(),
            base: &base,
        };
        match source.load(&*files, "SSL_CTX_use_PrivateKey") {
            Ok(pair) => {
                let certificate = Certificate::from(pair);
                // What a password opens is opened by those who have it.
                if raw.passwords.is_none() {
                    loaded.insert(id, certificate.clone());
                }
                all.push(certificate);
            }
            Err(failed) => {
                let word = if failed.by_key { key } else { certificate };
                report.error(failed.sentence, Some(word));
                return None;
            }
        }
    }
    Some(all)
}

/// Loads what clients' certificates are verified with. The answer are the authorities whose names are sent to clients.
pub fn trust(
    report: &mut Report<'_>,
    raw: &SslRaw,
    trust: &mut Arc<Trust>,
) -> Option<Option<Vec<CertificateDer<'static>>>> {
    let given = |word: &Option<Word>| word.clone().filter(|word| !word.text.is_empty());
    let (client, trusted) = (
        given(&raw.client_certificate),
        given(&raw.trusted_certificate),
    );
    let (files, base) = (Rc::clone(&report.b.files), base(report));
    let mut new = Trust::default();
    let mut authorities = None;
    if raw.verify() != Verify::Off {
        if raw.verify() != Verify::OptionalNoCa && client.is_none() && trusted.is_none() {
            let message =
                "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client";
            report.error(message.to_owned(), None);
            return None;
        }
        authorities = Some(Vec::new());
    }
    for (word, is_client) in [(client, true), (trusted, false)] {
        let Some(word) = word.filter(|_| !is_client || authorities.is_some()) else {
            continue;
        };
        let text = place::file(&word.text, &base, &*files);
        let loaded = text.and_then(|text| {
            let all = chain::authorities(&text)?;
            let _ = new.add_certificates(&text);
            Ok(all)
        });
        let loaded = loaded
            .map_err(|error| cannot_load(report, "certificate", &word, error))
            .ok()?;
        if is_client {
            authorities = Some(loaded);
        }
    }
    if let Some(word) = given(&raw.crl) {
        let text = place::file(&word.text, &base, &*files);
        let loaded = text.and_then(|text| {
            chain::revocations(&text)?;
            let added = new.add_crls(&text);
            added.map_err(|error| LoadError::new(format!("the list cannot be used: {error}"), ""))
        });
        loaded
            .map_err(|error| cannot_load(report, "CRL", &word, error))
            .ok()?;
    }
    *trust = Arc::new(new);
    Some(authorities)
}

/// Looks at `ssl_dhparam`, and says that it has no effect.
pub fn dhparam(report: &mut Report<'_>, raw: &SslRaw) -> Option<()> {
    let Some(word) = raw.dhparam.as_ref().filter(|word| !word.text.is_empty()) else {
        return Some(());
    };
    let (files, base) = (Rc::clone(&report.b.files), base(report));
    let name = place::shown(&word.text, &base);
    let text = place::file(&word.text, &base, &*files);
    let text = text
        .map_err(|error| {
            let reason = error.reason();
            report.error(
                format!("BIO_new_file(\"{name}\") failed{reason}"),
                Some(word),
            );
        })
        .ok()?;
    let mut blocks = pem::blocks(&text).filter_map(Result::ok);
    if !blocks.any(|block| block.label.ends_with("DH PARAMETERS")) {
        let reason = PemError::NoStartLine.reason();
        report.error(
            format!(
                "PEM_read_bio_DHparams(\"{name}\") failed (SSL: {reason}:Expecting: DH PARAMETERS)"
            ),
            Some(word),
        );
        return None;
    }
    report.warn(
        String::from("\"ssl_dhparam\" has no effect, cipher suites with DHE are not supported"),
        Some(word),
        "clients that are not older than 2013 can do ECDHE",
    );
    Some(())
}

/// The contents of the files of `ssl_session_ticket_key`.
pub fn ticket_keys(report: &mut Report<'_>, raw: &SslRaw) -> Option<Vec<Vec<u8>>> {
    let (files, base) = (Rc::clone(&report.b.files), base(report));
    let mut all = Vec::new();
    for word in raw.ticket_keys.as_deref().unwrap_or_default() {
        let path = place::path(&word.text, &base);
        let shown = path.display();
        let wrong = match files.read(&path) {
            Ok(key) if matches!(key.len(), 48 | 80) => {
                all.push(key);
                continue;
            }
            Ok(_) => format!("\"{shown}\" must be 48 or 80 bytes"),
            Err(error) => format!("open() \"{shown}\" failed ({})", errno(&error)),
        };
        let mut d = Diagnostic::new(wrong).label(word.span, "");
        d.line = report.b.http.seen;
        crate::config::table::Collector::report(report.b, d);
        return None;
    }
    Some(all)
}

fn base(report: &Report<'_>) -> PathBuf {
    report.b.options.conf_prefix.clone()
}

fn cannot_load(report: &mut Report<'_>, what: &str, word: &Word, error: LoadError) {
    let name = place::shown(&word.text, &base(report));
    report.error(
        format!("cannot load {what} \"{name}\": {error}"),
        Some(word),
    );
}
