//! Groups of servers: who is asked, who is asked next, and which connections are kept.

use crate::harness::{current, nginx, same_complaints};
use crate::origin::{Act, Origin, ok};
use crate::pair::{AS_NOW, Pair};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

fn compare(pair: &Pair, paths: &[String]) {
    let requests: Vec<String> = paths.iter().map(|path| get(path)).collect();
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

/// A site with a group that is asked for everything; one worker, or each would count for itself.
fn group(inside: &str) -> String {
    format!(
        "{AS_NOW} upstream group {{ {inside} }}
         server {{ listen 127.0.0.1:%PORT0%; add_header X-Up \"$upstream_addr $upstream_status\" always;
            location / {{ proxy_pass http://group; }}
            location /next {{ proxy_next_upstream error timeout http_502 http_503 http_404; proxy_pass http://group; }}
            location /post {{ proxy_next_upstream error timeout http_502 http_503 non_idempotent; proxy_pass http://group; }}
            location /off {{ proxy_next_upstream off; proxy_pass http://group; }}
            location /tries {{ proxy_next_upstream error http_503; proxy_next_upstream_tries 2; proxy_pass http://group; }}
         }}"
    )
}

#[test]
fn the_same_server_each_time() {
    for balancer in [
        "server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1%; server 127.0.0.1:%ORIGIN2%;",
        "server 127.0.0.1:%ORIGIN0% weight=5; server 127.0.0.1:%ORIGIN1%; server 127.0.0.1:%ORIGIN2% weight=2;",
        "server 127.0.0.1:%ORIGIN0% down; server 127.0.0.1:%ORIGIN1%; server 127.0.0.1:%ORIGIN2% backup;",
        "zone z 64k; server 127.0.0.1:%ORIGIN0% weight=2; server 127.0.0.1:%ORIGIN1%; server 127.0.0.1:%ORIGIN2% max_conns=1;",
        "least_conn; server 127.0.0.1:%ORIGIN0% weight=2; server 127.0.0.1:%ORIGIN1%; server 127.0.0.1:%ORIGIN2%;",
        "ip_hash; server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1% weight=3; server 127.0.0.1:%ORIGIN2%;",
        "ip_hash; server 127.0.0.1:%ORIGIN0% down; server 127.0.0.1:%ORIGIN1% weight=3; server 127.0.0.1:%ORIGIN2%;",
        "hash $uri; server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1% weight=3; server 127.0.0.1:%ORIGIN2%;",
        "hash $uri; server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1% down; server 127.0.0.1:%ORIGIN2%;",
        "hash $arg_none; server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1%;",
        "server 127.0.0.1:%ORIGIN0% backup; server 127.0.0.1:%ORIGIN1% backup; server 127.0.0.1:%PORT9% max_fails=1;",
    ] {
        let Some(pair) = Pair::with_origins(&group(balancer), 3, |number, _, _| {
            Act::Send(ok(&format!("origin {number}")))
        }) else {
            return;
        };
        let paths: Vec<String> = (0..16).map(|i| format!("/{i}/x{}", i * 7)).collect();
        compare(&pair, &paths);
    }
}

#[test]
fn the_same_server_for_a_client() {
    let site = group(
        "ip_hash; server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1% weight=3; server 127.0.0.1:%ORIGIN2%;",
    );
    let site = format!("set_real_ip_from 127.0.0.1; {site}");
    let Some(pair) = Pair::with_origins(&site, 3, |_, _, _| Act::Send(ok("x"))) else {
        return;
    };
    for address in [
        "10.0.0.1",
        "10.0.1.1",
        "10.0.1.200",
        "10.1.0.1",
        "192.168.0.1",
        "172.16.5.4",
        "2001:db8::1",
        "2001:db8:1::1",
        "::1",
        "8.8.8.8",
        "1.2.3.4",
        "255.255.255.255",
    ] {
        pair.same(&format!(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Real-IP: {address}\r\n\r\n"
        ));
    }
}

#[test]
fn the_same_server_for_a_key() {
    // The points of a server follow from its address: both must have the same ones.
    if nginx().is_none() {
        return;
    }
    let origins: Vec<Origin> = (0..4)
        .map(|_| Origin::start(|_, _| Act::Send(ok("x"))))
        .collect();
    let weights = ["", " weight=3", " weight=2", " down"];
    let servers: String = origins
        .iter()
        .zip(weights)
        .map(|(origin, weight)| format!("server 127.0.0.1:{}{weight};", origin.port))
        .collect();
    let Some(pair) = Pair::start(&group(&format!("hash $uri consistent; {servers}"))) else {
        return;
    };
    let paths: Vec<String> = (0..40).map(|i| format!("/key{i}")).collect();
    compare(&pair, &paths);
}

#[test]
fn who_is_asked_next() {
    let servers = "server 127.0.0.1:%ORIGIN0% max_fails=2; server 127.0.0.1:%ORIGIN1%; server 127.0.0.1:%ORIGIN2% max_fails=0;";
    let script = |number: usize, _: usize, request: &str| {
        let what = request
            .split("do=")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        match (what.unwrap_or_default(), number) {
            ("all503", _) | ("first503", 0) | ("two503", 0 | 1) => {
                Act::Send(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy".to_vec())
            }
            ("first404", 0) => {
                Act::Send(b"HTTP/1.1 404 None\r\nContent-Length: 4\r\n\r\nnone".to_vec())
            }
            ("firstclose", 0) | ("allclose", _) => Act::SendAndClose(Vec::new()),
            ("firstreset", 0) => Act::Reset,
            ("firstbad", 0) => {
                Act::SendAndClose(b"HTTP/1.1 200 OK\r\nbad field: x\r\n\r\n".to_vec())
            }
            ("firstcut", 0) => {
                Act::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())
            }
            _ => Act::Send(ok(&format!("origin {number}"))),
        }
    };
    for what in [
        "all503",
        "first503",
        "two503",
        "first404",
        "firstclose",
        "allclose",
        "firstreset",
        "firstbad",
        "firstcut",
    ] {
        for place in ["/", "/next", "/post", "/off", "/tries"] {
            let Some(pair) = Pair::with_origins(&group(servers), 3, script) else {
                return;
            };
            let mut paths = vec![format!("{place}?do={what}"); 4];
            paths.push(String::from("/"));
            compare(&pair, &paths);
            pair.same(&format!("POST {place}?do={what} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"));
            pair.same(&format!("POST {place}?do={what} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
            pair.same_errors(0);
        }
    }
}

#[test]
fn connections_that_are_kept() {
    let site = format!(
        "{AS_NOW} upstream kept {{ server 127.0.0.1:%ORIGIN0%; keepalive 1; }}
         upstream few {{ server 127.0.0.1:%ORIGIN0%; keepalive 4; keepalive_requests 2; }}
         server {{ listen 127.0.0.1:%PORT0%;
            location / {{ proxy_pass http://kept; }}
            location /few {{ proxy_pass http://few; }}
            location /closed {{ proxy_set_header Host kept; proxy_set_header Connection close; proxy_pass http://kept; }}
            location /old {{ proxy_http_version 1.0; proxy_pass http://kept; }}
            location /direct {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }} }}"
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, connection, request| {
        let body = format!("connection {connection}");
        let answer = |fields: &str| {
            format!(
                "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let answer = match request.split(' ').nth(1).unwrap_or_default() {
            "/close" => answer("Connection: close\r\n"),
            "/long" => answer("") + "surplus",
            "/204" => String::from("HTTP/1.1 204 None\r\n\r\n"),
            "/chunked" => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ),
            "/1.0" => format!(
                "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            "/keep" => format!(
                "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            _ => answer(""),
        };
        let mut answer = answer.into_bytes();
        if request.starts_with("HEAD ") {
            answer.truncate(answer.len() - body.len());
        }
        Act::Send(answer)
    }) else {
        return;
    };
    for path in [
        "/", "/", "/close", "/", "/204", "/chunked", "/", "/1.0", "/", "/keep", "/", "/few",
        "/few", "/few", "/few", "/closed", "/", "/old", "/", "/direct", "/direct", "/long", "/",
    ] {
        pair.same(&get(path));
    }
    pair.same("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    pair.same(&get("/"));
    pair.same("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
    pair.same(&get("/"));
}

#[test]
fn complaints() {
    same_complaints(
        &[
            "",
            "server;",
            "server 127.0.0.1:99999;",
            "server nosuch.invalid;",
            "server 127.0.0.1:1/x;",
            "server http://127.0.0.1:1;",
            "server unix:;",
            "server 127.0.0.1:1 weight=0;",
            "server 127.0.0.1:1 weight=x;",
            "server 127.0.0.1:1 max_fails=x;",
            "server 127.0.0.1:1 fail_timeout=x;",
            "server 127.0.0.1:1 max_conns=x;",
            "server 127.0.0.1:1 foo;",
            "server 127.0.0.1:1 backup;",
            "server 127.0.0.1:1 down backup weight=2 max_fails=3 fail_timeout=4s max_conns=5;",
            "hash; server 127.0.0.1:1;",
            "hash $uri foo; server 127.0.0.1:1;",
            "hash $nosuch; server 127.0.0.1:1;",
            "hash $uri; server 127.0.0.1:1 backup;",
            "ip_hash; server 127.0.0.1:1; server 127.0.0.1:2 backup;",
            "ip_hash x; server 127.0.0.1:1;",
            "server 127.0.0.1:1; ip_hash;",
            "server 127.0.0.1:1 backup; ip_hash; server 127.0.0.1:2;",
            "ip_hash; least_conn; server 127.0.0.1:1;",
            "least_conn x; server 127.0.0.1:1;",
            "random two foo; server 127.0.0.1:1;",
            "random three; server 127.0.0.1:1;",
            "random two least_conn; server 127.0.0.1:1;",
            "random; server 127.0.0.1:1 backup;",
            "zone; server 127.0.0.1:1;",
            "zone a 1k; server 127.0.0.1:1;",
            "zone a x; server 127.0.0.1:1;",
            "zone a 64k; zone b 64k; server 127.0.0.1:1;",
            "keepalive; server 127.0.0.1:1;",
            "keepalive x; server 127.0.0.1:1;",
            "keepalive 1; keepalive 1; server 127.0.0.1:1;",
            "server 127.0.0.1:1; keepalive_requests x;",
            "server 127.0.0.1:1; keepalive_timeout x;",
            "server 127.0.0.1:1; keepalive_time x;",
            "server 127.0.0.1:1; listen 1;",
            "server { }",
        ]
        .map(|line| format!("upstream u {{ {line} }} server {{ listen 127.0.0.1:2; location / {{ proxy_pass http://u; }} }}"))
        .each_ref()
        .map(String::as_str),
    );
    if current() {
        // Since 1.29.7 the balancer may come second.
        same_complaints(&["upstream u { keepalive 1; ip_hash; server 127.0.0.1:1; }"]);
    }
    same_complaints(&[
        "upstream { }",
        "upstream a b { }",
        "upstream a;",
        "upstream a { server 127.0.0.1:1; } upstream a { server 127.0.0.1:1; }",
        "server 127.0.0.1:1;",
        "keepalive 1;",
    ]);
}

#[test]
fn complaints_about_zones() {
    let group =
        |name: &str, zone: &str| format!("upstream {name} {{ zone {zone}; server 127.0.0.1:1; }} ");
    let limit = "limit_req_zone $uri zone=z:64k rate=1r/s; ";
    let texts = [
        group("a", "z 64k") + &group("b", "z 64k"),
        group("a", "z 64k") + &group("b", "z 128k"),
        group("a", "z 64k") + &group("b", "z"),
        group("a", "z") + &group("b", "z 64k"),
        group("a", "z 64k") + &group("a", "y 64k"),
        group("a", "z"),
        group("a", "z") + &group("b", "z 1k"),
        group("a", "z 64k") + limit,
        limit.to_owned() + &group("a", "z"),
        group("a", "z 64k") + "limit_conn_zone $uri zone=z:64k;",
        group("a", "z 64k") + "server { limit_conn z 1; }",
    ];
    same_complaints(&texts.each_ref().map(String::as_str));
}

#[test]
fn complaints_about_words_for_a_cache() {
    let lines = [
        "proxy_cache_use_stale non_idempotent;",
        "proxy_cache_use_stale error ERROR;",
        "proxy_cache_use_stale error; proxy_cache_use_stale timeout error;",
        "proxy_cache_use_stale http_504 off;",
        "proxy_cache_use_stale http_501;",
        "fastcgi_cache_use_stale non_idempotent updating;",
        "fastcgi_cache_use_stale http_504;",
        "uwsgi_cache_use_stale http_502;",
        "scgi_cache_use_stale error timeout error;",
        "proxy_cache_methods GET get;",
        "proxy_cache_methods PUT;",
        "proxy_cache_methods GET; fastcgi_cache_methods GET;",
    ];
    let lines = lines.map(|line| format!("server {{ listen 127.0.0.1:2; {line} }}"));
    same_complaints(&lines.each_ref().map(String::as_str));
}

/// What is said of an answer's head is said also where the answer makes another server be asked.
#[test]
fn duplicates_in_answers_that_are_not_passed_on() {
    if !current() {
        // Older ones say nothing of them.
        return;
    }
    let site = format!(
        "{AS_NOW} upstream group {{ server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1% backup; }}
         server {{ listen 127.0.0.1:%PORT0%; add_header X-Up \"$upstream_status $upstream_http_date\" always;
            location / {{ proxy_next_upstream http_404; proxy_pass http://group; }}
         }}"
    );
    let Some(pair) = Pair::with_origins(&site, 2, |number, _, _| {
        Act::SendAndClose(match number {
            0 => b"HTTP/1.1 404 None\r\nDate: a\r\nDate: b\r\nServer: c\r\nserver: d\r\nContent-Length: 0\r\n\r\n".to_vec(),
            _ => ok("x"),
        })
    }) else {
        return;
    };
    compare(&pair, &[String::from("/")]);
    pair.same_errors(2);
}

/// The status of an attempt is that of the first head which came; one that failed has the status of its failure.
#[test]
fn statuses_behind_early_hints() {
    if !current() {
        return;
    }
    let site = format!(
        "{AS_NOW} log_format one '$request $status [$upstream_status] $upstream_bytes_received';
         upstream group {{ server 127.0.0.1:%ORIGIN0%; server 127.0.0.1:%ORIGIN1% backup; }}
         server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/access.log one; add_header X-Up $upstream_status always;
            location / {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /next {{ proxy_next_upstream http_404; proxy_pass http://group; }}
            location /intercept {{ proxy_intercept_errors on; error_page 404 /page; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /page {{ return 200 page; }}
         }}"
    );
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let Some(pair) = Pair::with_origins(&site, 2, move |number, _, request| {
        let rest = match request.split([' ', '?']).nth(2).unwrap_or_default() {
            "cut" => "HTTP/1.1 200 O",
            "none" => "",
            "bad" => "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "404" if number == 0 => "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        };
        Act::SendAndClose([hints, rest].concat().into_bytes())
    }) else {
        return;
    };
    let paths = [
        "/?ok",
        "/?cut",
        "/?none",
        "/?bad",
        "/?404",
        "/next?404",
        "/intercept?404",
    ];
    compare(&pair, &paths.map(String::from));
    pair.same_lines("access.log", paths.len());
}
