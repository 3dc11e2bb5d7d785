//! uwsgi and SCGI: what the application is sent, what becomes of its answers.

use crate::harness::{current, same_complaints};
use crate::origin::Act;
use crate::pair::Pair;

/// A site that speaks `P` to everything.
const SITE: &str = r#"
    client_body_temp_path %DIR%/in; P_temp_path %DIR%/temp;
    P_param CONTENT_LENGTH $content_length; P_param REQUEST_METHOD $request_method; P_param REQUEST_URI $request_uri;
    P_param QUERY_STRING $query_string; P_param CONTENT_TYPE $content_type; P_param DOCUMENT_ROOT $document_root;
    P_param SERVER_PROTOCOL $server_protocol; P_param SERVER_NAME $server_name; P_param Q "<$arg_do>"; root %DIR%/www;
    upstream app { server 127.0.0.1:%ORIGIN0%; }
    server { listen 127.0.0.1:%PORT0%; server_name h.test;
        add_header X-Up "$upstream_status $upstream_response_length $upstream_http_x_a" always;
        error_page 404 502 504 = /page;
        location /page { return 200 "page $status"; }
        location /internal { internal; return 200 "internal $uri $args"; }
        location / { P_pass 127.0.0.1:%ORIGIN0%; }
        location /group { P_pass app; }
        location /variable { set $app 127.0.0.1:%ORIGIN0%; P_pass $app; }
        location /own { P_param CONTENT_LENGTH $content_length; P_param ONE $arg_x; P_param EMPTY $arg_none; P_param NONE $arg_none if_not_empty;
            P_param TWICE 1; P_param TWICE 2; P_param HTTP_X_SET own; P_param HTTP_X_GONE ""; P_param HTTP_X_IF $arg_none if_not_empty; P_pass app; }
        location /bare { P_pass_request_headers off; P_pass_request_body off; P_pass app; }
        location /stream { P_request_buffering off; P_pass app; }
        location /intercepted { P_intercept_errors on; P_pass app; }
        location /hidden { P_hide_header X-A; P_pass_header Server; P_ignore_headers X-Accel-Redirect; P_pass app; }
        location /slow { P_read_timeout 300ms; P_pass app; }
        location /direct { P_buffering off; P_pass app; }
        location /fixed/ { P_pass app; }
        location /computed/ { set $app app; P_pass $app; }
        location /moved { P_param CONTENT_LENGTH ""; error_page 405 /own; return 405; }
        MORE
    }"#;

const FIELDS: &str = "Host: other:81\r\nConnection: close\r\nX-Set: theirs\r\nX-Gone: 1\r\nX-If: 2\r\nAccept: */*\r\n\
                      Proxy: p\r\nContent-Type: t/p\r\nX-Empty:\r\nTE: trailers\r\n";

/// Heads that mean the same to both protocols, and what stands in front of them.
const HEADS: &[(&str, &str)] = &[
    ("plain", "Content-Type: text/html"),
    ("status", "Status: 404 Nothing"),
    ("status-odd", "Status: 599 Odd"),
    ("status-short", "Status: 20"),
    ("status-word", "Status: abc"),
    ("status-late", "X-A: 1\r\nStatus: 201 Made"),
    ("location", "Location: http://a/"),
    ("location-path", "Location: /path"),
    ("location-status", "Status: 301 Gone\r\nLocation: /path"),
    ("length", "Content-Length: 4"),
    ("length-short", "Content-Length: 2"),
    ("line", "HTTP/1.1 404 None\r\nX-A: 1"),
    ("line-old", "HTTP/1.0 201 Made"),
    ("line-odd", "HTTP/1.1 2"),
    ("line-status", "HTTP/1.1 201 Made\r\nStatus: 404 None"),
    (
        "fields",
        "Server: theirs\r\nDate: then\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-A: a\r\nVary: *\r\nP3P: p",
    ),
    ("accel", "X-Accel-Redirect: /internal/x?y=z"),
    ("charset", "Content-Type: text/plain; charset=utf-8"),
    ("no-colon", "nonsense"),
    ("space-name", "bad name: x"),
    ("chunked", "X-A: 1\r\nConnection: close"),
];

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

fn scripted(request: &str) -> Act {
    let what = request
        .split('<')
        .nth(1)
        .and_then(|rest| rest.split('>').next());
    let what = what.unwrap_or_default();
    let head = HEADS.iter().find(|(name, _)| *name == what);
    let head = head.map_or("Content-Type: a/b\r\nX-A: 1", |(_, head)| head);
    Act::SendAndClose(match what {
        "nothing" => Vec::new(),
        "reset" => return Act::Reset,
        "hang" => return Act::Hang,
        "hang-head" => return Act::SendAndHang(b"X-A: 1\r\n".to_vec()),
        "close-head" => b"X-A: 1\r\n".to_vec(),
        "big-head" => format!("X-B: {}\r\n\r\n", "b".repeat(9000)).into_bytes(),
        "pieces" => {
            return Act::Pieces(
                b"Status: 201 Made\r\nX-A: 1\r\n\r\nbody"
                    .chunks(9)
                    .map(<[u8]>::to_vec)
                    .collect(),
            );
        }
        "empty" => b"\r\n".to_vec(),
        "lf" => b"Content-Type: a/b\nX-A: 1\n\nbody".to_vec(),
        "large" => [
            b"X-A: 1\r\n\r\n".to_vec(),
            b"0123456789abcdef".repeat(30_000),
        ]
        .concat(),
        _ => format!("{head}\r\n\r\nbody").into_bytes(),
    })
}

fn compare(protocol: &str, more: &str) {
    let site = SITE
        .replace("P_", &format!("{protocol}_"))
        .replace("MORE", more);
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| scripted(request)) else {
        return;
    };
    let mut requests: Vec<String> = [
        "/",
        "/?a=b&c=%20",
        "/a%20b/%c3%a9?q",
        "/group",
        "/variable",
        // To where the address is fixed, a slash that lacks is redirected to.
        "/fixed",
        "/computed",
        "/computed/",
        "/own?x=1",
        "/moved?x=2",
        "/modified",
        "/modified/more",
    ]
    .map(get)
    .into();
    for path in ["/", "/own", "/bare", "/stream", "/modified"] {
        if path == "/bare" && !current() {
            // Older ones do not send the host then.
            continue;
        }
        for method in ["GET", "HEAD", "POST"] {
            requests.push(format!("{method} {path} HTTP/1.1\r\n{FIELDS}\r\n"));
            if path != "/bare" {
                requests.push(format!(
                    "{method} {path} HTTP/1.1\r\n{FIELDS}Content-Length: 4\r\n\r\nbody"
                ));
            }
        }
        if path == "/bare" {
            continue;
        }
        requests.push(format!(
            "POST {path} HTTP/1.1\r\n{FIELDS}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        ));
    }
    let large = "0123456789abcdef".repeat(3_000);
    for path in ["/", "/stream"] {
        if path == "/stream" && !current() {
            // Older ones tell SCGI how much has come.
            continue;
        }
        requests.push(format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{large}",
            large.len()
        ));
    }
    let heads = HEADS.iter().map(|(name, _)| *name);
    let others = [
        "nothing",
        "reset",
        "close-head",
        "big-head",
        "pieces",
        "empty",
        "lf",
    ];
    for kind in heads.chain(others) {
        for place in ["/", "/intercepted", "/hidden", "/direct"] {
            requests.push(get(&format!("{place}?do={kind}")));
        }
        requests.push(format!("HEAD /?do={kind} HTTP/1.0\r\nHost: h\r\n\r\n"));
    }
    for kind in ["hang", "hang-head"] {
        requests.push(get(&format!("/slow?do={kind}")));
    }
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    pair.same_unpacked(&get("/?do=large"));
    pair.same_unpacked(&get("/direct?do=large"));
    pair.same_errors(10);
}

#[test]
fn scgi() {
    compare("scgi", "");
}

#[test]
fn uwsgi() {
    let more = r#"location /modified { uwsgi_param CONTENT_LENGTH $content_length; uwsgi_modifier1 5; uwsgi_modifier2 9; uwsgi_pass uwsgi://127.0.0.1:%ORIGIN0%; }
        location /modified/more { uwsgi_modifier1 30; uwsgi_pass uwsgi://app; }"#;
    compare("uwsgi", more);
}

#[test]
fn complaints() {
    let lines = [
        "P_pass;",
        "P_pass 127.0.0.1:99999;",
        "P_pass http://127.0.0.1:1;",
        "P_pass 127.0.0.1:1; P_pass 127.0.0.1:2;",
        "P_pass nosuch.invalid:1;",
        "P_pass unix:/x;",
        "P_pass $nosuch;",
        "P_pass 127.0.0.1;",
        "P_param;",
        "P_param A;",
        "P_param A b if_empty;",
        "P_param A $nosuch;",
        "P_param A b if_not_empty c;",
        "P_buffering maybe;",
        "P_buffer_size 0;",
        "P_buffers 1 4k;",
        "P_buffers 2 4k; P_busy_buffers_size 1k;",
        "P_buffers 2 4k; P_busy_buffers_size 64k;",
        "P_temp_file_write_size 1k;",
        "P_max_temp_file_size 1k;",
        "P_max_temp_file_size 0;",
        "P_temp_path /a 1 2 3 4;",
        "P_temp_path /a 9;",
        "P_next_upstream sometimes;",
        "P_next_upstream error error;",
        "P_next_upstream off timeout;",
        "P_next_upstream_tries x;",
        "P_next_upstream_timeout x;",
        "P_ignore_headers Nosuch;",
        "P_ignore_headers Vary Vary;",
        "P_hide_header;",
        "P_pass_header A b;",
        "P_intercept_errors x;",
        "P_read_timeout x;",
        "P_send_timeout 1; P_send_timeout 2;",
        "P_connect_timeout;",
        "P_bind 127.0.0.256;",
        "P_bind 127.0.0.1 transparent;",
        "P_socket_keepalive x;",
        "P_force_ranges x;",
        "P_limit_rate x;",
        "P_store a; P_store b;",
        "P_store_access all;",
        "P_request_buffering x;",
        "P_ignore_client_abort x;",
        "P_pass_request_body x;",
        "P_pass_request_headers x;",
        "P_send_lowat 1;",
    ];
    let mut all = Vec::new();
    for protocol in ["fastcgi", "uwsgi", "scgi"] {
        let own = match protocol {
            "fastcgi" => &[
                "fastcgi_index;",
                "fastcgi_index a; fastcgi_index b;",
                "fastcgi_split_path_info;",
                "fastcgi_split_path_info (;",
                "fastcgi_split_path_info ^(.*)$;",
                "fastcgi_split_path_info ^(a)(b)$; fastcgi_split_path_info ^(a)(b)$;",
                "fastcgi_keep_conn x;",
                "fastcgi_catch_stderr;",
                "fastcgi_catch_stderr a b;",
            ][..],
            "uwsgi" => &[
                "uwsgi_modifier1 256;",
                "uwsgi_modifier1 x;",
                "uwsgi_modifier2 1; uwsgi_modifier2 1;",
                "uwsgi_string;",
                "uwsgi_string $nosuch;",
            ],
            _ => &["scgi_pass scgi://127.0.0.1:1;"],
        };
        // What the three share is read by the same code: all of it once, some of it for each.
        let every = if protocol == "fastcgi" { 1 } else { 5 };
        for line in own.iter().chain(lines.iter().step_by(every)) {
            let line = line.replace("P_", &format!("{protocol}_"));
            all.push(format!(
                "server {{ listen 127.0.0.1:2; location / {{ {line} }} }}"
            ));
        }
        all.push(format!("{protocol}_pass 127.0.0.1:1;"));
        all.push(format!(
            "server {{ listen 127.0.0.1:2; {protocol}_pass 127.0.0.1:1; }}"
        ));
    }
    same_complaints(&all.iter().map(String::as_str).collect::<Vec<_>>());
}
