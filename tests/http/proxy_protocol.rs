//! `listen ... proxy_protocol`: the client is who the proxy in front says.

use crate::common::{Response, Server};
use std::io::{Read, Write};

const SITE: &str = "
    client_header_timeout 1s;
    server {
        listen 127.0.0.1:%PORT0% proxy_protocol;
        listen 127.0.0.1:%PORT1%;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        location / {
            return 200 $remote_addr:$remote_port|$realip_remote_addr|$proxy_protocol_addr:$proxy_protocol_port|$proxy_protocol_server_addr:$proxy_protocol_server_port;
        }
        location /tlv {
            return 200 $proxy_protocol_tlv_alpn|$proxy_protocol_tlv_0xae|$proxy_protocol_tlv_ssl_cn|$proxy_protocol_tlv_ssl_verify|$proxy_protocol_tlv_netns|$proxy_protocol_tlv_what;
        }
        location /denied { deny 192.0.2.9; try_files /nothing =204; }
    }";

/// A header of the second version, over IPv4.
fn second(tlvs: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    let length = u16::try_from(12 + tlvs.len()).unwrap();
    bytes.extend(length.to_be_bytes());
    bytes.extend([192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46]);
    bytes.extend(tlvs);
    bytes
}

fn ask(server: &Server, header: &[u8], path: &str) -> Response {
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    Response::parse(&server.raw(0, &[header, request.as_bytes()].concat()))
}

#[test]
fn the_header_names_the_client() {
    let server = Server::http(SITE);
    let text = |header: &[u8], path: &str| ask(&server, header, path).text();
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n";
    let all = "192.0.2.1:123|127.0.0.1|192.0.2.1:123|192.0.2.2:5678";
    assert_eq!(text(line, "/"), all);
    assert_eq!(text(&second(b""), "/"), all);
    assert_eq!(
        text(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "/"),
        "2001:db8::1:1|127.0.0.1|2001:db8::1:1|::1:2"
    );
    assert!(text(b"PROXY UNKNOWN\r\n", "/").ends_with("|127.0.0.1|:|:"));
    let tlvs = b"\x01\x00\x02h2\x20\x00\x0b\x01\x00\x00\x00\x07\x22\x00\x03abc\xae\x00\x01x";
    assert_eq!(text(&second(tlvs), "/tlv"), "h2|x|abc|7||");
    server.wait_for_log("unknown PROXY protocol TLV \"what\"");
    let stranger = b"PROXY TCP4 192.0.2.9 192.0.2.2 123 5678\r\n";
    assert_eq!(ask(&server, stranger, "/denied").status, 403);
    assert_eq!(ask(&server, line, "/denied").status, 204);
    // Another address of the same server asks for none.
    assert!(server.get_from(1, "/").text().ends_with("|127.0.0.1|:|:"));
}

#[test]
fn it_holds_for_all_requests_of_the_connection() {
    let server = Server::http(SITE);
    let mut stream = server.connect(0);
    stream
        .write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n")
        .unwrap();
    for _ in 0..2 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            .unwrap();
        let answer = crate::common::read_response(&mut stream);
        assert!(answer.text().starts_with("192.0.2.1:123|"));
    }
}

#[test]
fn what_is_no_header_ends_the_connection() {
    let server = Server::http(SITE);
    assert_eq!(server.raw(0, b"GET / HTTP/1.0\r\n\r\n"), b"");
    let port = server.port(0);
    server.wait_for_log(&format!(
        "broken header: \"GET / HTTP/1.0\" while reading PROXY protocol, client: 127.0.0.1, server: 127.0.0.1:{port}"
    ));
    let mut long = second(b"");
    long[14] = 0x7f;
    assert_eq!(server.raw(0, &long), b"");
    server.wait_for_log("header is too large while reading PROXY protocol, ");
    assert_eq!(server.raw(0, b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"), b"");
    server.wait_for_log("unknown PROXY protocol version: 3 while reading PROXY protocol, ");
    // Whoever says nothing is not waited for without end.
    let mut silent = server.connect(0);
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).unwrap();
    assert_eq!(nothing, b"");
    server.wait_for_log(
        "client timed out (110: Connection timed out) while reading PROXY protocol, ",
    );
}
