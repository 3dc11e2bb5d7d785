use crate::common::{Server, Site, http, wait_until};
use std::io::Write;
use std::time::{Duration, Instant};

#[test]
fn requests_beyond_the_rate_are_refused_or_delayed() {
    let server = Server::http(
        "limit_req_zone $arg_key zone=one:1m rate=5r/s;
         add_header X-Status $limit_req_status always;
         server {
             listen 127.0.0.1:%PORT0%;
             limit_req_status 429;
             location /refuse { limit_req zone=one; try_files /nothing =204; }
             location /delay { limit_req zone=one burst=1; try_files /nothing =204; }
             location /dry { limit_req_dry_run on; limit_req zone=one; try_files /nothing =204; }
         }",
    );
    let get = |path: &str| {
        let answer = server.get(path);
        let status = answer.header("X-Status").unwrap_or("").to_owned();
        (answer.status, status)
    };
    let is = |status: u16, name: &str| (status, name.to_owned());
    assert_eq!(get("/refuse"), is(204, ""));
    assert_eq!(get("/refuse?key=a"), is(204, "PASSED"));
    assert_eq!(get("/refuse?key=a"), is(429, "REJECTED"));
    assert_eq!(get("/dry?key=a"), is(204, "REJECTED_DRY_RUN"));
    assert_eq!(get("/refuse?key=b"), is(204, "PASSED"));
    assert_eq!(get("/delay?key=c"), is(204, "PASSED"));
    let begun = Instant::now();
    assert_eq!(get("/delay?key=c"), is(204, "DELAYED"));
    assert!(begun.elapsed() >= Duration::from_millis(100));
    server.wait_for_log(" by zone \"one\", client: 127.0.0.1");
    server.wait_for_log("limiting requests, excess: ");
    server.wait_for_log("limiting requests, dry run, excess: ");
    server.wait_for_log("[warn]");
    server.wait_for_log("delaying request, excess: ");
}

#[test]
fn counts_survive_a_reload_unless_the_zone_changes() {
    let conf = |size: &str| {
        format!(
            "limit_req_zone $arg_key zone=one:{size} rate=1r/m;
             server {{ listen 127.0.0.1:%PORT0%; limit_req zone=one; location / {{ try_files /nothing =204; }} }}"
        )
    };
    let server = Server::http(&conf("1m"));
    assert_eq!(server.get("/?key=a").status, 204);
    server.reload();
    assert_eq!(server.get("/?key=a").status, 503);
    server.reload_with(&conf("2m"));
    assert_eq!(server.get("/?key=a").status, 204);
    server.reload_with(&conf("2m").replace("$arg_key", "$arg_other"));
    server.wait_for_log("[emerg]");
    server.wait_for_log(
        "limit_req \"one\" uses the \"$arg_other\" key while previously it used the \"$arg_key\" key",
    );
    assert_eq!(server.get("/?key=a").status, 503);
}

#[test]
fn a_zone_that_nobody_uses_keeps_its_key() {
    let conf = |key: &str| {
        format!(
            "limit_req_zone {key} zone=one:1m rate=1r/m; limit_conn_zone {key} zone=two:1m;
             server {{ listen 127.0.0.1:%PORT0%; return 200 {key}; }}"
        )
    };
    let server = Server::http(&conf("$uri"));
    server.reload_with(&conf("$args"));
    server.wait_for_log("[emerg] ");
    server.wait_for_log(
        "limit_req \"one\" uses the \"$args\" key while previously it used the \"$uri\" key",
    );
    assert_eq!(server.get("/x?y").text(), "/x");
}

#[test]
fn requests_at_a_time_are_limited() {
    let server = Server::http(
        "limit_conn_zone $arg_key zone=c:32k;
         server {
             listen 127.0.0.1:%PORT0%;
             location / { limit_conn c 1; try_files /nothing =204; }
             location /slow {
                 limit_conn c 1; auth_basic x; auth_basic_user_file none; auth_delay 30s;
             }
         }",
    );
    // An answer of 401 that is held back is a request that is being served.
    let mut held = server.connect(0);
    held.write_all(b"GET /slow?key=a HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    server.wait_for_log("delaying unauthorized request");
    assert_eq!(server.get("/?key=a").status, 503);
    assert_eq!(server.get("/?key=b").status, 204);
    server.wait_for_log("limiting connections by zone \"c\", client: 127.0.0.1");
    drop(held);
    wait_until(
        || server.get("/?key=a").status == 204,
        || server.read("error.log"),
    );
}

#[test]
fn zones_must_be_defined_and_fit() {
    let cases = [
        (
            "limit_req zone=none;",
            "zero size shared memory zone \"none\"",
        ),
        (
            "limit_req burst=5;",
            "\"limit_req\" must have \"zone\" parameter in ",
        ),
        (
            "limit_req zone=a burst=x;",
            "invalid burst value \"burst=x\" in ",
        ),
        (
            "limit_req_zone $uri zone=a:1k rate=1r/s;",
            "zone \"zone=a:1k\" is too small in ",
        ),
        (
            "limit_req_zone $uri zone=a rate=1r/s;",
            "invalid zone size \"zone=a\" in ",
        ),
        (
            "limit_req_zone $uri zone=a:1m rate=0r/s;",
            "invalid rate \"rate=0r/s\" in ",
        ),
        (
            "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req_zone $args zone=a:1m rate=1r/s;",
            "limit_req_zone \"a\" is already bound to key \"$uri\" in ",
        ),
        (
            "limit_req_zone $uri zone=a:1m rate=1r/s; limit_conn a 1;",
            "the shared memory zone \"a\" is already declared for a different use in ",
        ),
        ("limit_conn a 0;", "invalid number of connections \"0\" in "),
        (
            "limit_conn a 65536;",
            "connection limit must be less 65536 in ",
        ),
        (
            "limit_req_status 200;",
            "value must be between 400 and 599 in ",
        ),
    ];
    for (text, message) in cases {
        let site = Site::new(&http(text));
        let output = site.run(&["-t"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains(&format!("nginx: [emerg] {message}")),
            "{text}\n{said}"
        );
    }
}
