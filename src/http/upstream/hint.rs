//! What to do about a failure: one sentence in plain words, with the place of the directive to change.

use super::failure::{Cause, Failure};
use super::kind::Kind;
use super::spoken::Spoken;
use super::state::Stage;
use crate::config::span::Span;
use crate::http::request::Request;
use crate::tls::verify::VerifyError;
use std::fmt;
use std::time::Duration;

/// A failure with its request: `{}` is the hint, without any quotation mark. Looked up and formatted only when it is
/// shown.
pub struct Hint<'a> {
    failure: &'a Failure,
    req: &'a Request,
}

impl Failure {
    /// What to do about it.
    pub fn hint<'a>(&'a self, req: &'a Request) -> Hint<'a> {
        Hint { failure: self, req }
    }

    /// Where the server was written; else where the directive stands that leads to it.
    pub fn place(&self, req: &Request) -> Option<Span> {
        self.server_line(req).or(self.span)
    }

    fn server_line(&self, req: &Request) -> Option<Span> {
        let (group, server) = self.facts.server.as_ref()?;
        req.http.upstream.of_peers(*group)?.place_of(server)
    }

    /// What the names of the protocol's directives begin with.
    fn prefix(&self) -> &'static str {
        match self.scheme {
            "fastcgi://" => "fastcgi",
            "uwsgi://" | "suwsgi://" => "uwsgi",
            "scgi://" => "scgi",
            _ => "proxy",
        }
    }
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failure, facts) = (self.failure, &self.failure.facts);
        let (at, prefix, received) = (Target(self), failure.prefix(), facts.received);
        match failure.kind() {
            Kind::Refused => {
                let fix = self.line();
                write!(f, "nothing is listening on {at}: start the application or fix {fix}")
            }
            Kind::NoUnixSocket => {
                let fix = self.line();
                write!(f, "there is no socket {at}: start the application or fix {fix}")
            }
            Kind::UnixSocketForbidden => write!(
                f,
                "the user of the worker may not open {at}: let it write to the socket and pass through its directories"
            ),
            Kind::QueueFull => write!(
                f,
                "so many connections wait at {at} that no other may: the application is too slow or has too few \
                 workers (php-fpm: pm.max_children), or its backlog is too small"
            ),
            Kind::HostUnreachable => write!(
                f,
                "{at} cannot be reached: the host is down or a firewall rejects the connection"
            ),
            Kind::NetworkUnreachable => {
                write!(f, "there is no route to {at}: check the address and the routes of this machine")?;
                match failure.peer.as_ref().is_some_and(|p| p.starts_with(b"[")) {
                    true => f.write_str("; it may have no IPv6"),
                    false => Ok(()),
                }
            }
            Kind::NotConnected => write!(f, "no connection to {at} could be made: check the address"),
            Kind::ConnectTimeout => {
                let limit = self.limit("connect_timeout");
                write!(
                    f,
                    "{at} did not take the connection within {limit}: the host is down, a firewall drops the packets, \
                     or the application accepts no more connections"
                )
            }
            Kind::NotResolved | Kind::ResolveTimeout | Kind::NoResolver => self.name(f),
            Kind::TlsExpected => write!(f, "{at} expects TLS: write https:// in {prefix}_pass, or its port without TLS"),
            Kind::TlsToPlain => write!(
                f,
                "{at} does not speak TLS: write http:// in {prefix}_pass, or its port for TLS"
            ),
            Kind::TlsAlert
            | Kind::TlsFailed
            | Kind::TlsClosed
            | Kind::TlsTimeout
            | Kind::TlsSetup
            | Kind::CertificateRefused
            | Kind::CertificateName => self.tls(f),
            Kind::Http2Only => write!(
                f,
                "{at} speaks HTTP/2 only: turn on HTTP/1.1 there, in which requests are sent"
            ),
            Kind::NotHttp => match facts.start.spoken() {
                Spoken::Ssh => write!(f, "{at} speaks SSH: check the port"),
                _ => write!(
                    f,
                    "{at} does not speak HTTP, its answer begins with '{}': check the port and what listens there",
                    facts.start
                ),
            },
            Kind::SpeaksHttp => write!(
                f,
                "{at} speaks HTTP: write proxy_pass in place of {prefix}_pass, or fix the port"
            ),
            Kind::NotFastcgi => write!(
                f,
                "{at} does not speak FastCGI, its answer begins with '{}': check the port",
                facts.start
            ),
            Kind::ClosedBeforeAnswer => self.closed(f),
            Kind::ClosedWhileIdle => write!(
                f,
                "{at} closed a kept connection that had been idle for {}: let it keep connections for longer than the \
                 {} of keepalive_timeout here",
                Time(facts.idle.unwrap_or_default()),
                Time(facts.kept.unwrap_or_default())
            ),
            Kind::Reset => {
                write!(f, "{at} reset the connection")?;
                if received > 0 {
                    write!(f, " after {received} bytes")?;
                }
                f.write_str(": the application crashed or was stopped, or a firewall cut the connection; see its log")
            }
            Kind::HeaderTooBig => {
                let name = format!("{prefix}_buffer_size");
                let place = self.place_of(&name);
                write!(
                    f,
                    "the header of the answer is larger than {} ({received} bytes so far): raise {name} ({place}), or \
                     have the application send less, such as fewer cookies",
                    Size(facts.limit)
                )
            }
            Kind::BadHead => write!(f, "the header that {at} sent is wrong: fix the application"),
            Kind::BadBody => write!(
                f,
                "the body that {at} sent is wrong after {received} bytes: fix the application"
            ),
            Kind::UnaskedUpgrade => write!(
                f,
                "{at} switched protocols unasked: for WebSocket set proxy_set_header Upgrade $http_upgrade and \
                 Connection upgrade"
            ),
            Kind::CutShort => {
                match facts.announced {
                    Some(all) => write!(f, "{at} closed after {received} of {all} bytes of the body")?,
                    None => write!(f, "{at} closed after {received} bytes, before the end of the body")?,
                }
                f.write_str(": the application crashed or was stopped while it answered; see its log")
            }
            Kind::ReadTimeout => self.read_timeout(f),
            Kind::SendTimeout => {
                let limit = self.limit("send_timeout");
                write!(
                    f,
                    "{at} took nothing of the request for {limit}: the application does not read it, or is stuck"
                )
            }
            Kind::NoLiveUpstreams | Kind::MaxConns => self.nobody(f),
            Kind::Descriptors => f.write_str(
                "no file descriptor is left: raise worker_rlimit_nofile, or fs.file-max of the system",
            ),
            Kind::WorkerConnections => f.write_str(
                "every connection that a worker may have is in use: raise worker_connections in the events block",
            ),
            Kind::Ports => write!(
                f,
                "no local port is left for {at}: keep connections (keepalive), bind to several addresses \
                 ({prefix}_bind), or widen net.ipv4.ip_local_port_range"
            ),
            Kind::Memory => f.write_str("the kernel has no memory left for sockets"),
            Kind::Bind => {
                let name = format!("{prefix}_bind");
                let place = self.place_of(&name);
                write!(f, "the address of {name} ({place}) cannot be used on this machine")
            }
            Kind::Local => f.write_str("a call to the system failed on this machine"),
            Kind::ScriptNotFound => self.script(f),
            Kind::Stderr => f.write_str("the application wrote this to its error output"),
            Kind::Status => f.write_str("another server is asked for this status"),
        }
    }
}

impl Hint<'_> {
    /// What to change if the address is wrong.
    fn line(&self) -> String {
        match self.failure.server_line(self.req) {
            Some(_) => String::from("the server line"),
            None => format!("{}_pass", self.failure.prefix()),
        }
    }

    fn place_of(&self, name: &str) -> String {
        let http = &self.req.http;
        http.places.show_of(http, self.failure.location, name)
    }

    /// `60s (proxy_read_timeout, default)`
    fn limit(&self, name: &str) -> String {
        let Some(waited) = self.failure.facts.waited else {
            return String::from("the time that the system allows");
        };
        let name = format!("{}_{name}", self.failure.prefix());
        let place = self.place_of(&name);
        format!("{} ({name}, {place})", Time(waited))
    }

    fn name(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = &self.req.http.places;
        let place = self
            .failure
            .span
            .map(|span| places.show(span))
            .unwrap_or_default();
        match &self.failure.cause {
            Cause::Unresolved { host, late, .. } => {
                let (host, at) = (String::from_utf8_lossy(host), self.place_of("resolver"));
                if !late {
                    return write!(
                        f,
                        "{host} ({place}) does not resolve: check the name, and resolver ({at})"
                    );
                }
                let limit = self.place_of("resolver_timeout");
                let waited = Time(self.failure.facts.waited.unwrap_or_default());
                write!(
                    f,
                    "no name server told in {waited} (resolver_timeout, {limit}) what {host} ({place}) is: check \
                     resolver ({at})"
                )
            }
            Cause::NoResolver(host) => write!(
                f,
                "{} ({place}) comes from a variable and is looked up for each request: set resolver, or name it in \
                 an upstream block",
                String::from_utf8_lossy(host)
            ),
            _ => Ok(()),
        }
    }

    fn tls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Target(self);
        let named = |name: &str| {
            let name = format!("{}_{name}", self.failure.prefix());
            let place = self.place_of(&name);
            format!("{name} ({place})")
        };
        match &self.failure.cause {
            Cause::Handshake(reason) | Cause::Tls(reason)
                if reason.contains("certificate required") =>
            {
                write!(
                    f,
                    "{at} wants a certificate from this server: set {}",
                    named("ssl_certificate")
                )
            }
            Cause::Tls(reason) if reason.contains("SSL alert number") => {
                write!(f, "{at} broke off TLS with an alert: its log may tell why")
            }
            Cause::Tls(_) => write!(
                f,
                "what came from {at} is no valid TLS any more: it broke down, or something on the way changes it"
            ),
            Cause::Handshake(reason) if reason.contains("SSL alert number") => write!(
                f,
                "{at} refused the handshake: it may want to be told a name, which {} does, or other protocols or \
                 ciphers",
                named("ssl_server_name")
            ),
            Cause::HandshakeClosed(_) => write!(
                f,
                "{at} closed the connection within the handshake: it may want to be told a name, which {} does, or \
                 its port is not for TLS",
                named("ssl_server_name")
            ),
            Cause::Handshake(_) => write!(
                f,
                "{at} and this server find no version or cipher of TLS that both allow: see {} and {}",
                named("ssl_protocols"),
                named("ssl_ciphers")
            ),
            Cause::TimedOut => write!(
                f,
                "{at} did not end the handshake within {}: the application is stuck, or its port is not for TLS",
                self.limit("connect_timeout")
            ),
            Cause::CertificateName(name) => write!(
                f,
                "the certificate of {at} is not for {}: set {} to a name that it is for",
                String::from_utf8_lossy(name).replace('"', " "),
                named("ssl_name")
            ),
            Cause::CertificateRefused(error) => match *error {
                VerifyError::EXPIRED => {
                    write!(f, "the certificate of {at} has expired: renew it there")
                }
                VerifyError::NOT_YET_VALID => write!(
                    f,
                    "the certificate of {at} is not valid yet: check the clocks of both machines"
                ),
                VerifyError::REVOKED => write!(
                    f,
                    "the certificate of {at} was revoked, says {}: replace it there",
                    named("ssl_crl")
                ),
                VerifyError::CHAIN_TOO_LONG => write!(
                    f,
                    "there are too many certificates between that of {at} and a trusted one: raise {}",
                    named("ssl_verify_depth")
                ),
                VerifyError::SELF_SIGNED
                | VerifyError::SELF_SIGNED_IN_CHAIN
                | VerifyError::NO_ISSUER
                | VerifyError::NO_LOCAL_ISSUER
                | VerifyError::FIRST_NOT_VERIFIED => write!(
                    f,
                    "the certificate of {at} is signed by nobody who is trusted: put its CA, or for a self-signed one \
                     itself, into {}, and have the server send the certificates between",
                    named("ssl_trusted_certificate")
                ),
                _ => write!(
                    f,
                    "the certificate of {at} is refused ({}): replace it there",
                    error.text
                ),
            },
            _ => write!(
                f,
                "this server lacks what it needs for TLS to {at}: check {} and its key",
                named("ssl_certificate")
            ),
        }
    }

    fn closed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, received) = (Target(self), self.failure.facts.received);
        match received {
            0 => write!(f, "{at} closed the connection without an answer")?,
            n => write!(
                f,
                "{at} closed the connection after {n} bytes, within the header"
            )?,
        }
        f.write_str(": the application crashed, or refuses the request; see its log")?;
        let peer = self.failure.peer.as_deref().unwrap_or_default();
        let like_php = |name: &&[u8]| memchr::memmem::find(peer, name).is_some();
        let php = [&b"php"[..], b"fpm", b":9000"].iter().any(like_php);
        match php && received == 0 && self.failure.prefix() == "proxy" {
            true => f.write_str(" (if it is php-fpm, write fastcgi_pass)"),
            false => Ok(()),
        }
    }

    fn read_timeout(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, limit) = (Target(self), self.limit("read_timeout"));
        match self.failure.stage {
            Stage::Upgraded => write!(
                f,
                "{at} sent nothing for {limit} after the switch of protocols: send pings more often, or raise it"
            ),
            Stage::Body => write!(
                f,
                "{at} sent {} bytes of the body and then nothing for {limit}: the application is slow or stuck",
                self.failure.facts.received
            ),
            _ => write!(
                f,
                "{at} sent no answer for {limit}: the application is slow or stuck; make it faster, or raise the limit"
            ),
        }
    }

    fn nobody(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no server of {} can be asked: ", Target(self))?;
        for (i, left) in self.failure.facts.left_out.iter().enumerate() {
            let comma = if i > 0 { "; " } else { "" };
            if i >= MOST_SERVERS {
                let more = self.failure.facts.left_out.len().saturating_sub(i);
                return write!(f, "{comma}and {more} more");
            }
            write!(f, "{comma}{left}")?;
        }
        Ok(())
    }

    fn script(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAME: &[u8] = b"SCRIPT_FILENAME";
        let conf = &self.req.http.location(self.failure.location).fastcgi;
        let Some(file) = conf.common.params.value(self.req, NAME) else {
            return f.write_str("php-fpm was not told a script: set fastcgi_param SCRIPT_FILENAME");
        };
        let file: String = String::from_utf8_lossy(&file).replace(['"', '\n', '\r'], " ");
        let place = self.place_of("fastcgi_param");
        write!(
            f,
            "php-fpm finds no file {file}, which is what SCRIPT_FILENAME says (fastcgi_param, {place}): check it and \
             root, and that php-fpm sees the same files"
        )
    }
}

/// So many servers are named at most.
const MOST_SERVERS: usize = 6;

/// `127.0.0.1:3000 (app.conf:12)`
struct Target<'a>(&'a Hint<'a>);

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hint { failure, req } = self.0;
        match &failure.peer {
            Some(peer) => f.write_str(&String::from_utf8_lossy(peer))?,
            None => f.write_str("the server")?,
        }
        match failure.place(req) {
            Some(span) => write!(f, " ({})", req.http.places.show(span)),
            None => Ok(()),
        }
    }
}

/// A time as it would be written in a configuration: `60s`, `150ms`.
pub struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 if !self.0.is_zero() => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

/// A size as it would be written in a configuration: `4k`, `1000 bytes`.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const K: u64 = 1024;
        match self.0 {
            n if n > 0 && n % (K * K) == 0 => write!(f, "{}m", n / (K * K)),
            n if n > 0 && n % K == 0 => write!(f, "{}k", n / K),
            n => write!(f, "{n} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shown_as_they_are_written() {
        let time = |ms| Time(Duration::from_millis(ms)).to_string();
        assert_eq!(
            [time(60_000), time(150), time(1500), time(0)],
            ["60s", "150ms", "1500ms", "0ms"]
        );
        let size = |n| Size(n).to_string();
        assert_eq!(
            [size(4096), size(1 << 20), size(1000), size(0)],
            ["4k", "1m", "1000 bytes", "0 bytes"]
        );
    }
}
