//! Modules of which there is not much to say: post_action, referer, disable_symlinks, userid, secure_link,
//! random_index.

use crate::common::{Response, Server, Site, http};
use crate::origin::{Act, Origin, ok};
use std::os::unix::fs::symlink;

fn ask(server: &Server, path: &str, fields: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    Response::parse(&server.raw(0, request.as_bytes()))
}

#[test]
fn post_action_goes_on_when_the_answer_is_sent() {
    let origin = Origin::start(|_, _| Act::Send(ok("hidden")));
    let port = origin.port;
    let server = Server::http(&format!(
        "log_format f '$request_uri $uri $status $body_bytes_sent';
         server {{
            listen 127.0.0.1:%PORT0%;
            location = /a {{ post_action /after; return 200 shown; }}
            location = /b {{ post_action @after; return 404; }}
            location = /c {{ post_action /gone; return 200 shown; }}
            location /after {{ access_log %DIR%/access.log f; proxy_pass http://127.0.0.1:{port}; }}
            location @after {{ access_log %DIR%/access.log f; proxy_pass http://127.0.0.1:{port}; }}
            location /gone {{ access_log %DIR%/access.log f; return 403; }}
         }}"
    ));
    assert_eq!(server.get("/a").text(), "shown");
    assert_eq!(server.get("/b").status, 404);
    assert_eq!(server.get("/c").text(), "shown");
    let seen: Vec<String> = origin.requests();
    assert!(seen[0].starts_with("GET /after ") && seen[1].starts_with("GET /b "));
    crate::common::wait_until(
        || server.read("access.log").lines().count() == 3,
        || server.read("access.log"),
    );
    let log = server.read("access.log");
    assert!(log.contains("/a /after 200 5\n"), "{log}");
    assert!(log.contains("/b /b 404 "), "{log}");
    assert!(log.contains("/c /gone 403 5\n"), "{log}");
}

#[test]
fn referers() {
    let server = Server::http(
        "server {
            listen 127.0.0.1:%PORT0%; server_name own.test;
            location / { valid_referers none server_names *.friend.test/in ~good; return 200 [$invalid_referer]; }
            location /open { return 200 [$invalid_referer]; }
            location /blocked { valid_referers blocked a.test; return 200 [$invalid_referer]; }
        }",
    );
    for (path, referer, invalid) in [
        ("/", None, "[]"),
        ("/", Some("http://own.test/x"), "[]"),
        ("/", Some("HTTPS://WWW.friend.test:8080/in/x"), "[]"),
        ("/", Some("http://www.friend.test/out"), "[1]"),
        ("/", Some("http://other.test/good"), "[]"),
        ("/", Some("http://other.test/"), "[1]"),
        ("/", Some("stripped by a proxy"), "[1]"),
        ("/blocked", Some("stripped by a proxy"), "[]"),
        ("/blocked", None, "[1]"),
        ("/open", Some("http://other.test/"), "[]"),
    ] {
        let field = referer.map_or(String::new(), |r| format!("Referer: {r}\r\n"));
        assert_eq!(
            ask(&server, path, &field).text(),
            invalid,
            "{path} {referer:?}"
        );
    }
}

#[test]
fn links_are_refused_where_they_are_disabled() {
    let site = Site::new(&http(
        "server {
            listen 127.0.0.1:%PORT0%; root %DIR%/www;
            location /free/ { alias %DIR%/www/; }
            location / { disable_symlinks on from=%DIR%; }
            location /own/ { disable_symlinks if_not_owner; alias %DIR%/www/; }
        }",
    ));
    site.write("www/real/index.html", "real");
    site.write("www/a.txt", "text");
    symlink("a.txt", site.path("www/link.txt")).unwrap();
    symlink("real", site.path("www/dir")).unwrap();
    let server = Server::start(site);
    for (path, status) in [
        ("/a.txt", 200),
        ("/link.txt", 403),
        ("/dir/index.html", 404),
        ("/real/", 200),
        ("/free/link.txt", 200),
        ("/free/dir/", 200),
        ("/own/link.txt", 200),
        // What is kept in memory opens no way around it.
        ("/link.txt", 403),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
    server.wait_for_log("link.txt\" failed (40: Too many levels of symbolic links)");
}

#[test]
fn clients_get_a_cookie_and_are_known_by_it() {
    let server = Server::http(
        "map $arg_reset $uid_reset { 1 1; }
         server {
            listen 127.0.0.1:%PORT0%;
            userid on; userid_flags secure samesite=lax; userid_expires max; userid_p3p word;
            location / { return 200 $uid_got/$uid_set; }
            location /marked { userid_mark X; userid_path /p; return 200 $uid_got/$uid_set; }
            location /off { userid log; return 200 $uid_got/$uid_set; }
        }",
    );
    let first = server.get("/");
    let cookie = first.header("set-cookie").unwrap().to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(
        attributes,
        "expires=Thu, 31-Dec-37 23:55:55 GMT; path=/; secure; samesite=lax"
    );
    assert_eq!(first.header("p3p"), Some("word"));
    let set = first.text().strip_prefix('/').unwrap().to_owned();
    // The address of the server, as memory has it on this machine.
    assert!(
        set.starts_with("uid=0100007F") || set.starts_with("uid=7F000001"),
        "{set}"
    );
    let back = format!("Cookie: a=b; {pair}\r\n");
    let known = ask(&server, "/", &back);
    assert_eq!(
        (known.header("set-cookie"), known.text()),
        (None, format!("{set}/"))
    );
    assert_eq!(ask(&server, "/off", &back).text(), format!("{set}/"));
    let marked = ask(&server, "/marked", &back);
    let expected = format!("{}X=", pair.strip_suffix("==").unwrap());
    assert!(marked.header("set-cookie").unwrap().starts_with(&expected));
    assert_eq!(marked.text(), format!("{set}/{set}"));
    let reset = ask(&server, "/?reset=1", &back);
    assert!(reset.header("set-cookie").is_some() && !reset.text().ends_with(&set));
    assert!(
        ask(&server, "/", "Cookie: uid=short\r\n")
            .header("set-cookie")
            .is_some()
    );
    server.wait_for_log("client sent too short userid cookie \"uid=short\"");
}

#[test]
fn links_are_checked() {
    let server = Server::http(
        "server {
            listen 127.0.0.1:%PORT0%;
            location / {
                secure_link $arg_md5,$arg_expires;
                secure_link_md5 secret;
                return 200 [$secure_link][$secure_link_expires];
            }
        }",
    );
    let sum = "Xr4ilOzQ4PCOq3aQ0qbuaQ";
    for (query, answer) in [
        (format!("md5={sum}==&expires=9999999999"), "[1][9999999999]"),
        (format!("md5={sum}&expires=1"), "[0][1]"),
        (format!("md5={sum}&expires=never"), "[][]"),
        ("md5=Ar4ilOzQ4PCOq3aQ0qbuaQ&expires=1".to_owned(), "[][1]"),
    ] {
        assert_eq!(server.get(&format!("/?{query}")).text(), answer, "{query}");
    }
}

#[test]
fn a_directory_is_answered_for_by_one_of_its_files() {
    let site = Site::new(&http(
        "server { listen 127.0.0.1:%PORT0%; root %DIR%/www; location / { random_index on; } }",
    ));
    site.write("www/d/.hidden", "hidden");
    site.write("www/d/sub/x", "below");
    site.write("www/d/a", "a");
    site.write("www/d/b", "b");
    site.write("www/empty/.hidden", "");
    let server = Server::start(site);
    let mut seen: Vec<String> = (0..40).map(|_| server.get("/d/").text()).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(server.get("/empty/").status, 403);
    assert_eq!(server.get("/none/").status, 404);
}
