use crate::common::{Response, Server, wait_until};

#[test]
fn an_id_is_the_same_for_the_whole_request() {
    let server = Server::http(
        "log_format id $request_id;
         server {
             listen 127.0.0.1:%PORT0%;
             access_log %DIR%/id.log id;
             return 200 \"$request_id $request_id\";
         }",
    );
    let texts: Vec<String> = (0..2).map(|_| server.get("/").text()).collect();
    assert_ne!(texts[0], texts[1]);
    for text in texts {
        let (a, b) = text.split_once(' ').unwrap();
        assert_eq!(a, b);
        assert!(
            a.len() == 32 && a.bytes().all(|c| c.is_ascii_hexdigit()),
            "{a}"
        );
        wait_until(
            || server.read("id.log").contains(a),
            || server.read("id.log"),
        );
    }
}

#[test]
fn a_map_is_asked_once_unless_it_is_volatile() {
    let server = Server::http(
        "map $uri $kept { ~^/(?<first>[^/]*) $first; }
         map $uri $fresh { volatile; ~^/([^/]*) $1; }
         server {
             listen 127.0.0.1:%PORT0%;
             set $before \"$kept,$fresh\";
             rewrite ^ /changed;
             location / { return 200 \"$before $kept,$fresh\"; }
         }",
    );
    assert_eq!(server.get("/start").text(), "start,start start,changed");
}

#[test]
fn variables_tell_about_connection_and_process() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             root %DIR%/files;
             location / {
                 return 200 \"$remote_addr $server_addr:$server_port $scheme $pid $document_root $request_filename \
$realpath_root $tcpinfo_rtt $msec $connection_requests $hostname $time_iso8601\";
             }
         }",
    );
    server.write("files/x", "");
    let text = server.get("/x").text();
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(words.len(), 12, "{text}");
    assert_eq!(
        words[..3],
        [
            "127.0.0.1",
            &format!("127.0.0.1:{}", server.port(0)),
            "http"
        ]
    );
    let root = server.path("files").display().to_string();
    assert!(server.workers().contains(&words[3].parse().unwrap()));
    assert_eq!(words[4..7], [root.clone(), format!("{root}/x"), root]);
    assert!(
        words[7].parse::<u32>().is_ok() && words[8].parse::<f64>().is_ok(),
        "{text}"
    );
    assert_eq!(words[9], "1");
}

#[test]
fn the_rate_can_be_set() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             location / { set $limit_rate $arg_r; return 200 $limit_rate; }
         }",
    );
    assert_eq!(server.get("/?r=40k").text(), "40960");
    assert_eq!(server.get("/?r=much").text(), "0");
    server.wait_for_log("invalid $limit_rate \"much\"");
}

#[test]
fn what_is_missing_is_a_dash_in_the_log() {
    let server = Server::http(
        "log_format all '[$uri][$args][$http_none][$cookie_a][$sent_http_none][$request]';
         server { listen 127.0.0.1:%PORT0%; access_log %DIR%/all.log all; return 204; }",
    );
    server.get("/a");
    let bad = server.raw(0, b"GET /../a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(Response::parse(&bad).status, 400);
    let log = || server.read("all.log");
    wait_until(|| log().lines().count() == 2, log);
    assert_eq!(
        log(),
        "[/a][-][-][-][-][GET /a HTTP/1.1]\n[][-][-][-][-][GET /../a HTTP/1.1]\n"
    );
}
