//! Every cause of a failed request, provoked for real, and what the error log says about it. Nobody listens on port 1, and
//! no other test is given it meanwhile.

mod answer;
mod client;
mod connect;
mod group;
mod shown;
mod tls;

use crate::common::Server;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What stands behind nginx's line of the first line with a cause, with names for ports and the directory.
fn told(server: &Server) -> String {
    server.wait_for_log(", cause: ");
    let log = server.read("error.log");
    let line = log.lines().find(|line| line.contains(", cause: ")).unwrap();
    let (_, cause) = line.split_once(", cause: ").unwrap();
    generic(server, cause)
}

fn generic(server: &Server, text: &str) -> String {
    let mut text = text.replace(&server.path("").display().to_string(), "DIR/");
    text = text.replace(
        server.path("").display().to_string().trim_end_matches('/'),
        "DIR",
    );
    for number in 0..10 {
        text = text.replace(&server.port(number).to_string(), &format!("PORT{number}"));
    }
    text
}

/// Fails with the given status, cause and hint.
#[track_caller]
fn check(server: &Server, status: u16, cause: &str, hint: &str) {
    assert_eq!(server.get("/").status, status);
    assert_eq!(told(server), format!("{cause}, hint: \"{hint}\""));
}

/// A server with this in its only location, on line 4 of the configuration.
fn location(inside: &str) -> Server {
    Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%;\n\
         location / {{ {inside} }} }}"
    ))
}

/// Somebody who listens and does this with each connection.
fn listener(act: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let act = Arc::new(act);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = Arc::clone(&act);
            std::thread::spawn(move || act(stream));
        }
    });
    port
}

/// Somebody who reads some of the request, sends this and closes.
fn answers(with: &'static [u8]) -> u16 {
    listener(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(with);
    })
}
