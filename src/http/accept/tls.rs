//! `listen ... ssl`: the handshake, with the certificate of the server that the client names.

use super::Arrival;
use crate::config::source::errno;
use crate::http::host;
use crate::http::modules::ssl::{self, Context, Security, Session, SessionId, Tls};
use crate::http::request::Request;
use crate::http::router::{self, Protocols};
use crate::log::Level;
use crate::net::stream::Stream;
use crate::net::tls_stream::{HandshakeError, TlsStream};
use crate::tls::alert as words;
use crate::tls::select::Certificates;
use rustls::server::{Accepted, AcceptedAlert, Acceptor};
use rustls::{AlertDescription, Connection, ServerConfig, ServerConnection};
use std::io::{self, IoSlice, Read};
use std::rc::Rc;
use std::sync::Arc;

/// What is being done, for the log.
const DOING: &str = "while SSL handshaking";

/// Goes through the handshake; nothing if the connection is to be closed, which has been logged. Who does not speak TLS
/// goes on in the clear, to be told so.
pub async fn accept(arrival: Arrival, protocols: Protocols) -> Option<Arrival> {
    if !speaks_tls(&arrival).await? {
        let _ = arrival.client.security.set(Rc::new(Security::Missing));
        return Some(arrival);
    }
    let server = arrival.server()?;
    if arrival.http.location(server.location).core.tcp_nodelay {
        arrival.client.stream.set_nodelay();
    }
    arrival.seat.worker.connections.end_wait(&arrival.client);
    let accepted = hello(&arrival).await?;
    let config = match choose(&arrival, &accepted, protocols) {
        Ok(config) => config,
        Err(refused) => {
            refuse(&arrival, refused).await;
            return None;
        }
    };
    let mut session = match accepted.into_connection(config) {
        Ok(session) => session,
        Err((error, alert)) => {
            fail(&arrival, &error, alert).await;
            return None;
        }
    };
    number(&arrival, &mut session);
    let mut arrival = arrival.over(move |stream| match stream {
        Stream::Plain(socket) => {
            let session = Connection::Server(session);
            Stream::Tls(Box::new(TlsStream::new(socket, session)))
        }
        tls => tls,
    })?;
    let tls = arrival.client.stream.tls()?;
    let result = arrival.within(DOING, tls.handshake()).await;
    match result {
        None => tls.break_off(),
        Some(Ok(())) => {
            arrival.read = early_data(tls);
            return Some(arrival);
        }
        Some(Err(error)) => log_failure(&arrival, error),
    }
    None
}

/// What the client sent along with its first message. It has completed the handshake since, so that nobody has merely
/// repeated what it once sent.
fn early_data(tls: &TlsStream) -> Vec<u8> {
    let mut early = Vec::new();
    tls.session_mut(|session| {
        if let Connection::Server(session) = session
            && let Some(mut data) = session.early_data()
        {
            let _ = data.read_to_end(&mut early);
        }
    });
    early
}

/// Whether the first byte is that of a TLS record (or of an SSL 2 hello, which is no better received).
async fn speaks_tls(arrival: &Arrival) -> Option<bool> {
    let socket = arrival.client.stream.socket();
    let mut first = [0; 1];
    let peek = std::future::poll_fn(|cx| socket.poll_peek(cx, &mut first));
    match arrival.within(DOING, peek).await? {
        Ok(0) => {
            let what = format_args!("client closed connection {DOING}");
            arrival.log(Level::Info, what);
            None
        }
        Ok(_) => Some(matches!(first, [0x16 | 0x80..])),
        Err(error) => {
            let what = format_args!("recv() failed ({}) {DOING}", errno(&error));
            arrival.log(Level::Info, what);
            None
        }
    }
}

/// Reads the client's first message.
async fn hello(arrival: &Arrival) -> Option<Accepted> {
    let mut acceptor = Acceptor::default();
    let mut buffer = arrival.seat.worker.take_buffer();
    let result = loop {
        buffer.clear();
        let stream = &arrival.client.stream;
        let read = std::future::poll_fn(|cx| stream.poll_read(cx, &mut buffer));
        match arrival.within(DOING, read).await {
            None => break None,
            Some(Ok(0)) => {
                log_failure(arrival, HandshakeError::Closed);
                break None;
            }
            Some(Err(error)) => {
                log_failure(arrival, HandshakeError::Io(error));
                break None;
            }
            Some(Ok(_)) => {}
        }
        match take_in(&mut acceptor, &buffer) {
            Ok(None) => {}
            Ok(accepted) => break accepted,
            Err((error, alert)) => {
                fail(arrival, &error, alert).await;
                break None;
            }
        }
    };
    arrival.seat.worker.give_buffer(buffer);
    result
}

fn take_in(
    acceptor: &mut Acceptor,
    mut bytes: &[u8],
) -> Result<Option<Accepted>, (rustls::Error, AcceptedAlert)> {
    let general = |error: io::Error| rustls::Error::General(error.to_string());
    while !bytes.is_empty() {
        if let Err(error) = acceptor.read_tls(&mut bytes) {
            let (_, alert) = acceptor.accept().err().unzip();
            let alert =
                alert.or_else(|| Acceptor::default().accept().err().map(|(_, alert)| alert));
            return match alert {
                Some(alert) => Err((general(error), alert)),
                None => Ok(None),
            };
        }
    }
    acceptor.accept()
}

/// Why there is no handshake.
enum Refused {
    /// `ssl_reject_handshake`.
    Name,
    /// There is no certificate; what nginx says about it, if anything.
    Certificate(String),
}

/// Chooses the server by the name that the client gives, and what the handshake is made with.
fn choose(
    arrival: &Arrival,
    accepted: &Accepted,
    protocols: Protocols,
) -> Result<Arc<ServerConfig>, Refused> {
    let none = || Refused::Certificate(String::new());
    let (http, client) = (&arrival.http, &arrival.client);
    let hello = accepted.client_hello();
    let mut session = Session::new(&hello);
    let default = arrival.server().ok_or_else(none)?;
    let mut chosen = default;
    if let Some(name) = hello.server_name() {
        let mut host = Vec::with_capacity(name.len());
        let valid = host::lower_case(name.as_bytes(), &mut host).is_ok();
        let found = valid.then(|| router::virtual_server(http, client, &host));
        if let Some(server) = found.flatten() {
            session.host = Some(host.into_boxed_slice());
            chosen = http.server(server);
        }
    }
    if chosen.tls.as_ref().is_some_and(|tls| tls.reject) {
        return Err(Refused::Name);
    }
    // A server without a certificate has that of the default server.
    let own = |tls: &&Arc<Tls>| tls.context.is_some();
    let with_context = chosen.tls.as_ref().filter(own).or(default.tls.as_ref());
    let tls = Arc::clone(with_context.ok_or_else(none)?);
    session.tls = Some(Arc::clone(&tls));
    let _ = client.security.set(Rc::new(Security::Session(session)));
    let context = tls.context.as_ref().ok_or_else(none)?;
    let http2 = protocols.http2 || http.location(chosen.location).http2.enable;
    let config = context.config(http2);
    ssl::refresh(&context.responders);
    match &context.lookup {
        None => Ok(Arc::clone(config)),
        Some(_) => looked_up(arrival, context, config, chosen.id),
    }
}

/// Certificates whose names have variables, as a request would see them that has nothing yet but its connection.
fn looked_up(
    arrival: &Arrival,
    context: &Context,
    config: &Arc<ServerConfig>,
    server: crate::http::conf::ServerId,
) -> Result<Arc<ServerConfig>, Refused> {
    let worker = &arrival.seat.worker;
    let (http, head) = (Rc::clone(&arrival.http), worker.take_head());
    let req = Request::new(worker, http, &arrival.client, head, server);
    let found = context
        .lookup
        .as_ref()
        .map(|lookup| lookup.certificates(&req));
    req.recycle();
    let certificates = match found {
        Some(Ok(certificates)) => certificates,
        Some(Err(error)) => return Err(Refused::Certificate(error.0)),
        None => Vec::new(),
    };
    let mut config = ServerConfig::clone(config);
    config.cert_resolver = Arc::new(Certificates {
        all: certificates,
        preference: Arc::clone(&context.preference),
    });
    Ok(Arc::new(config))
}

/// Gives a new session a number; one that is taken up again has it already.
fn number(arrival: &Arrival, connection: &mut ServerConnection) {
    let known = connection.received_resumption_data();
    let mut id: SessionId = known.and_then(|id| id.try_into().ok()).unwrap_or_default();
    if id == SessionId::default() && aws_lc_rs::rand::fill(&mut id).is_err() {
        return;
    }
    connection.set_resumption_data(&id);
    if let Some(session) = ssl::of(&arrival.client) {
        let _ = session.id.set(id);
    }
}

/// Refuses the handshake with an alert, and logs it.
async fn refuse(arrival: &Arrival, refused: Refused) {
    let alert = match refused {
        Refused::Name => {
            arrival.log(Level::Info, format_args!("handshake rejected {DOING}"));
            AlertDescription::UnrecognisedName
        }
        Refused::Certificate(message) => {
            if !message.is_empty() {
                arrival.log(Level::Error, format_args!("{message} {DOING}"));
            }
            log_reason(arrival, words::NO_CERTIFICATE);
            AlertDescription::InternalError
        }
    };
    send(arrival, &fatal(alert)).await;
}

/// A fatal alert (RFC 8446 section 6) in a record of its own.
fn fatal(alert: AlertDescription) -> [u8; 7] {
    [0x15, 3, 3, 0, 2, 2, alert.into()]
}

async fn fail(arrival: &Arrival, error: &rustls::Error, mut alert: AcceptedAlert) {
    use rustls::{Error, PeerIncompatible};
    log_reason(arrival, &words::reason(error));
    let mut bytes = Vec::new();
    if let Error::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired) = error {
        // So is a client recognised that is older than TLS 1.2; that it is too old is what it must know.
        bytes.extend_from_slice(&fatal(AlertDescription::ProtocolVersion));
    } else if alert.write_all(&mut bytes).is_err() {
        return;
    }
    if !bytes.is_empty() {
        send(arrival, &bytes).await;
    }
}

async fn send(arrival: &Arrival, bytes: &[u8]) {
    let stream = &arrival.client.stream;
    let parts = [IoSlice::new(bytes)];
    let write = std::future::poll_fn(|cx| stream.poll_write_vectored(cx, &parts));
    let _ = arrival.within(DOING, write).await;
    stream.shutdown_write();
}

fn log_failure(arrival: &Arrival, error: HandshakeError) {
    match error {
        HandshakeError::Closed => {
            let what = format_args!("peer closed connection in SSL handshake {DOING}");
            arrival.log(Level::Info, what);
        }
        HandshakeError::Io(error) => {
            let what = format_args!("SSL_do_handshake() failed ({}) {DOING}", errno(&error));
            arrival.log(Level::Info, what);
        }
        HandshakeError::Tls(error) => log_reason(arrival, &words::reason(&error)),
    }
}

fn log_reason(arrival: &Arrival, reason: &str) {
    let what = format_args!("SSL_do_handshake() failed (SSL: {reason}) {DOING}");
    arrival.log(Level::Info, what);
}
