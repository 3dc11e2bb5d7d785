//! How the choice of the socket, the server and the location is told.

use crate::common::{Site, http};

fn explain(site: &Site, request: &str, more: &[&str]) -> String {
    let (request, more): (String, Vec<String>) = (
        site.fill_in(request),
        more.iter().map(|text| site.fill_in(text)).collect(),
    );
    let mut arguments = vec!["--explain", &request];
    arguments.extend(more.iter().map(String::as_str));
    let output = site.run(&arguments);
    let text = [output.stdout, output.stderr].concat();
    let folder = site.path("x").parent().unwrap().display().to_string();
    String::from_utf8(text).unwrap().replace(&folder, "%DIR%")
}

/// The steps of these kinds, with what adds to them.
fn steps(text: &str, kinds: &[&str]) -> String {
    let mut kept = String::new();
    let mut keep = false;
    for line in text.lines() {
        if !line.starts_with(' ') {
            keep = kinds
                .iter()
                .any(|kind| line.starts_with(&format!("{kind} ")));
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn the_address_decides_about_the_socket() {
    let site = Site::new(&http(
        "server { listen 80; server_name any.example; }
        server { listen 10.0.0.1:80; server_name one.example; }
        server { listen 10.0.0.2:80 bind; server_name two.example; }
        server { listen [::]:80; server_name six.example; }
        server { listen unix:%DIR%/s; server_name socket.example; }",
    ));
    for (request, more, told) in [
        (
            "http://x/",
            &[][..],
            "listen      0.0.0.0:80, for port 80  (nginx.conf:3)
            there is also 10.0.0.2:80, 10.0.0.1:80: --to says which one is meant
server      any.example: no other server is on 0.0.0.0:80  (nginx.conf:3)\n",
        ),
        (
            "http://10.0.0.1/",
            &[],
            "listen      10.0.0.1:80 by the socket of 0.0.0.0:80  (nginx.conf:4)
server      one.example: no other server is on 10.0.0.1:80  (nginx.conf:4)\n",
        ),
        (
            "http://x/",
            &["--to", "10.0.0.2"],
            "listen      10.0.0.2:80, for port 80  (nginx.conf:5)
server      two.example: no other server is on 10.0.0.2:80  (nginx.conf:5)\n",
        ),
        (
            "http://x/",
            &["--to", "10.0.0.3:80"],
            "listen      0.0.0.0:80, for port 80  (nginx.conf:3)
server      any.example: no other server is on 0.0.0.0:80  (nginx.conf:3)\n",
        ),
        (
            "http://[::1]/",
            &[],
            "listen      [::]:80, for port 80  (nginx.conf:6)
server      six.example: no other server is on [::]:80  (nginx.conf:6)\n",
        ),
        (
            "http://x/",
            &["--to", "unix:%DIR%/s"],
            "listen      unix:%DIR%/s, as told by --to  (nginx.conf:7)
server      socket.example: no other server is on unix:%DIR%/s  (nginx.conf:7)\n",
        ),
    ] {
        let said = explain(&site, request, more);
        assert_eq!(
            steps(&said, &["listen", "server"]),
            told,
            "{request} {more:?}"
        );
    }
    let said = explain(&site, "http://x/", &["--to", "somewhere"]);
    assert!(said.contains("\"somewhere\" is no address"), "{said}");
}

#[test]
fn the_host_decides_about_the_server() {
    let site = Site::new(&http(
        "server { listen 127.0.0.1:80; server_name first.example; }
        server { listen 127.0.0.1:80; server_name .two.example; }
        server { listen 127.0.0.1:80; server_name www.three.*; }
        server { listen 127.0.0.1:80; server_name ~^app\\d\\.; }
        server { listen 127.0.0.1:81; server_name a.example; }
        server { listen 127.0.0.1:81 default_server; server_name b.example; }",
    ));
    for (host, told) in [
        (
            "first.example",
            "first.example: first.example is its name  (nginx.conf:3)",
        ),
        (
            "two.example",
            ".two.example: two.example fits its wildcard *.two.example  (nginx.conf:4)",
        ),
        (
            "a.b.two.example",
            ".two.example: a.b.two.example fits its wildcard *.two.example  (nginx.conf:4)",
        ),
        (
            "www.three.org",
            "www.three.*: www.three.org fits its wildcard www.three.*  (nginx.conf:5)",
        ),
        (
            "app7.x",
            "~^app\\d\\.: app7.x matches ~^app\\d\\.  (nginx.conf:6)",
        ),
        (
            "other",
            "first.example: no server has the name other; this is the first on 127.0.0.1:80  (nginx.conf:3)",
        ),
        (
            "other:81",
            "b.example: no server has the name other; this is the default_server of 127.0.0.1:81  (nginx.conf:8)",
        ),
    ] {
        let said = explain(&site, &format!("http://{host}/"), &[]);
        assert_eq!(
            steps(&said, &["server"]),
            format!("server      {told}\n"),
            "{host}"
        );
    }
}

#[test]
fn locations_that_lose_are_told_with_the_reason() {
    let site = Site::new(&http(
        "server { listen 127.0.0.1:80;
            location / { }
            location /a { location /a/b { location ~ c { return 200; } } location = /a/x { return 200; } }
            location ^~ /static/ { return 200; }
            location = /a { return 200; }
            location ~ ^/a/b/d { return 200; }
            location ~* \\.PHP$ { return 200; }
            location /slash/ { proxy_pass http://127.0.0.1:1; }
        }",
    ));
    for (path, told) in [
        (
            "/a",
            "location    = /a: the path itself  (nginx.conf:7)
            not /: shorter than = /a  (nginx.conf:4)
            not /a: shorter than = /a  (nginx.conf:5)
            not ~ ^/a/b/d: not tried: = /a is certain  (nginx.conf:8)
            not ~* \\.PHP$: not tried: = /a is certain  (nginx.conf:9)\n",
        ),
        (
            "/a/b/c",
            "location    ~ c: the first regular expression that matches  (nginx.conf:5)
            not /: shorter than /a  (nginx.conf:4)
            /a: the longest prefix; the location is in it  (nginx.conf:5)
            not ~ ^/a/b/d: not tried: ~ c is certain  (nginx.conf:8)
            not ~* \\.PHP$: not tried: ~ c is certain  (nginx.conf:9)
            /a/b: the longest prefix; the location is in it  (nginx.conf:5)\n",
        ),
        (
            "/a/b/d",
            "location    ~ ^/a/b/d: the first regular expression that matches  (nginx.conf:8)
            not /: shorter than /a  (nginx.conf:4)
            not /a: the longest prefix, but ~ ^/a/b/d goes first  (nginx.conf:5)
            not ~* \\.PHP$: not tried: ~ ^/a/b/d matched before  (nginx.conf:9)
            not /a/b: the longest prefix, but ~ ^/a/b/d goes first  (nginx.conf:5)
            not ~ c: does not match  (nginx.conf:5)\n",
        ),
        (
            "/static/x.php",
            "location    ^~ /static/: the longest prefix; for ^~ no regular expression is tried  (nginx.conf:6)
            not /: shorter than ^~ /static/  (nginx.conf:4)
            not ~ ^/a/b/d: not tried: ^~ /static/ is certain  (nginx.conf:8)
            not ~* \\.PHP$: not tried: ^~ /static/ is certain  (nginx.conf:9)\n",
        ),
        (
            "/slash",
            "location    /slash/: its name is the path and a slash  (nginx.conf:10)
            not /: shorter than /slash/  (nginx.conf:4)
            not ~ ^/a/b/d: not tried: /slash/ is certain  (nginx.conf:8)
            not ~* \\.PHP$: not tried: /slash/ is certain  (nginx.conf:9)\n",
        ),
    ] {
        let said = explain(&site, &format!("http://x{path}"), &[]);
        assert_eq!(steps(&said, &["location"]), told, "{path}");
    }
}
