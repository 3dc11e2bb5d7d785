//! Listening sockets as `listen` describes them.

use super::address::Addr;
use crate::process::system;
use rustix::fs::{Access, AtFlags, CWD};
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// The queue of connections that wait to be accepted, unless `backlog` says otherwise.
pub const BACKLOG: i32 = 511;

/// A socket to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenSpec {
    /// The address.
    pub addr: Addr,
    /// `backlog`
    pub backlog: Option<i32>,
    /// `rcvbuf`
    pub rcvbuf: Option<usize>,
    /// `sndbuf`
    pub sndbuf: Option<usize>,
    /// `fastopen`
    pub fastopen: Option<u32>,
    /// `ipv6only`; on by default
    pub ipv6only: bool,
    /// `reuseport`: a socket of its own for each thread
    pub reuseport: bool,
    /// `deferred`: accepted only when data has arrived
    pub deferred: bool,
    /// `so_keepalive`
    pub keepalive: Option<KeepAlive>,
}

/// The parameter `so_keepalive`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// Whether probes are sent at all.
    pub on: bool,
    /// Seconds of silence before the first probe.
    pub idle: Option<u32>,
    /// Seconds between probes.
    pub interval: Option<u32>,
    /// How many probes may go unanswered.
    pub count: Option<u32>,
}

impl ListenSpec {
    /// The address with nginx's defaults for everything else.
    pub fn new(addr: Addr) -> ListenSpec {
        ListenSpec {
            addr,
            backlog: None,
            rcvbuf: None,
            sndbuf: None,
            fastopen: None,
            ipv6only: true,
            reuseport: false,
            deferred: false,
            keepalive: None,
        }
    }

    /// Makes the socket, binds it and listens. The error is nginx's sentence, with the system's error to decide
    /// whether to try again.
    pub fn bind(&self) -> Result<Socket, BindError> {
        let fail = |what: String| move |error: io::Error| BindError { what, error };
        let (domain, address) = self
            .target()
            .map_err(fail(format!("socket() {}", self.addr)))?;
        let protocol = (domain != Domain::UNIX).then_some(Protocol::TCP);
        let socket = Socket::new(domain, Type::STREAM, protocol)
            .map_err(fail(format!("socket() {}", self.addr)))?;
        socket
            .set_reuse_address(true)
            .map_err(fail(format!("setsockopt(SO_REUSEADDR) {}", self.addr)))?;
        if self.reuseport {
            socket
                .set_reuse_port(true)
                .map_err(fail(format!("setsockopt(SO_REUSEPORT) {}", self.addr)))?;
        }
        if domain == Domain::IPV6 {
            let result = socket.set_only_v6(self.ipv6only);
            result.map_err(fail(format!("setsockopt(IPV6_V6ONLY) {}", self.addr)))?;
        }
        socket
            .set_nonblocking(true)
            .map_err(fail(format!("fcntl(O_NONBLOCK) {}", self.addr)))?;
        socket
            .bind(&address)
            .map_err(fail(format!("bind() to {}", self.addr)))?;
        if let Addr::Unix(path) = &self.addr {
            // The peers are local users who may all connect, as with a port.
            let mode = std::fs::Permissions::from_mode(0o666);
            std::fs::set_permissions(path, mode)
                .map_err(fail(format!("chmod() \"{}\"", path.display())))?;
        }
        let result = socket.listen(self.backlog());
        result.map_err(fail(format!(
            "listen() to {}, backlog {}",
            self.addr,
            self.backlog()
        )))?;
        Ok(socket)
    }

    /// Whether this machine has the address, told without taking the port from anybody: a socket that nobody sees is bound
    /// to a free port of it and closed again. Of a path only its directory is looked at.
    pub fn check(&self) -> Result<(), BindError> {
        let fail = |what: &str| {
            let what = format!("{what} {}", self.addr);
            move |error: io::Error| BindError { what, error }
        };
        let mut address = match &self.addr {
            Addr::Inet(address) => *address,
            Addr::Unix(path) => return check_file(path).map_err(fail("bind() to")),
        };
        address.set_port(0);
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        );
        let socket = socket.map_err(fail("socket()"))?;
        socket.bind(&address.into()).map_err(fail("bind() to"))
    }

    /// Sets the options that can also change while the socket listens. Each that fails is returned as nginx's
    /// sentence; nginx goes on without it.
    pub fn configure(&self, socket: &Socket) -> Vec<BindError> {
        let mut failed = Vec::new();
        let mut note = |option: String, result: io::Result<()>| {
            let what = || format!("setsockopt({option}) {}", self.addr);
            failed.extend(result.err().map(|error| BindError {
                what: what(),
                error,
            }));
        };
        if let Some(size) = self.rcvbuf {
            note(
                format!("SO_RCVBUF, {size}"),
                socket.set_recv_buffer_size(size),
            );
        }
        if let Some(size) = self.sndbuf {
            note(
                format!("SO_SNDBUF, {size}"),
                socket.set_send_buffer_size(size),
            );
        }
        if matches!(self.addr, Addr::Unix(_)) {
            return failed;
        }
        if let Some(keepalive) = self.keepalive {
            let on = keepalive.on;
            note(
                format!("SO_KEEPALIVE, {}", u8::from(on)),
                socket.set_keepalive(on),
            );
            let seconds = |value: Option<u32>| value.map(|n| Duration::from_secs(n.into()));
            let mut values = TcpKeepalive::new();
            values = seconds(keepalive.idle)
                .into_iter()
                .fold(values, TcpKeepalive::with_time);
            values = seconds(keepalive.interval)
                .into_iter()
                .fold(values, TcpKeepalive::with_interval);
            values = keepalive
                .count
                .into_iter()
                .fold(values, TcpKeepalive::with_retries);
            if on
                && keepalive
                    != (KeepAlive {
                        on,
                        ..KeepAlive::default()
                    })
            {
                note(
                    String::from("TCP_KEEPIDLE"),
                    socket.set_tcp_keepalive(&values),
                );
            }
        }
        if let Some(queue) = self.fastopen {
            note(
                format!("TCP_FASTOPEN, {queue}"),
                system::set_tcp_fastopen(socket.as_fd(), queue),
            );
        }
        if self.deferred {
            // The kernel counts in retransmissions; one second is one, which is what nginx asks for.
            note(
                String::from("TCP_DEFER_ACCEPT, 1"),
                system::set_tcp_defer_accept(socket.as_fd(), 1),
            );
        }
        failed
    }

    /// How many connections may wait to be accepted.
    pub fn backlog(&self) -> i32 {
        self.backlog.unwrap_or(BACKLOG)
    }

    fn target(&self) -> io::Result<(Domain, SockAddr)> {
        Ok(match &self.addr {
            Addr::Inet(address) => (Domain::for_address(*address), SockAddr::from(*address)),
            Addr::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
        })
    }
}

/// Whether the file of a socket could be made; one that is there may be that of a server that runs.
fn check_file(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let around = match path.parent() {
                Some(around) if !around.as_os_str().is_empty() => around,
                _ => Path::new("."),
            };
            let access = Access::WRITE_OK | Access::EXEC_OK;
            Ok(rustix::fs::accessat(CWD, around, access, AtFlags::EACCESS)?)
        }
        other => other.map(drop),
    }
}

/// A socket that could not be had.
#[derive(Debug)]
pub struct BindError {
    /// What was being done, in nginx's words: `bind() to 0.0.0.0:80`.
    pub what: String,
    /// What the system said.
    pub error: io::Error,
}

impl BindError {
    /// Whether the address was taken, by a server that may be about to end.
    pub fn in_use(&self) -> bool {
        self.error.kind() == io::ErrorKind::AddrInUse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn a_port_is_bound_once_only() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let socket = ListenSpec::new(Addr::Inet(any)).bind().unwrap();
        let taken = socket.local_addr().unwrap().as_socket().unwrap();
        let error = ListenSpec::new(Addr::Inet(taken)).bind().unwrap_err();
        assert!(error.in_use());
        assert_eq!(error.what, format!("bind() to {taken}"));
        let spec = ListenSpec {
            reuseport: true,
            ..ListenSpec::new(Addr::Inet(any))
        };
        let one = spec.bind().unwrap();
        let addr = Addr::Inet(one.local_addr().unwrap().as_socket().unwrap());
        assert!(ListenSpec { addr, ..spec }.bind().is_ok());
    }

    #[test]
    fn options_are_set() {
        let keep = KeepAlive {
            on: true,
            idle: Some(7),
            count: Some(3),
            ..KeepAlive::default()
        };
        let mut spec = ListenSpec::new(Addr::Inet("127.0.0.1:0".parse().unwrap()));
        (spec.keepalive, spec.deferred, spec.fastopen, spec.rcvbuf) =
            (Some(keep), true, Some(5), Some(65536));
        let socket = spec.bind().unwrap();
        assert!(spec.configure(&socket).is_empty());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
        assert!(socket.keepalive().unwrap());
        assert!(socket.recv_buffer_size().unwrap() >= 65536);
    }

    #[test]
    fn a_unix_socket_is_open_to_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _socket = ListenSpec::new(Addr::Unix(path.clone())).bind().unwrap();
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o666
        );
    }
}
