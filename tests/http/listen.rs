//! Addresses that servers listen on.

use crate::common::{Response, Server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn at(address: (&str, u16)) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Response::parse(&answer).text()
}

#[test]
fn a_wildcard_serves_the_addresses_it_covers_by_their_own_servers() {
    let server = Server::http(
        "server { listen %PORT0%; return 200 wildcard; }
         server { listen 127.0.0.2:%PORT0%; return 200 two; }
         server { listen 127.0.0.1:%PORT1%; return 200 alone; }
         server { listen 127.0.0.2:%PORT1%; return 200 beside; }",
    );
    let (first, second) = (server.port(0), server.port(1));
    assert_eq!(at(("127.0.0.1", first)), "wildcard");
    assert_eq!(at(("127.0.0.2", first)), "two");
    assert_eq!(at(("127.0.0.3", first)), "wildcard");
    assert_eq!(at(("127.0.0.1", second)), "alone");
    assert_eq!(at(("127.0.0.2", second)), "beside");
}

#[test]
fn unix_sockets() {
    let server = Server::http("server { listen unix:%DIR%/s; return 200 $server_addr; }");
    let mut stream = UnixStream::connect(server.path("s")).unwrap();
    stream.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = Response::parse(&answer);
    assert_eq!(answer.text(), server.fill_in("unix:%DIR%/s"));
}

#[test]
fn several_listens_of_one_server_and_options_of_the_socket() {
    let server = Server::http(
        "server {
            listen 127.0.0.1:%PORT0% backlog=16 rcvbuf=64k so_keepalive=30:5:3 deferred;
            listen 127.0.0.1:%PORT1% reuseport;
            return 200 $server_port;
        }",
    );
    for number in [0, 1] {
        let port = server.port(number);
        assert_eq!(at(("127.0.0.1", port)), port.to_string());
    }
}

#[test]
fn a_kept_connection_finds_its_servers_after_a_reload() {
    let server = Server::http("server { listen 127.0.0.1:%PORT0%; return 200 old; }");
    let mut stream = server.connect(0);
    let mut ask = || {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        crate::common::read_response(&mut stream).text()
    };
    assert_eq!(ask(), "old");
    server.reload_with(
        "server { listen 127.0.0.1:%PORT1%; return 200 other; }
         server { listen 127.0.0.1:%PORT0%; return 200 new; }",
    );
    assert_eq!(ask(), "new");
    server.reload_with("server { listen 127.0.0.1:%PORT1%; return 200 other; }");
    // Its address is gone: the connection is not served by somebody else's server.
    assert_eq!(ask(), "");
}
