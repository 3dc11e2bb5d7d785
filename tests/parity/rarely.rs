//! Directives that nginx's own tests never name, though configurations use them: what they do where it shows in
//! answers, and what is said of wrong values.

use crate::harness::{current, same_complaints, same_complaints_of_all};
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n")
}

/// Without what older ones do not know.
fn known(site: String) -> String {
    if current() {
        return site;
    }
    let newer = |directive: &str| {
        [
            "_socket_rcvbuf ",
            "_socket_sndbuf ",
            "keepalive_min_timeout ",
        ]
        .iter()
        .any(|name| directive.contains(name))
    };
    site.split_inclusive(';')
        .map(
            |directive| match newer(directive) && !directive.contains('{') {
                true => "",
                false => directive,
            },
        )
        .collect()
}

/// However a server is told to read, keep and send, the answer is the same.
#[test]
fn how_answers_are_sent() {
    let ways = [
        "sendfile off; output_buffers 1 1k;",
        "sendfile off; output_buffers 4 64k; directio 4k; directio_alignment 4k;",
        "sendfile on; sendfile_max_chunk 3k;",
        "sendfile on; sendfile_max_chunk 0; tcp_nopush on; tcp_nodelay off;",
        "aio threads; directio 8k; sendfile on;",
        "aio off; postpone_output 0; reset_timedout_connection on;",
        "postpone_output 4000; read_ahead 4k;",
        "etag off; gzip on; gzip_comp_level 1; gzip_buffers 2 1k; gzip_types text/plain; gzip_min_length 1;",
        "types_hash_max_size 512; types_hash_bucket_size 32; autoindex on; autoindex_exact_size off; autoindex_localtime on;",
        "keepalive_disable none; keepalive_min_timeout 0; lingering_close always; lingering_time 1s; lingering_timeout 200ms;",
        "lingering_close off; rewrite_log on; uninitialized_variable_warn off;",
    ];
    let mut servers = String::new();
    for (number, way) in ways.iter().enumerate() {
        servers.push_str(&format!(
            "server {{ listen 127.0.0.1:%PORT0%; server_name w{number}; root %DIR%/files; {} location /proxy {{ proxy_pass http://127.0.0.1:%ORIGIN0%; }}
               location /if {{ if ($arg_none) {{ return 404; }} rewrite ^ /small.txt break; }} }}\n",
            way
        ));
    }
    let site = format!(
        "variables_hash_max_size 1024; variables_hash_bucket_size 128; map_hash_max_size 2048; map_hash_bucket_size 128;
         server_names_hash_max_size 1024; {AS_NOW} {servers}"
    );
    let Some(pair) = Pair::with_origins(&known(site), 1, |_, _, _| {
        Act::Send(ok(&"proxied ".repeat(3_000)))
    }) else {
        return;
    };
    pair.write("files/small.txt", "small");
    pair.write("files/large.txt", &"0123456789abcdef".repeat(10_000));
    pair.write("files/list/a.txt", "a");
    for (number, way) in ways.iter().enumerate() {
        for path in [
            "/small.txt",
            "/large.txt",
            "/none",
            "/proxy",
            "/list/",
            "/if",
        ] {
            for fields in ["", "Accept-Encoding: gzip\r\n", "Range: bytes=5-70000\r\n"] {
                if path == "/large.txt" && fields.is_empty() && way.contains("gzip") {
                    continue;
                }
                pair.same_unpacked(
                    &get(path, fields).replace("Host: h", &format!("Host: w{number}")),
                );
            }
        }
        // What of a body is not read is waited for, or not.
        pair.same(&format!(
            "POST /small.txt HTTP/1.1\r\nHost: w{number}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde"
        ));
    }
}

#[test]
fn how_upstreams_are_asked() {
    let site = format!(
        "{AS_NOW} proxy_temp_path %DIR%/temp;
        server {{ listen 127.0.0.1:%PORT0%;
            location /a {{ proxy_buffers 2 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /b {{ proxy_buffers 8 1k; proxy_buffer_size 1k; proxy_busy_buffers_size 2k; proxy_temp_file_write_size 4k; proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /c {{ proxy_socket_keepalive on; proxy_socket_rcvbuf 8k; proxy_socket_sndbuf 8k; proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /d {{ proxy_send_timeout 2s; proxy_headers_hash_max_size 1024; proxy_headers_hash_bucket_size 128; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /e {{ proxy_buffering off; proxy_buffer_size 1k; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /f {{ fastcgi_buffers 2 4k; fastcgi_buffer_size 4k; fastcgi_busy_buffers_size 4k; fastcgi_socket_rcvbuf 8k; fastcgi_socket_sndbuf 8k;
                fastcgi_temp_path %DIR%/temp; fastcgi_max_temp_file_size 8k; fastcgi_temp_file_write_size 8k; fastcgi_ignore_client_abort on;
                fastcgi_connect_timeout 2s; fastcgi_send_timeout 2s; fastcgi_param A b; fastcgi_pass 127.0.0.1:%ORIGIN1%; }}
            location /g {{ uwsgi_buffers 4 4k; uwsgi_socket_rcvbuf 8k; uwsgi_socket_sndbuf 8k; uwsgi_param A b; uwsgi_pass 127.0.0.1:%ORIGIN2%; }}
            location /h {{ scgi_buffers 4 4k; scgi_socket_rcvbuf 8k; scgi_socket_sndbuf 8k; scgi_param A b; scgi_pass 127.0.0.1:%ORIGIN2%; }}
            location /pages {{ recursive_error_pages on; error_page 404 /pages/b; return 404;
                location /pages/b {{ error_page 403 /pages/c; return 403; location /pages/b/x {{ return 200; }} }}
                location /pages/c {{ return 200 c; }} }}
            location /once {{ error_page 404 /once/b; return 404; location /once/b {{ error_page 403 /pages/c; return 403; }} }}
        }}"
    );
    let large = "0123456789abcdef".repeat(6_000);
    let Some(pair) = Pair::with_origins(&known(site), 3, move |number, _, _| match number {
        0 => Act::Send(ok(&large)),
        1 => {
            use crate::common::gateway::{STDOUT, end, record};
            let mut all = record(STDOUT, b"Content-Type: a/b\r\n\r\n", 0);
            for piece in large.as_bytes().chunks(30_000) {
                all.extend(record(STDOUT, piece, 2));
            }
            all.extend(end());
            Act::Send(all)
        }
        _ => Act::SendAndClose(format!("Status: 200 OK\r\n\r\n{large}").into_bytes()),
    }) else {
        return;
    };
    for path in [
        "/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/pages", "/once",
    ] {
        pair.same_unpacked(&get(path, ""));
        pair.same_unpacked(&format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
        ));
    }
}

#[test]
fn complaints() {
    same_complaints(&[
        "proxy_socket_rcvbuf x;",
        "proxy_socket_sndbuf 1k; proxy_socket_sndbuf 1k;",
        "fastcgi_socket_rcvbuf -1;",
        "uwsgi_socket_sndbuf 1x;",
        "scgi_socket_rcvbuf;",
        "tcp_nodelay maybe;",
        "tcp_nodelay on; tcp_nodelay off;",
        "tcp_nopush x;",
        "sendfile x;",
        "etag maybe;",
        "reset_timedout_connection x;",
        "keepalive_min_timeout x;",
        "lingering_time x;",
        "autoindex_localtime x;",
        "autoindex_exact_size x;",
        "rewrite_log x;",
        "uninitialized_variable_warn x;",
        "variables_hash_max_size x;",
        "variables_hash_bucket_size 1; variables_hash_bucket_size 2;",
        "map_hash_bucket_size x;",
        "map_hash_max_size 1 2;",
        "types_hash_max_size x;",
        "server_names_hash_max_size x;",
        "gzip_comp_level 0;",
        "gzip_comp_level 10;",
        "gzip_proxied sometimes;",
        "gzip_proxied off any;",
        "gzip_proxied any any;",
        "gzip_disable (;",
        "gzip_disable msie6 msie6;",
        "gzip_buffers 1;",
        "proxy_send_timeout x;",
        "proxy_ignore_client_abort x;",
        "server { listen 127.0.0.1:2; proxy_temp_file_write_size 1; }",
        "proxy_headers_hash_bucket_size x;",
        "proxy_headers_hash_max_size x;",
        "fastcgi_buffers 0 4k;",
        "fastcgi_connect_timeout x;",
        "server { listen 127.0.0.1:2; fastcgi_temp_file_write_size 1; }",
        "server { listen 127.0.0.1:2; fastcgi_max_temp_file_size 1; }",
        "recursive_error_pages x;",
        "client_body_in_single_buffer x;",
    ]);
}

#[test]
fn complaints_outside_of_http() {
    let mut texts = vec![
        "user;",
        "user nosuchuser; events { }",
        "user root nosuchgroup; events { }",
        "user root; user root; events { }",
        "worker_processes x; events { }",
        "worker_processes 1; worker_processes 1; events { }",
        "worker_processes auto x; events { }",
        "worker_rlimit_nofile x; events { }",
        "worker_rlimit_nofile 10; worker_rlimit_nofile 10; events { }",
        "worker_rlimit_core x; events { }",
        "worker_cpu_affinity; events { }",
        "worker_cpu_affinity 2; events { }",
        "worker_cpu_affinity auto 01 10; events { }",
        "worker_cpu_affinity 01; worker_cpu_affinity 01; events { }",
        "worker_priority x; events { }",
        "worker_priority 1; worker_priority 1; events { }",
        "worker_shutdown_timeout x; events { }",
        "working_directory; events { }",
        "working_directory a; working_directory b; events { }",
        "pcre_jit maybe; events { }",
        "pcre_jit on; pcre_jit on; events { }",
        "env; events { }",
        "env A=b C=d; events { }",
        "env A; env A; env A=b; events { }",
        "master_process x; events { }",
        "daemon x; events { }",
        "daemon on; daemon off; events { }",
        "timer_resolution x; events { }",
        "timer_resolution 1s; timer_resolution 1s; events { }",
        "lock_file a; lock_file b; events { }",
        "thread_pool; events { }",
        "thread_pool a threads=0; events { }",
        "thread_pool a threads=x; events { }",
        "thread_pool a max_queue=x; events { }",
        "thread_pool a threads=2; thread_pool a threads=2; events { }",
        "thread_pool a; events { }",
        "debug_points stop; debug_points abort; events { }",
        "debug_points x; events { }",
        "load_module; events { }",
        "events { } load_module modules/ngx_stream_module.so;",
        "events { worker_connections x; }",
        "events { worker_connections 1; worker_connections 1; }",
        "events { worker_connections 0; }",
        "events { worker_connections 1; } http { access_log off; server { listen 127.0.0.1:2; listen 127.0.0.1:3; } }",
        "events { worker_connections 3; } http { access_log off; server { listen 127.0.0.1:2; listen 127.0.0.1:3; } }",
        "events { multi_accept x; }",
        "events { multi_accept on; multi_accept on; }",
        "events { use nosuch; }",
        "events { use epoll; use epoll; }",
        "events { use select; }",
        "events { accept_mutex x; }",
        "events { accept_mutex on; accept_mutex on; }",
        "events { accept_mutex_delay x; }",
        "events { debug_connection; }",
        "events { nosuch; }",
        "events x { }",
        "events { } events { }",
        "http { }",
        "pid a b; events { }",
        "error_log; events { }",
        "include; events { }",
        "include /nosuch/file; events { }",
        "events { } http { } http { }",
        "listen 80; events { }",
        "events { } nosuch;",
        "events { } }",
        "events {",
    ];
    if current() {
        texts.push("worker_processes 600; worker_cpu_affinity auto; events { }");
        // Systems ship one that is built with its debug log.
        texts.push("events { debug_connection x.invalid; }");
        texts.push("events { debug_connection 10.0.0.1/8; }");
        texts.push("events { debug_connection 10.0.0.0/99; }");
    }
    same_complaints_of_all(&texts);
}
