//! Making a fresh connection one of TLS.

use super::Wanted;
use crate::http::upstream::connect::Conn;
use crate::http::upstream::failure::Cause;
use crate::http::upstream::settings::Passing;
use crate::http::upstream::state::Stage;
use crate::net::stream::Stream;
use crate::net::tls_stream::{HandshakeError, TlsStream};
use crate::tls::alert;
use crate::tls::client::{Identity, refusal};
use crate::tls::verify::matches_name;
use rustls::Connection;
use std::future::poll_fn;

/// Makes the handshake, and sees that the certificate is for the name that is wanted. `server` is the number of its group and its address. The time
/// for it is what connecting has left of `*_connect_timeout`.
///
/// # Errors
/// What went wrong, and while what.
pub async fn handshake(
    mut conn: Box<Conn>,
    server: (u64, &[u8]),
    wanted: &Wanted,
    passing: &Passing,
) -> Result<Box<Conn>, (Cause, Stage)> {
    let tls = &wanted.tls;
    let here = |sentence| (Cause::TlsSetup(sentence), Stage::Connecting);
    let name = &wanted.key.name;
    let identity = match (&tls.certificate, &wanted.key.certificate) {
        (Some(own), Some(names)) => {
            let (certificate, key) = names;
            let name: Vec<u8> = [certificate, &b"\0"[..], key].concat();
            let key = own.load(names).map_err(here)?;
            Some(Identity {
                key,
                name: name.into(),
            })
        }
        _ => None,
    };
    let sent = wanted.key.sent.then_some(&name[..]);
    let session = tls
        .client
        .connect(server, sent, identity.as_ref())
        .map_err(|e| here(alert::reason(&e).into_owned()))?;
    conn.no_delay();
    let Stream::Plain(socket) = conn.stream else {
        return Ok(conn);
    };
    let stream = TlsStream::new(socket, session);
    if !conn.timer.is_set() {
        conn.timer.set(passing.connect_timeout);
    }
    let timer = &conn.timer;
    poll_fn(|cx| match stream.poll_handshake(cx) {
        std::task::Poll::Pending => timer.poll(cx).map(|()| Err(Cause::TimedOut)),
        ready => ready.map_err(cause),
    })
    .await
    .map_err(|cause| (cause, Stage::Handshaking))?;
    if tls.verify && !stream.session(|session| is_for(session, name)) {
        return Err((Cause::CertificateName(name.clone()), Stage::Handshaking));
    }
    conn.stream = Stream::Tls(Box::new(stream));
    Ok(conn)
}

fn is_for(session: &Connection, name: &[u8]) -> bool {
    let chain = session.peer_certificates().unwrap_or_default();
    chain.first().is_some_and(|own| matches_name(own, name))
}

fn cause(error: HandshakeError) -> Cause {
    match error {
        HandshakeError::Closed => Cause::HandshakeClosed(None),
        HandshakeError::Io(e) => Cause::HandshakeClosed(e.raw_os_error()),
        HandshakeError::Tls(e) => match refusal(&e) {
            Some(refusal) => Cause::CertificateRefused(refusal),
            None => Cause::Handshake(alert::reason(&e).into_owned()),
        },
    }
}
