//! The system calls that no safe interface covers. Besides this only `net::watched` has unsafe code.
#![allow(unsafe_code, reason = "each block says why it is sound")]

use nix::libc;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Takes over a descriptor that the parent process left open across `exec`, named by its number. It is to be called
/// at the start of `main`, once for each number. An error if there is no such descriptor.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number <= libc::STDERR_FILENO {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: F_GETFD touches no memory; it fails on a number that is not open.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and as this process has opened nothing by this number itself, nobody else in it
    // owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Sets the length of the queue of TCP Fast Open on a listening socket.
pub fn set_tcp_fastopen(socket: BorrowedFd<'_>, queue: u32) -> io::Result<()> {
    set_tcp_option(socket, libc::TCP_FASTOPEN, queue)
}

/// Wakes the listener only when data has come, waiting this long at most (in seconds, 0 for never).
pub fn set_tcp_defer_accept(socket: BorrowedFd<'_>, seconds: u32) -> io::Result<()> {
    set_tcp_option(socket, libc::TCP_DEFER_ACCEPT, seconds)
}

fn set_tcp_option(socket: BorrowedFd<'_>, option: libc::c_int, value: u32) -> io::Result<()> {
    // The system takes these for signed numbers.
    let value = value.min(libc::c_int::MAX.unsigned_abs());
    set_option(socket, libc::IPPROTO_TCP, option, value)
}

/// Has connect(2) take our port from a part of the system's range; from all of it for 0 and 0. Linux 6.3 and newer.
pub fn set_local_port_range(socket: BorrowedFd<'_>, first: u16, last: u16) -> io::Result<()> {
    /// From the system's headers, `linux/in.h`.
    const IP_LOCAL_PORT_RANGE: libc::c_int = 51;
    let range = u32::from(first) | u32::from(last) << 16;
    set_option(socket, libc::IPPROTO_IP, IP_LOCAL_PORT_RANGE, range)
}

fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: u32,
) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which lives through the call and is only read.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// What the kernel knows about a TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round-trip time in microseconds.
    pub rtt: u32,
    /// Its mean deviation in microseconds.
    pub rttvar: u32,
    /// The congestion window in segments.
    pub snd_cwnd: u32,
    /// The room for receiving in bytes.
    pub rcv_space: u32,
}

/// Asks the kernel about a TCP connection. An error for other sockets.
pub fn tcp_info(socket: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    let mut info = std::mem::MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe `info`, of which at most that much is written.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it consists of integers, all of which were zeroed before the kernel wrote some of them.
    let info = unsafe { info.assume_init() };
    Ok(TcpInfo {
        rtt: info.tcpi_rtt,
        rttvar: info.tcpi_rttvar,
        snd_cwnd: info.tcpi_snd_cwnd,
        rcv_space: info.tcpi_rcv_space,
    })
}

/// How many files this process may have open.
pub fn rlimit_nofile() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.unwrap_or(u64::MAX)
}
