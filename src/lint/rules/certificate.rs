//! Certificates that are over, soon over, or for other names.

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};
use crate::tls::names::{covers, ends, validity};
use crate::tls::pem;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0122",
        name: "certificate",
    },
    summary: "a certificate that has expired, expires within two weeks, or is for none of the server's names",
    why: "Browsers refuse such a certificate. Renew it, reload, and see to it that renewing runs by itself; or name the\n\
          file that belongs to this server.",
    bad: "listen 8443 ssl;\nserver_name shop.example;\nssl_certificate expired.pem;\nssl_certificate_key key.pem;\n",
    good: "listen 8443 ssl;\nserver_name shop.example;\nssl_certificate valid.pem;\nssl_certificate_key key.pem;\n",
    strict: false,
    check: Check::Blocks(check),
};

const SOON: i64 = 14 * 24 * 60 * 60;

fn check(site: &Site<'_>, id: BlockId, hits: &mut Hits) {
    let own: Vec<(&Node, CertificateDer<'_>)> = site
        .own(id, "ssl_certificate")
        .filter_map(|node| Some((node, read(site, &node.arg(0)?.text)?)))
        .collect();
    for (node, certificate) in &own {
        time(site, node, certificate, hits);
    }
    if site.kind(id) != Kind::Server || !site.own(id, "listen").any(is_secure) {
        return;
    }
    let certificates: Vec<CertificateDer<'_>> = match own.is_empty() {
        false => own
            .into_iter()
            .map(|(_, certificate)| certificate)
            .collect(),
        true => match site.inherited(id, "ssl_certificate") {
            Some(node) => node
                .arg(0)
                .and_then(|w| read(site, &w.text))
                .into_iter()
                .collect(),
            None => return,
        },
    };
    if certificates.is_empty() {
        return;
    }
    for names in site.own(id, "server_name") {
        let asked = |name: &[u8]| {
            let special = matches!(name, b"" | b"_" | b"localhost");
            !special && !name.starts_with(b"~") && !name.ends_with(b".*") && !name.contains(&b'$')
        };
        let foreign = names
            .args
            .iter()
            .filter(|word| asked(&word.text))
            .find(|word| {
                !certificates
                    .iter()
                    .any(|certificate| covers(certificate, &word.str()))
            });
        if let (Some(word), Some(file)) = (foreign, site.inherited(id, "ssl_certificate")) {
            let message = format!("the certificate of this server is not for {}", word.str());
            hits.add(names, word.span, message)
                .say("not in the certificate")
                .also(
                    file.args.first().unwrap_or(&file.name).span,
                    "the certificate",
                );
        }
    }
}

fn is_secure(listen: &Node) -> bool {
    listen
        .args
        .iter()
        .any(|word| word.text == "ssl" || word.text == "quic")
}

fn time(site: &Site<'_>, node: &Node, certificate: &CertificateDer<'_>, hits: &mut Hits) {
    let Some(word) = node.arg(0) else { return };
    let day = ends(certificate)
        .and_then(|end| Timestamp::from_second(end).ok())
        .map(|end| end.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default();
    match validity(certificate, site.around.now) {
        Some(what) => {
            hits.add(
                node,
                word.span,
                format!("the certificate {what} (its last day is {day})"),
            )
            .help("renew it, then reload");
        }
        None if validity(certificate, site.around.now.saturating_add(SOON)).is_some() => {
            hits.add(
                node,
                word.span,
                format!("the certificate expires soon, on {day}"),
            )
            .help("renew it, then reload");
        }
        None => {}
    }
}

/// The first certificate of a file; none where a variable names it, or it cannot be read.
fn read(site: &Site<'_>, name: &[u8]) -> Option<CertificateDer<'static>> {
    if name.contains(&b'$') || name.starts_with(b"data:") {
        return None;
    }
    let path = site.around.conf_prefix.join(OsStr::from_bytes(name));
    let text = site.around.files.read(&path).ok()?;
    let block = pem::blocks(&text)
        .filter_map(Result::ok)
        .find(|block| block.label.ends_with("CERTIFICATE"))?;
    Some(CertificateDer::from(block.der))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, messages};

    const TLS: &str = "listen 8443 ssl; ssl_certificate_key key.pem;";

    #[test]
    fn each_name_must_be_in_it() {
        let said = messages(
            &RULE,
            &format!("{TLS} ssl_certificate valid.pem; server_name shop.example other.example;"),
        );
        assert_eq!(
            said,
            ["the certificate of this server is not for other.example"]
        );
        let said = messages(&RULE, &format!("{TLS} ssl_certificate expired.pem;"));
        assert_eq!(
            said,
            ["the certificate has expired (its last day is 2021-01-01)"]
        );
        fine(
            &RULE,
            &[&format!(
                "{TLS} ssl_certificate valid.pem; server_name _ ~^x www.shop.example;"
            )],
        );
    }
}
