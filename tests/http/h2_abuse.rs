//! Clients of HTTP/2 that do much of what is cheap for them: the server ends their connection, does not grow, and
//! others do not notice.

use crate::common::{Server, wait_until};
use crate::crowd::memory;
use crate::h2_client::*;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

fn server(inside: &str) -> Server {
    Server::http(&format!(
        "http2 on; server {{ listen 127.0.0.1:%PORT0%; root %DIR%; {inside} }}"
    ))
}

/// Whether somebody else is answered, and soon.
fn others_are_served(server: &Server) {
    let start = Instant::now();
    let mut other = Client::new(server);
    other.get(1, "/");
    assert_eq!(other.response(1).0, 200);
    assert_eq!(server.get("/").status, 200);
    assert!(start.elapsed() < Duration::from_secs(5));
}

const OK: &str = "location / { return 200 ok; }";

#[test]
fn rapid_resets() {
    let server = server(OK);
    let before = memory(&server);
    let mut client = Client::new(&server);
    let writer = client.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        use std::io::Write;
        let mut writer = writer;
        for number in 0..50_000 {
            let stream = number * 2 + 1;
            let head = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/"));
            let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
            if writer.write_all(&[head, reset].concat()).is_err() {
                return;
            }
        }
    });
    assert_eq!(client.last_words(), ENHANCE_YOUR_CALM);
    others_are_served(&server);
    drop(client);
    writing.join().unwrap();
    assert!(memory(&server) < before + 8000);
}

#[test]
fn resets_of_requests_that_run() {
    let server = server("location / { limit_rate 1; return 200 ok; }");
    let mut client = Client::new(&server);
    let (mut stream, mut code) = (1, None);
    while stream < 2000 && code.is_none() {
        client.get(stream, "/");
        let answer =
            client.until(|f| f.kind == GOAWAY || (f.kind == HEADERS && f.stream == stream));
        code = answer
            .last()
            .filter(|f| f.kind == GOAWAY)
            .map(|f| f.number(4));
        client.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        stream += 2;
    }
    assert!(stream > 200, "a few are fine");
    assert_eq!(code, Some(ENHANCE_YOUR_CALM));
}

#[test]
fn continuations_without_end() {
    let server = server(OK);
    let before = memory(&server);
    for fields in [
        block(&[("x", "y")]),
        Vec::new(),
        block(&[("x", &"y".repeat(9000))]),
    ] {
        let mut client = Client::new(&server);
        client.send(HEADERS, END_STREAM, 1, &get("/"));
        let code = client.flood(&frame(CONTINUATION, 0, 1, &fields), 20_000);
        assert_eq!(code, ENHANCE_YOUR_CALM);
    }
    others_are_served(&server);
    assert!(memory(&server) < before + 8000);
}

#[test]
fn frames_that_say_nothing() {
    let server = server(
        "location / { proxy_pass http://127.0.0.1:%PORT1%; } location = / { return 200 ok; }",
    );
    let mut client = Client::new(&server);
    client.send(HEADERS, END_HEADERS, 1, &get("/body"));
    assert_eq!(
        client.flood(&frame(DATA, 0, 1, &[]), 50_000),
        ENHANCE_YOUR_CALM
    );
    others_are_served(&server);
}

#[test]
fn frames_that_cost_an_answer() {
    let server = server(OK);
    let before = memory(&server);
    for (what, flood) in [
        ("SETTINGS", frame(SETTINGS, 0, 0, &setting(4, 1000))),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("PING", frame(PING, 0, 0, b"12345678")),
        ("PRIORITY", frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 16])),
        (
            "WINDOW_UPDATE",
            frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
        ),
    ] {
        let client = Client::new(&server);
        assert_eq!(client.flood(&flood, 100_000), ENHANCE_YOUR_CALM, "{what}");
        server.wait_for_log(&format!("client sent too many {what} frames"));
    }
    let client = Client::new(&server);
    assert_eq!(
        client.flood(&frame(0x77, 0, 0, b"?"), 100_000),
        ENHANCE_YOUR_CALM
    );
    others_are_served(&server);
    assert!(memory(&server) < before + 8000);
}

#[test]
fn answers_that_are_not_read() {
    let server = server(OK);
    let before = memory(&server);
    let mut client = Client::new(&server);
    // More PINGs than are allowed, and no look at their answers until the end.
    let ping = frame(PING, 0, 0, b"12345678").repeat(10_000);
    use std::io::Write;
    let _ = client.stream.write_all(&ping);
    others_are_served(&server);
    assert!(memory(&server) < before + 8000);
    assert_eq!(client.last_words(), ENHANCE_YOUR_CALM);
}

#[test]
fn heads_that_unfold() {
    let server = server(OK);
    let before = memory(&server);
    let mut client = Client::new(&server);
    // An entry of the table with a long value, and thousands of references to it of one byte each.
    let mut bomb = get("/");
    bomb.push(0x40);
    bomb.extend(&block(&[("bomb", &"x".repeat(3900))])[1..]);
    bomb.extend(vec![0xbe; 12_000]);
    for stream in 0..8 {
        use std::io::Write;
        let head = frame(HEADERS, END_HEADERS | END_STREAM, stream * 2 + 1, &bomb);
        let _ = client.stream.write_all(&head);
    }
    assert_eq!(client.last_words(), ENHANCE_YOUR_CALM);
    others_are_served(&server);
    assert!(memory(&server) < before + 16_000);
}

#[test]
fn a_head_that_is_somewhat_too_large() {
    let server = server(&format!("large_client_header_buffers 2 1k; {OK}"));
    let fields = |count: usize| {
        let value = "y".repeat(900);
        let mut block = get("/");
        (0..count).for_each(|_| block.extend(self::block(&[("x", &value)])));
        block
    };
    let mut client = Client::new(&server);
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &fields(2));
    assert_eq!(client.response(1), (200, b"ok".to_vec()));
    client.send(HEADERS, END_HEADERS | END_STREAM, 3, &fields(3));
    assert_eq!(client.last_words(), ENHANCE_YOUR_CALM);
    server.wait_for_log("client sent too large header, client: ");
}

#[test]
fn tiny_windows() {
    let server = server("");
    server.write("index.html", &"x".repeat(1 << 20));
    let mut client = Client::with(&server, &setting(4, 1));
    client.get(1, "/index.html");
    client.until(|f| f.kind == DATA);
    let flood = frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes());
    assert_eq!(client.flood(&flood, 100_000), ENHANCE_YOUR_CALM);
    server.wait_for_log("client sent too many WINDOW_UPDATE frames");
}

#[test]
fn clients_that_take_nothing() {
    let server = server("send_timeout 1s;");
    server.write("index.html", "ok");
    let large = std::fs::File::create(server.path("large")).unwrap();
    large.set_len(64 << 20).unwrap();
    others_are_served(&server);
    let before = memory(&server);
    // Windows without limit, a hundred files at once, and not one byte is read.
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..4 {
        let mut client = Client::with(&server, &setting(4, i32::MAX as u32));
        client.open(0, 1 << 30);
        (0..100).for_each(|number| client.get(number * 2 + 1, "/large"));
        clients.push(client);
    }
    others_are_served(&server);
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 40_000, "the worker has grown by {grown} KiB");
    // And a client whose windows stay shut.
    let mut shut = Client::with(&server, &setting(4, 0));
    shut.get(1, "/large");
    let frames = shut.until(|f| f.kind == RST_STREAM);
    assert!(frames.iter().all(|f| f.kind != DATA));
    wait_until(
        || server.count_in_log("while sending response to client, client:") == 401,
        || String::from("not all requests have ended"),
    );
}

#[test]
fn more_streams_than_allowed() {
    let server =
        server("http2_max_concurrent_streams 4; location / { limit_rate 1; return 200 ok; }");
    let mut client = Client::new(&server);
    for number in 0..5 {
        client.get(number * 2 + 1, "/");
    }
    let refused = client.until(|f| f.kind == RST_STREAM).pop().unwrap();
    assert_eq!((refused.stream, refused.number(0)), (9, 7));
    use std::io::Write;
    for number in 5..1000 {
        let head = frame(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &get("/"));
        if client.stream.write_all(&head).is_err() {
            break;
        }
    }
    assert_eq!(client.last_words(), ENHANCE_YOUR_CALM);
}

#[test]
fn clients_that_hang_up_on_their_answer() {
    let server = Server::http(
        "http2 on; log_format s '$status'; server { listen 127.0.0.1:%PORT0%; access_log %DIR%/access.log s;
             location / { return 200 ok; } location /status { access_log off; stub_status; } }",
    );
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let request = frame(HEADERS, END_HEADERS | END_STREAM, 1, &get("/"));
    let all = [&hello[..], &frame(SETTINGS, 0, 0, &[]), &request].concat();
    for number in 0..60 {
        let mut stream = server.connect(0);
        stream.write_all(&all).unwrap();
        if number % 3 == 0 {
            let _ = stream.read(&mut [0; 1]);
        }
        if number % 2 == 0 {
            // What is unread makes the close a reset.
            let linger = Some(Duration::ZERO);
            socket2::SockRef::from(&stream).set_linger(linger).unwrap();
        }
    }
    // Each of them is over, and has its line.
    wait_until(
        || {
            server
                .get("/status")
                .text()
                .starts_with("Active connections: 1 ")
        },
        || server.get("/status").text(),
    );
    let lines = server.read("access.log").lines().count();
    // A reset may come before the request is read.
    assert!(lines >= 30, "{lines} of 60 requests are in the log");
}
