//! Names that only a request knows, asked for at a name server of the test's own.

use crate::common::{Server, Site, http};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A name server that knows `here.test` alone. Returns its port and how often it was asked.
fn name_server() -> (u16, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            count.fetch_add(1, Ordering::Relaxed);
            let mut answer = message[..length].to_vec();
            let known = answer[12..].starts_with(b"\x04here\x04test\0");
            if answer[12..].starts_with(b"\x06silent") {
                continue;
            }
            answer[2] = 0x81;
            answer[3] = if known { 0x80 } else { 0x83 };
            if known {
                answer[7] = 1;
                answer.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
            }
            socket.send_to(&answer, from).unwrap();
        }
    });
    (port, asked)
}

fn server(dns: u16) -> Server {
    let conf = format!(
        "server {{
            listen 127.0.0.1:%PORT0%;
            location / {{ proxy_pass http://$arg_host:%PORT0%/origin; }}
            location /with {{
                resolver 127.0.0.1:{dns} ipv6=off;
                resolver_timeout 200ms;
                proxy_pass http://$arg_host:%PORT0%/origin;
                add_header X-Upstream $upstream_addr;
            }}
            location /origin {{ return 200 \"the origin\"; }}
        }}"
    );
    Server::start(Site::new(&http(&conf)))
}

#[test]
fn a_name_is_asked_for_once() {
    let (dns, asked) = name_server();
    let server = server(dns);
    for _ in 0..3 {
        let answer = server.get("/with?host=here.test");
        assert_eq!(answer.text(), "the origin");
        let address = format!("127.0.0.1:{}", server.port(0));
        assert_eq!(answer.header("x-upstream"), Some(&*address));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // A new configuration begins without knowing any names.
    server.reload();
    assert_eq!(server.get("/with?host=HERE.test").text(), "the origin");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn what_cannot_be_resolved_is_a_502() {
    let (dns, _) = name_server();
    let server = server(dns);
    assert_eq!(server.get("/?host=here.test").status, 502);
    server.wait_for_log("no resolver defined to resolve here.test, client: 127.0.0.1, server: ,");
    assert_eq!(server.get("/with?host=gone.test.").status, 502);
    server.wait_for_log("gone.test could not be resolved (3: Host not found), client:");
    assert_eq!(server.get("/with?host=silent.test").status, 502);
    server.wait_for_log("silent.test could not be resolved (110: Operation timed out), client:");
}
