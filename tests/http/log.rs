use crate::common::{Server, Site, globals, http, wait_until};
use rustix::process::Signal;
use std::io::{Read, Write};

fn server(inside: &str) -> Server {
    Server::conf(&format!(
        "{}http {{ log_format short '$request_uri $status'; server {{ listen 127.0.0.1:%PORT0%; {inside} }} }}",
        globals()
    ))
}

/// Waits until a log is what it must be.
fn wait_for(server: &Server, name: &str, text: &str) {
    wait_until(
        || server.read(name) == text,
        || format!("{name} is\n{}\ninstead of\n{text}", server.read(name)),
    );
}

/// Waits until `a.log` has so many lines.
fn wait_for_lines(server: &Server, count: usize) {
    wait_until(
        || server.read("a.log").lines().count() == count,
        || format!("a.log is\n{}", server.read("a.log")),
    );
}

#[test]
fn a_line_is_there_as_soon_as_the_answer_is() {
    let server = server("access_log %DIR%/a.log short; location / { return 200; }");
    let mut expected = String::new();
    for n in 0..20 {
        server.get(&format!("/{n}"));
        expected += &format!("/{n} 200\n");
        wait_for(&server, "a.log", &expected);
    }
}

#[test]
fn the_combined_format_is_that_of_nginx() {
    let server = server("access_log %DIR%/a.log; location / { return 200 hello; }");
    server.raw(
        0,
        b"GET /\"x HTTP/1.0\r\nReferer: r\xe9\r\nAuthorization: Basic bWU6eA==\r\n\r\n",
    );
    wait_for_lines(&server, 1);
    let line = server.read("a.log");
    let (start, rest) = line.split_once('[').unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    assert_eq!(start, "127.0.0.1 - me ");
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert!(
        shape.starts_with("00/") && shape.contains("/0000:00:00:00 "),
        "{time}"
    );
    assert_eq!(rest, "\"GET /\\x22x HTTP/1.0\" 200 5 \"r\\xE9\" \"-\"\n");
}

#[test]
fn requests_that_never_became_one_are_logged_too() {
    let server = server("access_log %DIR%/a.log; location / { return 200; }");
    server.raw(0, b"nonsense\r\n\r\n");
    wait_for_lines(&server, 1);
    assert!(
        server.read("a.log").contains("\"nonsense\" 400 "),
        "{}",
        server.read("a.log")
    );
    drop(server.connect(0));
    let mut half = server.connect(0);
    half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = half.read_to_end(&mut Vec::new());
    wait_for_lines(&server, 2);
    assert!(
        server.read("a.log").contains("\"GET / HTTP/1.1\" 400 0 "),
        "{}",
        server.read("a.log")
    );
}

#[test]
fn locations_choose_their_logs() {
    let server = server(
        "access_log %DIR%/a.log short;
         location / { return 200; }
         location /off { access_log off; return 200; }
         location /two { access_log %DIR%/b.log short; access_log %DIR%/c.log short if=$arg_c; return 200; }
         location /var { access_log %DIR%/var-$arg_v.log short; root %DIR%; try_files /nothing =204; }
         location /rootless { access_log %DIR%/var-$arg_v.log short; root %DIR%/no; try_files /nothing =204; }",
    );
    for path in [
        "/1",
        "/off",
        "/two",
        "/two?c=0",
        "/two?c=1",
        "/var?v=x",
        "/rootless?v=y",
    ] {
        server.get(path);
    }
    assert_eq!(server.read("a.log"), "/1 200\n");
    assert_eq!(
        server.read("b.log"),
        "/two 200\n/two?c=0 200\n/two?c=1 200\n"
    );
    assert_eq!(server.read("c.log"), "/two?c=1 200\n");
    assert_eq!(server.read("var-x.log"), "/var?v=x 204\n");
    assert!(!server.path("var-y.log").exists());
    server.wait_for_log("/no\" existence failed (2: No such file or directory)");
}

#[test]
fn buffers_are_written_in_time_and_at_the_end() {
    let mut server = server(
        "location / { access_log %DIR%/a.log short buffer=4k; return 200; }
         location /soon { access_log %DIR%/b.log short buffer=4k flush=50ms; return 200; }
         location /zip { access_log %DIR%/c.log short gzip=3; return 200; }",
    );
    server.get("/1");
    server.get("/soon");
    server.get("/zip");
    wait_for(&server, "b.log", "/soon 200\n");
    assert_eq!(server.read("a.log"), "");
    assert_eq!(server.quit(), Some(0));
    assert_eq!(server.read("a.log"), "/1 200\n");
    let zipped = std::fs::read(server.path("c.log")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "/zip 200\n");
}

#[test]
fn a_rotated_log_is_left_on_usr1() {
    let server = server("access_log %DIR%/a.log short; location / { return 200; }");
    server.get("/1");
    std::fs::rename(server.path("a.log"), server.path("a.log.1")).unwrap();
    server.get("/2");
    wait_for(&server, "a.log.1", "/1 200\n/2 200\n");
    server.signal(Signal::USR1);
    wait_until(
        || server.path("a.log").exists(),
        || String::from("not reopened"),
    );
    wait_until(
        || {
            server.get("/3");
            !server.read("a.log").is_empty()
        },
        || server.read("error.log"),
    );
}

#[test]
fn json_can_be_written() {
    let server = Server::conf(&format!(
        "{}http {{ log_format j escape=json '{{\"a\":\"$arg_a\",\"agent\":\"$http_user_agent\",\"none\":\"$http_x\"}}';
           server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/a.log j; return 200; }} }}",
        globals()
    ));
    server.raw(
        0,
        b"GET /?a=\"\\ HTTP/1.0\r\nUser-Agent: a\tb\xc3\xa9\r\n\r\n",
    );
    wait_for(
        &server,
        "a.log",
        "{\"a\":\"\\\"\\\\\",\"agent\":\"a\\tbé\",\"none\":\"\"}\n",
    );
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_nginx() {
    let cases = [
        (
            "access_log a nothing;",
            "unknown log format \"nothing\" in ",
        ),
        ("access_log off x;", "invalid parameter \"x\" in "),
        (
            "access_log a combined buffer=x;",
            "invalid buffer size \"x\" in ",
        ),
        (
            "access_log a combined flush=0;",
            "invalid flush time \"0\" in ",
        ),
        (
            "access_log a combined gzip=10;",
            "invalid compression level \"10\" in ",
        ),
        (
            "access_log a combined flush=1s;",
            "no buffer is defined for access_log \"a\" in ",
        ),
        (
            "access_log $uri combined buffer=4k;",
            "buffered logs cannot have variables in name in ",
        ),
        (
            "access_log a combined buffer=4k; access_log a combined buffer=8k;",
            "access_log \"a\" already defined with conflicting parameters in ",
        ),
        ("log_format a $; ", "invalid parameter \"$\" in "),
        (
            "log_format a ${b;",
            "the closing bracket in \"b\" variable is missing in ",
        ),
        (
            "log_format a escape=x b;",
            "unknown log format escaping \"x\" in ",
        ),
        (
            "log_format a b; log_format a c;",
            "duplicate \"log_format\" name \"a\" in ",
        ),
        (
            "log_format combined b;",
            "duplicate \"log_format\" name \"combined\" in ",
        ),
        (
            "open_log_file_cache inactive=1s;",
            "\"open_log_file_cache\" must have \"max\" parameter in ",
        ),
        (
            "open_log_file_cache x=1;",
            "invalid \"open_log_file_cache\" parameter \"x=1\" in ",
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

#[test]
fn a_log_is_not_written_through_a_link_where_links_are_refused() {
    let site = Site::new(&http(
        r#"log_format one "$arg_name";
        server { listen 127.0.0.1:%PORT0%; root %DIR%/www;
            access_log %DIR%/www/$arg_name.log one;
            location / { return 200 x; }
            location /strict { disable_symlinks on from=%DIR%/www; return 200 x; }
        }"#,
    ));
    site.write("www/x", "");
    std::os::unix::fs::symlink("target", site.path("www/link.log")).unwrap();
    let server = Server::start(site);
    server.get("/strict?name=plain");
    server.get("/strict?name=link");
    server.wait_for_log("openat() \"");
    server.wait_for_log(
        "www/link.log\" failed (40: Too many levels of symbolic links) while logging request",
    );
    assert!(!server.path("www/target").exists());
    server.get("/?name=link");
    wait_until(
        || server.path("www/target").exists() && server.read("www/target") == "link\n",
        || String::from("nothing was written through the link"),
    );
    assert_eq!(server.read("www/plain.log"), "plain\n");
}

#[test]
fn a_log_without_a_name_is_standard_error() {
    let server = Server::http(
        "server { listen 127.0.0.1:%PORT0%; access_log ''; location / { return 204; }
             location /denied { error_log ''; deny all; } }",
    );
    // Standard error of a server is its error log.
    server.get("/plain");
    server.wait_for_log("\"GET /plain HTTP/1.1\" 204");
    server.get("/denied");
    server.wait_for_log("access forbidden by rule");
}
