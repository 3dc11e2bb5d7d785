//! Every configuration in `examples/` is started and asked, and answers as a visitor would expect. The ports that it
//! names are replaced by free ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod common;

use common::{Response, Server, Site, wait_until};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

/// An example that runs in a directory of its own.
struct Example {
    server: Server,
    /// The ports that its text names; the place of one is its number in the site.
    ports: Vec<u16>,
}

impl Example {
    fn start(name: &str) -> Example {
        let folder = Path::new("examples").join(name);
        let text = fs::read_to_string(folder.join("nginx.conf")).unwrap();
        let (text, ports) = with_other_ports(&text);
        let site = Site::new(&text.replace("goodgate.pid", "nginx.pid"));
        copy(&folder, &site.path(""));
        Example {
            server: Server::start(site),
            ports,
        }
    }

    /// The number of the port that stands in for one of the text.
    fn number(&self, port: u16) -> usize {
        self.ports.iter().position(|p| *p == port).unwrap()
    }

    /// Listens as the application that the example has on this port.
    fn application(&self, port: u16) -> TcpListener {
        TcpListener::bind(("127.0.0.1", self.server.port(self.number(port)))).unwrap()
    }

    /// Asks the first port; `head` has the request line and fields, each with its line end.
    fn ask(&self, head: &str) -> Response {
        Response::parse(
            &self
                .server
                .raw(0, format!("{head}Connection: close\r\n\r\n").as_bytes()),
        )
    }

    fn get(&self, path: &str) -> Response {
        self.server.get(path)
    }

    fn wait_for_stderr(&self, text: &str) {
        wait_until(
            || self.server.read("stderr").contains(text),
            || {
                format!(
                    "no \"{text}\" on standard error:\n{}",
                    self.server.read("stderr")
                )
            },
        );
    }
}

fn with_other_ports(text: &str) -> (String, Vec<u16>) {
    const HOST: &str = "127.0.0.1:";
    let mut out = String::new();
    // The port for visitors comes first; those of applications are below 8000.
    let visitors = text
        .split(HOST)
        .skip(1)
        .map(|rest| rest[..4].parse().unwrap());
    let mut ports: Vec<u16> = visitors.filter(|port| *port >= 8000).take(1).collect();
    let mut rest = text;
    while let Some(at) = rest.find(HOST) {
        let (before, after) = rest.split_at(at + HOST.len());
        let digits = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let port = after[..digits].parse().unwrap();
        let number = ports.iter().position(|p| *p == port).unwrap_or_else(|| {
            ports.push(port);
            ports.len() - 1
        });
        out.push_str(before);
        out.push_str(&format!("%PORT{number}%"));
        rest = &after[digits..];
    }
    out.push_str(rest);
    (out, ports)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if entry.file_name() != "nginx.conf" && path.extension().is_none_or(|e| e != "pid") {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Answers each connection with the same bytes, and gives what was asked to `seen`.
fn answer_always(
    listener: TcpListener,
    answer: &'static str,
    seen: impl Fn(String) + Send + 'static,
) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            seen(read_request(&mut stream));
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

fn read_request(stream: &mut TcpStream) -> String {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let request = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|l| {
                    l.to_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return request;
            }
        }
        match stream.read(&mut buffer) {
            Ok(n @ 1..) => text.extend_from_slice(&buffer[..n]),
            _ => return request,
        }
    }
}

#[test]
fn all_examples_are_tested_here() {
    let here = include_str!("examples.rs");
    let untested: Vec<String> = fs::read_dir("examples")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !here.contains(&format!("Example::start(\"{name}\")")))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn each_has_ports_of_its_own_for_visitors() {
    let mut taken = BTreeSet::new();
    for entry in fs::read_dir("examples").unwrap() {
        let text = fs::read_to_string(entry.unwrap().path().join("nginx.conf")).unwrap();
        let listens = text
            .lines()
            .map(str::trim)
            .filter_map(|l| l.strip_prefix("listen 127.0.0.1:"));
        let ports: BTreeSet<&str> = listens
            .map(|l| &l[..4])
            .filter(|p| p.starts_with('8'))
            .collect();
        for port in ports {
            assert!(taken.insert(port.to_owned()), "{port} is taken twice");
        }
    }
}

#[test]
fn hello() {
    let example = Example::start("hello");
    let page = example.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert!(page.text().contains("<h1>It works</h1>"));
    let from_app = example.get("/api/hello");
    assert_eq!(from_app.status, 200);
    assert_eq!(
        from_app.text(),
        "Hello from the application. You asked for /api/hello as localhost, from 127.0.0.1.\n"
    );
    let down = example.get("/down/");
    assert_eq!(down.status, 502);
    assert!(down.text().contains("502 Bad Gateway"));
    example.wait_for_stderr(
        "connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1",
    );
}

#[test]
fn static_site() {
    let example = Example::start("static-site");
    assert!(example.get("/").text().contains("A static site"));
    let css = example.get("/assets/site.css");
    assert_eq!(css.header("content-type"), Some("text/css"));
    assert_eq!(css.text(), "h1 { color: #155 }\n");
    assert!(css.head.contains("Cache-Control: max-age=2592000\r\n"));
    assert!(css.head.contains("Cache-Control: public\r\n"));
    let missing = example.get("/nothing");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("There is no such page"));
    assert_eq!(example.get("/.git/config").status, 403);

    let tag = css.header("etag").unwrap();
    let again = example.ask(&format!(
        "GET /assets/site.css HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n"
    ));
    assert_eq!((again.status, again.body.len()), (304, 0));
    let part =
        example.ask("GET /assets/site.css HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\n");
    assert_eq!((part.status, part.text().as_str()), (206, "h1"));
    let packed = example.ask("GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.windows(3).any(|w| w == [0x1f, 0x8b, 8]));
}

#[test]
fn single_page_app() {
    let example = Example::start("single-page-app");
    for path in ["/", "/users/7", "/index.html"] {
        let page = example.get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text().contains("<div id=\"app\">"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}");
    }
    let script = example.get("/assets/app.js");
    assert_eq!(script.status, 200);
    assert_eq!(script.header("cache-control"), Some("max-age=315360000"));
    assert_eq!(example.get("/assets/gone.js").status, 404);
}

#[test]
fn reverse_proxy() {
    let example = Example::start("reverse-proxy");
    let away = example.get("/");
    assert_eq!(away.status, 502);
    assert!(away.text().contains("We are back in a moment"));
    example
        .wait_for_stderr("connect() failed (111: Connection refused) while connecting to upstream");
    assert_eq!(example.get("/away.html").status, 404, "it is internal");

    let (sender, asked) = std::sync::mpsc::channel();
    let send = move |request| drop(sender.send(request));
    let answer =
        "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-App: yes\r\nConnection: close\r\n\r\nok";
    answer_always(example.application(3000), answer, send);
    // The group is tried again at once: with a single server there is nobody else to ask.
    let made = example.ask(
        "POST /orders?id=1 HTTP/1.1\r\nHost: shop.example:80\r\nContent-Length: 0\r\nX-Forwarded-For: 10.1.1.1\r\n",
    );
    assert_eq!((made.status, made.text().as_str()), (201, "ok"));
    assert_eq!(made.header("x-app"), Some("yes"));
    let request = asked.recv().unwrap();
    assert!(
        request.starts_with("POST /orders?id=1 HTTP/1.1\r\n"),
        "{request}"
    );
    for field in [
        "Host: shop.example",
        "X-Real-IP: 127.0.0.1",
        "X-Forwarded-For: 10.1.1.1, 127.0.0.1",
        "X-Forwarded-Proto: http",
    ] {
        assert!(
            request.contains(&format!("\r\n{field}\r\n")),
            "{field}: {request}"
        );
    }

    let body = "x".repeat(100_000);
    let upload = format!(
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(
        Response::parse(&example.server.raw(0, upload.as_bytes())).status,
        201
    );
    assert!(asked.recv().unwrap().ends_with(&body));
    let too_much = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n";
    assert_eq!(example.ask(too_much).status, 413);
}

#[test]
fn websocket() {
    let example = Example::start("websocket");
    let listener = example.application(3000);
    let application = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        assert!(request.contains("\r\nUpgrade: websocket\r\n"), "{request}");
        assert!(request.contains("\r\nConnection: upgrade\r\n"), "{request}");
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst",
            )
            .unwrap();
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).unwrap();
        stream.write_all(&echo).unwrap();
    });
    let mut client = example.server.connect(0);
    client
        .write_all(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        )
        .unwrap();
    client.write_all(b"hello").unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    let answer = Response::parse(&answer);
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.text(), "firsthello");
    application.join().unwrap();
}

#[test]
fn behind_a_load_balancer() {
    let example = Example::start("behind-a-load-balancer");
    let by = |line: &str, path: &str| {
        let answer = example.ask(&format!("{line}\r\nGET {path} HTTP/1.1\r\nHost: a\r\n"));
        (answer.status, answer.text())
    };
    let visitor = "PROXY TCP4 192.0.2.7 192.0.2.1 51000 80";
    assert_eq!(
        by(visitor, "/whoami"),
        (200, String::from("192.0.2.7, port 51000\n"))
    );
    assert_eq!(by("PROXY UNKNOWN", "/health").0, 204);
    assert_eq!(by(visitor, "/").0, 502);
    let unannounced = example.server.raw(0, b"GET /whoami HTTP/1.0\r\n\r\n");
    assert_eq!(unannounced, b"");
    example.wait_for_stderr("broken header: \"GET /whoami HTTP/1.0\" while reading PROXY protocol");
}

#[test]
fn redirects() {
    let example = Example::start("redirects");
    let to = |host: &str, path: &str| {
        let answer = example.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n"));
        let place = answer.header("location").unwrap_or_default().to_owned();
        (answer.status, place)
    };
    let port = example.server.port(0);
    let here = |path: &str| (301, format!("http://example.com:{port}{path}"));
    assert_eq!(
        to("www.example.com", "/a?b=c"),
        (301, String::from("http://example.com/a?b=c"))
    );
    assert_eq!(to("example.com", "/old-page"), here("/new-page"));
    assert_eq!(to("example.com", "/shop/12"), here("/store/item?id=12"));
    assert_eq!(to("example.com", "/shop/x"), (404, String::new()));
    assert_eq!(to("example.com", "/"), (200, String::new()));
}

#[test]
fn basic_auth() {
    let example = Example::start("basic-auth");
    let with = |credentials: &str| {
        example.ask(&format!(
            "GET /private/ HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {credentials}\r\n"
        ))
    };
    assert_eq!(example.get("/").status, 200);
    let asked = example.get("/private/");
    assert_eq!(asked.status, 401);
    assert_eq!(
        asked.header("www-authenticate"),
        Some("Basic realm=\"Members\"")
    );
    // guest:welcome, guest:wrong
    assert_eq!(with("Z3Vlc3Q6d2VsY29tZQ==").status, 200);
    assert_eq!(with("Z3Vlc3Q6d3Jvbmc=").status, 401);
}

#[test]
fn load_balancing() {
    let example = Example::start("load-balancing");
    let mut tries = BTreeSet::new();
    for _ in 0..6 {
        let answer = example.get("/");
        assert_eq!((answer.status, answer.text().as_str()), (200, "first\n"));
        let served_by = answer.header("x-served-by").unwrap_or_default();
        tries.insert(served_by.split(", ").count());
    }
    // The second copy was tried, in vain, before the first one answered.
    assert_eq!(tries, BTreeSet::from([1, 2]));
}

#[test]
fn maintenance() {
    let example = Example::start("maintenance");
    assert_eq!(example.get("/").text(), "Open.\n");
    example.server.write("html/closed", "");
    let closed = example.get("/");
    assert_eq!(
        (closed.status, closed.text().as_str()),
        (503, "Closed for an hour.\n")
    );
    assert_eq!(closed.header("retry-after"), Some("600"));
    fs::remove_file(example.server.path("html/closed")).unwrap();
    assert_eq!(example.get("/").status, 200);
}
