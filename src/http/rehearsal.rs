//! A request without a connection: it goes through the real parser, router and phases, and stops where a client or an
//! upstream would be spoken to.

use super::conf::{Held, Http};
use super::connection::{Client, Peer};
use super::h1::bad::Bad;
use super::h1::exchange::{limits, locate, name_rules};
use super::h1::framing::BodyLength;
use super::h1::keep::{keep_or_not, set_keepalive};
use super::h1::parse::{self, Outcome};
use super::h1::writer;
use super::head::{Head, Version};
use super::host::lower_case;
use super::modules::ssl::{self, Security, Session};
use super::modules::static_files::Moment;
use super::phase::{self, Start};
use super::request::Request;
use super::router;
use super::trace::Entry;
use super::worker::Worker;
use crate::clock;
use crate::net::proxy_protocol::Header;
use crate::net::stream::Stream;
use std::cell::{Cell, OnceCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

/// A request as it would arrive.
pub struct Call<'a> {
    /// The number of the listening socket.
    pub listen: usize,
    /// The address that the client connects to.
    pub local: Peer,
    /// The client's address; where the PROXY protocol is spoken, the one that it names.
    pub from: Peer,
    /// Whether the address expects the PROXY protocol.
    pub proxied: bool,
    /// Whether TLS is spoken, and the name of the server that the client then gives.
    pub tls: Option<Option<&'a str>>,
    /// Request line and fields, with the empty line.
    pub head: &'a [u8],
}

/// A request that went through.
pub struct Rehearsed {
    /// The request with its response.
    pub req: Request,
    /// What happened.
    pub steps: Vec<Entry>,
    /// The head of the answer; empty if the connection closes without one.
    pub head: Vec<u8>,
    /// What is wrong with the request, if it is refused before its location is sought.
    pub refused: Option<String>,
}

/// Takes a request through, in a worker that is made for it.
///
/// # Errors
/// There is no socket to stand for the connection, or the configuration does not listen there.
pub async fn run(worker: &Rc<Worker>, call: Call<'_>) -> io::Result<Rehearsed> {
    let http = worker.http().ok_or_else(no_server)?;
    // Nobody is at the other end, and nothing is sent there.
    let (stream, _other_end) = UnixStream::pair()?;
    stream.set_nonblocking(true)?;
    let client = client(worker, &http, Stream::accepted(stream.into(), true), &call);
    secure(&http, &client, &call)?;
    let default = router::default_server(&http, &client).ok_or_else(no_server)?;
    client.requests.set(1);
    let mut head = worker.take_head();
    let mut outcome = Outcome::Partial;
    if let Some(head) = Rc::get_mut(&mut head) {
        head.buf.extend_from_slice(call.head);
        let names = |head: &Head| name_rules(&http, &client, default, head);
        outcome = parse::parse(head, &limits(&http.server(default).core), &names);
        if outcome == Outcome::Done {
            let length = head.len as usize;
            head.buf.truncate(length);
        }
    }
    let mut req = Request::new(worker, http, &client, head, default);
    req.request_length.set(u64::from(req.head.len));
    let bad = match outcome {
        Outcome::Done => prepare(&mut req).err(),
        Outcome::Bad(bad) if parse::has_line(&req.head) => {
            Some(locate(&mut req).err().unwrap_or(bad))
        }
        Outcome::Bad(bad) => Some(bad),
        Outcome::Partial => Some(Bad::Request),
    };
    let refused = match bad {
        None => ssl::refusal(&req),
        Some(bad) => {
            let mut sentence = Vec::new();
            bad.sentence(&req.head, &mut sentence);
            Some((
                bad.status(),
                String::from_utf8_lossy(&sentence).into_owned(),
            ))
        }
    };
    match &refused {
        None => {
            phase::run(&mut req, Start::ServerRewrite).await;
            keep_or_not(&mut req);
        }
        Some((status, _)) => {
            req.keepalive = false;
            match bad {
                Some(Bad::NoServer) => req.response.no_answer = true,
                _ => phase::refuse(&mut req, *status).await,
            }
            req.keepalive = false;
        }
    }
    let refused = refused.map(|(_, sentence)| sentence);
    let head = answer(&mut req);
    let steps = worker.trace.as_ref().map(|trace| trace.take());
    Ok(Rehearsed {
        req,
        steps: steps.unwrap_or_default(),
        head,
        refused,
    })
}

fn no_server() -> io::Error {
    io::Error::new(io::ErrorKind::AddrNotAvailable, "no server listens there")
}

fn client(worker: &Worker, http: &Held, stream: Stream, call: &Call<'_>) -> Rc<Client> {
    let bound = http.router.bound(call.listen);
    let mut peer = call.from.clone();
    let proxied = OnceCell::new();
    if call.proxied {
        // In between is a proxy, which is taken to be on this machine.
        let _ = proxied.set(Box::new(header(call)));
        peer = Peer::Inet(SocketAddr::from((Ipv4Addr::LOCALHOST, PROXY_PORT)));
    }
    let mut peer_text = Vec::new();
    peer.write_ip(&mut peer_text);
    Rc::new(Client {
        number: worker.connection_number(),
        requests: Cell::new(0),
        peer,
        peer_text: peer_text.into_boxed_slice(),
        listen: call.listen,
        bound,
        local: OnceCell::from(call.local.clone()),
        started_ms: clock::monotonic_ms(),
        asked: Cell::new(Moment::NEVER),
        watch: Cell::new(false),
        leaving: Cell::new(false),
        dismissed: Cell::new(false),
        waiting: Cell::new(0),
        rest: Default::default(),
        proxied,
        security: OnceCell::new(),
        h2: OnceCell::new(),
        stream: Rc::new(stream),
    })
}

/// The port that a proxy's connection has, where somebody asks.
const PROXY_PORT: u16 = 50001;

/// What a proxy says in front of the request.
fn header(call: &Call<'_>) -> Header {
    let text = |peer: &Peer| {
        let mut out = Vec::new();
        peer.write_ip(&mut out);
        out.into_boxed_slice()
    };
    let port = |peer: &Peer| match peer {
        Peer::Inet(address) => address.port(),
        Peer::Unix => 0,
    };
    Header {
        source: text(&call.from),
        source_port: port(&call.from),
        destination: text(&call.local),
        destination_port: port(&call.local),
        tlvs: Box::default(),
    }
}

/// What a handshake would have come to.
fn secure(http: &Http, client: &Client, call: &Call<'_>) -> io::Result<()> {
    let expected = http.router.address(client).is_some_and(|a| a.protocols.ssl);
    let security = match (expected, call.tls) {
        (false, _) => return Ok(()),
        (true, None) => Security::Missing,
        (true, Some(name)) => {
            let mut host = Vec::new();
            let valid = name.is_some_and(|name| lower_case(name.as_bytes(), &mut host).is_ok());
            let found = valid.then(|| router::virtual_server(http, client, &host));
            let found = found.flatten();
            let default = router::default_server(http, client).ok_or_else(no_server)?;
            let tls = http.server(found.unwrap_or(default)).tls.as_ref();
            if tls.is_some_and(|tls| tls.reject) {
                let sentence = "the TLS handshake is refused: ssl_reject_handshake";
                return Err(io::Error::other(sentence));
            }
            let host = found.map(|_| host.into_boxed_slice());
            Security::Session(Session::rehearsed(name, host))
        }
    };
    let _ = client.security.set(Rc::new(security));
    Ok(())
}

/// What follows from the head alone. The body counts as read, whatever is in it.
fn prepare(req: &mut Request) -> Result<(), Bad> {
    locate(req)?;
    match parse::framing(&req.head)? {
        BodyLength::None => {}
        BodyLength::Length(length) => req.body.length = Some(length),
        BodyLength::Chunked => req.body.chunked = true,
    }
    req.body.complete = true;
    set_keepalive(req);
    Ok(())
}

/// The head of the answer, as it would be sent.
fn answer(req: &mut Request) -> Vec<u8> {
    let mut head = Vec::new();
    if req.response.no_answer {
        return head;
    }
    super::core::redirect::finish(req);
    let framing = writer::frame(req);
    if req.head.version > Version::Http09 {
        let http = Rc::clone(&req.http);
        let keepalive = http.location(req.location).core.keepalive_header;
        writer::write_head(req, framing, keepalive, &mut head);
    }
    head
}
