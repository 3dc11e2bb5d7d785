//! Connections that wait for so long that they have no task any more.

use crate::common::{Server, globals, http, read_response, wait_until};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const SITE: &str = "server {
    listen 127.0.0.1:%PORT0%;
    location / { return 200 $connection:$connection_requests; }
    location /status { stub_status; }
}";

/// How many connections have parked: as many descriptors as the worker watches for one event of input each.
fn parked(server: &Server) -> usize {
    /// EPOLLIN, EPOLLRDHUP, EPOLLONESHOT; epoll adds EPOLLERR and EPOLLHUP.
    const EVENTS: &str = "40002019";
    let of = |pid: i32| {
        let infos = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
        let texts = infos.filter_map(|info| std::fs::read_to_string(info.ok()?.path()).ok());
        let in_each = texts.map(|text| text.lines().filter(|line| line.contains(EVENTS)).count());
        // Two descriptors lead to it.
        in_each.max().unwrap_or(0)
    };
    server.workers().into_iter().map(of).sum()
}

fn wait_for_parked(server: &Server, count: usize) {
    wait_until(
        || parked(server) == count,
        || format!("{} instead of {count} have parked", parked(server)),
    );
}

fn ask(stream: &mut (impl Read + Write)) -> String {
    stream.write_all(REQUEST).unwrap();
    read_response(stream).text()
}

/// Clients that have had an answer and have parked.
fn idle(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut all: Vec<TcpStream> = (0..count).map(|_| server.connect(0)).collect();
    for stream in &mut all {
        ask(stream);
    }
    wait_for_parked(server, count);
    all
}

fn is_at_its_end(stream: &mut impl Read) -> bool {
    stream.read(&mut [0]).unwrap() == 0
}

/// Holds the number of open connections against that which asks for it.
fn assert_only_one_is_open(server: &Server) {
    let status = server.get("/status").text();
    assert!(status.starts_with("Active connections: 1 \n"), "{status}");
}

#[test]
fn they_answer_the_next_request() {
    let server = Server::http(SITE);
    let mut stream = server.connect(0);
    let first = ask(&mut stream);
    let number = first.strip_suffix(":1").unwrap();
    for requests in [2, 4, 6] {
        wait_for_parked(&server, 1);
        assert_eq!(ask(&mut stream), format!("{number}:{requests}"));
        assert_eq!(ask(&mut stream), format!("{number}:{}", requests + 1));
    }
    assert_eq!(parked(&server), 0);
}

#[test]
fn requests_that_come_in_pieces_or_together_are_all_answered() {
    let server = Server::http(SITE);
    let mut all = idle(&server, 1);
    let stream = &mut all[0];
    stream.write_all(&REQUEST[..10]).unwrap();
    wait_for_parked(&server, 0);
    stream.write_all(&REQUEST[10..]).unwrap();
    assert!(read_response(stream).text().ends_with(":2"));
    wait_for_parked(&server, 1);
    stream
        .write_all(&REQUEST.repeat(3)[..REQUEST.len() * 3 - 5])
        .unwrap();
    for end in [":3", ":4"] {
        assert!(read_response(stream).text().ends_with(end));
    }
    stream.write_all(&REQUEST[REQUEST.len() - 5..]).unwrap();
    assert!(read_response(stream).text().ends_with(":5"));
}

#[test]
fn unix_sockets_park_too() {
    let site = SITE.replace("127.0.0.1:%PORT0%", "unix:%DIR%/s");
    let server = Server::http(&site);
    let mut stream = UnixStream::connect(server.path("s")).unwrap();
    ask(&mut stream);
    wait_for_parked(&server, 1);
    assert!(ask(&mut stream).ends_with(":2"));
}

#[test]
fn what_a_proxy_has_said_is_remembered() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0% proxy_protocol; return 200 $proxy_protocol_addr; }",
    );
    let mut stream = server.connect(0);
    stream
        .write_all(b"PROXY TCP4 192.0.2.7 192.0.2.2 1234 80\r\n")
        .unwrap();
    assert_eq!(ask(&mut stream), "192.0.2.7");
    wait_for_parked(&server, 1);
    assert_eq!(ask(&mut stream), "192.0.2.7");
}

#[test]
fn they_end_when_their_time_is_over() {
    let server = Server::http(&format!("keepalive_timeout 1500ms; {SITE}"));
    let mut stream = server.connect(0);
    ask(&mut stream);
    let begun = Instant::now();
    wait_for_parked(&server, 1);
    assert!(is_at_its_end(&mut stream));
    assert!(begun.elapsed() >= Duration::from_millis(1400));
    wait_for_parked(&server, 0);
    assert_only_one_is_open(&server);
}

#[test]
fn one_that_never_asked_ends_with_its_line_in_the_log() {
    let log = "error_log %DIR%/error.log info; client_header_timeout 1500ms;";
    let server = Server::http(&format!("{log} {SITE}"));
    let mut stream = server.connect(0);
    wait_for_parked(&server, 1);
    assert!(is_at_its_end(&mut stream));
    let said = "client timed out (110: Connection timed out) while waiting for request, client: ";
    server.wait_for_log(said);
    let stream = server.connect(0);
    wait_for_parked(&server, 1);
    drop(stream);
    server.wait_for_log("client closed connection while waiting for request, client: ");
    // It may still ask.
    let mut stream = server.connect(0);
    wait_for_parked(&server, 1);
    assert!(ask(&mut stream).ends_with(":1"));
}

#[test]
fn clients_that_go_are_let_go() {
    let server = Server::http(&format!("error_log %DIR%/error.log info; {SITE}"));
    drop(idle(&server, 3));
    wait_for_parked(&server, 0);
    let said = "client 127.0.0.1 closed keepalive connection";
    server.wait_for_log(said);
    wait_until(
        || server.count_in_log(said) == 3,
        || String::from("not all"),
    );
    assert_only_one_is_open(&server);
}

#[test]
fn they_are_counted() {
    let server = Server::http(SITE);
    let _all = idle(&server, 5);
    let status = server.get("/status").text();
    assert!(status.starts_with("Active connections: 6 \n"), "{status}");
    assert!(
        status.ends_with("Reading: 0 Writing: 1 Waiting: 5 \n"),
        "{status}"
    );
}

#[test]
fn a_server_that_stops_ends_them() {
    let mut server = Server::http(&format!("error_log %DIR%/error.log info; {SITE}"));
    let mut all = idle(&server, 3);
    server.signal(Signal::QUIT);
    assert!(all.iter_mut().all(is_at_its_end));
    assert_eq!(server.wait(), Some(0));
    // The clients have not closed anything.
    assert_eq!(server.count_in_log("closed keepalive connection"), 0);
}

#[test]
fn a_reload_ends_those_whose_address_goes() {
    let two = "server { listen 127.0.0.1:%PORT0%; return 200 a; }
               server { listen 127.0.0.1:%PORT1%; return 200 b; }";
    let server = Server::http(two);
    let (mut stays, mut goes) = (server.connect(0), server.connect(1));
    assert_eq!((ask(&mut stays), ask(&mut goes)), ("a".into(), "b".into()));
    wait_for_parked(&server, 2);
    server.reload_with("server { listen 127.0.0.1:%PORT0%; return 200 new; }");
    assert!(is_at_its_end(&mut goes));
    assert_eq!(ask(&mut stays), "new");
}

#[test]
fn worker_shutdown_timeout_cuts_those_of_the_configuration_before() {
    let server = Server::conf(&format!("worker_shutdown_timeout 50ms; {}", http(SITE)));
    let mut all = idle(&server, 2);
    // One has parked once and one twice.
    ask(&mut all[0]);
    wait_for_parked(&server, 2);
    server.reload();
    assert!(all.iter_mut().all(is_at_its_end));
    wait_for_parked(&server, 0);
}

#[test]
fn they_give_their_places_to_new_ones() {
    let globals = globals().replace("events { }", "events { worker_connections 32; }");
    let server = Server::conf(&format!("{globals} http {{ {SITE} }}"));
    let mut old = idle(&server, 24);
    let mut new: Vec<TcpStream> = (0..24).map(|_| server.connect(0)).collect();
    for stream in &mut new {
        assert!(ask(stream).ends_with(":1"));
    }
    server.wait_for_log("32 worker_connections are not enough, reusing connections");
    assert_eq!(server.count_in_log("are not enough\n"), 0);
    let mut ended = 0;
    for stream in &mut old {
        stream.set_nonblocking(true).unwrap();
        ended += usize::from(matches!(stream.read(&mut [0]), Ok(0)));
    }
    assert!((16..=24).contains(&ended), "{ended} have ended");
}
