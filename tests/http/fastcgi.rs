use crate::common::{Response, Server};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const STDOUT: u8 = 6;
const STDERR: u8 = 7;
const HEAD: &[u8] = b"Content-Type: text/plain\r\n\r\n";

/// A request as a responder reads it.
#[derive(Clone, Default, Debug)]
struct Asked {
    keep: bool,
    params: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A FastCGI server that answers from a script: bytes to send, with a pause between the pieces. An empty last piece
/// leaves the connection open without a word.
struct Responder {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<Mutex<usize>>,
}

impl Responder {
    fn start(script: impl Fn(usize, &Asked) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Responder {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let connections = Arc::new(Mutex::new(0));
        let (record, count) = (Arc::clone(&asked), Arc::clone(&connections));
        let script = Arc::new(script);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let number = {
                    let mut count = count.lock().unwrap();
                    *count += 1;
                    *count
                };
                let (script, record) = (Arc::clone(&script), Arc::clone(&record));
                thread::spawn(move || {
                    while let Some(asked) = read_request(&mut stream) {
                        record.lock().unwrap().push(asked.clone());
                        for piece in script(number, &asked) {
                            if piece.is_empty() {
                                let _ = stream.read(&mut [0]);
                                return;
                            }
                            let _ = stream.write_all(&piece);
                            thread::sleep(Duration::from_millis(10));
                        }
                        if !asked.keep {
                            return;
                        }
                    }
                });
            }
        });
        Responder {
            port,
            asked,
            connections,
        }
    }

    fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let (mut asked, mut params) = (Asked::default(), Vec::new());
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head).ok()?;
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let mut content = vec![0; length + usize::from(head[6])];
        stream.read_exact(&mut content).ok()?;
        content.truncate(length);
        assert_eq!((head[0], head[2], head[3]), (1, 0, 1));
        match head[1] {
            1 => asked.keep = content[2] & 1 == 1,
            4 => params.extend(content),
            5 if content.is_empty() => break,
            5 => asked.body.extend(content),
            other => panic!("record {other}"),
        }
    }
    let mut rest = &params[..];
    while !rest.is_empty() {
        let (name, value) = (length(&mut rest), length(&mut rest));
        let (pair, after) = rest.split_at(name + value);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        asked
            .params
            .push((text(&pair[..name]), text(&pair[name..])));
        rest = after;
    }
    Some(asked)
}

fn length(rest: &mut &[u8]) -> usize {
    let wide = rest[0] & 0x80 != 0;
    let (bytes, after) = rest.split_at(if wide { 4 } else { 1 });
    *rest = after;
    let value = bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
    if wide { value & 0x7fff_ffff } else { value }
}

fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let mut out = vec![1, kind, 0, 1, high, low, padding, 0];
    out.extend_from_slice(content);
    out.resize(out.len() + usize::from(padding), 0);
    out
}

fn end() -> Vec<u8> {
    [record(STDOUT, b"", 0), record(3, &[0; 8], 0)].concat()
}

/// One answer in one piece.
fn answer(text: &[u8]) -> Vec<Vec<u8>> {
    vec![[record(STDOUT, text, 3), end()].concat()]
}

fn pass(responder: &Responder, more: &str) -> Server {
    let port = responder.port;
    Server::http(&format!(
        "upstream app {{ server 127.0.0.1:{port}; keepalive 4; }}
         server {{ listen 127.0.0.1:%PORT0%;
             location / {{ fastcgi_pass app; fastcgi_temp_path %DIR%/temp; {more} }} }}"
    ))
}

/// The body that a client of HTTP/1.0 gets, which comes without chunks.
fn get(server: &Server, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.0\r\nHost: a\r\n\r\n");
    Response::parse(&server.raw(0, request.as_bytes())).text()
}

#[test]
fn parameters_are_those_of_nginx() {
    let responder = Responder::start(|_, _| answer(HEAD));
    let long = "v".repeat(200);
    let server = pass(
        &responder,
        &format!(
            "fastcgi_param ONE $arg_x; fastcgi_param EMPTY $arg_none; fastcgi_param NONE $arg_none if_not_empty;
             fastcgi_param LONG {long}; fastcgi_param HTTP_X_SECRET \"\"; fastcgi_param HTTP_X_SET own;
             fastcgi_param METHOD $request_method; fastcgi_param CONTENT_LENGTH $content_length;"
        ),
    );
    let request = "POST /a?x=1 HTTP/1.1\r\nHost: Me:81\r\nX-Secret: s\r\nX-Set: theirs\r\nX-Two: a\r\nCookie: a=1\r\n\
                   x-two: b\r\nCookie: b=2\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    let response = Response::parse(&server.raw(0, request.as_bytes()));
    assert_eq!(response.status, 200);
    let asked = responder.last();
    let shown: Vec<(&str, &str)> = asked
        .params
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("ONE", "1"),
            ("EMPTY", ""),
            ("LONG", &long),
            ("HTTP_X_SET", "own"),
            ("METHOD", "POST"),
            ("CONTENT_LENGTH", "3"),
            ("HTTP_HOST", "me:81"),
            ("HTTP_X_TWO", "a, b"),
            ("HTTP_COOKIE", "a=1; b=2"),
            ("HTTP_CONTENT_LENGTH", "3"),
            ("HTTP_CONNECTION", "close"),
        ]
    );
    assert_eq!((asked.body, asked.keep), (b"abc".to_vec(), false));
}

#[test]
fn script_names_and_path_info() {
    let responder = Responder::start(|_, _| answer(HEAD));
    let port = responder.port;
    let server = Server::http(&format!(
        "fastcgi_index index.php; fastcgi_param SCRIPT $document_root$fastcgi_script_name; root /r;
         fastcgi_param INFO $fastcgi_path_info; fastcgi_temp_path %DIR%/temp;
         server {{ listen 127.0.0.1:%PORT0%;
             location / {{ fastcgi_pass 127.0.0.1:{port}; }}
             location ~ \\.php(/|$) {{ fastcgi_split_path_info ^(.+?\\.php)(/.*)$; set $app 127.0.0.1:{port};
                 fastcgi_pass $app; }} }}"
    ));
    for (path, script, info) in [
        ("/", "/r/index.php", ""),
        ("/a/b", "/r/a/b", ""),
        ("/x.php/in/fo", "/r/x.php", "/in/fo"),
        ("/x.php", "/r/x.php", ""),
        ("/image.jpg/x.php", "/r/image.jpg/x.php", ""),
    ] {
        assert_eq!(server.get(path).status, 200);
        let asked = responder.last();
        assert_eq!(
            (asked.param("SCRIPT"), asked.param("INFO")),
            (Some(script), Some(info)),
            "{path}"
        );
    }
}

#[test]
fn status_and_location() {
    let responder = Responder::start(|_, asked| {
        let head = asked.param("HEAD").unwrap().replace('|', "\r\n");
        answer(format!("{head}\r\n\r\n").as_bytes())
    });
    let server = pass(&responder, "fastcgi_param HEAD $http_head;");
    for (head, line) in [
        ("A: b", "200 OK"),
        ("Status: 404 Nothing", "404 Nothing"),
        ("Status: 403", "403 Forbidden"),
        ("Location: http://a/", "302 Moved Temporarily"),
        ("Location: /a|Status: 301 Gone", "301 Gone"),
        ("Status: 20", "502 Bad Gateway"),
        ("Status: abc", "502 Bad Gateway"),
        ("Content-Length: x", "502 Bad Gateway"),
    ] {
        let request =
            format!("GET / HTTP/1.1\r\nHost: a\r\nHead: {head}\r\nConnection: close\r\n\r\n");
        let text = server.raw(0, request.as_bytes());
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {line}\r\n")),
            "{head}: {text}"
        );
        assert!(!text.contains("Status:"), "{text}");
    }
    server.wait_for_log(
        "upstream sent invalid status \"20\" while reading response header from upstream",
    );
}

#[test]
fn kept_connections_are_used_again_only_after_a_clean_end() {
    let responder = Responder::start(|number, asked| {
        let mut text = HEAD.to_vec();
        text.extend(number.to_string().bytes());
        let mut pieces = answer(&text);
        if asked.param("URI") == Some("/junk") {
            pieces[0].push(1);
        }
        pieces
    });
    let server = pass(&responder, "fastcgi_keep_conn on; fastcgi_param URI $uri;");
    for (path, number) in [
        ("/", "1"),
        ("/", "1"),
        ("/junk", "1"),
        ("/", "2"),
        ("/", "2"),
    ] {
        assert_eq!(get(&server, path), number, "{path}");
    }
    assert!(responder.last().keep);
    assert_eq!(*responder.connections.lock().unwrap(), 2);
}

#[test]
fn failures_have_nginx_s_status_and_sentence() {
    let head_reading = "while reading response header from upstream";
    let cases: Vec<(Vec<Vec<u8>>, u16, String)> = vec![
        (
            vec![b"HTTP/1.1 200 OK\r\n\r\n".to_vec()],
            502,
            format!("upstream sent unsupported FastCGI protocol version: 72 {head_reading}"),
        ),
        (
            vec![record(9, b"x", 0)],
            502,
            format!("upstream sent invalid FastCGI record type: 9 {head_reading}"),
        ),
        (
            vec![vec![1, 6, 0, 2]],
            502,
            format!("upstream sent unexpected FastCGI request id low byte: 2 {head_reading}"),
        ),
        (
            vec![end()],
            502,
            format!("upstream prematurely closed FastCGI stdout {head_reading}"),
        ),
        (
            vec![record(3, &[0; 8], 0)],
            502,
            format!("upstream sent unexpected FastCGI record: 3 {head_reading}"),
        ),
        (
            vec![record(STDOUT, b"A: b\r\n", 0)],
            502,
            format!("upstream prematurely closed connection {head_reading}"),
        ),
        (
            vec![record(STDOUT, b"A b\r\n\r\n", 0)],
            502,
            format!("upstream sent invalid header: \"A\\x20...\" {head_reading}"),
        ),
        (
            vec![record(STDOUT, &b"A: b\r\n".repeat(1000), 0)],
            502,
            format!("upstream sent too big header {head_reading}"),
        ),
        (
            vec![Vec::new()],
            504,
            format!("upstream timed out (110: Connection timed out) {head_reading}"),
        ),
        (
            vec![
                [
                    record(STDERR, b"Primary script unknown\n", 1),
                    answer(b"Status: 404\r\n\r\n").concat(),
                ]
                .concat(),
            ],
            404,
            format!("FastCGI sent in stderr: \"Primary script unknown\" {head_reading}"),
        ),
        (
            vec![[record(STDERR, b"caught it", 0), answer(HEAD).concat()].concat()],
            502,
            format!("FastCGI sent in stderr: \"caught it\" {head_reading}"),
        ),
    ];
    for (pieces, status, sentence) in cases {
        let responder = Responder::start(move |_, _| pieces.clone());
        let server = pass(
            &responder,
            "fastcgi_read_timeout 300ms; fastcgi_catch_stderr caught;",
        );
        assert_eq!(server.get("/").status, status, "{sentence}");
        server.wait_for_log(&sentence);
        let port = responder.port;
        server.wait_for_log(&format!("upstream: \"fastcgi://127.0.0.1:{port}\""));
    }
}

#[test]
fn bodies_that_end_too_early_are_not_made_to_look_whole() {
    let whole = [b"Content-Length: 9\r\n\r\n".as_slice(), b"abc"].concat();
    for (pieces, sentence) in [
        (
            vec![record(STDOUT, &whole, 0), end()],
            "upstream prematurely closed FastCGI stdout while reading upstream",
        ),
        (
            vec![record(STDOUT, &whole, 0), record(3, &[0; 8], 0)],
            "upstream prematurely closed FastCGI request while reading upstream",
        ),
        (
            vec![record(STDOUT, HEAD, 0), vec![1, 6, 0, 1, 0, 9, 0, 0, b'x']],
            "upstream prematurely closed connection while reading upstream",
        ),
        (
            vec![record(STDOUT, HEAD, 0), vec![2]],
            "upstream sent unsupported FastCGI protocol version: 2 while reading upstream",
        ),
    ] {
        let responder = Responder::start(move |_, _| pieces.clone());
        let server = pass(&responder, "");
        let text = server.raw(0, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(!text.ends_with(b"0\r\n\r\n"), "{sentence}");
        server.wait_for_log(sentence);
    }
}

#[test]
fn what_stands_in_a_large_stderr_goes_to_the_log_at_once_and_not_to_the_client() {
    let responder = Responder::start(|_, _| {
        let mut pieces = vec![record(STDERR, &b"early".repeat(3000), 0)];
        pieces.push(
            [
                record(STDOUT, b"X: y\r", 0),
                record(STDOUT, b"\n\r\none ", 0),
            ]
            .concat(),
        );
        pieces.push(record(STDERR, b"late one.\n", 7));
        pieces.push(record(STDOUT, b"two", 0));
        pieces.push(Vec::new());
        pieces
    });
    let server = pass(&responder, "fastcgi_buffering off;");
    let mut stream = server.connect(0);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let (mut text, mut buf) = (Vec::new(), [0; 1000]);
    while !text.ends_with(b"3\r\ntwo\r\n") {
        let n = stream.read(&mut buf).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&buf[..n]);
    }
    // The answer is still going on.
    server.wait_for_log("FastCGI sent in stderr: \"late one\" while reading upstream");
    server.wait_for_log("earlyearly");
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(
        text.contains("X: y\r\n") && text.contains("\r\none \r\n"),
        "{text}"
    );
    assert!(!text.contains("early") && !text.contains("late"), "{text}");
}

#[test]
fn another_server_is_asked_as_configured() {
    let bad = Responder::start(|_, _| answer(b"Status: 503\r\n\r\nbad"));
    let good = Responder::start(|_, _| answer(b"A: b\r\n\r\ngood"));
    let (one, two) = (bad.port, good.port);
    let server = |more: &str| {
        Server::http(&format!(
            "upstream app {{ server 127.0.0.1:{one}; server 127.0.0.1:{two} backup; }}
             server {{ listen 127.0.0.1:%PORT0%; error_page 503 /own; location = /own {{ return 200 own; }}
                 location / {{ fastcgi_pass app; fastcgi_temp_path %DIR%/temp; {more} }} }}"
        ))
    };
    assert_eq!(get(&server(""), "/"), "bad");
    assert_eq!(get(&server("fastcgi_next_upstream http_503;"), "/"), "good");
    assert_eq!(get(&server("fastcgi_intercept_errors on;"), "/"), "own");
}

#[test]
fn bodies_large_and_streamed_arrive_whole() {
    let responder = Responder::start(|_, asked| {
        let text = format!("A: b\r\n\r\n{}", asked.body.len());
        answer(text.as_bytes())
    });
    let body: Vec<u8> = (0..300_001u32).map(|i| (i % 251) as u8).collect();
    for more in [
        "client_body_buffer_size 1k; client_body_temp_path %DIR%/in;",
        "client_body_buffer_size 1m;",
        "client_body_in_file_only on; client_body_temp_path %DIR%/in;",
        "fastcgi_request_buffering off;",
    ] {
        let server = pass(&responder, more);
        let mut request = format!(
            "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend(&body);
        assert_eq!(
            Response::parse(&server.raw(0, &request)).text(),
            "300001",
            "{more}"
        );
        assert!(responder.last().body == body, "{more}");
    }
    let server = pass(&responder, "fastcgi_request_buffering off;");
    let mut stream = server.connect(0);
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n")
        .unwrap();
    thread::sleep(Duration::from_millis(30));
    stream.write_all(b"2\r\nde\r\n0\r\n\r\n").unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    assert!(text.ends_with(b"1\r\n5\r\n0\r\n\r\n"));
    assert_eq!(responder.last().body, b"abcde");
    let server = pass(
        &responder,
        "fastcgi_pass_request_body off; fastcgi_pass_request_headers off;",
    );
    let request = b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    assert_eq!(Response::parse(&server.raw(0, request)).text(), "0");
    assert_eq!(
        responder.last().params,
        [(String::from("HTTP_HOST"), String::from("a"))]
    );
}

#[test]
fn too_many_parameters_are_refused() {
    let responder = Responder::start(|_, _| answer(HEAD));
    let long = "x".repeat(60_000);
    let server = pass(
        &responder,
        &format!(
            "set $long \"{}\"; fastcgi_param A $long; fastcgi_param B $http_b;",
            &long[..4000]
        ),
    );
    let mut request = String::from("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
    for i in 0..17 {
        request.push_str(&format!("X{i}: {}\r\n", &long[..3800]));
    }
    request.push_str("\r\n");
    let server_large = Server::http(&format!(
        "large_client_header_buffers 32 8k; server {{ listen 127.0.0.1:%PORT0%;
             location / {{ fastcgi_pass 127.0.0.1:{}; fastcgi_temp_path %DIR%/temp; }} }}",
        responder.port
    ));
    assert_eq!(server.get("/").status, 200);
    assert_eq!(
        Response::parse(&server_large.raw(0, request.as_bytes())).status,
        200
    );
    request = request.replace("X0:", &format!("Y: {}\r\nX0:", &long[..3800]));
    assert_eq!(
        Response::parse(&server_large.raw(0, request.as_bytes())).status,
        500
    );
    server_large.wait_for_log("fastcgi request record is too big: ");
}
