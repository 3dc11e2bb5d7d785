//! What is known of the TLS of a client's connection, and whether its requests are answered.

use super::conf::Verify;
use super::tls::Tls;
use crate::http::connection::Client;
use crate::http::request::Request;
use crate::tls::verify::{Purpose, VerifyError, verify_chain};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ClientHello;
use rustls::{CipherSuite, NamedGroup, SignatureScheme};
use std::cell::OnceCell;
use std::sync::Arc;

/// A connection on an address with TLS.
pub enum Security {
    /// The client speaks in the clear.
    Missing,
    /// It does not.
    Session(Session),
}

/// What the client said first, and what came of it.
pub struct Session {
    /// The name of the server that it wants.
    pub name: Option<Box<str>>,
    /// The same as a host, if it led to a server.
    pub host: Option<Box<[u8]>>,
    /// The cipher suites that it can do.
    pub suites: Box<[CipherSuite]>,
    /// The groups for the exchange of keys that it can do.
    pub groups: Box<[NamedGroup]>,
    /// The signatures that it can check.
    pub schemes: Box<[SignatureScheme]>,
    /// What the handshake was made with.
    pub tls: Option<Arc<Tls>>,
    /// The number of the session: the same when it is taken up again.
    pub id: OnceCell<SessionId>,
    verdict: OnceCell<Result<(), VerifyError>>,
}

/// The number of a session.
pub type SessionId = [u8; 32];

impl Session {
    /// By the first message.
    pub fn new(hello: &ClientHello<'_>) -> Session {
        Session {
            name: hello.server_name().map(Into::into),
            host: None,
            suites: hello.cipher_suites().into(),
            groups: hello.named_groups().unwrap_or_default().into(),
            schemes: hello.signature_schemes().into(),
            tls: None,
            id: OnceCell::new(),
            verdict: OnceCell::new(),
        }
    }

    /// Of a client that only rehearses, and names this server.
    pub fn rehearsed(name: Option<&str>, host: Option<Box<[u8]>>) -> Session {
        Session {
            name: name.map(Into::into),
            host,
            suites: Box::default(),
            groups: Box::default(),
            schemes: Box::default(),
            tls: None,
            id: OnceCell::new(),
            verdict: OnceCell::new(),
        }
    }
}

/// The TLS session of a connection.
pub fn of(client: &Client) -> Option<&Session> {
    match &**client.security.get()? {
        Security::Session(session) => Some(session),
        Security::Missing => None,
    }
}

/// The host that the client named in the handshake, if it led to a server.
pub fn host(client: &Client) -> Option<&[u8]> {
    of(client)?.host.as_deref()
}

/// Looks at the certificates that the client sent, its own first; none if it sent none.
pub fn with_certificates<T>(
    client: &Client,
    look: impl FnOnce(&[CertificateDer<'static>]) -> T,
) -> Option<T> {
    let tls = client.stream.tls()?;
    tls.session(|session| {
        let all = session.peer_certificates().filter(|all| !all.is_empty());
        all.map(look)
    })
}

/// Whether the certificate of the client is to be trusted, judged once; none if it has none.
pub fn verdict(client: &Client) -> Option<Result<(), VerifyError>> {
    let session = of(client)?;
    let tls = session.tls.as_ref()?;
    with_certificates(client, |chain| {
        *session.verdict.get_or_init(|| {
            let now = UnixTime::since_unix_epoch(crate::clock::unix_time());
            verify_chain(chain, &tls.trust, Purpose::Client, tls.depth, now)
        })
    })
}

/// The status with which a request is refused because of how its connection is secured, and nginx's sentence for it.
pub fn refusal(req: &Request) -> Option<(u16, String)> {
    let security = req.client.security.get()?;
    if let Security::Missing = **security {
        let sentence = "client sent plain HTTP request to HTTPS port";
        return Some((497, sentence.to_owned()));
    }
    let tls = req.server(&req.http).tls.as_ref();
    let verify = tls.map_or(Verify::Off, |tls| tls.verify);
    if verify == Verify::Off {
        return None;
    }
    match verdict(&req.client) {
        Some(Ok(())) => None,
        Some(Err(error)) if verify == Verify::OptionalNoCa && is_about_issuer(error) => None,
        Some(Err(error)) => {
            let sentence = format!("client SSL certificate verify error: {error}");
            Some((495, sentence))
        }
        None if verify == Verify::On => {
            let sentence = "client sent no required SSL certificate";
            Some((496, sentence.to_owned()))
        }
        None => None,
    }
}

/// Whether all that is wrong with a certificate is that nobody known has issued it: what `optional_no_ca` lets pass.
fn is_about_issuer(error: VerifyError) -> bool {
    // OpenSSL's numbers: self-signed (also in the chain), no local issuer, untrusted, first not verified.
    matches!(error.code, 18 | 19 | 20 | 21 | 27)
}
