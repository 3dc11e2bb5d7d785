//! `X-Accel-*` of upstreams, where they come twice, in odd forms, or with an answer that is not passed on.

use crate::harness::current;
use crate::origin::Act;
use crate::pair::{AS_NOW, Pair};

/// The fields of an answer, by the end of the path; each has its own status.
const ANSWERS: &[(&str, &str, &str)] = &[
    ("rate", "200 OK", "X-Accel-Limit-Rate: 5000"),
    ("rate-none", "200 OK", "X-Accel-Limit-Rate: 0"),
    ("rate-odd", "200 OK", "X-Accel-Limit-Rate: 5k"),
    ("rate-empty", "200 OK", "X-Accel-Limit-Rate:"),
    (
        "rate-huge",
        "200 OK",
        "X-Accel-Limit-Rate: 99999999999999999999",
    ),
    (
        "rate-twice",
        "200 OK",
        "X-Accel-Limit-Rate: 5000\r\nX-Accel-Limit-Rate: 6000",
    ),
    (
        "rate-unbuffered",
        "200 OK",
        "X-Accel-Limit-Rate: 5000\r\nX-Accel-Buffering: no",
    ),
    (
        "buffering-twice",
        "200 OK",
        "X-Accel-Limit-Rate: 5000\r\nX-Accel-Buffering: No\r\nX-Accel-Buffering: YES",
    ),
    (
        "buffering-odd",
        "200 OK",
        "X-Accel-Limit-Rate: 5000\r\nX-Accel-Buffering: off",
    ),
    ("rate-error", "404 Gone", "X-Accel-Limit-Rate: 5000"),
    ("rate-named", "503 Busy", "X-Accel-Limit-Rate: 5000"),
    ("charset", "200 OK", "X-Accel-Charset: koi8-r"),
    (
        "charset-twice",
        "200 OK",
        "X-Accel-Charset: koi8-r\r\nX-Accel-Charset: utf-8",
    ),
    ("charset-empty", "200 OK", "X-Accel-Charset:"),
    ("charset-off", "200 OK", "X-Accel-Charset: off"),
    ("charset-error", "404 Gone", "X-Accel-Charset: koi8-r"),
    (
        "charset-redirect",
        "200 OK",
        "X-Accel-Charset: koi8-r\r\nX-Accel-Redirect: /page",
    ),
    (
        "rate-redirect",
        "200 OK",
        "X-Accel-Limit-Rate: 5000\r\nX-Accel-Redirect: @named",
    ),
    (
        "redirect-twice",
        "200 OK",
        "X-Accel-Redirect: /page\r\nX-Accel-Redirect: @named",
    ),
    ("redirect-empty", "200 OK", "X-Accel-Redirect:"),
    ("redirect-none", "200 OK", "X-Accel-Redirect: @nobody"),
    ("redirect-relative", "200 OK", "X-Accel-Redirect: page"),
    (
        "redirect-query",
        "200 OK",
        "X-Accel-Redirect: /page?a=%20b?c",
    ),
    ("redirect-escaped", "200 OK", "X-Accel-Redirect: /pa%67e"),
    ("redirect-upwards", "200 OK", "X-Accel-Redirect: /a/../page"),
    ("redirect-hash", "200 OK", "X-Accel-Redirect: /page#x"),
    (
        "redirect-whole",
        "200 OK",
        "X-Accel-Redirect: http://h.test/page",
    ),
    (
        "redirect-moved",
        "302 Found",
        "X-Accel-Redirect: /page\r\nLocation: /x",
    ),
    ("redirect-error", "404 Gone", "X-Accel-Redirect: /page"),
    ("redirect-internal", "200 OK", "X-Accel-Redirect: /internal"),
    (
        "redirect-again",
        "200 OK",
        "X-Accel-Redirect: /up/redirect-query",
    ),
    ("expires", "200 OK", "X-Accel-Expires: 0"),
    (
        "expires-at",
        "200 OK",
        "X-Accel-Expires: @1\r\nX-Accel-Expires: x",
    ),
];

#[test]
fn what_an_upstream_asks_for() {
    let Some(pair) = Pair::with_origins(
        &r#"
        NOW
        charset_types text/html text/plain;
        server { listen 127.0.0.1:%PORT0%; server_name h.test;
            add_header X-Rate $limit_rate always;
            add_header X-Uri "$uri?$args $request_method" always;
            location /up/ { charset windows-1251; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /intercept/ { proxy_intercept_errors on; error_page 404 /page; error_page 503 @named; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /pass/ { proxy_pass_header X-Accel-Limit-Rate; proxy_pass_header X-Accel-Expires; proxy_pass_header X-Accel-Charset; proxy_pass_header X-Accel-Buffering; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /unbuffered/ { proxy_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /ignore/ { proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /page { default_type text/html; return 200 page; }
            location /internal { internal; return 200 internal; }
            location @named { default_type text/html; return 200 named; }
        }"#
        .replace("NOW", AS_NOW),
        1,
        |_, _, request| {
            let path = request.split(' ').nth(1).unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let found = ANSWERS.iter().find(|(known, _, _)| *known == name);
            let (_, status, fields) = found.unwrap();
            Act::SendAndClose(
                format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: 2\r\n{fields}\r\n\r\nup")
                    .into_bytes(),
            )
        },
    ) else {
        return;
    };
    let (mut requests, current) = (Vec::new(), current());
    for place in ["up", "intercept", "pass", "unbuffered", "ignore"] {
        for (name, ..) in ANSWERS {
            // Older ones take the last of several, and some pass them all on.
            if (name.ends_with("-twice") || *name == "expires-at") && !current {
                continue;
            }
            let method = if name.len() % 2 == 0 { "GET" } else { "POST" };
            requests.push(format!(
                "{method} /{place}/{name} HTTP/1.1\r\nHost: h.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ));
        }
    }
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}
