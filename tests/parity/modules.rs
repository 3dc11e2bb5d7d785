//! Smaller modules: what a configuration with them answers, and what is said of a wrong one.

use crate::harness::{current, same_answers, same_complaints};

fn gets(paths: &[&str], fields: &str) -> Vec<String> {
    let one = |path: &&str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")
    };
    paths.iter().map(one).collect()
}

fn same(inside: &str, requests: &[String]) {
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    same_answers(inside, &requests);
}

#[test]
fn auth_request() {
    let inside = r#"server {
        listen 127.0.0.1:%PORT0%;
        auth_request_set $outcome "$status $sent_http_x_inner";
        add_header X-Outcome "$outcome:$shared" always;
        location / { auth_request /auth$is; try_files /nothing =404; }
        location /ok { auth_request /204; try_files /nothing =404; }
        location /forbidden { auth_request /403; try_files /nothing =404; }
        location /login { auth_request /401; try_files /nothing =404; }
        location /wrong { auth_request /302; try_files /nothing =404; }
        location /page { auth_request /page-403; try_files /nothing =404; }
        location /nested { auth_request /nested-auth; try_files /nothing =404; }
        location /own-page { auth_request /403; error_page 403 = /shown; try_files /nothing =404; }
        location /any { satisfy any; deny all; auth_request /204; try_files /nothing =404; }
        location /any-not { satisfy any; deny all; auth_request /401; try_files /nothing =404; }
        location /method { auth_request /method-auth; try_files /nothing =404; }
        location = /method-auth { if ($request_method != OPTIONS) { return 403; } return 204; }
        location = /204 { internal; set $shared inside; add_header X-Inner no; return 204; }
        location = /401 { return 401; }
        location = /403 { return 403; }
        location = /302 { return 302 /x; }
        location = /page-403 { error_page 403 =200 /204; return 403; }
        location = /nested-auth { auth_request /403; try_files /nothing =404; }
        location = /shown { return 200 "shown $uri $outcome"; }
    }"#;
    let options = "OPTIONS /method HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    same(inside, &[options.to_owned()]);
    same(
        inside,
        &gets(
            &[
                "/ok",
                "/forbidden",
                "/login",
                "/wrong",
                "/page",
                "/nested",
                "/own-page",
                "/any",
                "/any-not",
                "/204",
            ],
            "",
        ),
    );
}

#[test]
fn browsers() {
    let inside = r#"
    server {
        listen 127.0.0.1:%PORT0%;
        modern_browser msie 5.5; modern_browser gecko 1.0.0; modern_browser opera 9.0; modern_browser safari 413;
        modern_browser konqueror 3.0;
        ancient_browser Links Lynx netscape4;
        location / { return 200 "$modern_browser:$ancient_browser:$msie"; }
        location /values { modern_browser_value new; ancient_browser_value ""; return 200 "$modern_browser:$ancient_browser"; }
        location /unlisted { modern_browser unlisted; return 200 "$modern_browser:$ancient_browser"; }
    }"#;
    let agents = [
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
        "Mozilla/4.0 (compatible; MSIE 5.5; Windows NT 5.1)",
        "Mozilla/4.0 (compatible; MSIE 5.0; Windows NT 5.1)",
        "Mozilla/4.0 (compatible; MSIE 6.0; X11; FreeBSD i386) Opera 7.50  [en]",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.0; en) Opera 9.0",
        "Opera/9.01 (X11; FreeBSD 6 i386; U; en)",
        "Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.0.0) Gecko/20020610",
        "Mozilla/5.0 (X11; U; Linux i686; en-US; rv:0.9.9.99) Gecko/20020610",
        "Mozilla/5.0 (Macintosh; U; PPC Mac OS X; en) AppleWebKit/418 (KHTML, like Gecko) Safari/417.9.3",
        "Mozilla/5.0 (compatible; Konqueror/2.9; Linux)",
        "Mozilla/4.72 [en] (X11; U; Linux 2.2.14-5.0smp i686)",
        "Lynx/2.8.4rel.1 libwww-FM/2.14",
        "MSIE",
        "Opera",
        "x",
    ];
    let mut requests = gets(&["/", "/values", "/unlisted"], "");
    for agent in agents {
        let field = format!("User-Agent: {agent}\r\n");
        requests.extend(gets(&["/", "/values", "/unlisted"], &field));
    }
    same(inside, &requests);
}

#[test]
fn complaints() {
    same_complaints(&[
        "auth_request off; auth_request /a;",
        "auth_request_set x 1;",
        "auth_request_set $ 1;",
        "auth_request_set $host 1;",
        "auth_request_set $x $nosuch;",
        "auth_request_set $args 1;",
        "server { if ($x) { auth_request /a; } }",
        "mirror off; mirror /a;",
        "mirror /a; mirror off;",
        "mirror /a; mirror /b; mirror_request_body off; mirror_request_body on;",
        "mirror_request_body maybe;",
        "modern_browser x 1;",
        "modern_browser msie 1a;",
        "modern_browser msie 1 2;",
        "modern_browser MSIE 5..5; modern_browser unlisted;",
        "ancient_browser;",
        "modern_browser_value a; modern_browser_value b;",
        "geo $msie { default 1; }",
        "map $uri $modern_browser { default 1; }",
        "server { listen 127.0.0.1:2; set $ancient_browser x; }",
        "log_subrequest maybe;",
        "upstream a { least_time header; server 127.0.0.1:1; }",
        "upstream a { least_time first; server 127.0.0.1:1; }",
        "upstream a { least_time header other; server 127.0.0.1:1; }",
        "upstream a { least_time header inflight; least_time last_byte; server 127.0.0.1:1; }",
        "upstream a { least_conn; least_time last_byte inflight; server 127.0.0.1:1 backup; server 127.0.0.1:2; }",
        "proxy_store on; proxy_store off;",
        "proxy_store /a/$nosuch;",
        "proxy_store_access all;",
        "proxy_store_access all:w;",
        "proxy_store_access user:rw group:r all:r;",
        "proxy_store_access user:r; proxy_store_access all:r;",
        "fastcgi_store on; fastcgi_store_access group:rw;",
        "early_hints;",
        "early_hints $nosuch;",
        "early_hints $arg_a 1; early_hints $arg_b;",
        "upstream a { random two least_time; server 127.0.0.1:1; }",
    ]);
}

#[test]
fn complaints_about_values() {
    same_complaints(&[
        "proxy_bind 127.0.0.1 transparent;",
        "proxy_bind 127.0.0.1 opaque;",
        "proxy_bind off; proxy_bind off;",
        "proxy_bind 127.0.0.256;",
        "proxy_bind $remote_addr transparent;",
        "proxy_bind 127.0.0.1:80;",
        "proxy_socket_keepalive yes;",
        "proxy_force_ranges on; proxy_force_ranges on;",
        "proxy_limit_rate 1x;",
        "proxy_pass_trailers maybe;",
        "aio threads; aio off;",
        "aio threads=x;",
        "aio threads=$x;",
        "aio sendfile;",
        "aio maybe;",
        "aio_write on; aio_write on;",
        "directio 4m;",
        "directio off; directio 4m;",
        "directio x;",
        "directio_alignment 4k;",
        "directio_alignment -1;",
        "sendfile_max_chunk 1m;",
        "sendfile_max_chunk x;",
        "output_buffers 2 32k;",
        "output_buffers 0 32k;",
        "output_buffers 2;",
        "gzip_buffers 4 8k;",
        "gzip_buffers 0 8k;",
        "gzip_buffers 4 x;",
        "postpone_gzipping 1k;",
        "postpone_gzipping x;",
        "gzip_hash 16k;",
        "gzip_hash 3k;",
        "gzip_hash 512k;",
        "gzip_window 16k;",
        "gzip_window 3k;",
        "gzip_no_buffer on; gzip_no_buffer off;",
        "recursive_error_pages yes;",
        "lingering_close always;",
        "lingering_close never;",
        "lingering_time 30s; lingering_time 1;",
        "lingering_timeout x;",
        "log_subrequest on; log_subrequest on;",
        "add_header_inherit merge;",
        "add_header_inherit maybe;",
        "add_header_inherit on; add_header_inherit off;",
        "add_trailer_inherit merge; server { listen 127.0.0.1:2; add_trailer_inherit off; }",
        "add_trailer_inherit none;",
        "override_charset maybe;",
        "subrequest_output_buffer_size 0;",
        "read_ahead x;",
    ]);
}

#[test]
fn complaints_that_older_ones_do_not_make() {
    if current() {
        same_complaints(&[
            "proxy_store '';",
            "proxy_limit_rate $arg_l; proxy_limit_rate 1k;",
        ]);
    }
}
