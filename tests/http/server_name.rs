//! Which server answers.

use crate::common::{Response, Server};

fn ask(server: &Server, port: usize, host: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    Response::parse(&server.raw(port, request.as_bytes())).text()
}

#[test]
fn names_in_their_order() {
    let named = |name: &str, answer: &str| {
        format!(
            "server {{ listen 127.0.0.1:%PORT0%; server_name {name}; return 200 '{answer}'; }}\n"
        )
    };
    let server = Server::http(
        &[
            named("first", "default"),
            named("www.example.com", "exact"),
            named("*.example.com", "head"),
            named("*.deep.example.com", "deep head"),
            named("www.example.*", "tail"),
            named("www.example.co.*", "long tail"),
            named(".dot.org", "dot"),
            named(r"~^(?<sub>\w+)\.regex\.(com|net)$", "regex $sub $2"),
            named("~.", "any"),
            named("'' MiXed", "none or mixed"),
        ]
        .concat(),
    );
    for (host, answer) in [
        ("first", "default"),
        ("WWW.Example.com", "exact"),
        ("www.example.com:81", "exact"),
        ("www.example.com.", "exact"),
        ("a.example.com", "head"),
        ("a.b.example.com", "head"),
        ("deep.example.com", "head"),
        ("a.deep.example.com", "deep head"),
        ("www.example.org", "tail"),
        ("www.example.co.uk", "long tail"),
        ("dot.org", "dot"),
        ("a.b.dot.org", "dot"),
        ("one.regex.net", "regex one net"),
        ("example.com", "any"),
        ("nobody", "any"),
        ("mixed", "none or mixed"),
    ] {
        assert_eq!(ask(&server, 0, host), answer, "{host}");
    }
    let old = Response::parse(&server.raw(0, b"GET / HTTP/1.0\r\n\r\n"));
    assert_eq!(old.text(), "none or mixed");
    let absolute =
        b"GET http://a.example.com/ HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n";
    assert_eq!(Response::parse(&server.raw(0, absolute)).text(), "head");
}

#[test]
fn the_first_server_with_a_name_keeps_it() {
    let site = crate::common::Site::new(&crate::common::http(
        "server { listen 127.0.0.1:%PORT0%; server_name a *.b; }
         server { listen 127.0.0.1:%PORT0%; server_name a .b; }",
    ));
    let output = site.run(&["-t"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let port = site.port(0);
    for name in ["a", ".b"] {
        let line = format!(
            "nginx: [warn] conflicting server name \"{name}\" on 127.0.0.1:{port}, ignored\n"
        );
        assert!(said.contains(&line), "{said}");
    }
    assert!(output.status.success());
}

#[test]
fn a_broken_head_belongs_to_the_server_that_it_named_before() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%; server_name a; error_page 400 /x; location / { return 200 a; } }
         server { listen 127.0.0.1:%PORT0%; server_name b; error_page 400 /x; location / { return 200 b; } }",
    );
    for (head, name) in [
        ("GET / HTTP/1.1\r\nHost: b\r\nx y: z\r\n\r\n", "b"),
        ("GET / HTTP/1.1\r\nHost: b\r\nHost: a\r\n\r\n", "b"),
        ("GET http://b/ HTTP/1.1\r\nx y: z\r\n\r\n", "b"),
        ("GET / HTTP/1.1\r\nx y: z\r\nHost: b\r\n\r\n", "a"),
    ] {
        let answer = Response::parse(&server.raw(0, head.as_bytes()));
        assert_eq!((answer.status, answer.text()), (400, name.into()), "{head}");
    }
}

#[test]
fn a_host_that_no_server_has_goes_to_the_default_one() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%; server_name a; return 200 a; }
         server { listen 127.0.0.1:%PORT0% default_server; server_name b; return 200 b; }
         server { listen 127.0.0.1:%PORT1%; server_name ~^(.)$; return 200 \"only $1\"; }",
    );
    assert_eq!(ask(&server, 0, "a"), "a");
    assert_eq!(ask(&server, 0, "c"), "b");
    assert_eq!(ask(&server, 1, "x"), "only x");
    assert_eq!(ask(&server, 1, "xx"), "only ");
}

#[test]
fn a_host_on_which_an_expression_gives_up_gets_no_answer() {
    let server = Server::http(
        r#"log_format status "$status $body_bytes_sent";
        server { listen 127.0.0.1:%PORT0%; access_log %DIR%/access.log status; return 200 default; }
        server { listen 127.0.0.1:%PORT0%; server_name ~^(x+x+)+[yz]$; return 200 guarded; }"#,
    );
    assert_eq!(ask(&server, 0, "xxxy"), "guarded");
    assert_eq!(ask(&server, 0, "a"), "default");
    let host = "x".repeat(60);
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(server.raw(0, request.as_bytes()), b"");
    server.wait_for_log("pcre2_match() failed: -47 on \"xxx");
    crate::common::wait_until(
        || server.read("access.log").contains("500 0\n"),
        || server.read("access.log"),
    );
}
