//! What the way of a request costs: its server, its location, its variables, its line in the log.
//!
//!     cargo bench --bench serving
//!
//! A server is chosen out of ten, a thousand and ten thousand, and so is a location. A server must cost the same however
//! many there are, a location no more than a few comparisons of paths: ten in ten thousand more than in ten. All are
//! asked for in turn, so that memory which the processor has not at hand shows. Locations by regular expression are
//! tried one after the other, here as in nginx, and are not part of that.

#![allow(
    clippy::expect_used,
    reason = "what cannot be set up cannot be measured"
)]

mod common;

use common::{load, measure};
use goodgate::cycle::Cycle;
use goodgate::http::connection::Peer;
use goodgate::http::modules::log;
use goodgate::http::phase::Verdict;
use goodgate::http::rehearsal::{self, Call};
use goodgate::http::request::Request;
use goodgate::http::router::{find_location, set_virtual_server};
use goodgate::http::variable::VarId;
use goodgate::http::worker::Worker;
use goodgate::log::files;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

const NUMBERS: [usize; 3] = [10, 1_000, 10_000];

const HEAD: &[u8] = b"GET /shop/items?page=2 HTTP/1.1\r\nHost: www.example.com\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
Referer: https://www.example.com/shop/\r\nCookie: session=0123456789abcdef\r\n\r\n";

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("an event loop");
    for (what, host) in [
        ("name", "host{}.example.com"),
        ("wildcard", "www.wild{}.example.com"),
    ] {
        let run = |n| servers(&runtime, what, host, n);
        growth(NUMBERS.map(run));
    }
    for (what, path) in [("prefix", "/part{}/of/it"), ("exact path", "/page{}.html")] {
        let run = |n| locations(&runtime, what, path, n);
        growth(NUMBERS.map(run));
    }
    variables(&runtime);
    lines(&runtime);
}

/// How the cost for ten thousand compares with that for ten.
fn growth([ten, .., most]: [f64; 3]) {
    println!(
        "{:<48} {:>10.2} x",
        "  from ten to ten thousand",
        most / ten
    );
}

fn servers(runtime: &Runtime, what: &str, host: &str, number: usize) -> f64 {
    let server = |i: usize| {
        format!(
            "server {{ listen 80; server_name host{i}.example.com *.wild{i}.example.com; return 204; }}\n"
        )
    };
    let servers: String = (0..number).map(server).collect();
    let mut req = request(runtime, &load(&http(&servers)));
    let hosts: Vec<String> = filled(host, number);
    let mut hosts = hosts.iter().cycle();
    measure(&format!("server by {what}, of {number}"), || {
        req.host.clear();
        let host = hosts.next().map(String::as_bytes);
        req.host.extend_from_slice(host.unwrap_or_default());
        assert!(set_virtual_server(&mut req).is_ok());
        black_box(req.server);
    })
}

fn locations(runtime: &Runtime, what: &str, path: &str, number: usize) -> f64 {
    let location = |i: usize| format!("location /part{i}/ {{ }}\nlocation = /page{i}.html {{ }}\n");
    let locations: String = (0..number).map(location).collect();
    let server = format!("server {{ listen 80; return 204; location / {{ }}\n{locations} }}\n");
    let mut req = request(runtime, &load(&http(&server)));
    let http = Rc::clone(&req.http);
    let paths: Vec<String> = filled(path, number);
    let mut paths = paths.iter().cycle();
    measure(&format!("location by {what}, of {number}"), || {
        req.uri.clear();
        let path = paths.next().map(String::as_bytes);
        req.uri.extend_from_slice(path.unwrap_or_default());
        assert!(matches!(find_location(&mut req, &http), Verdict::Declined));
        black_box(req.location);
    })
}

fn variables(runtime: &Runtime) {
    let named = "map $http_user_agent $phone { default 0; ~*iphone 1; ~*android 1; }\n\
        log_format all '$host $uri $request_uri $remote_addr $http_user_agent $arg_page $cookie_session $phone';\n\
        server { listen 80; access_log /dev/null all; add_header X-Time $time_local; return 204; }\n";
    let req = request(runtime, &load(&http(named)));
    let mut value = Vec::new();
    for name in [
        "host",
        "uri",
        "request_uri",
        "remote_addr",
        "http_user_agent",
        "arg_page",
        "cookie_session",
        "time_local",
        "phone",
    ] {
        let id = variable(&req, name);
        measure(&format!("variable ${name}"), || {
            value.clear();
            assert!(req.variable(id, &mut value));
            black_box(&value);
        });
    }
}

fn variable(req: &Request, name: &str) -> VarId {
    let mut all = (0..req.http.variables.len() as u32).map(VarId);
    let found = all.find(|id| req.http.variables.name(*id) == name.as_bytes());
    found.expect("a variable that the configuration has in use")
}

/// Lines as they are made and gathered; the share of each in the write(2) for many is included, to where nothing is kept.
fn lines(runtime: &Runtime) {
    let null = Path::new("/dev/null");
    let json = "log_format json escape=json '{\"at\":\"$time_iso8601\",\"from\":\"$remote_addr\",\"request\":\"$request\",\
        \"status\":$status,\"bytes\":$body_bytes_sent,\"seconds\":$request_time,\"agent\":\"$http_user_agent\"}';\n";
    for format in ["combined", "json"] {
        let server = format!("server {{ listen 80; access_log /dev/null {format}; return 204; }}");
        let req = request(runtime, &load(&http(&format!("{json}{server}"))));
        let opened = files::open(null).expect("/dev/null");
        let file = files::install(null, opened);
        measure(&format!("line of a log, {format}"), || {
            log::access(black_box(&req))
        });
        drop(file);
    }
}

/// A request that went through the phases of this configuration.
fn request(runtime: &Runtime, cycle: &Arc<Cycle>) -> Request {
    let worker = Worker::new(0, Arc::clone(cycle));
    let inet = |port| Peer::Inet(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let call = Call {
        listen: 0,
        local: inet(80),
        from: inet(50_000),
        proxied: false,
        tls: None,
        head: HEAD,
    };
    let run = rehearsal::run(&worker, call);
    let done = runtime.block_on(LocalSet::new().run_until(run));
    done.expect("a server that listens").req
}

fn http(inside: &str) -> String {
    format!("events {{ }}\nhttp {{\nserver_names_hash_max_size 65536;\n{inside}}}\n")
}

fn filled(pattern: &str, number: usize) -> Vec<String> {
    let one = |i: usize| pattern.replace("{}", &i.to_string());
    (0..number).map(one).collect()
}
