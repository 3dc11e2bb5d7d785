//! Which location answers.

use crate::common::Server;

fn server() -> Server {
    Server::http(
        r#"server {
            listen 127.0.0.1:%PORT0%;
            location / { return 200 "/"; }
            location = /exact { return 200 "= /exact"; }
            location /exact { return 200 "/exact"; }
            location /prefix/ { return 200 "/prefix/"; }
            location /prefix/long { return 200 "/prefix/long"; }
            location ^~ /plain/ { return 200 "^~ /plain/"; }
            location ~ \.(php|py)$ { return 200 "~ $1"; }
            location ~* \.PHP$ { return 200 "~* php"; }
            location ~* ^/nested/(?<name>\w+) {
                location ~ /deep$ { return 200 "deep $name"; }
                return 200 "nested $name";
            }
            location /around/ {
                location ^~ /around/quiet/ { return 200 "quiet"; }
                location = /around/one.php { return 200 "one"; }
                location ~ \.php$ { return 200 "inner php"; }
                location /around/more/ { return 200 "more"; }
                return 200 "around";
            }
            location /inside { internal; return 200 "inside"; }
            location /to-inside { rewrite ^ /inside last; }
            location /methods {
                limit_except GET { deny all; }
                return 200 "let alone";
            }
            location @named { return 200 "named"; }
        }"#,
    )
}

#[test]
fn the_most_particular_location_answers() {
    let server = server();
    for (path, body) in [
        ("/", "/"),
        ("/x", "/"),
        ("/exact", "= /exact"),
        ("/exact/", "/exact"),
        ("/exactly", "/exact"),
        ("/prefix", "/"),
        ("/prefix/", "/prefix/"),
        ("/prefix/lon", "/prefix/"),
        ("/prefix/longer", "/prefix/long"),
        ("/prefix/long.py", "~ py"),
        ("/plain/a.php", "^~ /plain/"),
        ("/a.php", "~ php"),
        ("/a.PHP", "~* php"),
        ("/NESTED/ab", "nested ab"),
        ("/nested/ab/deep", "deep ab"),
        ("/around/", "around"),
        ("/around/quiet/a", "quiet"),
        // `^~` holds back the expressions around it, but not those of the server: in nginx neither.
        ("/around/quiet/a.php", "~ php"),
        ("/around/one.php", "one"),
        ("/around/two.php", "inner php"),
        ("/around/more/a.py", "~ py"),
        ("/around/more/a.php", "inner php"),
        ("/%61round/more/", "more"),
        ("/to-inside", "inside"),
    ] {
        assert_eq!(server.get(path).text(), body, "{path}");
    }
    assert_eq!(server.get("/inside").status, 404);
    assert_eq!(server.get("/@named").text(), "/");
}

#[test]
fn limit_except_lets_its_methods_alone() {
    let server = server();
    let status = |method: &str| {
        let request = format!("{method} /methods HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        crate::common::Response::parse(&server.raw(0, request.as_bytes())).status
    };
    // Inside of the block there is no `return`: nginx does not inherit it either.
    assert_eq!((status("GET"), status("HEAD")), (200, 200));
    assert_eq!((status("POST"), status("DELETE")), (403, 403));
    assert_eq!(status("FANCY"), 403);
}

#[test]
fn a_path_on_which_an_expression_gives_up_is_not_let_past_it() {
    let server = Server::http(
        "large_client_header_buffers 4 64k;
         server { listen 127.0.0.1:%PORT0%;
             location / { return 200 open; }
             location ~ ^/(x+x+)+[yz]$ { return 403; }
             location ~ ^/(?:a|b)+(z)$ { return 200 long; } }",
    );
    assert_eq!(server.get("/other").text(), "open");
    assert_eq!(server.get("/xxxy").status, 403);
    assert_eq!(server.get(&format!("/{}", "x".repeat(60))).status, 500);
    server.wait_for_log("pcre2_match() failed: -47 on \"/xxx");
    let long = format!("/{}z", "ab".repeat(15_000));
    assert_eq!(server.get(&long).text(), "long");
}
