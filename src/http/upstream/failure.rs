//! Why no answer could be had from an upstream: one value, from which status, log line, the decision to ask another
//! server and explanations derive.

pub use super::kind::Kind;
use super::left_out::LeftOut;
use super::spoken::Start;
use super::state::Stage;
use crate::config::span::Span;
use crate::http::conf::LocationId;
use crate::log::Level;
use crate::tls::alert;
use crate::tls::verify::VerifyError;
use bytes::Bytes;
use rustix::io::Errno;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::time::Duration;

/// The conditions of `proxy_next_upstream` and its like, as bits.
pub mod condition {
    /// `error`
    pub const ERROR: u32 = 1 << 1;
    /// `timeout`
    pub const TIMEOUT: u32 = 1 << 2;
    /// `invalid_header`
    pub const INVALID_HEADER: u32 = 1 << 3;
    /// `http_500`
    pub const HTTP_500: u32 = 1 << 4;
    /// `http_502`
    pub const HTTP_502: u32 = 1 << 5;
    /// `http_503`
    pub const HTTP_503: u32 = 1 << 6;
    /// `http_504`
    pub const HTTP_504: u32 = 1 << 7;
    /// `http_403`
    pub const HTTP_403: u32 = 1 << 8;
    /// `http_404`
    pub const HTTP_404: u32 = 1 << 9;
    /// `http_429`
    pub const HTTP_429: u32 = 1 << 10;
    /// `updating`, which only means something to a cache.
    pub const UPDATING: u32 = 1 << 11;
    /// `non_idempotent`
    pub const NON_IDEMPOTENT: u32 = 1 << 14;
    /// There was no server left to ask; no configuration can name this.
    pub const NO_LIVE: u32 = 1 << 30;
    /// `off`
    pub const OFF: u32 = 1 << 31;

    /// The condition that a status of an answer meets.
    pub fn of_status(status: u16) -> Option<u32> {
        Some(match status {
            500 => HTTP_500,
            502 => HTTP_502,
            503 => HTTP_503,
            504 => HTTP_504,
            403 => HTTP_403,
            404 => HTTP_404,
            429 => HTTP_429,
            _ => return None,
        })
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Every server of the group is down, failed too often of late, or has `max_conns` connections.
    NoLiveUpstreams,
    /// `connect` failed at once; the number is the system's. Unix sockets fail so.
    ConnectAtOnce(i32),
    /// The connection was refused or could not be made; the number is the system's.
    Connect(i32),
    /// The local address of `proxy_bind` could not be bound.
    Bind(i32, Bytes),
    /// The system does not let the worker use addresses of other machines.
    Transparent(i32),
    /// No socket could be made.
    Socket(i32),
    /// The thread has as many connections as `worker_connections` allows.
    NoPlace(usize),
    /// What we need for TLS is not there, a certificate of ours say; the text is the sentence for the log.
    TlsSetup(String),
    /// The sides could not agree on TLS; the text is OpenSSL's reason.
    Handshake(String),
    /// The connection closed or broke before they had agreed; the number is the system's.
    HandshakeClosed(Option<i32>),
    /// The server's certificate cannot be trusted.
    CertificateRefused(VerifyError),
    /// The server's certificate is for another name than this.
    CertificateName(Bytes),
    /// TLS broke after the handshake; the text is OpenSSL's reason.
    Tls(String),
    /// Writing the request failed.
    Send(i32),
    /// Reading the answer failed.
    Receive(i32),
    /// Nothing happened for `*_connect_timeout`, `*_send_timeout` or `*_read_timeout`, by the stage.
    TimedOut,
    /// The connection closed before the head of the answer was complete, or before the end of its body.
    ClosedEarly,
    /// The answer does not begin as an answer of this protocol does.
    NotHttp,
    /// A line of the head is not a header field; the text shows how far it was understood.
    InvalidHeader(Bytes),
    /// The head does not fit into `*_buffer_size`.
    HeaderTooBig,
    /// The head contradicts itself or cannot be understood; the text is the sentence for the log.
    BadHead(String),
    /// The body breaks its framing; the text is the sentence for the log.
    BadBody(Cow<'static, str>),
    /// 101 came, and nobody had asked for it.
    UnaskedUpgrade,
    /// An answer came whose status makes us ask another server.
    Status(u16),
    /// The answer that came is passed on, and says that the server expects TLS.
    WantsTls(u16),
    /// What the server wrote to its error output tells why: nginx's sentence.
    Stderr(String),
    /// The name could not be resolved; the text says why.
    Unresolved {
        /// The name.
        host: Bytes,
        /// What the name servers said.
        why: String,
        /// Whether they said nothing in time.
        late: bool,
    },
    /// There is a name to resolve, and no `resolver`.
    NoResolver(Bytes),
}

/// A failed attempt.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong.
    pub cause: Cause,
    /// What was being done.
    pub stage: Stage,
    /// The server, if one was chosen.
    pub peer: Option<Bytes>,
    /// Where the directive stands that sent the request there.
    pub span: Option<Span>,
    /// The block whose settings held.
    pub location: LocationId,
    /// The scheme with `://`: which protocol was spoken.
    pub scheme: &'static str,
    /// What else is known.
    pub facts: Facts,
}

/// What is known of a failure beyond its cause.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The group's number, and the server in it as it was written.
    pub server: Option<(u64, Bytes)>,
    /// For how long the connection had been idle, if it was kept from another request.
    pub idle: Option<Duration>,
    /// For how long the group keeps idle connections.
    pub kept: Option<Duration>,
    /// The limit that was reached, of a time.
    pub waited: Option<Duration>,
    /// Whether the answer's body is passed on as it comes, which nginx reads by another call.
    pub unbuffered: bool,
    /// Whether it was the server that took nothing, after a switch of protocols.
    pub blocked: bool,
    /// The limit that was reached, in bytes.
    pub limit: u64,
    /// Bytes received: of the head, or of the body if the head was complete.
    pub received: u64,
    /// How many bytes of the body were announced.
    pub announced: Option<u64>,
    /// What came first in place of an answer.
    pub start: Start,
    /// Why each server of the group is left out.
    pub left_out: Vec<LeftOut>,
}

impl Failure {
    /// A failure of which only the cause is known.
    pub fn new(cause: Cause, stage: Stage) -> Self {
        Failure {
            cause,
            stage,
            peer: None,
            span: None,
            location: LocationId(0),
            scheme: "http://",
            facts: Facts::default(),
        }
    }
}

impl Cause {
    /// The cause of an I/O error, given what was being done.
    pub fn of_io(stage: Stage, error: &io::Error) -> Self {
        let Some(errno) = error.raw_os_error() else {
            return Cause::of_session(error);
        };
        match stage {
            Stage::Connecting => Cause::Connect(errno),
            Stage::Sending => Cause::Send(errno),
            _ => Cause::Receive(errno),
        }
    }

    /// The cause of an error that is not the system's.
    fn of_session(error: &io::Error) -> Self {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Cause::Tls(alert::reason(error).into_owned()),
            None => Cause::Tls(error.to_string()),
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Cause::ConnectAtOnce(e)
            | Cause::Connect(e)
            | Cause::Bind(e, _)
            | Cause::Socket(e)
            | Cause::Transparent(e)
            | Cause::Send(e)
            | Cause::Receive(e) => Some(*e),
            Cause::HandshakeClosed(e) => *e,
            Cause::TimedOut => Some(ETIMEDOUT),
            _ => None,
        }
    }
}

const ETIMEDOUT: i32 = Errno::TIMEDOUT.raw_os_error();

impl Failure {
    /// The status to answer with if no other server is asked.
    pub fn status(&self) -> u16 {
        match &self.cause {
            Cause::TimedOut => 504,
            Cause::Status(status) | Cause::WantsTls(status) => *status,
            Cause::Bind(..)
            | Cause::Socket(_)
            | Cause::Transparent(_)
            | Cause::NoPlace(_)
            | Cause::TlsSetup(_) => 500,
            _ => 502,
        }
    }

    /// Which of [`condition`] it meets.
    pub fn condition(&self) -> u32 {
        match &self.cause {
            Cause::NoLiveUpstreams => condition::NO_LIVE,
            Cause::TimedOut => condition::TIMEOUT,
            Cause::NotHttp
            | Cause::InvalidHeader(_)
            | Cause::HeaderTooBig
            | Cause::BadHead(_)
            | Cause::UnaskedUpgrade => condition::INVALID_HEADER,
            Cause::Status(status) | Cause::WantsTls(status) => {
                condition::of_status(*status).unwrap_or(0)
            }
            _ => condition::ERROR,
        }
    }

    /// Whether another server may be asked about it at all: not when the trouble is on this machine.
    pub fn may_be_retried(&self) -> bool {
        !matches!(
            self.cause,
            Cause::Bind(..)
                | Cause::Socket(_)
                | Cause::Transparent(_)
                | Cause::NoPlace(_)
                | Cause::TlsSetup(_)
        )
    }

    /// How grave it is, as nginx judges.
    pub fn level(&self) -> Level {
        let errno = self.cause.errno().map(Errno::from_raw_os_error);
        match (&self.cause, errno) {
            (Cause::Bind(..), _) => Level::Crit,
            (Cause::WantsTls(_), _) => Level::Warn,
            (Cause::Socket(_) | Cause::Transparent(_) | Cause::NoPlace(_), _) => Level::Alert,
            (
                Cause::ConnectAtOnce(_),
                Some(
                    Errno::CONNREFUSED
                    | Errno::AGAIN
                    | Errno::CONNRESET
                    | Errno::NETDOWN
                    | Errno::NETUNREACH
                    | Errno::HOSTDOWN
                    | Errno::HOSTUNREACH,
                ),
            ) => Level::Error,
            (Cause::ConnectAtOnce(_), _) => Level::Crit,
            (
                _,
                None
                | Some(
                    Errno::CONNRESET
                    | Errno::PIPE
                    | Errno::NOTCONN
                    | Errno::TIMEDOUT
                    | Errno::CONNREFUSED
                    | Errno::NETDOWN
                    | Errno::NETUNREACH
                    | Errno::HOSTDOWN
                    | Errno::HOSTUNREACH,
                ),
            ) => Level::Error,
            _ => Level::Alert,
        }
    }

    /// Whether nginx, too, has a line about it.
    pub fn is_known_to_nginx(&self) -> bool {
        !matches!(self.cause, Cause::WantsTls(_))
    }

    /// Whether nginx writes a line about it: not for a status that merely makes it go on.
    pub fn is_logged(&self) -> bool {
        !matches!(self.cause, Cause::Status(_))
    }
}

/// nginx's sentence for its error log, what was being done included.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::NoLiveUpstreams => f.write_str("no live upstreams")?,
            Cause::ConnectAtOnce(e) => {
                let peer = self.peer.as_deref().unwrap_or_default();
                let peer = String::from_utf8_lossy(peer);
                write!(f, "connect() to {peer} failed {}", System(*e))?;
            }
            Cause::Connect(e) => write!(f, "connect() failed {}", System(*e))?,
            Cause::Transparent(e) => {
                write!(f, "setsockopt(IP_TRANSPARENT) failed {}", System(*e))?;
            }
            Cause::Bind(e, local) => {
                let local = String::from_utf8_lossy(local);
                write!(f, "bind({local}) failed {}", System(*e))?;
            }
            Cause::Socket(e) => write!(f, "socket() failed {}", System(*e))?,
            Cause::NoPlace(most) => write!(f, "{most} worker_connections are not enough")?,
            Cause::TlsSetup(sentence) => f.write_str(sentence)?,
            Cause::Handshake(reason) => write!(f, "SSL_do_handshake() failed (SSL: {reason})")?,
            Cause::Tls(reason) => {
                let call = match self.stage {
                    Stage::Sending => "SSL_write()",
                    _ => "SSL_read()",
                };
                write!(f, "{call} failed (SSL: {reason})")?;
            }
            Cause::HandshakeClosed(None) => {
                f.write_str("peer closed connection in SSL handshake")?
            }
            Cause::HandshakeClosed(Some(e)) => {
                write!(f, "peer closed connection in SSL handshake {}", System(*e))?;
            }
            Cause::CertificateRefused(e) => {
                write!(f, "upstream SSL certificate verify error: {e}")?;
            }
            Cause::CertificateName(name) => {
                let name = String::from_utf8_lossy(name);
                write!(f, "upstream SSL certificate does not match \"{name}\"")?;
            }
            Cause::Send(e) => write!(f, "writev() failed {}", System(*e))?,
            Cause::Receive(e) if self.stage == Stage::Body && !self.facts.unbuffered => {
                write!(f, "readv() failed {}", System(*e))?;
            }
            Cause::Receive(e) => write!(f, "recv() failed {}", System(*e))?,
            Cause::TimedOut => write!(f, "upstream timed out {}", System(ETIMEDOUT))?,
            Cause::ClosedEarly => f.write_str("upstream prematurely closed connection")?,
            Cause::NotHttp => f.write_str("upstream sent no valid HTTP/1.0 header")?,
            Cause::InvalidHeader(shown) => {
                let shown = String::from_utf8_lossy(shown);
                write!(f, "upstream sent invalid header: \"{shown}...\"")?;
            }
            Cause::HeaderTooBig => f.write_str("upstream sent too big header")?,
            Cause::BadHead(sentence) => f.write_str(sentence)?,
            Cause::BadBody(sentence) => f.write_str(sentence)?,
            Cause::UnaskedUpgrade => {
                f.write_str("upstream switched protocols without being asked to")?;
            }
            Cause::Status(status) => write!(f, "upstream answered {status}")?,
            Cause::WantsTls(status) => {
                write!(f, "upstream answered {status} since it expects TLS")?;
            }
            Cause::Stderr(sentence) => f.write_str(sentence)?,
            Cause::Unresolved { host, why, .. } => {
                let host = String::from_utf8_lossy(host);
                return write!(f, "{host} could not be resolved ({why})");
            }
            Cause::NoResolver(host) => {
                let host = String::from_utf8_lossy(host);
                return write!(f, "no resolver defined to resolve {host}");
            }
        }
        write!(f, " while {}", self.stage.action())
    }
}

/// An error of the system as nginx writes it: `(111: Connection refused)`.
pub struct System(pub i32);

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = io::Error::from_raw_os_error(self.0).to_string();
        // The standard library adds " (os error 111)" to the system's text.
        let text = text
            .rsplit_once(" (os error ")
            .map_or(text.as_str(), |(t, _)| t);
        write!(f, "({}: {text})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(cause: Cause, stage: Stage) -> Failure {
        Failure {
            peer: Some(Bytes::from_static(b"unix:/run/app.sock")),
            ..Failure::new(cause, stage)
        }
    }

    #[test]
    fn sentences_are_nginx_s() {
        for (cause, stage, sentence, status) in [
            (
                Cause::Connect(111),
                Stage::Connecting,
                "connect() failed (111: Connection refused) while connecting to upstream",
                502,
            ),
            (
                Cause::ConnectAtOnce(2),
                Stage::Connecting,
                "connect() to unix:/run/app.sock failed (2: No such file or directory) while connecting to upstream",
                502,
            ),
            (
                Cause::NoLiveUpstreams,
                Stage::Connecting,
                "no live upstreams while connecting to upstream",
                502,
            ),
            (
                Cause::TimedOut,
                Stage::Head,
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
                504,
            ),
            (
                Cause::Receive(104),
                Stage::Head,
                "recv() failed (104: Connection reset by peer) while reading response header from upstream",
                502,
            ),
            (
                Cause::ClosedEarly,
                Stage::Body,
                "upstream prematurely closed connection while reading upstream",
                502,
            ),
        ] {
            let f = failure(cause, stage);
            assert_eq!((f.to_string().as_str(), f.status()), (sentence, status));
        }
    }

    #[test]
    fn tls_fails_in_nginx_s_words() {
        for (cause, sentence) in [
            (
                Cause::CertificateRefused(VerifyError::SELF_SIGNED),
                "upstream SSL certificate verify error: (18:self-signed certificate) while SSL handshaking to upstream",
            ),
            (
                Cause::CertificateName(Bytes::from_static(b"a.example")),
                "upstream SSL certificate does not match \"a.example\" while SSL handshaking to upstream",
            ),
            (
                Cause::HandshakeClosed(Some(104)),
                "peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking to upstream",
            ),
        ] {
            let f = failure(cause, Stage::Handshaking);
            assert_eq!((f.to_string().as_str(), f.status()), (sentence, 502));
            assert_eq!((f.level(), f.condition()), (Level::Error, condition::ERROR));
        }
    }

    #[test]
    fn levels_and_kinds() {
        let f = failure(Cause::ConnectAtOnce(2), Stage::Connecting);
        assert_eq!((f.level(), f.kind()), (Level::Crit, Kind::NoUnixSocket));
        let f = failure(Cause::Connect(111), Stage::Connecting);
        assert_eq!((f.level(), f.kind()), (Level::Error, Kind::Refused));
        let f = failure(Cause::ClosedEarly, Stage::Head);
        assert_eq!(f.kind(), Kind::ClosedBeforeAnswer);
    }
}
