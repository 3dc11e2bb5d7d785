//! A client's connection: who is at the other end, and which protocol is spoken.

use super::conf::Held;
use super::modules::ssl::Security;
use super::modules::static_files::Moment;
use super::parking::Rest;
use crate::net::proxy_protocol::Header;
use crate::net::stream::Stream;
use std::cell::{Cell, OnceCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

/// The address of the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An IP address and port.
    Inet(SocketAddr),
    /// A Unix domain socket.
    Unix,
}

impl Peer {
    /// The IP address, none for a Unix domain socket.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Inet(a) => Some(a.ip()),
            Peer::Unix => None,
        }
    }

    /// The address as `$remote_addr` shows it: `unix:` for a Unix domain socket.
    pub fn write_ip(&self, out: &mut Vec<u8>) {
        use std::io::Write;
        match self {
            Peer::Inet(SocketAddr::V4(a)) => write_ipv4(a.ip().octets(), out),
            Peer::Inet(a) => drop(write!(out, "{}", a.ip())),
            Peer::Unix => out.extend_from_slice(b"unix:"),
        }
    }
}

/// Without the machinery of `fmt`: this is done for each request that is passed on.
fn write_ipv4(octets: [u8; 4], out: &mut Vec<u8>) {
    for (i, octet) in octets.into_iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        if octet >= 100 {
            out.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            out.push(b'0' + octet / 10 % 10);
        }
        out.push(b'0' + octet % 10);
    }
}

/// What all requests of a connection share; over HTTP/2 each has its own.
#[derive(Clone)]
pub struct Client {
    /// Its number, for logs and `$connection`.
    pub number: u64,
    /// How many requests it has made, the current one included (`$connection_requests`).
    pub requests: Cell<u64>,
    /// Who it is.
    pub peer: Peer,
    /// `peer` without the port, as text.
    pub peer_text: Box<[u8]>,
    /// The number of the listening socket in the cycle's list at the time of the accept.
    pub listen: usize,
    /// The address that this socket is bound to.
    pub bound: Option<Arc<crate::net::address::Addr>>,
    /// The address that the client connected to; looked up when it is first needed.
    pub local: OnceCell<Peer>,
    /// When it was accepted: monotonic milliseconds.
    pub started_ms: u64,
    /// Whether waiting handlers are to be given up when the client goes away: they set it once they have the
    /// body of the request.
    pub watch: Cell<bool>,
    /// When the current request had been read, as long as nothing has been waited for since.
    pub asked: Cell<Moment>,
    /// Whether it has been asked to end, since others need its place.
    pub leaving: Cell<bool>,
    /// Whether the end of its input is one that we have made.
    pub dismissed: Cell<bool>,
    /// When it began to wait for a request, counted by [`Connections`](super::worker::Connections); 0 while it does
    /// not wait.
    pub waiting: Cell<u32>,
    /// Whether it is to wait without a task.
    pub rest: Rest,
    /// What the proxy in front said about the connection that it passes on (`listen ... proxy_protocol`).
    pub proxied: OnceCell<Box<Header>>,
    /// Where TLS is expected: whether it is spoken, and what was said first.
    pub security: OnceCell<Rc<Security>>,
    /// The stream.
    pub stream: Rc<Stream>,
    /// Set where HTTP/2 is spoken: the connection, or the stream that a request came on.
    pub h2: OnceCell<Rc<super::h2::Over>>,
}

/// What a socket accepts connections for: a configuration, and the number that the socket has in it. The two belong
/// together, since in another configuration the number may be that of another socket.
#[derive(Clone)]
pub struct Front {
    /// The configuration.
    pub http: Held,
    /// The number of the socket in it.
    pub listen: usize,
}

impl Client {
    /// Whether the connection is encrypted.
    pub fn is_secure(&self) -> bool {
        let security = self.security.get().map(|security| &**security);
        matches!(security, Some(Security::Session(_)))
    }

    /// The scheme of what is asked for here.
    pub fn scheme(&self) -> &'static [u8] {
        match self.is_secure() {
            true => b"https",
            false => b"http",
        }
    }

    /// The address that the client connected to.
    pub fn local(&self) -> &Peer {
        self.local.get_or_init(|| {
            let address = socket2::SockRef::from(&*self.stream).local_addr().ok();
            address
                .and_then(|a| a.as_socket())
                .map_or(Peer::Unix, Peer::Inet)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_library_would() {
        for octets in [[0, 1, 9, 10], [99, 100, 101, 199], [200, 250, 255, 127]] {
            let address = SocketAddr::from((octets, 80));
            let mut out = Vec::new();
            Peer::Inet(address).write_ip(&mut out);
            assert_eq!(out, address.ip().to_string().as_bytes());
        }
    }
}
