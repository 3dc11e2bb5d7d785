//! Two servers side by side, with the same configuration, and what each made of the same bytes.

use crate::common::{BINARY, Site, http, wait_until};
use crate::harness::nginx;
use crate::normal;
use crate::origin::{Act, Origin};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// What proxying does by itself since nginx 1.29.7; an older one must be told.
pub const AS_NOW: &str = "proxy_http_version 1.1; proxy_set_header Connection '';\n";

/// An answer that takes longer is a difference where only one is late: somebody waits for what does not come.
const SLOW: Duration = Duration::from_secs(5);

/// This server and nginx. Each has its own ports, directory and origins.
pub struct Pair {
    ours: Side,
    theirs: Side,
}

/// What an origin does: given its number, the number of the connection from 1, and the request with its body.
type Script = Arc<dyn Fn(usize, usize, &str) -> Act + Send + Sync>;

impl Pair {
    /// Starts both with this inside of `http`; nothing where there is no nginx. `%DIR%` and `%PORT0%` to `%PORT9%` are
    /// each one's own, the first port is the one that is asked.
    pub fn start(inside: &str) -> Option<Pair> {
        Pair::with_origins(inside, 0, |_, _, _| Act::Reset)
    }

    /// The same with servers behind each of the two: `%ORIGIN0%` and so on are their ports.
    pub fn with_origins(
        inside: &str,
        origins: usize,
        script: impl Fn(usize, usize, &str) -> Act + Send + Sync + 'static,
    ) -> Option<Pair> {
        let nginx = nginx()?;
        let script: Script = Arc::new(script);
        Some(Pair {
            ours: Side::start(Path::new(BINARY), inside, origins, &[], &script),
            theirs: Side::start(&nginx, inside, origins, &[], &script),
        })
    }

    /// Does something in the directory of each.
    pub fn each<T>(&self, act: impl Fn(&Site) -> T) -> [T; 2] {
        [act(&self.ours.site), act(&self.theirs.site)]
    }

    /// The same with configurations that differ in what is outside of both: the first one is for this server.
    pub fn with_each(ours: &str, theirs: &str) -> Option<Pair> {
        Pair::with_each_and_origins(ours, theirs, 0, |_, _, _| Act::Reset)
    }

    /// The same with origins.
    pub fn with_each_and_origins(
        ours: &str,
        theirs: &str,
        origins: usize,
        script: impl Fn(usize, usize, &str) -> Act + Send + Sync + 'static,
    ) -> Option<Pair> {
        let nginx = nginx()?;
        let script: Script = Arc::new(script);
        Some(Pair {
            ours: Side::start(Path::new(BINARY), ours, origins, &[], &script),
            theirs: Side::start(&nginx, theirs, origins, &[], &script),
        })
    }

    /// The same with files that the configuration names.
    pub fn with_files(inside: &str, files: &[(&str, &str)]) -> Option<Pair> {
        let nginx = nginx()?;
        let start = |program: &Path| {
            let script: Script = Arc::new(|_, _, _| Act::Reset);
            Side::start(program, inside, 0, files, &script)
        };
        Some(Pair {
            ours: start(Path::new(BINARY)),
            theirs: start(&nginx),
        })
    }

    /// Writes a file into the directories of both, of the same age.
    pub fn write(&self, name: &str, content: &str) {
        for side in [&self.ours, &self.theirs] {
            side.site.write(name, content);
            let when = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
            let file = std::fs::File::open(side.site.path(name)).unwrap();
            file.set_modified(when).unwrap();
        }
    }

    /// The answers to a request on a connection of its own must agree, and what the origins were asked for it.
    pub fn same(&self, request: &str) {
        self.same_parts(&[request]);
    }

    /// The same for each request, one after the other; all differences are told.
    pub fn same_each(&self, requests: &[&str]) {
        let differing: Vec<String> = requests
            .iter()
            .filter_map(|request| self.difference(&[request], normal::answer))
            .collect();
        assert!(differing.is_empty(), "{}", differing.concat());
    }

    /// The same for what is sent in parts with a pause between them.
    pub fn same_parts(&self, parts: &[&str]) {
        let difference = self.difference(parts, normal::answer);
        assert!(difference.is_none(), "{}", difference.unwrap());
    }

    /// The same, with the body unpacked: two compressors need not agree.
    pub fn same_unpacked(&self, request: &str) {
        let difference = self.difference(&[request], normal::unpacked);
        assert!(difference.is_none(), "{}", difference.unwrap());
    }

    /// The same where new identifiers are made: runs of the letters of base64 and hexadecimal that are longer than any
    /// word become one.
    pub fn same_shape(&self, request: &str) {
        let difference = self.difference(&[request], normal::identified);
        assert!(difference.is_none(), "{}", difference.unwrap());
    }

    /// The same without what the origins were asked, which may still be under way.
    pub fn same_alone(&self, request: &str) {
        let (ours, theirs) = self.both(|side| side.generic(normal::answer(&side.ask(&[request]))));
        assert_eq!(ours, theirs, "to {request:?}");
    }

    /// Waits until an origin of each was asked as often, and compares what for.
    pub fn same_asked(&self, origin: usize, count: usize) {
        let (ours, theirs) = self.both(|side| {
            let origin = &side.origins[origin];
            wait_until(
                || origin.requests().len() >= count,
                || format!("asked for {:?}", origin.requests()),
            );
            side.generic(origin.take_requests().join("\n"))
        });
        assert_eq!(ours, theirs, "what origin {origin} was asked");
    }

    /// The answers must agree, and whether they came before a time or after it.
    pub fn same_after(&self, request: &str, time: Duration) {
        let (ours, theirs) = self.both(|side| {
            let begun = Instant::now();
            let text = side.tell(&side.ask(&[request]), normal::answer);
            // nginx counts from when its event loop last woke, which may have been a little earlier.
            (text, begun.elapsed() + Duration::from_millis(30) >= time)
        });
        assert_eq!(ours, theirs, "to {request:?}");
    }

    /// Both ends of an upgraded connection: the head, what the origin says first, and each message given back.
    pub fn same_talk(&self, request: &str, first: &str, messages: &[&str]) {
        let (ours, theirs) = self.both(|side| side.talk(request, first, messages));
        assert_eq!(ours, theirs, "to {request:?}");
    }

    fn difference(&self, parts: &[&str], normal: fn(&[u8]) -> String) -> Option<String> {
        let (ours, theirs) = self.both(|side| {
            let begun = Instant::now();
            let mut text = side.tell(&side.ask(parts), normal);
            if begun.elapsed() > SLOW {
                text.push_str("\n-- after a long time");
            }
            text
        });
        (ours != theirs).then(|| format!("to {parts:?}\n  here:  {ours:?}\n  nginx: {theirs:?}\n"))
    }

    /// Waits until a file of each holds this many lines, and compares them.
    pub fn same_lines(&self, file: &str, count: usize) {
        let (ours, theirs) =
            self.both(|side| side.lines(file, count, |line| Some(line.to_owned())));
        assert!(ours == theirs, "in {file}:{}", apart(&ours, &theirs));
    }

    /// The same for lines that tell times and process ids: every number becomes `#`.
    pub fn same_shapes(&self, file: &str, count: usize) {
        let (ours, theirs) =
            self.both(|side| side.lines(file, count, |line| Some(normal::shape(line))));
        assert!(ours == theirs, "in {file}:{}", apart(&ours, &theirs));
    }

    /// Sends part of a request on a connection of its own to both, and leaves: with a reset, if it is `rude`.
    pub fn leave(&self, parts: &[&str], rude: bool) {
        self.both(|side| {
            let mut stream = side.site.connect(0);
            for part in parts {
                let part = side.site.fill_in(part);
                stream.write_all(part.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(30));
            }
            if rude {
                let linger = Some(Duration::ZERO);
                let _ = socket2::SockRef::from(&stream).set_linger(linger);
            }
        });
    }

    /// Sends a request on a connection of its own to both, waits until their origins have it, and leaves the
    /// connections open.
    pub fn hold(&self, request: &str) -> (TcpStream, TcpStream) {
        self.both(|side| {
            let mut stream = side.site.connect(0);
            stream
                .write_all(side.site.fill_in(request).as_bytes())
                .unwrap();
            let asked = || {
                side.origins
                    .iter()
                    .any(|origin| !origin.take_requests().is_empty())
            };
            wait_until(asked, || String::from("no origin was asked"));
            stream
        })
    }

    /// Waits until the error log of each has this many lines of a level above notice, and compares them.
    pub fn same_errors(&self, count: usize) {
        let (ours, theirs) = self.both(|side| side.lines("error.log", count, normal::error_line));
        assert!(ours == theirs, "in the error log:{}", apart(&ours, &theirs));
    }

    /// The same for lines of any level about what clients did wrong.
    pub fn same_client_lines(&self, count: usize) {
        let (ours, theirs) = self.both(|side| side.lines("error.log", count, normal::client_line));
        assert!(ours == theirs, "in the error log:{}", apart(&ours, &theirs));
    }

    /// The same for connections that ended while a request was waited for.
    pub fn same_idle_lines(&self, count: usize) {
        let (ours, theirs) = self.both(|side| side.lines("error.log", count, normal::idle_line));
        assert!(ours == theirs, "in the error log:{}", apart(&ours, &theirs));
    }

    /// What `look` sees in the two.
    fn both<T: Send>(&self, look: impl Fn(&Side) -> T + Sync) -> (T, T) {
        std::thread::scope(|scope| {
            let theirs = scope.spawn(|| look(&self.theirs));
            (look(&self.ours), theirs.join().unwrap())
        })
    }
}

struct Side {
    site: Site,
    child: Child,
    origins: Vec<Origin>,
}

impl Side {
    /// Another one has taken one of the ports meanwhile when it ends at once: then once more, with other ports.
    fn start(
        program: &Path,
        inside: &str,
        origins: usize,
        files: &[(&str, &str)],
        script: &Script,
    ) -> Side {
        let mut said = String::new();
        for _ in 0..3 {
            let mut side = Side::spawn(program, inside, origins, files, script);
            let mut ended = false;
            wait_until(
                || {
                    ended = side.child.try_wait().unwrap().is_some();
                    ended || side.site.pid().is_some() && side.site.listens(0)
                },
                || side.site.read("error.log"),
            );
            if !ended {
                return side;
            }
            said = side.site.read("error.log");
            assert!(said.contains("bind()"), "{}: {said}", program.display());
        }
        panic!("{}: {said}", program.display());
    }

    fn spawn(
        program: &Path,
        inside: &str,
        origins: usize,
        files: &[(&str, &str)],
        script: &Script,
    ) -> Side {
        let origins: Vec<Origin> = (0..origins)
            .map(|number| {
                let script = Arc::clone(script);
                Origin::start(move |connection, request| script(number, connection, request))
            })
            .collect();
        let mut inside = inside.to_owned();
        for (number, origin) in origins.iter().enumerate() {
            inside = inside.replace(&format!("%ORIGIN{number}%"), &origin.port.to_string());
        }
        // nginx tells no causes.
        let plain = match program == Path::new(BINARY) {
            true => "error_log_hints off;\n",
            false => "",
        };
        let site = Site::new(&http(&format!("{plain}{inside}")));
        for (name, content) in files {
            site.write(name, &site.fill_in(content));
        }
        let child = Command::new(program)
            .arg("-p")
            .arg(site.path(""))
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Side {
            site,
            child,
            origins,
        }
    }

    /// Sends the parts and reads to the end.
    fn ask(&self, parts: &[&str]) -> Vec<u8> {
        let mut stream = self.site.connect(0);
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                std::thread::sleep(Duration::from_millis(30));
            }
            // One that closed early may have said why.
            let _ = stream.write_all(self.site.fill_in(part).as_bytes());
        }
        read_all(&mut stream)
    }

    fn talk(&self, request: &str, first: &str, messages: &[&str]) -> String {
        let mut stream = self.site.connect(0);
        stream.write_all(request.as_bytes()).unwrap();
        let mut heard = Vec::new();
        let mut byte = [0];
        while !heard.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
            heard.extend(byte);
        }
        let mut hear = |stream: &mut TcpStream, length: usize| {
            let mut buf = vec![0; length];
            let read = stream.read_exact(&mut buf).map(|()| "whole");
            heard.extend(format!("\n-- {read:?}:\n").into_bytes());
            heard.extend(buf);
        };
        hear(&mut stream, first.len());
        // What came behind the request is given back first.
        let eager = request.split("\r\n\r\n").nth(1).unwrap_or_default();
        hear(&mut stream, eager.len());
        for message in messages {
            stream.write_all(message.as_bytes()).unwrap();
            hear(&mut stream, message.len());
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
        heard.extend(read_all(&mut stream));
        self.tell(&heard, normal::answer)
    }

    /// The answer and what the origins were asked, with what must differ made the same.
    fn tell(&self, answer: &[u8], normal: impl Fn(&[u8]) -> String) -> String {
        let mut text = normal(answer);
        for (number, origin) in self.origins.iter().enumerate() {
            for request in origin.take_requests() {
                text.push_str(&format!("\n-- origin {number} was asked:\n{request}"));
            }
        }
        self.generic(text)
    }

    fn lines(
        &self,
        file: &str,
        count: usize,
        normal: impl Fn(&str) -> Option<String>,
    ) -> Vec<String> {
        let lines = || -> Vec<String> {
            let text = self.generic(self.site.read(file));
            text.lines().filter_map(&normal).collect()
        };
        wait_until(
            || lines().len() >= count,
            || format!("{file} has not {count} lines but {:#?}", lines()),
        );
        lines()
    }

    /// Names in place of ports and directories.
    fn generic(&self, text: String) -> String {
        let mut text = text.replace(&self.site.path("").display().to_string(), "DIR/");
        for number in 0..10 {
            text = text.replace(
                &self.site.port(number).to_string(),
                &format!("PORT{number}"),
            );
        }
        for (number, origin) in self.origins.iter().enumerate() {
            text = text.replace(&origin.port.to_string(), &format!("ORIGIN{number}"));
        }
        text
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        // The number of one that has ended may be another's by now.
        if let (Ok(None), Some(pid)) =
            (self.child.try_wait(), Pid::from_raw(self.child.id() as i32))
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// The lines that only one of them has; all if they are the same ones in another order.
fn apart(ours: &[String], theirs: &[String]) -> String {
    let only = |name: &str, here: &[String], there: &[String]| -> String {
        let lines = here.iter().filter(|line| !there.contains(line));
        lines.map(|line| format!("\n  {name}{line}")).collect()
    };
    let text = only("here:  ", ours, theirs) + &only("nginx: ", theirs, ours);
    if text.is_empty() {
        return format!("\n{ours:#?}\n{theirs:#?}");
    }
    text
}

/// Everything up to the end, however it ends.
fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}
