//! Files, directories, conditional requests, ranges, fields: what static sites and the filters answer.

use crate::harness::{current, same_answers, same_complaints};
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Files with times that do not change, the same for both servers.
fn files(root: &Path) {
    let when = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let numbers = "0123456789".repeat(10);
    for (name, text) in [
        ("index.html", "<h1>hi</h1>\n"),
        ("a.txt", &numbers),
        ("A.HTML", "upper"),
        (".html", "dot"),
        ("empty.html", ""),
        ("d/index.htm", "htm"),
        ("d/x.html", &numbers),
        ("none/a", "1"),
        ("one/a.txt", "one"),
        ("page.html", "page"),
        ("list/f 2&<>\"'.txt", "abc"),
        ("list/empty", ""),
        ("list/sub/z", "z"),
        ("list/.hidden", ""),
        ("list/\u{444}\u{44b}\u{432}.txt", "utf"),
        (&format!("list/{}", "n".repeat(60)), "12345678901"),
        (&format!("list/{}", "\u{444}".repeat(60)), "long"),
    ] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::File::open(&path).unwrap().set_modified(when).unwrap();
    }
    fs::File::open(root.join("list/sub"))
        .unwrap()
        .set_modified(when)
        .unwrap();
}

fn same(locations: &str, requests: &[String]) {
    let root = tempfile::tempdir().unwrap();
    files(root.path());
    let inside = format!(
        "types {{ text/plain txt; }} server {{ listen 127.0.0.1:%PORT0%; root {}; {locations} }}",
        root.path().display()
    )
    .replace("%ROOT%", &root.path().display().to_string());
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    same_answers(&inside, &requests);
}

fn ask(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n")
}

fn gets(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| ask("GET", path, "")).collect()
}

#[test]
fn files_and_directories() {
    let mut requests = gets(&[
        "/",
        "/index.html",
        "/a.txt",
        "/nope",
        "/d",
        "/d?x=1",
        "/d/",
        "/d/?i=x.html",
        "/a.txt/",
        "/none/",
        "/absolute/",
        "/A.HTML",
        "/.html",
        "/empty.html",
        "/list",
        "/none?a=%20b",
        "/as/a.txt",
        "/as/",
        "/re/a.txt",
        "/re/",
        "/d%3f",
        "/gif",
        "/rewritten/a.txt",
    ]);
    for method in ["HEAD", "POST", "DELETE", "OPTIONS"] {
        for path in ["/a.txt", "/d/?i=x.html", "/list/", "/gif"] {
            requests.push(ask(method, path, "Content-Length: 0\r\n"));
        }
    }
    same(
        "location /d/ { index nope.html $arg_i index.htm; }
         location /absolute/ { alias %ROOT%/none/; index nope /a.txt; }
         location /as/ { alias %ROOT%/one/; }
         location ~ ^/re/(.*)$ { alias %ROOT%/one/$1; }
         location /rewritten/ { alias %ROOT%/one/; rewrite ^ /x break; }
         location /list/ { autoindex on; }
         location /gif { empty_gif; }",
        &requests,
    );
}

#[test]
fn lists_of_directories() {
    same(
        "location /h/ { alias %ROOT%/list/; autoindex on; }
         location /u/ { alias %ROOT%/list/; autoindex on; autoindex_exact_size off; charset utf-8; }
         location /j/ { alias %ROOT%/list/; autoindex on; autoindex_format json; }
         location /p/ { alias %ROOT%/list/; autoindex on; autoindex_format jsonp; }
         location /x/ { alias %ROOT%/list/; autoindex on; autoindex_format xml; }",
        &gets(&[
            "/h/",
            "/u/",
            "/j/",
            "/p/",
            "/p/?callback=a.b",
            "/p/?callback=a(b",
            "/x/",
            "/h/no/",
        ]),
    );
}

#[test]
fn try_files() {
    same(
        "location /1/ { try_files $uri $uri/ /index.html; }
         location /2/ { try_files /page.html =404; }
         location /3/ { try_files /nope /nope2 @fallback; }
         location /4/ { try_files /nope/ /a.txt?x=1; }
         location /5/ { try_files /nope =418; }
         location /6/ { alias %ROOT%/one/; try_files $uri $uri.txt =404; }
         location /7/ { try_files /d/ =404; }
         location /8/ { try_files /nope @missing; }
         location ~ ^/9/(.*)$ { alias %ROOT%/one; try_files /$1 /$1.txt =404; }
         location @fallback { return 200 \"$uri $args\"; }",
        &gets(&[
            "/1/x", "/1/", "/2/x", "/3/x?y=1", "/4/x", "/5/", "/6/a.txt", "/6/a", "/6/no", "/7/q",
            "/8/", "/9/a.txt", "/9/a", "/9/no",
        ]),
    );
}

#[test]
fn conditional_requests() {
    let mut requests = Vec::new();
    for path in [
        "/a.txt",
        "/before/a.txt",
        "/off/a.txt",
        "/page/a.txt",
        "/set/a.txt",
    ] {
        for field in [
            "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT",
            "If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT",
            "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT",
            "If-Modified-Since: junk",
            "If-Unmodified-Since: Tue, 14 Nov 2023 22:13:20 GMT",
            "If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT",
            "If-None-Match: \"6553f100-64\"",
            "If-None-Match: W/\"6553f100-64\"",
            "If-None-Match: \"x\", \"6553f100-64\"",
            "If-None-Match: \"x\"",
            "If-None-Match: *",
            "If-Match: \"6553f100-64\"",
            "If-Match: W/\"6553f100-64\"",
            "If-Match: *",
        ] {
            requests.push(ask("GET", path, &format!("{field}\r\n")));
        }
    }
    same(
        "location /before/ { alias %ROOT%/; if_modified_since before; }
         location /off/ { alias %ROOT%/; if_modified_since off; }
         location /page/ { alias %ROOT%/; error_page 412 /page.html; }
         location /set/ { alias %ROOT%/; add_header ETag '\"x\"'; add_header Last-Modified ''; }",
        &requests,
    );
}

#[test]
fn ranges() {
    let mut requests = Vec::new();
    for path in [
        "/a.txt",
        "/two/a.txt",
        "/none/a.txt",
        "/empty.html",
        "/late/a.txt",
    ] {
        for range in [
            "0-9",
            "90-",
            "-5",
            "-500",
            "100-",
            "0-0,2-3",
            "0-0,2-3,5-6",
            "5-4",
            "0-999",
            "-0",
            "a",
            "0-1,200-300",
            "0-99,0-99",
            " 1 - 2 ",
        ] {
            requests.push(ask("GET", path, &format!("Range: bytes={range}\r\n")));
        }
        for validator in [
            "\"6553f100-64\"",
            "\"x\"",
            "Tue, 14 Nov 2023 22:13:20 GMT",
            "Tue, 14 Nov 2023 22:13:21 GMT",
        ] {
            let fields = format!("Range: bytes=0-1\r\nIf-Range: {validator}\r\n");
            requests.push(ask("GET", path, &fields));
        }
        requests.push(ask("HEAD", path, "Range: bytes=0-1,3-4\r\n"));
    }
    same(
        "location /two/ { alias %ROOT%/; max_ranges 2; }
         location /none/ { alias %ROOT%/; max_ranges 0; }
         location /late/ { alias %ROOT%/; charset koi8-r; expires max; }",
        &requests,
    );
}

#[test]
fn fields_that_are_added() {
    if !current() {
        return;
    }
    let mut requests = gets(&[
        "/2/a.txt",
        "/3/a.txt",
        "/4/nope",
        "/5/a.txt",
        "/6/a.txt?e=bad",
        "/6/a.txt?e=max",
        "/6/a.txt?e=off",
        "/7/a.txt",
        "/7/d/x.html",
        "/7/one/a.txt",
        "/8/a.txt",
    ]);
    requests.push(ask("HEAD", "/8/a.txt", ""));
    same(
        "location /2/ { alias %ROOT%/; expires epoch; }
         location /3/ { alias %ROOT%/; expires max; add_header Cache-Control public; }
         location /4/ { alias %ROOT%/; add_header X-A a; add_header X-B b always; }
         location /5/ { alias %ROOT%/; add_header Last-Modified 'Mon, 01 Jan 2001 00:00:00 GMT'; }
         location /6/ { alias %ROOT%/; expires $arg_e; etag off; }
         location /7/ { alias %ROOT%/; add_header X-One 1;
             location /7/d/ { alias %ROOT%/d/; add_header_inherit merge; add_header X-Two 2; }
             location /7/one/ { alias %ROOT%/one/; add_header_inherit off; } }
         location /8/ { alias %ROOT%/; add_trailer X-T $status; add_trailer X-U u always; }",
        &requests,
    );
}

#[test]
fn who_gets_gzip() {
    let mut requests = Vec::new();
    for codings in ["gzip", "gzip;q=0", "deflate, gzip;q=0.5", "br", "*", "GZIP"] {
        for path in ["/a.txt", "/index.html", "/d/x.html"] {
            let fields = format!("Accept-Encoding: {codings}\r\n");
            requests.push(ask("HEAD", path, &fields));
            requests.push(ask("HEAD", path, &format!("{fields}Via: x\r\n")));
            requests.push(ask("HEAD", path, &format!("{fields}Range: bytes=0-1\r\n")));
        }
    }
    same(
        "gzip on; gzip_vary on; gzip_types text/plain; gzip_min_length 50;",
        &requests,
    );
}

#[test]
fn complaints() {
    same_complaints(&[
        "gzip maybe;",
        "gzip_comp_level 0;",
        "gzip_comp_level 10;",
        "gzip_comp_level x;",
        "gzip_comp_level 1; gzip_comp_level 1;",
        "gzip_window 3k;",
        "gzip_window 16k;",
        "gzip_buffers 0 4k;",
        "gzip_buffers 4 4k;",
        "gzip_proxied any any;",
        "gzip_proxied maybe;",
        "gzip_types text/html;",
        "gzip_types a/b A/B;",
        "gzip_http_version 2.0;",
        "gzip_disable msie6 '(';",
        "gzip_static maybe;",
        "expires never;",
        "expires @25h;",
        "expires modified @1h;",
        "expires modifies 1h;",
        "expires 1h; expires 2h;",
        "add_header X;",
        "add_header X 1 sometimes;",
        "add_header X $nosuch;",
        "add_header_inherit both;",
        "index a /b c;",
        "index '';",
        "autoindex_format yaml;",
        "server { listen 127.0.0.1:2; try_files /a; }",
        "server { listen 127.0.0.1:2; try_files /a =1000; }",
        "server { listen 127.0.0.1:2; try_files /a =x; }",
        "server { listen 127.0.0.1:2; try_files /a =404; try_files /b =404; }",
        "charset a; charset b;",
        "server { listen 127.0.0.1:2; charset a; source_charset b; }",
        "charset_map a A { }",
        "charset_map a b { } charset_map b a { }",
        "charset_map a b { 100 20; }",
        "charset_map a b { 80 g0; }",
        "charset_map a b { 80; }",
    ]);
    if current() {
        same_complaints(&[
            "charset_map utf-8 a { }",
            "charset_map a utf-8 { 80 D0B0D0B0; }",
        ]);
    }
}
