//! The core module: what `-t` says, which server and location answer, error pages, redirects.

use crate::harness::{same_answers, same_complaints};

#[test]
fn complaints_about_locations_and_paths() {
    same_complaints(&[
        r#"server { listen 127.0.0.1:2; location = /a { location /b {} } }"#,
        r#"server { listen 127.0.0.1:2; location @x { location /b {} } }"#,
        r#"server { listen 127.0.0.1:2; location /a { location @x {} } }"#,
        r#"server { listen 127.0.0.1:2; location /a { location /b {} } }"#,
        r#"server { listen 127.0.0.1:2; location /a {} location /a {} }"#,
        r#"server { listen 127.0.0.1:2; location /a {} location = /a {} location = /a {} }"#,
        r#"server { listen 127.0.0.1:2; location ^~ /a {} location /a {} }"#,
        r#"server { listen 127.0.0.1:2; location =/a {} }"#,
        r#"server { listen 127.0.0.1:2; location ^~/a {} }"#,
        r#"server { listen 127.0.0.1:2; location ~\.php$ {} }"#,
        r#"server { listen 127.0.0.1:2; location ~*\.php$ { location /x {} } }"#,
        r#"server { listen 127.0.0.1:2; location !~ /a {} }"#,
        r#"server { listen 127.0.0.1:2; location ~ ( {} }"#,
        r#"server { listen 127.0.0.1:2; location / { location ~ x {} location = /x { } } }"#,
        r#"server { listen 127.0.0.1:2; location @x {} location @x {} }"#,
        r#"server { listen 127.0.0.1:2; location '' {} }"#,
        r#"server { listen 127.0.0.1:2; location = {} }"#,
        r#"server { listen 127.0.0.1:2; location ~ {} }"#,
        r#"server { listen 127.0.0.1:2; location ~* {} }"#,
        r#"server { listen 127.0.0.1:2; location ^~ {} }"#,
        r#"server { listen 127.0.0.1:2; location / { limit_except GET POST { allow all; } limit_except PUT {} } }"#,
        r#"server { listen 127.0.0.1:2; location / { limit_except FOO {} } }"#,
        r#"server { listen 127.0.0.1:2; location / { limit_except CONNECT {} } }"#,
        r#"server { listen 127.0.0.1:2; location / { limit_except get { root x; } } }"#,
        r#"server { listen 127.0.0.1:2; location / { internal; internal; } }"#,
        r#"server { listen 127.0.0.1:2; root a; root b; }"#,
        r#"server { listen 127.0.0.1:2; location / { root a; alias b; } }"#,
        r#"server { listen 127.0.0.1:2; location / { alias a; root b; } }"#,
        r#"server { listen 127.0.0.1:2; location / { alias a; alias b; } }"#,
        r#"server { listen 127.0.0.1:2; alias /x; }"#,
        r#"server { listen 127.0.0.1:2; location @a { alias /b; } }"#,
        r#"server { listen 127.0.0.1:2; root /a/$document_root; }"#,
        r#"server { listen 127.0.0.1:2; root ${realpath_root}; }"#,
        r#"server { listen 127.0.0.1:2; root ''; }"#,
        r#"server { listen 127.0.0.1:2; root $ }"#,
        r#"server { listen 127.0.0.1:2; error_page 404 =200; }"#,
        r#"server { listen 127.0.0.1:2; error_page =200 /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page 404 = /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page 404 =x /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page 200 /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page 600 /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page 499 /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page x /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page 404; }"#,
        r#"server { listen 127.0.0.1:2; error_page 404 500 502 /50x.html; }"#,
        r#"server { listen 127.0.0.1:2; error_page 299 404 /x; }"#,
        r#"server { listen 127.0.0.1:2; error_page 404 $nosuch; }"#,
        r#"server { listen 127.0.0.1:2; error_page 404 =99999 /x; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 default_server; listen 127.0.0.1:1; }"#,
    ]);
}

#[test]
fn complaints_about_addresses_and_names() {
    same_complaints(&[
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:2 default; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 default_server default; }"#,
        r#"server { listen 127.0.0.1:2; listen 0; }"#,
        r#"server { listen 127.0.0.1:2; listen foo:bar; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:99999; }"#,
        r#"server { listen 127.0.0.1:2; listen unix:; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 foo; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 backlog=0; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 backlog=x; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 rcvbuf=x; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 sndbuf=1g; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 fastopen=x; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 setfib=1; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 ipv6only=on; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 ipv6only=oo; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 ipv6only=yes; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 so_keepalive=on; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 so_keepalive=30m::10; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 so_keepalive=::; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 so_keepalive=x; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 so_keepalive=1:2:3:4; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 so_keepalive=0:0:0; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 deferred reuseport bind; }"#,
        r#"server { listen 127.0.0.1:2; listen [::1]:1 ipv6only=off; }"#,
        r#"server { listen 127.0.0.1:2; listen [::1; }"#,
        r#"server { listen 127.0.0.1:2; listen /x; }"#,
        r#"server { listen 127.0.0.1:2; listen *:x; }"#,
        r#"server { listen 127.0.0.1:2; listen nosuch.invalid:80; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:1 rcvbuf=8k sndbuf=8k backlog=10 fastopen=3; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:10-5; }"#,
        r#"server { listen 127.0.0.1:2; listen 127.0.0.1:10-12 127.0.0.1:1; }"#,
        r#"server { listen 127.0.0.1:2; server_name *x; }"#,
        r#"server { listen 127.0.0.1:2; server_name .; }"#,
        r#"server { listen 127.0.0.1:2; server_name *; }"#,
        r#"server { listen 127.0.0.1:2; server_name *.; }"#,
        r#"server { listen 127.0.0.1:2; server_name *.x *.*.x; }"#,
        r#"server { listen 127.0.0.1:2; server_name ~; }"#,
        r#"server { listen 127.0.0.1:2; server_name a/b; }"#,
        r#"server { listen 127.0.0.1:2; server_name http://x; }"#,
        r#"server { listen 127.0.0.1:2; server_name ~(; }"#,
        r#"server { listen 127.0.0.1:2; server_name ~a(?<b; }"#,
        r#"server { listen 127.0.0.1:2; server_name ; }"#,
        r#"server { listen 127.0.0.1:2; server_name a..b; }"#,
        r#"server { listen 127.0.0.1:2; server_name x.*.y; }"#,
        r#"server { listen 127.0.0.1:2; server_name '' a $hostname; }"#,
        r#"server { listen 127.0.0.1:2; location / { listen 1; } }"#,
        r#"server { listen 127.0.0.1:2; location / { server_name x; } }"#,
        r#"server_names_hash_max_size x;"#,
        r#"server_names_hash_bucket_size 64; server_names_hash_bucket_size 64;"#,
        r#"listen 1;"#,
        r#"server_name x;"#,
        r#"server { listen 127.0.0.1:2; } server { listen 127.0.0.1:2; }"#,
        r#"server { listen 127.0.0.1:2; server_name a; } server { listen 127.0.0.1:2; server_name a; }"#,
        r#"server { listen 127.0.0.1:2; server_name .a; } server { listen 127.0.0.1:2; server_name a *.a; }"#,
        r#"server { listen 127.0.0.1:2; server_name a.*; } server { listen 127.0.0.1:2; server_name a.* *.a.*; }"#,
        r#"server { listen 127.0.0.1:2; server_name a*b; } server { listen 127.0.0.1:2; }"#,
        r#"server { listen 127.0.0.1:2; server_name a*b; }"#,
        r#"server { listen 127.0.0.1:2; server_name a..b; } server { listen 127.0.0.1:2; }"#,
        r#"server { listen 127.0.0.1:2 default_server; } server { listen 127.0.0.1:2 default_server; }"#,
        r#"server { listen 127.0.0.1:2 backlog=5; } server { listen 127.0.0.1:2 bind; }"#,
        r#"server { listen 127.0.0.1:2; } server { listen 127.0.0.1:2 bind; }"#,
        r#"connection_pool_size 16k; server { listen 127.0.0.1:2; }"#,
        r#"large_client_header_buffers 4 256; server { listen 127.0.0.1:2; }"#,
        r#"server { listen 127.0.0.1:2; server_name ~a; } server { listen 127.0.0.1:2; server_name ~a; }"#,
        r#"root a; server { listen 127.0.0.1:2; root b; }"#,
        r#"types { a b; } types { c b; } server { listen 127.0.0.1:2;}"#,
        r#"server { listen 127.0.0.1:2; server_name a a; } server { listen 127.0.0.1:2; }"#,
        r#"server { listen 127.0.0.1:2; server_name x.a.b *.b a.b .b; } server { listen 127.0.0.1:2; server_name *.a.b .a.b ''; }"#,
        r#"error_page 404 /x; server { listen 127.0.0.1:2; }"#,
        r#"server { listen 127.0.0.1:2; location /b {} location /a {} location /a {} location /b {} }"#,
    ]);
}

#[test]
fn complaints_about_values() {
    same_complaints(&[
        r#"server { listen 127.0.0.1:2; listen; }"#,
        r#"server { listen 127.0.0.1:2; types { text/html html; text/plain html; } }"#,
        r#"server { listen 127.0.0.1:2; types { text/html html HTML; } }"#,
        r#"server { listen 127.0.0.1:2; types { a b { } } }"#,
        r#"server { listen 127.0.0.1:2; types { text/html html } }"#,
        r#"server { listen 127.0.0.1:2; default_type; }"#,
        r#"server { listen 127.0.0.1:2; default_type a; default_type b; }"#,
        r#"server { listen 127.0.0.1:2; types { include nosuch; } }"#,
        r#"server { listen 127.0.0.1:2; types x { } }"#,
        r#"server { listen 127.0.0.1:2; client_max_body_size x; }"#,
        r#"server { listen 127.0.0.1:2; client_max_body_size 1g; }"#,
        r#"server { listen 127.0.0.1:2; client_body_buffer_size 1g; }"#,
        r#"server { listen 127.0.0.1:2; client_body_timeout 1x; }"#,
        r#"server { listen 127.0.0.1:2; client_body_temp_path a b; }"#,
        r#"server { listen 127.0.0.1:2; client_body_temp_path a 1 2 3; }"#,
        r#"server { listen 127.0.0.1:2; client_body_temp_path a 9 9; }"#,
        r#"server { listen 127.0.0.1:2; client_body_temp_path a 1 2 3 4; }"#,
        r#"server { listen 127.0.0.1:2; client_body_in_file_only maybe; }"#,
        r#"server { listen 127.0.0.1:2; client_body_in_file_only ON; }"#,
        r#"server { listen 127.0.0.1:2; client_body_in_single_buffer 1; }"#,
        r#"server { listen 127.0.0.1:2; client_header_timeout 1ms; }"#,
        r#"server { listen 127.0.0.1:2; client_header_buffer_size -1; }"#,
        r#"server { listen 127.0.0.1:2; large_client_header_buffers 0 8k; }"#,
        r#"server { listen 127.0.0.1:2; large_client_header_buffers 4 0; }"#,
        r#"server { listen 127.0.0.1:2; large_client_header_buffers 4; }"#,
        r#"server { listen 127.0.0.1:2; large_client_header_buffers 4 8k; large_client_header_buffers 4 8k; }"#,
        r#"server { listen 127.0.0.1:2; large_client_header_buffers 4 100; }"#,
        r#"server { listen 127.0.0.1:2; connection_pool_size 100; }"#,
        r#"server { listen 127.0.0.1:2; connection_pool_size 113; }"#,
        r#"server { listen 127.0.0.1:2; connection_pool_size 128k; }"#,
        r#"server { listen 127.0.0.1:2; request_pool_size 1; }"#,
        r#"server { listen 127.0.0.1:2; max_headers x; }"#,
        r#"server { listen 127.0.0.1:2; merge_slashes maybe; }"#,
        r#"server { listen 127.0.0.1:2; ignore_invalid_headers; }"#,
        r#"server { listen 127.0.0.1:2; location / { merge_slashes on; } }"#,
        r#"server { listen 127.0.0.1:2; sendfile maybe; }"#,
        r#"server { listen 127.0.0.1:2; sendfile_max_chunk x; }"#,
        r#"server { listen 127.0.0.1:2; tcp_nopush x; }"#,
        r#"server { listen 127.0.0.1:2; aio maybe; }"#,
        r#"server { listen 127.0.0.1:2; aio off; aio off; }"#,
        r#"server { listen 127.0.0.1:2; directio x; }"#,
        r#"server { listen 127.0.0.1:2; directio 4m; directio off; }"#,
        r#"server { listen 127.0.0.1:2; directio_alignment x; }"#,
        r#"server { listen 127.0.0.1:2; read_ahead x; }"#,
        r#"server { listen 127.0.0.1:2; limit_rate x; }"#,
        r#"server { listen 127.0.0.1:2; limit_rate 1; limit_rate 2; }"#,
        r#"server { listen 127.0.0.1:2; limit_rate $nosuch; }"#,
        r#"server { listen 127.0.0.1:2; limit_rate $args; }"#,
        r#"server { listen 127.0.0.1:2; limit_rate_after 1g; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_timeout x; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_timeout 1 x; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_timeout 1 2; keepalive_timeout 3; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_timeout 1 2 3; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_requests x; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_disable foo; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_disable none none; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_disable msie6 safari; keepalive_disable msie6; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_time x; }"#,
        r#"server { listen 127.0.0.1:2; keepalive_min_timeout x; }"#,
        r#"server { listen 127.0.0.1:2; satisfy maybe; }"#,
        r#"server { listen 127.0.0.1:2; satisfy ANY; }"#,
        r#"server { listen 127.0.0.1:2; satisfy all; satisfy any; }"#,
        r#"server { listen 127.0.0.1:2; lingering_close x; }"#,
        r#"server { listen 127.0.0.1:2; lingering_time x; }"#,
        r#"server { listen 127.0.0.1:2; server_tokens maybe; }"#,
        r#"server { listen 127.0.0.1:2; server_tokens build; }"#,
        r#"server { listen 127.0.0.1:2; server_tokens ''; }"#,
        r#"server { listen 127.0.0.1:2; if_modified_since x; }"#,
        r#"server { listen 127.0.0.1:2; max_ranges x; }"#,
        r#"server { listen 127.0.0.1:2; chunked_transfer_encoding x; }"#,
        r#"server { listen 127.0.0.1:2; etag x; }"#,
        r#"server { listen 127.0.0.1:2; send_lowat x; }"#,
        r#"server { listen 127.0.0.1:2; send_lowat 1k; }"#,
        r#"server { listen 127.0.0.1:2; postpone_output x; }"#,
        r#"server { listen 127.0.0.1:2; output_buffers 0 1k; }"#,
        r#"server { listen 127.0.0.1:2; output_buffers 1 x; output_buffers 1 2; }"#,
        r#"server { listen 127.0.0.1:2; output_buffers 1 2; output_buffers 1 2; }"#,
        r#"server { listen 127.0.0.1:2; types_hash_max_size x; }"#,
        r#"server { listen 127.0.0.1:2; types_hash_bucket_size 1m; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache max=1 off; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache inactive=1s; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache max=0; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache foo; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache off; open_file_cache off; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache_valid x; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache_min_uses x; }"#,
        r#"server { listen 127.0.0.1:2; open_file_cache_errors x; }"#,
        r#"server { listen 127.0.0.1:2; recursive_error_pages x; }"#,
        r#"server { listen 127.0.0.1:2; auth_delay x; }"#,
        r#"server { listen 127.0.0.1:2; reset_timedout_connection x; }"#,
        r#"server { listen 127.0.0.1:2; internal; }"#,
        r#"server { listen 127.0.0.1:2; subrequest_output_buffer_size x; }"#,
        r#"server { listen 127.0.0.1:2; msie_padding x; }"#,
        r#"server { listen 127.0.0.1:2; log_not_found 1; }"#,
        r#"server { listen 127.0.0.1:2; server {} }"#,
        r#"server { listen 127.0.0.1:2; if ($args) { root a; sendfile on; limit_rate 1; error_page 404 /x; } }"#,
        r#"server { listen 127.0.0.1:2; location / { if ($args) { root a; sendfile on; limit_rate 1; error_page 404 /x; } } }"#,
        r#"server { listen 127.0.0.1:2; location / { if ($args) { alias a; } } }"#,
        r#"server { listen 127.0.0.1:2; location / { if ($args) { tcp_nopush on; } } }"#,
        r#"variables_hash_max_size 1k;"#,
        r#"location / {}"#,
        r#"server x {}"#,
        r#"connection_pool_size 16k;"#,
        r#"internal;"#,
    ]);
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n")
}

fn same_for_paths(inside: &str, paths: &[&str]) {
    let requests: Vec<String> = paths.iter().map(|path| get(path)).collect();
    same_answers(
        inside,
        &requests.iter().map(String::as_str).collect::<Vec<_>>(),
    );
}

#[test]
fn locations() {
    same_for_paths(
        r#"server {
            listen 127.0.0.1:%PORT0%;
            location / { return 200 root; }
            location = /a { return 200 exact; }
            location /a/ { return 200 prefix; location /a/b { return 200 nested; location ~ c$ { return 200 c; } } }
            location ^~ /q/ { return 200 quiet; location ~ x { return 200 x; } location /q/r { return 200 r; } }
            location /n/ { location ^~ /n/q/ { return 200 quiet; } location ~ \.php$ { return 200 inner; } return 200 n; }
            location ~ \.(php)$ { return 200 "outer $1"; }
            location ~* ^/i/(?<rest>.*)$ { location ~ ^/I { return 200 "capital $rest"; } return 200 $rest; }
            location /internal { internal; return 200 internal; }
            location "/sp ace" { return 200 space; }
            location /é { return 200 accent; }
            location /m { limit_except POST { deny all; } return 200 m; }
        }"#,
        &[
            "/",
            "/a",
            "/a/",
            "/a/b",
            "/a/bc",
            "/a/b.php",
            "/ab",
            "/q/",
            "/q/x",
            "/q/r/x",
            "/q/r",
            "/n/",
            "/n/q/a.php",
            "/n/a.php",
            "/x.php",
            "/i/xyz",
            "/I/xyz",
            "/internal",
            "/sp%20ace",
            "/%C3%A9",
            "/m",
            "/%61",
            "//a",
            "/./a/../a",
        ],
    );
}

#[test]
fn error_pages() {
    same_for_paths(
        r#"server {
            listen 127.0.0.1:%PORT0%;
            error_page 404 /p?a;
            error_page 403 =200 /p;
            error_page 500 502 = @n;
            error_page 401 http://x/$uri;
            error_page 402 =307 /$args;
            error_page 405 =307 https://y;
            location / { return 404; }
            location /p { return 200 "p $args $uri"; }
            location @n { return 200 "n $uri"; }
            location /403 { return 403; }
            location /500 { return 500; }
            location /502 { return 502; }
            location /401 { return 401; }
            location /402 { return 402; }
            location /405 { return 405; }
            location /own { error_page 410 /gone; return 410; }
            location /gone { return 410; }
            location /rec { recursive_error_pages on; error_page 410 /rec2; return 410; }
            location /rec2 { error_page 410 = @n; return 410; }
            location /loop { recursive_error_pages on; error_page 410 /loop; return 410; }
            location /none { error_page 410 @none; return 410; }
            location /444 { return 444; }
            location /408 { return 408; }
            location /499 { return 499; }
            location /418 { return 418; }
            location /498 { return 498; }
            location /494 { return 494; }
            location /497 { error_page 497 /p; return 497; }
            location /300 { return 300; }
            location /304 { return 304; }
            location /204 { return 204; }
            location /206 { return 206; }
            location /301 { return 301 /x?y; }
            location /303 { return 303 "http://a b"; }
            location /307 { absolute_redirect off; return 307 /x; }
            location /308 { server_name_in_redirect on; return 308 /x; }
            location /off { server_tokens off; return 404; error_page 404 @nothing; }
            location /plain { server_tokens off; error_page 404 =404 /gone; return 400; }
        }"#,
        &[
            "/", "/403", "/500", "/502", "/401", "/402?x", "/405", "/own", "/gone", "/rec",
            "/loop", "/none", "/444", "/408", "/499", "/418", "/498", "/494", "/497", "/300",
            "/304", "/204", "/206", "/301", "/303", "/307", "/308", "/off", "/plain", "/p?b",
        ],
    );
}

#[test]
fn server_names() {
    let server = |name: &str| {
        format!(
            "server {{ listen 127.0.0.1:%PORT0%; server_name {name}; return 200 $server_name; }}\n"
        )
    };
    let names = [
        "first",
        "www.example.com",
        "*.example.com",
        "*.a.example.com",
        "www.example.*",
        "www.*",
        ".dot.org",
        "*.dot.org",
        "dot.org",
        "b.dot.org",
        "*.com",
        ".x.com",
        r"~^(\w)\.re$",
        "~re$",
        r#""""#,
        "*.org",
    ];
    let hosts = [
        "first",
        "FIRST",
        "www.example.com",
        "a.example.com",
        "b.a.example.com",
        "example.com",
        "www.example.org",
        "www.x",
        "www",
        "dot.org",
        "a.dot.org",
        "b.dot.org",
        "x.com",
        "y.x.com",
        "com",
        "a.com",
        "a.re",
        "ab.re",
        "re",
        ".dot.org",
        ".example.com",
        "www.",
        "a..b",
        "127.0.0.1",
        "[::1]:80",
        "org",
        "x.org",
        "first:8080",
        "first.",
    ];
    let requests: Vec<String> = hosts
        .iter()
        .map(|host| format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
        .chain([
            String::from("GET / HTTP/1.0\r\n\r\n"),
            String::from("GET / HTTP/1.1\r\n\r\n"),
            String::from(
                "GET http://a.example.com:1/ HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n",
            ),
        ])
        .collect();
    same_answers(
        &names.map(server).concat(),
        &requests.iter().map(String::as_str).collect::<Vec<_>>(),
    );
}

#[test]
fn browsers() {
    let inside = r#"server {
        listen 127.0.0.1:%PORT0%;
        location / { return 404; }
        location /refresh { msie_refresh on; return 302 "http://a/x y\"<>%41é"; }
        location /refresh/page { msie_refresh on; error_page 404 http://b/; return 404; }
        location /off { msie_padding off; return 404; }
    }"#;
    let agents = [
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows)",
        "Mozilla/4.0 (MSIE 7.0) Opera 9",
        "X Chrome/1 Safari/2",
        "Gecko/2 Chrome/1",
        "curl/8",
    ];
    let mut requests = Vec::new();
    for path in ["/", "/refresh", "/refresh/page", "/off"] {
        for agent in agents {
            requests.push(format!(
                "GET {path} HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
            ));
        }
    }
    same_answers(
        inside,
        &requests.iter().map(String::as_str).collect::<Vec<_>>(),
    );
}

#[test]
fn connections_after_errors() {
    // No field asks for the end of the connection: it must come by itself where nginx ends it.
    let inside = r#"client_max_body_size 2;
    server {
        listen 127.0.0.1:%PORT0%;
        keepalive_timeout 100ms;
        location / { return 404; }
        location /400 { return 400; }
        location /500 { return 500; }
        location /501 { return 501; }
        location /413 { return 413; }
        location /414 { return 414; }
        location /502 { return 502; }
    }"#;
    let mut requests: Vec<String> = ["/", "/400", "/500", "/501", "/413", "/414", "/502"]
        .iter()
        .map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .collect();
    requests.push(String::from(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    ));
    requests.push(String::from(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
    ));
    same_answers(
        inside,
        &requests.iter().map(String::as_str).collect::<Vec<_>>(),
    );
}

#[test]
fn clients_that_wait_to_be_told_to_go_on() {
    let inside = r#"client_max_body_size 5; server {
        listen 127.0.0.1:%PORT0%;
        lingering_timeout 100ms;
        error_page 405 /page;
        error_page 406 = /page;
        error_page 407 = @named;
        error_page 409 =410 @named;
        location = /page { return 200 page; }
        location @named { return 200 named; }
        location /text { return 200 text; }
        location /text/404 { return 404 text; }
        location /301 { return 301 http://a/; }
        location /204 { return 204; }
        location /404 { return 404; }
        location /405 { return 405; }
        location /406 { return 406; }
        location /407 { return 407; }
        location /409 { return 409; }
    }"#;
    let mut requests = Vec::new();
    for path in [
        "/text",
        "/text/404",
        "/301",
        "/204",
        "/404",
        "/405",
        "/406",
        "/407",
        "/409",
    ] {
        for length in [3, 6] {
            let body = &"abcdef"[..length];
            requests.push(format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\
                 Content-Length: {length}\r\n\r\n"
            ) + if length == 3 { body } else { "" });
        }
    }
    same_answers(
        inside,
        &requests.iter().map(String::as_str).collect::<Vec<_>>(),
    );
}
