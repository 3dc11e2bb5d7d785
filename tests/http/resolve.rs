//! Servers of a group whose names are resolved while it is in use.

use crate::common::{Server, Site, http, wait_until};
use crate::names::{Names, Says};

/// A group with a name in it, and two servers that say who they are.
fn site(names: &Names, group: &str) -> String {
    let dns = names.port;
    format!(
        "upstream group {{ zone z 64k; server app.test:%PORT1% resolve; resolver 127.0.0.1:{dns} ipv6=off;
            resolver_timeout 1s; {group} }}
         server {{ listen 127.0.0.2:%PORT1%; listen 127.0.0.3:%PORT1%; return 200 $server_addr; }}
         server {{ listen 127.0.0.1:%PORT0%; location / {{ proxy_pass http://group; }} }}"
    )
}

fn wait_for(server: &Server, expected: &str) {
    let who = || server.get("/").text();
    wait_until(
        || who() == expected,
        || format!("{} answers, not {expected}", who()),
    );
}

#[test]
fn what_is_known_outlasts_a_reload() {
    let names = Names::start(Says::Addresses(vec![2]));
    let server = Server::start(Site::new(&http(&site(&names, ""))));
    wait_for(&server, "127.0.0.2");
    // From now on nobody says what the name means.
    names.say(Says::Error(2));
    server.reload();
    assert_eq!(server.get("/").text(), "127.0.0.2");
    server.reload_with(&site(&names, "keepalive 7;"));
    assert_eq!(server.get("/").text(), "127.0.0.2");
    // Another group begins with what this one knew of the name, and asks for itself.
    server.reload_with(&site(&names, "").replace("resolve;", "resolve weight=2;"));
    assert_eq!(server.get("/").text(), "127.0.0.2");
    names.say(Says::Addresses(vec![3]));
    wait_for(&server, "127.0.0.3");
}

#[test]
fn all_threads_see_what_one_was_told() {
    let names = Names::start(Says::Addresses(vec![2]));
    let conf = format!("worker_processes 3; {}", http(&site(&names, "")));
    let server = Server::start(Site::new(&conf));
    wait_for(&server, "127.0.0.2");
    names.say(Says::Addresses(vec![3]));
    wait_for(&server, "127.0.0.3");
    for _ in 0..20 {
        assert_eq!(server.get("/").text(), "127.0.0.3");
    }
}

#[test]
fn a_failure_names_what_has_no_address() {
    let names = Names::start(Says::Error(3));
    let server = Server::start(Site::new(&http(&site(&names, ""))));
    server.wait_for_log("app.test could not be resolved (3: Host not found)");
    assert_eq!(server.get("/").status, 502);
    let port = server.port(1);
    server.wait_for_log("no live upstreams while connecting to upstream");
    server.wait_for_log(&format!(
        "app.test:{port} could not be resolved (3: Host not found)\""
    ));
}

#[test]
fn nothing_is_asked_to_test_a_configuration() {
    let names = Names::start(Says::Addresses(vec![2]));
    let site = Site::new(&http(&site(&names, "")));
    assert!(site.run(&["-t"]).status.success());
    let told = site.run(&["--explain", &format!("http://localhost:{}/", site.port(0))]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.contains("the resolver is asked for app.test"),
        "{told}"
    );
    assert_eq!(names.asked(), 0);
}
