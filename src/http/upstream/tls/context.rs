//! From settings to what connections are made with. Blocks with equal settings share one context, and with it their
//! sessions.

use super::settings::{TlsRaw, is_computed};
use crate::config::table::Collector;
use crate::config::tree::Word;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::negotiation::command::{self, Extra};
use crate::http::negotiation::report::Report;
use crate::http::negotiation::{Choices, Written};
use crate::tls::client::{Client, Parts, Verify};
use crate::tls::error::LoadError;
use crate::tls::identity::Source;
use crate::tls::place;
use crate::tls::verify::{Trust, TrustError};
use bytes::Bytes;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;

/// The contexts made so far; `None` if one has errors, which are told once.
pub type Contexts = HashMap<Key, Option<Arc<Client>>>;

/// What makes two contexts the same.
#[derive(PartialEq, Eq, Hash)]
pub struct Key {
    prefix: &'static str,
    reuse: bool,
    protocols: Vec<Bytes>,
    ciphers: Bytes,
    verify: Option<(Bytes, Bytes, i64)>,
    certificate: Option<(Bytes, Bytes)>,
    passwords: Option<Arc<Vec<Vec<u8>>>>,
    commands: Vec<(Bytes, Bytes)>,
}

/// The context of these settings.
pub fn client(b: &mut Builder, raw: &TlsRaw, prefix: &'static str) -> Option<Arc<Client>> {
    let key = Key::of(raw, prefix);
    if let Some(made) = b.http.upstream_tls.get(&key) {
        return made.clone();
    }
    let made = make(b, raw, prefix).unwrap_or_else(|d| {
        if let Some(d) = d {
            b.report(d);
        }
        None
    });
    b.http.upstream_tls.insert(key, made.clone());
    made
}

impl Key {
    fn of(raw: &TlsRaw, prefix: &'static str) -> Self {
        let text = |word: &Option<Word>| word.as_ref().map(|w| w.text.clone()).unwrap_or_default();
        let words = |list: &[Word]| list.iter().map(|w| w.text.clone()).collect();
        let verify = raw.verify.unwrap_or(false).then(|| {
            let depth = raw.verify_depth.unwrap_or(1);
            (text(&raw.trusted_certificate), text(&raw.crl), depth)
        });
        let certificate = raw.certificate.as_ref().map(|(word, _)| {
            let key = raw
                .certificate_key
                .as_ref()
                .map(|(word, _)| word.text.clone());
            (word.text.clone(), key.unwrap_or_default())
        });
        let commands = raw.conf_commands.iter().flatten();
        Key {
            prefix,
            reuse: raw.session_reuse.unwrap_or(true),
            protocols: words(raw.protocols.as_deref().unwrap_or_default()),
            ciphers: text(&raw.ciphers),
            verify,
            passwords: raw.passwords.clone().filter(|_| certificate.is_some()),
            certificate,
            commands: commands
                .map(|(n, v)| (n.text.clone(), v.text.clone()))
                .collect(),
        }
    }
}

/// Makes a context, in nginx's order.
///
/// # Errors
/// What is still to be said; nothing, if all was.
fn make(
    b: &mut Builder,
    raw: &TlsRaw,
    prefix: &'static str,
) -> Result<Option<Arc<Client>>, Option<Diagnostic>> {
    let written = Written {
        prefix: match prefix {
            "uwsgi" => "uwsgi_ssl",
            _ => "proxy_ssl",
        },
        outdated: "servers that know nothing newer cannot be asked",
        protocols: raw.protocols.as_deref(),
        ciphers: raw.ciphers.as_ref(),
        default_ciphers: "DEFAULT",
        curves: None,
    };
    let mut choices = Choices::of(&written, &mut Report { b }).ok_or(None)?;
    let mut identity = own_certificate(b, raw, prefix)?;
    let verify = match raw.verify {
        Some(true) => Some(verification(b, raw, prefix)?),
        _ => None,
    };
    let commands = raw.conf_commands.as_deref().unwrap_or_default();
    let mut extra = Extra::default();
    let report = &mut Report { b };
    if !command::apply(commands, &written, &mut choices, &mut extra, report)
        || !choices.settle(&written, report)
    {
        return Err(None);
    }
    if let Some(certificate) = extra.certificate {
        let key = extra.key.unwrap_or_else(|| certificate.clone());
        let passwords = raw.passwords.as_deref().map_or(&[][..], |all| &all[..]);
        identity = Some(load(b, &certificate, &key, passwords)?);
    }
    let parts = Parts {
        versions: choices.versions,
        suites: choices.suites(),
        groups: choices.groups,
        identity,
        verify,
        reuse: raw.session_reuse.unwrap_or(true),
    };
    match Client::new(parts) {
        Ok(client) => Ok(Some(Arc::new(client))),
        Err(e) => {
            let message = format!("TLS cannot be spoken with these \"{prefix}_ssl\" settings: {e}");
            Err(Some(Diagnostic::new(message)))
        }
    }
}

/// The certificate that is the same for all requests.
fn own_certificate(
    b: &mut Builder,
    raw: &TlsRaw,
    prefix: &str,
) -> Result<Option<Arc<CertifiedKey>>, Diagnostic> {
    let Some((word, certificate)) = raw.certificate.as_ref().filter(|(w, _)| !w.text.is_empty())
    else {
        return Ok(None);
    };
    let Some((key_word, key)) = &raw.certificate_key else {
        let message = format!(
            "no \"{prefix}_ssl_certificate_key\" is defined for certificate \"{}\"",
            word.str()
        );
        return Err(Diagnostic::new(message).label(word.span, ""));
    };
    if is_computed(certificate, key) {
        return Ok(None);
    }
    let passwords = raw.passwords.as_deref().map_or(&[][..], |all| &all[..]);
    load(b, word, key_word, passwords).map(Some)
}

fn load(
    b: &Builder,
    certificate: &Word,
    key: &Word,
    passwords: &[Vec<u8>],
) -> Result<Arc<CertifiedKey>, Diagnostic> {
    let source = Source {
        certificate: &certificate.text,
        key: &key.text,
        passwords,
        base: &b.options.conf_prefix,
    };
    let loaded = source.load(&*b.files, "SSL_CTX_use_PrivateKey");
    loaded.map(Arc::new).map_err(|failed| {
        let word = if failed.by_key { key } else { certificate };
        Diagnostic::new(failed.sentence).label(word.span, "")
    })
}

fn verification(b: &Builder, raw: &TlsRaw, prefix: &str) -> Result<Verify, Diagnostic> {
    let Some(word) = raw
        .trusted_certificate
        .as_ref()
        .filter(|w| !w.text.is_empty())
    else {
        let message = format!("no {prefix}_ssl_trusted_certificate for {prefix}_ssl_verify");
        return Err(Diagnostic::new(message).help(format!(
            "name the authorities that servers' certificates come from: {prefix}_ssl_trusted_certificate \
             /etc/ssl/certs/ca-certificates.crt;"
        )));
    };
    let mut trust = Trust::default();
    let text = read(b, word, "certificate")?;
    trust
        .add_certificates(&text)
        .map_err(|e| unreadable(b, word, "certificate", "PEM_read_bio_X509_AUX", e))?;
    if let Some(word) = raw.crl.as_ref().filter(|w| !w.text.is_empty()) {
        let text = read(b, word, "CRL")?;
        trust
            .add_crls(&text)
            .map_err(|e| unreadable(b, word, "CRL", "PEM_read_bio_X509_CRL", e))?;
    }
    let depth = raw.verify_depth.unwrap_or(1);
    Ok(Verify {
        trust: Arc::new(trust),
        depth: u32::try_from(depth).unwrap_or(u32::MAX),
    })
}

fn read(b: &Builder, word: &Word, what: &str) -> Result<Vec<u8>, Diagnostic> {
    let base = &b.options.conf_prefix;
    place::certificate(&word.text, base, &*b.files).map_err(|e| cannot_load(b, word, what, &e))
}

fn unreadable(b: &Builder, word: &Word, what: &str, call: &str, e: TrustError) -> Diagnostic {
    let reason = match e {
        TrustError::Nothing => "error:0480006C:PEM routines::no start line",
        TrustError::Broken => "error:04800064:PEM routines::bad base64 decode",
    };
    let e = LoadError::new(format!("{call}() failed"), reason);
    cannot_load(b, word, what, &e)
}

fn cannot_load(b: &Builder, word: &Word, what: &str, e: &LoadError) -> Diagnostic {
    let shown = place::shown(&word.text, &b.options.conf_prefix);
    Diagnostic::new(format!("cannot load {what} \"{shown}\": {e}")).label(word.span, "")
}
