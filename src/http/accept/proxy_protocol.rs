//! `listen ... proxy_protocol`: the connection begins with what a proxy in front says about the client.

use super::Arrival;
use crate::config::source::errno;
use crate::log::Level;
use crate::net::proxy_protocol::{Broken, MOST, parse};

/// What is being done, for the log.
const DOING: &str = "while reading PROXY protocol";

/// Reads the header and keeps what it says with the client; nothing if the connection is to be closed, which has been
/// logged. Not a byte of what follows is taken. The header must come in one piece, as its specification promises.
pub async fn read(arrival: &Arrival, tls_follows: bool) -> Option<()> {
    let stream = &arrival.client.stream;
    // nginx has the buffer of a head for it, unless TLS follows.
    let room = match tls_follows {
        true => MOST,
        false => arrival.server()?.core.client_header_buffer_size,
    };
    // Whoever says nothing gets no buffer.
    let mut first = [0; 1];
    let ready = std::future::poll_fn(|cx| stream.socket().poll_peek(cx, &mut first));
    let _ = arrival.within(DOING, ready).await?;
    let mut bytes = vec![0; room];
    let peek = std::future::poll_fn(|cx| stream.socket().poll_peek(cx, &mut bytes));
    let got = match arrival.within(DOING, peek).await? {
        Ok(got) => got,
        Err(e) => {
            let what = format_args!("recv() failed ({}) {DOING}", errno(&e));
            arrival.log(Level::Info, what);
            return None;
        }
    };
    if got == 0 && !tls_follows {
        arrival.log(
            Level::Info,
            format_args!("client closed connection {DOING}"),
        );
        return None;
    }
    let (length, header) = match parse(bytes.get(..got)?) {
        Ok(parsed) => parsed,
        Err(Broken::TooShort) => return None,
        Err(e) => {
            arrival.log(Level::Error, format_args!("{e} {DOING}"));
            return None;
        }
    };
    let mut taken = Vec::with_capacity(0);
    taken.reserve_exact(length);
    stream.try_read(&mut taken).ok().filter(|n| *n == length)?;
    if let Some(header) = header {
        let _ = arrival.client.proxied.set(Box::new(header));
    }
    Some(())
}
