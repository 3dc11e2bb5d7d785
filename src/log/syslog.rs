//! `syslog:server=...`: lines sent to a syslog server (RFC 3164), over UDP or a unix socket.

use super::Level;
use crate::clock;
use crate::config::source::errno;
use crate::config::tree::{Node, Word};
use crate::diagnostic::Diagnostic;
use crate::net::address::{Addr, Address, Options};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};
use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::sync::{Arc, LazyLock};

/// The port of syslog servers.
const PORT: u16 = 514;
/// The longest tag.
const LONGEST_TAG: usize = 32;

/// In the order of their numbers.
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv",
    "ftp", "ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
const LOCAL7: usize = 23;

/// A server, and what lines to it begin with.
#[derive(Debug)]
pub struct Syslog {
    server: Addr,
    facility: usize,
    severity: Level,
    tag: Bytes,
    hostname: bool,
    /// Made when there is something to send; made anew after an error.
    socket: ArcSwapOption<Socket>,
}

impl Syslog {
    /// Reads what stands behind `syslog:` in a word.
    ///
    /// # Errors
    /// nginx's sentences: an unknown or repeated parameter, a bad value, no server.
    pub fn parse(node: &Node, word: &Word) -> Result<Syslog, Diagnostic> {
        let refuse = |message: String| Err(node.error_at(word, message));
        let (mut server, mut facility, mut severity, mut tag) = (None, None, None, None);
        let mut hostname = true;
        let text = word.text.slice("syslog:".len().min(word.text.len())..);
        for part in text.split(|&b| b == b',') {
            let part = text.slice_ref(part);
            let shown = String::from_utf8_lossy(&part).into_owned();
            let (key, value) = match shown.split_once('=') {
                Some((key, value)) => (key, value),
                None => (&*shown, ""),
            };
            let duplicate = format!("duplicate syslog \"{key}\"");
            match key {
                "server" if server.is_some() => return refuse(duplicate),
                "facility" if facility.is_some() => return refuse(duplicate),
                "severity" if severity.is_some() => return refuse(duplicate),
                "tag" if tag.is_some() => return refuse(duplicate),
                "server" if part.len() > key.len() => {
                    let url = part.slice(key.len() + 1..);
                    let address = Address::parse(&url, Options::upstream(PORT));
                    let address = address.map_err(|e| format!("{e} in syslog server \"{value}\""));
                    match address.map(|address| address.addrs.into_iter().next()) {
                        Ok(address) => server = address,
                        Err(message) => return refuse(message),
                    }
                }
                "facility" if part.len() > key.len() => {
                    let number = FACILITIES.iter().position(|name| *name == value);
                    if number.is_none() {
                        return refuse(format!("unknown syslog facility \"{value}\""));
                    }
                    facility = number;
                }
                "severity" if part.len() > key.len() => {
                    severity = Level::ALL.into_iter().find(|level| level.name() == value);
                    if severity.is_none() {
                        return refuse(format!("unknown syslog severity \"{value}\""));
                    }
                }
                "tag" if part.len() > key.len() => {
                    let value = part.slice(key.len() + 1..);
                    if value.len() > LONGEST_TAG {
                        return refuse("syslog tag length exceeds 32".to_owned());
                    }
                    if !value
                        .iter()
                        .all(|c| c.is_ascii_alphanumeric() || *c == b'_')
                    {
                        let message =
                            "syslog \"tag\" only allows alphanumeric characters and underscore";
                        return refuse(message.to_owned());
                    }
                    tag = Some(value);
                }
                "nohostname" if shown == key => hostname = false,
                _ => return refuse(format!("unknown syslog parameter \"{shown}\"")),
            }
        }
        let Some(server) = server else {
            return refuse("no syslog server specified".to_owned());
        };
        Ok(Syslog {
            server,
            facility: facility.unwrap_or(LOCAL7),
            severity: severity.unwrap_or(Level::Info),
            tag: tag.unwrap_or(Bytes::from_static(b"nginx")),
            hostname,
            socket: ArcSwapOption::empty(),
        })
    }

    /// Sends a line of the error log, of which the end is left out. A failure is logged, but not by this way.
    pub fn error(&self, level: Level, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let _ = self.send(level, |out| out.extend_from_slice(line));
    }

    /// Sends a line of an access log. Returns whether it was sent; if not, the error log says why.
    pub fn access(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        self.send(self.severity, write).is_ok()
    }

    fn send(&self, severity: Level, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        if BUSY.get() {
            // It is about a failure to send that something is logged.
            return Ok(());
        }
        let mut message = MESSAGE.take();
        message.clear();
        self.start(severity, &mut message);
        write(&mut message);
        let sent = self.transmit(&message);
        MESSAGE.set(message);
        if let Err((call, e)) = &sent
            && e.kind() != io::ErrorKind::WouldBlock
        {
            BUSY.set(true);
            let (error, server) = (errno(e), &self.server);
            let message =
                format_args!("{call} failed ({error}) while logging to syslog, server: {server}");
            super::event(level(call, e), message);
            BUSY.set(false);
        }
        sent.map_err(|(_, e)| e)
    }

    fn start(&self, severity: Level, out: &mut Vec<u8>) {
        // Writing into a vector cannot fail.
        let _ = write!(out, "<{}>", self.facility * 8 + severity as usize);
        clock::texts(|texts| out.extend_from_slice(&texts.syslog));
        out.push(b' ');
        if self.hostname {
            out.extend_from_slice(&HOSTNAME);
            out.push(b' ');
        }
        out.extend_from_slice(&self.tag);
        out.extend_from_slice(b": ");
    }

    fn transmit(&self, message: &[u8]) -> Result<(), (&'static str, io::Error)> {
        let socket = match self.socket.load_full() {
            Some(socket) => socket,
            None => {
                let socket = Arc::new(connect(&self.server)?);
                self.socket.store(Some(Arc::clone(&socket)));
                socket
            }
        };
        match socket.send(message) {
            Ok(_) => Ok(()),
            Err(e) => {
                // A server that takes no more at the moment loses the line, not the connection.
                if e.kind() != io::ErrorKind::WouldBlock {
                    self.socket.store(None);
                }
                Err(("send()", e))
            }
        }
    }
}

/// That the other side is not there is no fault of ours.
fn level(call: &str, e: &io::Error) -> Level {
    const OTHER_SIDE: [Errno; 9] = [
        Errno::CONNRESET,
        Errno::PIPE,
        Errno::NOTCONN,
        Errno::TIMEDOUT,
        Errno::CONNREFUSED,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
    ];
    let errno = e.raw_os_error().map(Errno::from_raw_os_error);
    match errno {
        Some(errno) if call == "send()" && OTHER_SIDE.contains(&errno) => Level::Error,
        _ => Level::Alert,
    }
}

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
    static MESSAGE: RefCell<Vec<u8>> = RefCell::default();
}

/// The name of this machine, in lower case.
static HOSTNAME: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let uname = rustix::system::uname();
    uname.nodename().to_bytes().to_ascii_lowercase()
});

fn connect(server: &Addr) -> Result<Socket, (&'static str, io::Error)> {
    let (domain, address) = match server {
        Addr::Inet(address) => (Domain::for_address(*address), SockAddr::from(*address)),
        Addr::Unix(path) => (
            Domain::UNIX,
            SockAddr::unix(path).map_err(|e| ("connect()", e))?,
        ),
    };
    let socket = Socket::new(domain, Type::DGRAM, None).map_err(|e| ("socket()", e))?;
    socket
        .set_nonblocking(true)
        .map_err(|e| ("ioctl(FIONBIO)", e))?;
    socket.connect(&address).map_err(|e| ("connect()", e))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;
    use std::net::UdpSocket;

    #[test]
    fn messages_are_nginx_s() {
        for (text, want) in [
            ("facility=user", "no syslog server specified"),
            ("", "unknown syslog parameter \"\""),
            (
                "server=127.0.0.1,colour=red",
                "unknown syslog parameter \"colour=red\"",
            ),
            (
                "server=127.0.0.1,facility=x",
                "unknown syslog facility \"x\"",
            ),
            (
                "server=127.0.0.1,severity=err",
                "unknown syslog severity \"err\"",
            ),
            (
                "server=127.0.0.1,tag=a-b",
                "syslog \"tag\" only allows alphanumeric characters and underscore",
            ),
            ("server=127.0.0.1,tag=a,tag=b", "duplicate syslog \"tag\""),
            (
                "server=127.0.0.1:x",
                "invalid port in syslog server \"127.0.0.1:x\"",
            ),
            (
                "server=127.0.0.1,tag=012345678901234567890123456789012",
                "syslog tag length exceeds 32",
            ),
            (
                "server=unix:/dev/log,nohostname,severity=debug,facility=local0",
                "",
            ),
        ] {
            for log in ["error_log", "http { access_log"] {
                let end = if log == "error_log" { "" } else { "}" };
                let text = format!("events {{}} {log} 'syslog:{text}'; {end}");
                assert_eq!(first_complaint(&text), want, "{text}");
            }
        }
        let text = "events {} http { access_log syslog:server=127.0.0.1 combined buffer=1k; }";
        assert_eq!(first_complaint(text), "logs to syslog cannot be buffered");
    }

    #[test]
    fn a_line_has_its_head_and_no_end() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = socket.local_addr().unwrap();
        let text = format!("events {{}} error_log syslog:server={server},tag=T,nohostname;");
        let logs = crate::cycle::testing::cycle(&text).logs.error.clone();
        let message = format_args!("hello");
        logs.record(crate::log::Level::Error, message);
        let mut buffer = [0; 500];
        let length = socket.recv(&mut buffer).unwrap();
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(
            line.starts_with("<187>") && line.get(20..24) == Some(" T: "),
            "{line}"
        );
        assert!(
            line.contains(" [error] ") && line.ends_with(": hello"),
            "{line}"
        );
    }
}
