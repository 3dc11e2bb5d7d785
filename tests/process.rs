//! Starting, stopping, reloading: the processes as an administrator sees them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod common;

use common::{
    BINARY, Server, Site, children, exists, globals, http, is_root, read_response, wait_until,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

fn answering(text: &str) -> String {
    format!("server {{ listen 127.0.0.1:%PORT0%; location / {{ return 200 {text}; }} }}")
}

fn kill(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn lives(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_pid_file_is_there_while_the_server_is() {
    for signal in [Signal::QUIT, Signal::TERM, Signal::INT] {
        let mut server = Server::http(&answering("one"));
        assert_eq!(server.pid(), Some(server.master()));
        assert_eq!(server.get("/").text(), "one");
        server.signal(signal);
        assert_eq!(server.wait(), Some(0));
        assert!(!exists(&server.path("nginx.pid")));
        let log = server.read("error.log");
        assert!(
            log.contains("[notice]") && log.trim_end().ends_with(": exit"),
            "{log}"
        );
        assert!(!log.contains("[alert]"), "{log}");
    }
}

#[test]
fn a_reload_changes_what_kept_alive_connections_get() {
    let server = Server::http(&answering("one"));
    let worker = server.workers();
    let mut stream = server.connect(0);
    let mut ask = || {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        String::from_utf8(read_response(&mut stream).body).unwrap()
    };
    assert_eq!(ask(), "one");
    server.reload_with(&answering("two"));
    assert_eq!(ask(), "two");
    assert_eq!(server.get("/").text(), "two");
    assert_eq!(server.workers(), worker, "the worker stays");
    server.wait_for_log("configuration 1 is no longer in use");
}

#[test]
fn a_broken_configuration_changes_nothing() {
    let server = Server::http(&answering("one"));
    server.write_conf(&http("server { listn 80; proxi_pass x; }"));
    server.reload();
    let line = server.fill_in("unknown directive \"listn\" in %DIR%/nginx.conf:3");
    assert!(server.read("error.log").contains(&format!(
        "[emerg] {}#{}: {line}",
        server.master(),
        server.master()
    )));
    assert_eq!(server.get("/").text(), "one");
    server.reload_with(&answering("two"));
    assert_eq!(server.get("/").text(), "two");
}

#[test]
fn listeners_come_and_go() {
    let server = Server::http(&answering("one"));
    assert!(!server.listens(1));
    server
        .reload_with(&(answering("one") + "server { listen 127.0.0.1:%PORT1%; return 200 new; }"));
    assert_eq!(server.get_from(1, "/").text(), "new");
    assert_eq!(server.get("/").text(), "one");
    server.reload_with("server { listen 127.0.0.1:%PORT1%; return 200 new; }");
    wait_until(|| !server.listens(0), || String::from("still listening"));
    assert_eq!(server.get_from(1, "/").text(), "new");
    assert!(
        server
            .read("error.log")
            .contains(&server.fill_in("no longer listening on 127.0.0.1:%PORT0%"))
    );
}

#[test]
fn an_address_that_is_taken_is_named_and_nothing_changes() {
    let server = Server::http(&answering("one"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    server.write_conf(&http(&format!(
        "{} server {{ listen {address}; }}",
        answering("two")
    )));
    server.signal(Signal::HUP);
    server.wait_for_log("still could not bind()");
    assert_eq!(
        server.count_in_log(&format!(
            "bind() to {address} failed (98: Address already in use)"
        )),
        5
    );
    assert_eq!(server.get("/").text(), "one");
}

#[test]
fn several_threads_and_a_socket_for_each() {
    let conf = |threads: usize, option: &str| {
        let server = format!(
            "server {{ listen 127.0.0.1:%PORT0% {option}; location / {{ return 200 x; }} }}"
        );
        format!("worker_processes {threads}; {}", http(&server))
    };
    let server = Server::conf(&conf(3, ""));
    let serves = || (0..20).for_each(|_| assert_eq!(server.get("/").text(), "x"));
    serves();
    for (threads, option) in [
        (3, "reuseport"),
        (1, "reuseport"),
        (4, "reuseport"),
        (2, ""),
    ] {
        server.write_conf(&conf(threads, option));
        server.reload();
        serves();
    }
    assert_eq!(server.workers().len(), 1);
}

#[test]
fn a_worker_that_dies_is_started_again() {
    let server = Server::http(&answering("one"));
    let first = server.workers()[0];
    kill(first, Signal::KILL);
    server.wait_for_log(&format!("worker process {first} exited on signal 9"));
    wait_until(
        || server.workers().first().is_some_and(|pid| *pid != first),
        || String::from("no other worker"),
    );
    assert_eq!(server.get("/").text(), "one");
}

#[test]
fn a_worker_does_not_outlive_its_master() {
    let mut server = Server::http(&answering("one"));
    let worker = server.workers()[0];
    server.signal(Signal::KILL);
    server.wait();
    wait_until(
        || !lives(worker),
        || String::from("the worker is still there"),
    );
    assert!(
        server
            .read("error.log")
            .contains("gracefully shutting down")
    );
}

#[test]
fn logs_are_opened_anew() {
    let server = Server::http(&answering("one"));
    let (log, old) = (server.path("error.log"), server.path("error.log.1"));
    std::fs::rename(&log, &old).unwrap();
    server.signal(Signal::USR1);
    wait_until(|| exists(&log), || String::from("no new log"));
    let said = || {
        std::fs::read_to_string(&old)
            .unwrap()
            .matches(": reopening logs")
            .count()
    };
    wait_until(|| said() == 2, || String::from("master and worker say so"));
    server.reload();
    let moved = std::fs::read_to_string(&old).unwrap();
    assert!(!moved.contains("is in force"), "{moved}");
}

#[test]
fn shutting_down_lets_requests_finish_and_closes_idle_connections() {
    let mut server = Server::http(&answering("one"));
    let mut idle = server.connect(0);
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    assert_eq!(read_response(&mut idle).status, 200);
    let mut busy = server.connect(0);
    busy.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    // Whoever was accepted before this request is known to have been.
    assert_eq!(server.get("/").text(), "one");
    server.signal(Signal::QUIT);
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
    wait_until(|| !server.listens(0), || String::from("still listening"));
    busy.write_all(b"\r\n").unwrap();
    assert_eq!(read_response(&mut busy).status, 200);
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_shutdown_timeout_ends_what_remains() {
    let conf = format!("worker_shutdown_timeout 50ms; {}", http(&answering("one")));
    let mut server = Server::conf(&conf);
    let mut before_reload = server.connect(0);
    before_reload.write_all(b"GET / HT").unwrap();
    assert_eq!(server.get("/").text(), "one");
    server.reload();
    let mut rest = Vec::new();
    let _ = before_reload.read_to_end(&mut rest);
    assert!(rest.is_empty());
    let mut busy = server.connect(0);
    busy.write_all(b"GET / HT").unwrap();
    assert_eq!(server.get("/").text(), "one");
    assert_eq!(server.quit(), Some(0));
}

#[test]
fn the_server_leaves_the_terminal() {
    let site = Site::new(&http(&answering("one")).replace("daemon off;", ""));
    let output = site.run(&[]);
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(0), String::new())
    );
    let master = site.pid().expect("it serves when the command returns");
    assert_eq!(site.get("/").text(), "one");
    assert_eq!(site.run(&["-s", "reload"]).status.code(), Some(0));
    site.wait_for_log("configuration 2 is in force");
    assert_eq!(site.run(&["-s", "quit"]).status.code(), Some(0));
    wait_until(
        || !lives(master),
        || String::from("the master is still there"),
    );
    let output = site.run(&["-s", "quit"]);
    let expected = site.fill_in(
        "nginx: [error] open() \"%DIR%/nginx.pid\" failed (2: No such file or directory)\n",
    );
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), expected));
}

#[test]
fn a_daemon_that_cannot_start_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let conf = http(&format!(
        "server {{ listen {}; }}",
        taken.local_addr().unwrap()
    ));
    let site = Site::new(&conf.replace("daemon off;", ""));
    let output = site.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).ends_with("nginx: [emerg] still could not bind()\n"),
        "{}",
        stderr(&output)
    );
    assert!(!exists(&site.path("nginx.pid")));
}

#[test]
fn one_process_can_do_all() {
    let mut server = Server::conf(&format!("master_process off; {}", http(&answering("one"))));
    assert!(server.workers().is_empty());
    assert_eq!(server.get("/").text(), "one");
    server.write_conf(&format!("master_process off; {}", http(&answering("two"))));
    server.reload();
    assert_eq!(server.get("/").text(), "two");
    assert_eq!(server.quit(), Some(0));
    assert!(!exists(&server.path("nginx.pid")));
}

#[test]
fn a_unix_socket_goes_with_the_server() {
    let mut server = Server::http("server { listen unix:%DIR%/sock; return 200 x; }");
    assert!(exists(&server.path("sock")));
    server.reload();
    assert!(exists(&server.path("sock")));
    assert_eq!(server.quit(), Some(0));
    assert!(!exists(&server.path("sock")));
}

#[test]
fn a_changed_file_is_loaded_by_itself() {
    watches("");
}

#[test]
fn a_changed_file_is_loaded_by_itself_without_a_master_too() {
    watches("master_process off;\n");
}

fn watches(globals: &str) {
    let http = |inside: &str| globals.to_owned() + &http(inside);
    let server = Server::start_with(Site::new(&http(&answering("one"))), &["--watch"]);
    server.write_conf(&http("server { nonsense; }"));
    server.wait_for_log("unknown directive \"nonsense\"");
    assert_eq!(server.get("/").text(), "one");
    server.write_conf(&http(&answering("two")));
    server.wait_for_log("is in force");
    assert_eq!(server.get("/").text(), "two");
    server.write_conf(&http("include %DIR%/sites/*.conf;"));
    wait_until(
        || server.count_in_log("is in force") == 2,
        || server.read("error.log"),
    );
}

#[test]
fn a_new_binary_takes_over() {
    let site = Site::new(&http(&answering("one")).replace("daemon off;", ""));
    assert!(site.run(&[]).status.success());
    let old = site.pid().unwrap();
    kill(old, Signal::USR2);
    wait_until(
        || site.pid().is_some_and(|pid| pid != old),
        || site.read("error.log"),
    );
    let new = site.pid().unwrap();
    assert_eq!(site.read("nginx.pid.oldbin").trim(), old.to_string());
    kill(old, Signal::WINCH);
    wait_until(
        || children(old) == [new],
        || format!("children of {old}: {:?}", children(old)),
    );
    assert_eq!(site.get("/").text(), "one");
    kill(old, Signal::QUIT);
    wait_until(
        || !lives(old),
        || String::from("the old master is still there"),
    );
    assert!(!exists(&site.path("nginx.pid.oldbin")));
    assert_eq!(site.get("/").text(), "one");
    kill(new, Signal::QUIT);
    wait_until(
        || !lives(new),
        || String::from("the new master is still there"),
    );
    assert!(!exists(&site.path("nginx.pid")));
}

#[test]
fn the_worker_has_no_privileges_and_a_reload_has() {
    if !is_root() {
        return;
    }
    let secured = |text: &str| {
        format!(
            "{} include %DIR%/secret.conf; server {{ listen 127.0.0.1:%LOW%; return 200 {text}; }}",
            answering(text)
        )
    };
    let low = (600..1000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap();
    let site = Site::new("");
    let secret = site.path("secret.conf");
    let protect = |content: &str| {
        std::fs::write(&secret, content).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    protect("map $uri $m { default first; }");
    let conf = |text: &str| {
        http(&secured(text))
            .replace("user root;", "")
            .replace("%LOW%", &low.to_string())
    };
    site.write_conf(&http(&answering("one")).replace("user root;", ""));
    let server = Server::start(site);
    let worker = server.workers()[0];
    let uid = std::fs::metadata(format!("/proc/{worker}")).unwrap().uid();
    let nobody = nix::unistd::User::from_name("nobody")
        .unwrap()
        .unwrap()
        .uid
        .as_raw();
    assert_eq!(uid, nobody);
    let status = std::fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
    assert!(
        status
            .lines()
            .any(|line| line.starts_with("CapEff:") && line.ends_with("0000000000000000")),
        "{status}"
    );
    server.write_conf(&conf("two"));
    server.reload();
    assert_eq!(
        server.get("/").text(),
        "two",
        "{}",
        server.read("error.log")
    );
    assert_eq!(server.workers(), [worker]);
    assert!(std::net::TcpStream::connect(("127.0.0.1", low)).is_ok());
    // Another user is another process.
    server.write_conf(&conf("three").replace("pid ", "user root; pid "));
    server.reload();
    wait_until(
        || server.workers() != [worker] && server.workers().len() == 1,
        || format!("{:?}", server.workers()),
    );
    assert_eq!(server.get("/").text(), "three");
}

#[test]
fn directories_for_temporary_files_are_made() {
    let conf = format!("client_body_temp_path %DIR%/body 1 2; {}", answering("one"));
    let site = Site::new(&http(&conf).replace("user root;", ""));
    assert!(site.run(&["-t"]).status.success());
    assert!(!exists(&site.path("body")));
    let server = Server::start(site);
    let made = std::fs::metadata(server.path("body")).unwrap();
    let worker = std::fs::metadata(format!("/proc/{}", server.workers()[0])).unwrap();
    assert_eq!((made.uid(), made.mode() & 0o777), (worker.uid(), 0o700));
}

#[test]
fn checking_creates_nothing_and_says_what_nginx_says() {
    let site = Site::new(&http(&answering("one")));
    let output = site.run(&["-t"]);
    let file = site.fill_in("%DIR%/nginx.conf");
    let ok = format!(
        "nginx: the configuration file {file} syntax is ok\nnginx: configuration file {file} test is successful\n"
    );
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(0), ok.clone())
    );
    assert_eq!(std::fs::read_dir(site.path("")).unwrap().count(), 1);
    assert!(stderr(&site.run(&["-tq"])).is_empty());

    let output = site.run(&["-T"]);
    let dump = format!(
        "# configuration file {file}:\n{}\n",
        site.read("nginx.conf")
    );
    assert_eq!(
        (
            String::from_utf8(output.stdout.clone()).unwrap(),
            stderr(&output)
        ),
        (dump, ok)
    );

    site.write_conf("daemon off;\nevnts { }\n");
    let output = site.run(&["-t"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.starts_with(&format!(
            "nginx: [emerg] unknown directive \"evnts\" in {file}:2\n"
        )),
        "{text}"
    );
    assert!(
        text.ends_with(&format!("nginx: configuration file {file} test failed\n")),
        "{text}"
    );

    site.write_conf("pid %DIR%/nginx.pid;");
    let text = stderr(&site.run(&["-t"]));
    let expected = format!(
        "nginx: the configuration file {file} syntax is ok\nnginx: [emerg] no \"events\" section in configuration\n"
    );
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn options_that_make_no_sense() {
    for (arguments, message) in [
        (&["-x"][..], "nginx: invalid option: \"x\"\n"),
        (&["-s", "dance"], "nginx: invalid option: \"-s dance\"\n"),
        (&["-c"], "nginx: option \"-c\" requires file name\n"),
    ] {
        let output = Command::new(BINARY).args(arguments).output().unwrap();
        assert_eq!(
            (output.status.code(), stderr(&output)),
            (Some(1), message.to_owned())
        );
    }
}

#[test]
fn directives_of_the_command_line_come_first() {
    let conf = http(&answering("one")).replace("daemon off;", "");
    let server = Server::start_with(Site::new(&conf), &["-g", "daemon off;"]);
    assert_eq!(server.get("/").text(), "one");
    let site = Site::new(&globals());
    let text = stderr(&site.run(&["-t", "-g", "daemon on;"]));
    let expected =
        site.fill_in("nginx: [emerg] \"daemon\" directive is duplicate in %DIR%/nginx.conf:1\n");
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn the_environment_is_what_the_configuration_lets_through() {
    let conf = format!(
        "env GATE_KEPT; env GATE_SET=a=b; {}",
        http(&answering("one"))
    );
    let site = Site::new(&conf);
    let mut command = site.command(&[]);
    command
        .env("GATE_KEPT", "1")
        .env("GATE_LOST", "1")
        .env("TZ", "UTC");
    let child = command.spawn().unwrap();
    wait_until(|| site.pid().is_some(), || site.read("error.log"));
    let worker = children(child.id() as i32)[0];
    let environment = std::fs::read_to_string(format!("/proc/{worker}/environ")).unwrap();
    let mut names: Vec<&str> = environment
        .split('\0')
        .filter(|entry| !entry.is_empty())
        .collect();
    names.sort_unstable();
    kill(child.id() as i32, Signal::QUIT);
    let mut child = child;
    child.wait().unwrap();
    assert_eq!(names, ["GATE_KEPT=1", "GATE_SET=a=b", "TZ=UTC"]);
}

#[test]
fn what_cannot_be_logged_is_told_once() {
    let site = Site::new("events {}");
    let nowhere = "open() \"/nonexist/x\" failed (2: No such file or directory)";
    let alert = format!("nginx: [alert] could not open error log file: {nowhere}\n");
    let told = |arguments: &[&str]| {
        let output = site.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = told(&["-e", "/nonexist/x", "-c", "/nonexist/c"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with(&alert), "{said}");
    let failed = "open() \"/nonexist/c\" failed (2: No such file or directory)";
    assert_eq!(said.matches(failed).count(), 1, "{said}");
    assert!(said.contains(&format!("nginx: [emerg] {failed}")), "{said}");
    let pid = format!("pid {};", site.path("pid").display());
    let (code, said) = told(&["-t", "-e", "/nonexist/x", "-g", &pid]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with(&alert), "{said}");
    // It is the error log, since nothing else is said to be.
    assert!(
        said.contains(&format!("nginx: [emerg] {nowhere}")),
        "{said}"
    );
    let log = format!("{pid} error_log {};", site.path("log").display());
    let (code, said) = told(&["-t", "-e", "/nonexist/x", "-g", &log]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with(&alert), "{said}");
    let (_, said) = told(&["-t", "-e", "/nonexist/x", "-g", &log, "--error-format=json"]);
    assert!(!said.contains("[alert]"), "{said}");
    assert!(!site.path("log").exists());
}
