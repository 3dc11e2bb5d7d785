//! What goes to others than clients and upstreams: lines to syslog servers, questions to name servers; and from where
//! an upstream is asked, how fast, and what is kept of its answers.

use crate::harness::same_complaints;
use crate::normal::shape;
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n")
}

const LONG: Option<Duration> = Some(Duration::from_secs(20));

#[test]
fn lines_for_syslog_servers() {
    let udp: Vec<UdpSocket> = (0..2)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    let ports: Vec<u16> = udp
        .iter()
        .map(|socket| socket.local_addr().unwrap().port())
        .collect();
    let site = |port: u16| {
        format!(
            r#"log_format f '$request_method $uri "$http_x" $status';
            server {{ listen 127.0.0.1:%PORT0%; root %DIR%/none; log_not_found off;
                location /plain {{ access_log syslog:server=127.0.0.1:{port} f; return 200 x; }}
                location /all {{ access_log syslog:server=127.0.0.1:{port},facility=user,severity=alert,tag=my_tag,nohostname f; return 200 x; }}
                location /local {{ access_log syslog:server=127.0.0.1:{port},facility=local0,severity=debug,nohostname f if=$arg_a; return 200 x; }}
                location /combined {{ access_log syslog:server=localhost:{port},nohostname; return 200 x; }}
                location /unix {{ access_log syslog:server=unix:%DIR%/log.sock,nohostname,tag=u f; return 200 x; }}
                location /error {{ log_not_found on; error_log syslog:server=127.0.0.1:{port},nohostname,facility=mail,severity=crit,tag=e; }}
                location /error/info {{ error_log syslog:server=unix:%DIR%/log.sock,nohostname info; }}
                location /long {{ access_log syslog:server=127.0.0.1:{port},nohostname f; return 200 x; }}
            }}"#
        )
    };
    let Some(pair) = Pair::with_each(&site(ports[0]), &site(ports[1])) else {
        return;
    };
    let unix = pair.each(|site| {
        let socket = UnixDatagram::bind(site.path("log.sock")).unwrap();
        socket.set_read_timeout(LONG).unwrap();
        let everybody = PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(site.path("log.sock"), everybody).unwrap();
        socket
    });
    let long = "x".repeat(3000);
    for (path, datagrams) in [
        ("/plain", [1, 0]),
        ("/all", [1, 0]),
        ("/local?a=1", [1, 0]),
        ("/local", [0, 0]),
        ("/combined", [1, 0]),
        ("/unix", [0, 1]),
        ("/error", [1, 0]),
        ("/long", [1, 0]),
        ("/all/%0a%c3%a9\"", [1, 0]),
        ("/unix/x", [0, 1]),
    ] {
        let fields = if path == "/long" {
            format!("X: {long}\r\n")
        } else {
            String::from("X: a\"b\r\n")
        };
        pair.same(&get(path, &fields));
        for _ in 0..datagrams[0] {
            let mut seen = udp.iter().map(|socket| {
                socket.set_read_timeout(LONG).unwrap();
                let mut buffer = vec![0; 65_536];
                let length = socket.recv(&mut buffer).unwrap();
                line(&buffer[..length])
            });
            assert_eq!(seen.next(), seen.next(), "{path}");
        }
        for _ in 0..datagrams[1] {
            let seen = unix.each_ref().map(|socket| {
                let mut buffer = vec![0; 65_536];
                let length = socket.recv(&mut buffer).unwrap();
                line(&buffer[..length])
            });
            assert_eq!(seen[0], seen[1], "{path}");
        }
    }
}

/// The number in front, and what follows without what differs in time, process and directory.
fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (priority, rest) = text.split_once('>').unwrap();
    let rest = shape(rest);
    let mut words: Vec<&str> = rest.split(' ').collect();
    // The month.
    words[0] = "Mmm";
    let rest: Vec<String> = words
        .iter()
        .filter(|word| !word.is_empty())
        .map(|word| match word.find("/site") {
            Some(at) => format!("{}DIR", &word[..at]),
            None => (*word).to_owned(),
        })
        .collect();
    format!("{priority}> {}", rest.join(" "))
}

/// A name server: what it was asked, and answers by the first label of the name.
fn name_server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut message = [0; 1024];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            let question = &message[..length];
            let name: Vec<String> = labels(&question[12..]);
            let kind = question[length - 3];
            record
                .lock()
                .unwrap()
                .push(format!("{} {kind} {}", name.join("."), question[2]));
            if let Some(answer) = reply(question, &name[0], kind) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    (port, asked)
}

fn labels(mut text: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    while text[0] != 0 {
        let (label, rest) = text[1..].split_at(usize::from(text[0]));
        out.push(String::from_utf8_lossy(label).into_owned());
        text = rest;
    }
    out
}

fn reply(question: &[u8], name: &str, kind: u8) -> Option<Vec<u8>> {
    let address = |last: u8| {
        [
            b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0".as_slice(),
            &[last],
        ]
        .concat()
    };
    let cname = |target: &[u8]| {
        let length = [0, target.len() as u8];
        [
            b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c".as_slice(),
            &length,
            target,
        ]
        .concat()
    };
    let (code, records) = match name {
        "silent" => return None,
        "none" => (3, vec![]),
        "formerr" => (1, vec![]),
        "servfail" => (2, vec![]),
        "refused" => (5, vec![]),
        "odd" => (9, vec![]),
        "empty" => (0, vec![]),
        "two" if kind == 1 => (0, vec![address(1), address(2)]),
        "alias" if kind == 1 => (0, vec![cname(b"\x04here\x04test\0")]),
        "chain" if kind == 1 => (0, vec![cname(b"\x05alias\x04test\0")]),
        "loop" if kind == 1 => (0, vec![cname(b"\x04loop\x04test\0")]),
        "nowhere" if kind == 1 => (0, vec![cname(b"\x04none\x04test\0")]),
        "cut" => {
            let mut answer = question.to_vec();
            answer.truncate(10);
            return Some(answer);
        }
        _ if kind == 1 => (0, vec![address(1)]),
        _ => (0, vec![]),
    };
    let mut answer = question.to_vec();
    answer[2] = 0x81;
    answer[3] = 0x80 | code;
    answer[7] = records.len() as u8;
    answer.extend(records.concat());
    Some(answer)
}

#[test]
fn questions_to_name_servers() {
    let servers = [name_server(), name_server()];
    let site = |port: u16| {
        format!(
            r#"{AS_NOW} resolver 127.0.0.1:{port} ipv6=off; resolver_timeout 400ms;
            server {{ listen 127.0.0.1:%PORT0%; add_header X-Up "$upstream_addr $upstream_status" always;
                location / {{ proxy_pass http://$arg_host:%ORIGIN0%/asked; }}
                location /path {{ proxy_pass http://$arg_host:%ORIGIN0%; }}
                location /both {{ resolver 127.0.0.1:{port} valid=1h; proxy_pass http://$arg_host:%ORIGIN0%; }}
                location /port {{ proxy_pass http://$arg_host; }}
                location /literal {{ set $none ""; proxy_pass http://here.test$none:%ORIGIN0%; }}
                location /address {{ proxy_pass http://$arg_a:%ORIGIN0%; }}
                location /group {{ proxy_pass http://$arg_g; }}
            }}
            upstream known {{ server 127.0.0.1:%ORIGIN0%; }}"#
        )
    };
    let Some(pair) =
        Pair::with_each_and_origins(&site(servers[0].0), &site(servers[1].0), 1, |_, _, _| {
            Act::Send(ok("origin"))
        })
    else {
        return;
    };
    let paths = [
        "/?host=here.test",
        "/?host=here.test",
        "/?host=HERE.test",
        "/?host=here.test.",
        "/path/a%20b?host=one.test&x",
        "/?host=alias.test",
        "/?host=chain.test",
        "/?host=loop.test",
        "/?host=nowhere.test",
        "/?host=none.test",
        "/?host=none.test",
        "/?host=formerr.test",
        "/?host=servfail.test",
        "/?host=refused.test",
        "/?host=odd.test",
        "/?host=empty.test",
        "/both?host=here.test",
        "/both?host=empty.test",
        "/literal",
        "/address?a=127.0.0.1",
        "/address?a=[::1",
        "/address?a=",
        "/group?g=known",
        "/group?g=KNOWN",
        "/port?host=x.test:99999",
        "/?host=a..b",
        "/?host=.",
        "/?host=",
        "/?host=-x-.test",
    ];
    for path in paths {
        pair.same(&get(path, ""));
        let asked: Vec<Vec<String>> = servers
            .iter()
            .map(|(_, asked)| std::mem::take(&mut *asked.lock().unwrap()))
            .collect();
        assert_eq!(asked[0], asked[1], "{path}");
    }
    for path in ["/?host=silent.test", "/?host=cut.test"] {
        pair.same(&get(path, ""));
    }
    pair.same_errors(15);
}

#[test]
fn from_where_an_upstream_is_asked() {
    let site = format!(
        r#"{AS_NOW}
        geo $elsewhere {{ default 127.0.0.3; }}
        server {{ listen 127.0.0.1:%PORT0%;
            location / {{ proxy_bind 127.0.0.2; proxy_pass http://127.0.0.1:%PORT1%; }}
            location /off {{ proxy_bind off; proxy_pass http://127.0.0.1:%PORT1%; }}
            location /var {{ proxy_bind $arg_b; proxy_pass http://127.0.0.1:%PORT1%; }}
            location /client {{ proxy_bind $remote_addr; proxy_socket_keepalive on; proxy_pass http://127.0.0.1:%PORT1%; }}
            location /geo {{ proxy_bind $elsewhere; proxy_pass http://127.0.0.1:%PORT1%; }}
            location /port {{ proxy_bind 127.0.0.4:%PORT2%; proxy_pass http://127.0.0.1:%PORT1%; }}
            location /foreign {{ proxy_bind 192.0.2.1; proxy_pass http://127.0.0.1:%PORT1%; }}
            location /nested {{ proxy_bind 127.0.0.5; location /nested/off {{ proxy_bind off; proxy_pass http://127.0.0.1:%PORT1%; }}
                location /nested/on {{ proxy_pass http://127.0.0.1:%PORT1%; }} }}
        }}
        server {{ listen 127.0.0.1:%PORT1%; location / {{ return 200 $remote_addr; }} location /port {{ return 200 $remote_addr:$remote_port; }} }}"#
    );
    let Some(pair) = Pair::start(&site) else {
        return;
    };
    let paths = [
        "/",
        "/off",
        "/var?b=127.0.0.9",
        "/var",
        "/var?b=x",
        "/var?b=127.0.0.9:x",
        "/client",
        "/geo",
        "/port",
        "/foreign",
        "/nested/off",
        "/nested/on",
    ];
    pair.same_each(
        &paths
            .map(|path| get(path, ""))
            .each_ref()
            .map(String::as_str),
    );
    pair.same_errors(3);
}

#[test]
fn what_is_kept_of_answers() {
    let site = format!(
        r#"{AS_NOW} proxy_temp_path %DIR%/temp; root %DIR%/kept;
        server {{ listen 127.0.0.1:%PORT0%;
            location / {{ error_page 404 = @fetch; log_not_found off; }}
            location @fetch {{ proxy_store on; proxy_store_access group:rw all:r; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /own/ {{ proxy_store %DIR%/own$uri; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /off/ {{ proxy_store off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /ranges/ {{ proxy_force_ranges on; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /whole/ {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let head = |status: &str| {
            format!(
                "HTTP/1.1 {status}\r\nLast-Modified: Mon, 28 Sep 1970 06:00:00 GMT\r\nETag: \"x\"\r\nContent-Type: text/html\r\n"
            )
        };
        let whole = |status: &str| {
            Act::Send(format!("{}Content-Length: 10\r\n\r\n0123456789", head(status)).into_bytes())
        };
        match path.rsplit('/').next().unwrap_or_default() {
            "missing" => whole("404 None"),
            "made" => whole("201 Made"),
            "chunked" => Act::Send(
                format!(
                    "{}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                    head("200 OK")
                )
                .into_bytes(),
            ),
            "cut" => Act::SendAndClose(
                format!("{}Content-Length: 10\r\n\r\n01", head("200 OK")).into_bytes(),
            ),
            "none" => Act::Send(ok("")),
            _ => whole("200 OK"),
        }
    }) else {
        return;
    };
    let mut requests = Vec::new();
    for path in [
        "/a",
        "/a",
        "/sub/b",
        "/sub/b",
        "/missing",
        "/made",
        "/chunked",
        "/chunked",
        "/none",
        "/own/a",
        "/own/a",
        "/off/a",
        "/ranges/a",
        "/whole/a",
    ] {
        requests.push(get(path, ""));
    }
    for path in [
        "/ranges/a",
        "/ranges/missing",
        "/ranges/chunked",
        "/whole/a",
    ] {
        for range in [
            "bytes=2-4",
            "bytes=-3",
            "bytes=0-0,5-6",
            "bytes=20-",
            "bytes=x",
        ] {
            requests.push(get(path, &format!("Range: {range}\r\n")));
            requests.push(get(path, &format!("Range: {range}\r\nIf-Range: \"x\"\r\n")));
            requests.push(get(path, &format!("Range: {range}\r\nIf-Range: \"y\"\r\n")));
        }
    }
    for request in &requests {
        pair.same(request);
    }
    pair.same(&get("/cut", ""));
    let kept = pair.each(|site| {
        [
            "kept/a",
            "kept/sub/b",
            "kept/missing",
            "kept/made",
            "kept/chunked",
            "kept/none",
            "own/own/a",
            "kept/cut",
            "kept/off/a",
        ]
        .map(|name| {
            let path = site.path(name);
            let found = std::fs::metadata(&path).ok()?;
            Some((
                found.permissions().mode(),
                found.modified().unwrap(),
                std::fs::read(&path).unwrap(),
            ))
        })
    });
    assert_eq!(kept[0][3].is_some(), kept[1][3].is_some());
    // The time of one without a date is that of its making.
    for (number, (ours, theirs)) in kept[0].iter().zip(&kept[1]).enumerate() {
        let timeless = |it: &Option<(u32, std::time::SystemTime, Vec<u8>)>| {
            it.as_ref().map(|(mode, _, text)| (*mode, text.clone()))
        };
        assert_eq!(timeless(ours), timeless(theirs), "{number}");
        if number != 5 {
            assert_eq!(ours, theirs, "{number}");
        }
    }
}

#[test]
fn how_fast() {
    // 6000 bytes at 10000 a second and what goes out at once: not before a time, and not long after it.
    let site = format!(
        r#"{AS_NOW} root %DIR%/files;
        server {{ listen 127.0.0.1:%PORT0%;
            location / {{ limit_rate 10k; }}
            location /after/ {{ limit_rate 10k; limit_rate_after 5k; alias %DIR%/files/; }}
            location /set/ {{ set $limit_rate 10k; alias %DIR%/files/; }}
            location /var/ {{ limit_rate $arg_r; limit_rate_after $arg_a; alias %DIR%/files/; }}
            location /off/ {{ limit_rate 0; alias %DIR%/files/; }}
            location /proxied/ {{ proxy_limit_rate 10k; proxy_buffering on; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /direct/ {{ limit_rate 10k; proxy_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, _| Act::Send(ok(&"x".repeat(19_000))))
    else {
        return;
    };
    pair.write("files/a", &"x".repeat(19_000));
    pair.write("files/small", "x");
    for path in [
        "/a",
        "/after/a",
        "/set/a",
        "/var/a?r=10k",
        "/var/a?r=10k&a=20k",
        "/var/a",
        "/var/a?r=x",
        "/off/a",
        "/small",
        "/proxied/a",
        "/direct/a",
    ] {
        pair.same_after(&get(path, ""), Duration::from_millis(600));
    }
}

#[test]
fn as_many_as_a_server_takes() {
    let site = format!(
        r#"{AS_NOW}
        upstream few {{ zone few 64k; server 127.0.0.1:%ORIGIN0% max_conns=1; server 127.0.0.1:%ORIGIN1% max_conns=2; }}
        upstream spare {{ server 127.0.0.1:%ORIGIN0% max_conns=1; server 127.0.0.1:%ORIGIN1% backup; }}
        upstream least {{ least_conn; server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1% weight=2; }}
        upstream chance {{ random; server 127.0.0.1:%ORIGIN0% down; server 127.0.0.1:%ORIGIN1%; }}
        upstream twice {{ random two least_conn; server 127.0.0.1:%ORIGIN0% down; server 127.0.0.1:%ORIGIN1%; }}
        server {{ listen 127.0.0.1:%PORT0%; add_header X-Up "$upstream_addr $upstream_status" always;
            location /few {{ proxy_pass http://few; }}
            location /spare {{ proxy_pass http://spare; }}
            location /least {{ proxy_pass http://least; }}
            location /chance {{ proxy_pass http://chance; }}
            location /twice {{ proxy_pass http://twice; }}
        }}"#
    );
    for place in ["few", "spare", "least", "chance", "twice"] {
        let Some(pair) = Pair::with_origins(&site, 2, |number, _, request| {
            match request.contains("/hang") {
                true => Act::Hang,
                false => Act::Send(ok(&format!("origin {number}"))),
            }
        }) else {
            return;
        };
        let mut held = Vec::new();
        for _ in 0..4 {
            pair.same(&get(&format!("/{place}/x"), ""));
            pair.same(&get(&format!("/{place}/y"), ""));
            if place == "few" && held.len() == 3 || place == "spare" && held.len() == 2 {
                break;
            }
            held.push(pair.hold(&get(&format!("/{place}/hang"), "")));
        }
        drop(held);
    }
}

#[test]
fn complaints() {
    same_complaints(&[
        "access_log syslog:;",
        "access_log syslog:server=;",
        "access_log syslog:server=nosuch.invalid;",
        "access_log syslog:server=127.0.0.1:99999;",
        "access_log syslog:server=127.0.0.1,server=127.0.0.2;",
        "access_log syslog:server=127.0.0.1,facility=nosuch;",
        "access_log syslog:server=127.0.0.1,severity=nosuch;",
        "access_log syslog:server=127.0.0.1,facility=user,facility=mail;",
        "access_log syslog:server=127.0.0.1,tag=;",
        "access_log syslog:server=127.0.0.1,tag=a-b;",
        "access_log syslog:server=127.0.0.1,tag=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;",
        "access_log syslog:server=127.0.0.1,tag=a,tag=b;",
        "access_log syslog:server=127.0.0.1,nosuch=1;",
        "access_log syslog:server=127.0.0.1,nohostname,;",
        "access_log syslog:facility=user;",
        "access_log syslog:server=unix:;",
        "access_log syslog:server=127.0.0.1 combined buffer=4k;",
        "access_log syslog:server=127.0.0.1 nosuch;",
        "error_log syslog:server=127.0.0.1 nosuch;",
        "error_log syslog:server=127.0.0.1,severity=nosuch info;",
        "resolver;",
        "resolver nosuch.invalid;",
        "resolver 127.0.0.1:99999;",
        "resolver 127.0.0.1 valid=x;",
        "resolver 127.0.0.1 ipv6=maybe;",
        "resolver 127.0.0.1 status_zone=;",
        "resolver 127.0.0.1; resolver 127.0.0.2;",
        "resolver valid=10s;",
        "resolver_timeout x;",
        "resolver_timeout 1; resolver_timeout 2;",
        "proxy_bind $nosuch;",
        "proxy_bind;",
        "proxy_bind 127.0.0.1 127.0.0.2;",
        "limit_rate 1k 2k;",
    ]);
}
