//! Every configuration of `examples/`, with the ports that it names replaced by free ones.

use crate::common::{Server, Site};
use crate::pair::{Pair, echo};
use std::fs;
use std::net::TcpListener;
use std::path::Path;

const PATHS: &[&str] = &[
    "/",
    "/index.html",
    "/nothing",
    "/nothing/",
    "/404.html",
    "/assets",
    "/assets/",
    "/assets/app.js",
    "/assets/site.css?v=1",
    "/assets/nothing.js",
    "/.git/config",
    "/a/.env",
    "/old-page",
    "/about-us?x=y",
    "/shop",
    "/shop/12",
    "/shop/12?a=b",
    "/shop/x",
    "/api",
    "/api/users?id=1&x=%20",
    "/api/%41/../b//c",
    "/down/x",
    "/ws",
    "/ws/chat",
    "/private",
    "/private/",
    "/private/index.html",
    "/users/1",
    "/away.html",
    "/whoami",
    "/health",
    "/closed.html",
    "/../x",
    "/%zz",
];

#[test]
fn what_is_explained_is_what_happens() {
    let mut seen = 0;
    for entry in fs::read_dir("examples").unwrap() {
        let folder = entry.unwrap().path();
        if folder.join("nginx.conf").exists() {
            seen += 1;
            ask_all(&folder);
        }
    }
    assert!(seen >= 9, "{seen}");
}

fn ask_all(folder: &Path) {
    let text = fs::read_to_string(folder.join("nginx.conf")).unwrap();
    let (text, ports) = with_other_ports(&text);
    let text = text.replace("goodgate.pid", "nginx.pid").replacen(
        "http {",
        "http { debug_route 127.0.0.0/8;",
        1,
    );
    let site = Site::new(&text);
    copy(folder, &site.path(""));
    // Applications that the example does not bring itself.
    for (number, port) in ports.iter().enumerate() {
        if *port < 3999
            && !text.contains(&format!("listen 127.0.0.1:%PORT{number}%"))
            && let Ok(listener) = TcpListener::bind(("127.0.0.1", site.port(number)))
        {
            echo(listener);
        }
    }
    let own = ports.iter().position(|port| *port >= 8000).unwrap();
    let port = site.port(own);
    let pair = Pair::new(Server::start(site));
    for host in ["localhost", "example.com", "www.example.com"] {
        for path in PATHS {
            for method in ["GET", "HEAD", "POST"] {
                pair.ask(&format!("{method} http://{host}:{port}{path}"), &[]);
            }
        }
        let url = format!("GET http://{host}:{port}/private/");
        pair.ask(&url, &["Authorization: Basic Z3Vlc3Q6d2VsY29tZQ=="]);
        pair.ask(&url, &["Authorization: Basic Z3Vlc3Q6d3Jvbmc="]);
        let url = format!("GET http://{host}:{port}/ws/x");
        pair.ask(&url, &["Upgrade: websocket", "X-Forwarded-For: 10.1.1.1"]);
    }
    fs::write(pair.server.path("html").join("closed"), "").ok();
    pair.ask(&format!("GET http://localhost:{port}/"), &[]);
}

fn with_other_ports(text: &str) -> (String, Vec<u16>) {
    const HOST: &str = "127.0.0.1:";
    let mut ports: Vec<u16> = Vec::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(HOST) {
        let (before, after) = rest.split_at(at + HOST.len());
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap();
        let port = after[..digits].parse().unwrap();
        let number = ports.iter().position(|p| *p == port).unwrap_or_else(|| {
            ports.push(port);
            ports.len() - 1
        });
        out.push_str(before);
        out.push_str(&format!("%PORT{number}%"));
        rest = &after[digits..];
    }
    out.push_str(rest);
    (out, ports)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if entry.file_name() != "nginx.conf" && path.extension().is_none_or(|e| e != "pid") {
            fs::copy(&path, &target).unwrap();
        }
    }
}
