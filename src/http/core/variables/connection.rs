//! Variables of the connection that a request came over.

use super::{put, put_number, put_port, put_seconds, put_some};
use crate::clock;
use crate::http::connection::Peer;
use crate::http::request::Request;
use crate::http::variable::Variable;
use crate::log::{self, Level};
use crate::net::address::Addr;
use crate::net::tlv::{self, Missing, Value};
use crate::process::system::{TcpInfo, tcp_info};
use std::net::IpAddr;
use std::os::fd::AsFd;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("binary_remote_addr", binary_remote_addr),
    Variable::new("connection", |r, out| put_number(r.client.number, out)),
    Variable::new("connection_requests", |r, out| {
        put_number(r.client.requests.get(), out)
    }),
    Variable::new("connection_time", |r, out| {
        put_seconds(
            clock::monotonic_ms().saturating_sub(r.client.started_ms),
            out,
        )
    }),
    Variable::new("https", |r, out| match r.client.is_secure() {
        true => put(b"on", out),
        false => true,
    }),
    Variable::new("pipe", |r, out| {
        put(if r.pipelined { b"p" } else { b"." }, out)
    }),
    Variable::new("proxy_protocol_addr", |r, out| {
        put_some(r.client.proxied.get().map(|p| &*p.source), out)
    }),
    Variable::new("proxy_protocol_port", |r, out| {
        let header = r.client.proxied.get();
        header.is_some_and(|p| put_port(p.source_port, out))
    }),
    Variable::new("proxy_protocol_server_addr", |r, out| {
        put_some(r.client.proxied.get().map(|p| &*p.destination), out)
    }),
    Variable::new("proxy_protocol_server_port", |r, out| {
        let header = r.client.proxied.get();
        header.is_some_and(|p| put_port(p.destination_port, out))
    }),
    Variable::family("proxy_protocol_tlv_", proxy_protocol_tlv),
    Variable::new("remote_addr", remote_addr),
    Variable::new("remote_port", |r, out| put_port(port(&r.remote), out)),
    Variable::new("scheme", |r, out| put(r.client.scheme(), out)),
    Variable::new("server_addr", server_addr),
    Variable::new("server_port", |r, out| {
        put_port(port(r.client.local()), out)
    }),
    Variable::new("tcpinfo_rcv_space", |r, out| {
        tcpinfo(r, |i| i.rcv_space, out)
    }),
    Variable::new("tcpinfo_rtt", |r, out| tcpinfo(r, |i| i.rtt, out)),
    Variable::new("tcpinfo_rttvar", |r, out| tcpinfo(r, |i| i.rttvar, out)),
    Variable::new("tcpinfo_snd_cwnd", |r, out| tcpinfo(r, |i| i.snd_cwnd, out)),
];

fn binary_remote_addr(req: &Request, out: &mut Vec<u8>) -> bool {
    match req.remote.ip() {
        Some(IpAddr::V4(ip)) => put(&ip.octets(), out),
        Some(IpAddr::V6(ip)) => put(&ip.octets(), out),
        None => remote_addr(req, out),
    }
}

fn remote_addr(req: &Request, out: &mut Vec<u8>) -> bool {
    if req.remote == req.client.peer {
        return put(&req.client.peer_text, out);
    }
    req.remote.write_ip(out);
    true
}

fn server_addr(req: &Request, out: &mut Vec<u8>) -> bool {
    let local = req.client.local();
    let cycle = req.worker.cycle();
    match (local, cycle.listens.get(req.client.listen).map(|l| &l.addr)) {
        (Peer::Unix, Some(Addr::Unix(path))) => {
            use std::os::unix::ffi::OsStrExt;
            put(b"unix:", out) && put(path.as_os_str().as_bytes(), out)
        }
        _ => {
            local.write_ip(out);
            true
        }
    }
}

fn proxy_protocol_tlv(req: &Request, name: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(header) = req.client.proxied.get() else {
        return false;
    };
    match tlv::find(&header.tlvs, name) {
        Ok(Value::Bytes(bytes)) => put(bytes, out),
        Ok(Value::Verified(number)) => put_number(u64::from(number), out),
        Err(Missing::None) => false,
        Err(e) => {
            log::request(req, Level::Error, format_args!("{e}"));
            false
        }
    }
}

fn port(peer: &Peer) -> u16 {
    match peer {
        Peer::Inet(address) => address.port(),
        Peer::Unix => 0,
    }
}

fn tcpinfo(req: &Request, value: fn(&TcpInfo) -> u32, out: &mut Vec<u8>) -> bool {
    match tcp_info(req.client.stream.as_fd()) {
        Ok(info) => put_number(u64::from(value(&info)), out),
        Err(_) => false,
    }
}
