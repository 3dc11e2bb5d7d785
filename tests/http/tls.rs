//! TLS to clients: handshakes, certificates, sessions.

use crate::common::authority::{Authority, Issued};
use crate::common::tls::{curl, get, openssl, s_client};
use crate::common::{Server, Site, http, wait_until};
use std::io::{Read, Write};
use std::process::Command;

const GET: &str = "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n";

/// A site with certificates of one authority: `a` for a.example, `b` for b.example, `wild` for *.c.example.
fn site(conf: &str) -> Site {
    let site = Site::new(&http(conf));
    let authority = Authority::new("The authority");
    let write = |name: &str, issued: &Issued| {
        site.write(&format!("{name}.crt"), &issued.certificate);
        site.write(&format!("{name}.key"), &issued.key);
    };
    site.write("ca.crt", &authority.certificate);
    write("a", &authority.issue(&["a.example"]));
    write("b", &authority.issue(&["b.example"]));
    write("wild", &authority.issue(&["*.c.example"]));
    site
}

fn server(conf: &str) -> Server {
    Server::start(site(conf))
}

const A: &str = "ssl_certificate a.crt; ssl_certificate_key a.key;";

#[test]
fn curl_gets_pages_by_all_versions() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; server_name a.example; {A} http2 on;
            location / {{ return 200 '$ssl_protocol $ssl_cipher $https $scheme $server_protocol $ssl_alpn_protocol\n'; }}
            location /dir {{ return 301 /other; }} }}"
    ));
    let by = |arguments: &[&str]| get(&server, 0, "a.example", "/", arguments);
    assert_eq!(
        by(&[
            "--http1.1",
            "--tlsv1.3",
            "--tls13-ciphers",
            "TLS_AES_128_GCM_SHA256"
        ]),
        "TLSv1.3 TLS_AES_128_GCM_SHA256 on https HTTP/1.1 http/1.1\n"
    );
    assert_eq!(
        by(&[
            "--http1.1",
            "--tls-max",
            "1.2",
            "--ciphers",
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        ]),
        "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305 on https HTTP/1.1 http/1.1\n"
    );
    let http2 = by(&["--http2"]);
    assert!(http2.ends_with("on https HTTP/2.0 h2\n"), "{http2}");
    let moved = get(&server, 0, "a.example", "/dir", &["--http1.1", "-i"]);
    let to = format!("Location: https://a.example:{}/other", server.port(0));
    assert!(moved.contains(&to), "{moved}");
}

#[test]
fn the_certificate_is_that_of_the_name() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; server_name a.example; {A} return 200 a; }}
         server {{ listen 127.0.0.1:%PORT0% ssl; server_name b.example; ssl_certificate b.crt; ssl_certificate_key b.key; return 200 b; }}
         server {{ listen 127.0.0.1:%PORT0% ssl; server_name *.c.example; ssl_certificate wild.crt; ssl_certificate_key wild.key; return 200 $ssl_server_name; }}"
    ));
    for (host, answer) in [
        ("a.example", "a"),
        ("b.example", "b"),
        ("www.c.example", "www.c.example"),
    ] {
        assert_eq!(get(&server, 0, host, "/", &[]), answer, "{host}");
    }
    let unknown = s_client(&server, 0, GET, &["-servername", "nobody.example"]);
    assert!(unknown.contains("subject=CN = a.example"), "{unknown}");
    let none = s_client(&server, 0, GET, &["-noservername"]);
    assert!(none.contains("subject=CN = a.example"), "{none}");
    // A host of another server than the name of the handshake is served, as long as nobody asks for certificates.
    let other = get(&server, 0, "a.example", "/", &["-H", "Host: b.example"]);
    assert_eq!(other, "b");
}

/// Writes `rsa.crt` and `rsa.key`.
fn write_rsa(site: &Site) {
    openssl(
        site,
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "rsa.key",
            "-out",
            "rsa.crt",
            "-subj",
            "/CN=rsa.example",
        ],
    );
}

const BOTH: &str = "ssl_certificate a.crt; ssl_certificate_key a.key; ssl_certificate rsa.crt; ssl_certificate_key rsa.key;";

#[test]
fn a_client_gets_the_certificate_that_it_can_check() {
    let site = site(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {BOTH} return 200 ok; }}"
    ));
    write_rsa(&site);
    let server = Server::start(site);
    let rsa = s_client(&server, 0, GET, &["-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"]);
    assert!(rsa.contains("subject=CN = rsa.example"), "{rsa}");
    let ecdsa = s_client(&server, 0, GET, &["-sigalgs", "ECDSA+SHA256"]);
    assert!(ecdsa.contains("subject=CN = a.example"), "{ecdsa}");
    let old = s_client(
        &server,
        0,
        GET,
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
    );
    assert!(old.contains("subject=CN = rsa.example"), "{old}");
}

#[test]
fn with_tls_1_2_the_order_of_the_suites_chooses_the_certificate() {
    let (rsa, ecdsa) = (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
    );
    let site = site(&format!(
        "{BOTH}
         server {{ listen 127.0.0.1:%PORT0% ssl; ssl_ciphers {rsa}:{ecdsa}; ssl_prefer_server_ciphers on; }}
         server {{ listen 127.0.0.1:%PORT1% ssl; ssl_ciphers {ecdsa}:{rsa}; ssl_prefer_server_ciphers on; ssl_protocols TLSv1.2; }}
         server {{ listen 127.0.0.1:%PORT2% ssl; ssl_ciphers {rsa}:{ecdsa}; }}"
    ));
    write_rsa(&site);
    let server = Server::start(site);
    let (rsa_first, ecdsa_first) = (format!("{rsa}:{ecdsa}"), format!("{ecdsa}:{rsa}"));
    for (port, offered, name) in [
        (0, &ecdsa_first, "rsa.example"),
        (0, &rsa_first, "rsa.example"),
        (1, &rsa_first, "a.example"),
        (2, &rsa_first, "rsa.example"),
        (2, &ecdsa_first, "a.example"),
    ] {
        let said = s_client(&server, port, GET, &["-tls1_2", "-cipher", offered]);
        let subject = format!("subject=CN = {name}");
        assert!(said.contains(&subject), "{port} {offered}: {said}");
    }
    // Who offers TLS 1.3 in vain, too.
    let said = s_client(&server, 1, GET, &["-cipher", &rsa_first]);
    assert!(said.contains("subject=CN = a.example"), "{said}");
}

#[test]
fn who_does_not_speak_tls_is_told() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} }}
         server {{ listen 127.0.0.1:%PORT1% ssl; {A} error_page 497 =301 https://a.example$request_uri; }}"
    ));
    let plain = server.get("/");
    assert_eq!(plain.status, 400);
    assert!(
        plain
            .text()
            .contains("The plain HTTP request was sent to HTTPS port")
    );
    server.wait_for_log("client sent plain HTTP request to HTTPS port while reading client request headers, client: 127.0.0.1");
    let moved = server.get_from(1, "/x");
    assert_eq!(moved.status, 301);
    assert_eq!(moved.header("Location"), Some("https://a.example/x"));
}

/// A client's first message, as it is sent.
fn client_hello() -> Vec<u8> {
    let config = rustls::ClientConfig::builder_with_provider(
        rustls::crypto::aws_lc_rs::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    let name = "a.example".try_into().unwrap();
    let mut session = rustls::ClientConnection::new(config.into(), name).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn what_comes_along_with_the_first_message_is_looked_at() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} return 200 a; }}"
    ));
    let hello = client_hello();
    for (number, more) in (1..).zip([&b"garbage garbage garbage"[..], &hello]) {
        // The end comes of itself, long before any timeout.
        let answer = server.raw(0, &[&hello, more].concat());
        assert_eq!(answer.first(), Some(&0x16), "{answer:?}");
        let failed = "SSL_do_handshake() failed (SSL: ";
        wait_until(
            || server.count_in_log(failed) == number,
            || server.read("error.log"),
        );
    }
}

#[test]
fn who_agrees_on_http2_is_taken_at_its_word() {
    let server = server(&format!(
        "http2 on; server {{ listen 127.0.0.1:%PORT0% ssl; {A} return 200 a; }}"
    ));
    let answer = s_client(&server, 0, GET, &["-alpn", "h2", "-quiet"]);
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    // SETTINGS, then GOAWAY for PROTOCOL_ERROR.
    let goaway = "\0\0\u{8}\u{7}\0\0\0\0\0\0\0\0\0\0\0\0\u{1}";
    assert!(answer.contains(goaway), "{answer:?}");
    server.wait_for_log("invalid connection preface while processing HTTP/2 connection, client: 127.0.0.1, server: 127.0.0.1:");
}

#[test]
fn handshakes_can_be_refused() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; ssl_reject_handshake on; }}
         server {{ listen 127.0.0.1:%PORT0% ssl; server_name a.example; {A} return 200 a; }}"
    ));
    assert_eq!(get(&server, 0, "a.example", "/", &[]), "a");
    let refused = s_client(&server, 0, GET, &["-servername", "b.example"]);
    assert!(refused.contains("unrecognized name"), "{refused}");
    server.wait_for_log(
        "handshake rejected while SSL handshaking, client: 127.0.0.1, server: 127.0.0.1:",
    );
    let old = s_client(
        &server,
        0,
        GET,
        &[
            "-servername",
            "a.example",
            "-tls1_1",
            "-cipher",
            "ALL:@SECLEVEL=0",
        ],
    );
    assert!(
        old.contains("protocol version") || old.contains("no protocols"),
        "{old}"
    );
    let no_suite = s_client(
        &server,
        0,
        GET,
        &[
            "-servername",
            "a.example",
            "-tls1_2",
            "-cipher",
            "ECDHE-ECDSA-AES128-SHA",
        ],
    );
    assert!(no_suite.contains("handshake failure"), "{no_suite}");
    server.wait_for_log("no shared cipher) while SSL handshaking");
}

#[test]
fn a_handshake_that_stalls_ends() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} client_header_timeout 1s; }}"
    ));
    let mut silent = server.connect(0);
    let mut slow = server.connect(0);
    // The start of a record that is to have 512 bytes.
    slow.write_all(&[0x16, 3, 1, 2, 0, 1]).unwrap();
    for stream in [&mut silent, &mut slow] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, []);
    }
    server.wait_for_log("client timed out (110: Connection timed out) while SSL handshaking");
}

/// Connects twice, the second time with the session of the first; whether it was taken up again.
fn is_resumed(server: &Server, port: usize, arguments: &[&str]) -> bool {
    let file = format!("session{port}");
    let with = |more: &[&str]| s_client(server, port, GET, &[arguments, more].concat());
    with(&["-sess_out", &file]);
    with(&["-sess_in", &file]).contains("\nr\n")
}

#[test]
fn sessions_are_taken_up_again() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} return 200 '\n$ssl_session_reused\n'; }}
         server {{ listen 127.0.0.1:%PORT1% ssl; {A} ssl_session_tickets off; ssl_session_cache shared:one:1m; return 200 '\n$ssl_session_reused\n'; }}
         server {{ listen 127.0.0.1:%PORT2% ssl; {A} ssl_session_tickets off; return 200 '\n$ssl_session_reused\n'; }}
         server {{ listen 127.0.0.1:%PORT3% ssl; {A} ssl_session_timeout 1; ssl_session_tickets off; ssl_session_cache builtin:9; return 200 '\n$ssl_session_reused\n'; }}"
    ));
    for version in ["-tls1_2", "-tls1_3"] {
        assert!(is_resumed(&server, 0, &[version]), "tickets, {version}");
        assert!(is_resumed(&server, 1, &[version]), "cache, {version}");
        assert!(!is_resumed(&server, 2, &[version]), "neither, {version}");
        // Nobody's session is good elsewhere.
        s_client(&server, 0, GET, &[version, "-sess_out", "other"]);
        let other = s_client(&server, 1, GET, &[version, "-sess_in", "other"]);
        assert!(other.contains("\n.\n"), "{other}");
    }
    s_client(&server, 3, GET, &["-tls1_2", "-sess_out", "brief"]);
    wait_until(
        || s_client(&server, 3, GET, &["-tls1_2", "-sess_in", "brief"]).contains("\n.\n"),
        || String::from("the session is not over"),
    );
}

#[test]
fn tickets_and_caches_outlast_a_reload() {
    let site = site(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} ssl_session_ticket_key keys; return 200 '\n$ssl_session_reused\n'; }}
         server {{ listen 127.0.0.1:%PORT1% ssl; {A} ssl_session_tickets off; ssl_session_cache shared:two:1m; return 200 '\n$ssl_session_reused\n'; }}"
    ));
    site.write("keys", &"k".repeat(80));
    let server = Server::start(site);
    for port in ["0", "1"] {
        let number = port.parse().unwrap();
        s_client(&server, number, GET, &["-tls1_2", "-sess_out", port]);
    }
    server.reload();
    for port in ["0", "1"] {
        let number = port.parse().unwrap();
        let again = s_client(&server, number, GET, &["-tls1_2", "-sess_in", port]);
        assert!(again.contains("\nr\n"), "{port}: {again}");
    }
}

#[test]
fn early_data_is_served_once() {
    let site = site(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} ssl_early_data on; return 200 '\nearly [$ssl_early_data] $ssl_session_reused\n'; }}"
    ));
    site.write("request", "GET / HTTP/1.0\r\n\r\n");
    let server = Server::start(site);
    s_client(&server, 0, GET, &["-tls1_3", "-sess_out", "session"]);
    let early = ["-tls1_3", "-sess_in", "session", "-early_data", "request"];
    let first = s_client(&server, 0, "", &early);
    assert!(first.contains("Early data was accepted"), "{first}");
    assert!(first.contains("early [] r"), "{first}");
    let again = s_client(&server, 0, GET, &early);
    assert!(again.contains("Early data was rejected"), "{again}");
}

#[test]
fn certificates_can_have_variables_in_their_names() {
    let server = server(
        "server { listen 127.0.0.1:%PORT0% ssl; server_name a.example b.example;
            ssl_certificate %DIR%/$dir.crt; ssl_certificate_key %DIR%/$dir.key; ssl_certificate_cache max=4 inactive=20s valid=1m; return 200 $dir; }
         map $ssl_server_name $dir { default none; a.example a; b.example b; }",
    );
    assert_eq!(get(&server, 0, "a.example", "/", &[]), "a");
    assert_eq!(get(&server, 0, "b.example", "/", &[]), "b");
    assert_eq!(get(&server, 0, "c.example", "/", &["-k"]), "");
    server.wait_for_log("none.crt\": BIO_new_file() failed");
}

#[test]
fn a_reload_takes_new_certificates() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} return 200 ok; }}"
    ));
    let subject =
        |name: &str| s_client(&server, 0, GET, &[]).contains(&format!("subject=CN = {name}\n"));
    assert!(subject("a.example"));
    for kind in ["crt", "key"] {
        std::fs::copy(
            server.path(&format!("b.{kind}")),
            server.path(&format!("a.{kind}")),
        )
        .unwrap();
    }
    assert!(subject("a.example"), "not before the reload");
    server.reload();
    assert!(subject("b.example"));
}

#[test]
fn all_kinds_of_keys_are_read() {
    let site = site("");
    let pkcs8 = |name: &str, more: &[&str]| {
        let start = ["pkcs8", "-topk8", "-in", "a.key", "-out", name];
        openssl(&site, &[&start[..], more].concat());
    };
    pkcs8("plain", &["-nocrypt"]);
    pkcs8("pbes2", &["-v2", "aes-256-cbc", "-passout", "pass:secret"]);
    pkcs8("des3", &["-v2", "des3", "-passout", "pass:secret"]);
    openssl(&site, &["ec", "-in", "a.key", "-out", "sec1"]);
    for cipher in ["aes128", "aes256", "des3"] {
        let cipher_option = format!("-{cipher}");
        openssl(
            &site,
            &[
                "ec",
                "-in",
                "a.key",
                "-out",
                cipher,
                &cipher_option,
                "-passout",
                "pass:secret",
            ],
        );
    }
    site.write("passwords", "wrong\nsecret\n");
    for key in [
        "a.key", "plain", "pbes2", "des3", "sec1", "aes128", "aes256", "des3",
    ] {
        site.write_conf(&http(&format!(
            "server {{ listen 127.0.0.1:%PORT0% ssl; ssl_password_file passwords; ssl_certificate a.crt; ssl_certificate_key {key}; }}"
        )));
        let output = site.run(&["-t"]);
        assert!(
            output.status.success(),
            "{key}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn a_page_with_fifty_assets_over_one_connection() {
    let site = site(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; server_name a.example; {A} http2 on; root %DIR%/www; }}"
    ));
    for number in 0..50 {
        site.write(&format!("www/{number}.css"), &"x".repeat(3000 * number));
    }
    let server = Server::start(site);
    let port = server.port(0);
    let resolve = format!("a.example:{port}:127.0.0.1");
    let url = format!("https://a.example:{port}/[0-49].css");
    let out = server.path("got_#1").display().to_string();
    for version in ["--http1.1", "--http2"] {
        let report = curl(
            &server,
            &[
                "--resolve",
                &resolve,
                version,
                &url,
                "-o",
                &out,
                "-w",
                "%{http_code} %{num_connects}\n",
            ],
        );
        let connects = report.lines().filter(|line| *line == "200 1").count();
        let kept = report.lines().filter(|line| *line == "200 0").count();
        assert_eq!((connects, kept), (1, 49), "{version}: {report}");
        for number in 0..50 {
            assert_eq!(server.read(&format!("got_{number}")).len(), 3000 * number);
        }
    }
}

#[test]
fn an_issuers_word_is_asked_for_and_stapled() {
    let site = site(
        "server { listen 127.0.0.1:%PORT0% ssl; ssl_certificate leaf.crt; ssl_certificate_key leaf.key; ssl_trusted_certificate root.crt;
            ssl_stapling on; ssl_stapling_verify on; ssl_stapling_responder http://127.0.0.1:%PORT1%/; return 200 ok; }
         server { listen 127.0.0.1:%PORT1%; location / { default_type application/ocsp-response; root %DIR%; try_files /answer.der =404; } }",
    );
    site.write(
        "ca.conf",
        &site.fill_in("[ca]\ndefault_ca=it\n[it]\nnew_certs_dir=%DIR%\ndatabase=%DIR%/index\nserial=%DIR%/serial\ndefault_md=sha256\npolicy=any\ndefault_days=2\n[any]\ncommonName=supplied\n"),
    );
    site.write("index", "");
    site.write("serial", "1000");
    openssl(
        &site,
        &[
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out",
            "root.crt", "-subj", "/CN=root",
        ],
    );
    openssl(
        &site,
        &[
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "leaf.key", "-out",
            "leaf.csr", "-subj", "/CN=leaf",
        ],
    );
    openssl(
        &site,
        &[
            "ca", "-batch", "-config", "ca.conf", "-keyfile", "root.key", "-cert", "root.crt",
            "-in", "leaf.csr", "-out", "leaf.crt",
        ],
    );
    openssl(
        &site,
        &[
            "ocsp",
            "-issuer",
            "root.crt",
            "-cert",
            "leaf.crt",
            "-reqout",
            "request.der",
        ],
    );
    openssl(
        &site,
        &[
            "ocsp",
            "-index",
            "index",
            "-CA",
            "root.crt",
            "-rsigner",
            "root.crt",
            "-rkey",
            "root.key",
            "-reqin",
            "request.der",
            "-respout",
            "answer.der",
            "-ndays",
            "1",
        ],
    );
    let server = Server::start(site);
    wait_until(
        || s_client(&server, 0, GET, &["-status"]).contains("Cert Status: good"),
        || server.read("error.log"),
    );
}

#[test]
fn h2load_is_served() {
    let server = server(&format!(
        "server {{ listen 127.0.0.1:%PORT0% ssl; {A} http2 on; return 200 ok; }}"
    ));
    let url = format!("https://127.0.0.1:{}/", server.port(0));
    let Ok(output) = Command::new("h2load")
        .args(["-n", "200", "-c", "4", "-m", "10", &url])
        .output()
    else {
        return;
    };
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(report.contains("200 succeeded, 0 failed"), "{report}");
}
