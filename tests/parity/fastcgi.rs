//! FastCGI: what the application is sent, what becomes of its answers, what the error log says.

use crate::common::gateway::{STDERR, STDOUT, answer, end, record};
use crate::common::php::{self, Fpm};
use crate::harness::current;
use crate::origin::Act;
use crate::pair::Pair;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

fn compare(pair: &Pair, requests: &[String]) {
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

/// The usual parameters, as Debian's `fastcgi.conf` has them, without the client's port.
const PARAMS: &str = "
    fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_param SCRIPT_NAME $fastcgi_script_name;
    fastcgi_param PATH_INFO $fastcgi_path_info; fastcgi_param PATH_TRANSLATED $document_root$fastcgi_path_info;
    fastcgi_param REQUEST_URI $request_uri; fastcgi_param DOCUMENT_URI $document_uri;
    fastcgi_param DOCUMENT_ROOT $document_root; fastcgi_param SERVER_PROTOCOL $server_protocol;
    fastcgi_param REQUEST_SCHEME $scheme; fastcgi_param HTTPS $https if_not_empty;
    fastcgi_param GATEWAY_INTERFACE CGI/1.1; fastcgi_param REMOTE_ADDR $remote_addr;
    fastcgi_param SERVER_ADDR $server_addr; fastcgi_param SERVER_PORT $server_port;
    fastcgi_param SERVER_NAME $server_name; fastcgi_param REDIRECT_STATUS 200;\n";

/// Each nginx is built with its own.
const TEMP: &str = "client_body_temp_path %DIR%/in; fastcgi_temp_path %DIR%/temp;\n";

#[test]
fn what_the_application_is_sent() {
    let long = "v".repeat(127);
    let site = format!(
        r#"{PARAMS} {TEMP} root %DIR%/www; fastcgi_index index.php;
        upstream app {{ server 127.0.0.1:%ORIGIN0%; keepalive 2; }}
        server {{ listen 127.0.0.1:%PORT0%; server_name h.test;
            location / {{ fastcgi_pass 127.0.0.1:%ORIGIN0%; }}
            location ~ \.php(/|$) {{ fastcgi_split_path_info ^(.+?\.php)(/.*)$; fastcgi_pass app; }}
            location /none/ {{ fastcgi_split_path_info ^(/never)(/.*)$; fastcgi_pass app; }}
            location /try/ {{ fastcgi_split_path_info ^(.+\.php)(.*)$; try_files $fastcgi_script_name =404; fastcgi_pass app; }}
            location /keep {{ fastcgi_keep_conn on; fastcgi_pass app; }}
            location /own {{ fastcgi_param ONE $arg_x; fastcgi_param EMPTY $arg_none; fastcgi_param NONE $arg_none if_not_empty;
                fastcgi_param TWICE 1; fastcgi_param TWICE 2; fastcgi_param HTTP_X_SET own; fastcgi_param HTTP_X_GONE "";
                fastcgi_param HTTP_X_IF $arg_none if_not_empty; fastcgi_param lower "$args-$uri"; fastcgi_param L127 {long};
                fastcgi_param L128 {long}x; fastcgi_pass app; }}
            location /names {{ fastcgi_param N{long} n; fastcgi_param M{long}x $args; fastcgi_pass app; }}
            location /bare {{ fastcgi_pass_request_headers off; fastcgi_pass_request_body off; fastcgi_pass app; }}
            location /nobody {{ fastcgi_pass_request_body off; fastcgi_pass app; }}
            location /method {{ fastcgi_param REQUEST_METHOD $request_method; error_page 405 /x.php; return 405; }}
            location /stream {{ fastcgi_request_buffering off; fastcgi_pass app; }}
            location /file {{ client_body_in_file_only clean; fastcgi_param F "${{request_body}}"; fastcgi_pass app; }}
            location /fixed/ {{ fastcgi_pass 127.0.0.1:%ORIGIN0%; }}
            location /computed/ {{ set $app 127.0.0.1:%ORIGIN0%; fastcgi_pass $app; }}
            location /variable {{ set $app 127.0.0.1:%ORIGIN0%; fastcgi_pass $app; }}
            location /group {{ set $app app; fastcgi_pass $app; }}
            location /rewritten/ {{ rewrite ^/rewritten(/.*)$ /none$1?more=1; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, _| {
        Act::Send(answer(b"Content-Type: a/b\r\nX-A: 1\r\n\r\nbody"))
    }) else {
        return;
    };
    pair.write("www/try/x.php", "");
    let mut requests: Vec<String> = [
        "/",
        "/?",
        "/?a=b&c=%20",
        "/dir/",
        "/a%20b/%c3%a9?q",
        "/x.php",
        "/x.php/",
        "/x.php/in/fo?a",
        "/x.php/y.php/z",
        "/dir/x.php",
        "/image.jpg/x.php",
        "/image.jpg/x.php/more",
        "/x.phpx",
        "/none/x.php",
        "/try/x.php",
        "/try/y.php",
        "/own?x=1",
        "/own",
        "/variable?x",
        "/fixed",
        "/computed",
        "/group/y",
        "/rewritten/a?b=c",
        "//x.php//y",
        "/a/../x.php/./z",
        "/x.php%2fz",
        "/keep",
        "/keep",
        "/method",
    ]
    .map(get)
    .into();
    let fields = "Host: other:81\r\nConnection: close\r\nX-Set: theirs\r\nX-Gone: 1\r\nX-If: 2\r\nX-Under_score: u\r\nAccept: */*\r\n\
                  Proxy: p\r\nContent-Type: t/p\r\nX-Empty:\r\nX-Digits-09: 9\r\nAuthorization: Basic YTpi\r\nTE: trailers\r\n";
    for path in ["/x.php", "/own", "/nobody", "/keep", "/stream", "/file"] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            requests.push(format!("{method} {path} HTTP/1.1\r\n{fields}\r\n"));
            requests.push(format!(
                "{method} {path} HTTP/1.1\r\n{fields}Content-Length: 4\r\n\r\nbody"
            ));
        }
        // Without its length an application is given what the server has counted.
        requests.push(format!(
            "POST {path} HTTP/1.1\r\n{fields}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        ));
    }
    let large = "0123456789abcdef".repeat(8_000);
    for path in ["/x.php", "/file", "/stream"] {
        requests.push(format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{large}",
            large.len()
        ));
    }
    let value = "y".repeat(300);
    requests.push(format!(
        "GET /x.php HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Long: {value}\r\nX-{value}: 1\r\n\r\n"
    ));
    if current() {
        // Older ones send fields of one name each by itself, no made up host, and long names wrongly.
        requests.push(String::from(
            "GET /x.php HTTP/1.1\r\nHost: Upper\r\nConnection: close\r\nX-Two: a\r\nCookie: a=1\r\nx-two: b\r\nCookie: b=2\r\n\
             X-Forwarded-For: 1\r\nX-Forwarded-For: 2\r\nAccept: a\r\naccept: b\r\n\r\n",
        ));
        requests.push(get("/names?some"));
        for path in ["/x.php", "/own", "/bare", "/keep", "/stream"] {
            requests.push(format!("GET {path} HTTP/1.0\r\n\r\n"));
            requests.push(format!(
                "POST {path} HTTP/1.1\r\n{fields}Content-Length: 4\r\n\r\nbody"
            ));
        }
    }
    compare(&pair, &requests);
    pair.same_errors(1);
}

/// What the application answers, by the path that it is asked for.
fn scripted(request: &str) -> Act {
    const TYPE: &[u8] = b"Content-Type: text/html\r\n";
    let what = request.split("?do=").nth(1).and_then(|rest| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .next()
    });
    let head = |text: &str| Act::Send(answer(&[text.as_bytes(), b"\r\n\r\nbody"].concat()));
    let plain = || [TYPE, b"\r\nbody"].concat();
    let out = |text: &[u8]| record(STDOUT, text, 5);
    let cat = |records: &[Vec<u8>]| Act::Send(records.concat());
    match what.unwrap_or_default() {
        "status" => head("Status: 404 Nothing"),
        "status-bare" => head("Status: 403"),
        "status-long" => head("Status: 205 No"),
        "status-odd" => head("Status: 599 Odd"),
        "status-299" => head("Status: 299"),
        "status-short" => head("Status: 20"),
        "status-word" => head("Status: abc"),
        "status-late" => head("X-A: 1\r\nStatus: 201 Made"),
        "status-two" => head("Status: 201 Made\r\nStatus: 202"),
        "status-line" => head("HTTP/1.1 404 None\r\nX-A: 1"),
        "s304" => head("Status: 304"),
        "s206" => head("Status: 206\r\nContent-Range: bytes 0-3/9"),
        "s401" => head("Status: 401\r\nWWW-Authenticate: Basic realm=a"),
        "s500" => head("Status: 500 Own\r\nContent-Type: a/b"),
        "s502" => head("Status: 502\r\nContent-Type: a/b"),
        "location" => head("Location: http://a/"),
        "location-path" => head("Location: /path"),
        "location-status" => head("Status: 301 Gone\r\nLocation: /path"),
        "location-own" => head("Location: http://127.0.0.1/x"),
        "refresh" => head("Refresh: 5; url=/x"),
        "length" => head("Content-Length: 4"),
        "length-short" => head("Content-Length: 2"),
        "length-long" => head("Content-Length: 9"),
        "length-word" => head("Content-Length: x"),
        "length-two" => head("Content-Length: 4\r\nContent-Length: 4"),
        "chunked" => head("Transfer-Encoding: chunked"),
        "connection" => head("Connection: keep-alive\r\nKeep-Alive: 5\r\nUpgrade: x\r\nTrailer: y"),
        "type-none" => head("X-A: 1"),
        "type-charset" => head("Content-Type: text/plain; charset=utf-8"),
        "fields" => head(
            "Server: theirs\r\nDate: then\r\nX-Powered-By: PHP\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; path=/\r\nVary: *\r\n\
             ETag: \"x\"\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nCache-Control: no-store\r\nExpires: 0\r\nP3P: p\r\n\
             X-Accel-Expires: 0\r\nX-Accel-Charset: c\r\nX-Pad: p\r\nAccept-Ranges: bytes\r\nContent-Encoding: br\r\nLink: l\r\nPragma: p",
        ),
        "accel" => head("X-Accel-Redirect: /internal/x?y=z"),
        "accel-status" => head(
            "Status: 404 None\r\nX-Accel-Redirect: /internal/x\r\nSet-Cookie: a=b\r\nContent-Type: a/b",
        ),
        "accel-named" => head("X-Accel-Redirect: @named"),
        "accel-rate" => head("X-Accel-Limit-Rate: 100000"),
        "accel-buffering" => head("X-Accel-Buffering: no"),
        "accel-charset" => head("X-Accel-Charset: koi8-r\r\nContent-Type: text/html"),
        "empty" => Act::Send(answer(b"\r\n\r\n")),
        "empty-head" => Act::Send(answer(b"\n\nbody")),
        "lf" => Act::Send(answer(b"Content-Type: a/b\nX-A: 1\n\nbody")),
        "folded" => Act::Send(answer(b"X-A: 1\r\n 2\r\n\r\nbody")),
        "spaces" => Act::Send(answer(b"X-A:   1  \r\nX-B:\r\nX-C:\t3\t\r\n\r\nbody")),
        "no-colon" => head("nonsense"),
        "space-name" => head("bad name: x"),
        "control" => head("X\u{1}: x"),
        "zero" => head("X-A: a\0b"),
        "under" => head("X_A: 1"),
        "nothing" => Act::SendAndClose(Vec::new()),
        "reset" => Act::Reset,
        "hang" => Act::Hang,
        "hang-head" => Act::SendAndHang(out(b"X-A: 1\r\n")),
        "hang-record" => Act::SendAndHang(vec![1, 6, 0]),
        "close-head" => Act::SendAndClose(out(b"X-A: 1\r\n")),
        "close-record" => Act::SendAndClose(vec![1, 6, 0, 1]),
        "no-end" => Act::SendAndClose(out(&plain())),
        "no-end-request" => Act::SendAndClose([out(&plain()), out(b"")].concat()),
        "end-only" => cat(&[end()]),
        "end-request-only" => cat(&[record(3, &[0; 8], 0)]),
        "end-no-stdout-end" => cat(&[out(&plain()), record(3, &[0; 8], 0)]),
        "end-status" => cat(&[out(&plain()), record(3, &[0, 0, 0, 5, 1, 0, 0, 0], 0)]),
        "pieces" => Act::Pieces(answer(&plain()).chunks(13).map(<[u8]>::to_vec).collect()),
        "records" => cat(&[
            out(b"Content-"),
            out(b"Type: a/b\r"),
            out(b"\n\r"),
            out(b"\nbo"),
            out(b"dy"),
            end(),
        ]),
        "padding" => cat(&[
            record(STDOUT, &plain(), 255),
            record(STDOUT, b" more", 1),
            end(),
        ]),
        "version" => Act::SendAndClose(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        "type" => cat(&[record(9, b"x", 0)]),
        "id" => Act::SendAndClose(vec![1, 6, 0, 2, 0, 0, 0, 0]),
        "id-high" => Act::SendAndClose(vec![1, 6, 1, 1, 0, 0, 0, 0]),
        "stderr" => cat(&[record(STDERR, b"first words\n", 4), out(&plain()), end()]),
        "stderr-two" => cat(&[
            record(STDERR, b"one", 0),
            record(STDERR, b"two\r\nlines. \n", 0),
            out(&plain()),
            end(),
        ]),
        "stderr-late" => cat(&[
            out(TYPE),
            record(STDERR, b"between", 1),
            out(b"\r\nbody"),
            record(STDERR, b"after.", 0),
            end(),
        ]),
        "stderr-only" => cat(&[record(STDERR, b"PHP message: died", 0), end()]),
        "stderr-close" => Act::SendAndClose(record(STDERR, b"PHP message: died", 0)),
        "stderr-caught" => cat(&[
            record(STDERR, b"a PHP Fatal error: x", 0),
            out(&plain()),
            end(),
        ]),
        "stderr-caught-late" => cat(&[
            out(&plain()),
            record(STDERR, b"a PHP Fatal error: x", 0),
            end(),
        ]),
        "stderr-empty" => cat(&[record(STDERR, b"", 0), out(&plain()), end()]),
        "stderr-bytes" => cat(&[
            record(STDERR, b"\"q\" \xc3\xa9 \x01\t\\", 0),
            out(&plain()),
            end(),
        ]),
        "big-head" => head(&format!("X-A: {}", "a".repeat(5000))),
        "big-fields" => head(&"X-A: b\r\n".repeat(700)),
        "large" => {
            let piece = out(&b"0123456789abcdef".repeat(2_000));
            let mut all = vec![out(b"Content-Type: a/b\r\n\r\n")];
            all.extend(std::iter::repeat_n(piece, 20));
            all.push(end());
            cat(&all)
        }
        _ => Act::Send(answer(&plain())),
    }
}

/// Everything that `scripted` knows, in places with the settings that matter.
const KINDS: &[&str] = &[
    "",
    "status",
    "status-bare",
    "status-long",
    "status-odd",
    "status-299",
    "status-short",
    "status-word",
    "status-late",
    "status-two",
    "status-line",
    "s304",
    "s206",
    "s401",
    "s500",
    "s502",
    "location",
    "location-path",
    "location-status",
    "location-own",
    "refresh",
    "length",
    "length-word",
    "length-two",
    "chunked",
    "connection",
    "type-none",
    "type-charset",
    "fields",
    "accel",
    "accel-status",
    "accel-named",
    "accel-rate",
    "accel-buffering",
    "accel-charset",
    "empty",
    "empty-head",
    "lf",
    "folded",
    "spaces",
    "no-colon",
    "space-name",
    "control",
    "under",
    "nothing",
    "reset",
    "close-head",
    "close-record",
    "no-end",
    "no-end-request",
    "end-only",
    "end-request-only",
    "end-no-stdout-end",
    "end-status",
    "pieces",
    "records",
    "padding",
    "version",
    "type",
    "id",
    "id-high",
    "stderr",
    "stderr-two",
    "stderr-late",
    "stderr-only",
    "stderr-close",
    "stderr-caught",
    "stderr-empty",
    "stderr-bytes",
    "big-head",
    "big-fields",
];

/// What older ones answer without the words behind the status, and with the fields that 1.23 and later refuse.
const OLDER: &[&str] = &[
    "status-bare",
    "status-299",
    "s304",
    "s206",
    "s401",
    "s502",
    "length-word",
    "length-two",
    "big-fields",
    "status-two",
];

const PLACES: &str = r#"
    fastcgi_read_timeout 10s; fastcgi_param Q "?do=$arg_do end";
    upstream app { server 127.0.0.1:%ORIGIN0%; keepalive 1; }
    server { listen 127.0.0.1:%PORT0%; server_name h.test;
        add_header X-Up "$upstream_status $upstream_response_length $upstream_http_x_a" always;
        error_page 404 500 502 504 = /page;
        location /page { return 200 "page $status"; }
        location /internal { internal; return 200 "internal $uri $args"; }
        location @named { return 200 "named $uri $args"; }
        location / { fastcgi_pass 127.0.0.1:%ORIGIN0%; }
        location /keep { fastcgi_keep_conn on; fastcgi_pass app; }
        location /caught { fastcgi_catch_stderr "PHP Fatal"; fastcgi_catch_stderr nothing; fastcgi_pass app; }
        location /intercepted { fastcgi_intercept_errors on; fastcgi_pass app; }
        location /hidden { fastcgi_hide_header X-A; fastcgi_hide_header Set-Cookie; fastcgi_pass_header Server; fastcgi_pass_header Date;
            fastcgi_pass_header X-Accel-Expires; fastcgi_ignore_headers X-Accel-Redirect Vary X-Accel-Charset; fastcgi_pass app; }
        location /direct { fastcgi_buffering off; fastcgi_pass app; }
    }"#;

#[test]
fn what_becomes_of_answers() {
    let Some(pair) = Pair::with_origins(PLACES, 1, |_, _, request| scripted(request)) else {
        return;
    };
    let mut requests = Vec::new();
    for kind in KINDS {
        if OLDER.contains(kind) && !current() {
            continue;
        }
        for place in [
            "/",
            "/keep",
            "/caught",
            "/intercepted",
            "/hidden",
            "/direct",
        ] {
            requests.push(get(&format!("{place}?do={kind}")));
        }
        requests.push(format!(
            "HEAD /?do={kind} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        ));
        requests.push(format!("GET /?do={kind} HTTP/1.0\r\nHost: h\r\n\r\n"));
    }
    compare(&pair, &requests);
    for place in ["/", "/keep", "/direct"] {
        // The two need not read as much at once.
        pair.same_unpacked(&get(&format!("{place}?do=large")));
    }
    pair.same_errors(30);
}

#[test]
fn an_application_that_is_slow_or_out_of_order() {
    let site = PLACES.replace("fastcgi_read_timeout 10s", "fastcgi_read_timeout 300ms");
    let Some(pair) = Pair::with_origins(&site, 1, |_, _, request| scripted(request)) else {
        return;
    };
    let kinds = ["hang", "hang-head", "hang-record"];
    let requests: Vec<String> = kinds
        .iter()
        .flat_map(|kind| ["/", "/keep"].map(|place| get(&format!("{place}?do={kind}"))))
        .collect();
    compare(&pair, &requests);
    pair.same_errors(6);
}

#[test]
fn who_is_asked_next() {
    let site = r#"fastcgi_param Q "?do=$arg_do end";
        upstream three { server 127.0.0.1:%ORIGIN0% max_fails=0; server 127.0.0.1:%ORIGIN1% max_fails=0; server 127.0.0.1:%ORIGIN2% backup; }
        server { listen 127.0.0.1:%PORT0%; add_header X-Up "$upstream_addr $upstream_status" always;
            location / { fastcgi_pass three; }
            location /more { fastcgi_next_upstream error timeout invalid_header http_500 http_503 http_403 http_404 http_429 non_idempotent; fastcgi_pass three; }
            location /off { fastcgi_next_upstream off; fastcgi_pass three; }
            location /tries { fastcgi_next_upstream error invalid_header http_500; fastcgi_next_upstream_tries 2; fastcgi_pass three; }
        }"#;
    let Some(pair) = Pair::with_origins(site, 3, |number, _, request| match number {
        0 => scripted(request),
        1 if request.contains("both") => Act::SendAndClose(Vec::new()),
        _ => Act::Send(answer(format!("\r\norigin {number}").as_bytes())),
    }) else {
        return;
    };
    let mut requests = Vec::new();
    for kind in [
        "",
        "s500",
        "status",
        "status-late",
        "status-short",
        "no-colon",
        "nothing",
        "reset",
        "type",
        "stderr-only",
        "close-head",
        "nothing&both",
        "no-end",
    ] {
        for place in ["/", "/more", "/off", "/tries"] {
            for method in ["GET", "POST"] {
                // Twice: the first server that is asked is another one.
                requests.extend(vec![format!(
                    "{method} {place}?do={kind} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
                ); 2]);
            }
        }
    }
    compare(&pair, &requests);
    pair.same_errors(20);
}

/// Scripts for PHP itself.
const SCRIPTS: &[(&str, &str)] = &[
    (
        "info.php",
        "<?php ksort($_SERVER); foreach ($_SERVER as $k => $v) if (!preg_match('/TIME|USER|HOME|FCGI/', $k)) echo \"$k=\", is_array($v) ? count($v) : $v, \"\\n\";",
    ),
    ("get.php", "<?php var_dump($_GET, $_COOKIE);"),
    (
        "post.php",
        "<?php header('X-Method: '.$_SERVER['REQUEST_METHOD']); var_dump($_POST); echo md5(file_get_contents('php://input'));",
    ),
    (
        "upload.php",
        "<?php echo $_FILES['f']['name'],' ',md5_file($_FILES['f']['tmp_name']),' ',$_FILES['f']['size'],' ',$_POST['a'] ?? '-';",
    ),
    (
        "large.php",
        "<?php for ($i = 0; $i < 100000; $i++) echo strtr($i, '0123456789', 'abcdefghij'), \"\\n\";",
    ),
    (
        "length.php",
        "<?php header('Content-Length: 5'); echo 'exact';",
    ),
    (
        "fatal.php",
        "<?php ini_set('display_errors', '0'); ini_set('log_errors', '1'); ini_set('error_log', ''); no_such_function();",
    ),
    (
        "warn.php",
        "<?php ini_set('display_errors', '0'); ini_set('log_errors', '1'); ini_set('error_log', ''); error_log('one'); echo $none; error_log(\"two\\nlines\"); echo 'done';",
    ),
    (
        "late.php",
        "<?php ini_set('display_errors', '0'); ini_set('log_errors', '1'); ini_set('error_log', ''); echo str_repeat('x', 9000); flush(); no_such_function();",
    ),
    ("dies.php", "<?php exec('kill -9 ' . getmypid());"),
    ("redirect.php", "<?php header('Location: /elsewhere?a=b');"),
    (
        "cookies.php",
        "<?php setcookie('a', 'b c'); setcookie('d', 'e'); http_response_code(201); echo 'set';",
    ),
    (
        "status.php",
        "<?php http_response_code((int) $_GET['s']); if ($_GET['s'] > 304) echo 'status';",
    ),
    (
        "accel.php",
        "<?php header('X-Accel-Redirect: /image.jpg'); header('Content-Type: a/b'); echo 'never';",
    ),
    ("empty.php", ""),
    (
        "gzip.php",
        "<?php header('Content-Type: text/plain'); echo str_repeat('again ', 500);",
    ),
];

#[test]
fn php_itself() {
    let Some(binary) = php::fpm() else { return };
    let Some(pair) = Pair::start(&format!(
        r#"{PARAMS} {TEMP} client_max_body_size 5m; root %DIR%/www; index index.php; gzip on; gzip_types text/plain;
        server {{ listen 127.0.0.1:%PORT0%; server_name h.test;
            location / {{ try_files $uri $uri/ /get.php?rest=$uri&$args; }}
            location ~ \.php(/|$) {{ fastcgi_split_path_info ^(.+?\.php)(/.*)$; fastcgi_index index.php; fastcgi_pass unix:%DIR%/fpm.sock; }}
            location ~ ^/safe/.+\.php$ {{ try_files $fastcgi_script_name =404; fastcgi_pass unix:%DIR%/fpm.sock; }}
            location /caught/ {{ rewrite ^/caught(/.*)$ $1 break; fastcgi_catch_stderr "PHP Fatal"; error_page 502 /get.php?caught;
                fastcgi_pass unix:%DIR%/fpm.sock; }}
            location /pages/ {{ rewrite ^/pages(/.*)$ $1 break; fastcgi_intercept_errors on; error_page 404 500 503 = /get.php?page;
                fastcgi_pass unix:%DIR%/fpm.sock; }}
            location /streamed/ {{ rewrite ^/streamed(/.*)$ $1 break; fastcgi_buffering off; fastcgi_request_buffering off; fastcgi_pass unix:%DIR%/fpm.sock; }}
        }}"#
    )) else {
        return;
    };
    for (name, script) in SCRIPTS {
        pair.write(&format!("www/{name}"), script);
    }
    pair.write("www/index.php", "<?php echo 'the index';");
    pair.write("www/dir/index.php", "<?php echo 'of a directory';");
    pair.write("www/image.jpg", "<?php echo 'never run';");
    pair.write("www/safe/a.php", "<?php echo 'safe';");
    let _fpm = pair.each(|site| Fpm::start(site, &binary));
    let mut requests: Vec<String> = [
        "/",
        "/dir/",
        "/dir",
        "/x.html?a=1&a[]=2",
        "/info.php",
        "/info.php/in/fo?c=d",
        "/get.php?a=1&b[]=2&c=%20",
        "/image.jpg",
        "/image.jpg/x.php",
        "/image.jpg/none.php/more",
        "/safe/a.php",
        "/safe/none.php",
        "/safe/a.php/x.php",
        "/none.php",
        "/length.php",
        "/fatal.php",
        "/warn.php",
        "/caught/fatal.php",
        "/caught/warn.php",
        "/pages/fatal.php",
        "/pages/none.php",
        "/pages/status.php?s=503",
        "/redirect.php",
        "/cookies.php",
        "/status.php?s=404",
        "/status.php?s=204",
        "/status.php?s=304",
        "/accel.php",
        "/empty.php",
        "/dies.php",
        "/get.php",
    ]
    .map(get)
    .into();
    for path in [
        "/info.php",
        "/length.php",
        "/status.php?s=500",
        "/empty.php",
    ] {
        requests.push(format!(
            "HEAD {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        ));
    }
    let form = "a=1&b[]=2&c=%c3%a9";
    let upload = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nfield\r\n--cut\r\nContent-Disposition: form-data; name=\"f\"; \
         filename=\"it.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n{}\r\n--cut--\r\n",
        "0123456789abcdef\0\n".repeat(20_000)
    );
    for prefix in ["", "/streamed"] {
        requests.push(format!(
            "POST {prefix}/post.php HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ));
        requests.push(format!(
            "POST {prefix}/post.php HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: text/plain\r\n\
             Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        ));
        requests.push(format!(
            "POST {prefix}/upload.php HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=cut\r\n\
             Content-Length: {}\r\n\r\n{upload}",
            upload.len()
        ));
    }
    for request in &requests {
        pair.same_unpacked(request);
    }
    for path in [
        "/large.php",
        "/streamed/large.php",
        "/gzip.php",
        "/late.php",
    ] {
        pair.same_unpacked(&get(path));
        pair.same_unpacked(&format!(
            "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n"
        ));
    }
    pair.same_errors(8);
}
