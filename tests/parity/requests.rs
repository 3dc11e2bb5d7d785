//! The core module at the wire: methods, what is no request, what keeps a connection, bodies and their limits.

use crate::harness::current;
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};

const SITE: &str = r#"
    client_max_body_size 8; keepalive_timeout 100ms; lingering_timeout 100ms; client_header_timeout 300ms; client_body_timeout 300ms;
    client_header_buffer_size 1k; large_client_header_buffers 2 1k;
    server { listen 127.0.0.1:%PORT0%; server_name a;
        root %DIR%/files;
        location / { }
        location /return { return 200 "$request_method $host $uri\n"; }
        location /big { client_max_body_size 0; return 200 big; }
        location /read { client_max_body_size 8; proxy_pass http://127.0.0.1:%ORIGIN0%; }
        location /read/all { client_max_body_size 100; proxy_pass http://127.0.0.1:%ORIGIN0%; }
        location /read/stream { proxy_request_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
        location /page { error_page 413 /too-big; proxy_pass http://127.0.0.1:%ORIGIN0%; }
        location /too-big { client_max_body_size 0; return 200 "too big\n"; }
        location /keep { keepalive_timeout 100ms 7; return 200 k; }
        location /keep/off { keepalive_timeout 0; return 200 k; }
        location /keep/one { keepalive_requests 1; return 200 k; }
        location /keep/disabled { keepalive_disable safari; return 200 k; }
        location /chunked/off { chunked_transfer_encoding off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
    }
    server { listen 127.0.0.1:%PORT0%; server_name b; ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
        location / { return 200 "[$http_x_y][$http_a_b][$uri][$request_uri]\n"; } }
"#;

fn pair() -> Option<Pair> {
    let pair = Pair::with_origins(&format!("{AS_NOW}{SITE}"), 1, |_, _, request| {
        if request.starts_with("GET /chunked/") {
            return Act::SendAndClose(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                    .to_vec(),
            );
        }
        Act::SendAndClose(ok("origin\n"))
    })?;
    pair.write("files/a.html", "a");
    pair.write("files/index.html", "index");
    Some(pair)
}

fn compare(requests: &[String]) {
    if let Some(pair) = pair() {
        pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn methods() {
    let mut requests = Vec::new();
    for method in [
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "PATCH",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "TRACE",
        "FOO",
        "A_B",
        "X-Y",
        "get",
        "GeT",
        "G3T",
        "",
        "GET\t",
        "PRI",
        "A-VERY-LONG-METHOD-NAME",
    ] {
        for path in ["/a.html", "/return", "/", "/none"] {
            requests.push(format!(
                "{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            ));
        }
    }
    let mut lines = vec!["OPTIONS * HTTP/1.1", "GET * HTTP/1.1"];
    if current() {
        // Older ones do not know the target of CONNECT.
        lines.extend(["CONNECT a:80 HTTP/1.1", "CONNECT / HTTP/1.1"]);
    }
    for line in lines {
        requests.push(format!("{line}\r\nHost: a\r\nConnection: close\r\n\r\n"));
    }
    compare(&requests);
}

#[test]
fn lines_that_are_no_request() {
    let lines = [
        "GET",
        "GET ",
        "GET /",
        "GET /return",
        "GET /return ",
        "GET /return  HTTP/1.1",
        "GET  /return HTTP/1.1",
        " GET /return HTTP/1.1",
        "GET /return HTTP/1.1 ",
        "GET /return HTTP/1.1 x",
        "HEAD /return",
        "HEAD /return?a=b",
        "GET /return HTTP/1.0",
        "GET /return HTTP/0.9",
        "GET /return HTTP/1.9",
        "GET /return HTTP/2.0",
        "GET /return HTTP/1.",
        "GET /return HTTP/1",
        "GET /return HTTP/",
        "GET /return HTTP",
        "GET /return http/1.1",
        "GET /return HTTP/1.11111",
        "GET /return HTTP/11.1",
        "GET /return HTTP/a.1",
        "GET /return HTTP/1.a",
        "GET /return HTTP /1.1",
        "GET return HTTP/1.1",
        "GET //return HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /%zz HTTP/1.1",
        "GET /% HTTP/1.1",
        "GET /%00 HTTP/1.1",
        "GET /.. HTTP/1.1",
        "GET /../x HTTP/1.1",
        "GET /a/../../x HTTP/1.1",
        "GET /return/%2e%2e/%2e%2e/ HTTP/1.1",
        "GET /return/./../return//x HTTP/1.1",
        "GET /return?a b HTTP/1.1",
        "GET http://a/return HTTP/1.1",
        "GET http://a HTTP/1.1",
        "GET http:///return HTTP/1.1",
        "GET http://a:80/return HTTP/1.1",
        "GET http://a:x/return HTTP/1.1",
        "GET http://[::1]/return HTTP/1.1",
        "GET http://[::1/return HTTP/1.1",
        "GET HTTP://a/return HTTP/1.1",
        "GET ftp://a/return HTTP/1.1",
        "GET 1x://a/return HTTP/1.1",
        "GET http://a?x HTTP/1.1",
        "GET http://a_b/return HTTP/1.1",
        "GET http://a/b@c HTTP/1.1",
        "GET http://u@a/return HTTP/1.1",
        "GET http://a%20b/return HTTP/1.1",
        "\r\nGET /return HTTP/1.1",
        "\r\n\r\nGET /return HTTP/1.1",
        "GET /return\\x HTTP/1.1",
        "GET /return\"<>{}|^` HTTP/1.1",
    ];
    let mut requests: Vec<String> = lines
        .iter()
        .map(|line| format!("{line}\r\nHost: a\r\nConnection: close\r\n\r\n"))
        .collect();
    if current() {
        // Older ones do not look at the port.
        requests.push(String::from(
            "GET http://a:99999/return HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        ));
    }
    requests.push(String::from("\u{16}\u{3}\u{1}\u{2}"));
    requests.push(String::from(
        "GET /return HTTP/1.1\nHost: a\nConnection: close\n\n",
    ));
    requests.push(format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
        "x".repeat(1100)
    ));
    requests.push(format!(
        "GET /return?{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "x".repeat(900)
    ));
    requests.push(format!(
        "GET /return HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(1100)
    ));
    requests.push(format!(
        "GET /return HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {0}\r\nY: {0}\r\n\r\n",
        "x".repeat(900)
    ));
    requests.push(format!(
        "GET /return HTTP/1.1\r\nHost: a\r\nX: {0}\r\nY: {0}\r\nZ: {0}\r\n\r\n",
        "x".repeat(900)
    ));
    compare(&requests);
}

#[test]
fn fields_that_are_none() {
    let fields = [
        "X-Y : 1",
        " X-Y: 1",
        "X Y: 1",
        "X-Y",
        ":1",
        ": ",
        "X_Y: 1",
        "A_B: 1",
        "X-Y: 1\r\n folded",
        "X-Y:",
        "X-Y:1",
        "X-Y:\t1\t",
        "X.Y: 1",
        "X/Y: 1",
        "X@Y: 1",
        "\u{e9}: 1",
        "X-Y: \u{e9}",
        "Host: b",
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 1x",
        "Content-Length:",
        "Content-Length: 1, 1",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nContent-Length: 1",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: Chunked",
        "Authorization: a\r\nAuthorization: b",
        "User-Agent: a\r\nUser-Agent: b",
        "Range: bytes=0-0\r\nRange: bytes=0-0",
        "If-Modified-Since: a\r\nIf-Modified-Since: b",
        "Expect: 100-continue",
        "Expect: x",
        "Upgrade: h2c",
        "Connection: x\r\nConnection: y",
    ];
    let mut requests = Vec::new();
    for host in ["a", "b"] {
        for field in fields {
            requests.push(format!("GET /return HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{field}\r\n\r\n0\r\n\r\n"));
        }
    }
    let mut hosts = vec![
        "", " ", "a:", "a/b", "a b", "a,b", "A", "a..b", "a.", "-a", "[::1]", "::1", "a%20b", "_a",
        "..", "*",
    ];
    if current() {
        // Since 1.29 these are no hosts.
        hosts.extend([
            "a:b", "[::1", "[::1]x", "a@b", "\u{e9}", "a\\b", "a?b", "a#b", "a:80:80",
        ]);
    }
    for host in hosts {
        requests.push(format!(
            "GET /return HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ));
    }
    requests.push(String::from(
        "GET //x//y HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
    ));
    compare(&requests);
}

#[test]
fn connections_that_stay() {
    let mut requests = Vec::new();
    for path in [
        "/return",
        "/keep",
        "/keep/off",
        "/keep/one",
        "/keep/disabled",
        "/none",
        "/a.html",
        "/read",
        "/chunked/off",
    ] {
        for (version, connection) in [
            ("1.1", ""),
            ("1.1", "Connection: close\r\n"),
            ("1.1", "Connection: keep-alive\r\n"),
            ("1.0", ""),
            ("1.0", "Connection: keep-alive\r\n"),
            ("1.0", "Connection: Keep-Alive, x\r\n"),
            ("1.1", "Connection: x, close\r\n"),
            ("1.1", "Connection: upgrade\r\n"),
        ] {
            requests.push(format!(
                "GET {path} HTTP/{version}\r\nHost: a\r\n{connection}\r\n"
            ));
        }
    }
    for agent in [
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows)",
        "Mozilla/5.0 (Mac OS X) AppleWebKit Safari/1",
        "Mozilla/5.0 (X) Chrome/1 Safari/1",
    ] {
        for path in ["/return", "/keep/disabled"] {
            for method in ["GET", "POST"] {
                requests.push(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n"));
            }
        }
    }
    requests.push(String::from("GET /return HTTP/1.1\r\nHost: a\r\n\r\nHEAD /return HTTP/1.1\r\nHost: a\r\n\r\nPOST /return HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /return HTTP/1.0\r\n\r\nGET /never HTTP/1.1\r\n\r\n"));
    requests.push(String::from("GET /return HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /return HTTP/1.1\r\nHost: a\r\n\r\nBAD\r\n\r\n"));
    requests.push(String::from(
        "GET /return HTTP/1.1\r\nHost: a\r\n\r\nGET /return HTTP/1.1\r\nHost:",
    ));
    requests.push(String::from("GET /return HTTP/1.1\r\nHost: a\r\n"));
    requests.push(String::from("GET /ret"));
    compare(&requests);
}

#[test]
fn bodies() {
    let mut requests = Vec::new();
    for path in [
        "/return",
        "/big",
        "/read",
        "/read/all",
        "/read/stream",
        "/page",
        "/none",
        "/a.html",
    ] {
        for (framing, body) in [
            ("Content-Length: 8", "12345678"),
            ("Content-Length: 9", "123456789"),
            ("Content-Length: 0", ""),
            ("Content-Length: 9\r\nExpect: 100-continue", ""),
            ("Content-Length: 9", ""),
            ("Transfer-Encoding: chunked", "8\r\n12345678\r\n0\r\n\r\n"),
            ("Transfer-Encoding: chunked", "9\r\n123456789\r\n0\r\n\r\n"),
            (
                "Transfer-Encoding: chunked",
                "5\r\n12345\r\n4\r\n6789\r\n0\r\n\r\n",
            ),
            (
                "Transfer-Encoding: chunked",
                "5;ext=1\r\n12345\r\n00\r\nTrailer: x\r\n\r\n",
            ),
            ("X: none", ""),
        ] {
            // What comes next shows whether the body was taken for what it is.
            requests.push(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}GET /return HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        }
    }
    for body in [
        "x\r\n",
        "5\r\n123456",
        "5\r\n12345x",
        "-1\r\n",
        "\r\n",
        "ffffffffffffffff\r\n",
        "5 \r\n12345\r\n0\r\n\r\n",
        "5\n12345\n0\n\n",
        "0\r\nX",
    ] {
        // Older ones take a line feed alone for a line's end.
        if body.starts_with("5\n") && !current() {
            continue;
        }
        requests.push(format!("POST /read/all HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    }
    compare(&requests);
}

#[test]
fn parts_that_come_late() {
    let Some(pair) = pair() else {
        return;
    };
    pair.same_parts(&[
        "GET /return HT",
        "TP/1.1\r\nHost: a\r\nConn",
        "ection: close\r\n\r",
        "\n",
    ]);
    pair.same_parts(&[
        "POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\n",
        "123",
        "456",
    ]);
    pair.same_parts(&["POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3", "\r\n123\r\n", "0\r", "\n\r\n"]);
    pair.same_parts(&["POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n", "123456"]);
    pair.same_parts(&[
        "GET /return HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /return HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ]);
}

#[test]
fn what_the_log_says_of_heads() {
    let Some(pair) = pair() else { return };
    let whole = |head: &str| format!("{head}\r\n\r\n");
    let heads = [
        whole("G\x01T / HTTP/1.1\r\nHost: a"),
        whole("GET / HTTP/3.0\r\nHost: a"),
        whole("GET /%zz HTTP/1.1\r\nHost: a"),
        whole(&format!("GET /{} HTTP/1.1\r\nHost: a", "x".repeat(2000))),
        whole("GET http://a_,b/ HTTP/1.1\r\nHost: a"),
        whole("GET / HTTP/1.1"),
        whole("GET / HTTP/1.1\r\nHost: a\r\nHost: b"),
        whole("GET / HTTP/1.1\r\nHost: a/b"),
        whole("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x"),
        whole("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x"),
        whole(&format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}",
            "x".repeat(2000)
        )),
        whole("GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\nConnection: close"),
        whole("GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\nX.Y: z\r\nConnection: close"),
        whole("TRACE / HTTP/1.1\r\nHost: a"),
        // The second request of two that were sent at once.
        whole("GET /return HTTP/1.1\r\nHost: a\r\n\r\nG\x01T / HTTP/1.1"),
        whole("GET /return HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a/b"),
        // Never completed.
        "GET / HT".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nX".to_owned(),
        // Nothing but the end of a line, as some clients send it behind a body.
        "\r\n".to_owned(),
        "\n\r\n".to_owned(),
    ];
    pair.same_each(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    pair.same_client_lines(heads.len());
}

#[test]
fn what_is_known_of_a_request_that_is_refused() {
    let site = r#"log_format f '"$request" $status $uri $args $is_args $host $server_name $request_uri $http_host $server_protocol $request_length';
        server { listen 127.0.0.1:%PORT0%; server_name a; access_log %DIR%/a.log f; error_page 400 /short; location /short { return 400 "a $args"; } }
        server { listen 127.0.0.1:%PORT0%; server_name b; access_log %DIR%/b.log f; error_page 400 /short; location /short { return 400 "b $args"; } }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    let mut requests = Vec::new();
    for line in [
        "GET /x?a=b http/1.1",
        "POST /x?a=b",
        "GET /x?a=b HTTP/1.",
        "GET /x?a=b HTTP/0.9",
        "GET /x?a=b HTTP/3.0",
        "GET /x?a=b Hello",
        "GET /x?a=b again HTTP/1.1",
        "GET /x#f?a=b HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET http://b/x#f?a=b HTTP/1.1",
        "GET /%zz?a=b HTTP/1.1",
        "GET /../x?a=b HTTP/1.1",
        "GET http://b/x?a=b HTTP/1.1",
        "GET http://b/%zz?a=b HTTP/1.1",
        "GET http://b..c/x?a=b HTTP/1.1",
        "GET /x?a=b HTTP/1.1",
    ] {
        for fields in [
            "Host: a b\r\n",
            "Host: b\r\nHost: b\r\n",
            "Host: b\r\nx y: z\r\n",
            "Host: b\r\nContent-Length: x\r\n",
            "X: y\r\n",
        ] {
            requests.push(format!("{line}\r\n{fields}Connection: close\r\n\r\n"));
        }
    }
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    pair.same_lines("a.log", 63);
    pair.same_lines("b.log", 13);
}
