//! Redirects of the server's own, and what their `Location` looks like.

use crate::common::{Response, Server};

fn location(server: &Server, request: &str) -> String {
    let answer = Response::parse(&server.raw(0, request.as_bytes()));
    answer.header("location").unwrap_or_default().to_owned()
}

#[test]
fn locations_are_made_absolute() {
    let server = Server::http(
        "server {
            listen 127.0.0.1:%PORT0%;
            server_name .example.com;
            location / { return 302 /to; }
            location /relative { absolute_redirect off; return 302 /to; }
            location /name { server_name_in_redirect on; return 302 /to; }
            location /no-port { port_in_redirect off; return 302 /to; }
            location /other { return 302 //host/to; }
            location /far { return 302 https://far/; }
        }",
    );
    let port = server.port(0);
    let get = |path: &str| {
        location(
            &server,
            &format!("GET {path} HTTP/1.1\r\nHost: B.org:1\r\nConnection: close\r\n\r\n"),
        )
    };
    assert_eq!(get("/"), format!("http://b.org:{port}/to"));
    assert_eq!(get("/relative"), "/to");
    assert_eq!(get("/name"), format!("http://example.com:{port}/to"));
    assert_eq!(get("/no-port"), "http://b.org/to");
    assert_eq!(get("/far"), "https://far/");
    let without_host = location(&server, "GET / HTTP/1.0\r\n\r\n");
    assert_eq!(without_host, format!("http://127.0.0.1:{port}/to"));
}
