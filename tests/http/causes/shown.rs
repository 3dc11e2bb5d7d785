use super::generic;
use crate::common::{Response, Server, read_response};
use crate::origin::{Act, Origin, ok};
use std::io::Write;

/// Asks for a path with these header lines.
fn ask(server: &Server, path: &str, lines: &str) -> Response {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n{lines}\r\n");
    Response::parse(&server.raw(0, request.as_bytes()))
}

fn refused(settings: &str) -> Server {
    Server::http(&format!(
        "{settings} lingering_timeout 100ms;\n\
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://127.0.0.1:1; }}\n\
         location /given {{ error_page 502 /page; proxy_pass http://127.0.0.1:1; }} location /page {{ return 200 given; }} }}"
    ))
}

#[test]
fn a_page_says_why() {
    let server = refused("error_page_diagnostics on;");
    let answer = ask(&server, "/x?y", "");
    assert_eq!(answer.status, 502);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let text = generic(&server, &answer.text());
    let (before, after) = text.split_once("request id: ").unwrap();
    assert_eq!(
        before,
        "502 Bad Gateway\n\n\
         cause: connection_refused\n\
         what happened: connect() failed (111: Connection refused) while connecting to upstream\n\
         what to do: nothing is listening on 127.0.0.1:1 (nginx.conf:4): start the application or fix proxy_pass\n\
         stage: connect\nserver: 127.0.0.1:1\nconfiguration: nginx.conf:4\n\
         request: GET /x?y HTTP/1.1\nhost: shop.test\n"
    );
    let (id, rest) = after.split_once('\n').unwrap();
    assert!(
        id.len() == 32 && rest.starts_with("in the error log: *"),
        "{after}"
    );
    let json = ask(&server, "/", "Accept: application/json\r\n");
    assert_eq!(
        json.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    let json = json.text();
    assert!(
        json.starts_with(
            "{\"status\":502,\"title\":\"502 Bad Gateway\",\"cause\":\"connection_refused\","
        ),
        "{json}"
    );
    let html = ask(&server, "/<script>", "Accept: text/html,*/*;q=0.1\r\n");
    assert_eq!(
        html.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let html = html.text();
    assert!(
        html.contains("name=\"viewport\"") && html.contains("nothing is listening on"),
        "{html}"
    );
    assert!(!html.contains("<script>"), "{html}");
    // What an administrator has made comes first.
    assert_eq!(ask(&server, "/given", "").text(), "given");
    // A subject that fails for other reasons has the usual page.
    assert!(
        ask(&server, "/page/../\0", "")
            .text()
            .contains("cause: invalid_request_line")
    );
}

#[test]
fn strangers_are_told_nothing() {
    for settings in ["", "error_page_diagnostics off;"] {
        assert!(
            ask(&refused(settings), "/", "")
                .text()
                .contains("<hr><center>")
        );
    }
    let server = refused(
        "error_page_diagnostics local; set_real_ip_from 127.0.0.1; real_ip_header X-Client;",
    );
    assert!(ask(&server, "/", "").text().contains("cause: "));
    for line in [
        "X-Forwarded-For: 127.0.0.1",
        "Forwarded: for=x",
        "Via: 1.1 a",
        "X-Client: 192.0.2.1",
    ] {
        let answer = ask(&server, "/", &format!("{line}\r\n"));
        assert!(answer.text().contains("<hr><center>"), "{line}");
    }
}

#[test]
fn pages_about_clients_name_the_limit() {
    let server = Server::http(
        "error_page_diagnostics on; lingering_timeout 100ms; client_max_body_size 5; large_client_header_buffers 2 1k;
         server { listen 127.0.0.1:%PORT0%; location / { return 200; } }",
    );
    let large = server.raw(
        0,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\n",
    );
    let large = Response::parse(&large);
    assert_eq!(large.status, 413);
    assert!(
        large
            .text()
            .contains("the 5 bytes that client_max_body_size (nginx.conf:3) allows"),
        "{}",
        large.text()
    );
    let head = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n",
        "x".repeat(3000)
    );
    let head = Response::parse(&server.raw(0, head.as_bytes()));
    assert_eq!(head.status, 400);
    let text = head.text();
    assert!(
        text.starts_with("400 Bad Request\n") && text.contains("cause: request_header_too_large"),
        "{text}"
    );
    // The next request on a connection has nothing of the one before.
    let mut stream = server.connect(0);
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(read_response(&mut stream).status, 200);
}

#[test]
fn earlier_attempts_are_listed() {
    let reset = Origin::start(|_, _| Act::Reset);
    let server = Server::http(&format!(
        "error_page_diagnostics on; upstream app {{ server 127.0.0.1:{}; server 127.0.0.1:1; }}
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://app; }} }}",
        reset.port
    ));
    let text = server.get("/").text();
    assert!(
        text.contains(&format!(
            "tried before: 127.0.0.1:{}: connection_reset\n",
            reset.port
        )) && text.contains("cause: connection_refused\n"),
        "{text}"
    );
}

#[test]
fn proxy_status() {
    let origin = Origin::start(|_, request| match request.contains("/cut") {
        true => Act::SendAndClose(Vec::new()),
        false => Act::Send(ok("x")),
    });
    let server = Server::http(&format!(
        "lingering_timeout 100ms; server {{ listen 127.0.0.1:%PORT0%;
            location / {{ proxy_status on; proxy_pass http://127.0.0.1:{port}; }}
            location /errors/ {{ proxy_status errors; proxy_pass http://127.0.0.1:{port}; }}
            location /details/ {{ proxy_status on; proxy_status_details on; client_max_body_size 1; proxy_pass http://127.0.0.1:{port}; }}
            location /refused {{ proxy_status errors; error_page 502 = /page; proxy_pass http://127.0.0.1:1; }}
            location /page {{ proxy_status errors; return 200 page; }}
            location /name {{ proxy_status on; set $up nosuch.test; proxy_pass http://$up; }}
            location /off {{ proxy_pass http://127.0.0.1:1; }}
            location /own {{ proxy_status on; return 200; }} }}",
        port = origin.port
    ));
    let next_hop = format!("next-hop=\"127.0.0.1:{}\"", origin.port);
    for (path, status, field) in [
        ("/", 200, Some("goodgate; received-status=200")),
        ("/cut", 502, Some("goodgate; error=connection_terminated")),
        ("/errors/", 200, None),
        (
            "/errors/cut",
            502,
            Some("goodgate; error=connection_terminated"),
        ),
        (
            "/details/",
            200,
            Some(&*format!("goodgate; {next_hop}; received-status=200")),
        ),
        (
            "/details/cut",
            502,
            Some(&*format!(
                "goodgate; error=connection_terminated; {next_hop}; details=\"closed_before_answer\""
            )),
        ),
        ("/refused", 200, Some("goodgate; error=connection_refused")),
        (
            "/name",
            502,
            Some("goodgate; error=proxy_configuration_error"),
        ),
        ("/off", 502, None),
        ("/own", 200, None),
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.header("proxy-status")),
            (status, field),
            "{path}"
        );
    }
    let large = server.raw(
        0,
        b"POST /details/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(
        Response::parse(&large).header("proxy-status"),
        Some("goodgate; error=http_request_error; details=\"request_body_too_large\"")
    );
}

#[test]
fn the_way_of_a_request() {
    let origin = Origin::start(|_, _| Act::Send(ok("x")));
    let server = Server::http(&format!(
        "debug_route 127.0.0.0/8; upstream app {{ server 127.0.0.1:{}; }}\n\
         server {{ listen 127.0.0.1:%PORT0%; server_name shop.test *.shop.test;\n\
         location ^~ /api/ {{\n proxy_pass http://app; }}\n\
         location ~* \\.PHP$ {{ return 200 '$location|$location_source'; }}\n\
         location = /x {{ if ($arg_a) {{\n return 204; }} return 403; }}\n\
         location /hidden {{ debug_route 192.0.2.0/24; return 200; }}\n\
         location /set {{ set $location mine; return 200 $location; }}
         location @other {{ }} location / {{ return 200 '$location'; }} }}",
        origin.port
    ));
    let route = |path: &str| {
        let answer = server.get(path);
        answer.header("x-debug-route").unwrap_or("none").to_owned()
    };
    let api = format!(
        "server shop.test (nginx.conf:4); location ^~ /api/ (nginx.conf:5); proxy_pass (nginx.conf:6); upstream \
         127.0.0.1:{}",
        origin.port
    );
    assert_eq!(route("/api/v1"), api);
    assert_eq!(
        route("/a.php"),
        "server shop.test (nginx.conf:4); location ~* \\.PHP$ (nginx.conf:7)"
    );
    assert_eq!(server.get("/a.php").text(), "~* \\.PHP$|nginx.conf:7");
    assert_eq!(
        route("/x?a=1"),
        "server shop.test (nginx.conf:4); location = /x (nginx.conf:8); block (nginx.conf:8)"
    );
    assert_eq!(route("/hidden"), "none");
    assert_eq!(server.get("/y").text(), "/");
    // A name that the configuration has taken is its own.
    assert_eq!(server.get("/set").text(), "mine");
}
