//! A server behind the server: answers from a script, and remembers what it was asked, in HTTP or in one of the
//! protocols of applications.

#![allow(dead_code, reason = "not every test program uses all of it")]

use crate::common::gateway;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the origin does about a request.
pub enum Act {
    /// Sends this and waits for the next request on the connection.
    Send(Vec<u8>),
    /// Sends this and closes.
    SendAndClose(Vec<u8>),
    /// Sends the pieces with a pause between them, and closes where the protocol does not say otherwise.
    Pieces(Vec<Vec<u8>>),
    /// Sends this and nothing more, and keeps the connection open.
    SendAndHang(Vec<u8>),
    /// Closes without having read what is still to come, which resets the connection.
    Reset,
    /// Sends this, then gives back all that it reads.
    Echo(Vec<u8>),
    /// Sends this, and resets the connection.
    SendAndReset(Vec<u8>),
    /// Never answers.
    Hang,
}

/// The origin.
pub struct Origin {
    /// Where it listens.
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    /// Starts one. The script is given the number of the connection, from 1, and the request with its body.
    pub fn start(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Origin {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, record) = (Arc::new(script), Arc::clone(&seen));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let (script, record) = (Arc::clone(&script), Arc::clone(&record));
                thread::spawn(move || serve(stream, number + 1, &*script, &record));
            }
        });
        Origin { port, seen }
    }

    /// One that answers every request with what it got: its own text as the body.
    pub fn mirror() -> Origin {
        Origin::start(|_, request| Act::Send(ok(request)))
    }

    /// The requests since the last time.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// A 200 with a body.
pub fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn serve(
    mut stream: TcpStream,
    number: usize,
    script: &dyn Fn(usize, &str) -> Act,
    seen: &Mutex<Vec<String>>,
) {
    while let Some(request) = read_request(&mut stream) {
        seen.lock().unwrap().push(request.clone());
        let (answer, close) = match script(number, &request) {
            Act::Send(answer) => (answer, false),
            Act::SendAndClose(answer) => (answer, true),
            Act::Reset => {
                let linger = Some(std::time::Duration::ZERO);
                let _ = socket2::SockRef::from(&stream).set_linger(linger);
                return;
            }
            Act::SendAndReset(answer) => {
                let _ = stream.write_all(&answer);
                thread::sleep(std::time::Duration::from_millis(20));
                let linger = Some(std::time::Duration::ZERO);
                let _ = socket2::SockRef::from(&stream).set_linger(linger);
                return;
            }
            Act::Hang => {
                let _ = stream.read(&mut [0; 1]);
                return;
            }
            Act::SendAndHang(answer) => {
                let _ = stream.write_all(&answer);
                let _ = stream.read(&mut [0; 1]);
                return;
            }
            Act::Pieces(pieces) => {
                for (number, piece) in pieces.iter().enumerate() {
                    if number > 0 {
                        thread::sleep(std::time::Duration::from_millis(20));
                    }
                    let _ = stream.write_all(piece);
                }
                if gateway::keeps(&request) {
                    continue;
                }
                return;
            }
            Act::Echo(answer) => {
                let _ = stream.write_all(&answer);
                let mut buf = [0; 1024];
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    let _ = stream.write_all(&buf[..n]);
                }
                return;
            }
        };
        if close {
            // The end goes out with the answer: who gets the one knows of the other, and does not keep the connection.
            let _ = rustix::net::sockopt::set_tcp_cork(&stream, true);
        }
        let failed = stream.write_all(&answer).is_err();
        if close {
            let _ = stream.shutdown(Shutdown::Write);
        }
        if failed || close || gateway::closes(&request) {
            return;
        }
    }
}

/// Head and body, the body as it is framed.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    stream.read_exact(&mut byte).ok()?;
    if !byte[0].is_ascii_uppercase() {
        return gateway::read(byte[0], stream);
    }
    text.push(byte[0]);
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        text.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&text).to_ascii_lowercase();
    if let Some((_, rest)) = head.split_once("content-length: ") {
        let length: usize = rest.lines().next()?.trim().parse().ok()?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        text.extend(body);
    } else if head.contains("transfer-encoding: chunked") {
        while !text.ends_with(b"\r\n0\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            text.push(byte[0]);
        }
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}
