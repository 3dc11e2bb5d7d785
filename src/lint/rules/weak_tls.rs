//! `ssl_protocols TLSv1;`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0120",
        name: "weak-tls",
    },
    summary: "versions of TLS and ciphers that are broken",
    why: "SSLv2, SSLv3, TLSv1 and TLSv1.1 are withdrawn (RFC 7568, RFC 8996), RC4, 3DES and ciphers without encryption\n\
          or authentication as well; no browser of the last years needs them. nginx offers them if they are listed;\n\
          goodgate knows nothing older than TLS 1.2, so that they have no effect here. The defaults are good.",
    bad: "ssl_protocols TLSv1 TLSv1.1 TLSv1.2;\n",
    good: "ssl_protocols TLSv1.2 TLSv1.3;\n",
    strict: false,
    check: Check::Directives(&["ssl_protocols", "ssl_ciphers"], check),
};

const VERSIONS: [&str; 4] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];
const CIPHERS: [&str; 10] = [
    "RC4", "3DES", "DES", "NULL", "aNULL", "eNULL", "EXP", "EXPORT", "LOW", "MD5",
];

fn check(_: &Site<'_>, _: BlockId, node: &Node, hits: &mut Hits) {
    if node.name.text == "ssl_protocols" {
        let mut weak = node.args.iter().filter(|word| {
            VERSIONS
                .iter()
                .any(|v| word.text.eq_ignore_ascii_case(v.as_bytes()))
        });
        if let Some(first) = weak.next() {
            hits.add(
                node,
                first.span,
                format!("{} is not safe any more", first.str()),
            );
            for other in weak {
                hits.also(other.span, "nor is this");
            }
            hits.help("write \"ssl_protocols TLSv1.2 TLSv1.3;\", which is the default");
        }
        return;
    }
    let Some(word) = node.arg(0) else { return };
    let weak = word
        .text
        .split(|b| matches!(b, b':' | b',' | b' '))
        .filter(|part| !matches!(part.first(), Some(b'!' | b'-' | b'@') | None))
        .find(|part| {
            // A + or - joins the parts of a cipher: RC4-MD5, ALL+RC4.
            part.split(|b| matches!(b, b'+' | b'-'))
                .any(|part| CIPHERS.iter().any(|cipher| part == cipher.as_bytes()))
        });
    // What is excluded at the end of the list does not count.
    let excluded = |part: &[u8]| {
        let name = [b"!", part].concat();
        word.text.split(|b| *b == b':').any(|other| other == name)
    };
    if let Some(part) = weak.filter(|part| !excluded(part)) {
        let part = String::from_utf8_lossy(part).into_owned();
        hits.add(node, word.span, format!("{part} is not safe any more"))
            .help("remove the line: the default is good");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn what_is_excluded_is_fine() {
        found(&RULE, &["ssl_protocols SSLv3 TLSv1.2;"]);
        fine(
            &RULE,
            &[
                "ssl_ciphers HIGH:!aNULL:!MD5;",
                "ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:!RC4;",
            ],
        );
    }
}
