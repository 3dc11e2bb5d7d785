//! Requests over TLS: which server the handshake leads to, and what a request in the clear gets there.

use crate::common::authority::Authority;
use crate::common::{Server, Site, http};
use crate::pair::Pair;

fn site() -> Site {
    let site = Site::new(&http(
        r#"debug_route 127.0.0.0/8;
        ssl_certificate %DIR%/c.pem; ssl_certificate_key %DIR%/k.pem;
        add_header X-Tls "$scheme $https $ssl_server_name" always;
        server { listen 127.0.0.1:%PORT0% ssl; server_name a.example; return 200 "a\n"; }
        server { listen 127.0.0.1:%PORT0% ssl; server_name b.example; location /b { return 200 "b\n"; } }
        server { listen 127.0.0.1:%PORT0% ssl; server_name no.example; ssl_reject_handshake on; }
        server { listen 127.0.0.1:%PORT0% ssl; server_name ask.example;
            ssl_verify_client on; ssl_client_certificate %DIR%/ca.pem; return 200; }
        server { listen 127.0.0.1:%PORT1%; return 301 https://$host$request_uri; }"#,
    ));
    let authority = Authority::new("tests");
    let issued = authority.issue(&["*.example"]);
    site.write("c.pem", &issued.certificate);
    site.write("k.pem", &issued.key);
    site.write("ca.pem", &authority.certificate);
    site
}

#[test]
fn the_handshake_leads_to_a_server() {
    let site = site();
    let explain = |request: &str, more: &[&str]| {
        let request = site.fill_in(request);
        let mut arguments = vec!["--explain", &request];
        arguments.extend_from_slice(more);
        let output = site.run(&arguments);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8_lossy(&output.stdout).into_owned(), err)
    };
    let (said, _) = explain("https://a.example:%PORT0%/", &[]);
    assert!(
        said.contains("\nserver      a.example: a.example is its name"),
        "{said}"
    );
    assert!(
        said.contains("\nheader      X-Tls: https on a.example"),
        "{said}"
    );
    let (said, _) = explain("http://b.example:%PORT0%/b", &["--tls"]);
    assert!(
        said.contains("\nheader      X-Tls: https on b.example"),
        "{said}"
    );
    assert!(
        said.contains("\nlocation    /b: the longest prefix"),
        "{said}"
    );
    let (_, sentence) = explain("https://no.example:%PORT0%/", &[]);
    assert!(sentence.contains("ssl_reject_handshake"), "{sentence}");
    let (said, _) = explain("https://ask.example:%PORT0%/", &[]);
    assert!(
        said.contains("\nrefused     client sent no required SSL certificate"),
        "{said}"
    );
    assert!(said.contains("\nanswer      400 Bad Request"), "{said}");
    let (_, sentence) = explain("https://a.example:%PORT1%/", &[]);
    assert!(sentence.contains("speaks TLS"), "{sentence}");
    // The host may be another one than that of the handshake.
    let (said, _) = explain("https://a.example:%PORT0%/", &["-H", "Host: ask.example"]);
    assert!(
        said.contains("\nanswer      421 Misdirected Request"),
        "{said}"
    );
}

#[test]
fn a_request_in_the_clear_gets_what_it_gets() {
    let pair = Pair::new(Server::start(site()));
    let (tls, plain) = (pair.server.port(0), pair.server.port(1));
    let said = pair.ask(&format!("GET http://a.example:{tls}/"), &[]);
    assert_eq!(said.response.status, 400);
    let said = pair.ask(&format!("GET http://a.example:{plain}/x?y"), &[]);
    assert_eq!(
        said.outcome.redirect.as_deref(),
        Some("https://a.example/x?y")
    );
}
