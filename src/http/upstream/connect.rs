//! Connections to upstreams.

use super::failure::Cause;
use super::settings::Passing;
use crate::http::request::Request;
use crate::http::room::Place;
use crate::http::timer::Timer;
use crate::net::address::Addr;
use crate::net::own_port;
use crate::net::socket::Socket as Connecting;
use crate::net::stream::Stream;
use bytes::Bytes;
use socket2::{Domain, SockAddr, Socket, Type};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;

/// A connection to an upstream.
pub struct Conn {
    /// The byte stream.
    pub stream: Stream,
    /// How many requests have gone through it, the current one included.
    pub requests: u64,
    /// When it was made: monotonic milliseconds.
    pub started_ms: u64,
    /// Whether it served another request before.
    pub reused: bool,
    /// Since when it was idle before this request, if it served another one.
    pub idle_since: Option<tokio::time::Instant>,
    /// The one timer that all waiting on it shares.
    pub timer: Timer,
    /// Its place among the connections of the thread.
    _place: Place,
}

/// Connects to a peer, from `local` if that is said.
///
/// # Errors
/// As the system says, after `connect_timeout`, or where there is no place for another connection.
pub async fn connect(
    req: &Request,
    addr: &Addr,
    local: Option<&(SocketAddr, Bytes)>,
    passing: &Passing,
) -> Result<Box<Conn>, Cause> {
    let room = &req.worker.room;
    let place = room.take(&req.worker.connections);
    let place = place.ok_or_else(|| Cause::NoPlace(room.most()))?;
    let timer = Timer::sharing(&req.worker.upstreams.timers);
    let stream = match addr {
        Addr::Inet(to) => inet(*to, local, passing, &timer).await?,
        Addr::Unix(path) => {
            let to = SockAddr::unix(path).map_err(|e| Cause::ConnectAtOnce(errno(&e)))?;
            let socket = socket(Domain::UNIX, passing)?;
            socket
                .connect(&to)
                .map_err(|e| Cause::ConnectAtOnce(errno(&e)))?;
            Stream::Plain(Connecting::asking(socket.into(), true))
        }
    };
    Ok(Box::new(Conn {
        stream,
        requests: 0,
        started_ms: crate::clock::monotonic_ms(),
        reused: false,
        idle_since: None,
        timer,
        _place: place,
    }))
}

async fn inet(
    to: SocketAddr,
    local: Option<&(SocketAddr, Bytes)>,
    passing: &Passing,
    timer: &Timer,
) -> Result<Stream, Cause> {
    let socket = socket(Domain::for_address(to), passing)?;
    if let Some((address, text)) = local {
        if passing.bind.as_ref().is_some_and(|bind| bind.transparent) {
            let set = match to {
                SocketAddr::V4(_) => socket.set_ip_transparent_v4(true),
                SocketAddr::V6(_) => socket.set_ip_transparent_v6(true),
            };
            set.map_err(|e| Cause::Transparent(errno(&e)))?;
        }
        if address.port() == 0 {
            // The port is chosen when the connection is made: many more of them fit then. An old kernel has none of it.
            let _ = nix::sys::socket::setsockopt(
                &socket,
                nix::sys::socket::sockopt::IpBindAddressNoPort,
                &true,
            );
        }
        socket
            .bind(&(*address).into())
            .map_err(|e| Cause::Bind(errno(&e), text.clone()))?;
    }
    let connected = match local {
        Some(_) => socket.connect(&to.into()),
        None => own_port::connect(&socket, to),
    };
    let waiting = match connected {
        Ok(()) => false,
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => true,
        Err(e) => return Err(Cause::ConnectAtOnce(errno(&e))),
    };
    let socket = Connecting::asking(socket.into(), false);
    // Within the machine the connection is there by now, and nobody has to wait.
    if waiting && !(to.ip().is_loopback() && socket.is_connected()) {
        timer.set(passing.connect_timeout);
        poll_fn(|cx| {
            if let Poll::Ready(ready) = socket.poll_writable(cx) {
                return Poll::Ready(ready.map_err(|e| Cause::Socket(errno(&e))));
            }
            timer.poll(cx).map(|()| Err(Cause::TimedOut))
        })
        .await?;
        let connected = socket.connect_error();
        connected.map_err(|e| Cause::Connect(errno(&e)))?;
    }
    Ok(Stream::Plain(socket))
}

fn socket(domain: Domain, passing: &Passing) -> Result<Socket, Cause> {
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), None)
        .map_err(|e| Cause::Socket(errno(&e)))?;
    // As in nginx a socket serves without these too.
    if passing.socket_rcvbuf > 0 {
        let _ = socket.set_recv_buffer_size(passing.socket_rcvbuf);
    }
    if passing.socket_sndbuf > 0 {
        let _ = socket.set_send_buffer_size(passing.socket_sndbuf);
    }
    if passing.socket_keepalive {
        let _ = socket.set_keepalive(true);
    }
    Ok(socket)
}

fn errno(e: &io::Error) -> i32 {
    e.raw_os_error().unwrap_or(0)
}

impl Conn {
    /// For how long it had been idle when it was taken for an attempt that began so many milliseconds ago.
    pub fn idle(&self, elapsed_ms: u64) -> Option<std::time::Duration> {
        let since = self.idle_since?.elapsed();
        Some(since.saturating_sub(std::time::Duration::from_millis(elapsed_ms)))
    }

    /// Whether an idle connection can serve another request: nothing has come on it, its end included. Asks the
    /// kernel only where the event loop has noticed something.
    pub fn is_quiet(&self, cx: &mut std::task::Context<'_>) -> bool {
        loop {
            match self.stream.poll_readable(cx) {
                Poll::Pending => return true,
                Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(())) => {}
            }
            let mut byte = Vec::with_capacity(1);
            match self.stream.try_read(&mut byte) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                _ => return false,
            }
        }
    }

    /// Has small pieces leave at once: for what is sent in several steps.
    pub fn no_delay(&self) {
        self.stream.set_nodelay();
    }
}
