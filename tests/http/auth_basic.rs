use crate::common::{Response, Server};
use std::time::{Duration, Instant};

const SITE: &str = "server {
    listen 127.0.0.1:%PORT0%;
    auth_basic \"closed $arg_realm\"; auth_basic_user_file users;
    location / { try_files /nothing =204; }
    location /off { auth_basic off; try_files /nothing =204; }
    location /missing { auth_basic_user_file nowhere; try_files /nothing =204; }
    location /directory { auth_basic_user_file .; try_files /nothing =204; }
    location /slow { auth_delay 300ms; try_files /nothing =204; }
    location /user { error_page 401 = /name; }
    location /name { auth_basic off; return 200 user=$remote_user; }
}";

fn get(server: &Server, path: &str, credentials: &str) -> Response {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\n\r\n"
    );
    Response::parse(&server.raw(0, request.as_bytes()))
}

/// `me:secret`
const ME: &str = "bWU6c2VjcmV0";
/// `me:wrong`
const WRONG: &str = "bWU6d3Jvbmc=";
/// `you:secret`
const YOU: &str = "eW91OnNlY3JldA==";

#[test]
fn who_may_come_in_and_who_may_not() {
    let server = Server::http(SITE);
    server.write("users", "# who\nme:$2y$05$abcdefghijklmnopqrstuu:old\n");
    assert_eq!(get(&server, "/", ME).status, 401);
    server.write(
        "users",
        "# who\nme:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=:a comment\n",
    );
    assert_eq!(get(&server, "/", ME).status, 204);
    let refused = server.get("/?realm=site");
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("WWW-Authenticate"),
        Some("Basic realm=\"closed site\"")
    );
    assert_eq!(get(&server, "/", WRONG).status, 401);
    assert_eq!(get(&server, "/", YOU).status, 401);
    assert_eq!(server.get("/off").status, 204);
    assert_eq!(get(&server, "/missing", ME).status, 403);
    assert_eq!(get(&server, "/directory", ME).status, 500);
    assert_eq!(get(&server, "/user", WRONG).text(), "user=me");
    let users = server.path("users").display().to_string();
    for message in [
        "[info]",
        "no user/password was provided for basic authentication, client: 127.0.0.1",
        "user \"me\": password mismatch, client: ",
        &format!("user \"you\" was not found in \"{users}\", client: "),
        "/nowhere\" failed (2: No such file or directory), client: ",
        "failed (21: Is a directory), client: ",
    ] {
        server.wait_for_log(message);
    }
}

#[test]
fn an_answer_of_401_can_be_delayed() {
    let server = Server::http(SITE);
    server.write("users", "me:{PLAIN}secret\n");
    let begun = Instant::now();
    assert_eq!(get(&server, "/slow", WRONG).status, 401);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    server.wait_for_log("delaying unauthorized request");
}
