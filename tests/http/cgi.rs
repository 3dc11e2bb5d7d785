//! uwsgi and SCGI against a server that shows what it was sent.

use crate::common::{Response, Server};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// Reads until it has seen `until`, answers, closes.
fn start(until: &'static [u8], answer: &'static [u8]) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut text, mut buf) = (Vec::new(), [0; 4096]);
            while !text.ends_with(until) {
                match stream.read(&mut buf) {
                    Ok(n @ 1..) => text.extend_from_slice(&buf[..n]),
                    _ => break,
                }
            }
            *record.lock().unwrap() = text;
            let _ = stream.write_all(answer);
        }
    });
    (port, seen)
}

const POST: &[u8] =
    b"POST / HTTP/1.0\r\nHost: A\r\nX-Y: z\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";

#[test]
fn scgi_requests_are_netstrings() {
    let (port, seen) = start(b"abc", b"Status: 201 Made\r\nX: y\r\n\r\nbody");
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%;
             location / {{ scgi_pass 127.0.0.1:{port}; scgi_param SCGI 1; scgi_param EMPTY $arg_x if_not_empty;
                 scgi_temp_path %DIR%/temp; }} }}"
    ));
    let response = Response::parse(&server.raw(0, POST));
    assert_eq!((response.status, response.text().as_str()), (201, "body"));
    assert!(
        response.head.starts_with("HTTP/1.1 201 Made"),
        "{}",
        response.head
    );
    assert_eq!(response.header("Status"), None);
    let wanted = b"91:CONTENT_LENGTH\x003\x00SCGI\x001\x00HTTP_HOST\x00a\x00HTTP_X_Y\x00z\x00\
        HTTP_CONTENT_LENGTH\x003\x00HTTP_CONNECTION\x00close\x00,abc";
    let seen = seen.lock().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&seen),
        String::from_utf8_lossy(wanted)
    );
}

#[test]
fn uwsgi_requests_have_sizes() {
    let (port, seen) = start(
        b"abc",
        b"HTTP/1.1 200 Fine\r\nStatus: 404\r\nContent-Length: 2\r\n\r\nok",
    );
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%;
             location / {{ uwsgi_pass uwsgi://127.0.0.1:{port}; uwsgi_param NAME value; uwsgi_modifier1 5;
                 uwsgi_modifier2 9; uwsgi_string end; uwsgi_pass_request_headers off; uwsgi_temp_path %DIR%/temp; }} }}"
    ));
    let response = Response::parse(&server.raw(0, POST));
    assert_eq!((response.status, response.text().as_str()), (200, "ok"));
    assert!(
        response.head.starts_with("HTTP/1.1 200 Fine"),
        "{}",
        response.head
    );
    assert_eq!(response.header("Status"), Some("404"));
    let wanted = b"\x05\x1e\x00\x09\x04\x00NAME\x05\x00value\x09\x00HTTP_HOST\x01\x00aendabc";
    let seen = seen.lock().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&seen),
        String::from_utf8_lossy(wanted)
    );
}

#[test]
fn failures_have_nginx_s_status_and_sentence() {
    for (answer, status, sentence) in [
        (
            &b"bad name: 2\r\n\r\n"[..],
            502,
            "upstream sent invalid header: \"bad\\x20...\"",
        ),
        (
            b"Status: 1\r\n\r\n",
            502,
            "upstream sent invalid status \"1\"",
        ),
        (b"A: b\r\n", 502, "upstream prematurely closed connection"),
        (b"", 502, "upstream prematurely closed connection"),
    ] {
        let (port, _) = start(b",", answer);
        let server = Server::http(&format!(
            "server {{ listen 127.0.0.1:%PORT0%;
                 location / {{ scgi_pass 127.0.0.1:{port}; scgi_temp_path %DIR%/temp; }} }}"
        ));
        assert_eq!(server.get("/").status, status);
        server.wait_for_log(&format!(
            "{sentence} while reading response header from upstream"
        ));
        server.wait_for_log(&format!("upstream: \"scgi://127.0.0.1:{port}\""));
    }
}
