//! Clients that speak TLS: curl and openssl.

use super::Site;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs curl, which trusts `ca.crt` of the site.
pub fn curl(site: &Site, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["-s", "--max-time", "20", "--cacert"])
        .arg(site.path("ca.crt"))
        .args(arguments)
        .output()
        .unwrap();
    text(&output)
}

/// Asks for a path of a host by curl; the port is one of the site's.
pub fn get(site: &Site, port: usize, host: &str, path: &str, arguments: &[&str]) -> String {
    let port = site.port(port);
    let mut all = vec![
        String::from("--resolve"),
        format!("{host}:{port}:127.0.0.1"),
    ];
    all.push(format!("https://{host}:{port}{path}"));
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    curl(site, &all)
}

/// Runs `openssl s_client`, sends a request, and reads all that both say.
pub fn s_client(site: &Site, port: usize, request: &str, arguments: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-connect"])
        .arg(format!("127.0.0.1:{}", site.port(port)))
        .args(arguments)
        .current_dir(site.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(request.as_bytes());
    text(&child.wait_with_output().unwrap())
}

/// Runs an `openssl` command in the directory of the site; what it says.
pub fn openssl(site: &Site, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(site.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
