//! Which kind of failure it was: told from the cause, and from what else is known.

use super::failure::{Cause, Failure};
use super::kind::Kind;
use super::left_out::{LeftOut, Why};
use super::spoken::Spoken;
use super::state::Stage;
use rustix::io::Errno;

impl Failure {
    /// What an administrator would call it.
    pub fn kind(&self) -> Kind {
        match &self.cause {
            Cause::NoLiveUpstreams => {
                let full = |l: &LeftOut| matches!(l.why, Why::Full(_));
                match self.facts.left_out.iter().any(full) {
                    true => Kind::MaxConns,
                    false => Kind::NoLiveUpstreams,
                }
            }
            Cause::ConnectAtOnce(e) | Cause::Connect(e) => self.kind_of_connect(*e),
            Cause::Bind(e, _) => match Errno::from_raw_os_error(*e) {
                Errno::ADDRINUSE => Kind::Ports,
                _ => Kind::Bind,
            },
            Cause::Transparent(_) => Kind::Bind,
            Cause::NoPlace(_) => Kind::WorkerConnections,
            Cause::TlsSetup(_) => Kind::TlsSetup,
            Cause::Handshake(reason) => kind_of_handshake(reason),
            Cause::HandshakeClosed(_) => Kind::TlsClosed,
            Cause::Tls(reason) => match reason.contains("SSL alert number") {
                true => Kind::TlsAlert,
                false => Kind::TlsFailed,
            },
            Cause::CertificateRefused(_) => Kind::CertificateRefused,
            Cause::CertificateName(_) => Kind::CertificateName,
            Cause::Socket(e) => kind_of_resource(*e).unwrap_or(Kind::Local),
            Cause::Send(e) | Cause::Receive(e) => match kind_of_resource(*e) {
                Some(kind) => kind,
                None if self.facts.idle.is_some() && self.facts.received == 0 => {
                    Kind::ClosedWhileIdle
                }
                None => Kind::Reset,
            },
            Cause::TimedOut => match self.stage {
                Stage::Resolving => Kind::ResolveTimeout,
                Stage::Connecting => Kind::ConnectTimeout,
                Stage::Handshaking => Kind::TlsTimeout,
                Stage::Sending => Kind::SendTimeout,
                Stage::Upgraded if self.facts.blocked => Kind::SendTimeout,
                _ => Kind::ReadTimeout,
            },
            Cause::ClosedEarly if self.stage == Stage::Body => Kind::CutShort,
            Cause::ClosedEarly => match self.facts.idle {
                Some(_) if self.facts.received == 0 => Kind::ClosedWhileIdle,
                _ => Kind::ClosedBeforeAnswer,
            },
            Cause::NotHttp | Cause::InvalidHeader(_) | Cause::BadHead(_) => self.kind_of_head(),
            Cause::HeaderTooBig => match self.facts.start.spoken() {
                Spoken::Tls => Kind::TlsExpected,
                Spoken::Http if self.scheme == "fastcgi://" => Kind::SpeaksHttp,
                _ => Kind::HeaderTooBig,
            },
            Cause::BadBody(sentence) => match sentence.contains("prematurely closed") {
                true => Kind::CutShort,
                false => Kind::BadBody,
            },
            Cause::UnaskedUpgrade => Kind::UnaskedUpgrade,
            Cause::Status(_) => Kind::Status,
            Cause::WantsTls(_) => Kind::TlsExpected,
            Cause::Stderr(sentence) => kind_of_stderr(sentence),
            Cause::Unresolved { late: true, .. } => Kind::ResolveTimeout,
            Cause::Unresolved { .. } => Kind::NotResolved,
            Cause::NoResolver(_) => Kind::NoResolver,
        }
    }

    fn kind_of_connect(&self, errno: i32) -> Kind {
        let unix = self.is_unix();
        match Errno::from_raw_os_error(errno) {
            Errno::NOENT if unix => Kind::NoUnixSocket,
            Errno::ACCESS | Errno::PERM if unix => Kind::UnixSocketForbidden,
            Errno::AGAIN if unix => Kind::QueueFull,
            Errno::CONNREFUSED => Kind::Refused,
            Errno::CONNRESET => Kind::Reset,
            Errno::TIMEDOUT => Kind::ConnectTimeout,
            Errno::HOSTUNREACH | Errno::HOSTDOWN => Kind::HostUnreachable,
            Errno::NETUNREACH | Errno::NETDOWN => Kind::NetworkUnreachable,
            Errno::ADDRNOTAVAIL | Errno::AGAIN => Kind::Ports,
            _ => kind_of_resource(errno).unwrap_or(Kind::NotConnected),
        }
    }

    fn kind_of_head(&self) -> Kind {
        if let Cause::BadHead(sentence) = &self.cause
            && sentence.starts_with("FastCGI sent in stderr")
        {
            return kind_of_stderr(sentence);
        }
        let http = self.scheme == "http://" || self.scheme == "https://";
        match self.facts.start.spoken() {
            Spoken::Tls => Kind::TlsExpected,
            Spoken::Http2 if http => Kind::Http2Only,
            Spoken::Http if self.scheme == "fastcgi://" => Kind::SpeaksHttp,
            _ if self.scheme == "fastcgi://" && self.cause.is_no_fastcgi() => Kind::NotFastcgi,
            _ if self.cause == Cause::NotHttp => Kind::NotHttp,
            _ => Kind::BadHead,
        }
    }

    /// Whether the server is a unix socket.
    pub fn is_unix(&self) -> bool {
        self.peer.as_ref().is_some_and(|p| p.starts_with(b"unix:"))
    }
}

impl Cause {
    /// Whether the FastCGI module complains about what stands where a record begins.
    fn is_no_fastcgi(&self) -> bool {
        matches!(self, Cause::BadHead(sentence) if sentence.contains("unsupported FastCGI protocol"))
    }
}

/// What OpenSSL's words for a failed handshake mean.
fn kind_of_handshake(reason: &str) -> Kind {
    if reason.contains("wrong version number") || reason.contains("packet length too long") {
        Kind::TlsToPlain
    } else if reason.contains("SSL alert number") {
        Kind::TlsAlert
    } else {
        Kind::TlsFailed
    }
}

/// What php-fpm says when there is no script, or something of the application's own.
fn kind_of_stderr(sentence: &str) -> Kind {
    match sentence.contains("Primary script unknown") {
        true => Kind::ScriptNotFound,
        false => Kind::Stderr,
    }
}

/// What of this machine has run out.
fn kind_of_resource(errno: i32) -> Option<Kind> {
    Some(match Errno::from_raw_os_error(errno) {
        Errno::MFILE | Errno::NFILE => Kind::Descriptors,
        Errno::NOMEM | Errno::NOBUFS => Kind::Memory,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    /// What no test can have happen on every machine.
    #[test]
    fn errors_of_the_system_are_told_apart() {
        let unix = Bytes::from_static(b"unix:/run/app.sock");
        let inet = Bytes::from_static(b"10.0.0.1:80");
        for (cause, peer, kind) in [
            (Cause::Connect(113), &inet, Kind::HostUnreachable),
            (Cause::ConnectAtOnce(101), &inet, Kind::NetworkUnreachable),
            (Cause::Connect(110), &inet, Kind::ConnectTimeout),
            (Cause::Connect(104), &inet, Kind::Reset),
            (Cause::ConnectAtOnce(99), &inet, Kind::Ports),
            (Cause::ConnectAtOnce(11), &inet, Kind::Ports),
            (Cause::ConnectAtOnce(11), &unix, Kind::QueueFull),
            (Cause::ConnectAtOnce(111), &unix, Kind::Refused),
            (Cause::ConnectAtOnce(22), &inet, Kind::NotConnected),
            (Cause::ConnectAtOnce(105), &inet, Kind::Memory),
            (Cause::Socket(12), &inet, Kind::Memory),
            (Cause::Socket(24), &inet, Kind::Descriptors),
            (Cause::Socket(23), &inet, Kind::Descriptors),
            (Cause::Socket(97), &inet, Kind::Local),
            (Cause::Receive(105), &inet, Kind::Memory),
            (Cause::Bind(98, inet.clone()), &inet, Kind::Ports),
            (Cause::Bind(99, inet.clone()), &inet, Kind::Bind),
            (Cause::NoPlace(10), &inet, Kind::WorkerConnections),
        ] {
            let mut failure = Failure::new(cause.clone(), Stage::Connecting);
            failure.peer = Some(peer.clone());
            assert_eq!(failure.kind(), kind, "{cause:?}");
        }
    }
}
