//! What `-t` says about configurations in nginx's words: names that may be defined, files that are included, values
//! that are odd and allowed.

use crate::harness::{current, same_complaints, same_complaints_of_all};
use crate::origin::{Act, ok};
use crate::pair::Pair;

#[test]
fn which_variables_may_be_defined_anew() {
    let names = [
        "ssl_client_verify",
        "ssl_protocol",
        "proxy_host",
        "proxy_port",
        "proxy_add_x_forwarded_for",
        "invalid_referer",
        "modern_browser",
        "uid_got",
        "uid_reset",
        "limit_rate",
        "args",
        "query_string",
        "http_host",
        "http_user_agent",
        "http_referer",
        "http_via",
        "http_x_forwarded_for",
        "http_cookie",
        "http_x_real_ip",
        "sent_http_location",
        "sent_http_cache_control",
        "sent_http_link",
        "sent_http_etag",
        "cookie_a",
        "arg_a",
        "upstream_http_a",
    ];
    let mut texts = Vec::new();
    for name in names {
        texts.push(format!("map $uri ${name} {{ a b; }}"));
        texts.push(format!("server {{ set ${name} x; }}"));
        texts.push(format!("server {{ location ~ (?<{name}>x) {{ }} }}"));
        let both = format!("map $uri ${name} {{ a b; }} server {{ set ${name} x; }}");
        texts.push(both);
    }
    if current() {
        same_complaints(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_defined_anew_is_what_is_used() {
    let site = r#"
        map $http_x_verify $ssl_client_verify { default $http_x_verify; }
        map $uri $proxy_port { default 7; }
        server { listen 127.0.0.1:%PORT0%;
            location / { return 200 "$ssl_client_verify $ssl_protocol.$proxy_port"; }
            location /set { set $ssl_protocol TLSv9; return 200 $ssl_protocol; }
            location /referer { valid_referers none a.example; set $before $invalid_referer; set $invalid_referer x;
                return 200 $before$invalid_referer; }
            location /host { set $proxy_host other.example; proxy_set_header X-Host $proxy_host;
                proxy_http_version 1.1; proxy_set_header Connection "";
                proxy_pass http://127.0.0.1:%ORIGIN0%; }
        }"#;
    // Older ones take the field Host from $proxy_host, whatever it is.
    if !current() {
        return;
    }
    let Some(pair) = Pair::with_origins(site, 1, |_, _, _| Act::SendAndClose(ok("x"))) else {
        return;
    };
    let of = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: h\r\nX-Verify: SUCCESS\r\nReferer: http://b.example/\r\nConnection: close\r\n\r\n"
        )
    };
    for path in ["/", "/set", "/referer", "/host"] {
        pair.same(&of(path));
    }
}

#[test]
fn logs_without_a_name_go_to_standard_error() {
    let here = "events {} http { server { listen unix:%DIR%/s; access_log off; location / { ";
    let texts = [
        "access_log '';",
        "access_log '' combined;",
        "access_log '' combined buffer=4k; access_log '' combined buffer=8k;",
        "access_log '' nothing;",
        "access_log '' combined flush=1s;",
        "error_log '';",
        "error_log '' notice;",
        "error_log '' nothing;",
    ];
    let texts = texts.map(|text| format!("{here}{text} }} }} }}"));
    same_complaints_of_all(&texts.each_ref().map(String::as_str));
    same_complaints_of_all(&["error_log ''; events {}"]);
}

#[test]
fn words_of_lists_are_in_any_case() {
    let certificate = "ssl_client_certificate /nonexistent;";
    let texts = [
        &format!("ssl_verify_client ON; {certificate}")[..],
        "ssl_verify_client Off;",
        "ssl_verify_client Optional_No_CA;",
        "ssl_verify_client yes;",
        "ssl_protocols tlsv1.2 TLSV1.3;",
        "gzip_proxied ANY; satisfy ANY; if_modified_since Off; log_subrequest ON;",
        "proxy_next_upstream HTTP_500 Error; server_tokens BUILD; absolute_redirect OFF;",
        "keepalive_disable MSIE6; gzip_http_version 1.1; lingering_close ALWAYS; client_body_in_file_only CLEAN;",
        "autoindex_format JSON; proxy_cookie_flags a SECURE; disable_symlinks ON;",
        "disable_symlinks on FROM=/a;",
        "proxy_store ON;",
        "ssl_session_cache OFF; ssl_session_tickets OFF; ssl_prefer_server_ciphers ON;",
        "userid V1; userid_flags SECURE; charset OFF; expires MAX; expires EPOCH; add_header A b ALWAYS;",
        "resolver 127.0.0.1 IPV6=off;",
        "open_file_cache OFF;",
        "limit_req_log_level WARN; limit_conn_log_level Info; gzip_vary On; uwsgi_next_upstream TIMEOUT;",
        "proxy_ssl_protocols tlsV1.3; proxy_http_version 1.1; fastcgi_next_upstream OFF; etag Off;",
        "secure_link_md5 a; log_not_found ON; sendfile ON; aio OFF; aio THREADS; proxy_ssl_verify ON;",
        "server { listen unix:%DIR%/s REUSEPORT; }",
        "server { listen unix:%DIR%/s Default_Server; }",
    ];
    if current() {
        same_complaints(&texts);
    }
}

#[test]
fn odd_values_of_single_directives() {
    let texts = [
        "proxy_bind 127.0.0.1:0;",
        "proxy_bind 127.0.0.1:1;",
        "fastcgi_bind 127.0.0.1:65536;",
        "uwsgi_bind [::1]:0;",
        "scgi_bind [::1]:5 transparent;",
        "proxy_bind ::1;",
        "proxy_bind 127.0.0.1:x;",
        "types { include a.conf b.conf; }",
        "types { include a*.conf b.conf; a/b c; }",
        "types { include; }",
        "include %DIR%;",
        "include %DIR%/.*;",
        "secure_link_secret c; secure_link_md5 b;",
        "secure_link_secret c; secure_link_md5 b; server { listen unix:%DIR%/s; }",
        "secure_link_secret c; server { listen unix:%DIR%/s; secure_link_md5 b; }",
        "server { listen unix:%DIR%/s; secure_link_secret c; secure_link_md5 b; }",
        "server { listen unix:%DIR%/s; location / { secure_link_secret c; secure_link b; } }",
    ];
    same_complaints(&texts);
}

#[test]
fn masks_are_those_of_libc() {
    let files = [
        "1.conf", "a.conf", "_.conf", "B.conf", "-.conf", ".h.conf", "[.conf",
    ];
    let masks = [
        "[[:digit:]]*",
        "[[:alpha:]]*",
        "[![:alpha:]]*",
        "[[:upper:][:digit:]].conf",
        "[[:punct:]].conf",
        "[[:nothing:]]*",
        "[[:alpha]*",
        "[a[:digit:]-].conf",
        "[[].conf",
        "[0-9A-Z].conf",
        ".h*",
        "\\.h*",
        "[.]h*",
        "?.conf",
    ];
    for mask in masks {
        let site = format!("server {{ listen 127.0.0.1:%PORT0%; include %DIR%/inc/{mask}; }}");
        let read = |name: &str| {
            format!(
                "location =/{} {{ return 204; }}",
                name.replace(['[', '.'], "x")
            )
        };
        let contents = files.map(|name| (format!("inc/{name}"), read(name)));
        let files = contents
            .each_ref()
            .map(|(name, text)| (&name[..], &text[..]));
        let Some(pair) = Pair::with_files(&site, &files) else {
            return;
        };
        for (name, _) in files {
            let path = name.trim_start_matches("inc/").replace(['[', '.'], "x");
            pair.same(&format!(
                "GET /{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            ));
        }
    }
}

#[test]
fn what_could_not_be_made_or_bound_is_told() {
    let server = |text: &str| format!("server {{ listen unix:%DIR%/s; {text} }}");
    let texts = [
        server("proxy_temp_path /nonexist/a/b;"),
        server("proxy_temp_path %DIR%/nginx.conf/b;"),
        server("client_body_temp_path %DIR%/nginx.conf;"),
        server("client_body_temp_path /nonexist/a; proxy_temp_path /nonexist/b;"),
        server("proxy_temp_path /nonexist/b; client_body_temp_path /nonexist/a;"),
        server("fastcgi_temp_path %DIR%/f; uwsgi_temp_path %DIR%/f/u; scgi_temp_path %DIR%/f/u/s;"),
        server(
            "location /a { client_body_temp_path %DIR%/t 1; } location /b { client_body_temp_path %DIR%/t 2; }",
        ),
        server(
            "location /a { client_body_temp_path %DIR%/t 1 2; } location /b { proxy_temp_path %DIR%/t 1; }",
        ),
        server(
            "location /a { client_body_temp_path %DIR%/t 1; } location /b { proxy_temp_path %DIR%/t/ 1; }",
        ),
        server(
            "location /a { client_body_temp_path %DIR%/t 1; } location /b { proxy_temp_path %DIR%/t; }",
        ),
        String::from("server { listen 203.0.113.5:80; }"),
        String::from(
            "server { listen 127.0.0.1:%PORT0%; listen 203.0.113.5:%PORT1%; listen 203.0.113.6:81; }",
        ),
        String::from("server { listen [2001:db8::5]:%PORT1%; }"),
        String::from("server { listen unix:/nonexist/a; }"),
        String::from("server { listen unix:%DIR%/nginx.conf/a; }"),
        server("access_log /nonexist/a; proxy_temp_path /nonexist/b; listen 203.0.113.5:80;"),
        server("access_log /nonexist/a; listen 203.0.113.5:80;"),
    ];
    same_complaints(&texts.each_ref().map(String::as_str));
}
