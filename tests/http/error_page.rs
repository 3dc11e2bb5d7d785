//! `error_page` and the built-in pages.

use crate::common::{Response, Server};

#[test]
fn errors_are_answered_by_what_error_page_says() {
    let server = Server::http(
        r#"server {
            listen 127.0.0.1:%PORT0%;
            error_page 404 /missing?a=b;
            location = /missing { internal; return 200 "page $args $request_method"; }
            location /keep { return 404; }
            location /equals { error_page 404 = /missing; return 404; }
            location /code { error_page 404 =410 /missing; return 404; }
            location /named { error_page 404 500 = @fallback; return 404; }
            location @fallback { return 202 "fallback $uri"; }
            location /away { error_page 404 http://elsewhere$uri; return 404; }
            location /moved { error_page 404 =301 http://elsewhere; return 404; }
            location /variables { error_page 404 /$arg_page?from=$uri; return 404; }
            location /again { error_page 404 /keep; return 404; }
            location /recursive {
                recursive_error_pages on;
                error_page 404 = /second;
                return 404;
            }
            location /second { error_page 502 = @fallback; return 502; }
            location /nobody { error_page 404 @nobody; return 404; }
            location /loop { recursive_error_pages on; error_page 404 /loop; return 404; }
        }"#,
    );
    for (path, status, body) in [
        ("/keep", 404, "page a=b GET"),
        ("/equals", 200, "page  GET"),
        ("/code", 410, "page  GET"),
        ("/named", 202, "fallback /named"),
        ("/recursive", 202, "fallback /second"),
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, &answer.text()[..]),
            (status, body),
            "{path}"
        );
    }
    let away = server.get("/away");
    assert_eq!(
        (away.status, away.header("location")),
        (302, Some("http://elsewhere/away"))
    );
    assert!(away.text().contains("<h1>302 Found</h1>"));
    assert_eq!(server.get("/moved").status, 301);
    let variables = server.get("/variables?page=missing");
    assert_eq!(variables.text(), "page from=/variables GET");
    // An error of an error page gets the built-in page of the first status.
    assert!(
        server
            .get("/again")
            .text()
            .contains("<h1>404 Not Found</h1>")
    );
    assert_eq!(server.get("/nobody").status, 500);
    server.wait_for_log("could not find named location \"@nobody\"");
    assert_eq!(server.get("/loop").status, 500);
    server.wait_for_log(
        "rewrite or internal redirection cycle while internally redirecting to \"/loop\"",
    );
}

#[test]
fn an_error_page_is_fetched_by_get() {
    let server = Server::http(
        r#"server {
            listen 127.0.0.1:%PORT0%;
            location / { error_page 403 /page; return 403; }
            location /page { return 200 "$request_method $content_length"; }
            location /named { error_page 403 = @named; return 403; }
            location @named { return 200 "$request_method"; }
        }"#,
    );
    let post = |path: &str| {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        );
        Response::parse(&server.raw(0, request.as_bytes())).text()
    };
    assert_eq!(post("/"), "GET 3");
    assert_eq!(post("/named"), "POST");
}

#[test]
fn built_in_pages() {
    let server = Server::http(
        r#"server {
            listen 127.0.0.1:%PORT0%;
            server_tokens off;
            location / { return 403; }
            location /empty { return 418; }
            location /close { return 444; }
            location /refresh { msie_refresh on; return 302 /x"y; }
            location /bad { return 400; }
        }"#,
    );
    let plain = server.get("/");
    assert_eq!(
        plain.text(),
        "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n\
         <hr><center>goodgate</center>\r\n</body>\r\n</html>\r\n"
    );
    assert_eq!(plain.header("server"), Some("goodgate"));
    assert_eq!(server.get("/empty").header("content-length"), Some("0"));
    assert_eq!(
        server.raw(0, b"GET /close HTTP/1.1\r\nHost: a\r\n\r\n"),
        b""
    );
    let agent = |path: &str, agent: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
        );
        Response::parse(&server.raw(0, request.as_bytes()))
    };
    let padded = agent("/", "Mozilla/5.0 (X11) Chrome/99.0 Safari/537.36").text();
    assert_eq!(padded.matches("<!-- a padding to disable").count(), 6);
    let refresh = agent("/refresh", "Mozilla/4.0 (compatible; MSIE 7.0; Windows)");
    assert_eq!((refresh.status, refresh.header("location")), (200, None));
    assert!(refresh.text().contains("content=\"0; URL=/x%22y\""));
    // After these the connection is not kept.
    let bad = server.raw(0, b"GET /bad HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(Response::parse(&bad).header("connection"), Some("close"));
}

#[test]
fn a_path_that_cannot_be_read_has_no_request_uri() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%; error_page 400 /bad;
         location / { return 200 \"$uri [$request_uri] [$request]\"; } }",
    );
    let answer = server.raw(0, b"GET /../x HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.ends_with("/bad [] [GET /../x HTTP/1.1]"), "{answer}");
}
