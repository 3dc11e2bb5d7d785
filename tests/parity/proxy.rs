//! The proxy module: what the upstream is asked, and what becomes of its answers.

use crate::harness::{current, same_complaints};
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n{fields}\r\n")
}

fn compare(pair: &Pair, requests: &[String]) {
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn what_the_upstream_is_asked() {
    let site = r#"
        AS_NOW
        map $uri $none { default ""; }
        upstream group { server 127.0.0.1:%ORIGIN0%; }
        server { listen 127.0.0.1:%PORT0%; server_name h.test;
            location / { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /group/ { proxy_pass http://group; }
            location /to/ { proxy_pass http://127.0.0.1:%ORIGIN0%/base/; }
            location /bare { proxy_pass http://127.0.0.1:%ORIGIN0%/base; }
            location /root/ { proxy_pass http://127.0.0.1:%ORIGIN0%/; }
            location = /exact { proxy_pass http://127.0.0.1:%ORIGIN0%/other?x=1; }
            location ~ ^/re/(.*)$ { proxy_pass http://127.0.0.1:%ORIGIN0%/r/$1?was=$args; }
            location ~ ^/plain { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /var/ { proxy_pass http://127.0.0.1:%ORIGIN0%$request_uri; }
            location /varhost/ { set $up 127.0.0.1:%ORIGIN0%; proxy_pass http://$up; }
            location /varhost/uri/ { set $up 127.0.0.1:%ORIGIN0%; proxy_pass http://$up/fixed; }
            location /rewritten/ { rewrite ^/rewritten/(.*)$ /new/$1 break; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /rewritten/base/ { rewrite ^/rewritten/base/(.*)$ /new/$1?a=b break; proxy_pass http://127.0.0.1:%ORIGIN0%/base/; }
            location /named { try_files /none @named; }
            location @named { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /if { proxy_pass http://127.0.0.1:%ORIGIN0%; if ($arg_a) { proxy_pass http://group; } }
            location /except { limit_except GET { proxy_pass http://127.0.0.1:%ORIGIN0%; } return 200 own; }
            location /set/ { proxy_set_header Connection ""; proxy_set_header Host $host:81; proxy_set_header X-One "<$arg_a>"; proxy_set_header X-None $none; proxy_set_header Accept ""; proxy_set_header x-real-ip $remote_addr;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Length $content_length; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /set/nested/ { proxy_set_header Host nested; proxy_set_header X-Two 2; proxy_set_header Connection close; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /vars/ { proxy_set_header Host vars; proxy_set_header Connection ""; proxy_set_header X-Vars "$proxy_host|$proxy_port|$proxy_internal_body_length|$scheme|$server_port|$request_uri|$uri|$is_args$args"; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /method { proxy_method PUT; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /method/var { proxy_method $arg_m; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /nohead { proxy_pass_request_headers off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /nobody { proxy_pass_request_body off; proxy_set_header Host nobody; proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /body { proxy_set_body "a=$arg_a&b"; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /stream { proxy_request_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /old { proxy_http_version 1.0; proxy_set_header Host old; proxy_set_header Connection close; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /slashes { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location "/sp ace/" { proxy_pass http://127.0.0.1:%ORIGIN0%/to/; }
            location /escaped/ { proxy_pass http://127.0.0.1:%ORIGIN0%/a%20b/; }
            location /error { error_page 404 /group/error; return 404; }
        }"#;
    let Some(pair) = Pair::with_origins(&site.replace("AS_NOW", AS_NOW), 1, |_, _, _| {
        Act::SendAndClose(ok("x"))
    }) else {
        return;
    };
    let mut requests = Vec::new();
    for path in [
        "/",
        "/a?b=c",
        "/group/x?y",
        "/to/x",
        "/to/",
        "/to/x?y=%20",
        "/to/a%2fb/../c%20d/%c3%a9",
        "/to/%3f%23%25%00x",
        "/to/%3f%23%25",
        "/bare",
        "/barefoot?x",
        "/root/a/b",
        "/exact",
        "/exact?y",
        "/re/ab?c=d",
        "/re/",
        "/plain/a%2fb//c",
        "/var/a%20b?c",
        "/varhost/a%20b//c?d",
        "/varhost/uri/x?y",
        "/rewritten/a%20b?c",
        "/rewritten/base/x%3fy?c",
        "/named/x?y",
        "/if",
        "/if?a=1",
        "/except",
        "/set/x?a=%20b",
        "/set/nested/x",
        "/vars/a%20b?c=d",
        "/method",
        "/method/var?m=FOO",
        "/method/var",
        "/nohead",
        "/nobody",
        "/body?a=1",
        "/stream",
        "/old",
        "//slashes//x",
        "/sp%20ace/x%20y",
        "/escaped/x%20y",
        "/error?q",
        "/a;b=c,d:e@f&g=h+i$j!k*l'm(n)o",
        "/a\"<>\\^`{|}b",
        "/to/a\"<>\\^`{|}b",
        "/to/a+b&c;d:e@f,g=h",
        "/%7Ea",
        "/to/%7Ea~",
        "/./a/../b",
        "/to/./a/../b",
        "/?",
        "/to/?",
    ] {
        requests.push(get(path, ""));
    }
    let many = "Accept: a\r\nAccept: b\r\nX-Custom: 1\r\nx-custom: 2\r\nCookie: a=1\r\nCookie: b=2\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: x\r\nExpect: z\r\n\
        Transfer-Encoding: chunked\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\nX-Real-IP: spoofed\r\nX-Empty:\r\nIf-None-Match: \"a\"\r\nIf-Modified-Since: b\r\nRange: bytes=0-\r\nAuthorization: c\r\nX_Under: 1\r\nTrailer: t\r\n";
    for path in [
        "/",
        "/group/",
        "/set/",
        "/set/nested/",
        "/nohead",
        "/old",
        "/stream",
        "/body",
    ] {
        // Before 1.23 not all fields of one name were seen by $proxy_add_x_forwarded_for in the same way.
        if path != "/set/" || current() {
            requests.push(format!("POST {path} HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n{many}\r\n3\r\nabc\r\n0\r\n\r\n"));
        }
    }
    for path in [
        "/",
        "/method",
        "/nobody",
        "/body?a=2",
        "/stream",
        "/old",
        "/vars/",
        "/set/",
        "/if?a=1",
        "/except",
        "/named",
        "/error",
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "FOO"] {
            requests.push(format!("{method} {path} HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\nContent-Type: t/p\r\nContent-Length: 4\r\n\r\nbody"));
        }
        requests.push(format!(
            "HEAD {path} HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"
        ));
        requests.push(format!(
            "OPTIONS {path} HTTP/1.1\r\nHost: h.test:88\r\nConnection: close\r\n\r\n"
        ));
        requests.push(format!("GET {path} HTTP/1.0\r\n\r\n"));
        requests.push(format!(
            "GET http://h.test:99{path} HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n"
        ));
    }
    compare(&pair, &requests);
}

/// An answer by the last part of the path.
fn scripted(request: &str) -> Act {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let what = path.rsplit('/').next().unwrap_or_default();
    let what = what.split('?').next().unwrap_or_default();
    let port = request
        .split("Host: 127.0.0.1:")
        .nth(1)
        .and_then(|rest| rest.get(..5))
        .unwrap_or("80");
    let ok = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 4\r\n\r\nbody");
    let status = |line: &str, fields: &str| {
        format!("HTTP/1.1 {line}\r\n{fields}Content-Length: 5\r\n\r\nerror")
    };
    let answer = match what {
        "fields" => ok(
            "Server: up\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Pad: x\r\nX-Accel-Foo: y\r\nX-Hidden: 1\r\nX-Powered-By: me\r\nContent-Type: a/b\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nETag: \"e\"\r\n\
            Keep-Alive: 5\r\nConnection: x\r\nUpgrade: y\r\nVary: Accept\r\nVary: Cookie\r\nCache-Control: a\r\nCache-Control: b\r\nLink: l\r\nLink: m\r\nWWW-Authenticate: w\r\nAccept-Ranges: bytes\r\nP3P: p\r\nStatus: 7\r\n",
        ),
        "cookies" => ok(
            "Set-Cookie: a=1; Domain=up.test; Path=/up/x; HttpOnly\r\nSet-Cookie: b=2; path=/up; domain=.UP.test\r\nSet-Cookie: c=3\r\nSet-Cookie: d=4; Secure; SameSite=Lax; Max-Age=5; path=/other\r\nSet-Cookie: e\r\nSet-Cookie: f=6; Domain=other.test;Path=/up/;secure\r\n",
        ),
        "moved" => status(
            "302 Found",
            &format!("Location: http://127.0.0.1:{port}/base/next?x\r\n"),
        ),
        "moved-root" => status("301 Moved Permanently", "Location: /base/next\r\n"),
        "moved-away" => status("303 See Other", "Location: http://other.test/base/next\r\n"),
        "moved-case" => status("302 Found", "Location: HTTP://UP.test/x/y\r\n"),
        "refresh" => ok(&format!(
            "Refresh: 5; url=http://127.0.0.1:{port}/base/next\r\n"
        )),
        "created" => status(
            "201 Created",
            &format!("Location: http://127.0.0.1:{port}/base/new\r\n"),
        ),
        "204" => String::from("HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
        "304" => {
            String::from("HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n")
        }
        "400" => status("400 Bad", "X: y\r\n"),
        "401" => status("401 Unauthorized", "WWW-Authenticate: Basic realm=up\r\n"),
        "403" => status("403 Forbidden", ""),
        "404" => status("404 Not Found", "X: y\r\n"),
        "500" => status("500 Internal", ""),
        "503" => status("503 Busy", "Retry-After: 5\r\n"),
        "599" => status("599 Odd Text Here", ""),
        "206" => String::from(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\nbody",
        ),
        "200-no-text" => String::from("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx"),
        "to-close" => String::from("HTTP/1.1 200 OK\r\nX: y\r\n\r\nup to the end"),
        "old" => String::from("HTTP/1.0 200 OK\r\nX: y\r\n\r\nup to the end"),
        "chunked" => String::from(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7;x=y\r\nabcdefg\r\n0\r\nTrailer: t\r\n\r\n",
        ),
        "short" => String::from("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
        "long" => String::from("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nlonger"),
        "coded-twice" => ok("Content-Encoding: a\r\nX: y\r\ncontent-encoding: b\r\n"),
        "empty" => String::from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        "big" => format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}",
            "0123456789".repeat(10000)
        ),
        "internal" => ok(
            "X-Accel-Redirect: /private/page?z=1\r\nX-Up: 1\r\nContent-Type: up/type\r\nSet-Cookie: a=b\r\nCache-Control: no-cache\r\nContent-Disposition: attachment\r\nExpires: e\r\nLast-Modified: Tue, 14 Nov 2023 22:13:21 GMT\r\n",
        ),
        "internal-named" => ok("X-Accel-Redirect: @private\r\n"),
        "internal-none" => ok("X-Accel-Redirect: /nowhere\r\n"),
        "accel" => ok(
            "X-Accel-Expires: 5\r\nX-Accel-Buffering: no\r\nX-Accel-Limit-Rate: 100000\r\nX-Accel-Charset: koi8-r\r\nContent-Type: text/html\r\nExpires: x\r\nCache-Control: y\r\n",
        ),
        _ => ok("X-Else: 1\r\n"),
    };
    Act::SendAndClose(answer.into_bytes())
}

const ANSWERS: &[&str] = &[
    "fields",
    "cookies",
    "moved",
    "moved-root",
    "moved-away",
    "moved-case",
    "refresh",
    "created",
    "204",
    "304",
    "400",
    "401",
    "403",
    "404",
    "500",
    "503",
    "599",
    "206",
    "200-no-text",
    "to-close",
    "old",
    "chunked",
    "short",
    "long",
    "coded-twice",
    "empty",
    "big",
    "internal",
    "internal-named",
    "internal-none",
    "accel",
    "else",
];

#[test]
fn what_becomes_of_answers() {
    let site = r#"
        AS_NOW
        server { listen 127.0.0.1:%PORT0%; server_name h.test; root %DIR%/files;
            location /base/ { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /front/ { proxy_pass http://127.0.0.1:%ORIGIN0%/base/; }
            location /hide/ { proxy_hide_header X-Hidden; proxy_hide_header X-Powered-By; proxy_hide_header Set-Cookie; proxy_pass_header Server; proxy_pass_header Date; proxy_pass_header X-Pad; proxy_pass_header X-Accel-Redirect; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /ignore/ { proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset Expires Cache-Control Set-Cookie Vary; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /cookies/ { proxy_cookie_domain up.test front.test; proxy_cookie_path /up/ /front/; proxy_cookie_path ~*^/(oth).* /re/$1; proxy_cookie_flags a nosecure samesite=strict; proxy_cookie_flags ~[bd] secure nohttponly nosamesite; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /cookies/off/ { proxy_cookie_domain off; proxy_cookie_path off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /redirect/ { proxy_redirect http://127.0.0.1:%ORIGIN0%/base/ /back/; proxy_redirect ~*^http://up\.test/(.*)$ http://$host/$1; proxy_redirect /base/ /mine/; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /redirect/off/ { proxy_redirect off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /redirect/both/ { proxy_pass http://127.0.0.1:%ORIGIN0%/base/; proxy_redirect default; proxy_redirect http://other.test/ /theirs/; }
            location /intercept/ { proxy_intercept_errors on; error_page 404 /page; error_page 500 = /page; error_page 503 @private; error_page 401 /page; error_page 302 /page; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /intercept/none/ { proxy_intercept_errors on; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /unbuffered/ { proxy_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /small/ { proxy_buffers 2 1k; proxy_buffer_size 1k; proxy_busy_buffers_size 1k; proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /temporary/ { proxy_buffers 2 1k; proxy_buffer_size 1k; proxy_busy_buffers_size 1k; proxy_temp_path %DIR%/temporary; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /ranges/ { proxy_force_ranges on; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /variables/ { add_header X-Vars "$upstream_addr|$upstream_status|$upstream_http_server|$upstream_http_set_cookie|$upstream_cookie_a|$upstream_response_length|$upstream_http_x_none|$sent_http_location" always; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /private/ { internal; return 200 "private $uri $args $http_host\n"; }
            location @private { return 200 "named $uri\n"; }
            location /page { return 200 "page\n"; }
        }"#;
    let Some(pair) = Pair::with_origins(&site.replace("AS_NOW", AS_NOW), 1, |_, _, request| {
        scripted(request)
    }) else {
        return;
    };
    let mut requests = Vec::new();
    for place in [
        "base",
        "front",
        "hide",
        "ignore",
        "intercept",
        "intercept/none",
        "unbuffered",
        "variables",
    ] {
        for answer in ANSWERS {
            // Before 1.23 a variable had the first of several fields only.
            if place == "variables" && *answer == "cookies" && !current() {
                continue;
            }
            requests.push(get(&format!("/{place}/{answer}"), ""));
        }
    }
    requests.push(get("/cookies/cookies", ""));
    requests.push(get("/cookies/off/cookies", ""));
    for answer in [
        "moved",
        "moved-root",
        "moved-away",
        "moved-case",
        "refresh",
        "created",
    ] {
        for place in ["redirect", "redirect/off", "redirect/both"] {
            requests.push(get(&format!("/{place}/{answer}"), ""));
        }
    }
    for place in ["small", "temporary"] {
        for answer in ["big", "to-close", "chunked", "short", "long", "empty"] {
            requests.push(get(&format!("/{place}/{answer}"), ""));
        }
    }
    for answer in ["big", "chunked", "fields", "206", "404", "to-close"] {
        requests.push(get(&format!("/ranges/{answer}"), "Range: bytes=1-2\r\n"));
        requests.push(get(&format!("/base/{answer}"), "Range: bytes=1-2\r\n"));
    }
    for answer in ANSWERS {
        requests.push(format!(
            "HEAD /base/{answer} HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"
        ));
        requests.push(format!(
            "GET /base/{answer} HTTP/1.0\r\nHost: h.test\r\n\r\n"
        ));
        requests.push(format!("GET /base/{answer} HTTP/1.1\r\nHost: h.test\r\n\r\nGET /page HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"));
    }
    requests.push(get("/base/fields", "If-None-Match: \"e\"\r\n"));
    requests.push(get(
        "/base/fields",
        "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n",
    ));
    compare(&pair, &requests);
}

#[test]
fn upgraded_connections() {
    let site = r#"
        AS_NOW
        server { listen 127.0.0.1:%PORT0%;
            location / { proxy_set_header Host h; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /refused { proxy_set_header Host h; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            access_log %DIR%/access.log;
        }"#;
    let Some(pair) = Pair::with_origins(&site.replace("AS_NOW", AS_NOW), 1, |_, _, request| {
        if request.starts_with("GET /refused") {
            return Act::SendAndClose(ok("no"));
        }
        Act::Echo(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\nX-Other: y\r\n\r\nearly".to_vec())
    }) else {
        return;
    };
    let request = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\nSec-WebSocket-Key: k\r\n\r\n"
        )
    };
    pair.same_talk(
        &request("/"),
        "early",
        &["one", "two\0\u{1}", &"long ".repeat(5000)],
    );
    pair.same_talk(&(request("/") + "eager"), "early", &["one"]);
    pair.same(&request("/refused").replace("Connection: Upgrade", "Connection: Upgrade, close"));
    pair.same_shapes("access.log", 3);
}

#[test]
fn complaints() {
    same_complaints(
        &[
            "proxy_pass;",
            "proxy_pass x;",
            "proxy_pass ftp://a;",
            "proxy_pass http://;",
            "proxy_pass http:///x;",
            "proxy_pass http://127.0.0.1:99999;",
            "proxy_pass http://127.0.0.1:0;",
            "proxy_pass http://nosuch.invalid;",
            "proxy_pass http://127.0.0.1 x;",
            "proxy_pass http://127.0.0.1:1; proxy_pass http://127.0.0.1:1;",
            "proxy_pass http://unix:/x;",
            "proxy_pass http://unix:/x:/y;",
            "proxy_pass http://unix:;",
            "proxy_pass $nosuch;",
            "proxy_pass http://$nosuch;",
            "proxy_pass http://[::1;",
            "proxy_redirect off off;",
            "proxy_redirect default;",
            "proxy_pass http://$host; proxy_redirect default;",
            "proxy_redirect x;",
            "proxy_redirect ~( y;",
            "proxy_redirect off; proxy_redirect a b;",
            "proxy_redirect a b c;",
            "proxy_cookie_domain off off;",
            "proxy_cookie_domain x;",
            "proxy_cookie_path ~( x;",
            "proxy_cookie_path off; proxy_cookie_path a b;",
            "proxy_cookie_flags a foo;",
            "proxy_cookie_flags off x;",
            "proxy_cookie_flags a samesite=x;",
            "proxy_set_header X;",
            "proxy_set_header X $nosuch;",
            "proxy_set_header X a b;",
            "proxy_set_body;",
            "proxy_set_body a; proxy_set_body b;",
            "proxy_method;",
            "proxy_method $nosuch;",
            "proxy_http_version 2.5;",
            "proxy_http_version 1.2;",
            "proxy_hide_header;",
            "proxy_pass_header a b;",
            "proxy_ignore_headers Foo;",
            "proxy_ignore_headers Expires Expires;",
            "proxy_next_upstream foo;",
            "proxy_next_upstream off error;",
            "proxy_next_upstream error error;",
            "proxy_next_upstream_tries x;",
            "proxy_next_upstream_timeout x;",
            "proxy_connect_timeout x;",
            "proxy_connect_timeout 1s; proxy_connect_timeout 1s;",
            "proxy_read_timeout -1;",
            "proxy_send_timeout 1y;",
            "proxy_buffer_size x;",
            "proxy_buffers 1 4k;",
            "proxy_buffers 0 4k;",
            "proxy_buffers 8;",
            "proxy_busy_buffers_size 1k;",
            "proxy_busy_buffers_size 1m;",
            "proxy_max_temp_file_size 1;",
            "proxy_temp_file_write_size 1;",
            "proxy_temp_path %DIR%/a 1 2 3 4;",
            "proxy_temp_path %DIR%/a 0;",
            "proxy_buffering maybe;",
            "proxy_request_buffering maybe;",
            "proxy_intercept_errors maybe;",
            "proxy_bind x;",
            "proxy_bind 127.0.0.1 foo;",
            "proxy_bind off; proxy_bind off;",
            "proxy_headers_hash_max_size 1x;",
            "proxy_limit_rate x;",
            "proxy_force_ranges maybe;",
            "proxy_ignore_client_abort maybe;",
            "proxy_socket_keepalive maybe;",
            "proxy_pass_request_body maybe;",
            "proxy_pass_request_headers maybe;",
        ]
        .map(|line| format!("server {{ listen 127.0.0.1:2; location / {{ {line} }} }}"))
        .each_ref()
        .map(String::as_str),
    );
    same_complaints(&[
        "proxy_pass http://127.0.0.1:1;",
        "server { listen 127.0.0.1:2; proxy_pass http://127.0.0.1:1; }",
        "server { listen 127.0.0.1:2; location ~ x { proxy_pass http://127.0.0.1:1/x; } }",
        "server { listen 127.0.0.1:2; location @x { proxy_pass http://127.0.0.1:1/; } }",
        "server { listen 127.0.0.1:2; location / { if ($args) { proxy_pass http://127.0.0.1:1/; } } }",
        "server { listen 127.0.0.1:2; location / { limit_except GET { proxy_pass http://127.0.0.1:1/; } } }",
        "server { listen 127.0.0.1:2; location / { proxy_pass http://nosuch; } } upstream nosuch { server 127.0.0.1:1; }",
        "server { listen 127.0.0.1:2; location / { proxy_pass http://u:81; } } upstream u { server 127.0.0.1:1; }",
    ]);
}
