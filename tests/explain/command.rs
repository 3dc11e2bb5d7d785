//! The command line of `--explain` and `--requests`.

use crate::common::{Site, http};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

const CONF: &str = r#"
    add_header X-Frame-Options DENY;
    proxy_temp_path %DIR%/proxy_temp;
    map $uri $moved { /old /new; }
    limit_req_zone $remote_addr zone=each:1m rate=1r/s;
    upstream app {
        server 127.0.0.1:%PORT1% weight=2;
        server 127.0.0.1:%PORT2%;
        server 127.0.0.1:%PORT3% backup;
    }
    server { listen 127.0.0.1:%PORT0% default_server; return 444; }
    server {
        listen 127.0.0.1:%PORT0%;
        server_name shop.example;
        root html;
        if ($moved) { return 301 $moved; }
        location /files/ {
            try_files $uri $uri/index.html =404;
        }
        location /api/ {
            limit_req zone=each;
            allow 10.0.0.0/8;
            deny all;
            add_header X-Api 1;
            rewrite ^/api/v1/(.*)$ /api/v2/$1 break;
            proxy_set_header Host $host;
            proxy_pass http://app;
        }
        location ~ \.php$ { return 403; }
    }
"#;

fn site() -> Site {
    let site = Site::new(&http(CONF));
    site.write("html/files/a/index.html", "a\n");
    site
}

fn explain(site: &Site, request: &str, more: &[&str]) -> Output {
    let request = site.fill_in(request);
    let mut arguments = vec!["--explain", &request];
    arguments.extend_from_slice(more);
    site.run(&arguments)
}

fn text(site: &Site, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    // The directory is another one each time, and so are the ports.
    let folder = site.path("x").parent().unwrap().display().to_string();
    let mut text = text.replace(&folder, "%DIR%");
    for number in 0..4 {
        text = text.replace(&site.port(number).to_string(), &format!("%PORT{number}%"));
    }
    text
}

#[test]
fn a_proxied_request_is_told_step_by_step() {
    let site = site();
    let output = explain(
        &site,
        "GET http://shop.example:%PORT0%/api/v1/users?id=1",
        &["-H", "Cookie: a=b", "--from", "10.0.0.5"],
    );
    assert_eq!(
        text(&site, &output),
        "GET http://shop.example:%PORT0%/api/v1/users?id=1

listen      127.0.0.1:%PORT0%, for port %PORT0%  (nginx.conf:15)
server      shop.example: shop.example is its name  (nginx.conf:14)
map         $moved is \"\": nothing fits \"/api/v1/users\"
if          if ($moved): does not hold, it is \"\"  (nginx.conf:18)
location    /api/: the longest prefix, and no regular expression matches  (nginx.conf:22)
            not ~ \\.php$: does not match  (nginx.conf:31)
rewrite     rewrite ^/api/v1/(.*)$ /api/v2/$1 break: the URI is /api/v2/users?id=1 now, without seeking its location  (nginx.conf:27)
limit       limit_req each counts it for \"10.0.0.5\"; assumed here: below the limit  (nginx.conf:23)
access      allow 10.0.0.0/8 lets the client in  (nginx.conf:24)
content     proxy_pass http://app  (nginx.conf:29)
upstream    app: 127.0.0.1:%PORT1%, then 127.0.0.1:%PORT2%, then 127.0.0.1:%PORT3% (backup)  (nginx.conf:8)
            by turns, as in a server that has just started
sends       GET /api/v2/users?id=1 HTTP/1.1  (nginx.conf:29)
            Host: shop.example
            Cookie: a=b
header      X-Api: 1  (nginx.conf:26)
lost        add_header X-Frame-Options DENY does not hold here: the add_header in nginx.conf:26 takes its place  (nginx.conf:4)
answer      what the upstream says; for the fields above 200 is assumed
"
    );
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn the_status_of_an_error_page_stays_whatever_an_upstream_says() {
    let site = Site::new(&http(
        "server {
            listen 127.0.0.1:%PORT0%;
            root html;
            location /kept { error_page 404 @app; }
            location /left { error_page 404 = @app; }
            location @app { proxy_pass http://127.0.0.1:%PORT1%; }
        }",
    ));
    for (path, answer, status) in [
        (
            "/kept",
            "answer      404 Not Found, as error_page was reached with it; the rest is what the upstream says\n",
            "\"status\":404,",
        ),
        (
            "/left",
            "answer      what the upstream says; for the fields above 200 is assumed\n",
            "\"status\":null,",
        ),
    ] {
        let url = format!("http://127.0.0.1:%PORT0%{path}");
        let told = text(&site, &explain(&site, &url, &[]));
        assert!(told.contains(answer), "{told}");
        let json = text(&site, &explain(&site, &url, &["--json"]));
        assert!(json.contains(status), "{json}");
    }
}

#[test]
fn what_a_value_comes_from_is_told() {
    let site = Site::new(&http(
        "map $arg_a $mapped { default 1; x 2; }
        geo $near { default 0; 10.0.0.0/8 1; }
        limit_req_zone $binary_remote_addr zone=each:1m rate=1r/s;
        server {
            listen 127.0.0.1:%PORT0%;
            limit_req zone=each;
            location / { add_header X-A $mapped$near; return 204; }
            location /files { root html; }
        }",
    ));
    let from = ["--from", "10.0.0.5"];
    let told = text(&site, &explain(&site, "http://127.0.0.1:%PORT0%/", &from));
    for line in [
        "map         $mapped is \"1\": no line fits \"\", so default 1  (nginx.conf:3)\n",
        "            $near is \"1\", by geo $near  (nginx.conf:4)\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let told = text(
        &site,
        &explain(&site, "http://127.0.0.1:%PORT0%/files", &from),
    );
    assert!(
        told.contains("counts it for \"\\x0A\\x00\\x00\\x05\";"),
        "{told}"
    );
}

#[test]
fn files_are_looked_for_where_they_are() {
    let site = site();
    let output = explain(&site, "http://shop.example:%PORT0%/files/a", &[]);
    let text = text(&site, &output);
    let steps: Vec<&str> = text.lines().filter(|line| line.contains("%DIR%")).collect();
    assert_eq!(
        steps,
        [
            "try_files   %DIR%/html/files/a: no such file  (nginx.conf:20)",
            "            %DIR%/html/files/a/index.html: there is such a file  (nginx.conf:20)",
            "file        %DIR%/html/files/a/index.html  (nginx.conf:17)",
        ]
    );
    assert!(text.contains("answer      200 OK\n"), "{text}");
    assert!(
        text.contains("            X-Frame-Options: DENY\n"),
        "{text}"
    );
}

#[test]
fn nobody_is_asked_and_nothing_is_written() {
    let site = site();
    let upstream = TcpListener::bind(("127.0.0.1", site.port(1))).unwrap();
    upstream.set_nonblocking(true).unwrap();
    let before = names(&site.path(""));
    for request in ["/api/x", "/files/nothing", "/x.php", "/old"] {
        let url = format!("http://shop.example:%PORT0%{request}");
        let output = explain(&site, &url, &["--from", "10.0.0.5"]);
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
    assert!(upstream.accept().is_err(), "the upstream was asked");
    assert_eq!(names(&site.path("")), before);
}

fn names(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(names(&path));
        }
        all.insert(path.display().to_string());
    }
    all
}

#[test]
fn programs_get_json() {
    let site = site();
    let output = explain(&site, "http://nobody:%PORT0%/", &["--json"]);
    let text = text(&site, &output);
    assert!(
        text.starts_with("{\"request\":\"GET http://nobody:%PORT0%/\","),
        "{text}"
    );
    assert!(text.contains("\"no_answer\":true"), "{text}");
    assert!(
        text.contains(
            "{\"names\":[],\"by\":\"default_server\",\"place\":{\"file\":\"%DIR%/nginx.conf\",\"line\":13}}"
        ),
        "{text}"
    );
    assert!(
        text.ends_with("]}\n") && text.lines().count() == 1,
        "{text}"
    );
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let site = site();
    for (request, sentence) in [
        (
            "GET http://shop.example:1/",
            "nothing listens on port 1; the configuration listens on 127.0.0.1:%PORT0%",
        ),
        (
            "GET http://192.0.2.7:%PORT0%/",
            "nothing listens on 192.0.2.7:%PORT0%",
        ),
        (
            "GET https://shop.example:%PORT0%/",
            "nothing on port %PORT0% speaks TLS",
        ),
        ("GET shop.example", "is no URL"),
    ] {
        let output = explain(&site, request, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(&site.fill_in(sentence)), "{stderr}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    }
    site.write_conf("events {} http { nothing; }");
    let output = explain(&site, "http://x/", &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("unknown directive") && output.status.code() == Some(1),
        "{stderr}"
    );
}

#[test]
fn requests_are_compared_with_what_is_expected() {
    let site = site();
    let cases = "# the shop
GET http://shop.example:%PORT0%/old -> status 301, redirect http://shop.example:%PORT0%/new
GET http://shop.example:%PORT0%/files/a -> location /files/, file html/files/a/index.html, header x-frame-options
GET http://shop.example:%PORT0%/x.php -> location \"~ \\.php$\", status 403, file none, handler return
GET http://shop.example:%PORT0%/api/v1/a?b --from 10.1.1.1 -> server shop.example, upstream app, uri /api/v2/a?b
";
    site.write("good.txt", &site.fill_in(cases));
    let run = |file: &str| site.run(&["--requests", &site.path(file).display().to_string()]);
    let good = run("good.txt");
    assert_eq!(text(&site, &good), "4 requests, all as expected\n");
    assert!(good.status.success());
    let wrong = cases
        .replace("status 403", "status 200")
        .replace("upstream app", "upstream other");
    site.write("wrong.txt", &site.fill_in(&wrong));
    let wrong = run("wrong.txt");
    assert_eq!(
        text(&site, &wrong),
        "%DIR%/wrong.txt:4: GET http://shop.example:%PORT0%/x.php  (nginx.conf:31)
    status is 403, expected 200
%DIR%/wrong.txt:5: GET http://shop.example:%PORT0%/api/v1/a?b  (nginx.conf:22)
    upstream is app, expected other
2 of 4 requests differ
"
    );
    assert_eq!(wrong.status.code(), Some(1));
    let nowhere = "GET http://shop.example:1/ -> status 200\nGET http://shop.example:%PORT0%/old -> status 301\n";
    site.write("nowhere.txt", &site.fill_in(nowhere));
    let said = text(&site, &run("nowhere.txt"));
    assert!(
        said.starts_with(
            "%DIR%/nowhere.txt:1: GET http://shop.example:1/\n    nothing listens on port 1;"
        ),
        "{said}"
    );
    assert!(said.ends_with("\n1 of 2 requests differ\n"), "{said}");
    site.write("broken.txt", "\nGET http://x/ -> colour blue\n");
    let broken = run("broken.txt");
    let stderr = String::from_utf8_lossy(&broken.stderr);
    assert!(
        stderr.contains("\"colour\" cannot be expected") && stderr.contains("broken.txt:2"),
        "{stderr}"
    );
    assert_eq!(broken.status.code(), Some(1));
}

#[test]
fn the_requests_of_examples_get_what_they_expect() {
    let mut seen = 0;
    for entry in fs::read_dir("examples").unwrap() {
        let folder = entry.unwrap().path();
        let requests = folder.join("requests.txt");
        if requests.exists() {
            seen += 1;
            let output = std::process::Command::new(crate::common::BINARY)
                .arg("-p")
                .arg(&folder)
                .args(["-c", "nginx.conf", "--requests"])
                .arg(&requests)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success(),
                "{said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn subrequests_are_told_and_limits_are_not_counted() {
    let site = Site::new(&http(
        "limit_req_zone $remote_addr zone=z:1m rate=1r/m;
        limit_conn_zone $remote_addr zone=c:1m;
        server { listen 127.0.0.1:%PORT0%; root html;
            location / { limit_req zone=z; limit_conn c 1; auth_request /auth; mirror /copy; }
            location = /auth { internal; proxy_pass http://127.0.0.1:%PORT1%/check; }
            location = /copy { internal; proxy_pass http://127.0.0.1:%PORT1%; }
        }",
    ));
    let output = explain(&site, "http://x:%PORT0%/files", &[]);
    let text = text(&site, &output);
    for line in [
        "limit       limit_req z counts it for \"127.0.0.1\"; assumed here: below the limit",
        "            limit_conn c counts it for \"127.0.0.1\"; assumed here: below the limit",
        "auth        /auth is asked for leave; assumed here: what an upstream says of it is 200",
        "    location    = /auth: the path itself",
        "    sends       GET /check HTTP/1.1",
        "access      auth_request lets the request pass",
        "mirror      a copy goes to /copy; not followed here",
        "answer      404 Not Found",
    ] {
        assert!(text.contains(&format!("\n{line}")), "{line}\n{text}");
    }
    let line = site.fill_in("GET http://x:%PORT0%/files -> status 404\n");
    site.write("requests.txt", &line.repeat(5));
    let file = site.path("requests.txt").display().to_string();
    let output = site.run(&["--requests", &file]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
