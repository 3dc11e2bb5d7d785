//! Files: that they are sent as they are now, and only those of the site.

use crate::common::{Response, Server, Site, http};
use std::io::Read;
use std::time::Duration;

const SITE: &str = "
    gzip_types text/plain;
    server {
        listen 127.0.0.1:%PORT0%;
        root %DIR%/www;
        location /as { alias %DIR%/www/open/; }
        location /under/ { alias %DIR%/www/open/; }
        location ~ ^/re(.*)$ { alias %DIR%/www/open/$1; }
        location /gz/ { alias %DIR%/www/; gzip on; gzip_http_version 1.0; }
        location /quiet/ { log_not_found off; }
        location /coded/ { alias %DIR%/www/; charset utf-8; source_charset koi8-r; }
    }
    charset_map koi8-r utf-8 { 41 D0B0; }";

fn server() -> Server {
    let site = Site::new(&http(SITE));
    site.write("www/a.txt", "hello");
    site.write("www/open/a.txt", "open");
    site.write("www/secret.txt", "secret");
    site.write("www/open-too.txt", "beside");
    site.write("www/large.txt", &"0123456789".repeat(50_000));
    site.write("www/abc.txt", "ABA");
    Server::start(site)
}

#[test]
fn what_is_kept_in_memory_is_never_stale() {
    let server = server();
    for (number, size) in [3usize, 3, 70_000, 3, 70_000, 70_000]
        .into_iter()
        .enumerate()
    {
        let text = number.to_string().repeat(size);
        server.write("www/a.txt", &text);
        assert_eq!(server.get("/a.txt").text(), text);
        std::thread::sleep(Duration::from_millis(120));
        // Now it is kept; it is asked for again from what is kept.
        assert_eq!(server.get("/a.txt").text(), text);
        assert_eq!(server.get("/a.txt").text(), text);
    }
    std::fs::remove_file(server.path("www/a.txt")).unwrap();
    assert_eq!(server.get("/a.txt").status, 404);
    assert!(server.read("error.log").contains("[error]"));
    server.wait_for_log("/www/a.txt\" failed (2: No such file or directory)");
}

#[test]
fn nothing_outside_of_an_alias_is_served() {
    let server = server();
    assert_eq!(server.get("/as/a.txt").text(), "open");
    assert_eq!(server.get("/under/a.txt").text(), "open");
    assert_eq!(server.get("/re/a.txt").text(), "open");
    // Decoded and normalised before the location is found, this is a file of the site.
    assert_eq!(server.get("/re/..%2fsecret.txt").text(), "secret");
    assert_eq!(server.get("/re../secret.txt").status, 404);
    assert_eq!(server.get("/as../secret.txt").status, 404);
    server.wait_for_log("would lead out of the directory of the location");
}

#[test]
fn what_is_not_there_is_logged_unless_told_otherwise() {
    let server = server();
    assert_eq!(server.get("/quiet/x").status, 404);
    assert_eq!(server.get("/loud").status, 404);
    server.wait_for_log("open() \"");
    assert_eq!(server.count_in_log("/quiet/x\" failed"), 0);
    assert_eq!(
        server.count_in_log("/loud\" failed (2: No such file or directory)"),
        1
    );
}

#[test]
fn bodies_are_compressed_whole() {
    let server = server();
    for path in ["/gz/large.txt", "/gz/open-too.txt"] {
        let request = format!("GET {path} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
        let answer = Response::parse(&server.raw(0, request.as_bytes()));
        let expected = server.read(&path.replace("/gz/", "www/"));
        if expected.len() < 20 {
            assert_eq!(answer.text(), expected);
            continue;
        }
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        assert_eq!(answer.header("content-length"), None);
        let mut text = String::new();
        flate2::read::GzDecoder::new(&answer.body[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, expected);
    }
}

#[test]
fn what_is_kept_compressed_is_never_stale() {
    let server = server();
    let get = || {
        let request = b"GET /gz/a.txt HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n";
        let answer = Response::parse(&server.raw(0, request));
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&answer.body[..])
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    for (number, size) in [30, 30, 70_000, 70_000, 300_000, 30].iter().enumerate() {
        let text = number.to_string().repeat(*size);
        server.write("www/a.txt", &text);
        assert_eq!(get(), text);
        std::thread::sleep(Duration::from_millis(120));
        for _ in 0..3 {
            assert_eq!(get(), text);
        }
    }
}

#[test]
fn texts_are_recoded() {
    let server = server();
    let answer = Response::parse(&server.raw(0, b"GET /coded/abc.txt HTTP/1.0\r\n\r\n"));
    assert_eq!(answer.text(), "\u{430}B\u{430}");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
}

#[test]
fn a_file_that_shrinks_ends_the_connection_short() {
    let server = server();
    let size = 64 << 20;
    let path = server.path("www/huge");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(size).unwrap();
    let mut stream = server.connect(0);
    std::io::Write::write_all(&mut stream, b"GET /huge HTTP/1.0\r\n\r\n").unwrap();
    let mut some = vec![0; 100_000];
    stream.read_exact(&mut some).unwrap();
    file.set_len(200_000).unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!((rest.len() as u64) < size - 100_000, "{}", rest.len());
    server.wait_for_log("truncated");
}
