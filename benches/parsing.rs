//! What parsing costs: the head of a browser's request, the path of its target, a configuration of many servers.
//!
//!     cargo bench --bench parsing

mod common;

use common::{One, measure};
use goodgate::config::load;
use goodgate::config::source::Sources;
use goodgate::http::h1::parse::{Limits, NameRules, Outcome, parse};
use goodgate::http::head::Head;
use goodgate::http::uri;
use std::hint::black_box;
use std::path::Path;

const SHORT_HEAD: &[u8] =
    b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n";

const HEAD: &[u8] = b"GET /shop/items?page=2 HTTP/1.1\r\nHost: www.example.com\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef\r\n\r\n";

fn main() {
    let mut head = Head::default();
    for (what, text) in [("of a browser", HEAD), ("of a program", SHORT_HEAD)] {
        measure(&format!("request head {what}"), || {
            head.clear();
            head.buf.extend_from_slice(text);
            assert!(matches!(
                parse(&mut head, &Limits::default(), &|_| NameRules::default()),
                Outcome::Done
            ));
        });
    }
    let mut path = Vec::new();
    measure("plain path", || {
        let _ = black_box(uri::normalise(b"/shop/items?page=2", true, &mut path));
    });
    measure("path with escapes", || {
        let _ = black_box(uri::normalise(
            b"/shop//a%20b/../items/./%41?page=2",
            true,
            &mut path,
        ));
    });
    for servers in [10, 1_000, 10_000] {
        let text = configuration(servers);
        measure(
            &format!("configuration of {servers} servers, checked"),
            || {
                black_box(common::load(&text));
            },
        );
        let text = One(text);
        measure(&format!("configuration of {servers} servers, read"), || {
            let mut sources = Sources::default();
            let items = load::load(
                Path::new("/nginx.conf"),
                Path::new("/"),
                &text,
                &mut sources,
            );
            assert_eq!(black_box(items).len(), 2);
        });
    }
}

fn configuration(servers: usize) -> String {
    let one = |i: usize| {
        format!(
            "    server {{\n        listen 80;\n        server_name host{i}.example.com;\n        root /srv/{i};\n        \
             location / {{ index index.html; }}\n        location ~ \\.php$ {{ return 404; }}\n    }}\n"
        )
    };
    let servers: String = (0..servers).map(one).collect();
    format!("events {{ }}\nhttp {{\n{servers}}}\n")
}
