use super::{location, told};
use crate::common::Server;
use crate::origin::{Act, Origin};
use std::io::Write;

/// Sends this to a server with these limits on line 3; its status and cause.
#[track_caller]
fn check(request: &[u8], status: u16, cause: &str, hint: &str) {
    let server = Server::http(
        "large_client_header_buffers 2 1k; max_headers 5; client_header_timeout 200ms; client_body_timeout 200ms; lingering_timeout 100ms;
         server { listen 127.0.0.1:%PORT0%; client_max_body_size 10;
         location / { proxy_pass http://127.0.0.1:1; } }",
    );
    let answer = crate::common::Response::parse(&server.raw(0, request));
    assert_eq!(
        (answer.status, told(&server)),
        (status, format!("{cause}, hint: \"{hint}\""))
    );
}

#[test]
fn heads() {
    let long = "x".repeat(2000);
    check(
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
        414,
        "uri_too_large",
        "the request line is longer than 1k (large_client_header_buffers, nginx.conf:3): raise the size of these \
         buffers",
    );
    check(
        format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {long}\r\n\r\n").as_bytes(),
        400,
        "request_header_too_large",
        "one header field is longer than 1k (large_client_header_buffers, nginx.conf:3): raise the size of these \
         buffers, or look for a cookie that grows",
    );
    let many = "A: b\r\n".repeat(6);
    check(
        format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes(),
        400,
        "too_many_header_fields",
        "the request has more than 5 header fields (max_headers, nginx.conf:3): raise it, or look at the client",
    );
    check(
        b"GET / HTTP/1.1\r\n\r\n",
        400,
        "missing_host",
        "the client speaks HTTP/1.1 and does not say Host: fix the client",
    );
    check(
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "invalid_transfer_encoding",
        "the request breaks HTTP: fix the client, or it is an attempt to attack",
    );
}

#[test]
fn other_protocols() {
    check(
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        400,
        "tls_on_plain_port",
        "the client speaks TLS to a port without it: it wants https:// where this is http://, or listen lacks ssl",
    );
    check(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        400,
        "http2_preface",
        "the client speaks HTTP/2 from the first byte: turn http2 on for this server, or HTTP/1.1 on at the client",
    );
}

#[test]
fn bodies() {
    let hint = |n| {
        format!(
            "{n} bytes are more than the 10 bytes that client_max_body_size (nginx.conf:4) allows: raise it where \
             large bodies are meant"
        )
    };
    check(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nConnection: close\r\n\r\n",
        413,
        "request_body_too_large",
        &hint(11),
    );
    check(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n0123456789abcde\r\n0\r\n\r\n",
        413,
        "request_body_too_large",
        &hint(15),
    );
    check(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        400,
        "invalid_chunked_body",
        "what the client sends is not in chunks as it says",
    );
}

#[test]
fn late_ones() {
    check(
        b"GET / HTTP/1.1\r\n",
        0,
        "request_header_timeout",
        "the head of the request did not come within 200ms (client_header_timeout, nginx.conf:3): the client is \
         slow, or holds connections open on purpose",
    );
    check(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
        0,
        "request_body_timeout",
        "nothing more of the body came for 200ms (client_body_timeout, nginx.conf:3): the client is slow, or said \
         that it would send more",
    );
}

#[test]
fn gone_ones() {
    let origin = Origin::start(|_, _| Act::Hang);
    let server = location(&format!("proxy_pass http://127.0.0.1:{};", origin.port));
    let mut stream = server.connect(0);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    crate::common::wait_until(
        || !origin.requests().is_empty(),
        || String::from("not asked"),
    );
    drop(stream);
    let told = told(&server);
    assert!(
        told.starts_with("client_closed_request, hint: \"the client went away after ")
            && told.ends_with(
                "ms, before there was an answer: it gave up waiting, or whatever stands before this server has a \
                 shorter limit\""
            ),
        "{told}"
    );
    let server = location("return 200;");
    let mut stream = server.connect(0);
    stream.write_all(b"GET / HT").unwrap();
    drop(stream);
    assert_eq!(
        super::told(&server),
        "client_closed_early, hint: \"the client closed the connection before it had sent all of its request\""
    );
    let server = location("proxy_pass http://127.0.0.1:9;");
    let mut stream = server.connect(0);
    let request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab";
    stream.write_all(request).unwrap();
    drop(stream);
    assert_eq!(
        super::told(&server),
        "client_closed_early, hint: \"the client closed the connection before it had sent all of its request\""
    );
}
