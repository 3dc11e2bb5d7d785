use crate::common::{Server, Site, globals, http};
use std::process::Output;

#[test]
fn each_location_has_its_logs_and_levels() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%; server_name here;
             location / { try_files /nothing =403; }
             location /denied { deny all; }
             location /own { error_log %DIR%/own.log; error_log %DIR%/crit.log crit; deny all; }
         }",
    );
    server.raw(
        0,
        b"GET /own?q HTTP/1.1\r\nHost: here:80\r\nReferer: http://there/\r\nConnection: close\r\n\r\n",
    );
    let own = server.read("own.log");
    assert_eq!(own.lines().count(), 1);
    let (head, rest) = own.split_once(": *").unwrap();
    assert!(head.contains("[error]"), "{own}");
    assert!(
        rest.ends_with(
            " access forbidden by rule, client: 127.0.0.1, server: here, \
             request: \"GET /own?q HTTP/1.1\", host: \"here:80\", referrer: \"http://there/\"\n"
        ),
        "{own}"
    );
    assert_eq!(server.read("crit.log"), "");
    assert_eq!(server.count_in_log("access forbidden"), 0);
    server.get("/denied");
    server.wait_for_log("access forbidden by rule");
}

#[test]
fn bytes_that_are_no_text_are_logged_as_they_are() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%; root %DIR%;
             location /cycle/ { rewrite ^(.*)$ $1 last; } }",
    );
    for target in ["/caf%E9", "/caf%C3%A9", "/cycle/%E9%F4%8F%BE%80"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        server.raw(0, request.as_bytes());
    }
    let log = std::fs::read(server.path("error.log")).unwrap();
    let has = |text: &[u8]| log.windows(text.len()).any(|w| w == text);
    let dir = server.path("");
    let dir = dir.as_os_str().as_encoded_bytes();
    let open = |name: &[u8]| [b"open() \"", dir, name, b"\" failed (2: No such file"].concat();
    assert!(has(&open(b"caf\xe9")), "{}", log.escape_ascii());
    assert!(has(&open("caf\u{e9}".as_bytes())), "{}", log.escape_ascii());
    let cycle = b"cycle while processing \"/cycle/\xe9\xf4\x8f\xbe\x80\"";
    assert!(has(cycle), "{}", log.escape_ascii());
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error() {
    let failure = "open() \"%DIR%/no/where.log\" failed (2: No such file or directory)";
    let conf = http("server { error_log %DIR%/no/where.log; }");
    let said = |site: &Site, output: &Output| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            text.contains(&format!("nginx: [emerg] {}", site.fill_in(failure))),
            "{text}"
        );
    };
    let site = Site::new(&conf);
    let tested = site.run(&["-t"]);
    assert_eq!(tested.status.code(), Some(1));
    said(&site, &tested);
    let started = site.run(&[]);
    assert_eq!(started.status.code(), Some(1));
    said(&site, &started);
    assert!(site.read("error.log").contains(&site.fill_in(failure)));
}

#[test]
fn a_test_of_the_configuration_creates_no_logs() {
    let site = Site::new(&format!(
        "{}http {{ access_log %DIR%/a.log; server {{ error_log %DIR%/e.log; }} }}",
        globals()
    ));
    assert_eq!(site.run(&["-t"]).status.code(), Some(0));
    for name in ["a.log", "e.log", "error.log"] {
        assert!(!site.path(name).exists(), "{name}");
    }
}
