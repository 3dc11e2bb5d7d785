//! Which nginx to compare with, and the two comparisons that most tests need.

use crate::common::{BINARY, Site, http};
use crate::pair::Pair;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// The nginx to compare with. Where there is none it is said so, past the test runner, which keeps what passing
/// tests print to itself; with `GOODGATE_NEEDS_NGINX` set, as in `.ci/run`, the test fails.
pub fn nginx() -> Option<PathBuf> {
    let found = find();
    if found.is_none() {
        let needed = std::env::var_os("GOODGATE_NEEDS_NGINX").is_some();
        assert!(!needed, "no nginx on this machine");
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: no nginx on this machine, nothing is compared"
            );
        });
    }
    found
}

fn find() -> Option<PathBuf> {
    let named = std::env::var_os("GOODGATE_NGINX").map(PathBuf::from);
    let usual = [
        "/usr/sbin/nginx",
        "/usr/local/nginx/sbin/nginx",
        "/usr/local/sbin/nginx",
    ];
    named
        .into_iter()
        .chain(usual.map(PathBuf::from))
        .find(|path| path.is_file())
}

/// Sends each request to both, on connections of their own, and compares the answers. `inside` is the inside of
/// `http`; the first port is listened on.
pub fn same_answers(inside: &str, requests: &[&str]) {
    if let Some(pair) = Pair::start(inside) {
        pair.same_each(requests);
    }
}

/// One line per configuration in which the two disagree about what `-t` says first. Each text is the inside of `http`.
pub fn same_complaints(inside: &[&str]) {
    let whole: Vec<String> = inside.iter().map(|text| http(text)).collect();
    same_complaints_about(inside, &whole);
}

/// The same for whole configurations, which are given the place of their pid file and error log.
pub fn same_complaints_of_all(texts: &[&str]) {
    let files = "pid %DIR%/nginx.pid; error_log %DIR%/error.log;\n";
    let whole: Vec<String> = texts.iter().map(|text| format!("{files}{text}")).collect();
    same_complaints_about(texts, &whole);
}

fn same_complaints_about(texts: &[&str], whole: &[String]) {
    let Some(nginx) = nginx() else {
        return;
    };
    let site = Site::new("");
    let older = !is_current(&nginx);
    let differing: Vec<String> = texts
        .iter()
        .zip(whole)
        .filter_map(|(text, whole)| {
            site.write_conf(whole);
            let (mine, nginx) = (verdict(Path::new(BINARY), &site), verdict(&nginx, &site));
            // An older nginx does not have all of 1.31's directives.
            let newer = older && nginx.contains("unknown directive");
            (mine != nginx && !newer)
                .then(|| format!("{text}\n  here:  {mine}\n  nginx: {nginx}\n"))
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.concat());
}

/// Whether the nginx to compare with is of the version whose behaviour is the specification. Systems ship older
/// ones: what has changed since is not compared with them, and it is said so.
pub fn current() -> bool {
    let Some(nginx) = find() else { return false };
    let current = is_current(&nginx);
    if !current {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: this needs nginx 1.31, {} is older (GOODGATE_NGINX can name another)",
            nginx.display()
        );
    }
    current
}

fn is_current(nginx: &Path) -> bool {
    let output = Command::new(nginx).arg("-v").output().unwrap();
    String::from_utf8_lossy(&output.stderr).contains("nginx/1.31.")
}

/// The first error that `-t` shows, or the warnings in front of success.
pub fn verdict(program: &Path, site: &Site) -> String {
    let output = Command::new(program)
        .arg("-t")
        .arg("-p")
        .arg(site.path(""))
        .args(["-c", "nginx.conf", "-e", "error.log"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut said = Vec::new();
    for line in text.lines() {
        if ["emerg", "crit"]
            .iter()
            .any(|level| line.starts_with(&format!("nginx: [{level}] ")))
        {
            said.push(line);
            break;
        }
        if line.starts_with("nginx: [warn] ") {
            said.push(line);
        }
    }
    format!("{:?} {}", output.status.code(), said.join(" / "))
}
