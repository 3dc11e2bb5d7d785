//! OpenSSL's language for choosing cipher suites: `ECDHE+AESGCM:HIGH:!aNULL:-SHA`.

use super::cipher::{CIPHERS, Cipher, supported};
use rustls::SupportedCipherSuite;

/// What a list of suites below TLS 1.3 stands for.
#[derive(Debug, Default)]
pub struct CipherList {
    /// All that OpenSSL would offer, in their order.
    pub all: Vec<&'static Cipher>,
    /// Those of them that are named one by one and cannot be had here.
    pub missing: Vec<&'static str>,
}

impl CipherList {
    /// Those that can be had.
    pub fn usable(&self) -> Vec<SupportedCipherSuite> {
        self.all.iter().filter_map(|c| supported(c)).collect()
    }
}

/// Reads a list. It may be empty in the end; names that nobody knows count for nothing.
///
/// # Errors
/// OpenSSL's reason: it is not written as a list.
pub fn parse(text: &str) -> Result<CipherList, &'static str> {
    let mut chosen = Choice::new();
    // These begin a rule wherever they stand.
    let text = text.replace('!', ":!").replace('@', ":@");
    let mut rest = text.trim_start();
    if let Some(behind) = rest.strip_prefix("DEFAULT") {
        chosen.default();
        rest = behind;
    }
    let mut named = Vec::new();
    while let Some((operator, what)) = next_rule(&mut rest)? {
        match operator {
            "@" => chosen.command(what)?,
            _ => {
                if operator.is_empty() {
                    named.extend(CIPHERS.iter().filter(|cipher| cipher.name == what));
                }
                chosen.apply(operator, what);
            }
        }
    }
    let missing = named
        .iter()
        .filter(|cipher| supported(cipher).is_none() && chosen.active.contains(cipher))
        .map(|cipher| cipher.name)
        .collect();
    Ok(CipherList {
        all: chosen.active,
        missing,
    })
}

/// Takes the next rule from a list, a sign and a name. A sign begins a rule of its own, also without a separator.
fn next_rule<'a>(rest: &mut &'a str) -> Result<Option<(&'a str, &'a str)>, &'static str> {
    let rule = rest.trim_start_matches(SEPARATORS);
    if rule.is_empty() {
        return Ok(None);
    }
    let (operator, rule) = match rule.split_at_checked(1) {
        Some((sign @ ("-" | "+" | "!" | "@"), what)) => (sign, what),
        _ => ("", rule),
    };
    let end = rule.find(|c| !is_in_names(c)).unwrap_or(rule.len());
    let (what, behind) = rule.split_at(end);
    if what.is_empty() {
        return Err("error:0A000118:SSL routines::invalid command");
    }
    // OpenSSL reads over the rest of a name that means no suite, whatever that is.
    let over = operator == "@" || !what.split('+').all(is_known);
    *rest = match over {
        true => behind.trim_start_matches(|c| !SEPARATORS.contains(&c)),
        false => behind,
    };
    Ok(Some((operator, what)))
}

const SEPARATORS: [char; 4] = [':', ' ', ';', ','];

fn is_in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '=' | '_' | '+')
}

fn is_known(word: &str) -> bool {
    CIPHERS.iter().any(|cipher| matches(cipher, word))
}

/// The suites while a list is read.
struct Choice {
    /// Those chosen so far.
    active: Vec<&'static Cipher>,
    /// Those that can still be chosen.
    others: Vec<&'static Cipher>,
}

impl Choice {
    fn new() -> Self {
        Choice {
            active: Vec::new(),
            others: CIPHERS.iter().filter(|c| c.version != "TLSv1.3").collect(),
        }
    }

    fn default(&mut self) {
        self.apply("", "ALL");
        self.apply("!", "COMPLEMENTOFDEFAULT");
        self.apply("!", "eNULL");
    }

    fn apply(&mut self, operator: &str, what: &str) {
        let meant = |cipher: &&Cipher| what.split('+').all(|word| matches(cipher, word));
        match operator {
            "!" => {
                self.active.retain(|cipher| !meant(cipher));
                self.others.retain(|cipher| !meant(cipher));
            }
            "-" => {
                let (gone, kept) = self.active.iter().partition(|cipher| meant(cipher));
                self.active = kept;
                // They come back in front of those that were never chosen.
                let gone: Vec<_> = gone;
                self.others.splice(0..0, gone);
            }
            "+" => {
                let (moved, kept): (Vec<_>, Vec<_>) =
                    self.active.iter().partition(|cipher| meant(cipher));
                self.active = kept;
                self.active.extend(moved);
            }
            _ => {
                let (added, kept): (Vec<_>, Vec<_>) =
                    self.others.iter().partition(|cipher| meant(cipher));
                self.others = kept;
                self.active.extend(added);
            }
        }
    }

    fn command(&mut self, what: &str) -> Result<(), &'static str> {
        if what == "STRENGTH" {
            self.active.sort_by_key(|c| std::cmp::Reverse(c.bits));
            return Ok(());
        }
        // Of what the levels of security forbid, nothing is offered here anyway.
        match what.strip_prefix("SECLEVEL=").map(str::as_bytes) {
            Some([b'0'..=b'5']) => Ok(()),
            _ => Err("error:0A000118:SSL routines::invalid command"),
        }
    }
}

/// Whether a word, which may be the name of one suite or of a group of them, means this one.
fn matches(c: &Cipher, word: &str) -> bool {
    if c.name == word {
        return true;
    }
    let one_of = |value: &str, list: &[&str]| list.contains(&value);
    let kx = |list: &[&str]| one_of(c.exchange, list);
    let null = c.encryption == "None";
    let anonymous = c.authentication == "None";
    match word {
        "ALL" => !null,
        "COMPLEMENTOFALL" | "eNULL" | "NULL" => null,
        "COMPLEMENTOFDEFAULT" => is_not_default(c),
        "HIGH" => !null,
        "kRSA" => kx(&["RSA"]),
        "RSA" => kx(&["RSA"]) && c.authentication == "RSA",
        "kEDH" | "kDHE" | "DH" => kx(&["DH"]),
        "EDH" | "DHE" => kx(&["DH"]) && !anonymous,
        "kEECDH" | "kECDHE" | "ECDH" => kx(&["ECDH"]),
        "EECDH" | "ECDHE" => kx(&["ECDH"]) && !anonymous,
        "kPSK" => kx(&["PSK"]),
        "kRSAPSK" => kx(&["RSAPSK"]),
        "kECDHEPSK" => kx(&["ECDHEPSK"]),
        "kDHEPSK" => kx(&["DHEPSK"]),
        "PSK" => kx(&["PSK", "RSAPSK", "ECDHEPSK", "DHEPSK"]),
        "kSRP" | "SRP" => kx(&["SRP"]),
        "aRSA" => c.authentication == "RSA",
        "aDSS" | "DSS" => c.authentication == "DSS",
        "aECDSA" | "ECDSA" => c.authentication == "ECDSA",
        "aPSK" => c.authentication == "PSK",
        "aSRP" => c.authentication == "SRP",
        "aNULL" => anonymous,
        "ADH" => kx(&["DH"]) && anonymous,
        "AECDH" => kx(&["ECDH"]) && anonymous,
        "AES" => c.encryption.starts_with("AES"),
        "AES128" | "AES256" => {
            c.encryption.starts_with("AES") && word.ends_with(&c.bits.to_string())
        }
        "AESGCM" => c.encryption == "AESGCM",
        "AESCCM" => c.encryption.starts_with("AESCCM"),
        "AESCCM8" => c.encryption == "AESCCM8",
        "CAMELLIA" => c.encryption == "Camellia",
        "CAMELLIA128" | "CAMELLIA256" => {
            c.encryption == "Camellia" && word.ends_with(&c.bits.to_string())
        }
        "CHACHA20" => c.encryption.starts_with("CHACHA20"),
        "ARIA" | "ARIAGCM" => c.encryption == "ARIAGCM",
        "ARIA128" | "ARIA256" => c.encryption == "ARIAGCM" && word.ends_with(&c.bits.to_string()),
        "MD5" => c.mac == "MD5",
        "SHA1" | "SHA" => c.mac == "SHA1",
        "SHA256" => c.mac == "SHA256",
        "SHA384" => c.mac == "SHA384",
        "SSLv3" => c.version == "SSLv3",
        "TLSv1" | "TLSv1.0" => c.version == "TLSv1",
        "TLSv1.2" => c.version == "TLSv1.2",
        _ => false,
    }
}

/// What OpenSSL offers only to those who name it.
fn is_not_default(c: &Cipher) -> bool {
    c.authentication == "None"
        || c.authentication == "DSS"
        || matches!(c.encryption, "ARIAGCM" | "Camellia")
        || c.encryption.starts_with("AESCCM")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(text: &str) -> Vec<&'static str> {
        let list = parse(text).unwrap();
        let all = list.all.iter().filter(|c| supported(c).is_some());
        all.map(|cipher| cipher.name).collect()
    }

    #[test]
    fn groups_of_suites_have_openssls_order() {
        let all = [
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ];
        assert_eq!(usable("HIGH:!aNULL:!MD5"), all);
        assert_eq!(usable("DEFAULT"), all);
        assert_eq!(
            usable("HIGH !aNULL!MD5;!ECDSA"),
            all[1..].iter().step_by(2).copied().collect::<Vec<_>>()
        );
        assert_eq!(usable("EECDH+AESGCM:EDH+AESGCM").len(), 4);
        assert_eq!(
            usable("HIGH:!ECDSA:+AES256"),
            [
                "ECDHE-RSA-CHACHA20-POLY1305",
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384"
            ]
        );
        assert_eq!(
            usable("AES128:-aRSA:@SECLEVEL=1"),
            ["ECDHE-ECDSA-AES128-GCM-SHA256"]
        );
    }

    #[test]
    fn what_is_left_out_is_told() {
        let list = parse(
            "ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:AES128-SHA:!AES128-SHA:BOGUS",
        )
        .unwrap();
        assert_eq!(list.missing, ["DHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(list.usable().len(), 1);
        assert!(parse("BOGUS").unwrap().all.is_empty());
        assert!(parse("HIGH:@NOTHING").is_err());
        assert!(parse("HIGH:?").is_err());
        assert!(parse("HIGH\"").is_err() && parse("HIGH:!AES\"").is_err());
        assert!(parse("HIGH:!BOGUS\"").is_ok() && parse("BOGUS\":HIGH").is_ok());
        assert_eq!(usable("ECDHE+AESGCM!ECDSA").len(), 2);
    }
}
