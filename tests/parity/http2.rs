//! HTTP/2 without TLS: the same requests by a client that follows the rules.

use crate::common::wait_until;
use crate::h2_client::{Client, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, block};
use crate::harness::{current, same_complaints};
use crate::normal;
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};
use crate::talk::{Ask, get, talk};

/// The answers to requests on one connection must agree.
fn compare(pair: &Pair, asks: &[Ask]) {
    let [ours, theirs] = pair.each(|site| {
        let answers = talk(site.port(0), asks);
        let port = site.port(0).to_string();
        answers
            .iter()
            .map(|answer| normal::answer(answer.as_bytes()).replace(&port, "PORT0"))
            .collect::<Vec<_>>()
    });
    for ((ours, theirs), ask) in ours.iter().zip(&theirs).zip(asks) {
        assert_eq!(ours, theirs, "to {ask:?}");
    }
}

/// A GET with fields.
fn with<'a>(path: &'a str, fields: &'a str) -> Ask<'a> {
    Ask {
        fields,
        ..get(path)
    }
}

/// A POST with a body in pieces.
fn post<'a>(path: &'a str, body: &'a [&'a str]) -> Ask<'a> {
    Ask {
        method: "POST",
        body,
        ..get(path)
    }
}

fn method<'a>(method: &'a str, path: &'a str) -> Ask<'a> {
    Ask {
        method,
        ..get(path)
    }
}

#[test]
fn files_and_answers() {
    let Some(pair) = Pair::start(
        r#"
        map $status $logged { 400 0; 412 0; default 1; }
        # Pages about errors name the product.
        map $status $size { ~^2 $body_bytes_sent; default -; }
        log_format two '$request|$server_protocol|$http2|$status|$size|$request_length|$connection_requests|$request_completion|$http_cookie|$http_host|$host';
        types { text/html html; text/css css; }
        server { listen 127.0.0.1:%PORT0% http2; root %DIR%; access_log %DIR%/access.log two if=$logged;
            gzip_min_length 1; gzip_types text/css; gzip_vary on;
            location / { }
            location /return { add_header X-One 1; add_header x-two $http_two; return 200 "$request_method $uri $args $scheme"; }
            location /301 { return 301 /there; }
            location /302 { return 302 https://else.where/; }
            location /204 { return 204; }
            location /444 { return 444; }
            location /403 { deny all; }
            location /page { error_page 404 = /return?page; return 404; }
            location /chunk { http2_chunk_size 1k; try_files /large.html =404; }
            location /cookie { return 200 "$http_cookie $cookie_a $cookie_b"; }
            location /charset { charset utf-8; default_type text/plain; return 200 x; }
            location /if { if ($http_x) { return 418 "$http_x"; } return 200 none; }
            location /expires { expires 1h; try_files /a.html =404; }
        }"#,
    ) else {
        return;
    };
    pair.write("a.html", "a page");
    pair.write("b.css", "a { b: c; }");
    pair.write("large.html", &"0123456789".repeat(10_000));
    pair.write("empty.html", "");
    pair.write("dir/index.html", "index");
    compare(
        &pair,
        &[
            get("/a.html"),
            method("HEAD", "/a.html"),
            get("/b.css"),
            get("/large.html"),
            get("/empty.html"),
            method("HEAD", "/empty.html"),
            get("/dir"),
            get("/dir/"),
            get("/none"),
            method("HEAD", "/none"),
            get("/chunk"),
            with("/a.html", "range: bytes=1-3"),
            with("/a.html", "range: bytes=1-2,4-"),
            with("/a.html", "range: bytes=100-"),
            with(
                "/a.html",
                "if-modified-since: Tue, 14 Nov 2023 22:13:20 GMT",
            ),
            with("/a.html", "if-none-match: *"),
            with("/a.html", "if-match: \"x\""),
            method("PUT", "/a.html"),
            method("OPTIONS", "/a.html"),
            method("DELETE", "/return"),
        ],
    );
    compare(
        &pair,
        &[
            with("/return/a%20b?c=d&e", "two: 2"),
            with("/return", "host: other.example:81\ntwo: 2"),
            get("/return/../301"),
            get("/301"),
            with("/301", "host: Name.Example:99"),
            get("/302"),
            get("/204"),
            get("/444"),
            get("/403"),
            get("/page"),
            with("/cookie", "cookie: a=1\ncookie: b=2"),
            get("/charset"),
            with("/if", "x: y"),
            get("/if"),
            get("/%00"),
            get("/%zz"),
            get("/../up"),
            get("//double//slash"),
            with("/return", "accept: */*\naccept: text/html\ntwo: 1"),
            with("/return", "under_score: 1"),
            with("/return", "referer: a\nuser-agent: b"),
            with("/return", "content-length: 0"),
            with("/return", "expect: 100-continue"),
            post("/return", &["body"]),
            post("/return", &["in ", "pieces"]),
            post("/return", &[""]),
            post("/a.html", &["body"]),
        ],
    );
    pair.same_lines("access.log", 43);
}

#[test]
fn through_to_an_origin() {
    let Some(pair) = Pair::with_origins(
        &r#"
        NOW
        client_body_buffer_size 1k;
        server { listen 127.0.0.1:%PORT0% http2;
            location / { proxy_pass http://127.0.0.1:%ORIGIN0%; SET Host here; }
            location /unbuffered { proxy_pass http://127.0.0.1:%ORIGIN0%; SET Host here; proxy_request_buffering off; }
            location /host { proxy_pass http://127.0.0.1:%ORIGIN0%; SET Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }
            location /limited { proxy_pass http://127.0.0.1:%ORIGIN0%; SET Host here; client_max_body_size 4; }
            location /cut { proxy_pass http://127.0.0.1:%ORIGIN1%; SET Host here; }
            location /stream { proxy_pass http://127.0.0.1:%ORIGIN2%; SET Host here; proxy_buffering off; }
            location /odd { proxy_pass http://127.0.0.1:%ORIGIN3%; SET Host here; }
        }"#
        .replace("NOW", AS_NOW)
        .replace("SET", "proxy_set_header Connection ''; proxy_set_header"),
        4,
        |number, _, request| match number {
            0 => Act::Send(ok(request)),
            1 => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345".to_vec()),
            2 => Act::Pieces(vec![
                b"HTTP/1.1 201 Made\r\nX-A: 1\r\n\r\nfirst ".to_vec(),
                b"second".to_vec(),
            ]),
            _ => Act::SendAndClose(
                b"HTTP/1.1 200 Fine\r\nConnection: close\r\nKeep-Alive: 1\r\nServer: mine\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: a\tb\r\nContent-Type: text/odd; charset=x\r\nContent-Length: 2\r\n\r\nok"
                    .to_vec(),
            ),
        },
    ) else {
        return;
    };
    let large = "x".repeat(5000);
    let body = [&large[..], "y", &large];
    compare(
        &pair,
        &[
            with(
                "/path?query",
                "accept: a\naccept: b\ncookie: a=1\ncookie: b=2\nx-y: z\nte: trailers",
            ),
            method("HEAD", "/"),
            method("DELETE", "/x"),
            with("/host", "host: Name.Example:1234"),
            post("/", &["short"]),
            post("/", &["in ", "pieces"]),
            post("/", &body),
            post("/", &[""]),
            post("/limited", &["1234"]),
            post("/limited", &["123456"]),
            Ask {
                fields: "content-length: 9",
                ..post("/", &["in ", "pieces"])
            },
            Ask {
                fields: "content-length: 9",
                ..post("/unbuffered", &["in ", "pieces"])
            },
            Ask {
                fields: "content-length: 0",
                ..get("/unbuffered")
            },
            get("/stream"),
            get("/odd"),
        ],
    );
}

/// How much of an answer is body, whatever stands around it.
#[test]
fn bodies_with_trailers() {
    let Some(pair) = Pair::start(
        r#"log_format size '$request|$status|$body_bytes_sent';
        server { listen 127.0.0.1:%PORT0% http2; root %DIR%; access_log %DIR%/access.log size;
            add_trailer x y; location /return { return 200 text; } location /444 { return 444; } }"#,
    ) else {
        return;
    };
    pair.write("six.html", "123456");
    pair.write("large.html", &"0123456789".repeat(5000));
    pair.write("empty.html", "");
    let asks = [
        get("/six.html"),
        get("/large.html"),
        get("/empty.html"),
        method("HEAD", "/six.html"),
        with("/six.html", "if-none-match: *"),
        get("/return"),
        get("/444"),
    ];
    compare(&pair, &asks);
    pair.same_lines("access.log", asks.len());
    // Nothing is said about what the server wants so.
    pair.same_client_lines(0);
}

#[test]
fn complaints() {
    same_complaints(&[
        "http2_recv_buffer_size 16;",
        "http2_recv_buffer_size x;",
        "http2_pool_size 64;",
        "http2_pool_size 1001;",
        "http2_body_preread_size 2049m;",
        "http2_streams_index_size 3;",
        "http2_streams_index_size 0;",
        "http2_chunk_size 0;",
        "http2_chunk_size 1k; http2_chunk_size 2k;",
        "http2_max_concurrent_streams -1;",
        "server { http2_recv_buffer_size 64k; }",
        "server { location / { http2_body_preread_size 1k; } }",
        "http2_max_field_size 1k;",
        "http2_max_header_size 1k;",
        "http2_max_requests 10;",
        "http2_recv_timeout 10;",
        "http2_idle_timeout 10;",
    ]);
    if crate::harness::current() {
        same_complaints(&[
            "http2 on; http2 on;",
            "http2 maybe;",
            "server { location / { http2 on; } }",
            "http2_push /x;",
            "http2_push_preload on;",
            "http2_max_concurrent_pushes 10;",
            "server { listen 127.0.0.1:%PORT0% http2; http2 off; }",
            "server { listen 127.0.0.1:%PORT0% http2; } server { listen 127.0.0.1:%PORT0%; }",
        ]);
    }
}

/// Lines of the error log about heads, and what variables tell of a request that is refused for its head.
#[test]
fn heads_that_are_refused() {
    if !current() {
        return;
    }
    let Some(pair) = Pair::start(
        r#"log_format all '$request|$status|$uri|$args|$request_uri|$host';
        server { listen 127.0.0.1:%PORT0%; http2 on; access_log %DIR%/access.log all;
            location / { return 200 x; } }"#,
    ) else {
        return;
    };
    let asks = [
        with("/plain?a=b", "x_y: 1\r\na: 1"),
        method("TRACE", "/trace?a"),
        with("/two", "if-match: a\r\nif-match: b"),
    ];
    compare(&pair, &asks);
    pair.same_lines("access.log", asks.len());
    // nginx writes the first and the last of these before the host is at hand.
    let lines = pair.each(|site| {
        let log = site.read("error.log");
        let ends = " while reading client request headers, client: 127.0.0.1, server: , request: ";
        log.lines()
            .filter_map(|line| Some(line.split_once(": *")?.1.split_once(' ')?.1))
            .filter_map(|line| Some(line.split_once(ends)?.0.to_owned()))
            .collect::<Vec<_>>()
    });
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[0].len(), 3);
}

/// Heads that no HTTP library would send, each on a connection of its own.
#[test]
fn odd_heads() {
    if !current() {
        return;
    }
    let Some(pair) = Pair::start(
        r#"log_format all '$status|$request_uri|$args|$http_x|$body_bytes_sent';
        server { listen 127.0.0.1:%PORT0%; http2 on; access_log %DIR%/access.log all;
            location / { return 200 "$request_uri|$uri|$args|$request|$host|$http_x|$http_te"; } }"#,
    ) else {
        return;
    };
    type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;
    let base: Fields = vec![
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"a"),
    ];
    let with = |name: &'static [u8], value: &'static [u8]| {
        let mut fields = base.clone();
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
        fields
    };
    let heads = [
        with(b":path", b"/\xe9"),
        with(b":path", b"/x?q=\xe9"),
        with(b":path", b"/\xc3\xa9?\xff#\xfe"),
        with(b":path", b"/x#y"),
        with(b":path", b"/x?a#y?b"),
        with(b":path", b"/<>\"{}|\\^`"),
        with(b":path", b"/a b"),
        with(b":path", b"/\x01"),
        with(b":path", b"/\x7f"),
        with(b":path", b"/\0"),
        with(b":path", b"/x\r\ny"),
        with(b":path", b""),
        with(b":path", b"x"),
        with(b":path", b"*"),
        with(b":path", b"http://a/"),
        with(b":method", b"G ET"),
        with(b":method", b"G\"T"),
        with(b":method", b"get"),
        with(b":method", b"G\xe9"),
        with(b":method", b""),
        with(b":method", b"CONNECT"),
        with(b":scheme", b""),
        with(b":scheme", b"1x"),
        with(b":scheme", b"a+b-c.1"),
        with(b":scheme", b"a_b"),
        with(b":authority", b"\xe9"),
        with(b":authority", b"a b"),
        with(b":authority", b"u@a"),
        with(b":authority", b""),
        with(b":authority", b"A:81"),
        with(b":authority", b"a:x"),
        with(b":status", b"200"),
        with(b":protocol", b"websocket"),
        with(b":PATH", b"/"),
        with(b"x", b"a\0b"),
        with(b"x", b"a\rb"),
        with(b"x", b"a\nb"),
        with(b"x", b"\xe9\xff"),
        with(b"x", b" a "),
        with(b"X", b"1"),
        with(b"x y", b"1"),
        with(b"x:", b"1"),
        with(b"x\xe9", b"1"),
        with(b"x(", b"1"),
        with(b"connection", b"close"),
        with(b"keep-alive", b"1"),
        with(b"transfer-encoding", b"chunked"),
        with(b"upgrade", b"h2c"),
        with(b"te", b"gzip"),
        with(b"te", b"trailers"),
        with(b"te", b"Trailers"),
        with(b"host", b"a"),
        with(b"host", b"b"),
        with(b"content-length", b"x"),
        with(b"content-length", b""),
        with(b"content-length", b"5"),
        with(b"content-length", b"0"),
        base[..3].to_vec(),
        base[..2].to_vec(),
        base[1..].to_vec(),
        vec![base[0], base[2], base[3]],
        vec![(b":method", b"CONNECT"), base[3]],
        vec![base[3], base[2], base[1], base[0]],
        vec![base[0], base[1], base[2], (b"x", b"1"), base[3]],
        vec![base[0], base[0], base[1], base[2], base[3]],
        vec![base[0], base[1], base[1], base[2], base[3]],
        vec![base[0], base[1], base[2], base[2], base[3]],
        vec![base[0], base[1], base[2], base[3], base[3]],
        [&base[..3], &[(b"host", b"a"), (b"host", b"b")]].concat(),
        [&base[..], &[(b"te", b"trailers"), (b"te", b"trailers")]].concat(),
        [
            &base[..],
            &[(b"content-length", b"0"), (b"content-length", b"0")],
        ]
        .concat(),
    ];
    let [ours, theirs] = pair.each(|site| {
        let answer = |fields: &Fields| {
            let mut client = Client::on(site.connect(0), &[]);
            client.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields));
            let (status, body) = client.response(1);
            match status {
                200 => format!("200 {}", body.escape_ascii()),
                _ => status.to_string(),
            }
        };
        heads.iter().map(answer).collect::<Vec<_>>()
    });
    for ((ours, theirs), head) in ours.iter().zip(&theirs).zip(&heads) {
        let shown: Vec<_> = head
            .iter()
            .map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()))
            .collect();
        assert_eq!(ours, theirs, "to {shown:?}");
    }
    let [ours, theirs] = pair.each(|site| {
        let ends = " while reading client request headers, client: 127.0.0.1, server: ";
        let log = site.read("error.log");
        log.lines()
            .filter_map(|line| Some(line.split_once(": *")?.1.split_once(' ')?.1))
            .filter_map(|line| Some(line.split_once(ends)?.0.to_owned()))
            .collect::<Vec<_>>()
    });
    assert_eq!(ours, theirs);
}

/// What the error log says of bodies that do not come as they should.
#[test]
fn bodies_that_fail() {
    if !current() {
        return;
    }
    let Some(pair) = Pair::start(
        r#"log_format one '$request|$status'; client_max_body_size 100;
        server { listen 127.0.0.1:%PORT0%; http2 on; access_log %DIR%/access.log one; server_name a;
            location / { proxy_pass http://127.0.0.1:%PORT1%; } location /none { return 200; } }
        server { listen 127.0.0.1:%PORT1%; access_log off; location / { return 200 up; } }"#,
    ) else {
        return;
    };
    let head = |path: &str, length: Option<&str>| {
        let mut fields = vec![
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "a"),
        ];
        fields.extend(length.map(|length| ("content-length", length)));
        block(&fields)
    };
    let cancel = |code: u8| (RST_STREAM, 0, vec![0, 0, 0, code]);
    let data = |flags, length| (DATA, flags, vec![b'x'; length]);
    let cases = [
        ("/a", None, vec![data(0, 3), cancel(8)]),
        ("/b", Some("9"), vec![data(0, 3), cancel(2)]),
        ("/c", Some("9"), vec![cancel(5)]),
        ("/d", None, vec![data(0, 3)]),
        ("/e", Some("9"), vec![data(END_STREAM, 5)]),
        ("/f", Some("9"), vec![data(0, 2), data(END_STREAM, 3)]),
        ("/g", Some("3"), vec![data(END_STREAM, 5)]),
        ("/h", Some("102"), vec![data(END_STREAM, 102)]),
        ("/i", None, vec![data(END_STREAM, 102)]),
        ("/j", None, vec![data(0, 60), data(END_STREAM, 60)]),
        ("/k", Some(""), vec![data(END_STREAM, 3)]),
        ("/none/a", Some("9"), vec![data(END_STREAM, 5)]),
        ("/none/b", Some("3"), vec![data(END_STREAM, 5)]),
    ];
    let [ours, theirs] = pair.each(|site| {
        for (path, length, frames) in &cases {
            let mut client = Client::on(site.connect(0), &[]);
            // The request is there before its body, which is cut to pieces for each to be seen.
            client.send(HEADERS, END_HEADERS, 1, &head(path, *length));
            for (kind, flags, payload) in frames {
                std::thread::sleep(std::time::Duration::from_millis(20));
                client.send(*kind, *flags, 1, payload);
            }
            let ended = frames.iter().any(|f| f.1 & END_STREAM != 0);
            match ended {
                true => drop(client.until(|f| f.stream == 1 && f.kind == HEADERS)),
                false => client.stream.shutdown(std::net::Shutdown::Write).unwrap(),
            }
            let logged = || site.read("access.log").contains(&format!("POST {path} "));
            wait_until(logged, || format!("{path} is not logged"));
        }
        let log = site.read("error.log");
        let port = site.port(0).to_string();
        let lines = log
            .lines()
            .filter_map(|line| line.split_once(": *")?.1.split_once(' '));
        let lines = lines.map(|(_, line)| line.split(", cause: ").next().unwrap_or(line));
        let own: Vec<_> = lines
            .filter(|line| line.starts_with("client ") && !line.contains("keepalive connection"))
            .map(|line| line.replace(&port, "PORT"))
            .collect();
        (own, site.read("access.log"))
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.0.len(), 16, "{:#?}", ours.0);
}

/// Connections that begin like HTTP/2 and do not go on so.
#[test]
fn prefaces_that_are_none() {
    if !current() {
        return;
    }
    let Some(pair) = Pair::start(
        r#"log_format one '$request|$status';
        server { listen 127.0.0.1:%PORT0%; http2 on; access_log %DIR%/access.log one; return 200 x; }"#,
    ) else {
        return;
    };
    let answers = pair.each(|site| {
        let answer = |bytes: &&[u8]| {
            use std::io::{Read, Write};
            let mut stream = site.connect(0);
            stream.write_all(bytes).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all);
            normal::answer(&all)
        };
        let all = [
            &b"PRI * HTTP"[..],
            b"P",
            b"PRI * HTTP/2.0\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n",
            b"PRI * HTTP/2.0\r\n\r\nxxxxxxxx",
        ];
        all.iter().map(answer).collect::<Vec<_>>()
    });
    assert_eq!(answers[0], answers[1]);
    pair.same_idle_lines(4);
    pair.same_lines("access.log", 1);
}
