//! `ssl_verify_client` and what is known of clients' certificates.

use crate::common::authority::{Authority, Issued};
use crate::common::tls::{get, openssl, s_client};
use crate::common::{Server, Site, http};

fn server(verify: &str) -> Server {
    let site = Site::new(&http(&format!(
        "ssl_certificate a.crt; ssl_certificate_key a.key;
         server {{ listen 127.0.0.1:%PORT0% ssl; server_name a.example; {verify} ssl_client_certificate ca.crt;
            location / {{ return 200 '$ssl_client_verify $ssl_client_s_dn | $ssl_client_i_dn_legacy'; }}
            location /more {{ return 200 '$ssl_client_serial $ssl_client_fingerprint $ssl_client_v_remain $ssl_client_escaped_cert'; }} }}
         server {{ listen 127.0.0.1:%PORT0% ssl; server_name b.example; return 200 b; }}"
    )));
    let (authority, other) = (
        Authority::new("The authority"),
        Authority::new("Another one"),
    );
    let write = |name: &str, issued: &Issued| {
        site.write(&format!("{name}.crt"), &issued.certificate);
        site.write(&format!("{name}.key"), &issued.key);
    };
    site.write("ca.crt", &authority.certificate);
    write("a", &authority.issue(&["a.example", "b.example"]));
    write("me", &authority.issue(&["me"]));
    write("old", &authority.issue_expired(&["old"]));
    write("stranger", &other.issue(&["stranger"]));
    Server::start(site)
}

/// Asks with the certificate of this name, or without.
fn ask(server: &Server, host: &str, path: &str, who: &str, more: &[&str]) -> String {
    let file = |end: &str| server.path(&format!("{who}.{end}")).display().to_string();
    let (certificate, key) = (file("crt"), file("key"));
    let with = ["--cert", &certificate, "--key", &key];
    let identity: &[&str] = if who.is_empty() { &[] } else { &with };
    get(server, 0, host, path, &[identity, more].concat())
}

#[test]
fn certificates_can_be_required() {
    let server = server("ssl_verify_client on;");
    let me = ask(&server, "a.example", "/", "me", &[]);
    assert!(me.starts_with("SUCCESS CN=me | /CN=The authority"), "{me}");
    let none = ask(&server, "a.example", "/", "", &["-i", "--http1.1"]);
    assert!(none.starts_with("HTTP/1.1 400"), "{none}");
    assert!(
        none.contains("No required SSL certificate was sent"),
        "{none}"
    );
    server.wait_for_log("client sent no required SSL certificate while reading client request headers, client: 127.0.0.1");
    for (who, why) in [
        ("stranger", "(21:unable to verify the first certificate)"),
        ("old", "(10:certificate has expired)"),
    ] {
        let refused = ask(&server, "a.example", "/", who, &[]);
        assert!(refused.contains("The SSL certificate error"), "{refused}");
        server.wait_for_log(&format!("client SSL certificate verify error: {why}"));
    }
}

#[test]
fn certificates_can_be_asked_for() {
    let optional = server("ssl_verify_client optional;");
    assert!(ask(&optional, "a.example", "/", "", &[]).starts_with("NONE "));
    assert!(
        ask(&optional, "a.example", "/", "stranger", &[]).contains("The SSL certificate error")
    );
    let any = server("ssl_verify_client optional_no_ca;");
    let stranger = ask(&any, "a.example", "/", "stranger", &[]);
    assert!(
        stranger.starts_with("FAILED:unable to verify the first certificate CN=stranger")
            || stranger.starts_with("FAILED:unable to get local issuer certificate CN=stranger"),
        "{stranger}"
    );
    let more = ask(&any, "a.example", "/more", "me", &[]);
    assert!(more.ends_with("-----END%20CERTIFICATE-----%0A"), "{more}");
    assert!(ask(&any, "a.example", "/", "old", &[]).contains("The SSL certificate error"));
}

#[test]
fn another_host_than_that_of_the_handshake_is_misdirected() {
    let server = server("ssl_verify_client on;");
    assert_eq!(ask(&server, "b.example", "/", "", &[]), "b");
    for version in ["--http1.1", "--http2"] {
        let sneaked = ask(
            &server,
            "b.example",
            "/",
            "",
            &["-H", "Host: a.example", "-i", version],
        );
        assert!(sneaked.contains(" 421"), "{sneaked}");
    }
    server.wait_for_log(
        "client attempted to request the server name different from the one that was negotiated",
    );
}

#[test]
fn a_session_does_not_outlive_its_verdict() {
    let server = server("ssl_verify_client on;");
    let request = "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n";
    let with = |more: &[&str]| {
        let start = [
            "-servername",
            "a.example",
            "-cert",
            "me.crt",
            "-key",
            "me.key",
            "-tls1_2",
        ];
        s_client(&server, 0, request, &[&start[..], more].concat())
    };
    assert!(with(&["-sess_out", "session"]).contains("SUCCESS CN=me"));
    assert!(with(&["-sess_in", "session"]).contains("SUCCESS CN=me"));
    // The session of one who was let in, at a server that does not ask, is no way in.
    let other = s_client(
        &server,
        0,
        "GET / HTTP/1.0\r\nHost: b.example\r\n\r\n",
        &["-servername", "b.example", "-tls1_2", "-sess_in", "session"],
    );
    assert!(!other.contains("Reused, TLS"), "{other}");
}

#[test]
fn names_are_written_as_openssl_writes_them() {
    let server = server("ssl_verify_client optional_no_ca;");
    let subject = "/C=DE/O=A, B=C/OU=\u{dc}n\u{ef} \u{1f600}/OU=two+UID=x/CN=#y \"q\" <z>;\\\\ /emailAddress=a@b.example/1.2.3.4=odd";
    openssl(
        &server,
        &[
            "req",
            "-x509",
            "-utf8",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "odd.key",
            "-out",
            "odd.crt",
            "-multivalue-rdn",
            "-subj",
            subject,
        ],
    );
    let show = |form: &str| {
        let text = openssl(
            &server,
            &[
                "x509", "-in", "odd.crt", "-noout", "-subject", "-issuer", "-nameopt", form,
            ],
        );
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_once('=').unwrap().1.to_owned())
            .collect();
        lines
    };
    let expected = format!("{} | {}", show("RFC2253")[0], show("compat")[1]);
    let answer = ask(&server, "a.example", "/", "odd", &[]);
    assert!(answer.ends_with(&expected), "{answer}\n{expected}");
}
