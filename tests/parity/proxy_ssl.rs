//! TLS to upstreams: what is refused, and what is said about it.

use crate::common::authority::{Authority, Issued};
use crate::harness::{current, same_complaints};
use crate::pair::Pair;
use std::path::Path;
use tempfile::TempDir;

/// A directory with certificates.
fn certificates() -> TempDir {
    let dir = tempfile::Builder::new().prefix("tls").tempdir().unwrap();
    let (authority, other) = (
        Authority::new("The authority"),
        Authority::new("Another one"),
    );
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let both = |name: &str, issued: &Issued| {
        write(&format!("{name}.crt"), &issued.certificate);
        write(&format!("{name}.key"), &issued.key);
    };
    write("ca.crt", &authority.certificate);
    write("other.crt", &other.certificate);
    both("b", &authority.issue(&["b.example"]));
    both("me", &authority.issue(&["me"]));
    dir
}

fn filled(dir: &Path, text: &str) -> String {
    text.replace("%TLS%", &dir.display().to_string())
}

#[test]
fn answers_and_errors() {
    let dir = certificates();
    // nginx takes sessions up again under settings other than those they were made under: the outcome then depends on
    // who was asked before.
    let conf = r#"
        proxy_ssl_session_reuse off; uwsgi_ssl_session_reuse off;
        proxy_ssl_protocols TLSv1.2 TLSv1.3; ssl_protocols TLSv1.2 TLSv1.3;
        server { listen 127.0.0.1:%PORT0%; access_log off; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_ssl_trusted_certificate %TLS%/ca.crt;
            location / { proxy_pass https://127.0.0.1:%PORT1%; }
            location /named { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_server_name on; proxy_ssl_name b.example; }
            location /good { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_verify on; proxy_ssl_name b.example:1; }
            location /name { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_verify on; }
            location /issuer { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_verify on; proxy_ssl_name b.example;
                proxy_ssl_trusted_certificate %TLS%/other.crt; }
            location /me { proxy_pass https://127.0.0.1:%PORT1%;
                proxy_ssl_certificate %TLS%/me.crt; proxy_ssl_certificate_key %TLS%/me.key; }
            location /host { set $it https://127.0.0.1:%PORT1%; proxy_pass $it; }
            location /plain { proxy_pass https://127.0.0.1:%PORT3%; }
            location /uwsgi { uwsgi_pass suwsgi://127.0.0.1:%PORT1%; uwsgi_ssl_verify on;
                uwsgi_ssl_trusted_certificate %TLS%/other.crt; }
        }
        server { listen 127.0.0.1:%PORT1% ssl; access_log off; ssl_verify_client optional; ssl_client_certificate %TLS%/ca.crt;
            ssl_certificate %TLS%/b.crt; ssl_certificate_key %TLS%/b.key;
            return 200 "$ssl_protocol [$ssl_server_name] $ssl_client_s_dn $ssl_client_verify $http_connection"; }
        server { listen 127.0.0.1:%PORT3%; access_log off; return 200 plain; }
    "#;
    let Some(pair) = Pair::start(&filled(dir.path(), conf)) else {
        return;
    };
    let paths = [
        "/", "/named", "/good", "/name", "/issuer", "/me", "/host", "/plain", "/uwsgi",
    ];
    let requests = paths
        .map(|path| format!("GET {path} HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"));
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    pair.same_errors(4);
}

#[test]
fn complaints() {
    let dir = certificates();
    let to = "server { location / { proxy_pass https://127.0.0.1:1;";
    let texts: Vec<String> = [
        "proxy_ssl_verify on;",
        "proxy_ssl_verify maybe;",
        "proxy_ssl_verify on; proxy_ssl_verify on;",
        "proxy_ssl_verify_depth x;",
        "proxy_ssl_certificate %TLS%/me.crt;",
        "proxy_ssl_certificate %TLS%/me.crt; proxy_ssl_certificate_key %TLS%/b.key;",
        "proxy_ssl_certificate %TLS%/none.crt; proxy_ssl_certificate_key %TLS%/me.key;",
        "proxy_ssl_certificate %TLS%/me.crt; proxy_ssl_certificate_key %TLS%/none.key;",
        "proxy_ssl_certificate a; proxy_ssl_certificate b;",
        "proxy_ssl_certificate $nothing.crt; proxy_ssl_certificate_key a;",
        "proxy_ssl_certificate_cache inactive=1s;",
        "proxy_ssl_certificate_cache max=0;",
        "proxy_ssl_certificate_cache max=1 max=x;",
        "proxy_ssl_protocols TLSv1.4;",
        "proxy_ssl_protocols;",
        "proxy_ssl_ciphers NOTHING;",
        "proxy_ssl_name $nothing;",
        "proxy_ssl_name a; proxy_ssl_name b;",
        "proxy_ssl_password_file %TLS%/none;",
        "proxy_ssl_password_file a b;",
        "proxy_ssl_conf_command a;",
        "if ($arg_a) { proxy_ssl_verify on; }",
    ]
    .iter()
    .map(|text| filled(dir.path(), &format!("{to} {text} }} }}")))
    .chain([
        "server { location / { proxy_pass httpss://a; } }".to_owned(),
        "server { location / { proxy_pass https://; } }".to_owned(),
        "server { location ~ / { proxy_pass https://127.0.0.1/a; } }".to_owned(),
        "server { location / { uwsgi_pass suwsgi://127.0.0.1:1; uwsgi_ssl_verify on; } }"
            .to_owned(),
        "server { location / { uwsgi_pass suwsgi://127.0.0.1; } }".to_owned(),
        "upstream u { server 127.0.0.1:1; } server { location / { proxy_pass https://u:443; } }"
            .to_owned(),
        "proxy_ssl_verify on; server { location / { proxy_pass http://127.0.0.1; } }".to_owned(),
        "proxy_ssl_verify on; server { location / { proxy_pass $arg_a; } }".to_owned(),
    ])
    .collect();
    same_complaints(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    if current() {
        // Older ones read these files with other calls, and say so.
        let texts = [
            "proxy_ssl_verify on; proxy_ssl_trusted_certificate %TLS%/none.crt;",
            "proxy_ssl_verify on; proxy_ssl_trusted_certificate %TLS%/ca.crt; proxy_ssl_crl %TLS%/none.crl;",
        ]
        .map(|text| filled(dir.path(), &format!("{to} {text} }} }}")));
        same_complaints(&[&texts[0], &texts[1]]);
    }
}
