//! The lines of access logs.

use crate::harness::{current, same_complaints};
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};
use std::io::{Read, Write};
use std::net::Shutdown;

const FIELDS: &str = "Host: h.test:81\r\nConnection: close\r\nUser-Agent: a \"quoted\" \\ agent\r\n\
     Referer: http://there/?é\t\r\nCookie: sid=1; b=\"2\"\r\nX-Json: {\"a\":\"\\n</\"}\r\n\
     Authorization: Basic dTpw\r\n";

fn request(line: &str) -> String {
    format!("{line} HTTP/1.1\r\n{FIELDS}\r\n")
}

#[test]
fn formats() {
    let Some(pair) = Pair::with_origins(
        r#"
        NOW
        log_format plain '$remote_addr|$remote_user|$request|$status|$body_bytes_sent|$http_referer|$http_user_agent|'
            '$request_method|$request_uri|$uri|$args|$is_args|$query_string|$scheme|$server_protocol|$host|$http_host|'
            '$server_name|$server_addr|$content_length|$content_type|$request_length|$request_completion|$pipe|'
            '$connection_requests|$sent_http_content_type|$sent_http_content_length|$sent_http_x_a|$sent_http_location|'
            '$cookie_sid|$arg_a|$request_filename|$document_root|$limit_rate|$hostname|$binary_remote_addr|'
            '$http_x_json|$http_none|$upstream_addr|$upstream_status|$upstream_response_length|$upstream_bytes_sent|'
            '$upstream_http_content_type|$upstream_cookie_c|$proxy_host|$proxy_port|$request_body|$https|$dollar_less$';
        log_format json escape=json '{"a":"$http_user_agent","r":"$http_referer","j":"$http_x_json","n":"$http_none","q":"$request","c":"$http_cookie"}';
        log_format none escape=none '$http_user_agent|$http_referer|$http_x_json|$http_none|$remote_user';
        log_format default escape=default '$http_user_agent $http_referer $http_none';
        log_format multi '$status'
            " $uri" "-${args}x";
        server { listen 127.0.0.1:%PORT0%; server_name h.test; root %DIR%/files;
            set $dollar_less "";
            # Pages that do not name the product are of the same length.
            error_page 400 404 405 /short;
            location /short { return 200 short; }
            access_log %DIR%/plain.log plain;
            access_log %DIR%/json.log json;
            access_log %DIR%/none.log none;
            access_log %DIR%/default.log default;
            access_log %DIR%/multi.log multi;
            location / { add_header X-A a; }
            location /return { return 200 $args; }
            location /proxy { proxy_http_version 1.0; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /internal { error_page 404 = /return; return 404; }
            location /moved { error_page 302 /return; return 302 http://x/$args; }
            location /tail { return 444; }
        }"#
        .replace("NOW", AS_NOW).replace("|$dollar_less$", "|$dollar_less").as_str(),
        1,
        |_, _, _| {
            Act::SendAndClose(
                b"HTTP/1.0 200 OK\r\nContent-Type: a/b\r\nSet-Cookie: c=d\r\n\r\norigin".to_vec(),
            )
        },
    ) else {
        return;
    };
    pair.write("files/a.html", "some text");
    let requests: Vec<String> = [
        "GET /a.html?a=1&b=%20",
        "HEAD /a.html",
        "GET /return?x=1",
        "GET /proxy/x?y=z",
        "GET /%20é\"\\?\"'",
        "GET /internal",
        "GET /moved?x",
        "GET http://h.test/a.html?",
        "GET //a.html",
        "POST /a.html",
        "GET /tail",
    ]
    .iter()
    .map(|line| request(line))
    .collect();
    let mut requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    requests.extend([
        "GET /a.html\r\n",
        "POST /proxy HTTP/1.1\r\nHost: h.test\r\nContent-Type: t/p\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
        "GET /a.html HTTP/1.0\r\n\r\n",
        "GET /a.html HTTP/1.1\r\nHost: h\r\n\r\nHEAD /a.html HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "BAD\r\n\r\n",
        "GET /a.html HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        "GET /a.html HTTP/1.1\r\n\r\n",
        // A wrong host is judged where it stands: the log knows what came before it.
        "GET /a.html HTTP/1.1\r\nReferer: r\r\nHost: \r\nUser-Agent: a\r\n\r\n",
        "GET http://a/a.html HTTP/1.1\r\nReferer: r\r\nHost: a/b\r\nUser-Agent: a\r\n\r\n",
        "GET http://[a/a.html HTTP/1.1\r\nReferer: r\r\nHost: a\r\nUser-Agent: a\r\n\r\n",
    ]);
    pair.same_each(&requests);
    for log in ["plain", "json", "none", "default", "multi"] {
        pair.same_lines(&format!("{log}.log"), requests.len() + 1);
    }
}

#[test]
fn shapes_of_times_and_numbers() {
    let Some(pair) = Pair::with_origins(
        r#"
        log_format times '$time_local|$time_iso8601|$msec|$request_time|$connection|$pid|$upstream_response_time|'
            '$upstream_connect_time|$upstream_header_time|$remote_port|$server_port|$nginx_version|$connection_requests|$bytes_sent|$tcpinfo_rtt';
        NOW
        upstream dead { server 127.0.0.1:%PORT9%; server 127.0.0.1:%ORIGIN0%; }
        server { listen 127.0.0.1:%PORT0%;
            access_log %DIR%/times.log times;
            access_log %DIR%/combined.log;
            location / { return 200 x; }
            location /proxy { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /dead { proxy_pass http://127.0.0.1:%PORT9%; }
            location /both { proxy_pass http://dead; }
        }"#
        .replace("NOW", AS_NOW)
        .as_str(),
        1,
        |_, _, _| Act::SendAndClose(ok("x")),
    ) else {
        return;
    };
    let requests = ["GET /", "GET /proxy", "GET /dead", "GET /both"].map(request);
    pair.same_each(&requests.each_ref().map(String::as_str));
    pair.same_shapes("times.log", 4);
    pair.same_shapes("combined.log", 4);
}

#[test]
fn which_log() {
    let Some(pair) = Pair::start(
        r#"
        log_format short '$request_method $uri $status';
        map $status $loud { ~^[45] 1; default 0; }
        map $arg_a $empty { default $arg_a; }
        server { listen 127.0.0.1:%PORT0%; root %DIR%/files;
            access_log %DIR%/main.log short;
            location / { return 200; }
            location /off { access_log off; return 200; }
            location /own { access_log %DIR%/own.log short; return 200; }
            location /own/nested { return 200; }
            location /own/off/ { access_log off; location /own/off/on { access_log %DIR%/own.log short; return 200; } return 200; }
            location /if { access_log %DIR%/if.log short if=$loud; access_log %DIR%/if2.log short if=$empty; if ($arg_s) { return 404; } return 200; }
            location /buffered { access_log %DIR%/buffered.log short buffer=4k flush=10ms; return 200; }
            location /variable { access_log %DIR%/logs/$arg_a.log short; return 200; }
            location /missing { access_log %DIR%/logs/$arg_a.log short; root %DIR%/none; return 200; }
            location /iff { if ($arg_a) { access_log %DIR%/iff.log short; } return 200; }
            location /moved { rewrite ^ /own last; }
            location /error { error_page 404 /own; return 404; }
        }"#,
    ) else {
        return;
    };
    pair.write("logs/a.log", "");
    pair.write("files/x", "");
    let paths = [
        "/",
        "/off",
        "/own",
        "/own/nested",
        "/own/off/",
        "/own/off/on",
        "/if",
        "/if?s=1",
        "/if?a=1",
        "/if?a=0",
        "/if?a=1&s=1",
        "/buffered",
        "/variable?a=a",
        "/variable?a=none/b",
        "/missing?a=a",
        "/iff",
        "/iff?a=1",
        "/moved",
        "/error",
    ];
    for path in paths {
        pair.same(&request(&format!("GET {path}")));
    }
    for (file, count) in [
        ("main.log", 3),
        ("own.log", 4),
        ("if.log", 2),
        ("if2.log", 2),
        ("buffered.log", 1),
        ("logs/a.log", 1),
        ("iff.log", 1),
    ] {
        pair.same_lines(file, count);
    }
    pair.same_errors(1);
}

#[test]
fn complaints() {
    same_complaints(&[
        "log_format;",
        "log_format a;",
        "log_format a $nosuch;",
        "log_format a '$';",
        "log_format a '${x';",
        "log_format combined x;",
        "log_format a x; log_format a y;",
        "log_format a escape=xml x;",
        "log_format a escape=json;",
        "access_log;",
        "access_log off combined;",
        "access_log off off;",
        "access_log %DIR%/x.log nosuch;",
        "access_log %DIR%/x.log combined buffer=x;",
        "access_log %DIR%/x.log combined buffer=0;",
        "access_log %DIR%/x.log combined flush=1s;",
        "access_log %DIR%/x.log combined flush=x buffer=1k;",
        "access_log %DIR%/x.log combined gzip=10;",
        "access_log %DIR%/x.log combined gzip=0;",
        "access_log %DIR%/x.log combined gzip flush=1m;",
        "access_log %DIR%/x.log combined foo=1;",
        "access_log %DIR%/x.log combined if=;",
        "access_log %DIR%/x.log combined if=$nosuch;",
        "access_log %DIR%/x.log combined buffer=1k; access_log %DIR%/x.log combined;",
        "access_log %DIR%/x.log combined buffer=1k; access_log %DIR%/x.log combined buffer=2k;",
        "access_log %DIR%/$nosuch.log;",
        "access_log %DIR%/$host.log combined buffer=1k;",
        "access_log %DIR%/$host.log combined if=$host;",
        "access_log %DIR%/none/x.log;",
        "access_log memory:32k;",
        "error_log %DIR%/x.log nosuch;",
        "error_log;",
        "error_log %DIR%/x.log warn; error_log %DIR%/x.log warn;",
        "open_log_file_cache max=0;",
        "open_log_file_cache inactive=1s;",
        "open_log_file_cache max=10 inactive=x;",
        "open_log_file_cache max=10 foo;",
        "open_log_file_cache off;",
        "open_log_file_cache max=10; open_log_file_cache max=10;",
        "log_subrequest x;",
        "server { listen 127.0.0.1:2; log_format x y; }",
    ]);
}

/// What is counted of a body that comes chunked, and what is said where its framing is broken.
#[test]
fn chunked_bodies() {
    let Some(pair) = Pair::with_origins(
        r#"
        NOW
        log_format bodies '$request_uri|$status|$request_length|$content_length|$request_completion';
        server { listen 127.0.0.1:%PORT0%;
            access_log %DIR%/bodies.log bodies;
            client_max_body_size 100;
            location /read { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /stream { proxy_request_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /return { return 200 x; }
            location /none { return 404; }
            location /file { root %DIR%/files; error_page 405 =200 /file/a.html; }
        }"#
        .replace("NOW", AS_NOW)
        .as_str(),
        1,
        |_, _, _| Act::SendAndClose(ok("x")),
    ) else {
        return;
    };
    pair.write("files/file/a.html", "some text");
    let mut bodies = vec![
        "3;a=b\r\nabc\r\n0\r\nTrailer: field\r\n\r\n",
        "3\r\nabc\r\n00004\r\ndefg\r\n0\r\n\r\n",
        "0\r\n\r\n",
        "x\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
    ];
    if current() {
        // A line feed alone ended a line once.
        bodies.push("3\nabc\n0\n\n");
    }
    let mut count = 0;
    for path in ["/read", "/stream", "/return", "/file/a.html", "/none"] {
        for body in &bodies {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            );
            pair.same(&format!("{head}{body}"));
            count += 1;
            if path == "/read" || path == "/stream" {
                pair.same_parts(&[&head, body]);
                count += 1;
            }
        }
    }
    pair.same_lines("bodies.log", count);
    pair.same_errors(7 * (bodies.len() - 3));
}

#[test]
fn what_a_condition_refuses_is_not_complete() {
    let Some(pair) = Pair::start(
        r#"
        log_format f '$request $status $request_completion';
        server { listen 127.0.0.1:%PORT0%; root %DIR%/files; access_log %DIR%/f.log f;
            location /page/ { error_page 412 /page/none; }
            location /file/ { error_page 412 =200 /a.txt; }
        }"#,
    ) else {
        return;
    };
    for name in ["a.txt", "page/a.txt", "file/a.txt"] {
        pair.write(&format!("files/{name}"), "some text");
    }
    let mut count = 0;
    for method in ["GET", "HEAD"] {
        for path in ["/a.txt", "/page/a.txt", "/file/a.txt"] {
            for condition in [
                "If-Match: \"x\"",
                "If-None-Match: *",
                "Range: bytes=900-",
                "A: b",
            ] {
                pair.same(&format!(
                    "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{condition}\r\n\r\n"
                ));
                count += 1;
            }
        }
    }
    pair.same_lines("f.log", count);
}

/// What is said of connections that end while a request is waited for.
#[test]
fn connections_that_end_without_a_request() {
    let Some(pair) = Pair::start(
        "client_header_timeout 300ms; keepalive_timeout 300ms;
        server { listen 127.0.0.1:%PORT0%; location / { return 204; }
            location /quiet { error_log %DIR%/quiet.log notice; return 204; }
            location /own { error_log %DIR%/own.log info; return 204; } }",
    ) else {
        return;
    };
    pair.each(|site| drop(site.connect(0)));
    // One more comes of the wait for the start.
    pair.same_idle_lines(2);
    // In vain: nothing comes.
    pair.same("");
    pair.same_idle_lines(3);
    for (path, lines) in [("/", 4), ("/quiet", 4), ("/own", 4)] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        // Kept until time ends it, and closed by the client, which is told in the log of the last location.
        pair.same(&request);
        pair.each(|site| {
            let mut stream = site.connect(0);
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = [0; 16];
            stream.read_exact(&mut answer).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        pair.same_idle_lines(lines);
    }
    pair.same_shapes("own.log", 1);
}
