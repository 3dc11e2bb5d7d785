//! What the error log says about common failures.

use crate::common::gateway::{STDOUT, record};
use crate::harness::current;
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};

fn get(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h.test:81\r\nReferer: http://there/\r\nConnection: close\r\n\r\n"
    )
}

/// Asks for each path, and compares the answers and then the lines: so many must be there.
fn compare(pair: &Pair, paths: &[&str], lines: usize) {
    let requests: Vec<String> = paths.iter().map(|path| get(path)).collect();
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    pair.same_errors(lines);
}

#[test]
fn files_and_access() {
    let Some(pair) = Pair::start(
        r#"server { listen 127.0.0.1:%PORT0%; server_name h.test; root %DIR%/files;
            auth_basic_user_file %DIR%/passwords;
            location / { }
            location /dir/ { }
            location /denied { deny all; }
            location /auth { auth_basic x; }
            location /authnone { auth_basic x; auth_basic_user_file %DIR%/nopasswords; }
            location /either { satisfy any; auth_basic x; deny all; }
            location /loop { rewrite ^ /loop last; }
            location /cycle { error_page 404 /cycle; recursive_error_pages on; }
            location /quiet { log_not_found off; }
            location /named { error_page 404 @nowhere; }
            location /try { try_files /a /b =404; }
            location /internal { internal; }
            location /alias/ { alias %DIR%/nowhere/; }
            location /unset { return 200 "$unset"; set $unset 1; }
            location /own { error_log %DIR%/own.log crit; }
            location /big { client_max_body_size 1; proxy_pass http://127.0.0.1:%PORT9%; }
        }"#,
    ) else {
        return;
    };
    pair.write("passwords", "a:{PLAIN}b\nbad:$9$x\n");
    pair.write("files/dir/a", "");
    pair.write("files/file", "");
    compare(
        &pair,
        &[
            "/none",
            "/none/deeper?q",
            "/dir",
            "/dir/",
            "/",
            "/file/x",
            "/file/",
            "/denied",
            "/auth",
            "/authnone",
            "/either",
            "/loop",
            "/cycle",
            "/quiet",
            "/named",
            "/try",
            "/internal",
            "/alias/x",
            "/unset",
            "/own",
            "/%20%c3%a9\"",
            "/..",
            "/a%00b",
            "/favicon.ico",
        ],
        15,
    );
    for credentials in ["YTpi", "YTpj", "YzpkCg==", "YmFkOng=", "YQ=="] {
        pair.same(&format!("GET /auth HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\n\r\n"));
        pair.same(&format!("GET /either HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\n\r\n"));
    }
    pair.same("POST /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab");
    pair.same("POST /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    pair.same_errors(25);
}

#[test]
fn upstreams() {
    let site = r#"
        AS_NOW
        upstream dead { server 127.0.0.1:%PORT9% max_fails=1; server 127.0.0.1:%PORT8% max_fails=1; }
        upstream down { server 127.0.0.1:%PORT9% down; }
        server { listen 127.0.0.1:%PORT0%; server_name h.test; proxy_read_timeout 150ms; proxy_buffer_size 1k; proxy_buffers 2 1k; proxy_busy_buffers_size 1k;
            location / { proxy_pass http://127.0.0.1:%ORIGIN0%; }
            location /base/ { proxy_pass http://127.0.0.1:%ORIGIN0%/b/; }
            location /refused { proxy_pass http://127.0.0.1:%PORT9%; }
            location /refused/uri/ { proxy_pass http://127.0.0.1:%PORT9%/u/; }
            location /unix { proxy_pass http://unix:%DIR%/none.sock:/x; }
            location /dead { proxy_pass http://dead; }
            location /down { proxy_pass http://down; }
            location /variable { set $up ""; proxy_pass http://$up; }
            location /variable/port { set $up 127.0.0.1:99999; proxy_pass http://$up; }
            location /resolver { set $up nosuch.invalid; proxy_pass http://$up; }
            location /stream { proxy_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }
        }"#;
    let Some(pair) = Pair::with_origins(&site.replace("AS_NOW", AS_NOW), 1, |_, _, request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path.split('?').nth(1).unwrap_or_default() {
            "hang" => Act::Hang,
            "reset" => Act::Reset,
            "close" => Act::SendAndClose(Vec::new()),
            "cut-head" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nX:".to_vec()),
            "cut-body" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec()),
            "reset-body" => Act::SendAndReset(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec()),
            "cut-chunks" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha".to_vec()),
            "hang-body" => Act::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec()),
            "bad-field" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nbad field: x\r\n\r\n".to_vec()),
            "big-head" => Act::SendAndClose(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2000)).into_bytes()),
            "two-lengths" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx".to_vec()),
            "bad-length" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nx".to_vec()),
            "length-and-chunks" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec()),
            "coding" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n".to_vec()),
            "surplus" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz".to_vec()),
            _ => Act::SendAndClose(ok("x")),
        }
    }) else {
        return;
    };
    compare(
        &pair,
        &[
            "/refused",
            "/refused?x=y",
            "/refused/uri/a%20b?c",
            "/unix",
            "/dead",
            "/dead",
            "/down",
            "/variable",
            "/variable/port",
            "/resolver",
            "/?hang",
            "/base/a%20b?hang",
            "/?reset",
            "/?close",
            "/?cut-head",
            "/?cut-body",
            "/?cut-chunks",
            // With buffering nginx keeps back what has not filled a buffer, and drops it here; goodgate passes it on.
            "/stream?hang-body",
            "/stream?reset-body",
            "/?bad-field",
            "/?big-head",
            "/?surplus",
            "/stream?surplus",
        ],
        26,
    );
    if current() {
        // Older ones pass these on.
        let more = [
            "/?two-lengths",
            "/?bad-length",
            "/?length-and-chunks",
            "/?coding",
        ];
        compare(&pair, &more, 30);
    }
}

/// A client that leaves in the middle of its body, or while it waits: with the end of its connection, or with a reset.
#[test]
fn clients_that_leave() {
    let site = format!(
        r#"
        {AS_NOW}
        log_format one '$request $status $body_bytes_sent $request_length [$upstream_status]';
        server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/access.log one; error_log %DIR%/error.log info;
            error_page 400 /bad; location = /bad {{ return 200 page; }}
            location / {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /stream {{ proxy_request_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /fast {{ fastcgi_pass 127.0.0.1:%ORIGIN0%; }}
            location /fast/stream {{ fastcgi_request_buffering off; fastcgi_pass 127.0.0.1:%ORIGIN0%; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, _| Act::Hang) else {
        return;
    };
    let length = "Content-Length: 6\r\n\r\nabc";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n6\r\nabc";
    let mut lines = 0;
    for rude in [false, true] {
        for path in ["/", "/stream", "/fast", "/fast/stream"] {
            for body in [length, chunked] {
                let request = format!("POST {path} HTTP/1.1\r\nHost: h\r\n{body}");
                pair.leave(&[&request], rude);
                lines += 1;
                pair.same_lines("access.log", lines);
            }
        }
        pair.leave(&["GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"], rude);
        lines += 1;
        pair.same_lines("access.log", lines);
    }
    pair.same_client_lines(lines);
}

/// Lines are judged as they come: a head that never ends is refused for what was wrong with its first ones.
#[test]
fn heads_that_are_wrong_before_they_end() {
    if !current() {
        return;
    }
    let site = format!(
        r#"
        {AS_NOW}
        log_format one '$request $status [$upstream_status]';
        proxy_read_timeout 3s; fastcgi_read_timeout 3s; scgi_read_timeout 3s; uwsgi_read_timeout 3s;
        server {{ listen 127.0.0.1:%PORT0%; server_name h.test; access_log %DIR%/access.log one;
            location /http/ {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /fastcgi/ {{ fastcgi_pass 127.0.0.1:%ORIGIN0%; fastcgi_param REQUEST_URI $request_uri; }}
            location /scgi/ {{ scgi_pass 127.0.0.1:%ORIGIN0%; scgi_param REQUEST_URI $request_uri; }}
            location /uwsgi/ {{ uwsgi_pass 127.0.0.1:%ORIGIN0%; uwsgi_param REQUEST_URI $request_uri; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| {
        let fields: &[u8] = match request {
            r if r.contains("length") => b"Content-Length: x\r\n",
            r if r.contains("coding") => b"Transfer-Encoding: gzip\r\nX",
            r if r.contains("both") => b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            _ => b"Content-Length: 1\r\nContent-Length: 1\r\n",
        };
        let head = match request.contains("/http/") {
            true => [b"HTTP/1.1 200 OK\r\n", fields].concat(),
            false => fields.to_vec(),
        };
        let head = match request.contains("/fastcgi/") {
            true => record(STDOUT, &head, 0),
            false => head,
        };
        match request.contains("hang") {
            true => Act::SendAndHang(head),
            false => Act::SendAndClose(head),
        }
    }) else {
        return;
    };
    let mut paths = Vec::new();
    for protocol in ["http", "fastcgi", "scgi", "uwsgi"] {
        for what in ["length", "coding", "both", "twice"] {
            for end in ["hang", "close"] {
                paths.push(format!("/{protocol}/{what}/{end}"));
            }
        }
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    compare(&pair, &paths, paths.len());
    pair.same_lines("access.log", paths.len());
}

/// Where a request was to go is known also where it comes to nothing, and its body is read before names are resolved.
#[test]
fn requests_that_go_nowhere() {
    let site = format!(
        r#"
        {AS_NOW}
        log_format one '$request $status [$proxy_host] [$proxy_port] [$upstream_addr] [$upstream_status]';
        server {{ listen 127.0.0.1:%PORT0%; server_name h.test; access_log %DIR%/access.log one; client_max_body_size 4;
            location / {{ proxy_pass http://$arg_to; }}
            location /tls {{ proxy_pass https://$arg_to/x; }}
            location /fixed {{ proxy_pass http://127.0.0.1:%PORT9%; }}
            location /late {{ resolver 127.0.0.1:%PORT8%; resolver_timeout 100ms; proxy_pass http://$arg_to; }}
            location /page {{ error_page 502 /away; proxy_pass http://$arg_to; }}
            location /away {{ return 200 away; }}
            location /fast {{ fastcgi_pass $arg_to; }}
        }}"#
    );
    let Some(pair) = Pair::start(&site) else {
        return;
    };
    let gets = [
        "/?to=name.test",
        "/?to=name.test:81",
        "/?to=127.0.0.1:%PORT9%",
        "/?to=",
        "/?to=name.test:99999",
        "/tls?to=name.test",
        "/fixed",
        "/late?to=name.test:81",
        "/page?to=name.test",
        "/fast?to=name.test",
        "/fast?to=name.test:1",
    ];
    for path in gets {
        pair.same(&get(path));
    }
    let posts = ["/?to=name.test", "/fixed", "/fast?to=name.test:1"];
    for path in posts {
        let body = "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n";
        pair.same(&format!(
            "POST {path} HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n{body}"
        ));
    }
    pair.same_lines("access.log", gets.len() + posts.len());
    pair.same_errors(gets.len() + posts.len());
}

/// What is being done where one location leads to another which is not there, or always to itself.
#[test]
fn redirects_that_lead_nowhere() {
    let site = format!(
        r#"
        {AS_NOW}
        server {{ listen 127.0.0.1:%PORT0%; server_name h.test; recursive_error_pages on; root %DIR%/none;
            location / {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location @named {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /intercept {{ proxy_intercept_errors on; error_page 404 @nobody; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /refused {{ error_page 502 @nobody; proxy_pass http://127.0.0.1:%PORT9%; }}
            location /return {{ error_page 403 @nobody; return 403; }}
            location /try {{ try_files /nothing @nobody; }}
            location /again {{ error_page 403 /again; return 403; }}
            location /again/up {{ error_page 404 /again/up; proxy_intercept_errors on; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /again/named {{ error_page 404 @again; proxy_intercept_errors on; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location @again {{ error_page 404 @again; proxy_intercept_errors on; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| {
        let to = match request.split(' ').nth(1).unwrap_or_default() {
            "/none" => "@nobody",
            "/self" => "/self",
            "/named" => "@named",
            _ => {
                return Act::SendAndClose(
                    b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n".to_vec(),
                );
            }
        };
        let head =
            format!("HTTP/1.1 200 OK\r\nX-Accel-Redirect: {to}\r\nContent-Length: 0\r\n\r\n");
        Act::SendAndClose(head.into_bytes())
    }) else {
        return;
    };
    let paths = [
        "/none",
        "/self",
        "/named",
        "/intercept",
        "/return",
        "/try",
        "/again",
        "/again/up",
        "/again/named",
        "/refused",
    ];
    // The last one has a line for the connection as well.
    compare(&pair, &paths, paths.len() + 1);
}

/// A chunked body that grows too large: before anything is sent of it, and while it is sent.
#[test]
fn bodies_that_grow_too_large() {
    let site = format!(
        r#"
        {AS_NOW}
        server {{ listen 127.0.0.1:%PORT0%; server_name h.test; client_max_body_size 4; lingering_timeout 100ms;
            location / {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /stream {{ proxy_request_buffering off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, _| Act::Hang) else {
        return;
    };
    let chunked = "Host: h.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    for path in ["/", "/stream"] {
        let head = format!("POST {path} HTTP/1.1\r\n{chunked}");
        pair.same_parts(&[&format!("{head}5\r\nabcde\r\n")]);
        pair.same_parts(&[&format!("{head}3\r\nabc\r\n"), "2\r\nde\r\n"]);
    }
    pair.same_errors(4);
}
