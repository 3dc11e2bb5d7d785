//! What a listening socket is asked for.

use super::address::Addr;

/// A socket to listen on.
#[derive(Clone, Debug)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
