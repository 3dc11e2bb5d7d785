//! Asking an issuer about a certificate, over HTTP (RFC 6960 appendix A).

use crate::clock;
use crate::config::source::errno;
use crate::log;
use crate::net::address::Addr;
use crate::net::socket::Socket;
use crate::net::stream::Stream;
use crate::tls::ocsp::{Question, Status};
use crate::tls::staple::Staple;
use base64::Engine;
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// Whom to ask about a certificate, and where the answer goes.
pub struct Responder {
    /// What to ask.
    pub question: Question,
    /// Where.
    pub addresses: Vec<Addr>,
    /// The host as it is written.
    pub host: Bytes,
    /// The path.
    pub uri: Bytes,
    /// `ssl_stapling_verify`
    pub strict: bool,
    /// Certificates that may have signed an answer.
    pub trusted: Vec<CertificateDer<'static>>,
    /// The certificate.
    pub certified: Arc<CertifiedKey>,
    /// Its name in the log.
    pub certificate_name: String,
    /// Where the answer goes.
    pub staple: Arc<Staple>,
}

/// How long the whole may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer that is read.
const MOST: usize = 64 * 1024;

/// Asks where it is time to. Nobody waits for it: those who connect meanwhile get what is known.
pub fn refresh(responders: &[Arc<Responder>]) {
    for responder in responders {
        if responder.staple.begin() {
            tokio::task::spawn_local(Arc::clone(responder).ask());
        }
    }
}

impl Responder {
    async fn ask(self: Arc<Self>) {
        let result = tokio::time::timeout(TIMEOUT, self.answer()).await;
        let result = result.unwrap_or_else(|_| {
            Err(String::from(
                "OCSP responder timed out (110: Connection timed out)",
            ))
        });
        if let Err(why) = &result {
            let (host, name) = (String::from_utf8_lossy(&self.host), &self.certificate_name);
            log::event!(
                Error,
                "{why} while requesting certificate status, responder: {host}, certificate: \"{name}\""
            );
        }
        self.staple.end(result.ok());
    }

    async fn answer(&self) -> Result<(Arc<CertifiedKey>, Option<i64>), String> {
        let stream = self.connect().await?;
        let failed = |what: &str, error: io::Error| format!("{what} failed ({})", errno(&error));
        let request = self.request();
        let mut rest = &request[..];
        while !rest.is_empty() {
            let n = poll_fn(|cx| stream.poll_write_vectored(cx, &[IoSlice::new(rest)])).await;
            let n = n.map_err(|error| failed("send()", error))?;
            rest = rest.get(n..).unwrap_or_default();
        }
        let mut response = Vec::with_capacity(4096);
        loop {
            let n = poll_fn(|cx| stream.poll_read(cx, &mut response)).await;
            if n.map_err(|error| failed("recv()", error))? == 0 {
                break;
            }
            if response.len() >= MOST {
                return Err(String::from("OCSP responder sent too big a response"));
            }
            response.reserve(4096);
        }
        let body = body(&response)?;
        let now = i64::try_from(clock::unix_time().as_secs()).unwrap_or(i64::MAX);
        let answer = self.question.read(body, &self.trusted, self.strict, now)?;
        if answer.status != Status::Good {
            let status = answer.status.name();
            return Err(format!(
                "certificate status \"{status}\" in the OCSP response"
            ));
        }
        let mut stapled = CertifiedKey::clone(&self.certified);
        stapled.ocsp = Some(body.to_vec());
        Ok((Arc::new(stapled), answer.until))
    }

    /// The first address that answers.
    async fn connect(&self) -> Result<Stream, String> {
        let mut last = String::from("no address of the OCSP responder is known");
        for address in &self.addresses {
            let stream = match address {
                Addr::Inet(address) => {
                    let stream = TcpStream::connect(address).await;
                    stream.and_then(|s| Ok(OwnedFd::from(s.into_std()?)))
                }
                Addr::Unix(path) => {
                    let stream = UnixStream::connect(path).await;
                    stream.and_then(|s| Ok(OwnedFd::from(s.into_std()?)))
                }
            };
            match stream {
                Ok(stream) => {
                    let unix = matches!(address, Addr::Unix(_));
                    return Ok(Stream::Plain(Socket::asking(stream, unix)));
                }
                Err(error) => last = format!("connect() failed ({})", errno(&error)),
            }
        }
        Err(last)
    }

    fn request(&self) -> Vec<u8> {
        let question = base64::engine::general_purpose::STANDARD.encode(self.question.request());
        let mut out = b"GET ".to_vec();
        out.extend_from_slice(&self.uri);
        if !self.uri.ends_with(b"/") {
            out.push(b'/');
        }
        for byte in question.bytes() {
            match byte {
                b'+' => out.extend_from_slice(b"%2B"),
                b'/' => out.extend_from_slice(b"%2F"),
                b'=' => out.extend_from_slice(b"%3D"),
                other => out.push(other),
            }
        }
        out.extend_from_slice(b" HTTP/1.0\r\nHost: ");
        out.extend_from_slice(&self.host);
        out.extend_from_slice(b"\r\n\r\n");
        out
    }
}

/// The body of a response that is one of OCSP.
fn body(response: &[u8]) -> Result<&[u8], String> {
    let invalid = || String::from("OCSP responder sent invalid response");
    let crlf = memchr::memmem::find(response, b"\r\n\r\n").map(|at| (at, 4));
    let lf = memchr::memmem::find(response, b"\n\n").map(|at| (at, 2));
    let (end, gap) = crlf.into_iter().chain(lf).min().ok_or_else(invalid)?;
    let (head, rest) = response.split_at(end);
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let status = lines.next().unwrap_or_default();
    let code = status.split(|byte| *byte == b' ').nth(1);
    if !status.starts_with(b"HTTP/") || code != Some(b"200") {
        return Err(invalid());
    }
    let of_ocsp = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix(b"content-type:").map(<[u8]>::trim_ascii)
            == Some(b"application/ocsp-response")
    });
    if !of_ocsp {
        return Err(String::from(
            "OCSP responder sent invalid \"Content-Type\" header",
        ));
    }
    Ok(rest.get(gap..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn answers_of_other_kinds_are_none() {
        let ok = b"HTTP/1.1 200 OK\nContent-Type: application/ocsp-response\n\nDER";
        assert_eq!(body(ok).unwrap(), b"DER");
        let crlf = b"HTTP/1.0 200 OK\r\ncontent-type: application/ocsp-response\r\n\r\n\n\n";
        assert_eq!(body(crlf).unwrap(), b"\n\n");
        assert!(body(b"HTTP/1.1 404 No\n\n").is_err());
        assert!(body(b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n").is_err());
        assert!(body(b"x").is_err());
    }
}
