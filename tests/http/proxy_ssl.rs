//! TLS to upstreams. The upstream is the server itself, on the second port.

use crate::common::authority::{Authority, Issued};
use crate::common::{Response, Server, Site, http, wait_until};
use crate::origin::{Act, Origin, ok};
use std::io::{Read, Write};
use std::net::TcpListener;

/// A server of `b.example` behind TLS, which says how it was asked, and one in front of it with these locations.
fn server(front: &str) -> Server {
    server_with("", front)
}

fn server_with(back: &str, front: &str) -> Server {
    let site = Site::new(&http(&format!(
        "server {{ listen 127.0.0.1:%PORT1% ssl; ssl_certificate b.crt; ssl_certificate_key b.key;
             ssl_session_cache builtin; {back}
             location / {{ return 200 '$ssl_protocol $ssl_server_name $ssl_session_reused $connection $request_uri'; }}
             location /dn {{ return 200 '$ssl_client_s_dn $ssl_client_verify'; }} }}
         server {{ listen 127.0.0.1:%PORT0%; {front} }}"
    )));
    let authority = Authority::new("The authority");
    let other = Authority::new("Another one");
    let write = |name: &str, issued: &Issued| {
        site.write(&format!("{name}.crt"), &issued.certificate);
        site.write(&format!("{name}.key"), &issued.key);
    };
    site.write("ca.crt", &authority.certificate);
    site.write("other.crt", &other.certificate);
    write("b", &authority.issue(&["b.example", "*.c.example"]));
    write("expired", &authority.issue_expired(&["b.example"]));
    write("me", &authority.issue(&["me"]));
    write("you", &authority.issue(&["you"]));
    write("stranger", &other.issue(&["stranger"]));
    Server::start(site)
}

#[test]
fn addresses_groups_and_variables() {
    let server = server(
        "set $scheme_of_it https; set $where 127.0.0.1:%PORT1%;
         location /literal { proxy_pass https://127.0.0.1:%PORT1%; }
         location /path/ { proxy_pass HTTPS://127.0.0.1:%PORT1%/other/; }
         location /computed { proxy_pass $scheme_of_it://$where; }
         location /named { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_server_name on; proxy_ssl_name b.example:443; }
         location /address { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_server_name on; }
         location /old { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_protocols TLSv1.2; }",
    );
    let words = |path: &str| {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        answer
            .text()
            .split(' ')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words("/literal")[..2], ["TLSv1.3", ""]);
    assert_eq!(words("/path/x")[4], "/other/x");
    assert_eq!(words("/computed")[4], "/computed");
    assert_eq!(words("/named")[1], "b.example");
    assert_eq!(words("/address")[1], "");
    assert_eq!(words("/old")[0], "TLSv1.2");
}

#[test]
fn certificates_are_verified_where_that_is_asked_for() {
    let to = "proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_verify on;";
    let server = server_with(
        "",
        &format!(
            "location /good {{ {to} proxy_ssl_trusted_certificate ca.crt; proxy_ssl_name b.example; }}
             location /wild {{ {to} proxy_ssl_trusted_certificate ca.crt; proxy_ssl_name www.c.example; }}
             location /name {{ {to} proxy_ssl_trusted_certificate ca.crt; proxy_ssl_name $arg_name; }}
             location /issuer {{ {to} proxy_ssl_trusted_certificate other.crt; proxy_ssl_name b.example; }}
             location /unasked {{ proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_trusted_certificate other.crt; }}"
        ),
    );
    for (path, status) in [
        ("/good", 200),
        ("/wild", 200),
        ("/name?name=b.example:8443", 200),
        ("/name?name=example", 502),
        ("/name", 502),
        ("/issuer", 502),
        ("/unasked", 200),
        ("/good", 200),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
    let site = &server.site;
    site.wait_for_log(
        "upstream SSL certificate does not match \"example\" while SSL handshaking to upstream",
    );
    site.wait_for_log(
        "upstream SSL certificate does not match \"\" while SSL handshaking to upstream",
    );
    site.wait_for_log(
        "upstream SSL certificate verify error: (21:unable to verify the first certificate) while SSL handshaking to upstream",
    );
}

#[test]
fn an_expired_certificate_is_refused_and_another_server_asked() {
    let server = server(
        "location / { proxy_pass https://two; proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.crt;
             proxy_ssl_name b.example; add_header X-Tried $upstream_addr; add_header X-Status $upstream_status; } }
         upstream two { server 127.0.0.1:%PORT2%; server 127.0.0.1:%PORT1% backup; }
         server { listen 127.0.0.1:%PORT2% ssl; ssl_certificate expired.crt; ssl_certificate_key expired.key;
             location / { return 200 wrong; }",
    );
    let answer = server.get("/");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("X-Status"), Some("502, 200"));
    server
        .site
        .wait_for_log("upstream SSL certificate verify error: (10:certificate has expired)");
}

/// A server by openssl on a port of the site, which ends with the test.
struct Peer(std::process::Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_alert_behind_the_handshake_is_an_answer_of_502() {
    let server = server(
        "location / { proxy_pass https://127.0.0.1:%PORT2%; }
         location /next { proxy_pass https://two; add_header X-Status $upstream_status; } }
         upstream two { server 127.0.0.1:%PORT2%; server 127.0.0.1:%PORT1% backup; } server {",
    );
    let mut command = std::process::Command::new("openssl");
    // With TLS 1.3 it refuses the client when that has long been done.
    command.args(["s_server", "-www", "-quiet", "-tls1_3", "-cert", "b.crt"]);
    command.args(["-key", "b.key", "-CAfile", "ca.crt", "-Verify", "1"]);
    command.args(["-verify_return_error", "-accept"]);
    command.arg(format!("127.0.0.1:{}", server.port(2)));
    command.current_dir(server.path(""));
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    let _peer = Peer(command.spawn().unwrap());
    wait_until(
        || std::net::TcpStream::connect(("127.0.0.1", server.port(2))).is_ok(),
        || "openssl does not listen".to_owned(),
    );
    assert_eq!(server.get("/").status, 502);
    server.wait_for_log(
        "SSL_read() failed (SSL: error:0A00045C:SSL routines::tlsv13 alert certificate required:SSL alert number 116) \
         while reading response header from upstream",
    );
    server.wait_for_log("cause: tls_alert, hint: \"");
    let next = server.get("/next");
    assert_eq!(next.status, 200);
    assert_eq!(next.header("X-Status"), Some("502, 200"));
}

#[test]
fn our_own_certificate_is_shown_to_who_asks() {
    let to = "proxy_pass https://127.0.0.1:%PORT1%/dn;";
    let server = server_with(
        "ssl_verify_client optional; ssl_client_certificate ca.crt;",
        &format!(
            "location /none {{ {to} }}
             location /me {{ {to} proxy_ssl_certificate me.crt; proxy_ssl_certificate_key me.key; }}
             location /any {{ {to} proxy_ssl_certificate $arg_who.crt; proxy_ssl_certificate_key $arg_who.key;
                 proxy_ssl_certificate_cache max=10; }}"
        ),
    );
    for (path, text) in [
        ("/none", " NONE"),
        ("/me", "CN=me SUCCESS"),
        ("/any?who=you", "CN=you SUCCESS"),
        ("/any?who=me", "CN=me SUCCESS"),
        // What was agreed on with one certificate is not taken up with another.
        ("/any?who=you", "CN=you SUCCESS"),
        ("/none", " NONE"),
    ] {
        assert_eq!(server.get(path).text(), text, "{path}");
    }
    assert_eq!(server.get("/any?who=stranger").status, 400);
    assert_eq!(server.get("/any?who=nobody").status, 500);
    server
        .site
        .wait_for_log("/nobody.crt\": BIO_new_file() failed (SSL: error:80000002:");
}

#[test]
fn kept_connections_serve_only_what_they_were_made_for() {
    let server = server(
        "proxy_ssl_server_name on;
         location /a { proxy_pass https://kept; proxy_ssl_name a.example; }
         location /b { proxy_pass https://kept; proxy_ssl_name b.example; }
         location /v { proxy_pass https://kept; proxy_ssl_name b.example;
             proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.crt; }
         location /w { proxy_pass https://kept; proxy_ssl_name b.example; proxy_ssl_server_name off;
             proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.crt; }
         location /x { proxy_pass https://kept; proxy_ssl_name b.example;
             proxy_ssl_verify on; proxy_ssl_trusted_certificate other.crt; } }
         upstream kept { server 127.0.0.1:%PORT1%; keepalive 10;",
    );
    let ask = |path: &str| {
        let text = server.get(path).text().to_owned();
        let mut words = text.split(' ').skip(1).map(str::to_owned);
        (words.next().unwrap(), words.nth(1).unwrap())
    };
    let (a, first) = ask("/a");
    let (b, second) = ask("/b");
    let (_, verified) = ask("/v");
    assert_eq!((a.as_str(), b.as_str()), ("a.example", "b.example"));
    let (unnamed, without) = ask("/w");
    assert!(first != second && second != verified && verified != without);
    assert_eq!(unnamed, "");
    assert_eq!(ask("/a").1, first);
    assert_eq!(ask("/b").1, second);
    assert_eq!(ask("/v").1, verified);
    assert_eq!(server.get("/x").status, 502);
}

#[test]
fn sessions_are_taken_up_again_under_the_same_settings_only() {
    let server = server(
        "location /on { proxy_pass https://127.0.0.1:%PORT1%; }
         location /tls12 { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_protocols TLSv1.2; }
         location /off { proxy_pass https://127.0.0.1:%PORT1%; proxy_ssl_session_reuse off; }",
    );
    let reused = |path: &str| {
        server
            .get(path)
            .text()
            .split(' ')
            .nth(2)
            .unwrap()
            .to_owned()
    };
    for path in ["/on", "/tls12"] {
        let seen: Vec<String> = (0..3).map(|_| reused(path)).collect();
        assert_eq!(seen, [".", "r", "r"], "{path}");
    }
    assert_eq!([reused("/off"), reused("/off")], [".", "."]);
}

#[test]
fn what_is_no_tls_is_told_apart() {
    let plain =
        Origin::start(|_, _| Act::SendAndClose(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [
        plain.port,
        mute.local_addr().unwrap().port(),
        closing.local_addr().unwrap().port(),
    ];
    let server = server(&format!(
        "location /plain {{ proxy_pass https://127.0.0.1:{}; }}
         location /mute {{ proxy_pass https://127.0.0.1:{}; proxy_connect_timeout 200ms; }}
         location /closing {{ proxy_pass https://127.0.0.1:{}; }}
         location /version {{ proxy_pass https://127.0.0.1:%PORT2%; }} }}
         server {{ listen 127.0.0.1:%PORT2% ssl; ssl_certificate b.crt; ssl_certificate_key b.key; ssl_reject_handshake on;",
        ports[0], ports[1], ports[2]
    ));
    let close = std::thread::spawn(move || {
        let (mut stream, _) = closing.accept().unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).unwrap();
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    });
    for (path, status, sentence) in [
        (
            "/plain",
            502,
            "SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream",
        ),
        (
            "/mute",
            504,
            "upstream timed out (110: Connection timed out) while SSL handshaking to upstream",
        ),
        ("/closing", 502, "peer closed connection in SSL handshake"),
        (
            "/version",
            502,
            "SSL_do_handshake() failed (SSL: error:0A000458:SSL routines::tlsv1 unrecognized name:SSL alert number 112) while SSL handshaking to upstream",
        ),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
        server.site.wait_for_log(sentence);
    }
    close.join().unwrap();
}

#[test]
fn much_goes_both_ways() {
    let origin = Origin::start(|_, request| {
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Act::Send(ok(body))
    });
    let server = server(&format!(
        "client_max_body_size 0;
         location / {{ proxy_pass https://127.0.0.1:%PORT2%; }}
         location /unbuffered/ {{ proxy_pass https://127.0.0.1:%PORT2%; proxy_buffering off; proxy_request_buffering off; }} }}
         server {{ listen 127.0.0.1:%PORT2% ssl; ssl_certificate b.crt; ssl_certificate_key b.key; client_max_body_size 0;
             location / {{ proxy_pass http://127.0.0.1:{}; }}",
        origin.port
    ));
    let body: String = (0..200_000).map(|n| format!("{n:06}\n")).collect();
    for path in ["/", "/unbuffered/"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = server.connect(0);
        let mut reader = stream.try_clone().unwrap();
        let answer = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let answer = Response::parse(&answer.join().unwrap());
        assert_eq!(answer.status, 200);
        assert!(answer.text() == body, "{path}");
    }
}

#[test]
fn upgraded_connections_pass_bytes_both_ways() {
    let origin = Origin::start(|_, _| {
        Act::Echo(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
                .to_vec(),
        )
    });
    let upgrade = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let server = server(&format!(
        "location / {{ proxy_pass https://127.0.0.1:%PORT2%; {upgrade} }} }}
         server {{ listen 127.0.0.1:%PORT2% ssl; ssl_certificate b.crt; ssl_certificate_key b.key;
             location / {{ proxy_pass http://127.0.0.1:{}; {upgrade} }}",
        origin.port
    ));
    let mut stream = server.connect(0);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    for round in 0..20 {
        let message = vec![b'a' + round; 10_000];
        stream.write_all(&message).unwrap();
        let mut back = vec![0; message.len()];
        stream.read_exact(&mut back).unwrap();
        assert!(back == message);
    }
}

#[test]
fn what_cannot_be_used_is_refused_when_the_configuration_is_read() {
    let to = "proxy_pass https://127.0.0.1:1;";
    for (location, sentence) in [
        (
            format!("{to} proxy_ssl_verify on;"),
            "no proxy_ssl_trusted_certificate for proxy_ssl_verify",
        ),
        (
            format!("{to} proxy_ssl_certificate a.crt;"),
            "no \"proxy_ssl_certificate_key\" is defined for certificate \"a.crt\"",
        ),
        (
            format!("{to} proxy_ssl_certificate a.crt; proxy_ssl_certificate_key a.key;"),
            "/a.crt\": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory",
        ),
        (
            format!("{to} proxy_ssl_verify on; proxy_ssl_trusted_certificate nginx.conf;"),
            "/nginx.conf\": PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line",
        ),
        (
            format!("{to} proxy_ssl_protocols TLSv1;"),
            "no protocol and cipher suite is left that is supported",
        ),
        (
            format!("{to} proxy_ssl_protocols TLSv1 TLSv1.2;"),
            "TLSv1 in \"proxy_ssl_protocols\" is not supported, servers that know nothing newer cannot be asked",
        ),
        (
            format!("{to} proxy_ssl_ciphers NONE;"),
            "SSL_CTX_set_cipher_list(\"NONE\") failed (SSL: error:0A0000B9:SSL routines::no cipher match)",
        ),
        (
            format!("{to} proxy_ssl_certificate_cache inactive=1s;"),
            "\"proxy_ssl_certificate_cache\" must have the \"max\" parameter",
        ),
        (
            "uwsgi_pass suwsgi://127.0.0.1:1; uwsgi_ssl_verify on;".to_owned(),
            "no uwsgi_ssl_trusted_certificate for uwsgi_ssl_verify",
        ),
    ] {
        let conf = http(&format!(
            "server {{ listen 127.0.0.1:%PORT0%; location / {{ {location} }} }}"
        ));
        let site = Site::new(&conf);
        let out = site.run(&["-t"]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(said.contains(sentence), "{location}: {said}");
    }
    // Nothing is wrong with settings that nobody uses.
    let conf = http(
        "proxy_ssl_verify on; server { listen 127.0.0.1:%PORT0%; location / { proxy_pass http://127.0.0.1:1; } }",
    );
    assert!(Site::new(&conf).run(&["-t"]).status.success());
}
