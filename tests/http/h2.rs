//! HTTP/2: requests like any other, several at once, with and without TLS.

use crate::common::authority::Authority;
use crate::common::{Server, Site, http, wait_until};
use crate::h2_client::*;
use crate::h2_talk::{Ask, get as ask, talk};
use crate::origin::{Act, Origin, ok};
use rustix::process::Signal;
use std::io::Write;
use std::process::Command;

const LOG: &str = "log_format two '$request|$server_protocol|$http2|$status|$body_bytes_sent|$request_length|$connection_requests|$request_completion';";

fn server(inside: &str) -> Server {
    Server::http(&format!(
        "{LOG} http2 on; server {{ listen 127.0.0.1:%PORT0%; root %DIR%; access_log %DIR%/access.log two; {inside} }}"
    ))
}

/// What of an answer follows its head.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["-s", "--max-time", "20"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn both_versions_on_one_address() {
    let server = server("location / { return 200 '$http2 $server_protocol $request'; }");
    let url = format!("http://127.0.0.1:{}/x", server.port(0));
    assert_eq!(curl(&["--http1.1", &url]), " HTTP/1.1 GET /x HTTP/1.1");
    assert_eq!(
        curl(&["--http2-prior-knowledge", &url]),
        "h2c HTTP/2.0 GET /x HTTP/2.0"
    );
    // What begins like the preface and is none is HTTP/1.1.
    assert!(
        server
            .raw(0, b"PRI * HTTP/2.0\r\n\r\nxxxxxxxx")
            .starts_with(b"HTTP/1.1 400")
    );
    assert!(
        server
            .raw(0, b"PRIME / HTTP/1.0\r\n\r\n")
            .starts_with(b"HTTP/1.1 200")
    );
}

#[test]
fn a_preface_in_pieces() {
    let server = server("location / { return 200 ok; }");
    let mut client = Client {
        stream: server.connect(0),
    };
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
        client.stream.set_nodelay(true).unwrap();
        client.write(&[*byte]);
    }
    for byte in [
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &get("/")),
    ]
    .concat()
    {
        client.write(&[byte]);
    }
    assert_eq!(client.response(1), (200, b"ok".to_vec()));
}

#[test]
fn only_where_it_is_wanted() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%; return 200 one; }
         server { listen 127.0.0.1:%PORT1%; http2 on; server_name on; return 200 on; }
         server { listen 127.0.0.1:%PORT1%; server_name off; return 200 off; }
         server { listen 127.0.0.1:%PORT2% http2; return 200 old; }",
    );
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert!(server.raw(0, preface).starts_with(b"HTTP/1.1 400"));
    let hosts = [
        Ask {
            fields: "host: on",
            ..ask("/")
        },
        Ask {
            fields: "host: off",
            ..ask("/")
        },
    ];
    let answers = talk(server.port(1), &hosts);
    assert_eq!(body(&answers[0]), "on");
    assert!(answers[1].starts_with("HTTP/1.1 421"), "{answers:?}");
    assert_eq!(body(&talk(server.port(2), &[ask("/")])[0]), "old");
}

#[test]
fn over_tls_by_agreement() {
    let site = Site::new(&http(&format!(
        "{LOG} server {{ listen 127.0.0.1:%PORT0% ssl; http2 on; server_name a.example;
             ssl_certificate a.crt; ssl_certificate_key a.key; root %DIR%;
             location = / {{ return 200 '$http2 $scheme $ssl_alpn_protocol'; }} }}"
    )));
    let authority = Authority::new("The authority");
    let issued = authority.issue(&["a.example"]);
    site.write("ca.crt", &authority.certificate);
    site.write("a.crt", &issued.certificate);
    site.write("a.key", &issued.key);
    for number in 0..50 {
        site.write(
            &format!("asset{number}"),
            &number.to_string().repeat(20_000),
        );
    }
    let server = Server::start(site);
    let port = server.port(0).to_string();
    let to = format!("a.example:{port}:127.0.0.1");
    let (ca, url) = (server.path("ca.crt"), format!("https://a.example:{port}/"));
    let base = ["--cacert", ca.to_str().unwrap(), "--resolve", &to];
    let fetch = |more: &[&str]| curl(&[&base[..], more].concat());
    assert_eq!(fetch(&["--http2", &url]), "h2 https h2");
    assert_eq!(fetch(&["--http1.1", &url]), " https http/1.1");
    // A page with all that belongs to it, at once, over one connection.
    let all = format!("{url}asset[0-49]");
    let fetched = fetch(&[
        "--http2",
        "--parallel",
        "-w",
        "%{http_version} %{http_code} %{size_download}\n",
        "-o",
        "/dev/null",
        &all,
    ]);
    let sizes: u64 = fetched
        .lines()
        .map(|line| {
            let size = line
                .strip_prefix("2 200 ")
                .unwrap_or_else(|| panic!("{line}"));
            size.parse::<u64>().unwrap()
        })
        .sum();
    assert_eq!(sizes, 10 * 20_000 + 40 * 40_000);
    let client = Command::new("openssl")
        .args([
            "s_client",
            "-alpn",
            "h2,http/1.1",
            "-connect",
            &format!("127.0.0.1:{port}"),
        ])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&client.stdout).into_owned();
    assert!(said.contains("ALPN protocol: h2"), "{said}");
}

#[test]
fn heads_and_bodies_reach_upstreams_as_http_1_1() {
    let origin = Origin::mirror();
    let server = server(&format!(
        "location / {{ proxy_pass http://127.0.0.1:{0}; proxy_set_header Host $host; }}
         location /stream {{ proxy_pass http://127.0.0.1:{0}; proxy_request_buffering off; }}",
        origin.port
    ));
    let answers = talk(
        server.port(0),
        &[
            Ask {
                method: "POST",
                path: "/a?b=c%20d",
                fields: "host: name.example:80\ncookie: a=1\ncookie: b=2\nx-one: 1\nx-one: 2\nte: trailers",
                body: &["some", " ", "thing"],
                ..Ask::default()
            },
            Ask {
                method: "PUT",
                path: "/stream",
                fields: "content-length: 5",
                body: &["12345"],
                ..Ask::default()
            },
        ],
    );
    let first = body(&answers[0]);
    assert!(
        first.starts_with("POST /a?b=c%20d HTTP/1.1\r\nHost: name.example\r\n"),
        "{first}"
    );
    assert!(first.contains("\r\ncookie: a=1; b=2\r\n"), "{first}");
    assert!(first.contains("\r\nx-one: 1\r\nx-one: 2\r\n"), "{first}");
    assert!(first.contains("\r\nContent-Length: 10\r\n"), "{first}");
    assert!(first.ends_with("\r\n\r\nsome thing"), "{first}");
    let second = body(&answers[1]);
    assert!(
        second.starts_with("PUT /stream HTTP/1.1\r\n") && second.ends_with("\r\n\r\n12345"),
        "{second}"
    );
}

/// Nothing of these may reach an upstream.
#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let origin = Origin::start(|_, _| Act::Send(ok("passed")));
    let server = server(&format!(
        "location / {{ proxy_pass http://127.0.0.1:{}; }}",
        origin.port
    ));
    let base = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
    ];
    let with = |name: &'static str, value: &'static str| {
        let mut fields = base.to_vec();
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
        block(&fields)
    };
    for (head, what) in [
        (with("x", "1\r\nhost: evil"), "a line end in a value"),
        (with("x", "1\n2"), "a line feed in a value"),
        (with("x", "a\0b"), "a zero in a value"),
        (with("x y", "1"), "a space in a name"),
        (with("x:y", "1"), "a colon in a name"),
        (with("x\r\ny", "1"), "a line end in a name"),
        (with("X", "1"), "a capital in a name"),
        (with("", "1"), "no name"),
        (with("connection", "close"), "connection"),
        (with("transfer-encoding", "chunked"), "transfer-encoding"),
        (with("keep-alive", "1"), "keep-alive"),
        (with("upgrade", "h2c"), "upgrade"),
        (with("te", "gzip"), "te"),
        (with("host", "b"), "another host"),
        (with("content-length", "5"), "a length without a body"),
        (with("content-length", "+5"), "a length that is no number"),
        (
            with(":path", "/ HTTP/1.1\r\nhost: evil"),
            "a line end in the path",
        ),
        (with(":path", "/a b"), "a space in the path"),
        (with(":path", "http://evil/"), "a whole URL"),
        (with(":path", "a"), "a path without a slash"),
        (with(":path", ""), "no path"),
        (with(":path", "/\t"), "a tab in the path"),
        (
            with(":method", "GET /evil HTTP/1.1\r\n"),
            "a line in the method",
        ),
        (with(":method", "get"), "a method in small letters"),
        (with(":authority", "a b"), "a space in the authority"),
        (with(":authority", "user@a"), "a user in the authority"),
        (
            with(":authority", "a\r\nx: y"),
            "a line end in the authority",
        ),
        (with(":unknown", "a"), "an unknown pseudo-field"),
        (with(":status", "200"), "a status"),
        (block(&base[..3]), "no host"),
        (block(&base[1..]), "no method"),
        (block(&[base[0], base[2], base[3]]), "no scheme"),
        (block(&[base[0], base[1], base[3]]), "no path at all"),
        (
            block(&[base[0], base[1], base[2], ("x", "1"), base[3]]),
            "a pseudo-field behind others",
        ),
        (
            block(&[base[0], base[0], base[1], base[2], base[3]]),
            "a method twice",
        ),
        (
            block(&[base[0], base[1], base[2], base[3], base[3]]),
            "an authority twice",
        ),
        (
            block(&[&base[..3], &[("host", "a"), ("host", "a")]].concat()),
            "a host twice",
        ),
    ] {
        let mut client = Client::new(&server);
        client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head);
        let frames = client.until(|f| f.stream == 1 || f.kind == GOAWAY);
        let last = frames.last().unwrap();
        let refused = match last.kind {
            HEADERS => last.status() == 400,
            RST_STREAM => last.number(0) == 1,
            _ => last.kind == GOAWAY,
        };
        assert!(refused, "{what}: {last:?}");
    }
    assert_eq!(origin.requests(), Vec::<String>::new());
}

#[test]
fn an_odd_head_harms_nobody_else() {
    let server = server("location / { return 200 $request_uri; } location /large { }");
    server.write("large", &"x".repeat(100_000));
    let mut client = Client::new(&server);
    // The download stops at the end of its own window.
    client.open(0, 1_000_000);
    client.get(1, "/large");
    client.until(|f| f.kind == DATA);
    let with = |name: &'static [u8], value: &'static [u8]| {
        let mut fields: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":path", b"/"),
            (b":authority", b"a"),
        ];
        fields.retain(|(known, _)| *known != name);
        fields.insert(0, (name, value));
        fields.sort_by_key(|(name, _)| name.first() != Some(&b':'));
        block(&fields)
    };
    let heads = [
        (with(b":path", b"/\xe9"), 200),
        (with(b":path", b"/x?q=\xe9"), 200),
        (with(b"x", b"\0"), 400),
        (with(b"x", b"\r"), 400),
        (with(b"x", b"\x01"), 400),
        (with(b":method", b"G ET"), 400),
        (with(b":method", b"G\"T"), 400),
        (with(b":method", b""), 400),
        (with(b":authority", b"\xe9"), 400),
    ];
    for (number, (head, status)) in (1..).zip(&heads) {
        let stream = number * 2 + 1;
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, head);
        let ends = |f: &Frame| f.stream == stream && f.kind == HEADERS;
        assert_eq!(client.until(ends).last().unwrap().status(), *status);
    }
    // The table of the compression is as it was, too.
    let indexed = [&b"\x82\x86\x41\x01a\x44\x02/\xe9"[..], b"\x82\x86\xbe\xbf"];
    for (stream, head) in [(31, &indexed[0]), (33, &indexed[1])] {
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, head);
        let frames = client.until(|f| f.stream == stream && f.kind == DATA);
        assert_eq!(frames.last().unwrap().payload, b"/\xe9");
    }
    client.open(1, 100_000);
    client.until(|f| f.stream == 1 && f.flags & END_STREAM != 0);
}

#[test]
fn bodies_that_are_not_as_long_as_announced() {
    let origin = Origin::mirror();
    let server = server(&format!(
        "location / {{ proxy_pass http://127.0.0.1:{}; }}",
        origin.port
    ));
    let head = |length: &str| {
        block(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "a"),
            ("content-length", length),
        ])
    };
    let padded = [&[3][..], b"12345", &[0; 3]].concat();
    for (length, data, flags, status) in [
        ("5", &b"12345"[..], 0, 200),
        ("4", b"12345", 0, 400),
        ("6", b"12345", 0, 400),
        ("5", &padded, PADDED, 200),
        ("9", &padded, PADDED, 400),
    ] {
        let mut client = Client::new(&server);
        let head = frame(HEADERS, END_HEADERS, 1, &head(length));
        let body = frame(DATA, END_STREAM | flags, 1, data);
        client.write(&[head, body].concat());
        assert_eq!(client.response(1).0, status, "{length} {data:?}");
        // Only the request suffers.
        client.get(3, "/");
        assert_eq!(client.response(3).0, 200);
    }
}

#[test]
fn the_end_of_an_empty_body_is_not_waited_for() {
    let origin = Origin::mirror();
    let server = server(&format!(
        "location / {{ proxy_pass http://127.0.0.1:{}; proxy_request_buffering off; }}",
        origin.port
    ));
    let mut client = Client::new(&server);
    let head = block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
        ("content-length", "0"),
    ]);
    client.send(HEADERS, END_HEADERS, 1, &head);
    wait_until(
        || !origin.requests().is_empty(),
        || "the origin is not asked".to_owned(),
    );
    client.send(DATA, END_STREAM, 1, b"");
    assert_eq!(client.response(1).0, 200);
}

#[test]
fn a_slow_answer_does_not_hold_up_others() {
    let server = server(
        "location /slow { limit_rate 1000; alias %DIR%/large; } location / { return 200 quick; }",
    );
    server.write("large", &"x".repeat(100_000));
    let mut client = Client::new(&server);
    client.get(1, "/slow");
    client.until(|f| f.kind == DATA);
    client.get(3, "/");
    let frames = client.until(|f| f.stream == 3 && f.flags & END_STREAM != 0 && f.kind == DATA);
    assert!(
        !frames
            .iter()
            .any(|f| f.stream == 1 && f.flags & END_STREAM != 0)
    );
}

#[test]
fn windows_and_frames_bound_what_is_sent() {
    let server = server("http2_chunk_size 1000;");
    server.write("index.html", &"x".repeat(10_000));
    let mut client = Client::with(&server, &setting(4, 2500));
    client.get(1, "/");
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 2500 {
        sizes.extend(
            client
                .read()
                .filter(|f| f.kind == DATA)
                .map(|f| f.payload.len()),
        );
    }
    assert_eq!(sizes, [1000, 1000, 500]);
    client.open(1, 7500);
    let rest = client.until(|f| f.kind == DATA && f.flags & END_STREAM != 0);
    let rest: usize = rest
        .iter()
        .filter(|f| f.kind == DATA)
        .map(|f| f.payload.len())
        .sum();
    assert_eq!(rest, 7500);
    wait_until(
        || server.read("access.log").contains("|200|10000|"),
        || server.read("access.log"),
    );
}

#[test]
fn who_goes_away_is_not_served_further() {
    let origin = Origin::start(|_, _| Act::Hang);
    let server = server(&format!(
        "location / {{ proxy_pass http://127.0.0.1:{}; }}",
        origin.port
    ));
    let mut client = Client::new(&server);
    client.get(1, "/cancelled");
    client.get(3, "/closed");
    wait_until(
        || origin.requests().len() == 2,
        || String::from("not asked"),
    );
    client.send(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    let logged = |line: &str| {
        wait_until(
            || server.read("access.log").contains(line),
            || server.read("access.log"),
        );
    };
    logged("GET /cancelled HTTP/2.0|HTTP/2.0|h2c|499|0|");
    server.wait_for_log("client canceled stream 1, client: 127.0.0.1");
    drop(client);
    logged("GET /closed HTTP/2.0|HTTP/2.0|h2c|499|0|");
}

#[test]
fn who_goes_away_in_the_middle_of_its_body() {
    let server = server("client_body_timeout 100ms; location / { proxy_pass http://127.0.0.1:9; }");
    let mut client = Client::new(&server);
    let fields = |path| {
        block(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "h"),
        ])
    };
    client.send(HEADERS, END_HEADERS, 1, &fields("/cancelled"));
    client.send(DATA, 0, 1, b"some");
    client.send(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    server.wait_for_log("client canceled stream 1, client: 127.0.0.1");
    server.wait_for_log("client prematurely closed stream, client: 127.0.0.1");
    client.send(HEADERS, END_HEADERS, 3, &fields("/late"));
    server.wait_for_log("client timed out (110: Connection timed out), client: 127.0.0.1");
    for line in [
        "POST /cancelled HTTP/2.0|HTTP/2.0|h2c|499|0|",
        "POST /late HTTP/2.0|HTTP/2.0|h2c|408|0|",
    ] {
        wait_until(
            || server.read("access.log").contains(line),
            || server.read("access.log"),
        );
    }
}

#[test]
fn lines_of_the_log() {
    let server = server("location / { return 200 ok; }");
    talk(
        server.port(0),
        &[
            ask("/a"),
            Ask {
                method: "POST",
                path: "/b",
                body: &["123"],
                ..Ask::default()
            },
        ],
    );
    wait_until(
        || server.read("access.log").lines().count() == 2,
        || server.read("access.log"),
    );
    let log = server.read("access.log");
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(
        lines[0][..5],
        ["GET /a HTTP/2.0", "HTTP/2.0", "h2c", "200", "2"]
    );
    assert_eq!(
        lines[1][..5],
        ["POST /b HTTP/2.0", "HTTP/2.0", "h2c", "200", "2"]
    );
    assert_eq!((lines[0][6], lines[1][6]), ("1", "2"));
    assert_eq!((lines[0][7], lines[1][7]), ("OK", "OK"));
}

#[test]
fn trailers_in_both_directions() {
    let origin = Origin::start(|_, _| {
        Act::SendAndClose(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n"
                .to_vec(),
        )
    });
    let server = server(&format!(
        "location / {{ add_trailer X-Own $request_method; return 200 ok; }}
         location /up {{ proxy_pass http://127.0.0.1:{}; proxy_pass_trailers on; }}",
        origin.port
    ));
    let answers = talk(
        server.port(0),
        &[
            Ask {
                method: "POST",
                path: "/",
                body: &["x"],
                trailers: "x-end: 1",
                ..Ask::default()
            },
            ask("/up"),
        ],
    );
    assert!(
        answers[0].ends_with("ok\n-- trailers:\nX-Own: POST\r\n"),
        "{}",
        answers[0]
    );
    assert!(
        answers[1].ends_with("body\n-- trailers:\nX-Sum: 7\r\n"),
        "{}",
        answers[1]
    );
}

#[test]
fn early_hints() {
    let origin = Origin::start(|_, _| {
        let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n".to_vec();
        Act::SendAndClose([hints, ok("done")].concat())
    });
    let server = server(&format!(
        "location / {{ early_hints 1; proxy_pass http://127.0.0.1:{}; }}",
        origin.port
    ));
    let mut client = Client::new(&server);
    client.get(1, "/");
    let frames = client.until(|f| f.kind == DATA);
    let statuses: Vec<u16> = frames
        .iter()
        .filter(|f| f.kind == HEADERS)
        .map(Frame::status)
        .collect();
    assert_eq!(statuses, [103, 200]);
}

#[test]
fn connections_end_in_good_order() {
    let server = server("keepalive_requests 2; location / { limit_rate 3; return 200 okokok; }");
    let mut client = Client::new(&server);
    for stream in [1, 3, 5] {
        client.get(stream, "/");
    }
    let frames = client.rest();
    let goaway = frames.iter().find(|f| f.kind == GOAWAY).unwrap();
    assert_eq!((goaway.number(0), goaway.number(4)), (3, 0));
    let body = |stream: u32| -> Vec<u8> {
        let own = frames
            .iter()
            .filter(|f| f.stream == stream && f.kind == DATA);
        own.flat_map(|f| f.payload.clone()).collect()
    };
    assert_eq!(
        (&body(1)[..], &body(3)[..], &body(5)[..]),
        (&b"okokok"[..], &b"okokok"[..], &b""[..])
    );
}

#[test]
fn a_reload_and_a_stop_let_requests_end() {
    let server = server("location / { limit_rate 3; return 200 okokok; }");
    for stop in [false, true] {
        let mut client = Client::new(&server);
        let mut idle = Client::new(&server);
        idle.send(PING, 0, 0, b"12345678");
        idle.until(|f| f.kind == PING);
        client.get(1, "/");
        client.until(|f| f.kind == HEADERS);
        match stop {
            false => server.reload(),
            true => server.signal(Signal::QUIT),
        }
        let frames = client.rest();
        let goaway = frames.iter().find(|f| f.kind == GOAWAY).unwrap();
        assert_eq!((goaway.number(0), goaway.number(4)), (1, 0));
        let body = frames.iter().filter(|f| f.kind == DATA);
        assert_eq!(
            body.flat_map(|f| f.payload.clone()).collect::<Vec<_>>(),
            b"okokok"
        );
        assert_eq!(idle.last_words(), 0);
    }
}

#[test]
fn silence_ends_a_connection() {
    let server = server("keepalive_timeout 200ms; location / { return 200 ok; }");
    let mut client = Client::new(&server);
    client.get(1, "/");
    assert_eq!(client.response(1).0, 200);
    assert_eq!(client.last_words(), 0);
}

#[test]
fn a_head_that_does_not_end_ends_the_connection() {
    let server = server("client_header_timeout 300ms; location / { return 200 ok; }");
    let mut client = Client::new(&server);
    client.get(1, "/");
    assert_eq!(client.response(1).0, 200);
    client.send(HEADERS, END_STREAM, 3, &get("/"));
    assert_eq!(client.last_words(), 1);
    server.wait_for_log("client timed out (110: Connection timed out), client: ");
}

#[test]
fn connections_that_wait_are_counted() {
    let server = server("location / { return 200 '$connections_active:$connections_waiting'; }");
    let mut client = Client::new(&server);
    client.get(1, "/");
    assert_eq!(client.response(1).1, b"1:0");
    let mut other = Client::new(&server);
    other.get(1, "/");
    assert_eq!(other.response(1).1, b"2:1");
}

#[test]
fn uploads_are_taken_no_faster_than_they_are_read() {
    let origin = Origin::start(|_, _| Act::Hang);
    let server = server(&format!(
        "client_max_body_size 0; location / {{ proxy_pass http://127.0.0.1:{}; proxy_request_buffering off; client_body_buffer_size 16k; }}
         location /return {{ return 200 unread; }}",
        origin.port
    ));
    // Nobody reads: what is let through is what the window says.
    let mut client = Client::new(&server);
    client.send(
        HEADERS,
        END_HEADERS,
        1,
        &block(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/return"),
            (":authority", "a"),
        ]),
    );
    let frames = client.until(|f| f.kind == RST_STREAM);
    assert_eq!(
        frames.last().unwrap().number(0),
        0,
        "a client is told to stop, not that it was wrong"
    );
    let body = "x".repeat(300_000);
    let answers = talk(
        server.port(0),
        &[Ask {
            method: "POST",
            path: "/return",
            body: &[&body],
            ..Ask::default()
        }],
    );
    assert!(
        answers[0].contains("200") || answers[0].contains("error"),
        "{answers:?}"
    );
    let mut stream = server.connect(0);
    stream
        .write_all(b"GET /return HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
}
