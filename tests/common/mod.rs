//! What all integration tests share: the real binary with an inline configuration in a directory of its own, and
//! raw requests to it.
#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

pub mod authority;
pub mod gateway;
pub mod php;
pub mod tls;

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_goodgate");

/// However slow the machine is, what has not happened by then does not happen.
const LONG: Duration = Duration::from_secs(20);

/// A directory with a configuration in it. `%DIR%` stands for the directory, `%PORT0%` to `%PORT9%` for free ports.
pub struct Site {
    dir: TempDir,
    ports: Ports,
}

impl Site {
    /// Writes the configuration, without anything added to it.
    pub fn new(conf: &str) -> Site {
        let site = Site {
            dir: tempfile::Builder::new().prefix("site").tempdir().unwrap(),
            ports: Ports::new(10),
        };
        site.write_conf(conf);
        site
    }

    /// Puts another configuration in place of the one that is there.
    pub fn write_conf(&self, conf: &str) {
        self.write("nginx.conf", &self.fill_in(conf));
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Replaces `%DIR%` and the ports.
    pub fn fill_in(&self, text: &str) -> String {
        let mut text = text.replace("%DIR%", &self.dir.path().display().to_string());
        for number in 0..self.ports.reserved.len() {
            let port = self.port(number).to_string();
            text = text.replace(&format!("%PORT{number}%"), &port);
        }
        text
    }

    /// The directory, or a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The port that `%PORTn%` stands for.
    pub fn port(&self, number: usize) -> u16 {
        self.ports.get(number)
    }

    /// The text of a file; nothing if there is none.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// Runs the program to its end, with `-p` and `-c` for this site.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same without running it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .arg("-p")
            .arg(self.dir.path())
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .args(arguments);
        command
    }

    /// The process id in the pid file.
    pub fn pid(&self) -> Option<i32> {
        self.read("nginx.pid").trim().parse().ok()
    }

    /// Waits until the error log holds a text.
    pub fn wait_for_log(&self, text: &str) {
        wait_until(
            || self.read("error.log").contains(text),
            || {
                format!(
                    "no \"{text}\" in the error log:\n{}",
                    self.read("error.log")
                )
            },
        );
    }

    /// How often the error log holds a text.
    pub fn count_in_log(&self, text: &str) -> usize {
        self.read("error.log").matches(text).count()
    }

    /// A connection to the port of `%PORTn%`.
    pub fn connect(&self, number: usize) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port(number))).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Whether somebody listens on the port of `%PORTn%`.
    pub fn listens(&self, number: usize) -> bool {
        TcpStream::connect(("127.0.0.1", self.port(number))).is_ok()
    }

    /// Asks the first port for a path.
    pub fn get(&self, path: &str) -> Response {
        self.get_from(0, path)
    }

    /// Asks a port for a path.
    pub fn get_from(&self, port: usize, path: &str) -> Response {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Response::parse(&self.raw(port, request.as_bytes()))
    }

    /// Sends bytes and reads until the server closes.
    pub fn raw(&self, port: usize, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(port);
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

/// A running server. It is stopped when this is dropped.
pub struct Server {
    /// Its directory and configuration.
    pub site: Site,
    child: Option<Child>,
}

impl std::ops::Deref for Server {
    type Target = Site;
    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Server {
    /// Starts a server with this inside of `http`.
    pub fn http(inside: &str) -> Server {
        Server::start(Site::new(&http(inside)))
    }

    /// Starts a server with a whole configuration; `pid %DIR%/nginx.pid` and `daemon off` must be in it.
    pub fn conf(conf: &str) -> Server {
        Server::start(Site::new(conf))
    }

    /// Starts a server whose files are in place already.
    pub fn start(site: Site) -> Server {
        Server::start_with(site, &[])
    }

    /// The same with more arguments.
    pub fn start_with(site: Site, arguments: &[&str]) -> Server {
        let stderr = fs::File::create(site.path("stderr")).unwrap();
        let mut command = site.command(arguments);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut server = Server {
            site,
            child: Some(child),
        };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&mut self) {
        let begun = Instant::now();
        while self.pid().is_none() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let (log, stderr) = (self.read("error.log"), self.read("stderr"));
            assert!(
                ended.is_none(),
                "the server ended: {ended:?}\n{stderr}\n{log}"
            );
            assert!(
                begun.elapsed() < LONG,
                "the server is not ready\n{stderr}\n{log}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The process id of the master.
    pub fn master(&self) -> i32 {
        self.child.as_ref().unwrap().id() as i32
    }

    /// The process ids of its children.
    pub fn workers(&self) -> Vec<i32> {
        children(self.master())
    }

    /// Sends a signal to the master.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.master()).unwrap(), signal).unwrap();
    }

    /// Reloads, and waits until that is done, well or not.
    pub fn reload(&self) {
        let outcomes = || self.count_in_log(" is in force: ") + self.count_in_log("[emerg]");
        let before = outcomes();
        self.signal(Signal::HUP);
        wait_until(
            || outcomes() > before,
            || format!("not reloaded:\n{}", self.read("error.log")),
        );
    }

    /// Puts another inside of `http` in force.
    pub fn reload_with(&self, inside: &str) {
        self.write_conf(&http(inside));
        self.reload();
    }

    /// Stops it gracefully; returns its exit code.
    pub fn quit(&mut self) -> Option<i32> {
        self.signal(Signal::QUIT);
        self.wait()
    }

    /// Waits for its end; returns its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let mut status = None;
        wait_until(
            || {
                status = child.try_wait().unwrap();
                status.is_some()
            },
            || String::from("the server does not end"),
        );
        status.unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        if let Some(pid) = Pid::from_raw(child.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if begun.elapsed() > Duration::from_secs(5) {
                let _ = child.kill();
                let _ = child.wait();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if std::thread::panicking() {
            eprintln!("error log:\n{}", self.site.read("error.log"));
        }
    }
}

/// A configuration with this inside of `http`. Whoever runs the tests, the server can read what they write.
pub fn http(inside: &str) -> String {
    format!("{}http {{ access_log off;\n{inside}\n}}\n", globals())
}

/// What is outside of `http`.
pub fn globals() -> String {
    let user = if is_root() { "user root; " } else { "" };
    format!(
        "{user}pid %DIR%/nginx.pid; error_log %DIR%/error.log debug; daemon off; events {{ }}\n"
    )
}

/// Whether the tests are run by root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The process ids of the children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}

/// Waits for a condition.
pub fn wait_until(mut condition: impl FnMut() -> bool, complaint: impl Fn() -> String) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LONG, "{}", complaint());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ports of the kernel's choice, which are nobody else's as long as this is there.
///
/// A socket is bound to each and does not listen. Whoever is told the port can listen there, since all have
/// SO_REUSEADDR, and whoever connects before is refused; but the kernel gives the port to no other test, nor to the near end of
/// a connection.
pub struct Ports {
    reserved: Vec<Socket>,
}

impl Ports {
    /// Reserves as many.
    pub fn new(count: usize) -> Ports {
        Ports {
            reserved: (0..count).map(|_| reserve()).collect(),
        }
    }

    /// One of them.
    pub fn get(&self, number: usize) -> u16 {
        port_of(&self.reserved[number])
    }
}

fn reserve() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    socket
}

fn port_of(socket: &Socket) -> u16 {
    socket.local_addr().unwrap().as_socket().unwrap().port()
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Response {
    /// The status code, 0 if there is no answer.
    pub status: u16,
    /// The status line and the header fields.
    pub head: String,
    /// What follows.
    pub body: Vec<u8>,
}

impl Response {
    /// Takes an answer apart.
    pub fn parse(answer: &[u8]) -> Response {
        let end = answer
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .map_or(answer.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.get(..3)?.parse().ok())
            .unwrap_or(0);
        Response {
            status,
            head,
            body: answer[end..].to_vec(),
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of the first field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Reads one answer from a connection that stays open; the body by its Content-Length.
pub fn read_response(stream: &mut impl Read) -> Response {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => answer.push(byte[0]),
            _ => return Response::parse(&answer),
        }
    }
    let mut response = Response::parse(&answer);
    let length = response
        .header("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    response.body = vec![0; length];
    stream.read_exact(&mut response.body).unwrap();
    response
}

/// Whether a path is there.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
