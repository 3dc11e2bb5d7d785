//! More clients than there is room for, and clients that cost more than they should.

use crate::common::{Server, globals, read_response, wait_until};
use crate::origin::{Act, Origin};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn crowded(most: usize) -> Server {
    let globals = globals().replace("events { }", "events { worker_connections %N%; }");
    let globals = globals.replace("%N%", &most.to_string());
    Server::conf(&format!(
        "{globals} http {{ access_log off; server {{ listen 127.0.0.1:%PORT0%; return 200 ok; }} }}"
    ))
}

fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let open = matches!(stream.read(&mut [0]), Err(e) if e.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    open
}

#[test]
fn kept_alive_connections_give_their_places_to_new_ones() {
    let server = crowded(32);
    let mut all = Vec::new();
    for _ in 0..100 {
        let mut stream = server.connect(0);
        stream.write_all(REQUEST).unwrap();
        assert_eq!(read_response(&mut stream).text(), "ok");
        all.push(stream);
    }
    server.wait_for_log("32 worker_connections are not enough, reusing connections");
    assert_eq!(server.count_in_log("are not enough\n"), 0);
    let newest = all.split_off(90);
    wait_until(
        || all.iter_mut().take(60).all(|stream| !is_open(stream)),
        || String::from("the oldest are still open"),
    );
    for mut stream in newest {
        stream.write_all(REQUEST).unwrap();
        assert_eq!(read_response(&mut stream).text(), "ok");
    }
}

#[test]
fn clients_that_say_nothing_keep_nobody_out() {
    let server = crowded(16);
    let silent: Vec<TcpStream> = (0..100).map(|_| server.connect(0)).collect();
    assert_eq!(server.get("/").text(), "ok");
    drop(silent);
    assert_eq!(server.get("/").text(), "ok");
}

/// A server with so many places, and four clients whose requests an upstream does not answer.
fn busy(most: usize) -> (Server, Origin, Vec<TcpStream>) {
    let origin = Origin::start(|_, _| Act::Hang);
    let globals = globals().replace("events { }", "events { worker_connections %N%; }");
    let globals = globals.replace("%N%", &most.to_string());
    let server = Server::conf(&format!(
        "{globals} http {{ access_log off; server {{ listen 127.0.0.1:%PORT0%;
             location / {{ proxy_pass http://127.0.0.1:{}; }} }} }}",
        origin.port
    ));
    let mut busy: Vec<TcpStream> = (0..4).map(|_| server.connect(0)).collect();
    for stream in &mut busy {
        stream.write_all(REQUEST).unwrap();
    }
    wait_until(|| origin.requests().len() == 4, || String::from("not all"));
    (server, origin, busy)
}

#[test]
fn requests_that_run_keep_their_places() {
    let (server, _origin, mut busy) = busy(8);
    // There is nobody to send away.
    assert_eq!(server.raw(0, REQUEST), b"");
    server.wait_for_log("8 worker_connections are not enough\n");
    assert!(busy.iter_mut().all(is_open));
}

#[test]
fn upstreams_take_places_too() {
    let (server, _origin, mut busy) = busy(9);
    assert_eq!(server.get("/").status, 500);
    server.wait_for_log(
        "9 worker_connections are not enough while connecting to upstream, client: 127.0.0.1, ",
    );
    assert!(busy.iter_mut().all(is_open));
}

/// The memory of the worker processes, in KiB.
pub fn memory(server: &Server) -> usize {
    let of = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    server.workers().into_iter().map(of).sum()
}

#[test]
fn a_body_that_comes_byte_by_byte_takes_the_memory_of_its_bytes() {
    let server = Server::http(
        "server { listen unix:%DIR%/s; location / { proxy_pass http://127.0.0.1:%PORT1%; } }",
    );
    let before = memory(&server);
    let mut clients: Vec<UnixStream> = (0..8)
        .map(|_| {
            let mut stream = UnixStream::connect(server.path("s")).unwrap();
            stream
                .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n")
                .unwrap();
            stream
        })
        .collect();
    for _ in 0..2000 {
        for stream in &mut clients {
            stream.write_all(b"x").unwrap();
        }
        std::thread::yield_now();
    }
    for stream in &mut clients {
        stream.write_all(&[b'x'; 7000]).unwrap();
        assert_eq!(read_response(stream).status, 502);
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 3000, "the worker has grown by {grown} KiB");
}
