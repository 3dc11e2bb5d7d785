use crate::common::Server;

/// Status, `Location` if there is one, and body.
fn answer(server: &Server, path: &str) -> String {
    let answer = server.get(path);
    let location = answer.header("location").map(|to| format!(" {to}"));
    let body = match answer.status {
        300..=399 => String::new(),
        _ => format!(" {}", answer.text()),
    };
    format!("{}{}{body}", answer.status, location.unwrap_or_default())
}

#[test]
fn rewrites_stop_and_go_on_as_their_flags_say() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             absolute_redirect off;
             rewrite ^/old/(.*)$ /new/$1;
             location /new/ { return 200 \"$uri?$args\"; }
             location /last/ { rewrite ^/last/(.*)$ /new/$1 last; return 500; }
             location /break/ { rewrite ^/break/(.*)$ /new/$1 break; root %DIR%/files; return 500; }
             location /302/ { rewrite ^/302/(.*)$ /to/$1 redirect; }
             location /301/ { rewrite ^/301/(.*)$ /to/$1? permanent; }
             location /url/ { rewrite ^/url/(.*)$ http://other/$1; }
             location /query/ { rewrite ^/query/(.*)$ /new/?q=$1; }
             location /loop { rewrite ^ /loop; }
             location /empty { rewrite ^ $arg_none; }
         }",
    );
    server.write("files/new/a", "a file");
    for (path, want) in [
        ("/old/a?b=c", "200 /new/a?b=c"),
        ("/last/a", "200 /new/a?"),
        ("/break/a", "200 a file"),
        ("/302/a?b", "302 /to/a?b"),
        ("/301/a?b", "301 /to/a"),
        ("/url/a", "302 http://other/a"),
        ("/query/a?b", "200 /new/?q=a&b"),
        // A decoded & must not begin an argument of its own.
        ("/query/a%26b", "200 /new/?q=a%26b"),
        ("/302/a%20b%0dc", "302 /to/a%20b%0Dc"),
    ] {
        assert_eq!(answer(&server, path), want, "{path}");
    }
    assert_eq!(server.get("/loop").status, 500);
    assert_eq!(server.get("/empty").status, 500);
    server.wait_for_log("rewrite or internal redirection cycle while processing \"/loop\"");
    server.wait_for_log("the rewritten URI has a zero length");
}

#[test]
fn an_if_puts_its_settings_in_force() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             add_header X-Block location;
             location / {
                 if ($arg_a) { add_header X-Block if; set $in yes; }
                 if ($arg_b = 1) { return 403; }
                 if ($arg_c ~* ^(X+)$) { return 200 \"c $1\"; }
                 return 200 \"[$in]\";
             }
         }",
    );
    let plain = server.get("/");
    assert_eq!(
        (plain.header("x-block"), plain.text()),
        (Some("location"), "[]".into())
    );
    let taken = server.get("/?a=1");
    assert_eq!(
        (taken.header("x-block"), taken.text()),
        (Some("if"), "[yes]".into())
    );
    assert_eq!(server.get("/?a=0").text(), "[]");
    assert_eq!(server.get("/?a=1&b=1").status, 403);
    assert_eq!(server.get("/?c=xx").text(), "c xx");
    server.wait_for_log("using uninitialized \"in\" variable");
}

#[test]
fn texts_and_redirects_are_returned() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             error_page 404 /missing;
             location = /text { return 200 \"hello $arg_name\"; }
             location = /created { default_type application/json; return 201 '{}'; }
             location = /empty { return 204; }
             location = /page { return 404; }
             location = /said { return 404 said; }
             location = /missing { return 200 page; }
             location = /url { return https://example.com$request_uri; }
             location = /close { return 444; }
         }",
    );
    assert_eq!(answer(&server, "/text?name=you"), "200 hello you");
    let created = server.get("/created");
    assert_eq!(
        (created.status, created.header("content-type")),
        (201, Some("application/json"))
    );
    assert_eq!(server.get("/empty").status, 204);
    assert_eq!(answer(&server, "/page"), "404 page");
    assert_eq!(answer(&server, "/said"), "404 said");
    assert_eq!(answer(&server, "/url?a"), "302 https://example.com/url?a");
    let closed = server.raw(0, b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(closed.is_empty());
}

#[test]
fn rewrite_log_says_what_happens() {
    let server = Server::http(
        "error_log %DIR%/error.log notice;
         server {
             listen 127.0.0.1:%PORT0%;
             rewrite_log on;
             location / { rewrite ^/(x*)$ /y?a=$1 break; return 200; }
         }",
    );
    server.get("/xx?b");
    server.wait_for_log("\"^/(x*)$\" matches \"/xx\"");
    server.wait_for_log("rewritten data: \"/y\", args: \"a=xx&b\"");
}
