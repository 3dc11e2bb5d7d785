//! `gzip on` on an address with TLS.

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0127",
        name: "breach",
    },
    summary: "gzip of answers over TLS that could hold secrets (BREACH)",
    why: "How well a page compresses shows in its length. Who can make a browser send requests, and see the lengths of\n\
          the encrypted answers, can guess a secret in a page that also repeats something from the request. Pages with\n\
          secrets should not be compressed, or change their secret each time, as most frameworks' tokens do; static\n\
          files are safe.",
    bad: "listen 8443 ssl;\nssl_certificate valid.pem;\nssl_certificate_key key.pem;\ngzip on;\nlocation / {\n    \
          proxy_pass http://127.0.0.1:3000;\n}\n",
    good: "listen 8443 ssl;\nssl_certificate valid.pem;\nssl_certificate_key key.pem;\ngzip on;\nlocation / {\n    gzip \
           off;\n    proxy_pass http://127.0.0.1:3000;\n}\n",
    strict: true,
    check: Check::Directives(
        &["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"],
        check,
    ),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let Some(gzip) = site.inherited(id, "gzip") else {
        return;
    };
    let on = gzip
        .arg(0)
        .is_some_and(|word| word.text.eq_ignore_ascii_case(b"on"));
    let secure = site.around(id, Kind::Server).is_some_and(|server| {
        site.own(server, "listen")
            .any(|listen| listen.args.iter().any(|word| word.text == "ssl"))
    });
    // nginx compresses answers of an application only where gzip_proxied or the lack of Via allows; it does by default.
    if on && secure {
        hits.add(
            node,
            node.name.span,
            "answers of the application are compressed over TLS",
        )
        .also(gzip.name.span, "here")
        .help("write \"gzip off;\" for pages that hold secrets");
    }
}
