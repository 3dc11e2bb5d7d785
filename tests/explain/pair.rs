//! A running server and an explainer of the same configuration, asked the same.

use crate::common::{Response, Server};
use goodgate::config::source::Disk;
use goodgate::cycle::{Options, load_and_keep};
use goodgate::explain::{Explainer, Explanation, Outcome, Question};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;

/// Both.
pub struct Pair {
    pub server: Server,
    explainer: Explainer,
}

/// What both said.
pub struct Said {
    pub outcome: Outcome,
    pub response: Response,
}

impl Pair {
    /// The configuration of a running server, which has `debug_route` for this machine.
    pub fn new(server: Server) -> Pair {
        let prefix = server.path("").join("");
        let options = Options {
            conf_file: prefix.join("nginx.conf"),
            conf_prefix: prefix.clone(),
            error_log: prefix.join("error.log"),
            prefix,
            globals: None,
            superuser: true,
            test: false,
        };
        let loaded = load_and_keep(&options, Rc::new(Disk), true);
        let explainer = Explainer::new(loaded).unwrap();
        Pair { server, explainer }
    }

    /// Asks both, and compares what they say.
    pub fn ask(&self, request: &str, fields: &[&str]) -> Said {
        let mut question = Question::parse(request).unwrap();
        question.add_field("Connection: close").unwrap();
        for field in fields {
            question.add_field(field).unwrap();
        }
        let explanation = self.explainer.explain(&question).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", question.port().0)).unwrap();
        let port = question.port().0;
        let listen = format!("listen 127.0.0.1:{port} proxy_protocol;");
        if self.server.read("nginx.conf").contains(&listen) {
            let line = format!("PROXY TCP4 {} 127.0.0.1 50000 {port}\r\n", question.from);
            stream.write_all(line.as_bytes()).unwrap();
        }
        stream.write_all(&question.head()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let response = Response::parse(&answer);
        let differences = differences(&explanation.outcome, &response, &question.method);
        assert!(
            differences.is_empty(),
            "{request}\n{}\nexplained: {}\nanswered: {}\n{}\n{}",
            differences.join("\n"),
            told(&explanation),
            response.head,
            response.text(),
            self.server.read("nginx.conf")
        );
        Said {
            outcome: explanation.outcome,
            response,
        }
    }
}

fn told(explanation: &Explanation) -> String {
    let base = std::path::Path::new("");
    goodgate::explain::human::render(explanation, base)
}

fn differences(outcome: &Outcome, response: &Response, method: &str) -> Vec<String> {
    let mut all = Vec::new();
    if outcome.no_answer || response.status == 0 {
        if outcome.no_answer != (response.status == 0) {
            all.push(String::from("one of them gives no answer"));
        }
        return all;
    }
    // The server that is asked says it behind an upstream that says it too.
    let mut routes = response
        .head
        .lines()
        .filter(|line| line.starts_with("X-Debug-Route: "));
    let route = Route::of(
        routes
            .next_back()
            .and_then(|line| line.split_once(": "))
            .map_or("", |(_, value)| value),
    );
    let line = |place: &Option<goodgate::explain::Place>| place.as_ref().map(|p| p.line);
    let failed = outcome.upstream.is_some() && response.status >= 500;
    if line(&outcome.server_at) != route.server {
        all.push(format!("server: {:?}", route.server));
    }
    // Where an upstream fails, an error page may lead elsewhere.
    if line(&outcome.location_at) != route.location && !failed {
        all.push(format!("location: {:?}", route.location));
    }
    if outcome
        .status
        .is_some_and(|status| status != response.status)
        && !failed
    {
        all.push(format!("status: {}", response.status));
    }
    if outcome.status.is_some() && outcome.upstream.is_none() {
        let answered = fields(&response.head);
        if outcome.fields != answered {
            all.push(format!("fields: {answered:?}"));
        }
        if let Some(upstream) = &route.upstream {
            all.push(format!("upstream: {upstream}"));
        }
    }
    if let Some(file) = &outcome.file
        && method == "GET"
        && !matches!(response.status, 206 | 304)
        && std::fs::read(file).unwrap() != response.body
    {
        all.push(String::from("the body is not the file's"));
    }
    if let Some(passed) = &outcome.upstream {
        let peers = passed.peers.iter().map(|p| p.trim_end_matches(" (backup)"));
        match &route.upstream {
            Some(upstream) if peers.clone().any(|peer| peer == upstream) => {}
            other => all.push(format!("upstream: {other:?}")),
        }
        // The stand-in for an application answers with what it was asked.
        if response.header("X-Echo").is_some() && method == "GET" {
            let text = response.text();
            let mut lines = text.lines().filter(|line| !line.is_empty());
            if lines.next() != Some(&*passed.line) {
                all.push(String::from("the upstream got another request line"));
            }
            let got: Vec<String> = lines.map(str::to_owned).collect();
            let said: Vec<String> = passed
                .fields
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            if got != said {
                all.push(format!("the upstream got other fields: {got:?}"));
            }
        }
    }
    all
}

/// The fields of an answer that are the same each time.
fn fields(head: &str) -> Vec<(String, String)> {
    let lines = head.lines().skip(1).filter(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| name != "Date" && name != "Connection")
        .collect()
}

/// What `X-Debug-Route` says: lines of the configuration.
#[derive(Default)]
struct Route {
    server: Option<u32>,
    location: Option<u32>,
    upstream: Option<String>,
}

impl Route {
    fn of(text: &str) -> Route {
        let mut route = Route::default();
        for part in text.split("; ") {
            let line = part
                .rsplit_once("nginx.conf:")
                .and_then(|(_, line)| line.trim_end_matches(')').parse().ok());
            match part.split([' ', '(']).next() {
                Some("server") => route.server = line,
                Some("location") => route.location = line,
                Some("upstream") => route.upstream = part.split(' ').nth(1).map(str::to_owned),
                _ => {}
            }
        }
        route
    }
}

/// Answers every request with its own head.
pub fn echo(listener: TcpListener) {
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut text = Vec::new();
            let mut byte = [0];
            while !text.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                text.push(byte[0]);
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nX-Echo: yes\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                text.len()
            );
            let body = if text.starts_with(b"HEAD") {
                &[][..]
            } else {
                &text
            };
            let _ = stream.write_all(&[head.as_bytes(), body].concat());
        }
    });
}
