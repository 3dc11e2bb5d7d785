//! Generated configurations: nested, regex and named locations, rewrites, `try_files`, upstreams.

use crate::common::{Server, Site, http};
use crate::generate::{self, Chance, FILES, HOSTS};
use crate::pair::{Pair, Said, echo};
use std::collections::BTreeMap;
use std::net::TcpListener;

const CONFIGURATIONS: u64 = 16;
const REQUESTS: usize = 125;

#[test]
fn what_is_explained_is_what_happens() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 1..=CONFIGURATIONS {
        let mut chance = Chance::new(seed);
        let site = Site::new(&http(&generate::http(&mut chance)));
        for file in FILES {
            site.write(&format!("html/{file}"), &format!("the file {file}\n"));
        }
        site.write("htpasswd", "guest:{PLAIN}welcome\n");
        for number in [1, 2] {
            echo(TcpListener::bind(("127.0.0.1", site.port(number))).unwrap());
        }
        let port = site.port(0);
        let pair = Pair::new(Server::start(site));
        for _ in 0..REQUESTS {
            let (host, target) = (chance.of(HOSTS), generate::target(&mut chance));
            let method = chance.of(&["GET", "GET", "GET", "HEAD", "POST"]);
            let fields: &[&str] = match chance.below(6) {
                0 => &["X-Real-IP: 10.1.2.3"],
                1 => &["Authorization: Basic Z3Vlc3Q6d2VsY29tZQ=="],
                2 => &[
                    "Content-Length: 0",
                    "Accept-Encoding: gzip",
                    "Range: bytes=1-3",
                ],
                _ => &[],
            };
            let said = pair.ask(&format!("{method} http://{host}:{port}{target}"), fields);
            for kind in kinds(&said) {
                *seen.entry(kind).or_default() += 1;
            }
        }
    }
    // What is never met proves nothing.
    for kind in [
        "upstream",
        "file",
        "redirect",
        "regex",
        "named",
        "exact",
        "no location",
        "404",
        "by name",
    ] {
        let count = seen.get(kind).copied().unwrap_or(0);
        assert!(count >= 10, "{kind}: {seen:?}");
    }
}

fn kinds(said: &Said) -> Vec<&'static str> {
    let outcome = &said.outcome;
    let mut kinds = Vec::new();
    match outcome.location.as_deref() {
        None => kinds.push("no location"),
        Some(name) if name.starts_with('~') => kinds.push("regex"),
        Some(name) if name.starts_with('@') => kinds.push("named"),
        Some(name) if name.starts_with('=') => kinds.push("exact"),
        Some(_) => {}
    }
    match said.response.status {
        404 => kinds.push("404"),
        500 => kinds.push("500"),
        _ => {}
    }
    if outcome.upstream.is_some() {
        kinds.push("upstream");
    }
    if outcome.file.is_some() {
        kinds.push("file");
    }
    if outcome.redirect.is_some() {
        kinds.push("redirect");
    }
    if outcome.server_by != "first" && outcome.server_by != "default_server" {
        kinds.push("by name");
    }
    kinds
}
