//! Connections that are kept, or reset.

use crate::common::{Server, read_response};
use rustix::process::Signal;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

#[test]
fn a_stopping_server_waits_for_keepalive_min_timeout() {
    let mut server = Server::http(
        "keepalive_min_timeout 20s;
         server { listen 127.0.0.1:%PORT0%; return 200 a; }
         server { listen 127.0.0.1:%PORT1%; keepalive_min_timeout 0; return 200 b; }",
    );
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (mut waiting, mut idle) = (server.connect(0), server.connect(1));
    for stream in [&mut waiting, &mut idle] {
        stream.write_all(request).unwrap();
        assert_eq!(read_response(stream).status, 200);
    }
    server.signal(Signal::QUIT);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    waiting
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert_eq!(read_response(&mut waiting).text(), "a");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn nothing_comes_between_an_answer_and_the_next() {
    let server = Server::http(
        "server {
            listen 127.0.0.1:%PORT0%;
            location / { return 405; }
            location /told { return 200 told; }
        }",
    );
    let mut stream = server.connect(0);
    let mut ask = |path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let first = read_response(&mut stream).status;
        let answer = match first {
            100 => read_response(&mut stream).status,
            status => status,
        };
        stream.write_all(b"abc").unwrap();
        (first, answer)
    };
    for _ in 0..2 {
        assert_eq!(ask("/"), (405, 405));
        assert_eq!(ask("/told"), (100, 200));
    }
}

#[test]
fn a_connection_without_an_answer_is_reset_if_asked_for() {
    let server = Server::http(
        "server {
            listen 127.0.0.1:%PORT0%;
            location / { return 444; }
            location /reset { reset_timedout_connection on; return 444; }
        }",
    );
    let end = |path: &str| {
        let mut stream = server.connect(0);
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read(&mut [0]).map_err(|e| e.kind())
    };
    assert_eq!(end("/"), Ok(0));
    assert_eq!(end("/reset"), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_client_that_sends_no_head_in_time_is_reset_if_asked_for() {
    let server = Server::http(
        "client_header_timeout 50ms;
         server { listen 127.0.0.1:%PORT0%; reset_timedout_connection on; return 200 a; }",
    );
    let mut stream = server.connect(0);
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let end = stream.read(&mut [0]).map_err(|e| e.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_line_end_behind_a_body_does_not_cost_the_answer() {
    let origin = crate::origin::Origin::start(|_, _| {
        crate::origin::Act::SendAndClose(crate::origin::ok("fine"))
    });
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%; client_body_buffer_size 128k;
             location / {{ proxy_pass http://127.0.0.1:{}; }} }}",
        origin.port
    ));
    let mut request = b"POST / HTTP/1.0\r\nContent-Length: 102400\r\n\r\n".to_vec();
    request.extend([b'x'; 102_400]);
    request.push(b'\n');
    for _ in 0..5 {
        assert_eq!(
            crate::common::Response::parse(&server.raw(0, &request)).text(),
            "fine"
        );
    }
}

#[test]
fn what_comes_behind_the_request_does_not_cut_the_answer() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%; root %DIR%; lingering_timeout 2s;
             location /none { keepalive_timeout 0; alias %DIR%/; } }",
    );
    server.write("big", &"x".repeat(3_000_000));
    for head in [
        "GET /big HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
        "GET /none/big HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
    ] {
        let mut stream = server.connect(0);
        socket2::SockRef::from(&stream)
            .set_recv_buffer_size(64 * 1024)
            .unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"a").unwrap();
        // The answer is on its way, and more of it than fits into the buffers between.
        let mut first = [0; 4096];
        stream.read_exact(&mut first).unwrap();
        stream.write_all(b"bc\r\nGET /").unwrap();
        let mut rest = Vec::new();
        while rest.len() < 3_000_000 - 4096 {
            let mut piece = [0; 65536];
            let n = stream.read(&mut piece).unwrap();
            assert!(n > 0, "the answer ends after {} bytes", rest.len());
            rest.extend_from_slice(&piece[..n]);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
