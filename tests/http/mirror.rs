use crate::common::{Server, wait_until};
use crate::origin::{Act, Origin};

fn post(server: &Server, path: &str) -> String {
    let request = format!(
        "POST {path}?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    );
    let answer = server.raw(0, request.as_bytes());
    String::from_utf8(answer).unwrap()
}

#[test]
fn copies_go_with_and_without_the_body() {
    let origin = Origin::mirror();
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT1%; return 207; }}
         server {{
             listen 127.0.0.1:%PORT0%;
             location / {{ mirror /one; mirror /two; proxy_pass http://127.0.0.1:%PORT1%; }}
             location /head {{ mirror /three; mirror_request_body off; proxy_pass http://127.0.0.1:%PORT1%; }}
             location /off {{ mirror off; proxy_pass http://127.0.0.1:%PORT1%; }}
             location = /one {{ internal; proxy_pass http://127.0.0.1:{port}; }}
             location = /two {{ internal; proxy_pass http://127.0.0.1:{port}/other$is_args$args; }}
             location = /three {{ internal; proxy_pass http://127.0.0.1:{port}; }}
         }}",
        port = origin.port
    ));
    assert!(post(&server, "/off").starts_with("HTTP/1.1 207 "));
    assert!(post(&server, "/x").starts_with("HTTP/1.1 207 "));
    wait_until(
        || origin.requests().len() == 2,
        || format!("{:?}", origin.requests()),
    );
    let mut copies = origin.requests();
    copies.sort();
    assert!(
        copies[0].starts_with("POST /one?q HTTP/1.1\r\n") && copies[0].ends_with("\r\n\r\nabc")
    );
    assert!(
        copies[1].starts_with("POST /other?q HTTP/1.1\r\n") && copies[1].ends_with("\r\n\r\nabc")
    );
    assert!(post(&server, "/head").starts_with("HTTP/1.1 207 "));
    wait_until(
        || origin.requests().len() == 3,
        || format!("{:?}", origin.requests()),
    );
    let copy = &origin.requests()[2];
    assert!(
        copy.starts_with("POST /three?q ") && copy.ends_with("\r\n\r\n"),
        "{copy}"
    );
    assert!(!copy.contains("Content-Length"), "{copy}");
}

#[test]
fn nobody_waits_for_a_copy() {
    let hanging = Origin::start(|_, _| Act::Hang);
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT1%; return 207; }}
         server {{
             listen 127.0.0.1:%PORT0%;
             location / {{ mirror /copy; proxy_pass http://127.0.0.1:%PORT1%; }}
             location = /copy {{ log_subrequest on; proxy_read_timeout 1s; proxy_pass http://127.0.0.1:{}; }}
         }}",
        hanging.port
    ));
    let mut client = server.connect(0);
    for _ in 0..2 {
        std::io::Write::write_all(&mut client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(crate::common::read_response(&mut client).status, 207);
    }
    drop(client);
    // They go on when the client is gone.
    server.wait_for_log("upstream timed out (110: Connection timed out) while reading response header from upstream");
    server.wait_for_log(", subrequest: \"/copy\", upstream: ");
}

#[test]
fn a_graceful_stop_lets_copies_end() {
    let hanging = Origin::start(|_, _| Act::Hang);
    let mut server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT1%; return 207; }}
         server {{
             listen 127.0.0.1:%PORT0%;
             location / {{ mirror /copy; proxy_pass http://127.0.0.1:%PORT1%; }}
             location = /copy {{ proxy_read_timeout 1s; proxy_pass http://127.0.0.1:{}; }}
         }}",
        hanging.port
    ));
    assert_eq!(server.get("/").status, 207);
    assert_eq!(server.quit(), Some(0));
    let log = server.read("error.log");
    assert!(log.contains("upstream timed out"), "{log}");
}
