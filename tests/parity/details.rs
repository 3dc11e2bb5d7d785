//! What generated configurations, requests and answers brought to light: who ends a connection, who is told to go on,
//! what variables tell at the end, how lines of the error log end.

use crate::harness::current;
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};
use std::io::Read;
use std::time::Duration;

fn compare(pair: &Pair, requests: &[String]) {
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

/// A request on a connection that ends with it, with more fields.
fn with(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{fields}Connection: close\r\n\r\n")
}

#[test]
fn what_ends_a_connection_ends_it_for_good() {
    let site = r#"
        keepalive_timeout 100ms; lingering_timeout 100ms;
        server { listen 127.0.0.1:%PORT0%; root %DIR%/www;
            location / { }
            location /never { keepalive_timeout 0; rewrite ^/never/(.*)$ /$1; }
            location /first { keepalive_requests 1; error_page 404 /a; return 404; }
            location /try { keepalive_timeout 0; try_files /none /a; }
            location /if { if ($arg_x) { set $y 1; } set $z 1; }
            location /named { keepalive_disable safari; error_page 404 @named; }
            location @named { keepalive_disable none; return 200 "$http_connection"; }
        }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    pair.write("www/a", "a");
    let mut requests = Vec::new();
    for path in [
        "/a", "/never/a", "/never/b", "/first", "/try", "/if", "/if?x=1", "/named",
    ] {
        requests.push(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    let safari = "User-Agent: Mozilla/5.0 (Macintosh; Mac OS X) Safari/600\r\n";
    requests.push(format!("GET /named HTTP/1.1\r\nHost: h\r\n{safari}\r\n"));
    // Of several lines the last one that says anything decides.
    for lines in [
        &["close", "keep-alive"][..],
        &["keep-alive", "close"],
        &["upgrade", "close"],
        &["close", "upgrade"],
        &["TE", "x, close"],
        &["close, keep-alive"],
        &["keep-alive, close", "Keep-Alive"],
    ] {
        let lines: String = lines
            .iter()
            .map(|l| format!("Connection: {l}\r\n"))
            .collect();
        for version in ["1.0", "1.1"] {
            requests.push(format!("GET /a HTTP/{version}\r\nHost: h\r\n{lines}\r\n"));
        }
    }
    compare(&pair, &requests);
}

#[test]
fn who_is_told_to_go_on() {
    if !current() {
        return;
    }
    let site = format!(
        r#"{AS_NOW} client_body_temp_path %DIR%/in; proxy_temp_path %DIR%/out;
        server {{ listen 127.0.0.1:%PORT0%; root %DIR%/www;
            location / {{ gzip_static on; }}
            location /proxied {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /stream {{ proxy_request_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /gif {{ empty_gif; }}
            location /status {{ stub_status; }}
            location /page {{ error_page 404 405 /a; }}
            location /text {{ error_page 403 /return; return 403; }}
            location /return {{ return 200 text; }}
            location /denied {{ deny all; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| match request {
        r if r.contains("fails") => Act::Reset,
        _ => Act::Send(ok("origin\n")),
    }) else {
        return;
    };
    pair.write("www/a", "a");
    let fields = [
        "",
        "If-Match: \"x\"\r\n",
        "If-Unmodified-Since: Mon, 13 Nov 2000 22:13:20 GMT\r\n",
        "Range: bytes=9-\r\n",
        "Content-Length: 0\r\n",
    ];
    let mut requests = Vec::new();
    for path in [
        "/a",
        "/none",
        "/proxied",
        "/proxied/fails",
        "/stream/fails",
        "/gif",
        "/page",
        "/text",
        "/return",
        "/denied",
    ] {
        for fields in fields {
            for method in ["GET", "HEAD", "OPTIONS"] {
                requests.push(with(
                    method,
                    path,
                    &format!("Expect: 100-continue\r\n{fields}"),
                ));
            }
        }
    }
    requests.push(with(
        "GET",
        "/status",
        "Expect: 100-continue\r\nIf-Match: \"x\"\r\n",
    ));
    compare(&pair, &requests);
}

#[test]
fn what_logs_tell_at_the_end() {
    if !current() {
        return;
    }
    let site = format!(
        r#"{AS_NOW} client_body_temp_path %DIR%/in; proxy_temp_path %DIR%/out; client_header_timeout 300ms;
        log_format all escape=json '$request|$status|$request_method|$uri|$args|$request_uri|$request_length|$content_length|'
            '$request_body|$request_completion|$sent_http_last_modified|$sent_http_connection|$limit_rate|$http_if_range|'
            '$http_expect|$http_host';
        root %DIR%/www;
        server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/access.log all; error_page 400 404 /error;
            location / {{ limit_rate 1m; }}
            location /error {{ return 200 "$request_method $status\n"; }}
            location /proxied {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /unbuffered {{ proxy_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /stream {{ proxy_request_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /intercepted {{ proxy_request_buffering off; proxy_intercept_errors on; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /file {{ client_body_in_file_only clean; proxy_set_header Has $request_body_file-; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /gone {{ return 444; }}
        }}"#
    );
    let answer = |head: &str, body: &str| {
        let head = format!("HTTP/1.1 {head}\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
        Act::SendAndClose(format!("{head}{body}").into_bytes())
    };
    let Some(pair) = Pair::with_origins(&site, 1, move |_, _, request| {
        let is = |what: &str| {
            request
                .lines()
                .next()
                .is_some_and(|line| line.contains(what))
        };
        match () {
            () if is("fails") => Act::Reset,
            () if is("short") => answer("200 OK", "Content-Length: 9\r\n\r\nbody"),
            () if is("chunks") => {
                answer("200 OK", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n")
            }
            () if is("404") => answer("404 Not Found", "Content-Length: 4\r\n\r\nbody"),
            () if is("302") => answer("302 Found", "Location: /x\r\nContent-Length: 0\r\n\r\n"),
            // The name of the temporary file is each one's own.
            () if is("/file") => Act::Send(ok(&request.contains("Has: -\r\n").to_string())),
            () => answer("200 OK", "Content-Length: 4\r\n\r\nbody"),
        }
    }) else {
        return;
    };
    pair.write("www/a", "a");
    let mut requests = Vec::new();
    for base in ["/proxied", "/unbuffered", "/stream", "/intercepted"] {
        for what in ["/", "/short", "/chunks", "/404", "/302", "/fails"] {
            let path = format!("{base}{what}");
            requests.push(with("GET", &path, ""));
            requests.push(with("POST", &path, "Content-Length: 0\r\n"));
            requests.push(format!("GET {path} HTTP/1.0\r\n\r\n"));
            for body in ["0\r\n\r\n", "4\r\nbody\r\n0\r\n\r\n"] {
                requests.push(format!(
                    "{}{body}",
                    with("POST", &path, "Transfer-Encoding: chunked\r\n")
                ));
            }
        }
    }
    requests.push(with("POST", "/file", "Content-Length: 0\r\n"));
    requests.push(with("GET", "/file", ""));
    for path in ["/a", "/none", "/gone", "/error", "/"] {
        requests.extend(["GET", "HEAD"].map(|method| with(method, path, "")));
    }
    for bad in [
        "HEAD /a HTTP/1\r\n\r\n",
        "GET /a HTTP/1\r\n\r\n",
        "G!T /a HTTP/1.1\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a\r\n",
        "HEAD /a\r\n",
        "GET /none\r\n",
    ] {
        requests.push(bad.to_owned());
    }
    requests.push(with("GET", "/a", "If-Range: \"a\"\r\nIf-Range: \"b\"\r\n"));
    requests.push(with("GET", "/a", "Expect: a\r\nExpect: b\r\n"));
    requests.push(with("GET", "/a", "Host: other\r\n"));
    // Heads whose end does not come.
    for part in [
        "GET",
        "GET /a?b HTTP/1.1\r\n",
        "GET /a?b HTTP/1.1\r\nHost: h\r\nX-A",
        "\r\nPUT /x HTTP/1.0\r\nX: y\r\n",
    ] {
        requests.push(part.to_owned());
    }
    compare(&pair, &requests);
    pair.same_lines("access.log", requests.len());
}

#[test]
fn how_lines_of_the_error_log_end() {
    if !current() {
        return;
    }
    let site = format!(
        r#"{AS_NOW} log_format root "$realpath_root";
        server {{ listen 127.0.0.1:%PORT0%; root %DIR%/www;
            location / {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /root {{ root %DIR%/nowhere; access_log %DIR%/access.log root; return 200 x; }}
            location /asked {{ auth_request /500; }}
            location /again {{ internal; proxy_pass http://127.0.0.1:%ORIGIN0%/again; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let fields = match path {
            "/unsafe" => "X-Accel-Redirect: /../x",
            "/empty" => "X-Accel-Redirect:",
            "/cycle" | "/again" => "X-Accel-Redirect: /again",
            "/twice" => "Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: x",
            "/lengths" => "ETag: 1\r\nETag: 2\r\nContent-Length: 0\r\nContent-Length: 0",
            "/coding" => "Transfer-Encoding: gzip\r\nContent-Length: 0",
            "/length" => "Content-Length: x\r\nTransfer-Encoding: gzip",
            "/both" => "Transfer-Encoding: chunked\r\nContent-Length: 0",
            "/bad" => "Content-Length: x\r\nA B: c",
            "/500" => return Act::Send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec()),
            _ => "Content-Length: 0",
        };
        Act::SendAndClose(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").into_bytes())
    }) else {
        return;
    };
    let paths = [
        "/unsafe", "/empty", "/cycle", "/twice", "/lengths", "/coding", "/length", "/both", "/bad",
        "/root", "/asked",
    ];
    compare(&pair, &paths.map(|path| with("GET", path, "")));
    pair.same_errors(13);
}

/// Field lines that are overlooked are told of also where the head is refused or does not end.
#[test]
fn overlooked_lines_of_heads_that_come_to_nothing() {
    if !current() {
        return;
    }
    let site = "client_header_timeout 300ms; server { listen 127.0.0.1:%PORT0%; server_name h; location / { return 200 x; } }";
    let Some(pair) = Pair::start(site) else {
        return;
    };
    let head = "GET / HTTP/1.1\r\nHost: h\r\nA_B: 1\r\n";
    let requests = [
        format!("{head}Content-Length: x\r\n\r\n"),
        format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        format!("{head}X"),
        String::from("GET /%zz HTTP/1.1\r\nA_B: 1\r\nHost: h\r\n\r\n"),
    ];
    compare(&pair, &requests);
    // nginx writes these without the host, which is there already.
    pair.each(|site| {
        let log = site.read("error.log");
        assert_eq!(
            log.matches("client sent invalid header line: \"A_B: 1\"")
                .count(),
            3,
            "{log}"
        );
    });
}

#[test]
fn clients_that_go_away_while_an_upstream_is_waited_for() {
    let site = format!(
        r#"{AS_NOW} log_format one "$status $upstream_bytes_sent $upstream_status $request_completion";
        server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/access.log one;
            location / {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| match request {
        r if r.contains("/head") => Act::SendAndHang(b"HTTP/1.1 200 OK\r\nX".to_vec()),
        // More than nginx keeps back; the rest of the body does not come.
        r if r.contains("/body") => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n";
            Act::SendAndHang([&head[..], &[b'b'; 60_000]].concat())
        }
        _ => Act::Hang,
    }) else {
        return;
    };
    for (number, path) in ["/", "/head", "/body"].iter().enumerate() {
        let (ours, theirs) = pair.hold(&with("GET", path, ""));
        // What is not read would make a reset of the end.
        for mut stream in [&ours, &theirs] {
            stream
                .set_read_timeout(Some(Duration::from_millis(100)))
                .unwrap();
            let mut some = [0; 1024];
            while matches!(stream.read(&mut some), Ok(1..)) {}
        }
        drop((ours, theirs));
        pair.same_client_lines(number + 1);
        pair.same_lines("access.log", number + 1);
    }
}

#[test]
fn fields_that_are_for_one_block_alone() {
    let site = r#"
        server { listen 127.0.0.1:%PORT0%; add_header X-Server 1;
            location /off { add_header_inherit off; add_header X-Off 1; add_trailer T 1; add_trailer_inherit off;
                location /off/in { return 200 in; }
                location /off/own { add_header X-Own 1; return 200 own; }
                location /off/on { add_header_inherit on; return 200 on; }
                return 200 off; }
            location /merge { add_header_inherit merge; add_header X-Merge 1; location /merge/in { return 200 in; } return 200 merge; }
            location /if { add_header_inherit off; add_header X-If 1; if ($arg_a) { set $x 1; } return 200 if; }
        }"#;
    if !current() {
        return;
    }
    let Some(pair) = Pair::start(site) else {
        return;
    };
    let paths = [
        "/off",
        "/off/in",
        "/off/own",
        "/off/on",
        "/merge",
        "/merge/in",
        "/if",
        "/if?a=1",
    ];
    compare(&pair, &paths.map(|path| with("GET", path, "")));
}

#[test]
fn what_the_configuration_writes_may_go_up() {
    let site = r#"log_format q '"$args" "$query_string" $status';
        server { listen 127.0.0.1:%PORT0%; root %DIR%/site/public; access_log %DIR%/q.log q;
            error_page 404 /../pages/404.html;
            location / { }
            location /tried { try_files $uri /../pages/tried.html; }
            location /first { try_files /../pages/tried.html =404; }
            location /rewritten { rewrite ^ /sub/../../pages/tried.html break; }
            location /again { rewrite ^ /../pages/tried.html last; }
            location /sub/ { index ../index.txt; }
            location /none { try_files /none /args; }
            location /args { return 200 "[$args]"; }
            location /emptied { set $args ""; return 200 "[$args]"; }
            location /dropped { rewrite ^ /args? last; }
            location /kept { rewrite ^ /args last; }
            location /shown { error_page 404 /args; return 404; }
            set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; add_header X-Ip $remote_addr; }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    pair.each(|site| {
        site.write("site/pages/404.html", "not here");
        site.write("site/pages/tried.html", "tried");
        site.write("site/public/sub/file", "file");
        site.write("site/public/index.txt", "index");
    });
    let mut requests = Vec::new();
    for target in [
        "/nothing",
        "/tried",
        "/first",
        "/rewritten",
        "/again",
        "/sub/",
        "/sub/x",
        "/none",
        "/none?",
        "/none?x",
        "/args",
        "/args?",
        "/args?x",
        "/emptied?x",
        "/dropped?x",
        "/dropped",
        "/kept?x",
        "/kept",
        "/shown",
        "/shown?x",
    ] {
        requests.push(format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ));
    }
    for forwarded in [
        ",9.9.9.9",
        ",,9.9.9.9",
        " ,9.9.9.9",
        "9.9.9.9,",
        ",9.9.9.9, 8.8.8.8",
        "1.1.1.1 , 2.2.2.2",
    ] {
        requests.push(format!(
            "GET /args HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {forwarded}\r\nConnection: close\r\n\r\n"
        ));
    }
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    pair.same_lines("q.log", requests.len());
}
