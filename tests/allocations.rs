//! How often a thread asks for memory on the way of a request on a warm connection. One time is for the request itself, which
//! is a future of its own, so that a connection that waits holds none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use goodgate::config::source::Disk;
use goodgate::cycle::{self, Options};
use goodgate::http::accept;
use goodgate::http::connection::{Front, Peer};
use goodgate::http::worker::Worker;
use goodgate::log::files;
use goodgate::net::stream::Stream;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);
/// Bytes that are in use.
static BYTES: AtomicI64 = AtomicI64::new(0);
/// What is counted is that of one server.
static ALONE: Mutex<()> = Mutex::new(());

thread_local! {
    /// Whether what this thread asks for is counted.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

impl Counting {
    /// Counts once, and so many bytes more or less in use.
    fn count(&self, times: u64, more: usize, less: usize) {
        if COUNTED.try_with(Cell::get).unwrap_or(false) {
            COUNT.fetch_add(times, Ordering::SeqCst);
            BYTES.fetch_add(more as i64 - less as i64, Ordering::SeqCst);
        }
    }
}

#[allow(
    unsafe_code,
    reason = "an allocator is unsafe by nature; this one only counts"
)]
// SAFETY: all of it is the system's allocator, called with what it was called with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(1, layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        self.count(0, 0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.count(1, size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

const WARM: u64 = 200;
const COUNTED_REQUESTS: u64 = 500;

#[test]
fn warm_connections_ask_for_next_to_no_memory() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("1k.txt"), "x".repeat(1024)).unwrap();
    std::fs::write(dir.path().join("100k.txt"), "x".repeat(100 * 1024)).unwrap();
    let origin = origin();
    let conf = format!(
        "error_log {dir}/error.log; events {{}}
        http {{
            log_format main '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"';
            access_log {dir}/access.log main;
            keepalive_requests 1000000; sendfile on;
            upstream app {{ server {origin}; keepalive 4; }}
            server {{
                listen 127.0.0.1:1; root {dir};
                location = /ok {{ return 200 ok; }}
                location /rw/ {{ rewrite ^/rw/(.*)$ /$1 break; }}
                location ~ \\.php$ {{ return 404; }}
                location /app/ {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; }}
            }}
        }}",
        dir = dir.path().display()
    );
    std::fs::write(dir.path().join("nginx.conf"), conf).unwrap();
    let address = serve(dir.path());
    // What was written a moment ago is not kept yet.
    std::thread::sleep(std::time::Duration::from_millis(150));
    for (path, most) in [
        ("/ok", 1.05),
        ("/1k.txt", 1.05),
        ("/100k.txt", 1.05),
        ("/rw/1k.txt", 1.05),
        ("/app/x", 11.05),
    ] {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_nodelay(true).unwrap();
        (0..WARM).for_each(|_| ask(&mut client, path));
        let before = COUNT.load(Ordering::SeqCst);
        (0..COUNTED_REQUESTS).for_each(|_| ask(&mut client, path));
        let asked = COUNT.load(Ordering::SeqCst) - before;
        let each = asked as f64 / COUNTED_REQUESTS as f64;
        assert!(each <= most, "{path}: {each} allocations a request");
    }
}

#[test]
fn connections_that_wait_are_small() {
    /// What grows by doubling is nearly filled by so many.
    const CONNECTIONS: usize = 500;
    /// A record and its place, each with what the lists of them have in reserve.
    const MOST: i64 = 160;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let conf = format!(
        "error_log {dir}/error.log; events {{ worker_connections 1024; }}
        http {{ access_log off; server {{ listen 127.0.0.1:1; return 200 ok; }} }}",
        dir = dir.path().display()
    );
    std::fs::write(dir.path().join("nginx.conf"), conf).unwrap();
    let address = serve(dir.path());
    let connect = || {
        let mut client = TcpStream::connect(address).unwrap();
        ask(&mut client, "/");
        client
    };
    let warm = connect();
    let before = BYTES.load(Ordering::SeqCst);
    let clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect()).collect();
    let each = || (BYTES.load(Ordering::SeqCst) - before) / CONNECTIONS as i64;
    let begun = Instant::now();
    while each() > MOST {
        let waited = begun.elapsed() > Duration::from_secs(20);
        assert!(!waited, "{} bytes for each connection", each());
        std::thread::sleep(Duration::from_millis(10));
    }
    drop((warm, clients));
}

/// A thread that serves the configuration of a directory, as a worker does; returns its address.
fn serve(dir: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let options = Options {
        prefix: dir.to_owned(),
        conf_file: dir.join("nginx.conf"),
        conf_prefix: dir.to_owned(),
        error_log: dir.join("error.log"),
        globals: None,
        superuser: false,
        test: false,
    };
    std::thread::spawn(move || {
        let cycle = cycle::load(&options, Rc::new(Disk)).cycle.unwrap();
        for log in &cycle.logs.files {
            files::install(log.path(), files::open(log.path()).unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(goodgate::log::flush_thread)
            .on_thread_unpark(goodgate::clock::begin_turn)
            .build_local(Default::default())
            .unwrap();
        runtime.block_on(async move {
            let worker = Worker::new(0, cycle);
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            COUNTED.set(true);
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                let front = Front {
                    http: worker.http().unwrap(),
                    listen: 0,
                };
                let stream = Stream::accepted(stream.into_std().unwrap().into(), false);
                let peer = Peer::Inet(peer);
                let place = worker.room.take(&worker.connections).unwrap();
                let serving = Rc::clone(&worker);
                worker.open.spawn(place, |ended| {
                    accept::serve(serving, stream, front, peer, ended)
                });
            }
        });
    });
    address
}

/// An application that answers on kept connections.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                while read_head(&mut stream).is_some() {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    stream.write_all(answer).unwrap();
                }
            });
        }
    });
    address
}

fn ask(client: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let head = read_head(client).expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {head}");
    let length = head.split_once("Content-Length: ").unwrap().1;
    let length = length.split_once("\r\n").unwrap().0.parse().unwrap();
    client.read_exact(&mut vec![0; length]).unwrap();
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
