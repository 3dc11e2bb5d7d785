use crate::common::Server;
use crate::origin::{Act, Origin};

#[test]
fn the_other_location_decides() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             location / { return 404 passed; auth_request /none; }
             location /ok { auth_request /204; try_files /nothing =207; }
             location /forbidden { auth_request /403; try_files /nothing =207; }
             location /login { auth_request /401; try_files /nothing =207; }
             location /wrong { auth_request /404; try_files /nothing =207; }
             location /files { root %DIR%; }
             location /missing { auth_request /files/nothing; try_files /nothing =207; }
             location /page { auth_request /page-403; try_files /nothing =207; }
             location /silent { auth_request /444; try_files /nothing =207; }
             location /any { satisfy any; deny all; auth_request /204; try_files /nothing =207; }
             location /off { auth_request /403; location /off/open { auth_request off; try_files /nothing =207; } }
             location = /204 { internal; return 204; }
             location = /401 { return 401; }
             location = /403 { return 403; }
             location = /404 { return 404; }
             location = /444 { return 444; }
             location = /page-403 { error_page 403 =200 /204; return 403; }
         }",
    );
    for (path, status) in [
        // The rewrite phase comes first.
        ("/", 404),
        ("/ok", 207),
        ("/forbidden", 403),
        ("/login", 401),
        ("/wrong", 500),
        ("/missing", 500),
        ("/page", 207),
        ("/any", 207),
        ("/off/x", 403),
        ("/off/open", 207),
        ("/204", 404),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
    server.wait_for_log("auth request unexpected status: 404, client: 127.0.0.1");
    server.wait_for_log(", subrequest: \"/files/nothing\"");
    let nothing = server.raw(0, b"GET /silent HTTP/1.0\r\n\r\n");
    assert!(nothing.is_empty());
}

#[test]
fn an_application_decides_and_its_answer_can_be_used() {
    let origin = Origin::start(|_, request| {
        let head = match request.contains("Authorization: good") {
            true => "HTTP/1.1 200 OK\r\nX-User: alice\r\nContent-Length: 5\r\n\r\nhello",
            false => {
                "HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
            }
        };
        Act::Send(head.into())
    });
    let server = Server::http(&format!(
        "server {{
             listen 127.0.0.1:%PORT0%;
             auth_request_set $user $upstream_http_x_user;
             auth_request_set $auth_status $upstream_status;
             add_header X-Seen \"$user $auth_status $set_inside\" always;
             location / {{ auth_request /auth; try_files /nothing =204; }}
             location = /auth {{
                 internal; set $set_inside yes; proxy_pass http://127.0.0.1:{}; proxy_set_header X-Uri $request_uri;
             }}
         }}",
        origin.port
    ));
    let ask = |head: &str| {
        let request = format!(
            "POST /a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}Content-Length: 3\r\n\r\nabc"
        );
        let answer = server.raw(0, request.as_bytes());
        String::from_utf8(answer).unwrap()
    };
    let refused = ask("");
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    assert!(
        refused.contains("WWW-Authenticate: Bearer\r\nWWW-Authenticate: Basic\r\n"),
        "{refused}"
    );
    assert!(refused.contains("X-Seen:  401 yes\r\n"), "{refused}");
    let passed = ask("Authorization: good\r\n");
    assert!(passed.starts_with("HTTP/1.1 204 "), "{passed}");
    assert!(passed.contains("X-Seen: alice 200 yes\r\n"), "{passed}");
    let asked = origin.requests();
    // A body that is not sent along is not announced either.
    assert!(
        asked[0].starts_with("GET /auth HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    assert!(
        asked[0].contains("X-Uri: /a?b\r\n") && !asked[0].contains("Content-Length"),
        "{}",
        asked[0]
    );
}

#[test]
fn a_challenge_that_is_outvoted_is_not_sent() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             location / {
                 satisfy any; auth_basic x; auth_basic_user_file none; auth_request /ok; try_files /nothing =207;
             }
             location = /ok { return 204; }
         }",
    );
    let answer = server.get("/");
    assert_eq!(
        (answer.status, answer.header("WWW-Authenticate")),
        (207, None)
    );
}

#[test]
fn a_client_that_goes_away_ends_the_question() {
    let origin = Origin::start(|_, _| Act::Hang);
    let server = Server::http(&format!(
        "log_format short \"$status $set\";
         server {{
             listen 127.0.0.1:%PORT0%;
             access_log %DIR%/access.log short;
             location / {{ set $set kept; auth_request /auth; try_files /nothing =204; }}
             location = /auth {{ proxy_pass http://127.0.0.1:{}; }}
         }}",
        origin.port
    ));
    let mut client = server.connect(0);
    std::io::Write::write_all(&mut client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    crate::common::wait_until(|| !origin.requests().is_empty(), String::new);
    drop(client);
    crate::common::wait_until(
        || server.read("access.log") == "499 kept\n",
        || server.read("access.log"),
    );
}

#[test]
fn subrequests_are_logged_if_so_configured() {
    let server = Server::http(
        "log_format short \"$uri $status\";
         server {
             listen 127.0.0.1:%PORT0%;
             access_log %DIR%/access.log short;
             location / { auth_request /ok; try_files /nothing =207; }
             location /quiet { auth_request /ok-quiet; try_files /nothing =207; }
             location = /ok { log_subrequest on; return 204; }
             location = /ok-quiet { return 204; }
         }",
    );
    server.get("/");
    server.get("/quiet");
    crate::common::wait_until(
        || server.read("access.log") == "/ok 204\n/ 207\n/quiet 207\n",
        || server.read("access.log"),
    );
}

#[test]
fn limits_are_not_applied_twice() {
    let server = Server::http(
        "limit_req_zone $remote_addr zone=one:1m rate=1r/m;
         server {
             listen 127.0.0.1:%PORT0%;
             limit_req zone=one;
             location / { auth_request /ok; error_page 404 /page; try_files /nothing =404; }
             location = /ok { try_files /nothing =204; }
             location = /page { try_files /nothing =207; }
         }",
    );
    assert_eq!(server.get("/").status, 207);
    assert_eq!(server.get("/").status, 503);
}
