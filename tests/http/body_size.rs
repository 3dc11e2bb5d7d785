//! `client_max_body_size`.

use crate::common::{Response, Server};

#[test]
fn a_body_that_is_too_large_is_refused_before_it_comes() {
    let server = Server::http(
        r#"client_max_body_size 4;
        server {
            listen 127.0.0.1:%PORT0%;
            location / { return 200 taken; }
            location /any { client_max_body_size 0; return 200 taken; }
            location /page { error_page 413 = /sorry; return 200 taken; }
            location /sorry { return 200 sorry; }
        }"#,
    );
    let post = |path: &str, length: usize| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        let body = "x".repeat(length);
        Response::parse(&server.raw(0, (head + &body).as_bytes()))
    };
    assert_eq!(post("/", 4).text(), "taken");
    let refused = post("/", 5);
    assert_eq!(
        (refused.status, refused.header("connection")),
        (413, Some("close"))
    );
    server.wait_for_log("client intended to send too large body: 5 bytes, client: 127.0.0.1");
    assert_eq!(post("/any", 100).text(), "taken");
    assert_eq!(post("/page", 5).text(), "sorry");
    // Nobody waits for the body that was not asked for.
    let expecting =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(Response::parse(&server.raw(0, expecting)).status, 413);
}

#[test]
fn a_body_that_is_read_early_is_known_to_rewrites() {
    let server = Server::http(
        r#"client_max_body_size 8;
        server {
            listen 127.0.0.1:%PORT0%;
            client_body_early_read $arg_early $http_x_early;
            if ($request_body = "move") { return 200 moved; }
            location / { return 200 "body: $request_body"; }
            location /large { client_max_body_size 0; return 200 taken; }
        }"#,
    );
    let post = |path: &str, body: &str| {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n");
        Response::parse(&server.raw(0, (head + body).as_bytes()))
    };
    assert_eq!(post("/", "move").text(), "body: ");
    assert_eq!(post("/?early=0", "move").text(), "body: ");
    assert_eq!(post("/?early=1", "move").text(), "moved");
    assert_eq!(post("/?early=1", "stay").text(), "body: stay");
    assert_eq!(post("/large", "123456789").status, 200);
    assert_eq!(post("/large?early=1", "123456789").status, 413);
}
