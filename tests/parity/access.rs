//! Who may ask: access, auth_basic, satisfy, limit_except, realip.

use crate::harness::{current, same_complaints};
use crate::pair::Pair;

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n")
}

/// Passwords of all kinds that nginx checks without the system's crypt: plain, apr1, SHA, salted SHA; and with it.
const PASSWORDS: &str = "plain:{PLAIN}secret\n\
    # a comment:{PLAIN}x\n\
    apr1:$apr1$rRGvMmBy$LV0NdeX7eZ9b03RLSmsxD.\n\
    sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n\
    ssha:{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0\n\
    badsha:{SSHA}x\n\
    des:aXPd3sAPgPcvA\n\
    sha512:$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1\n\
    more:{PLAIN}with:rest:of line\n\
    empty:\n\
    nothing\n\
    plain:{PLAIN}second\n\
    last:{PLAIN}noeol";

/// In base64, `user:password`.
const CREDENTIALS: &[&str] = &[
    "plain:secret",
    "plain:second",
    "plain:",
    "plain",
    ":",
    "",
    "nobody:secret",
    "apr1:secret",
    "apr1:other",
    "sha:secret",
    "sha:other",
    "ssha:secret",
    "badsha:x",
    "des:secret",
    "des:other",
    "sha512:secret",
    "sha512:other",
    "more:with",
    "more:with:rest:of line",
    "empty:",
    "empty:x",
    "nothing:",
    "last:noeol",
    "# a comment:x",
];

#[test]
fn passwords() {
    let Some(pair) = Pair::start(
        r#"server { listen 127.0.0.1:%PORT0%;
            auth_basic_user_file %DIR%/passwords;
            location / { auth_basic "say \"who\""; return 200 "$remote_user"; try_files /x =404; }
            location /in/ { auth_basic closed; alias %DIR%/files/; add_header X-User $remote_user; }
            location /in/off/ { auth_basic off; alias %DIR%/files/; }
            location /none { auth_basic x; auth_basic_user_file %DIR%/none; alias %DIR%/files; }
            location /var/ { auth_basic $arg_realm; auth_basic_user_file %DIR%/$arg_file; alias %DIR%/files/; }
            location /page { auth_basic x; error_page 401 /401.html; alias %DIR%/files; }
            location = /401.html { auth_basic off; return 200 "who are you, $remote_user?"; }
        }"#,
    ) else {
        return;
    };
    pair.write("passwords", PASSWORDS);
    pair.write("other", "plain:other\nx:y\n");
    pair.write("files/a.html", "inside");
    let encode = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let mut requests = vec![
        get("/", ""),
        get("/in/a.html", ""),
        get("/in/off/a.html", ""),
        get("/none", ""),
        get("/page", ""),
        get("/in/a.html", "Authorization: Basic\r\n"),
        get("/in/a.html", "Authorization: Basic \r\n"),
        get("/in/a.html", "Authorization: Bearer abc\r\n"),
        get("/in/a.html", "Authorization: Basic !!!!\r\n"),
        get("/in/a.html", "Authorization: Basic cGxhaW46c2VjcmV0 x\r\n"),
        get("/in/a.html", "Authorization: bAsIc   cGxhaW46c2VjcmV0\r\n"),
        get("/in/a.html", "Authorization: Basic cGxhaW46c2VjcmV0=\r\n"),
        get("/var/a.html?realm=off&file=none", ""),
        get(
            "/var/a.html?realm=r&file=passwords",
            "Authorization: Basic cGxhaW46c2VjcmV0\r\n",
        ),
        get(
            "/var/a.html?realm=r&file=other",
            "Authorization: Basic cGxhaW46c2VjcmV0\r\n",
        ),
        get("/var/a.html?realm=&file=other", ""),
    ];
    for credentials in CREDENTIALS {
        let encoded = encode(credentials);
        for path in ["/in/a.html", "/none", "/page"] {
            requests.push(get(path, &format!("Authorization: Basic {encoded}\r\n")));
        }
    }
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn addresses_and_either_of_both() {
    let Some(pair) = Pair::start(
        r#"
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real;
        server { listen 127.0.0.1:%PORT0%; root %DIR%/files; auth_basic_user_file %DIR%/passwords;
            location / { }
            location /allow { allow 10.0.0.0/8; allow 192.168.1.7; deny all; try_files /a.html =404; }
            location /deny { deny 10.1.0.0/16; allow 10.0.0.0/8; deny 2001:db8::/32; allow all; try_files /a.html =404; }
            location /deny/none { try_files /a.html =404; }
            location /deny/own { allow 10.1.0.1; deny all; try_files /a.html =404; }
            location /six { allow 2001:db8:0:1::/64; deny all; try_files /a.html =404; }
            location /unix { allow unix:; deny all; try_files /a.html =404; }
            location /page { deny all; error_page 403 = /a.html; }
            location /looped { deny all; error_page 403 /looped/page; }
            location /any { satisfy any; auth_basic x; allow 10.0.0.1; deny all; try_files /a.html =404; }
            location /all { satisfy all; auth_basic x; allow 10.0.0.1; deny all; try_files /a.html =404; }
            location /any/only { satisfy any; deny all; try_files /a.html =404; }
            location /any/page { satisfy any; auth_basic x; deny all; error_page 401 /a.html; error_page 403 /b; try_files /a.html =404; }
            location /return { deny all; return 200 early; }
            location /limit { limit_except GET { allow 10.0.0.1; deny all; } try_files /a.html =404; }
            location /limit/head { limit_except HEAD POST { deny all; } try_files /a.html =404; }
            location /limit/auth { limit_except POST PUT { auth_basic put; } return 200 $request_method; }
            location /limit/auth2 { limit_except POST PUT { auth_basic put; } try_files /a.html =404; }
        }"#,
    ) else {
        return;
    };
    pair.write("passwords", "a:{PLAIN}b\n");
    pair.write("files/a.html", "inside");
    let mut requests = Vec::new();
    for address in [
        "10.0.0.1",
        "10.1.0.1",
        "192.168.1.7",
        "192.168.1.8",
        "2001:db8:0:1::5",
        "2001:db8::1",
        "::1",
    ] {
        for path in [
            "/allow",
            "/deny",
            "/deny/none",
            "/deny/own",
            "/six",
            "/unix",
            "/page",
            "/any",
            "/all",
        ] {
            requests.push(get(path, &format!("X-Real: {address}\r\n")));
        }
    }
    for path in [
        "/a.html",
        "/looped",
        "/any",
        "/all",
        "/any/only",
        "/any/page",
        "/return",
    ] {
        requests.push(get(path, ""));
        requests.push(get(path, "Authorization: Basic YTpi\r\n"));
        requests.push(get(
            path,
            "Authorization: Basic YTpi\r\nX-Real: 10.0.0.1\r\n",
        ));
        requests.push(get(
            path,
            "Authorization: Basic YTpj\r\nX-Real: 10.0.0.1\r\n",
        ));
    }
    for method in [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO",
    ] {
        for path in ["/limit", "/limit/head", "/limit/auth", "/limit/auth2"] {
            for fields in ["", "X-Real: 10.0.0.1\r\nAuthorization: Basic YTpi\r\n"] {
                requests.push(format!(
                    "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n"
                ));
            }
        }
    }
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn real_addresses() {
    let says = r#"add_header X-Says "$remote_addr $realip_remote_addr $http_x_forwarded_for"; return 200 "$remote_addr\n";"#;
    let site = r#"
        server { listen 127.0.0.1:%PORT0%; set_real_ip_from 127.0.0.0/8;
            location / { SAYS }
            location /xff { set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; SAYS }
            location /rec { set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; set_real_ip_from 2001:db8::/32;
                real_ip_recursive on; real_ip_header X-Forwarded-For; SAYS }
            location /none { set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For; SAYS }
            location /own { real_ip_header My-Address; SAYS }
        }"#
    .replace("SAYS", says);
    let Some(pair) = Pair::start(&site) else {
        return;
    };
    let values = [
        "192.0.2.1",
        "192.0.2.1:1234",
        "[2001:db9::1]:80",
        "[2001:db9::1]",
        "2001:db9::1",
        "2001:db8::1",
        "::ffff:192.0.2.9",
        "192.0.2.1, 10.0.0.1",
        "192.0.2.1,10.0.0.1",
        "192.0.2.1 10.0.0.1",
        "192.0.2.1, 10.0.0.1, 10.0.0.2",
        "10.0.0.3, 10.0.0.1, 10.0.0.2",
        "192.0.2.1, x, 10.0.0.2",
        "192.0.2.1, ",
        ", 192.0.2.1",
        "",
        "unknown",
        "unix:",
        "192.0.2.256",
        "192.0.2.1:99999",
        "0.0.0.0",
        "192.0.2.1, 192.0.2.2",
    ];
    let mut requests = Vec::new();
    for value in values {
        for path in ["/xff", "/rec", "/none"] {
            requests.push(get(path, &format!("X-Forwarded-For: {value}\r\n")));
        }
        // Older ones take no brackets without a port here.
        if value != "[2001:db9::1]" || current() {
            requests.push(get("/", &format!("X-Real-IP: {value}\r\n")));
        }
        requests.push(get("/own", &format!("My-Address: {value}\r\n")));
    }
    for path in ["/xff", "/rec"] {
        requests.push(get(
            path,
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1\r\n",
        ));
        requests.push(get(
            path,
            "X-Forwarded-For: 192.0.2.1, 10.0.0.9\r\nX-Forwarded-For: 10.0.0.1\r\n",
        ));
    }
    requests.push(get(
        "/own",
        "My-Address: 192.0.2.1\r\nMy-Address: 192.0.2.2\r\n",
    ));
    requests.push(get("/", "X-Real-IP: 192.0.2.1\r\nX-Real-IP: 192.0.2.2\r\n"));
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn complaints() {
    same_complaints(&[
        "allow x;",
        "allow 10.0.0.1/8;",
        "allow 10.0.0.0/33;",
        "allow 10.0.0.1/;",
        "allow all all;",
        "allow 2001:db8::1/32;",
        "allow 2001:db8::/129;",
        "allow unix:/x;",
        "deny;",
        "deny localhost;",
        "deny 10.0.0.300;",
        "allow 10.0.0.1-10.0.0.2;",
        "auth_basic;",
        "auth_basic a b;",
        "auth_basic a; auth_basic b;",
        "auth_basic $nosuch;",
        "auth_basic_user_file;",
        "auth_basic_user_file a; auth_basic_user_file b;",
        "auth_basic_user_file $nosuch;",
        "satisfy some;",
        "satisfy;",
        "set_real_ip_from x/8;",
        "set_real_ip_from 10.0.0.1/8;",
        "set_real_ip_from 10.0.0.0/99;",
        "set_real_ip_from unix:;",
        "set_real_ip_from nosuch.invalid;",
        "real_ip_header;",
        "real_ip_header A; real_ip_header B;",
        "real_ip_recursive maybe;",
        "server { listen 127.0.0.1:2; limit_except GET { } }",
        "server { listen 127.0.0.1:2; location / { limit_except { } } }",
        "server { listen 127.0.0.1:2; location / { limit_except GET { satisfy any; } } }",
        "server { listen 127.0.0.1:2; location / { limit_except GET { auth_basic x; allow all; return 405; proxy_pass http://127.0.0.1:1; } } }",
        "server { listen 127.0.0.1:2; location / { if ($args) { allow all; } } }",
        "server { listen 127.0.0.1:2; location / { if ($args) { auth_basic x; } } }",
    ]);
}
