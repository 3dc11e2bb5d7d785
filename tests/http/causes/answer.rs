use super::{answers, check, listener, location, told};
use crate::common::Server;
use crate::origin::{Act, Origin, ok};
use std::io::{Read, Write};
use std::time::Duration;

/// A location that asks this port.
fn asks(port: u16) -> Server {
    location(&format!("proxy_pass http://127.0.0.1:{port};"))
}

#[track_caller]
fn says(answer: &'static [u8], status: u16, cause: &str, hint: &str) {
    let port = answers(answer);
    let hint = hint.replace("ORIGIN", &format!("127.0.0.1:{port} (nginx.conf:4)"));
    check(&asks(port), status, cause, &hint);
}

#[test]
fn other_protocols() {
    says(
        b"\x15\x03\x01\x00\x02\x02\x46",
        502,
        "tls_expected",
        "ORIGIN expects TLS: write https:// in proxy_pass, or its port without TLS",
    );
    says(
        b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64",
        502,
        "http2_only",
        "ORIGIN speaks HTTP/2 only: turn on HTTP/1.1 there, in which requests are sent",
    );
    says(
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        502,
        "not_http",
        "ORIGIN speaks SSH: check the port",
    );
    says(
        b"-ERR unknown command 'GET'\r\n",
        502,
        "not_http",
        "ORIGIN does not speak HTTP, its answer begins with '-ERR unknown command  GET ': check the port and what \
         listens there",
    );
}

#[test]
fn a_page_that_asks_for_tls_is_passed_on_and_told() {
    says(
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 55\r\n\r\n<title>400 The plain HTTP request was sent to HTTPS port",
        400,
        "tls_expected",
        "ORIGIN expects TLS: write https:// in proxy_pass, or its port without TLS",
    );
}

#[test]
fn closed_too_early() {
    says(
        b"",
        502,
        "closed_before_answer",
        "ORIGIN closed the connection without an answer: the application crashed, or refuses the request; see its log",
    );
    says(
        b"HTTP/1.1 200 OK\r\nX:",
        502,
        "closed_before_answer",
        "ORIGIN closed the connection after 19 bytes, within the header: the application crashed, or refuses the \
         request; see its log",
    );
    says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        200,
        "answer_cut_short",
        "ORIGIN closed after 4 of 10 bytes of the body: the application crashed or was stopped while it answered; \
         see its log",
    );
    says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
        200,
        "answer_cut_short",
        "ORIGIN closed after 5 bytes, before the end of the body: the application crashed or was stopped while it \
         answered; see its log",
    );
}

#[test]
fn reset() {
    let origin = Origin::start(|_, _| Act::Reset);
    check(
        &asks(origin.port),
        502,
        "connection_reset",
        &format!(
            "127.0.0.1:{} (nginx.conf:4) reset the connection: the application crashed or was stopped, or a firewall \
             cut the connection; see its log",
            origin.port
        ),
    );
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile() {
    // It answers one request, and closes when it gets another one.
    let port = listener(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&ok("x"));
        let _ = stream.read(&mut [0; 4096]);
    });
    let server = Server::http(&format!(
        "upstream app {{ server 127.0.0.1:{port}; keepalive 4; }} proxy_next_upstream off;
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://app; }} }}"
    ));
    assert_eq!(server.get("/").status, 200);
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(server.get("/").status, 502);
    let told = told(&server);
    let (before, after) = told.split_once("idle for ").unwrap();
    assert!(
        before.starts_with("closed_while_idle, hint: \"127.0.0.1:")
            && before.ends_with("closed a kept connection that had been "),
        "{told}"
    );
    let (ms, rest) = after.split_once("ms: ").unwrap();
    assert!(ms.parse::<u32>().unwrap() >= 100, "{told}");
    assert_eq!(
        rest,
        "let it keep connections for longer than the 60s of keepalive_timeout here\""
    );
}

#[test]
fn heads_that_are_wrong() {
    says(
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        502,
        "invalid_header",
        "the header that ORIGIN sent is wrong: fix the application",
    );
    says(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        502,
        "unasked_upgrade",
        "ORIGIN switched protocols unasked: for WebSocket set proxy_set_header Upgrade $http_upgrade and Connection \
         upgrade",
    );
    says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        200,
        "invalid_body",
        "the body that ORIGIN sent is wrong after 4 bytes: fix the application",
    );
}

#[test]
fn a_head_that_is_too_large() {
    let origin = Origin::start(|_, _| {
        Act::SendAndClose(
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(3000)).into_bytes(),
        )
    });
    let server = location(&format!(
        "proxy_buffer_size 1k; proxy_buffers 4 1k;\nproxy_busy_buffers_size 2k; proxy_pass http://127.0.0.1:{};",
        origin.port
    ));
    check(
        &server,
        502,
        "header_too_large",
        "the header of the answer is larger than 1k (1024 bytes so far): raise proxy_buffer_size (nginx.conf:4), or \
         have the application send less, such as fewer cookies",
    );
}

#[test]
fn too_slow() {
    let origin = Origin::start(|_, _| Act::Hang);
    let server = location(&format!(
        "proxy_read_timeout 150ms;\nproxy_pass http://127.0.0.1:{};",
        origin.port
    ));
    check(
        &server,
        504,
        "read_timeout",
        &format!(
            "127.0.0.1:{} (nginx.conf:5) sent no answer for 150ms (proxy_read_timeout, nginx.conf:4): the application \
             is slow or stuck; make it faster, or raise the limit",
            origin.port
        ),
    );
    let origin = Origin::start(|_, _| {
        Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec())
    });
    let server = location(&format!(
        "proxy_read_timeout 150ms;\nproxy_pass http://127.0.0.1:{};",
        origin.port
    ));
    check(
        &server,
        200,
        "read_timeout",
        &format!(
            "127.0.0.1:{} (nginx.conf:5) sent 4 bytes of the body and then nothing for 150ms (proxy_read_timeout, \
             nginx.conf:4): the application is slow or stuck",
            origin.port
        ),
    );
}

#[test]
fn nothing_of_a_request_is_taken() {
    let port = listener(|stream| {
        std::thread::sleep(Duration::from_secs(5));
        drop(stream);
    });
    let server = location(&format!(
        "proxy_send_timeout 200ms; client_max_body_size 0; client_body_buffer_size 32m;\nproxy_pass http://127.0.0.1:{port};"
    ));
    let mut stream = server.connect(0);
    let body = vec![b'x'; 16 << 20];
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    assert_eq!(crate::common::read_response(&mut stream).status, 504);
    assert_eq!(
        told(&server),
        format!(
            "send_timeout, hint: \"127.0.0.1:{port} (nginx.conf:5) took nothing of the request for 200ms \
             (proxy_send_timeout, nginx.conf:4): the application does not read it, or is stuck\""
        )
    );
}

/// A FastCGI record of an answer (specification section 3.3).
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut record = vec![1, kind, 0, 1, 0, u8::try_from(content.len()).unwrap(), 0, 0];
    record.extend_from_slice(content);
    record
}

#[test]
fn fastcgi() {
    let port = answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let server = location(&format!("fastcgi_pass 127.0.0.1:{port};"));
    check(
        &server,
        502,
        "speaks_http",
        &format!(
            "127.0.0.1:{port} (nginx.conf:4) speaks HTTP: write proxy_pass in place of fastcgi_pass, or fix the port"
        ),
    );
    let port = answers(b"what?\r\n");
    let server = location(&format!("fastcgi_pass 127.0.0.1:{port};"));
    check(
        &server,
        502,
        "not_fastcgi",
        &format!(
            "127.0.0.1:{port} (nginx.conf:4) does not speak FastCGI, its answer begins with 'what?': check the port"
        ),
    );
}

#[test]
fn php_without_its_script() {
    let port = listener(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let mut answer = record(7, b"Primary script unknown");
        answer.extend(record(
            6,
            b"Status: 404 Not Found\r\nContent-type: text/html\r\n\r\nFile not found.\n",
        ));
        answer.extend(record(3, &[0; 8]));
        let _ = stream.write_all(&answer);
    });
    let server = location(&format!(
        "root /srv/www;\nfastcgi_param SCRIPT_FILENAME $document_root/app.php;\nfastcgi_pass 127.0.0.1:{port};
         add_header X-Error $upstream_error always;"
    ));
    check(
        &server,
        404,
        "script_not_found",
        "php-fpm finds no file /srv/www/app.php, which is what SCRIPT_FILENAME says (fastcgi_param, nginx.conf:5): \
         check it and root, and that php-fpm sees the same files",
    );
    assert_eq!(server.get("/").header("x-error"), Some("script_not_found"));
}

#[test]
fn what_an_application_complains_about() {
    let port = listener(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let mut answer = record(7, b"PHP message: PHP Warning:  oops");
        answer.extend(record(6, b"Content-type: text/html\r\n\r\nfine"));
        answer.extend(record(7, b"more"));
        answer.extend(record(3, &[0; 8]));
        let _ = stream.write_all(&answer);
    });
    let server = location(&format!("fastcgi_pass 127.0.0.1:{port};"));
    let hint = "the application wrote this to its error output";
    check(&server, 200, "application_stderr", hint);
    server.wait_for_log("FastCGI sent in stderr: \"more\" while reading upstream, client: ");
    assert_eq!(server.count_in_log(hint), 2);
}

#[test]
fn php_itself_without_its_script() {
    use crate::common::{Site, http, php};
    let Some(binary) = php::fpm() else { return };
    let site = Site::new(&http(
        "server { listen 127.0.0.1:%PORT0%; root %DIR%/www;\n\
         location / { fastcgi_pass unix:%DIR%/fpm.sock;\nfastcgi_param SCRIPT_FILENAME $document_root/none.php;\n\
         fastcgi_param REQUEST_METHOD $request_method; } }",
    ));
    let _fpm = php::Fpm::start(&site, &binary);
    check(
        &Server::start(site),
        404,
        "script_not_found",
        "php-fpm finds no file DIR/www/none.php, which is what SCRIPT_FILENAME says (fastcgi_param, nginx.conf:5): \
         check it and root, and that php-fpm sees the same files",
    );
}
