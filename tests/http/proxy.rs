use crate::common::{Response, Server, read_response, wait_until};
use crate::origin::{Act, Origin, ok};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A server that passes everything under `/` to an origin, with more directives in the location.
fn proxy(origin: &Origin, more: &str) -> Server {
    let port = origin.port;
    Server::http(&format!(
        "upstream app {{ server 127.0.0.1:{port}; keepalive 4; }}
         server {{ listen 127.0.0.1:%PORT0%;
             location / {{ proxy_pass http://app; {more} }} }}"
    ))
}

#[test]
fn the_request_is_written_as_nginx_writes_it() {
    let origin = Origin::mirror();
    let port = origin.port;
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%;
             location / {{ proxy_pass http://127.0.0.1:{port}; }}
             location /with/ {{ proxy_pass http://127.0.0.1:{port}/base/; }}
             location /set {{ proxy_pass http://127.0.0.1:{port}; proxy_set_header Host $host;
                 proxy_set_header X-One $arg_x; proxy_set_header X-Two \"\"; proxy_method PUT;
                 proxy_set_body \"b=$arg_x\"; proxy_http_version 1.0; }}
         }}"
    ));
    let ask = |target: &str, fields: &str| {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: me\r\n{fields}Connection: close\r\n\r\n");
        Response::parse(&server.raw(0, request.as_bytes()))
            .text()
            .to_owned()
    };
    assert_eq!(
        ask(
            "/a%20b/../c?d=%2f",
            "X-Two: 2\r\nTE: x\r\nUpgrade: y\r\nKeep-Alive: 5\r\n"
        ),
        format!("GET /a%20b/../c?d=%2f HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Two: 2\r\n\r\n")
    );
    assert_eq!(
        ask("/with/a%20b?c", ""),
        format!("GET /base/a%20b?c HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
    );
    assert_eq!(
        ask("/set?x=1", "X-Two: 2\r\n"),
        "PUT /set?x=1 HTTP/1.0\r\nHost: me\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nb=1"
    );
}

#[test]
fn connections_are_used_again() {
    let origin = Origin::start(|number, _| Act::Send(ok(&number.to_string())));
    let server = proxy(&origin, "");
    for _ in 0..5 {
        assert_eq!(server.get("/").text(), "1");
    }
    // One that was closed while it was idle costs nothing: the request goes over a fresh one.
    let origin = Origin::start(|number, _| Act::SendAndClose(ok(&number.to_string())));
    let server = proxy(&origin, "");
    for number in 1..4 {
        assert_eq!(server.get("/").text(), number.to_string());
    }
}

#[test]
fn a_request_that_dies_on_a_kept_connection_is_sent_again_unless_it_could_do_harm() {
    let script = |number: usize, request: &str| match (number, request.contains("/second")) {
        (1, true) => Act::Reset,
        _ => Act::Send(ok(&number.to_string())),
    };
    let origin = Origin::start(script);
    let server = proxy(&origin, "");
    assert_eq!(server.get("/first").text(), "1");
    assert_eq!(server.get("/second").text(), "2");
    assert_eq!(origin.requests().len(), 3);

    let origin = Origin::start(script);
    let server = proxy(&origin, "");
    assert_eq!(server.get("/first").text(), "1");
    let post =
        b"POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    assert_eq!(Response::parse(&server.raw(0, post)).status, 502);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn failures_have_nginx_s_status_and_sentence() {
    let head_reading = "while reading response header from upstream";
    let cases: &[(&'static str, u16, String)] = &[
        (
            "junk\r\n\r\n",
            502,
            format!("upstream sent no valid HTTP/1.0 header {head_reading}"),
        ),
        (
            "HTTP/1.1 200 OK\r\n",
            502,
            format!("upstream prematurely closed connection {head_reading}"),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            502,
            format!(
                "\"Content-Length\" and \"Transfer-Encoding\" headers at the same time {head_reading}"
            ),
        ),
        (
            "HTTP/1.1 101 Switching\r\n\r\n",
            502,
            String::from("without being asked to"),
        ),
    ];
    for (answer, status, sentence) in cases {
        let answer: &'static str = answer;
        let origin = Origin::start(move |_, _| Act::SendAndClose(answer.into()));
        let server = proxy(&origin, "");
        assert_eq!(server.get("/").status, *status, "{answer}");
        server.wait_for_log(sentence);
    }
    let origin = Origin::start(|_, _| Act::Hang);
    let server = proxy(&origin, "proxy_read_timeout 50ms;");
    assert_eq!(server.get("/").status, 504);
    server.wait_for_log(&format!(
        "upstream timed out (110: Connection timed out) {head_reading}"
    ));

    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%;
             location / { proxy_pass http://127.0.0.1:%PORT1%; }
             location /unix { proxy_pass http://unix:%DIR%/none.sock:/x; } }",
    );
    assert_eq!(server.get("/").status, 502);
    server.wait_for_log("connect() failed (111: Connection refused) while connecting to upstream");
    assert_eq!(server.get("/unix").status, 502);
    let socket = server.path("none.sock");
    let socket = socket.display();
    server.wait_for_log(&format!(
        "connect() to unix:{socket} failed (2: No such file or directory) while connecting to upstream"
    ));
    server.wait_for_log(&format!("upstream: \"http://unix:{socket}:/x\""));
}

#[test]
fn an_answer_that_is_cut_never_looks_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    ] {
        let origin = Origin::start(move |_, _| Act::SendAndClose(answer.into()));
        let server = proxy(&origin, "");
        let raw = server.raw(0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let text = String::from_utf8_lossy(&raw);
        assert!(text.contains("abc"), "{text}");
        assert!(!text.ends_with("0\r\n\r\n"), "{text}");
    }
}

#[test]
fn headers_are_changed_on_the_way_back() {
    let origin = Origin::start(|_, _| {
        Act::Send(
            b"HTTP/1.1 302 Gone Away\r\nLocation: http://app/x\r\nRefresh: 1; url=http://app/y\r\n\
              Server: o\r\nDate: never\r\nX-Pad: p\r\nX-Keep: k\r\nX-Hide: h\r\nConnection: x\r\n\
              Set-Cookie: a=b; Path=/old/z; Domain=.old.example\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
        )
    });
    let server = proxy(
        &origin,
        "proxy_hide_header X-Hide; proxy_pass_header Server; proxy_cookie_path /old/ /new/;
         proxy_cookie_domain old.example new.example; proxy_cookie_flags a httponly;",
    );
    let raw = server.raw(
        0,
        b"GET / HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n",
    );
    let text = String::from_utf8_lossy(&raw);
    let port = server.port(0);
    for line in [
        "HTTP/1.1 302 Gone Away\r\n".to_owned(),
        format!("Location: http://me:{port}/x\r\n"),
        "Refresh: 1; url=/y\r\n".to_owned(),
        "Server: o\r\n".to_owned(),
        "X-Keep: k\r\n".to_owned(),
        "Set-Cookie: a=b; Path=/new/z; Domain=.new.example; HttpOnly\r\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} in {text}");
    }
    for name in ["X-Hide", "X-Pad", "never", "Connection: x"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
}

#[test]
fn another_server_answers_for_one_that_fails() {
    let bad = Origin::start(|_, _| Act::SendAndClose(Vec::new()));
    let good = Origin::mirror();
    let server = Server::http(&format!(
        "log_format up $upstream_addr|$upstream_status|$upstream_response_length;
         upstream app {{ server 127.0.0.1:{}; server 127.0.0.1:{} backup; }}
         server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/access.log up;
             location / {{ proxy_pass http://app; }} }}",
        bad.port, good.port
    ));
    assert_eq!(server.get("/").status, 200);
    assert_eq!(server.get("/").status, 200);
    assert_eq!((bad.requests().len(), good.requests().len()), (1, 2));
    let line = format!(
        "127.0.0.1:{}, 127.0.0.1:{}|502, 200|0, ",
        bad.port, good.port
    );
    wait_until(
        || server.read("access.log").contains(&line),
        || server.read("access.log"),
    );
    server.wait_for_log("upstream server temporarily disabled while reading response header");
}

#[test]
fn a_slow_client_gets_all_of_a_large_answer() {
    // More than the system keeps for a sender (4 MiB by default).
    const SIZE: usize = 16 << 20;
    let origin = Origin::start(|_, _| {
        let body: String = (0..SIZE / 8).map(|i| format!("{i:07}\n")).collect();
        Act::Send(ok(&body))
    });
    for more in [
        "proxy_temp_path %DIR%/temp;",
        "proxy_max_temp_file_size 0;",
        "proxy_buffering off;",
    ] {
        let server = proxy(&origin, more);
        let mut stream = server.connect(0);
        // Or the whole answer may wait with the receiver, whose buffer grows with its use.
        socket2::SockRef::from(&stream)
            .set_recv_buffer_size(64 << 10)
            .unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut start = [0; 100];
        stream.read_exact(&mut start).unwrap();
        if more.contains("temp_path") {
            server.wait_for_log("is buffered to a temporary file");
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut text = start.to_vec();
        stream.read_to_end(&mut text).unwrap();
        let response = Response::parse(&text);
        let body = response.text();
        assert_eq!(body.len(), SIZE, "{more}");
        let in_order = body
            .lines()
            .enumerate()
            .all(|(i, line)| line == format!("{i:07}"));
        assert!(in_order, "{more}");
        let spilled = server
            .read("error.log")
            .contains("is buffered to a temporary file");
        assert_eq!(spilled, more.contains("temp_path"), "{more}");
    }
}

#[test]
fn bodies_are_passed_on_as_they_come() {
    let origin = Origin::mirror();
    let server = proxy(&origin, "proxy_request_buffering off;");
    let mut stream = server.connect(0);
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    stream.write_all(b"2\r\nde\r\n0\r\n\r\n").unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let response = Response::parse(&text);
    let body = response.text();
    assert!(body.contains("Transfer-Encoding: chunked\r\n"), "{body}");
    assert!(
        body.ends_with("\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        "{body}"
    );

    let server = proxy(
        &origin,
        "client_max_body_size 4; proxy_request_buffering off;",
    );
    let request =
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n";
    let mut stream = server.connect(0);
    stream.write_all(request).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
}

/// Listens; answers each connection as soon as the head of a request is there, and reads on.
fn hasty(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let (mut seen, mut byte) = (Vec::new(), [0]);
                while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                    seen.push(byte[0]);
                }
                let _ = stream.write_all(&answer);
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    port
}

#[test]
fn an_answer_before_the_end_of_the_body_leaves_the_connection_usable() {
    let port = hasty(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%; proxy_request_buffering off;
             location / {{ proxy_pass http://127.0.0.1:{port}; }} location /next {{ return 200 next; }} }}"
    ));
    for (framing, start, end) in [
        ("Content-Length: 6", "abc", "def"),
        (
            "Transfer-Encoding: chunked",
            "3\r\nabc\r\n",
            "3\r\ndef\r\n0\r\n\r\n",
        ),
    ] {
        let mut stream = server.connect(0);
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{start}");
        stream.write_all(head.as_bytes()).unwrap();
        let first = read_response(&mut stream);
        assert_eq!((first.status, first.text().as_str()), (200, "ok"));
        assert_eq!(first.header("Connection"), Some("keep-alive"));
        let rest = format!("{end}GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(rest.as_bytes()).unwrap();
        let second = read_response(&mut stream);
        assert_eq!((second.status, second.text().as_str()), (200, "next"));
    }
    // A client that sends all before it reads gets its answer, also where the connection closes behind it.
    let mut stream = server.connect(0);
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 900000\r\n\r\n";
    stream.write_all(head).unwrap();
    for _ in 0..90 {
        stream.write_all(&[b'x'; 10_000]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let answer = read_response(&mut stream);
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
}

#[test]
fn a_client_that_is_slow_on_purpose_does_not_hold_the_upstream() {
    let body = "x".repeat(200_000);
    let origin = Origin::start(move |_, _| Act::Send(ok(&body)));
    for slow in ["limit_rate 1k;", "set $limit_rate 1k;"] {
        let server = proxy(&origin, slow);
        let mut stream = server.connect(0);
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        server.wait_for_log("is buffered to a temporary file");
    }
}

#[test]
fn the_pace_of_reading_holds_from_the_first_buffer_on() {
    let body = "x".repeat(20_000);
    let origin = Origin::start(move |_, _| Act::Send(ok(&body)));
    let server = proxy(&origin, "proxy_limit_rate 100k;");
    let begun = Instant::now();
    assert_eq!(server.get("/").text().len(), 20_000);
    // Four buffers of 4 KiB before the last, 40 ms each.
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[test]
fn an_upgraded_connection_goes_both_ways() {
    let origin = Origin::start(|_, _| {
        Act::Echo(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhi "
                .to_vec(),
        )
    });
    let server = proxy(
        &origin,
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
    );
    let mut stream = server.connect(0);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\none ")
        .unwrap();
    let mut text = Vec::new();
    let mut buf = [0; 256];
    while !text.ends_with(b"hi one ") {
        let n = stream.read(&mut buf).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&buf[..n]);
    }
    assert!(text.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    stream.write_all(b"two").unwrap();
    let mut echo = [0; 3];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"two");
}

#[test]
fn early_hints_are_passed_on_where_they_are_wanted() {
    let origin = Origin::start(|_, _| {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Accel-Expires: 1\r\n\r\n";
        let mut answer = hints.repeat(2).into_bytes();
        answer.extend(ok("whole"));
        Act::Send(answer)
    });
    let server = Server::http(&format!(
        "server {{
             listen 127.0.0.1:%PORT0%;
             early_hints $arg_hints $arg_other;
             location / {{ proxy_pass http://127.0.0.1:{port}; }}
         }}",
        port = origin.port
    ));
    let ask = |path: &str, version: &str| {
        let request = format!("GET {path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n");
        String::from_utf8(server.raw(0, request.as_bytes())).unwrap()
    };
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    let answer = ask("/?other=1", "1.1");
    let rest = answer.strip_prefix(&hints.repeat(2)).unwrap_or_default();
    assert!(
        rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("whole"),
        "{answer}"
    );
    for (path, version) in [("/?hints=0", "1.1"), ("/", "1.1"), ("/?hints=1", "1.0")] {
        let answer = ask(path, version);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[test]
fn a_transparent_address_needs_the_system_s_leave() {
    let origin = Origin::mirror();
    let server = Server::http(&format!(
        "server {{
             listen 127.0.0.1:%PORT0%;
             location / {{ proxy_bind 127.0.0.1 transparent; proxy_pass http://127.0.0.1:{}; }}
         }}",
        origin.port
    ));
    if server.get("/").status != 200 {
        server.wait_for_log("setsockopt(IP_TRANSPARENT) failed (1: Operation not permitted) while connecting to upstream");
        assert_eq!(server.get("/").status, 500);
    }
}

#[test]
fn fields_keep_the_order_of_the_upstream() {
    let origin = Origin::start(|_, _| {
        Act::Send(
            b"HTTP/1.1 404 No\r\nA: 1\r\netag: \"e\"\r\nLast-Modified: Thu, 02 Jan 2020 03:04:05 GMT\r\nB: 2\r\n\
              Content-Encoding: br\r\nServer: s\r\nDate: d\r\nContent-Length: 0\r\nlocation: http://x/\r\nC: 3\r\n\r\n"
                .to_vec(),
        )
    });
    let server = proxy(
        &origin,
        "proxy_pass_header Server; proxy_redirect off; add_header ETag new always;
         add_header D $upstream_response_time,$upstream_response_length,$upstream_status always;",
    );
    let answer = server.get("/");
    let lines: Vec<&str> = answer.head.lines().skip(1).collect();
    let date = lines.first().copied().unwrap_or_default();
    assert!(date.starts_with("Date: "), "{lines:?}");
    assert_eq!(
        lines[1..],
        [
            "Content-Length: 0",
            "Connection: close",
            "A: 1",
            "ETag: new",
            "Last-Modified: Thu, 02 Jan 2020 03:04:05 GMT",
            "B: 2",
            "Content-Encoding: br",
            "Server: s",
            "location: http://x/",
            "C: 3",
            "D: -,0,404",
            "",
        ]
    );
}

#[test]
fn the_end_of_a_streamed_body_comes_with_the_last_of_it() {
    let origin = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%; proxy_request_buffering off; proxy_http_version 1.1;
             location / {{ proxy_pass http://127.0.0.1:{}; }} }}",
        origin.local_addr().unwrap().port()
    ));
    let mut client = server.connect(0);
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
    client.write_all(head).unwrap();
    let (mut upstream, _) = origin.accept().unwrap();
    let mut buffer = [0; 4096];
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n3\r\none\r\n") {
        let n = upstream.read(&mut buffer).unwrap();
        assert!(n > 0, "{}", seen.escape_ascii());
        seen.extend_from_slice(&buffer[..n]);
    }
    client.write_all(b"3\r\ntwo\r\n0\r\n\r\n").unwrap();
    let n = upstream.read(&mut buffer).unwrap();
    assert_eq!(
        buffer[..n].escape_ascii().to_string(),
        "3\\r\\ntwo\\r\\n0\\r\\n\\r\\n"
    );
}
