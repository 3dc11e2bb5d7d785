use crate::common::{Server, Site};
use crate::origin::{Act, Origin, ok};

/// Origins that answer with their letter.
fn letters(count: u8) -> Vec<Origin> {
    let one = |i: u8| Origin::start(move |_, _| Act::Send(ok(&char::from(b'a' + i).to_string())));
    (0..count).map(one).collect()
}

fn group(lines: &str) -> Server {
    Server::http(&format!(
        "upstream app {{ {lines} }}
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://app; }} }}"
    ))
}

fn ask(server: &Server, times: usize) -> String {
    (0..times)
        .map(|_| server.get("/").text().to_owned())
        .collect()
}

#[test]
fn weights_are_followed_smoothly() {
    let o = letters(2);
    let server = group(&format!(
        "server 127.0.0.1:{} weight=2; server 127.0.0.1:{};",
        o[0].port, o[1].port
    ));
    assert_eq!(ask(&server, 6), "abaaba");
}

#[test]
fn a_hash_stays_with_its_server() {
    let o = letters(3);
    for method in ["hash $uri;", "hash $uri consistent;", "ip_hash;"] {
        let servers: String = o
            .iter()
            .map(|o| format!("server 127.0.0.1:{};", o.port))
            .collect();
        let server = group(&format!("{method} {servers}"));
        let answers = ask(&server, 5);
        assert_eq!(answers, answers[..1].repeat(5), "{method}");
    }
}

#[test]
fn a_server_that_is_down_is_not_asked() {
    let o = letters(2);
    let server = group(&format!(
        "server 127.0.0.1:{} down; server 127.0.0.1:{};",
        o[0].port, o[1].port
    ));
    assert_eq!(ask(&server, 3), "bbb");
    let server = group(&format!("server 127.0.0.1:{} down;", o[0].port));
    assert_eq!(server.get("/").status, 502);
    server.wait_for_log("no live upstreams while connecting to upstream");
}

#[test]
fn failures_are_remembered_over_a_reload_of_the_same_group() {
    let (bad, good) = (Origin::start(|_, _| Act::Reset), letters(1));
    let inside = |more: &str| {
        format!(
            "{more} upstream app {{ server 127.0.0.1:{}; server 127.0.0.1:{}; }}
             server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://app; }} }}",
            bad.port, good[0].port
        )
    };
    let server = Server::http(&inside(""));
    assert_eq!(ask(&server, 3), "aaa");
    assert_eq!(bad.requests().len(), 1);
    server.reload_with(&inside("server_tokens off;"));
    assert_eq!(ask(&server, 3), "aaa");
    assert_eq!(bad.requests().len(), 1);
}

#[test]
fn mistakes_are_explained_as_by_nginx() {
    for (lines, message) in [
        ("upstream a { }", "no servers are inside upstream in "),
        (
            "upstream a { server 127.0.0.1; } upstream a { server 127.0.0.1; }",
            "duplicate upstream \"a\"",
        ),
        (
            "upstream a { server no-such-host.invalid; }",
            "host not found in upstream \"no-such-host.invalid\"",
        ),
        (
            "upstream a { server 127.0.0.1 weight=0; }",
            "invalid parameter \"weight=0\"",
        ),
        (
            "upstream a { server 127.0.0.1:99999; }",
            "invalid port in upstream \"127.0.0.1:99999\"",
        ),
        (
            "upstream a { server 127.0.0.1 backup; }",
            "no servers in upstream \"a\"",
        ),
        (
            "upstream a { ip_hash; server 127.0.0.1 backup; }",
            "balancing method does not support parameter \"backup\"",
        ),
        (
            "upstream a { server 127.0.0.1; } server { location / { proxy_pass http://a:80; } }",
            "upstream \"a\" may not have port 80",
        ),
        (
            "server { location / { proxy_pass http://no-such-host.invalid; } }",
            "host not found in upstream \"no-such-host.invalid\"",
        ),
        (
            "server { location / { proxy_pass 127.0.0.1; } }",
            "invalid URL prefix",
        ),
        (
            "server { location ~ x { proxy_pass http://127.0.0.1/; } }",
            "\"proxy_pass\" cannot have URI part in location given by regular expression",
        ),
        (
            "proxy_buffers 1 4k;",
            "there must be at least 2 \"proxy_buffers\"",
        ),
        (
            "proxy_buffers 2 4k;",
            "\"proxy_busy_buffers_size\" must be less than the size of all \"proxy_buffers\" minus one buffer",
        ),
        ("proxy_next_upstream errors;", "invalid value \"errors\""),
        (
            "proxy_redirect default;",
            "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive",
        ),
    ] {
        let site = Site::new(&crate::common::http(lines));
        let output = site.run(&["-t"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(message), "{lines}: {text}");
    }
}

#[test]
fn the_server_that_answers_faster_is_preferred() {
    let slow = Origin::start(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(60));
        Act::Send(ok("s"))
    });
    let fast = Origin::start(|_, _| Act::Send(ok("f")));
    for method in [
        "header",
        "last_byte",
        "header inflight",
        "last_byte inflight",
    ] {
        let server = group(&format!(
            "least_time {method}; server 127.0.0.1:{}; server 127.0.0.1:{};",
            slow.port, fast.port
        ));
        assert_eq!(ask(&server, 6), "sfffff", "{method}");
    }
}
