//! A certificate, and no address that speaks TLS.

use super::unreachable_server::addresses;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};
use std::collections::HashSet;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0121",
        name: "tls-unused",
    },
    summary: "settings of TLS that vanish: no address of the server speaks it",
    why: "A server with a certificate whose listen lines all lack \"ssl\" answers in plain text, also on port 443:\n\
          browsers show an error, and what they send is not encrypted.",
    bad: "listen 8443;\nssl_certificate valid.pem;\nssl_certificate_key key.pem;\n",
    good: "listen 8443 ssl;\nssl_certificate valid.pem;\nssl_certificate_key key.pem;\n",
    strict: false,
    check: Check::Site(check),
};

fn check(site: &Site<'_>, hits: &mut Hits) {
    let speaks = |id: BlockId| {
        site.own(id, "listen")
            .filter(|node| {
                node.args
                    .iter()
                    .skip(1)
                    .any(|word| word.text == "ssl" || word.text == "quic")
            })
            .count()
            > 0
    };
    // One server with "ssl" makes the address speak TLS for all.
    let mut secure: HashSet<Vec<u8>> = HashSet::new();
    for server in site.of_kind(Kind::Server).filter(|id| speaks(*id)) {
        secure.extend(addresses(site, server));
    }
    for server in site.of_kind(Kind::Server) {
        let Some(node) = site.own(server, "ssl_certificate").next() else {
            continue;
        };
        if speaks(server) || addresses(site, server).iter().any(|a| secure.contains(a)) {
            continue;
        }
        let listen = site.own(server, "listen").next();
        hits.add(
            node,
            node.name.span,
            "no address of this server speaks TLS: the certificate is not used",
        );
        if let Some(listen) = listen {
            hits.also(listen.name.span, "\"ssl\" is missing here");
        }
        hits.help("write \"listen 443 ssl;\"");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::fine;

    #[test]
    fn one_address_is_enough() {
        fine(
            &RULE,
            &[
                "listen 80; listen 8443 ssl; ssl_certificate valid.pem; ssl_certificate_key key.pem;",
                "server { listen 8443 ssl; ssl_certificate valid.pem; ssl_certificate_key key.pem; }\n\
                 server { listen 8443; server_name a; ssl_certificate valid.pem; ssl_certificate_key key.pem; }",
            ],
        );
    }
}
