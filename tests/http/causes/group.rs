use super::{answers, told};
use crate::common::Server;
use crate::origin::{Act, Origin, ok};

#[test]
fn nobody_is_left() {
    let reset = Origin::start(|_, _| Act::Reset);
    let server = Server::http(&format!(
        "upstream app {{ server 127.0.0.1:1;\nserver 127.0.0.1:{}; server 127.0.0.1:%PORT2% down; }}\n\
         log_format e '$upstream_addr|$upstream_error|$upstream_error_stage';\n\
         server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/a.log e; location / {{ proxy_pass http://app; }} }}",
        reset.port
    ));
    assert_eq!(server.get("/").status, 502);
    assert_eq!(server.get("/").status, 502);
    server.wait_for_log("cause: no_live_upstreams");
    let log = server.read("error.log");
    let line = log
        .lines()
        .find(|l| l.contains("no_live_upstreams"))
        .unwrap();
    let (nginx_s, cause) = line
        .split_once(", cause: no_live_upstreams, hint: ")
        .unwrap();
    assert!(
        nginx_s.contains("no live upstreams while connecting to upstream"),
        "{line}"
    );
    let cause = super::generic(&server, cause).replace(&reset.port.to_string(), "RESET");
    // The clock may have moved on by a second.
    let cause = cause
        .replace("1s ago", "0s ago")
        .replace("in 10s", "in 11s");
    assert_eq!(
        cause,
        "\"no server of app (nginx.conf:3) can be asked: 127.0.0.1:1 failed 0s ago (connection_refused) and is \
         tried again in 11s; 127.0.0.1:RESET failed 0s ago (connection_reset) and is tried again in 11s; \
         127.0.0.1:PORT2 is marked down\""
    );
    crate::common::wait_until(
        || server.read("a.log").lines().count() == 2,
        || server.read("a.log"),
    );
    let lines =
        super::generic(&server, &server.read("a.log")).replace(&reset.port.to_string(), "RESET");
    assert_eq!(
        lines,
        "127.0.0.1:1, 127.0.0.1:RESET|connection_refused, connection_reset|connect, header\n\
         app|no_live_upstreams|connect\n"
    );
}

#[test]
fn everybody_is_busy() {
    let origin = Origin::start(|_, _| Act::Hang);
    let server = Server::http(&format!(
        "upstream app {{ server 127.0.0.1:{} max_conns=1; }}\n\
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://app; }} }}",
        origin.port
    ));
    let mut first = server.connect(0);
    std::io::Write::write_all(&mut first, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    crate::common::wait_until(
        || origin.requests().len() == 1,
        || String::from("not asked"),
    );
    assert_eq!(server.get("/").status, 502);
    assert_eq!(
        told(&server).replace(&origin.port.to_string(), "ORIGIN"),
        "max_conns_reached, hint: \"no server of app (nginx.conf:3) can be asked: 127.0.0.1:ORIGIN has 1 connections \
         (max_conns=1)\""
    );
}

#[test]
fn an_attempt_that_went_well_has_no_error() {
    let good = Origin::start(|_, _| Act::Send(ok("fine")));
    let bad = answers(b"");
    let server = Server::http(&format!(
        "upstream app {{ server 127.0.0.1:{bad}; server 127.0.0.1:{}; }}
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://app;
             add_header X-Error \"$upstream_error $upstream_error_stage\"; }} location /none {{ return 200 \"[$upstream_error]\"; }} }}",
        good.port
    ));
    let answer = server.get("/");
    assert_eq!(
        (answer.status, answer.header("x-error")),
        (200, Some("closed_before_answer, - header, -"))
    );
    assert_eq!(server.get("/none").text(), "[]");
}
