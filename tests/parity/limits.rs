//! limit_req and limit_conn.

use crate::harness::same_complaints;
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

fn compare(pair: &Pair, paths: &str) {
    let requests: Vec<String> = paths.split_whitespace().map(get).collect();
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn requests_by_rate() {
    let Some(pair) = Pair::start(
        r#"
        limit_req_zone $arg_k zone=slow:1m rate=1r/m;
        limit_req_zone $arg_k zone=burst:1m rate=1r/m;
        limit_req_zone $arg_k zone=dry:1m rate=1r/m;
        limit_req_zone $arg_k$uri zone=both:1m rate=1r/m;
        limit_req_zone $arg_k zone=quick:1m rate=4r/s;
        server { listen 127.0.0.1:%PORT0%; root %DIR%;
            location / { limit_req zone=slow; add_header X-Status $limit_req_status always; try_files /a.html =404; }
            location /burst { limit_req zone=burst burst=2 nodelay; add_header X-Status $limit_req_status always; try_files /a.html =404; }
            location /delay { limit_req zone=quick burst=3; add_header X-Status $limit_req_status always; try_files /a.html =404; }
            location /delay/some { limit_req zone=quick burst=5 delay=2; add_header X-Status $limit_req_status always; try_files /a.html =404; }
            location /dry { limit_req zone=dry; limit_req_dry_run on; add_header X-Status $limit_req_status always; try_files /a.html =404; }
            location /status { limit_req zone=both; limit_req_status 429; limit_req_log_level warn; error_page 429 = /page; try_files /a.html =404; }
            location /status/2 { limit_req zone=both; limit_req zone=burst burst=1; limit_req_status 599; try_files /a.html =404; }
            location /page { add_header X-Status $limit_req_status; return 200 later; }
            location /return { limit_req zone=slow; return 200 "never limited"; }
        }"#,
    ) else {
        return;
    };
    pair.write("a.html", "a");
    compare(
        &pair,
        "/?k=1 /?k=1 /?k=2 /?k=2 / / /
         /burst?k=1 /burst?k=1 /burst?k=1 /burst?k=1 /burst?k=1 /burst?k=2
         /delay?k=1 /delay?k=1 /delay?k=1 /delay/some?k=2 /delay/some?k=2 /delay/some?k=2 /delay/some?k=2
         /dry?k=1 /dry?k=1 /dry?k=1 /status?k=1 /status?k=1 /status?k=1 /status/2?k=9 /status/2?k=9
         /return?k=1 /return?k=1",
    );
    pair.same_errors(12);
}

#[test]
fn connections() {
    let Some(pair) = Pair::with_origins(
        r#"
        limit_conn_zone $arg_k zone=one:1m;
        limit_conn_zone $server_name zone=server:1m;
        server { listen 127.0.0.1:%PORT0%; server_name here; root %DIR%;
            NOW
            location / { limit_conn one 1; add_header X-Status $limit_conn_status always; proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /two { limit_conn one 2; limit_conn server 3; limit_conn_status 429; add_header X-Status $limit_conn_status always; try_files /a.html =404; }
            location /dry { limit_conn one 1; limit_conn_dry_run on; limit_conn_log_level info; add_header X-Status $limit_conn_status always; try_files /a.html =404; }
            location /level { limit_conn one 1; limit_conn_log_level warn; error_page 503 = /page; try_files /a.html =404; }
            location /page { return 200 "busy $limit_conn_status"; }
        }"#
        .replace("NOW", AS_NOW)
        .as_str(),
        1,
        |_, _, request| match request.contains("/hang") {
            true => Act::Hang,
            false => Act::SendAndClose(ok("done")),
        },
    ) else {
        return;
    };
    pair.write("a.html", "a");
    compare(&pair, "/?k=1 /?k=1 /two?k=1 /level?k=1");
    let held = pair.hold(&get("/hang?k=1"));
    compare(
        &pair,
        "/?k=1 /?k=2 /two?k=1 /two?k=2 /dry?k=1 /dry?k=2 /level?k=1 /level?k=2 / /",
    );
    let more = pair.hold(&get("/hang?k=2"));
    compare(&pair, "/?k=1 /?k=2 /?k=3 /two?k=1 /dry?k=2 /level?k=2");
    pair.same_errors(5);
    drop((held, more));
}

#[test]
fn complaints() {
    same_complaints(&[
        "limit_req_zone $x zone=a:1m rate=1r/s;",
        "limit_req_zone $uri zone=a:1m;",
        "limit_req_zone $uri rate=1r/s;",
        "limit_req_zone $uri zone=a rate=1r/s;",
        "limit_req_zone $uri zone=a: rate=1r/s;",
        "limit_req_zone $uri zone=:1m rate=1r/s;",
        "limit_req_zone $uri zone=a:x rate=1r/s;",
        "limit_req_zone $uri zone=a:1k rate=1r/s;",
        "limit_req_zone $uri zone=a:32k rate=1r/s;",
        "limit_req_zone $uri zone=a:1m rate=0r/s;",
        "limit_req_zone $uri zone=a:1m rate=1r/h;",
        "limit_req_zone $uri zone=a:1m rate=1;",
        "limit_req_zone $uri zone=a:1m rate=xr/s;",
        "limit_req_zone $uri zone=a:1m rate=1r/s foo;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req_zone $uri zone=a:1m rate=1r/s;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req_zone $args zone=a:1m rate=1r/s;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_conn_zone $uri zone=a:1m;",
        "limit_req zone=nosuch;",
        "limit_req;",
        "limit_req burst=1;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req zone=a burst=0;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req zone=a burst=x;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req zone=a delay=0;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req zone=a nodelay delay=3 x;",
        "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req zone=a; limit_req zone=a;",
        "limit_req zone=late; limit_req_zone $uri zone=late:1m rate=1r/s;",
        "limit_req_status 200;",
        "limit_req_status 600;",
        "limit_req_status x;",
        "limit_req_log_level debug;",
        "limit_req_log_level warn; limit_req_log_level warn;",
        "limit_req_dry_run maybe;",
        "limit_conn_zone $uri;",
        "limit_conn_zone $uri zone=a;",
        "limit_conn_zone $uri zone=a:1m foo;",
        "limit_conn_zone $uri zone=a:1k;",
        "limit_conn_zone $uri zone=a:x;",
        "limit_conn_zone $uri zone=:1m;",
        "limit_conn_zone $nosuch zone=a:1m;",
        "limit_conn_zone $uri zone=a:1m; limit_conn_zone $uri zone=a:1m;",
        "limit_conn a 1;",
        "limit_conn_zone $uri zone=a:1m; limit_conn a 0;",
        "limit_conn_zone $uri zone=a:1m; limit_conn a x;",
        "limit_conn_zone $uri zone=a:1m; limit_conn a 65536;",
        "limit_conn_zone $uri zone=a:1m; limit_conn a 1; limit_conn a 2;",
        "limit_conn_zone $uri zone=a:1m; limit_conn a 1 2;",
        "limit_conn_status 700;",
        "limit_conn_log_level crit;",
        "limit_conn_dry_run x;",
        "limit_rate x;",
        "limit_rate_after x;",
        "limit_rate $nosuch;",
        "limit_rate 1k; limit_rate 1k;",
        "limit_rate $args; limit_rate_after $args;",
        "limit_zone a $uri 1m;",
    ]);
}
