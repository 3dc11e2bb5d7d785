//! Which of our ports a connection within this machine comes from.
//!
//! Who makes a connection for each request leaves one in TIME_WAIT for each, and the system's search for a port, which
//! looks at those in its way one by one, comes to cost more than the rest of the connection. Going through the ports in
//! order finds the one that has rested longest at the first look. It makes ports easy to guess, which does not matter where
//! nobody but this machine can send: other connections leave the choice to the system.

use crate::process::system::set_local_port_range;
use rustix::io::Errno;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Every other port of the range that the system takes such ports from.
struct Ports {
    first: u16,
    count: u32,
    next: AtomicU32,
}

/// The system prefers those at an even distance from the first for connections, and the others for sockets that listen
/// on any port. So does this: the second kind is for when those of the first have not rested long enough.
static PORTS: LazyLock<Option<[Ports; 2]>> = LazyLock::new(|| {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let (first, last) = range(&text)?;
    let start = crate::clock::unix_time().subsec_nanos() ^ std::process::id();
    Some([
        Ports::new(first, last, start),
        Ports::new(first.checked_add(1)?, last, start),
    ])
});

/// Connects a socket that does not block, and is not bound.
///
/// # Errors
/// As connect(2).
pub fn connect(socket: &Socket, to: SocketAddr) -> io::Result<()> {
    let address = to.into();
    let ports = PORTS.as_ref().filter(|_| to.ip().is_loopback());
    let mut narrowed = false;
    for ports in ports.into_iter().flatten() {
        let mut port = ports.next();
        if port == to.port() {
            // Where nobody listens there a socket that comes from that port would be connected to itself.
            port = ports.next();
        }
        // Systems before Linux 6.3 do not know it.
        if set_local_port_range(socket.as_fd(), port, port).is_err() {
            break;
        }
        narrowed = true;
        match socket.connect(&address) {
            Err(e) if e.raw_os_error() == Some(Errno::ADDRNOTAVAIL.raw_os_error()) => {}
            connected => return connected,
        }
    }
    if narrowed {
        set_local_port_range(socket.as_fd(), 0, 0)?;
    }
    socket.connect(&address)
}

/// What the file of the system says: the first port and the last.
fn range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let (first, last) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (0 < first && first < last).then_some((first, last))
}

impl Ports {
    fn new(first: u16, last: u16, start: u32) -> Ports {
        Ports {
            first,
            count: u32::from(last.saturating_sub(first)) / 2 + 1,
            next: AtomicU32::new(start),
        }
    }

    fn next(&self) -> u16 {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let steps = n.checked_rem(self.count).unwrap_or(0);
        let distance = u16::try_from(steps.saturating_mul(2)).unwrap_or(0);
        self.first.saturating_add(distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    #[test]
    fn ports_come_in_order_and_stay_in_the_range() {
        assert_eq!(range("32768\t60999\n"), Some((32768, 60999)));
        assert_eq!(range("1 0"), None);
        assert_eq!(range(""), None);
        let ports = Ports::new(32768, 32773, 0);
        let seen: Vec<u16> = (0..4).map(|_| ports.next()).collect();
        assert_eq!(seen, [32768, 32770, 32772, 32768]);
        let ports = Ports::new(32769, 32773, u32::MAX);
        let seen: HashSet<u16> = (0..9).map(|_| ports.next()).collect();
        assert_eq!(seen, HashSet::from([32769, 32771, 32773]));
        assert_eq!(Ports::new(65535, 65535, 7).next(), 65535);
    }

    #[test]
    fn connections_are_made_whatever_port_is_taken() {
        for host in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let listener = TcpListener::bind(SocketAddr::new(host, 0)).unwrap();
            let to = listener.local_addr().unwrap();
            let mut kept = Vec::new();
            for _ in 0..100 {
                let domain = socket2::Domain::for_address(to);
                let socket = Socket::new(domain, socket2::Type::STREAM, None).unwrap();
                connect(&socket, to).unwrap();
                kept.push((socket, listener.accept().unwrap()));
            }
            let ports: HashSet<u16> = kept.iter().map(|(_, (_, from))| from.port()).collect();
            assert_eq!(ports.len(), 100);
        }
    }
}
