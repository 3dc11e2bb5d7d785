//! What can be negotiated in a handshake: versions, suites and groups, by their directives and by `*_conf_command`. The same
//! for TLS to clients and to upstreams.

pub mod command;
pub mod passwords;
pub mod report;

use crate::config::tree::Word;
use crate::tls::protocol::Versions;
use crate::tls::{cipher, cipher_list, group, server};
use report::Report;
use rustls::SupportedCipherSuite;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::DEFAULT_CIPHER_SUITES;

/// What is written about it.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    /// What the directives begin with: `ssl`, `proxy_ssl`.
    pub prefix: &'static str,
    /// What becomes of those who speak older versions only, for a warning.
    pub outdated: &'static str,
    /// `*_protocols`
    pub protocols: Option<&'a [Word]>,
    /// `*_ciphers`
    pub ciphers: Option<&'a Word>,
    /// What they are where nothing is written.
    pub default_ciphers: &'static str,
    /// `*_ecdh_curve`
    pub curves: Option<&'a Word>,
}

/// What may be negotiated.
pub struct Choices {
    /// The versions.
    pub versions: Versions,
    /// Suites of TLS 1.3.
    pub tls13: Vec<SupportedCipherSuite>,
    /// Suites of TLS 1.2.
    pub tls12: Vec<SupportedCipherSuite>,
    /// Groups for the exchange of keys.
    pub groups: Vec<&'static dyn SupportedKxGroup>,
    /// Whether the server's order of suites counts.
    pub own_order: bool,
    /// `NumTickets`
    pub tickets: Option<usize>,
    /// `Options SessionTicket`, `Options -SessionTicket`
    pub session_tickets: Option<bool>,
}

const NO_MATCH: &str = "error:0A0000B9:SSL routines::no cipher match";

impl Choices {
    /// By the directives. `None` after an error.
    pub fn of(written: &Written<'_>, report: &mut Report<'_>) -> Option<Choices> {
        let is_tls13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        let mut choices = Choices {
            versions: versions(written, report),
            tls13: DEFAULT_CIPHER_SUITES
                .iter()
                .copied()
                .filter(is_tls13)
                .collect(),
            tls12: Vec::new(),
            groups: server::default_groups(),
            own_order: false,
            tickets: None,
            session_tickets: None,
        };
        let text = written
            .ciphers
            .map_or(written.default_ciphers.into(), Word::str);
        if let Err(reason) = choices.set_ciphers(&text, written.ciphers, report) {
            let message = format!("SSL_CTX_set_cipher_list(\"{text}\") failed (SSL: {reason})");
            report.error(message, written.ciphers);
            return None;
        }
        Some(choices)
    }

    /// `*_ecdh_curve`. False after an error.
    pub fn set_curves(&mut self, written: &Written<'_>, report: &mut Report<'_>) -> bool {
        let Some(word) = written.curves.filter(|w| &w.text[..] != b"auto") else {
            return true;
        };
        let result = self.set_groups(&word.str(), word, report);
        if let Err(name) = &result {
            let text = word.str();
            report.error(
                format!(
                    "SSL_CTX_set1_curves_list(\"{text}\") failed (SSL: error:0A080106:SSL routines::passed invalid argument:group '{name}' cannot be set)"
                ),
                Some(word),
            );
        }
        result.is_ok()
    }

    /// Suites below TLS 1.3 by a list in OpenSSL's language.
    ///
    /// # Errors
    /// OpenSSL's reason.
    pub fn set_ciphers(
        &mut self,
        text: &str,
        word: Option<&Word>,
        report: &mut Report<'_>,
    ) -> Result<(), &'static str> {
        let list = cipher_list::parse(text)?;
        if list.all.is_empty() {
            return Err(NO_MATCH);
        }
        self.tls12 = list.usable();
        if !list.missing.is_empty() {
            let names = list.missing.join(", ");
            report.warn(
                format!("cipher suites that are not supported are left out: {names}"),
                word,
                "suites with ECDHE and AES-GCM or ChaCha20-Poly1305 are what there is",
            );
        }
        Ok(())
    }

    /// Suites of TLS 1.3 by their names.
    ///
    /// # Errors
    /// The name that nobody knows.
    pub fn set_ciphersuites(
        &mut self,
        text: &str,
        word: &Word,
        report: &mut Report<'_>,
    ) -> Result<(), String> {
        let mut suites = Vec::new();
        for name in text.split(':').filter(|name| !name.is_empty()) {
            match cipher::tls13(name).and_then(cipher::supported) {
                Some(suite) => suites.push(suite),
                None if name.starts_with("TLS_AES_128_CCM") => report.warn(
                    format!("cipher suites that are not supported are left out: {name}"),
                    Some(word),
                    "",
                ),
                None => return Err(name.to_owned()),
            }
        }
        self.tls13 = suites;
        Ok(())
    }

    /// Groups by their names.
    ///
    /// # Errors
    /// The name that nobody knows.
    pub fn set_groups(
        &mut self,
        text: &str,
        word: &Word,
        report: &mut Report<'_>,
    ) -> Result<(), String> {
        let groups = group::parse(text)?;
        if !groups.missing.is_empty() {
            let names = groups.missing.join(", ");
            report.warn(
                format!("groups that are not supported are left out: {names}"),
                Some(word),
                "X25519MLKEM768, X25519, prime256v1 and secp384r1 are what there is",
            );
        }
        self.groups = groups.usable;
        Ok(())
    }

    /// Drops versions that have no suite; false, with an error, if nothing is left to negotiate.
    pub fn settle(&mut self, written: &Written<'_>, report: &mut Report<'_>) -> bool {
        if self.versions.tls12 && self.tls12.is_empty() && self.versions.tls13 {
            report.warn(
                String::from("no cipher suite of TLSv1.2 is left, only TLSv1.3 is spoken"),
                written.ciphers,
                "",
            );
        }
        self.versions.tls12 &= !self.tls12.is_empty();
        self.versions.tls13 &= !self.tls13.is_empty();
        let usable = self.versions.tls12 || self.versions.tls13;
        if !usable {
            let word = written.protocols.and_then(|words| words.first());
            report.error(
                String::from("no protocol and cipher suite is left that is supported"),
                word.or(written.ciphers),
            );
        } else if self.groups.is_empty() {
            let message =
                String::from("no group for the exchange of keys is left that is supported");
            report.error(message, written.curves);
        }
        usable && !self.groups.is_empty()
    }

    /// All suites that the versions have.
    pub fn suites(&self) -> Vec<SupportedCipherSuite> {
        let tls13 = self.tls13.iter().filter(|_| self.versions.tls13);
        let tls12 = self.tls12.iter().filter(|_| self.versions.tls12);
        tls13.chain(tls12).copied().collect()
    }
}

fn versions(written: &Written<'_>, report: &mut Report<'_>) -> Versions {
    let Some(words) = written.protocols else {
        return Versions::DEFAULT;
    };
    let canonical = |word: &Word| {
        let mut names = crate::tls::protocol::NAMES.iter();
        names
            .find(|name| word.text.eq_ignore_ascii_case(name.as_bytes()))
            .map_or(&b""[..], |name| name.as_bytes())
    };
    let (versions, missing) = Versions::of(words.iter().map(canonical));
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|n| String::from_utf8_lossy(n)).collect();
        let word = words
            .iter()
            .find(|word| canonical(word) == missing.first().copied().unwrap_or_default());
        report.warn(
            format!(
                "{} in \"{}_protocols\" {} not supported, {}",
                names.join(", "),
                written.prefix,
                if names.len() == 1 { "is" } else { "are" },
                written.outdated,
            ),
            word,
            "TLSv1.2 and TLSv1.3 are what there is",
        );
    }
    versions
}
