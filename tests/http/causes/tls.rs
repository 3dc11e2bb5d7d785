use super::{answers, check, generic, listener, told};
use crate::common::{Server, Site, http};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::time::Duration;

/// Writes `NAME.pem` and `NAME.key`, self-signed, for a host, valid until a year.
fn certificate(site: &Site, name: &str, host: &str, until: i32) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let made = params.self_signed(&key).unwrap();
    site.write(&format!("{name}.pem"), &made.pem());
    site.write(&format!("{name}.key"), &key.serialize_pem());
}

/// A server whose second port speaks TLS with a certificate for `here`; the first passes requests on as these lines
/// say. They begin on line 5.
fn start(backend: &str, lines: &str) -> Server {
    let site = Site::new(&http(&format!(
        "server {{ listen 127.0.0.1:%PORT1% ssl; ssl_certificate %DIR%/here.pem; ssl_certificate_key %DIR%/here.key; {backend} return 200 fine; }}\n\
         server {{ listen 127.0.0.1:%PORT0%; location / {{\n\
         {lines} }} }}"
    )));
    certificate(&site, "here", "here", 2100);
    certificate(&site, "old", "here", 2021);
    certificate(&site, "other", "other", 2100);
    Server::start(site)
}

const AT: &str = "127.0.0.1:PORT1 (nginx.conf:5)";

#[test]
fn a_plain_request_to_a_port_for_tls() {
    let server = start("", "proxy_pass http://127.0.0.1:%PORT1%;");
    let answer = server.get("/");
    assert_eq!(answer.status, 400);
    server.wait_for_log("cause: tls_expected");
    let log = generic(&server, &server.read("error.log"));
    let hint = format!(
        "cause: tls_expected, hint: \"{AT} expects TLS: write https:// in proxy_pass, or its port without TLS\"\n"
    );
    assert!(log.contains(&hint), "{log}");
}

#[test]
fn tls_to_a_plain_port() {
    let port = answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let server = start("", &format!("proxy_pass https://127.0.0.1:{port};"));
    check(
        &server,
        502,
        "tls_to_plain_port",
        &format!(
            "127.0.0.1:{port} (nginx.conf:5) does not speak TLS: write http:// in proxy_pass, or its port for TLS"
        ),
    );
}

#[test]
fn certificates_that_are_refused() {
    const VERIFY: &str =
        "proxy_ssl_verify on; proxy_ssl_name here; proxy_pass https://127.0.0.1:%PORT1%;";
    let server = start(
        "",
        &format!("{VERIFY}\nproxy_ssl_trusted_certificate %DIR%/other.pem;"),
    );
    check(
        &server,
        502,
        "certificate_refused",
        &format!(
            "the certificate of {AT} is signed by nobody who is trusted: put its CA, or for a self-signed one itself, \
             into proxy_ssl_trusted_certificate (nginx.conf:6), and have the server send the certificates between"
        ),
    );
    let server = start(
        "",
        "proxy_ssl_verify on; proxy_ssl_name elsewhere; proxy_pass https://127.0.0.1:%PORT1%;\n\
         proxy_ssl_trusted_certificate %DIR%/here.pem;",
    );
    check(
        &server,
        502,
        "certificate_name_mismatch",
        &format!(
            "the certificate of {AT} is not for elsewhere: set proxy_ssl_name (nginx.conf:5) to a name that it is for"
        ),
    );
    // An expired one, on a port of its own.
    let site = Site::new(&http(
        "server { listen 127.0.0.1:%PORT1% ssl; ssl_certificate %DIR%/old.pem; ssl_certificate_key %DIR%/old.key; }\n\
         server { listen 127.0.0.1:%PORT0%; location / { proxy_ssl_verify on; proxy_ssl_name here;\n\
         proxy_ssl_trusted_certificate %DIR%/old.pem; proxy_pass https://127.0.0.1:%PORT1%; } }",
    ));
    certificate(&site, "old", "here", 2021);
    check(
        &Server::start(site),
        502,
        "certificate_refused",
        &format!("the certificate of {AT} has expired: renew it there"),
    );
}

#[test]
fn handshakes_that_fail() {
    let server = start(
        "ssl_protocols TLSv1.3;",
        "proxy_ssl_protocols TLSv1.2;\nproxy_pass https://127.0.0.1:%PORT1%;",
    );
    check(
        &server,
        502,
        "tls_alert",
        "127.0.0.1:PORT1 (nginx.conf:6) refused the handshake: it may want to be told a name, which \
         proxy_ssl_server_name (default) does, or other protocols or ciphers",
    );
    // A ServerHello of TLS 1.0 (RFC 2246 section 7.4.1.3).
    let mut hello = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01".to_vec();
    hello.extend([7; 32]);
    hello.extend(b"\x00\x00\x2f\x00");
    let port = answers(hello.leak());
    let server = start("", &format!("proxy_pass https://127.0.0.1:{port};"));
    check(
        &server,
        502,
        "tls_failed",
        &format!(
            "127.0.0.1:{port} (nginx.conf:5) and this server find no version or cipher of TLS that both allow: see \
             proxy_ssl_protocols (default) and proxy_ssl_ciphers (default)"
        ),
    );
    let port = answers(b"");
    let server = start("", &format!("proxy_pass https://127.0.0.1:{port};"));
    check(
        &server,
        502,
        "tls_handshake_closed",
        &format!(
            "127.0.0.1:{port} (nginx.conf:5) closed the connection within the handshake: it may want to be told a \
             name, which proxy_ssl_server_name (default) does, or its port is not for TLS"
        ),
    );
    let port = listener(|stream| {
        std::thread::sleep(Duration::from_secs(5));
        drop(stream);
    });
    let server = start(
        "",
        &format!("proxy_connect_timeout 200ms; proxy_pass https://127.0.0.1:{port};"),
    );
    check(
        &server,
        504,
        "tls_handshake_timeout",
        &format!(
            "127.0.0.1:{port} (nginx.conf:5) did not end the handshake within 200ms (proxy_connect_timeout, \
             nginx.conf:5): the application is stuck, or its port is not for TLS"
        ),
    );
}

#[test]
fn a_certificate_of_ours_that_is_not_there() {
    let server = start(
        "",
        "set $who nobody; proxy_ssl_certificate %DIR%/$who.pem; proxy_ssl_certificate_key %DIR%/$who.key;\n\
         proxy_pass https://127.0.0.1:%PORT1%;",
    );
    assert_eq!(server.get("/").status, 500);
    assert_eq!(
        told(&server),
        "tls_setup_failed, hint: \"this server lacks what it needs for TLS to 127.0.0.1:PORT1 (nginx.conf:6): check \
         proxy_ssl_certificate (nginx.conf:5) and its key\""
    );
}

#[test]
fn clients_that_are_refused() {
    let start = |lines: &str| {
        let site = Site::new(&http(&format!(
            "server {{ listen 127.0.0.1:%PORT0% ssl; ssl_certificate %DIR%/here.pem; ssl_certificate_key %DIR%/here.key;\n\
             {lines} return 200; }}"
        )));
        certificate(&site, "here", "here", 2100);
        Server::start(site)
    };
    check(
        &start("error_page_diagnostics on;"),
        400,
        "plain_on_tls_port",
        "the client speaks plain HTTP to a port for TLS: it wants https:// where this is http://; error_page 497 =301 \
         https://$host$request_uri sends it there",
    );
    let server = start("ssl_verify_client on; ssl_client_certificate %DIR%/here.pem;");
    let asked = std::process::Command::new("curl")
        .args([
            "-sk",
            "-o",
            "/dev/null",
            &format!("https://127.0.0.1:{}/", server.port(0)),
        ])
        .status();
    // Where there is no curl nothing is shown.
    if asked.is_ok() {
        assert_eq!(
            told(&server),
            "client_certificate_missing, hint: \"ssl_verify_client (nginx.conf:4) wants a certificate, and the client \
             has sent none\""
        );
    }
}
