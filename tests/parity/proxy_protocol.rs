//! The PROXY protocol in front of requests, and the words for what is none.

use crate::harness::current;
use crate::pair::Pair;

const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n";
const SIGNATURE: &str = "\r\n\r\n\0\r\nQUIT\n";

#[test]
fn headers() {
    let Some(pair) = Pair::start(
        r#"set_real_ip_from 127.0.0.1;
        map $proxy_protocol_addr $port { "" own; default $remote_port; }
        server { listen 127.0.0.1:%PORT0% proxy_protocol; server_name h.test; real_ip_header proxy_protocol;
            access_log off;
            return 200 "$remote_addr:$port $realip_remote_addr $proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_addr:$proxy_protocol_server_port";
        }
        server { listen 127.0.0.1:%PORT0%; server_name other; return 200 $proxy_protocol_addr; }"#,
    ) else {
        return;
    };
    let inet = "\x0a\0\0\x01\x0a\0\0\x02\0\x7b\x16\x2e";
    let inet6 = format!("{}\x01{}\x02\0\x07\0\x08", "\0".repeat(15), "\0".repeat(15));
    let good = [
        "PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n".to_owned(),
        "PROXY TCP6 2001:DB8::1 ::1 1 65535\r\n".to_owned(),
        // Not of the family that it says, no address at all, no port.
        "PROXY TCP6 192.0.2.1 abc.def 1 2\r\n".to_owned(),
        "PROXY TCP4   1 2\r\n".to_owned(),
        "PROXY TCP4 192.0.2.1 192.0.2.2 0 0\r\n".to_owned(),
        "PROXY UNKNOWN\r\n".to_owned(),
        "PROXY UNKNOWNwhatever 1 2 3\r\n".to_owned(),
        format!("{SIGNATURE}\x21\x11\0\x0c{inet}"),
        format!("{SIGNATURE}\x21\x11\0\x10{inet}\x04\0\x01x"),
        format!("{SIGNATURE}\x21\x21\0\x24{inet6}"),
        format!("{SIGNATURE}\x20\x11\0\x0c{inet}"),
        format!("{SIGNATURE}\x20\0\0\0"),
        format!("{SIGNATURE}\x21\x12\0\x0c{inet}"),
        format!("{SIGNATURE}\x21\x31\0\x0c{inet}"),
    ];
    let bad = [
        String::new(),
        "PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\n".to_owned(),
        "PROXY TCP4 192.0.2.1 192.0.2.2 123 65536\r\n".to_owned(),
        "PROXY TCP4 192.0.2.1 192.0.2.2 123\r\n".to_owned(),
        "PROXY TCP4 host 192.0.2.2 123 1\r\n".to_owned(),
        "PROXY TCP5 192.0.2.1 192.0.2.2 1 1\r\n".to_owned(),
        "proxy TCP4 192.0.2.1 192.0.2.2 1 1\r\n".to_owned(),
        format!("{SIGNATURE}\x11\x11\0\x0c{inet}"),
        format!("{SIGNATURE}\x21\x11\x04\x0c{inet}"),
        format!("{SIGNATURE}\x21\x11\0\x0b{inet}"),
        format!("{SIGNATURE}\x21\x21\0\x0c{inet}"),
    ];
    let requests: Vec<String> = good
        .iter()
        .chain(&bad)
        .map(|header| format!("{header}{REQUEST}"))
        .collect();
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    // All but the two that are short of their addresses, of which nobody says anything. Older ones write more than
    // the line.
    if current() {
        pair.same_errors(bad.len() - 2);
    }
}
