//! Two servers side by side.

use crate::common::{BINARY, Site, http, wait_until};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
/// `http`; the first port is listened on. Types are given: what goodgate makes of none at all is not the same.
pub fn same_answers(inside: &str, requests: &[&str]) {
    let Some(nginx) = nginx() else {
        return;
    };
    let ours = Side::start(Path::new(BINARY), inside);
    let theirs = Side::start(&nginx, inside);
    for request in requests {
        let (mine, nginx) = (ours.ask(request), theirs.ask(request));
        assert_eq!(mine, nginx, "to {request:?}");
    }
}

/// One line per configuration in which the two disagree about what `-t` says first.
pub fn same_complaints(inside: &[&str]) {
    let Some(nginx) = nginx() else {
        return;
    };
    let site = Site::new("");
    let older = !is_current(&nginx);
    let differing: Vec<String> = inside
        .iter()
        .filter_map(|text| {
            site.write_conf(&http(text));
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
fn verdict(program: &Path, site: &Site) -> String {
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
        if line.starts_with("nginx: [emerg] ") {
            said.push(line);
            break;
        }
        if line.starts_with("nginx: [warn] ") {
            said.push(line);
        }
    }
    format!("{:?} {}", output.status.code(), said.join(" / "))
}

struct Side {
    site: Site,
    child: Child,
}

impl Side {
    fn start(program: &Path, inside: &str) -> Side {
        let types = "types { text/html html; image/gif gif; image/jpeg jpg; }\n";
        let site = Site::new(&http(&format!("{types}{inside}")));
        let child = Command::new(program)
            .arg("-p")
            .arg(site.path(""))
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let side = Side { site, child };
        wait_until(
            || side.site.pid().is_some() && side.site.listens(0),
            || side.site.read("error.log"),
        );
        side
    }

    /// The answer, with what must differ made the same.
    fn ask(&self, request: &str) -> String {
        let answer = self.site.raw(0, self.site.fill_in(request).as_bytes());
        let answer = String::from_utf8_lossy(&answer);
        let product = if answer.contains("goodgate") {
            "goodgate/"
        } else {
            "nginx/"
        };
        let mut text = answer.replace(&self.site.port(0).to_string(), "PORT");
        text = text.replace(&self.site.path("").display().to_string(), "DIR/");
        let mut out = String::new();
        let mut in_head = true;
        for line in text.split_inclusive('\n') {
            in_head = line.starts_with("HTTP/1.") || in_head && line != "\r\n";
            let field = |name: &str| in_head && line.to_ascii_lowercase().starts_with(name);
            // The names of the products have different lengths.
            if field("date:") || field("content-length:") && text.contains("<hr><center>") {
                continue;
            }
            out.push_str(&unversioned(line, product));
        }
        out
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// The line with `PRODUCT` in place of the product's name and version.
fn unversioned(line: &str, product: &str) -> String {
    let line = &without_boundary(line);
    let name = product.trim_end_matches('/');
    let Some(at) = line.find(name) else {
        return line.to_owned();
    };
    let rest = line[at + name.len()..]
        .trim_start_matches('/')
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    format!("{}PRODUCT{rest}", &line[..at])
}

/// The line with `BOUNDARY` in place of the twenty digits between the parts of a multipart answer.
fn without_boundary(line: &str) -> String {
    let digits = |at: usize| {
        line.get(at..at + 20)
            .is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()))
    };
    match (0..line.len()).find(|at| digits(*at)) {
        Some(at) if line.contains("boundary=") || line.starts_with("--") => {
            format!("{}BOUNDARY{}", &line[..at], &line[at + 20..])
        }
        _ => line.to_owned(),
    }
}
