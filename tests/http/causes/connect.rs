use super::{check, location};
use crate::common::is_root;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

#[test]
fn nothing_listens() {
    let server = location("proxy_pass http://127.0.0.1:1;");
    check(
        &server,
        502,
        "connection_refused",
        "nothing is listening on 127.0.0.1:1 (nginx.conf:4): start the application or fix proxy_pass",
    );
    let line = server.read("error.log");
    let line = line.lines().find(|l| l.contains(", cause")).unwrap();
    let (nginx_s, _) = line.split_once(", cause: ").unwrap();
    assert!(nginx_s.ends_with(", host: \"localhost\""), "{line}");
    assert!(
        nginx_s.contains(
            "connect() failed (111: Connection refused) while connecting to upstream, client: "
        ),
        "{line}"
    );
}

#[test]
fn hints_can_be_turned_off() {
    let server = location("error_log_hints off; proxy_pass http://127.0.0.1:1;");
    assert_eq!(server.get("/").status, 502);
    server.wait_for_log("connect() failed");
    assert_eq!(server.count_in_log("cause"), 0);
}

#[test]
fn a_server_line_is_named() {
    let server = crate::common::Server::http(
        "upstream app {\n server 127.0.0.1:1; }\n\
         server { listen 127.0.0.1:%PORT0%; location / { fastcgi_pass app; } }",
    );
    check(
        &server,
        502,
        "connection_refused",
        "nothing is listening on 127.0.0.1:1 (nginx.conf:4): start the application or fix the server line",
    );
}

#[test]
fn no_such_socket() {
    let server = location("fastcgi_pass unix:%DIR%/app.sock;");
    check(
        &server,
        502,
        "socket_not_found",
        "there is no socket unix:DIR/app.sock (nginx.conf:4): start the application or fix fastcgi_pass",
    );
}

#[test]
fn a_socket_that_may_not_be_opened() {
    use crate::common::{Server, Site};
    let user = if is_root() {
        "user nobody nogroup; "
    } else {
        ""
    };
    let site = Site::new(&format!(
        "{user}pid %DIR%/nginx.pid; error_log %DIR%/error.log; daemon off; events {{ }} http {{ access_log off;\n\
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://unix:%DIR%/app.sock; }} }} }}"
    ));
    let mode = |path: &str, mode| {
        std::fs::set_permissions(site.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let path = site.path("app.sock");
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(5).unwrap();
    mode("app.sock", 0o000);
    let server = Server::start(site);
    check(
        &server,
        502,
        "socket_permission_denied",
        "the user of the worker may not open unix:DIR/app.sock (nginx.conf:2): let it write to the socket and pass \
         through its directories",
    );
}

#[test]
fn a_socket_whose_queue_is_full() {
    let server = location("proxy_pass http://unix:%DIR%/app.sock;");
    let to = SockAddr::unix(server.path("app.sock")).unwrap();
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&to).unwrap();
    socket.listen(0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).unwrap();
        if client.connect(&to).is_err() {
            break;
        }
        waiting.push(client);
    }
    check(
        &server,
        502,
        "socket_queue_full",
        "so many connections wait at unix:DIR/app.sock (nginx.conf:4) that no other may: the application is too slow \
         or has too few workers (php-fpm: pm.max_children), or its backlog is too small",
    );
}

#[test]
fn packets_that_nobody_takes() {
    // A queue that is full, of somebody who accepts nothing: what comes next is dropped.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let to = socket.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&to, Duration::from_millis(200)) {
        waiting.push(client);
    }
    let server = location(&format!(
        "proxy_connect_timeout 300ms;\nproxy_pass http://{to};"
    ));
    check(
        &server,
        504,
        "connect_timeout",
        &format!(
            "{to} (nginx.conf:5) did not take the connection within 300ms (proxy_connect_timeout, nginx.conf:4): the \
             host is down, a firewall drops the packets, or the application accepts no more connections"
        ),
    );
}

#[test]
fn no_route() {
    // No TCP connection leads to a multicast address, whatever the routes are.
    let server = location("proxy_pass http://224.0.0.1:80;");
    check(
        &server,
        502,
        "network_unreachable",
        "there is no route to 224.0.0.1:80 (nginx.conf:4): check the address and the routes of this machine",
    );
}

#[test]
fn an_address_that_cannot_be_connected_to() {
    // From the loopback interface there is no way out.
    let server = location("proxy_bind 127.0.0.1; proxy_pass http://192.0.2.1;");
    check(
        &server,
        502,
        "connect_failed",
        "no connection to 192.0.2.1:80 (nginx.conf:4) could be made: check the address",
    );
}

#[test]
fn no_connection_is_left() {
    use crate::common::{Server, http, read_response, wait_until};
    let server = Server::conf(
        &http(
            "server { listen 127.0.0.1:%PORT0%;\n\
             location / { proxy_pass http://127.0.0.1:1; } location /ok { return 204; } }",
        )
        .replace("events {", "events { worker_connections 4;"),
    );
    // One connection asks, while others that have been let in leave no place.
    let (mut asking, mut held) = (server.connect(0), Vec::new());
    wait_until(
        || {
            let mut other = server.connect(0);
            let _ = other.write_all(b"GET / HT");
            held.push(other);
            asking
                .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap();
            read_response(&mut asking).status == 500
        },
        || server.read("error.log"),
    );
    server.wait_for_log(
        "cause: out_of_connections, hint: \"every connection that a worker may have is in use: raise \
         worker_connections in the events block\"",
    );
}

#[test]
fn no_descriptor_is_left() {
    let conf = crate::common::http(
        "server { listen 127.0.0.1:%PORT0%; location / { proxy_pass http://127.0.0.1:1; } }",
    )
    .replace("events {", "worker_rlimit_nofile 40; events {");
    // One connection asks, while others use up what is left. If the last descriptor is missed by one of the others, and not
    // by the one that asks, the server ends those that wait, and it is to be tried with another one.
    let attempt = || {
        let server = crate::common::Server::conf(&conf);
        let (mut asking, mut held) = (server.connect(0), Vec::new());
        for _ in 0..60 {
            held.push(server.connect(0));
            let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
            if asking.write_all(request).is_err() || !matches!(asking.peek(&mut [0]), Ok(1)) {
                break;
            }
            if crate::common::read_response(&mut asking).status == 500 {
                return Some(server);
            }
            if server.count_in_log("accept4() failed") > 0 {
                break;
            }
        }
        None
    };
    let server = (0..20).find_map(|_| attempt());
    let server = server.expect("never was the last descriptor missed by the request");
    server.wait_for_log(
        "hint: \"no file descriptor is left: raise worker_rlimit_nofile, or fs.file-max of the system\"",
    );
}

#[test]
fn a_port_that_is_taken() {
    let origin = super::listener(|stream| {
        std::thread::sleep(Duration::from_millis(500));
        drop(stream);
    });
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = location(&format!(
        "proxy_bind {};\nproxy_pass http://127.0.0.1:{origin};",
        taken.local_addr().unwrap()
    ));
    check(
        &server,
        500,
        "out_of_ports",
        &format!(
            "no local port is left for 127.0.0.1:{origin} (nginx.conf:5): keep connections (keepalive), bind to \
             several addresses (proxy_bind), or widen net.ipv4.ip_local_port_range"
        ),
    );
}

#[test]
fn an_address_of_others() {
    let server = location("proxy_bind 192.0.2.1;\nproxy_pass http://127.0.0.1:1;");
    check(
        &server,
        500,
        "bind_failed",
        "the address of proxy_bind (nginx.conf:4) cannot be used on this machine",
    );
}

#[test]
fn names_that_mean_nothing() {
    // Nobody answers at the name server's port, or somebody who says nothing.
    let silent = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let silent = (silent.local_addr().unwrap().port(), silent);
    let server = location(&format!(
        "resolver 127.0.0.1:{};\nresolver_timeout 200ms;\nset $up nosuch.test; proxy_pass http://$up;",
        silent.0
    ));
    check(
        &server,
        502,
        "resolve_timeout",
        "no name server told in 200ms (resolver_timeout, nginx.conf:5) what nosuch.test (nginx.conf:6) is: check \
         resolver (nginx.conf:4)",
    );
    let server = location("set $up nosuch.test;\nproxy_pass http://$up;");
    check(
        &server,
        502,
        "no_resolver",
        "nosuch.test (nginx.conf:5) comes from a variable and is looked up for each request: set resolver, or name \
         it in an upstream block",
    );
    let name_server = denying_name_server();
    let server = location(&format!(
        "resolver 127.0.0.1:{name_server};\nset $up nosuch.test; proxy_pass http://$up;"
    ));
    check(
        &server,
        502,
        "name_not_resolved",
        "nosuch.test (nginx.conf:5) does not resolve: check the name, and resolver (nginx.conf:4)",
    );
}

/// A name server that knows no name (RFC 1035: RCODE 3).
fn denying_name_server() -> u16 {
    let socket = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut buf = [0; 512];
        while let Ok((n, from)) = socket.recv_from(&mut buf) {
            buf[2] |= 0x80;
            buf[3] = 0x83;
            let _ = socket.send_to(&buf[..n], from);
        }
    });
    port
}
