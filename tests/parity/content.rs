//! What bodies become, and what is made up: charset, gzip, gzip_static, headers, empty_gif, stub_status, index.

use crate::harness::{current, same_complaints};
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n")
}

fn compare(pair: &Pair, requests: &[String]) {
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn charsets() {
    let Some(pair) = Pair::with_origins(
        r#"
        NOW
        charset_map koi8-r windows-1251 { C0 FE; C1 E0; C2 E1; 41 42; }
        charset_map windows-1251 utf-8 { C0 D090; C1 D091; FF D18F; 88 E282AC; }
        charset_map iso-8859-1 utf-8 { E9 C3A9; }
        server { listen 127.0.0.1:%PORT0%; root %DIR%/files;
            location / { charset utf-8; }
            location /off/ { charset off; alias %DIR%/files/; }
            location /koi/ { charset windows-1251; source_charset koi8-r; alias %DIR%/files/; }
            location /to/ { charset utf-8; source_charset windows-1251; alias %DIR%/files/; }
            location /from/ { charset windows-1251; source_charset utf-8; alias %DIR%/files/; }
            location /latin/ { charset iso-8859-1; source_charset utf-8; alias %DIR%/files/; }
            location /same/ { charset utf-8; source_charset utf-8; alias %DIR%/files/; }
            location /var/ { charset $arg_c; alias %DIR%/files/; }
            location /types/ { charset utf-8; charset_types image/gif text/html; alias %DIR%/files/; }
            location /any/ { charset utf-8; charset_types *; alias %DIR%/files/; }
            location /return { charset utf-8; return 200 text; }
            location /return/to { charset utf-8; return 302 /x; }
            location /error { charset utf-8; return 404; }
            location /default/ { charset utf-8; default_type text/html; alias %DIR%/files/; }
            location /default/own { charset utf-8; default_type "text/html; charset=x"; alias %DIR%/files/a; }
            location /proxy/ { charset utf-8; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /proxy/override/ { override_charset on; charset utf-8; source_charset windows-1251; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /proxy/to/ { charset utf-8; override_charset on; proxy_pass http://127.0.0.1:%ORIGIN0%; }
        }"#
        .replace("NOW", AS_NOW)
        .as_str(),
        1,
        |_, _, request| {
            let path = request.split(' ').nth(1).unwrap_or_default();
            let kind = path.split_once('?').map_or("text/html", |(_, query)| query);
            let kind = kind.replace("%3B", ";").replace('+', " ");
            let mut answer =
                format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 3\r\n\r\n")
                    .into_bytes();
            answer.extend([0xC0, b'a', 0x88]);
            Act::SendAndClose(answer)
        },
    ) else {
        return;
    };
    // Of all bytes, written as they are in UTF-8: Cyrillic, the Euro, one that has no other form, one that is cut.
    let text = "ABC \u{410}\u{411}\u{44f}\u{20ac}\u{e9}\u{3b1}\u{1f600} end";
    for name in ["a.html", "a.gif", "a.js", "a", "dir/a.html"] {
        pair.write(&format!("files/{name}"), text);
    }
    pair.write("files/long.html", &text.repeat(3000));
    let mut requests = Vec::new();
    for prefix in [
        "/",
        "/off/",
        "/koi/",
        "/to/",
        "/from/",
        "/latin/",
        "/same/",
        "/types/",
        "/any/",
        "/default/",
    ] {
        for name in ["a.html", "a.gif", "a.js", "a", "long.html"] {
            requests.push(get(&format!("{prefix}{name}"), ""));
        }
        requests.push(get(&format!("{prefix}a.html"), "Range: bytes=2-5\r\n"));
        requests.push(format!(
            "HEAD {prefix}a.html HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        ));
        requests.push(get(
            &format!("{prefix}a.html"),
            "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n",
        ));
    }
    // Without a value nginx's worker dies: nothing to compare with.
    for query in ["c=utf-8", "c=koi8-r", "c=off", "c=%22"] {
        requests.push(get(&format!("/var/a.html?{query}"), ""));
    }
    for path in ["/return", "/return/to", "/error", "/default/own"] {
        requests.push(get(path, ""));
    }
    for prefix in ["/proxy/", "/proxy/override/", "/proxy/to/"] {
        for kind in [
            "",
            "?text/html%3B+charset=windows-1251",
            "?text/html%3B+charset=utf-8",
            "?image/gif",
            "?text/html%3Bcharset=none",
            "?text/html%3B+Charset=windows-1251%3B+a=b",
            "?text/html%3B+a=b",
        ] {
            requests.push(get(&format!("{prefix}{kind}"), ""));
        }
    }
    compare(&pair, &requests);
}

#[test]
fn gzip() {
    let Some(pair) = Pair::with_origins(
        r#"
        NOW
        gzip on; gzip_min_length 100; gzip_types text/plain application/json;
        types { text/html html; text/plain txt; application/json json; image/gif gif; }
        server { listen 127.0.0.1:%PORT0%; root %DIR%/files;
            location /vary/ { gzip_vary on; alias %DIR%/files/; }
            location /http10/ { gzip_http_version 1.0; alias %DIR%/files/; }
            location /any/ { gzip_types *; alias %DIR%/files/; }
            location /off/ { gzip off; alias %DIR%/files/; }
            location /msie/ { gzip_disable msie6 "curl/[0-5]\."; alias %DIR%/files/; }
            location /proxied/ { gzip_proxied expired no-cache no-store private no_last_modified no_etag auth; alias %DIR%/files/; }
            location /via/ { gzip_proxied any; alias %DIR%/files/; }
            location /static/ { gzip_static on; max_ranges 0; gzip off; alias %DIR%/files/; }
            location /static/always/ { gzip_static always; max_ranges 0; gzip off; alias %DIR%/files/; }
            location /static/ranges/ { gzip_static on; gzip off; alias %DIR%/files/; }
            location /static/vary/ { gzip_static on; max_ranges 0; gzip_vary on; alias %DIR%/files/; }
            location /short { return 200 short; }
            location /long { return 200 "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789"; }
            location /error { error_page 404 /big.html; return 404; }
            location /ratio/ { add_header X-Ratio "[$gzip_ratio]"; alias %DIR%/files/; }
            location /proxy/ { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /level/ { gzip_comp_level 9; gzip_buffers 2 1k; alias %DIR%/files/; }
        }"#
        .replace("NOW", AS_NOW)
        .as_str(),
        1,
        |_, _, request| {
            let body = "0123456789".repeat(300);
            let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"x\"\r\nTransfer-Encoding: chunked\r\n\r\n";
            match request.split(' ').nth(1).unwrap_or_default() {
                "/proxy/encoded" => Act::SendAndClose(
                    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\nContent-Length: 3000\r\n\r\n{body}").into_bytes(),
                ),
                "/proxy/chunked" => Act::SendAndClose(format!("{chunked}bb8\r\n{body}\r\n0\r\n\r\n").into_bytes()),
                "/proxy/small" => Act::SendAndClose(format!("{chunked}3\r\nabc\r\n0\r\n\r\n").into_bytes()),
                "/proxy/404" => Act::SendAndClose(
                    format!("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 3000\r\n\r\n{body}").into_bytes(),
                ),
                "/proxy/500" => Act::SendAndClose(
                    format!("HTTP/1.1 500 No\r\nContent-Type: text/html\r\nContent-Length: 3000\r\n\r\n{body}").into_bytes(),
                ),
                _ => Act::SendAndClose(ok(&body)),
            }
        },
    ) else {
        return;
    };
    let text = "some text that repeats itself, ".repeat(50);
    for name in [
        "big.html",
        "big.txt",
        "big.json",
        "big.gif",
        "packed.html",
        "big.none",
    ] {
        pair.write(&format!("files/{name}"), &text);
    }
    pair.write("files/huge.html", &text.repeat(200));
    pair.write("files/99.html", &"x".repeat(99));
    pair.write("files/100.html", &"x".repeat(100));
    pair.write("files/packed.html.gz", "taken as it is");
    pair.write("files/only.html.gz", "taken as it is");
    let accept = "Accept-Encoding: gzip\r\n";
    for path in [
        "/big.html",
        "/big.txt",
        "/big.json",
        "/big.gif",
        "/big.none",
        "/99.html",
        "/100.html",
        "/huge.html",
        "/vary/big.html",
        "/vary/99.html",
        "/vary/big.gif",
        "/http10/big.html",
        "/any/big.gif",
        "/off/big.html",
        "/short",
        "/long",
        "/error",
        "/none",
        "/level/huge.html",
        "/proxy/",
        "/proxy/encoded",
        "/proxy/chunked",
        "/proxy/small",
        "/proxy/404",
        "/proxy/500",
        "/vary/none",
        "/ratio/99.html",
    ] {
        pair.same_unpacked(&get(path, accept));
        pair.same_unpacked(&get(path, ""));
        pair.same_unpacked(&format!("GET {path} HTTP/1.0\r\nHost: h\r\n{accept}\r\n"));
        // Without its body a page of the upstream's cannot be told from one that names the product.
        if !path.starts_with("/proxy/404") && !path.starts_with("/proxy/500") {
            pair.same_unpacked(&format!(
                "HEAD {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{accept}\r\n"
            ));
        }
    }
    for fields in [
        "Accept-Encoding: deflate\r\n",
        "Accept-Encoding: gzip;q=0.0\r\n",
        "Accept-Encoding: gzip;q=1.001\r\n",
        "Accept-Encoding: gzip ; q=0.1\r\n",
        "Accept-Encoding: x-gzip\r\n",
        "Accept-Encoding: gzip,deflate, br\r\n",
        "Accept-Encoding: br, gzip ,\r\n",
        "Accept-Encoding:gzip;q=\r\n",
        "Accept-Encoding: *;q=1\r\n",
        "Accept-Encoding: gzip;a=1;q=0\r\n",
        "TE: gzip\r\n",
    ] {
        pair.same_unpacked(&get("/vary/big.html", fields));
        pair.same_unpacked(&get("/static/packed.html", fields));
    }
    for agent in [
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows)",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows; SV1)",
        "Mozilla/4.0 (compatible; MSIE 5.5)",
        "Mozilla/4.0 (compatible; MSIE 7.0)",
        "curl/4.1",
        "curl/7.1",
    ] {
        pair.same_unpacked(&get(
            "/msie/big.html",
            &format!("{accept}User-Agent: {agent}\r\n"),
        ));
    }
    for path in [
        "/big.html",
        "/proxied/big.html",
        "/via/big.html",
        "/static/packed.html",
        "/proxy/",
    ] {
        for fields in ["Via: 1.1 x\r\n", "Via: 1.1 x\r\nAuthorization: x\r\n"] {
            pair.same_unpacked(&get(path, &format!("{accept}{fields}")));
        }
    }
    for path in [
        "/static/packed.html",
        "/static/always/packed.html",
        "/static/big.html",
        "/static/only.html",
        "/static/always/only.html",
        "/static/vary/packed.html",
        "/static/",
        "/static/none",
    ] {
        // Not packed at all: what stands in the file is sent.
        compare(
            &pair,
            &[
                get(path, accept),
                get(path, ""),
                get(path, "Accept-Encoding: gzip\r\nRange: bytes=1-3\r\n"),
                get(
                    path,
                    "Accept-Encoding: gzip\r\nIf-None-Match: \"6553f100-e\"\r\n",
                ),
            ],
        );
    }
    if current() {
        // Older ones serve no ranges of packed files.
        let path = "/static/ranges/packed.html";
        let range = get(path, "Accept-Encoding: gzip\r\nRange: bytes=1-3\r\n");
        compare(&pair, &[get(path, accept), range]);
    }
    pair.same_unpacked(&get(
        "/big.html",
        "Accept-Encoding: gzip\r\nRange: bytes=1-3\r\n",
    ));
    pair.same_unpacked(&get(
        "/big.html",
        "Accept-Encoding: gzip\r\nIf-None-Match: \"6553f100-60e\"\r\n",
    ));
    pair.same_unpacked(&get(
        "/big.html",
        "Accept-Encoding: gzip\r\nIf-None-Match: W/\"6553f100-60e\"\r\n",
    ));
}

#[test]
fn fields() {
    let Some(pair) = Pair::with_origins(
        r#"
        NOW
        map $sent_http_content_type $when { default off; text/html epoch; ~image/ max; "" 1h; }
        add_header X-Http http;
        server { listen 127.0.0.1:%PORT0%; root %DIR%/files;
            location / { }
            location /own/ { add_header X-One 1; add_header X-One 2; add_header x-one 3 always; alias %DIR%/files/; }
            location /own/nested/ { alias %DIR%/files/; }
            location /s200 { add_header X-A a; return 200; }
            location /s201 { add_header X-A a; return 201; }
            location /s204 { add_header X-A a; return 204; }
            location /s206 { add_header X-A a; return 206; }
            location /s301 { add_header X-A a; return 301 /; }
            location /s303 { add_header X-A a; return 303 /; }
            location /s304 { add_header X-A a; return 304; }
            location /s307 { add_header X-A a; return 307 /; }
            location /s308 { add_header X-A a; return 308 /; }
            location /s202 { add_header X-A a; add_header X-B b always; return 202; }
            location /s400 { add_header X-A a; add_header X-B b always; return 400; }
            location /s500 { add_header X-A a; add_header X-B b always; return 500; }
            location /empty { add_header X-A $arg_none; add_header X-B "<$arg_a>"; return 200; }
            location /special { add_header ETag '"x"'; add_header Content-Type a/b; add_header Server mine; add_header Date now; add_header Connection upgrade;
                add_header Content-Length 5; add_header Location /l; add_header Cache-Control a; add_header Cache-Control b; add_header Link c; add_header Link d; alias %DIR%/files/a.html; }
            location /unset { add_header ETag ""; add_header Last-Modified ""; alias %DIR%/files/a.html; }
            location /modified { add_header Last-Modified "Tue, 14 Nov 2023 22:13:21 GMT"; alias %DIR%/files/a.html; }
            location /expires/map/ { expires $when; alias %DIR%/files/; }
            location /expires/off/ { expires off; alias %DIR%/files/; }
            location /expires/max { expires max; return 404; }
            location /expires/max/204 { expires max; return 204; }
            location /expires/zero/ { expires 0; alias %DIR%/files/; }
            location /expires/proxy/ { expires epoch; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /if { add_header X-A a; if ($arg_a) { add_header X-C c; expires epoch; } return 200; }
            location /trailer { add_trailer X-T t; return 200 x; }
            location /trailer/proxy { add_trailer X-T "$status $upstream_http_x_up"; proxy_pass http://127.0.0.1:%ORIGIN0%; }
        }"#
        .replace("NOW", AS_NOW)
        .as_str(),
        1,
        |_, _, _| {
            Act::SendAndClose(
                b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nETag: \"up\"\r\nX-Up: 1\r\nCache-Control: private\r\nExpires: never\r\n\
                  Cache-Control: more\r\nX-Up: 2\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".to_vec(),
            )
        },
    ) else {
        return;
    };
    for name in ["a.html", "a.gif", "a"] {
        pair.write(&format!("files/{name}"), "text");
    }
    let mut requests = Vec::new();
    for path in [
        "/a.html",
        "/own/a.html",
        "/own/none",
        "/own/nested/a.html",
        "/s200",
        "/s201",
        "/s204",
        "/s206",
        "/s301",
        "/s303",
        "/s304",
        "/s307",
        "/s308",
        "/s202",
        "/s400",
        "/s500",
        "/empty?a=%20b",
        "/special",
        "/unset",
        "/modified",
        "/expires/map/a.html",
        "/expires/map/a.gif",
        "/expires/off/a.html",
        "/expires/max",
        "/expires/max/204",
        "/expires/proxy/",
        "/if",
        "/if?a=1",
        "/trailer",
        "/trailer/proxy",
        "/none",
    ] {
        requests.push(get(path, ""));
        requests.push(format!("HEAD {path} HTTP/1.0\r\nHost: h\r\n\r\n"));
    }
    requests.push(get(
        "/modified",
        "If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT\r\n",
    ));
    requests.push(get(
        "/a.html",
        "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n",
    ));
    requests.push(get("/special", "If-None-Match: \"x\"\r\n"));
    // Before 1.23 a variable had the first of two fields of one name only.
    if !current() {
        requests.retain(|request| !request.contains(" /trailer/proxy "));
    }
    compare(&pair, &requests);
}

#[test]
fn status_pages_and_gifs() {
    let Some(pair) = Pair::start(
        r#"server { listen 127.0.0.1:%PORT0%;
            location /gif { empty_gif; }
            location /gif/expires { empty_gif; expires max; }
            location /gif/type { empty_gif; types { } default_type a/b; }
            location /status { stub_status; }
            location /status/vars { return 200 "$connections_active $connections_reading $connections_writing $connections_waiting"; }
        }"#,
    ) else {
        return;
    };
    let mut requests = Vec::new();
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        for path in [
            "/gif",
            "/gif/expires",
            "/gif/type",
            "/status",
            "/status/vars",
        ] {
            requests.push(format!("{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        }
    }
    requests.push(get(
        "/gif",
        "If-Modified-Since: Mon, 28 Sep 1970 06:00:00 GMT\r\n",
    ));
    requests.push(get("/gif", "Range: bytes=0-3\r\n"));
    requests.push(get("/status", "Range: bytes=0-3\r\n"));
    compare(&pair, &requests);
    // Several requests on one connection.
    pair.same("GET /gif HTTP/1.1\r\nHost: h\r\n\r\nGET /gif HTTP/1.1\r\nHost: h\r\n\r\nGET /status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
}

#[test]
fn complaints() {
    same_complaints(&[
        "server { listen 127.0.0.1:2; location / { empty_gif x; } }",
        "empty_gif;",
        "server { listen 127.0.0.1:2; empty_gif; }",
        "server { listen 127.0.0.1:2; location / { stub_status on; } }",
        "server { listen 127.0.0.1:2; stub_status; location / { stub_status; stub_status; } }",
        "stub_status;",
        "server { listen 127.0.0.1:2; location / { stub_status a b; } }",
        "server { listen 127.0.0.1:2; location / { if ($args) { stub_status; } } }",
        "charset $nosuch;",
        "charset;",
        "charset a b;",
        "source_charset $x;",
        "source_charset off; charset off; override_charset maybe;",
        "override_charset on; override_charset on;",
        "charset_types text/html text/html;",
        "charset_map a a { }",
        "charset_map a { }",
        "charset_map a b { 80 81 82; }",
        "charset_map a b { 80 {} }",
        "server { listen 127.0.0.1:2; charset_map a b { } }",
        "charset koi8-r; source_charset utf-8; server { listen 127.0.0.1:2; }",
        "charset_map koi8-r utf-8 { } charset koi8-r; source_charset utf-8; ",
        "gzip on on;",
        "gzip on; gzip off;",
        "gzip_min_length x;",
        "gzip_hash 512; gzip_window 8k; gzip_no_buffer on;",
        "postpone_gzipping 1k;",
        "add_header;",
        "add_header A b always c;",
        "add_trailer A;",
        "add_trailer A b sometimes;",
        "expires;",
        "expires modified;",
        "expires modified max;",
        "expires @x;",
        "expires @-1h;",
        "expires -1;",
        "expires +1h;",
        "expires 1x;",
        "expires 1h 2h;",
        "expires $nosuch;",
        "expires modified @1h 1;",
    ]);
}
