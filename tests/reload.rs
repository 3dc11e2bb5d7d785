//! Reloading under load, and with connections that were accepted for another configuration.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod common;

use common::{Response, Server, http, read_response, wait_until};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A client that asks for a path until it is told to stop; returns what went wrong. `kept`: over one connection.
fn client(
    port: u16,
    path: &str,
    body: &str,
    kept: bool,
    stop: &AtomicBool,
    asked: &AtomicUsize,
) -> Vec<String> {
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    };
    let close = if kept { "" } else { "Connection: close\r\n" };
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{close}\r\n");
    let (mut stream, mut wrong) = (connect(), Vec::new());
    while !stop.load(Ordering::Relaxed) && wrong.len() < 5 {
        if !kept {
            stream = connect();
        }
        let sent = stream.write_all(request.as_bytes());
        let answer = read_response(&mut stream);
        if sent.is_err() || answer.status != 200 || answer.text() != body {
            wrong.push(format!("{path}, kept: {kept}: {sent:?} {answer:?}"));
            stream = connect();
        }
        asked.fetch_add(1, Ordering::Relaxed);
    }
    wrong
}

/// How many descriptors the worker has, and its memory in KiB.
fn resources(server: &Server) -> (usize, usize) {
    let worker = server.workers()[0];
    let status = std::fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let memory = line.and_then(|line| line.split_whitespace().nth(1));
    let descriptors = std::fs::read_dir(format!("/proc/{worker}/fd")).unwrap();
    (descriptors.count(), memory.unwrap().parse().unwrap())
}

#[test]
fn no_request_fails_while_the_configuration_is_reloaded() {
    let times: usize = std::env::var("RELOADS").map_or(12, |n| n.parse().unwrap());
    let inside = "upstream app { server 127.0.0.1:%PORT1%; keepalive 8; }
         server { listen 127.0.0.1:%PORT0%; root %DIR%/site;
             location /app { proxy_pass http://app; } }
         server { listen 127.0.0.1:%PORT1%; return 200 application; }";
    let site = common::Site::new(&http(inside));
    site.write("site/page", "a page");
    let server = Server::start(site);
    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let port = server.port(0);
    let (before, after, wrong) = thread::scope(|scope| {
        let (stop, asked) = (&stop, &asked);
        let mut clients = Vec::new();
        for kept in [true, false] {
            for (path, body) in [("/page", "a page"), ("/app", "application")] {
                clients.push(scope.spawn(move || client(port, path, body, kept, stop, asked)));
            }
        }
        let reload = || {
            let so_far = asked.load(Ordering::Relaxed);
            server.reload();
            wait_until(
                || {
                    asked.load(Ordering::Relaxed) > so_far + 20
                        || clients.iter().all(|c| c.is_finished())
                },
                || String::from("nobody is served"),
            );
        };
        // What every reload leaves behind stands out once the first ones have warmed up everything.
        (0..4).for_each(|_| reload());
        let before = resources(&server);
        (0..times).for_each(|_| reload());
        let after = resources(&server);
        stop.store(true, Ordering::Relaxed);
        let wrong: Vec<String> = clients
            .into_iter()
            .flat_map(|c| c.join().unwrap())
            .collect();
        (before, after, wrong)
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    let log = server.read("error.log");
    assert!(
        !log.contains("[error]") && !log.contains("[alert]"),
        "{log}"
    );
    assert!(after.0 <= before.0 + 8, "descriptors: {before:?} {after:?}");
    assert!(after.1 <= before.1 + 4096, "memory: {before:?} {after:?}");
    wait_until(
        || server.count_in_log("is no longer in use") == times + 4,
        || String::from("old configurations are still in use"),
    );
}

fn ask(stream: &mut TcpStream) -> Response {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    read_response(stream)
}

#[test]
fn connections_stay_with_their_address_when_others_come_and_go() {
    let of = |port: usize| {
        format!("server {{ listen 127.0.0.1:%PORT{port}%; return 200 \"{port} $server_port\"; }}\n")
    };
    let server = Server::http(&(of(0) + &of(1) + &of(2)));
    let mut streams: Vec<TcpStream> = (0..3).map(|n| server.connect(n)).collect();
    let mut silent: Vec<TcpStream> = (0..3).map(|n| server.connect(n)).collect();
    let expected = |n: usize| format!("{n} {}", server.port(n));
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let inside: String = order.iter().map(|n| of(*n)).collect();
        server.reload_with(&inside);
        for (n, stream) in streams.iter_mut().enumerate() {
            assert_eq!(ask(stream).text(), expected(n), "{order:?}");
        }
    }
    for (n, stream) in silent.iter_mut().enumerate() {
        assert_eq!(ask(stream).text(), expected(n));
    }
}

#[test]
fn an_address_that_goes_takes_no_request_with_it() {
    let one = "server { listen 127.0.0.1:%PORT0%; return 200 one; }\n";
    let two = "server { listen 127.0.0.1:%PORT1%; return 200 two; }\n";
    let server = Server::http(&format!("{one}{two}"));
    let (mut kept, mut other) = (server.connect(0), server.connect(1));
    assert_eq!(
        (ask(&mut kept).text(), ask(&mut other).text()),
        ("one".into(), "two".into())
    );
    let mut early = server.connect(0);
    // Its connection has been accepted once another one that came later has been answered.
    assert_eq!(server.get("/").text(), "one");
    server.reload_with(two);
    // Nothing more is to be had from it: it ends at once, before the next request is sent in vain.
    assert_eq!(kept.read(&mut [0]).unwrap(), 0);
    // Whoever was let in and had asked for nothing yet is still answered, once, and by the right server.
    let answer = ask(&mut early);
    assert_eq!(
        (answer.text(), answer.header("connection")),
        ("one".into(), Some("close"))
    );
    assert_eq!(early.read(&mut [0]).unwrap(), 0);
    assert_eq!(ask(&mut other).text(), "two");
}
