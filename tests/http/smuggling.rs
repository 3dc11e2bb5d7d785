//! Messages that two parsers could read in two ways, and bytes that are no messages: the next request never begins
//! where a client hid it, and nothing is forwarded that was not understood.

use crate::common::{Server, http};
use crate::origin::Origin;
use std::io::{Read, Write};

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: b\r\n\r\n";

fn server(origin: &Origin) -> Server {
    Server::http(&format!(
        "client_max_body_size 1000; client_body_timeout 1s; lingering_timeout 100ms; keepalive_timeout 200ms;
         server {{
             listen 127.0.0.1:%PORT0%;
             location / {{ return 200 own; }}
             location /hidden {{ return 200 hidden; }}
             location /no {{ deny all; }}
             location /moved {{ return 301 /; }}
             location /whole {{ proxy_pass http://127.0.0.1:{port}; }}
             location /streamed {{ proxy_request_buffering off; proxy_pass http://127.0.0.1:{port}; }}
         }}",
        port = origin.port
    ))
}

fn statuses(answer: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(answer);
    let heads = text.match_indices("HTTP/1.1 ");
    heads.map(|(at, _)| text[at + 9..at + 12].into()).collect()
}

#[test]
fn ambiguous_framing_is_refused_and_never_forwarded() {
    let origin = Origin::mirror();
    let server = server(&origin);
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5 6",
        "Content-Length:",
        "Content-Length: 18446744073709551621",
        "Content-Length : 5",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \x0bchunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\r\r\nTransfer-Encoding: chunked",
        "X: y\0\r\nTransfer-Encoding: chunked",
    ] {
        for path in ["/", "/whole", "/streamed"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n5\r\nabcde\r\n0\r\n\r\n{HIDDEN}"
            );
            let answer = statuses(&server.raw(0, request.as_bytes()));
            let refused = answer.len() == 1 && matches!(&answer[0][..], "400" | "501");
            assert!(refused, "{fields:?} {path}: {answer:?}");
        }
    }
    assert_eq!(origin.requests(), [""; 0]);
}

#[test]
fn broken_chunks_end_the_connection() {
    let origin = Origin::mirror();
    let server = server(&origin);
    for body in [
        "zz\r\nabcde\r\n0\r\n\r\n",
        "5\nabcde\n0\n\n",
        " 5\r\nabcde\r\n0\r\n\r\n",
        "0x5\r\nabcde\r\n0\r\n\r\n",
        "-5\r\nabcde\r\n0\r\n\r\n",
        "5\r\nabcdeX\r\n0\r\n\r\n",
        "5\r\nabcde0\r\n\r\n",
        "5;x=\ny\r\nabcde\r\n0\r\n\r\n",
        "5;\rx\r\nabcde\r\n0\r\n\r\n",
        "10000000000000005\r\nabcde\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nabcde\r\n0\r\n\r\n",
        "5\r\nabcde\r\n0\r\nX: y\n\r\n",
        "5\r\nabcde\r\n0\r\n\rX",
    ] {
        for path in ["/", "/no", "/moved", "/whole"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}{HIDDEN}"
            );
            let answer = server.raw(0, request.as_bytes());
            let text = String::from_utf8_lossy(&answer);
            assert_eq!(statuses(&answer).len(), 1, "{body:?} {path}: {text}");
            assert!(
                text.contains("Connection: close"),
                "{body:?} {path}: {text}"
            );
        }
    }
    assert_eq!(origin.requests(), [""; 0]);
}

#[test]
fn a_body_that_nobody_reads_is_no_request() {
    let origin = Origin::mirror();
    let server = server(&origin);
    let hidden = HIDDEN.len();
    for (path, first) in [("/", "200"), ("/no", "403"), ("/moved", "301")] {
        for body in [
            format!("Content-Length: {hidden}\r\n\r\n{HIDDEN}"),
            format!("Transfer-Encoding: chunked\r\n\r\n{hidden:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
        ] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\n{body}GET /moved HTTP/1.1\r\nHost: a\r\n\r\n"
            );
            let answer = statuses(&server.raw(0, request.as_bytes()));
            assert_eq!(answer, [first, "301"], "{path} {body:?}");
        }
        // Too large to be taken: what follows is thrown away with it.
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n{HIDDEN}{HIDDEN}"
        );
        assert_eq!(statuses(&server.raw(0, request.as_bytes())), ["413"]);
    }
    for path in ["/whole", "/streamed"] {
        let long = "x".repeat(2000);
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{long}\r\n0\r\n\r\n{HIDDEN}"
        );
        assert_eq!(
            statuses(&server.raw(0, request.as_bytes())),
            ["413"],
            "{path}"
        );
    }
    assert_eq!(origin.requests(), [""; 0]);
}

/// Random bytes, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % most
    }
}

#[test]
fn random_bytes_neither_stop_nor_stall_it() {
    const WORDS: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST ",
        b"/",
        b" HTTP/1.",
        b"1",
        b"0",
        b"\r\n",
        b"\n",
        b"Host: ",
        b"a",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked\r\n",
        b"5",
        b"\0",
        b"%",
        b"%2e",
        b"..",
        b"?",
        b"#",
        b":",
        b" ",
        b"Expect: 100-continue\r\n",
        b"Range: bytes=0-1,",
        b"\r\n\r\n",
        b"ffff\r\n",
        b"0\r\n\r\n",
        b"http://",
        b"\xff",
        b"Connection: upgrade\r\nUpgrade: x\r\n",
        b"HTTP/2.0",
    ];
    let count: usize = std::env::var("RANDOM_REQUESTS").map_or(2_000, |n| n.parse().unwrap());
    let text = http(
        "client_header_timeout 2s; client_body_timeout 2s; lingering_timeout 100ms;
         server { listen 127.0.0.1:%PORT0%; root %DIR%; location /x { return 200 x; } location ~ a(.)b { return 301 /$1; } }",
    );
    let server = Server::conf(&text);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..count {
        let mut bytes = Vec::new();
        for _ in 0..random.below(24) + 1 {
            match random.below(4) {
                0 => bytes.extend((0..random.below(40)).map(|_| random.below(256) as u8)),
                _ => bytes.extend_from_slice(WORDS[random.below(WORDS.len())]),
            }
        }
        let mut stream = server.connect(0);
        let _ = stream.write_all(&bytes);
        if random.below(3) > 0 {
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    assert_eq!(server.get("/x").text(), "x");
    let log = server.read("error.log");
    assert!(!log.contains("panic") && !log.contains("[alert]"), "{log}");
    assert_eq!(server.workers().len(), 1);
}
