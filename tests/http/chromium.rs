//! A page in a real browser: many files at once over HTTP/2, ranges, compression, an upload, server-sent events and
//! WebSocket through a proxy.

use crate::common::authority::Authority;
use crate::common::{Server, Site, http, wait_until};
use std::io::Write;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The browser's name. Where there is none it is said so; with `GOODGATE_NEEDS_CHROMIUM` set, as in `.ci/run`, the test
/// fails.
fn chromium() -> Option<&'static str> {
    let runs = |name: &&str| {
        let mut command = Command::new(name);
        command.arg("--version").stdout(Stdio::null());
        command.stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(runs);
    if found.is_none() {
        let needed = std::env::var_os("GOODGATE_NEEDS_CHROMIUM").is_some();
        assert!(!needed, "no chromium on this machine");
        let _ = writeln!(std::io::stderr(), "skipped: no chromium on this machine");
    }
    found
}

fn application(site: &Site, port: u16) -> Running {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/app.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(port.to_string());
    let running = Running(command.current_dir(site.path("")).spawn().unwrap());
    wait_until(
        || TcpStream::connect(("127.0.0.1", port)).is_ok(),
        || "the application does not listen".to_owned(),
    );
    running
}

fn browser(name: &str, site: &Site, url: &str) -> Running {
    let mut command = Command::new(name);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Of an authority that the machine does not know.
        "--ignore-certificate-errors",
    ]);
    command.arg(format!(
        "--user-data-dir={}",
        site.path("profile").display()
    ));
    // So that it stays until it is ended.
    command.args(["--remote-debugging-port=0", url]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

#[test]
fn a_page_with_much_on_it() {
    let Some(name) = chromium() else { return };
    let conf = r#"client_body_temp_path %DIR%/body; proxy_temp_path %DIR%/proxy; log_format found '$args'; ssl_certificate localhost.crt; ssl_certificate_key localhost.key;
        gzip on; gzip_types text/plain; types { text/html html; text/css css; text/javascript js; text/plain txt; }
        server { listen 127.0.0.1:%PORT0% ssl; http2 on; server_name localhost; root %DIR%/html;
            access_log %DIR%/access.log;
            location / { }
            location = /found { access_log %DIR%/found.log found; return 204; }
            location /app/ { proxy_pass http://127.0.0.1:%PORT1%; proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $http_connection; } }"#;
    let site = Site::new(&http(conf));
    let issued = Authority::new("The authority").issue(&["localhost"]);
    site.write("localhost.crt", &issued.certificate);
    site.write("localhost.key", &issued.key);
    site.write("html/page.html", include_str!("../fixtures/page.html"));
    site.write("html/style.css", "html { color: rgb(1, 2, 3) }");
    site.write("html/long.txt", &"0123456789".repeat(3000));
    for number in 0..60 {
        let content = format!("\"asset {number}\";");
        site.write(&format!("html/assets/{number}.js"), &content);
    }
    let server = Server::start(site);
    let _application = application(&server, server.port(1));
    let url = format!("https://localhost:{}/page.html", server.port(0));
    let _browser = browser(name, &server, &url);
    wait_until(
        || !server.read("found.log").is_empty(),
        || {
            format!(
                "the browser has not come to an end:\n{}",
                server.read("access.log")
            )
        },
    );
    let found = server
        .read("found.log")
        .replace("%20", " ")
        .replace("%22", "\"");
    let found: Vec<&str> = found.trim().split('&').collect();
    let expected = [
        "assets=60",
        "versions=h2",
        "range=206 0123456789",
        "compressed=gzip 30000",
        "again=304 0",
        "styled=yes",
        "upload=whole",
        "events=first%2Csecond",
        "socket=hello",
    ];
    assert_eq!(found, expected, "{}", server.read("error.log"));
}
