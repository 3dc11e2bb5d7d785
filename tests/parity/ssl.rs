//! TLS to clients: what is refused, what is answered, what is logged.

use crate::common::authority::{Authority, Issued};
use crate::common::tls::s_client;
use crate::harness::{current, same_complaints};
use crate::pair::Pair;
use std::path::Path;
use tempfile::TempDir;

/// A directory with certificates of one authority and of another.
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
    both("a", &authority.issue(&["a.example"]));
    both("b", &authority.issue(&["b.example"]));
    both("me", &authority.issue(&["me", "also me"]));
    both("old", &authority.issue_expired(&["old"]));
    both("stranger", &other.issue(&["stranger"]));
    write("short", "not 48 bytes");
    dir
}

fn filled(dir: &Path, text: &str) -> String {
    text.replace("%TLS%", &dir.display().to_string())
}

#[test]
fn complaints() {
    let dir = certificates();
    let with = "ssl_certificate %TLS%/a.crt; ssl_certificate_key %TLS%/a.key;";
    let servers = [
        String::new(),
        "ssl_certificate %TLS%/a.crt;".to_owned(),
        "ssl_certificate %TLS%/none.crt; ssl_certificate_key %TLS%/a.key;".to_owned(),
        "ssl_certificate %TLS%/a.crt; ssl_certificate_key %TLS%/none.key;".to_owned(),
        "ssl_certificate %TLS%/a.crt; ssl_certificate_key %TLS%/b.key;".to_owned(),
        "ssl_certificate %TLS%/a.key; ssl_certificate_key %TLS%/a.key;".to_owned(),
        "ssl_certificate %TLS%/a.crt; ssl_certificate_key %TLS%/a.crt;".to_owned(),
        "ssl_certificate $nothing.crt; ssl_certificate_key %TLS%/a.key;".to_owned(),
        format!("{with} ssl_ciphers NOTHING;"),
        format!("{with} ssl_ciphers HIGH:@NOTHING;"),
        format!("{with} ssl_ciphers A; ssl_ciphers B;"),
        format!("{with} ssl_ecdh_curve nothing;"),
        format!("{with} ssl_dhparam %TLS%/none;"),
        format!("{with} ssl_dhparam %TLS%/a.crt;"),
        format!("{with} ssl_verify_client on;"),
        format!("{with} ssl_verify_client maybe;"),
        format!("{with} ssl_verify_client on; ssl_client_certificate %TLS%/none;"),
        format!("{with} ssl_crl %TLS%/a.crt;"),
        format!("{with} ssl_session_ticket_key %TLS%/short;"),
        format!("{with} ssl_session_ticket_key %TLS%/none;"),
        format!("{with} ssl_session_cache shared:a:1k;"),
        format!("{with} ssl_session_cache shared:a;"),
        format!("{with} ssl_session_cache builtin:x;"),
        format!("{with} ssl_stapling on; ssl_stapling_file %TLS%/none;"),
        format!("{with} ssl_stapling on; ssl_stapling_file %TLS%/a.key;"),
        format!("{with} ssl_conf_command Nothing x;"),
        format!("{with} ssl_conf_command Ciphersuites x;"),
        format!("{with} ssl_conf_command Options Nothing;"),
        "ssl_password_file %TLS%/none;".to_owned(),
        "ssl_certificate_cache inactive=3s;".to_owned(),
        "ssl_certificate_cache max=0;".to_owned(),
        "ssl_protocols TLSv9;".to_owned(),
        "ssl_reject_handshake maybe;".to_owned(),
        "location / { ssl_protocols TLSv1.2; }".to_owned(),
    ];
    let newer = [
        "ssl_certificate_cache",
        "BIO_new_file",
        "none",
        "Ciphersuites",
        "ssl_verify_client on;",
        "ssl_crl",
    ];
    let known = |text: &String| current() || !newer.iter().any(|word| text.contains(word));
    let texts: Vec<String> = servers
        .iter()
        .filter(|text| known(text))
        .map(|text| {
            filled(
                dir.path(),
                &format!("server {{ listen 127.0.0.1:1 ssl; {text} }}"),
            )
        })
        .collect();
    same_complaints(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    if !current() {
        // Older ones say less about addresses on which several protocols are asked for.
        return;
    }
    let listens = |all: &[&str]| {
        let servers = all.iter().enumerate().map(|(number, parameters)| {
            format!("server {{ listen 127.0.0.1:1 {parameters}; server_name a{number}.example; {with} }}")
        });
        filled(dir.path(), &servers.collect::<String>())
    };
    let texts = [
        listens(&["ssl", ""]),
        listens(&["", "ssl"]),
        listens(&["ssl", "ssl"]),
        listens(&["ssl", "", "ssl"]),
        listens(&["", "ssl", ""]),
        listens(&["ssl backlog=9", ""]),
        listens(&["", "ssl backlog=9"]),
        listens(&["ssl proxy_protocol", "ssl"]),
        listens(&["ssl", "proxy_protocol"]),
    ];
    same_complaints(&texts.iter().map(String::as_str).collect::<Vec<_>>());
}

/// The answer in what `s_client` says; what it says itself stands around it.
fn answer(text: &str) -> String {
    let Some(start) = text.find("HTTP/1.") else {
        return String::new();
    };
    let (head, body) = text[start..].split_once("\r\n\r\n").unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    format!("{head}\n\n{}", &body[..length.min(body.len())])
}

#[test]
fn answers_by_name_and_certificate() {
    let dir = certificates();
    let show = r#"return 200 "$ssl_protocol $ssl_cipher $https $scheme [$ssl_server_name] [$ssl_curve] $ssl_session_reused
        $ssl_client_verify $ssl_client_s_dn $ssl_client_i_dn $ssl_client_s_dn_legacy $ssl_client_serial $ssl_client_fingerprint
        $ssl_client_v_start $ssl_client_v_remain $ssl_client_escaped_cert [$ssl_client_cert] [$ssl_alpn_protocol] [$ssl_early_data]";"#;
    let conf = format!(
        r#"ssl_certificate %TLS%/a.crt; ssl_certificate_key %TLS%/a.key; ssl_protocols TLSv1.2 TLSv1.3; access_log off;
        ssl_ecdh_curve X25519:prime256v1;
        server {{ listen 127.0.0.1:%PORT0% ssl; server_name a.example; {show} }}
        server {{ listen 127.0.0.1:%PORT0% ssl; server_name ~^(?<who>.+)\.b\.example$; return 200 $who; }}
        server {{ listen 127.0.0.1:%PORT0% ssl; server_name c.example; ssl_verify_client on; ssl_client_certificate %TLS%/ca.crt; {show} }}
        server {{ listen 127.0.0.1:%PORT0% ssl; server_name d.example; ssl_verify_client optional_no_ca; error_page 495 =200 /e; location / {{ {show} }} location /e {{ return 200 $ssl_client_verify; }} }}
        server {{ listen 127.0.0.1:%PORT1% ssl; absolute_redirect on; location /dir {{ return 301 /x; }} error_page 497 /tls; location /tls {{ return 200 tls; }} }}"#
    );
    let Some(pair) = Pair::start(&filled(dir.path(), &conf)) else {
        return;
    };
    let file = |name: &str| dir.path().join(name).display().to_string();
    for (name, host, who) in [
        ("a.example", "a.example", ""),
        ("none.example", "none.example", ""),
        ("one.b.example", "one.b.example", ""),
        ("one.b.example", "two.b.example", ""),
        ("a.example", "x.b.example", ""),
        ("a.example", "c.example", "me"),
        ("c.example", "a.example", "me"),
        ("c.example", "c.example", ""),
        ("c.example", "c.example", "me"),
        ("c.example", "c.example", "old"),
        ("c.example", "c.example", "stranger"),
        ("c.example", "none.example", "me"),
        ("d.example", "d.example", ""),
        ("d.example", "d.example", "stranger"),
        ("d.example", "d.example", "old"),
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let (certificate, key) = (file(&format!("{who}.crt")), file(&format!("{who}.key")));
            let mut arguments = vec!["-servername", name, version];
            if !who.is_empty() {
                arguments.extend(["-cert", &certificate, "-key", &key]);
            }
            let request = format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n");
            let [ours, theirs] =
                pair.each(|site| normal(&answer(&s_client(site, 0, &request, &arguments))));
            assert_eq!(ours, theirs, "{name} {host} {who} {version}");
        }
    }
    let request = "GET /dir HTTP/1.0\r\nHost: h.test\r\n\r\n";
    let [ours, theirs] = pair.each(|site| {
        let port = site.port(1).to_string();
        normal(&answer(&s_client(site, 1, request, &["-noservername"]))).replace(&port, "PORT")
    });
    assert_eq!(ours, theirs);
    let [ours, theirs] = pair.each(|site| {
        normal(&String::from_utf8_lossy(
            &site.raw(1, b"GET / HTTP/1.1\r\nHost: h.test\r\n\r\n"),
        ))
    });
    assert_eq!(ours, theirs);
}

/// Without what tells the servers apart.
fn normal(answer: &str) -> String {
    let lines = answer.lines().filter(|line| !line.starts_with("Date: "));
    let lines = lines.filter(|line| !line.starts_with("Server: "));
    let page = answer.contains("<hr><center>");
    let lines = lines.filter(|line| !page || !line.starts_with("Content-Length: "));
    lines
        .map(|line| match line.contains("<hr><center>") {
            true => "<hr>",
            false => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn requests_that_name_no_host() {
    let dir = certificates();
    let conf = r#"ssl_certificate %TLS%/a.crt; ssl_certificate_key %TLS%/a.key; access_log off;
        server { listen 127.0.0.1:%PORT0% ssl; server_name a.example; return 200 a; error_page 400 =200 /; }
        server { listen 127.0.0.1:%PORT0% ssl; server_name b.example; return 200 b; }
        server { listen 127.0.0.1:%PORT0% ssl; server_name ~^c\.; return 200 c; }
        server { listen 127.0.0.1:%PORT1% ssl; server_name a.example; ssl_verify_client on; ssl_client_certificate %TLS%/ca.crt; return 200 a; }
        server { listen 127.0.0.1:%PORT1% ssl; server_name b.example; return 200 b; }
        server { listen 127.0.0.1:%PORT2% ssl; server_name a.example; return 200 a; }
        server { listen 127.0.0.1:%PORT2% ssl; server_name b.example; return 200 b; }
        server { listen 127.0.0.1:%PORT2% ssl; server_name ""; return 200 nameless; }"#;
    let Some(pair) = Pair::start(&filled(dir.path(), conf)) else {
        return;
    };
    for (port, name) in [
        (0, "a.example"),
        (0, "b.example"),
        (0, "c.example"),
        (0, "none.example"),
        (1, "b.example"),
        (1, "none.example"),
        (2, "a.example"),
        (2, "b.example"),
        (2, "none.example"),
    ] {
        for version in ["1.0", "1.1"] {
            let request = format!("GET / HTTP/{version}\r\nConnection: close\r\n\r\n");
            let [ours, theirs] = pair.each(|site| {
                normal(&answer(&s_client(
                    site,
                    port,
                    &request,
                    &["-servername", name],
                )))
            });
            assert_eq!(ours, theirs, "{port} {name} {version}");
            assert!(!ours.is_empty());
        }
    }
}
