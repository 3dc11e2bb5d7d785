//! `*_conf_command`: settings by the names that OpenSSL's configuration files have for them.

use super::report::Report;
use super::{Choices, Written};
use crate::config::tree::Word;

/// A certificate or key that a command names.
#[derive(Default)]
pub struct Extra {
    /// `Certificate`
    pub certificate: Option<Word>,
    /// `PrivateKey`
    pub key: Option<Word>,
}

/// Applies the commands in their order. False after an error.
pub fn apply(
    commands: &[(Word, Word)],
    written: &Written<'_>,
    choices: &mut Choices,
    extra: &mut Extra,
    report: &mut Report<'_>,
) -> bool {
    commands.iter().all(|(name, value)| {
        let result = one((name, value), written, choices, extra, report);
        if let Err(reason) = &result {
            let (name, text) = (name.str(), value.str());
            let message = format!("SSL_CONF_cmd(\"{name}\", \"{text}\") failed (SSL: {reason})");
            report.error(message, Some(value));
        }
        result.is_ok()
    })
}

/// Commands that OpenSSL knows and we do nothing for.
const WITHOUT_EFFECT: &[&str] = &[
    "SignatureAlgorithms",
    "ClientSignatureAlgorithms",
    "DHParameters",
    "ECDHParameters",
    "RecordPadding",
    "ServerInfoFile",
    "ChainCAPath",
    "ChainCAFile",
    "VerifyCAPath",
    "VerifyCAFile",
    "RequestCAPath",
    "RequestCAFile",
    "ClientCAPath",
    "ClientCAFile",
    "VerifyMode",
];

/// Options of OpenSSL that are on by themselves here, or about what is not there.
const HARMLESS: &[&str] = &[
    "EmptyFragments",
    "Bugs",
    "Compression",
    "NoResumptionOnRenegotiation",
    "UnsafeLegacyRenegotiation",
    "UnsafeLegacyServerConnect",
    "ClientRenegotiation",
    "EncryptThenMac",
    "NoRenegotiation",
    "AllowNoDHEKEX",
    "MiddleboxCompat",
    "AntiReplay",
    "ExtendedMasterSecret",
    "CANames",
    "KTLS",
    "StrictCertCheck",
    "PrioritizeChaCha",
    "DHSingle",
    "ECDHSingle",
    "TxCertificateCompression",
    "RxCertificateCompression",
    "PreferNoDHEKEX",
];

fn one(
    (name, value): (&Word, &Word),
    written: &Written<'_>,
    choices: &mut Choices,
    extra: &mut Extra,
    report: &mut Report<'_>,
) -> Result<(), String> {
    let (command, text) = (name.str(), value.str());
    let is = |known: &str| command.eq_ignore_ascii_case(known);
    let bad = || format!("error:0A000180:SSL routines::bad value:cmd={command}, value={text}");
    if is("Ciphersuites") {
        let no_match = "error:0A0000B9:SSL routines::no cipher match";
        let result = choices.set_ciphersuites(&text, value, report);
        return result.map_err(|_| format!("{no_match} {}", bad()));
    }
    if is("CipherString") {
        let result = choices.set_ciphers(&text, Some(value), report);
        return result.map_err(|reason| format!("{reason} {}", bad()));
    }
    if is("Groups") || is("Curves") {
        let result = choices.set_groups(&text, value, report);
        return result.map_err(|_| bad());
    }
    if is("MinProtocol") || is("MaxProtocol") {
        return limit(is("MinProtocol"), &text, choices).ok_or_else(bad);
    }
    if is("Protocol") {
        return protocols(&text, choices).ok_or_else(bad);
    }
    if is("NumTickets") {
        choices.tickets = Some(text.parse().map_err(|_| bad())?);
        return Ok(());
    }
    if is("Options") {
        return options(&text, choices).ok_or_else(bad);
    }
    if is("Certificate") {
        extra.certificate = Some(value.clone());
        return Ok(());
    }
    if is("PrivateKey") {
        extra.key = Some(value.clone());
        return Ok(());
    }
    if WITHOUT_EFFECT.iter().any(|known| is(known)) {
        let prefix = written.prefix;
        let message =
            format!("\"{command}\" in \"{prefix}_conf_command\" is not supported, ignored");
        report.warn(message, Some(name), "");
        return Ok(());
    }
    Err(format!(
        "error:0A000182:SSL routines::unknown cmd name:cmd={command}"
    ))
}

fn limit(least: bool, text: &str, choices: &mut Choices) -> Option<()> {
    let versions = &mut choices.versions;
    match (text, least) {
        ("None" | "SSLv3" | "TLSv1" | "TLSv1.1", true) | ("None" | "TLSv1.3", false) => {}
        ("TLSv1.2", true) => {}
        ("TLSv1.3", true) => versions.tls12 = false,
        ("TLSv1.2", false) => versions.tls13 = false,
        ("SSLv3" | "TLSv1" | "TLSv1.1", false) => (versions.tls12, versions.tls13) = (false, false),
        _ => return None,
    }
    Some(())
}

/// `ALL,-TLSv1.3` or `-ALL,TLSv1.2`
fn protocols(text: &str, choices: &mut Choices) -> Option<()> {
    for word in text.split(',').map(str::trim) {
        let (on, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.strip_prefix('+').unwrap_or(word)),
        };
        let versions = &mut choices.versions;
        match name {
            "ALL" => (versions.tls12, versions.tls13) = (on, on),
            "TLSv1.2" => versions.tls12 = on,
            "TLSv1.3" => versions.tls13 = on,
            "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1.1" | "DTLSv1" | "DTLSv1.2" => {}
            _ => return None,
        }
    }
    Some(())
}

fn options(text: &str, choices: &mut Choices) -> Option<()> {
    for word in text.split(',').map(str::trim) {
        let (on, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.strip_prefix('+').unwrap_or(word)),
        };
        let is = |known: &&str| name.eq_ignore_ascii_case(known);
        if is(&"ServerPreference") {
            choices.own_order = on;
        } else if is(&"SessionTicket") {
            choices.session_tickets = Some(on);
        } else if !HARMLESS.iter().any(is) {
            return None;
        }
    }
    Some(())
}
