//! TLS towards upstreams: `proxy_ssl_*` and `uwsgi_ssl_*`.

pub mod context;
pub mod handshake;
pub mod settings;

use crate::http::request::Request;
use crate::http::value::Value;
use crate::tls::client::Client;
use crate::tls::identity::{Cache, Source};
use bytes::Bytes;
use rustls::sign::CertifiedKey;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// What holds for TLS towards the servers of a location.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What all with equal settings share, the sessions included.
    pub client: Arc<Client>,
    /// `*_ssl_server_name`
    pub server_name: bool,
    /// `*_ssl_verify`
    pub verify: bool,
    /// `*_ssl_name`; none: the name of the group, or the host of the address.
    pub name: Option<Value>,
    /// A certificate whose name has variables.
    pub certificate: Option<Arc<Certificate>>,
}

/// `*_ssl_certificate` and `*_ssl_certificate_key` with variables in them.
pub struct Certificate {
    /// The certificate.
    pub certificate: Value,
    /// Its key.
    pub key: Value,
    /// `*_ssl_password_file`
    pub passwords: Arc<Vec<Vec<u8>>>,
    /// What names are relative to.
    pub base: PathBuf,
    /// `*_ssl_certificate_cache`
    pub cache: Option<Arc<Cache>>,
}

/// What a request asks of a connection. A kept connection serves it only if it was made for the same.
#[derive(Clone, Debug)]
pub struct Wanted {
    tls: Tls,
    /// Which connections are as good as a new one.
    pub key: Rc<Key>,
}

/// What tells connections apart that were made under different settings, to different names, or with different
/// certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    client: u64,
    /// The name that the certificate must be for, and that may be sent. Empty if neither matters.
    name: Bytes,
    /// Whether it was sent.
    sent: bool,
    /// The certificate and the key of ours, as they are named.
    certificate: Option<(Bytes, Bytes)>,
}

impl Tls {
    /// What this request wants. `host` is the name of the group, or the host of the address.
    pub fn wanted(&self, req: &Request, host: &Bytes) -> Wanted {
        let name = match (self.server_name || self.verify, &self.name) {
            (false, _) => Bytes::new(),
            (true, Some(name)) => without_port(name.eval_bytes(req)),
            (true, None) => without_port(host.clone()),
        };
        let certificate = self.certificate.as_ref().and_then(|own| {
            let certificate = own.certificate.eval_bytes(req);
            (!certificate.is_empty()).then(|| (certificate, own.key.eval_bytes(req)))
        });
        Wanted {
            key: Rc::new(Key {
                client: self.client.id,
                sent: self.server_name && is_host_name(&name),
                name,
                certificate,
            }),
            tls: self.clone(),
        }
    }
}

impl fmt::Debug for Certificate {
    /// Without the passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Loads it.
    ///
    /// # Errors
    /// nginx's sentence.
    fn load(&self, (certificate, key): &(Bytes, Bytes)) -> Result<Arc<CertifiedKey>, String> {
        let source = Source {
            certificate,
            key,
            passwords: &self.passwords,
            base: &self.base,
        };
        source
            .fetch(self.cache.as_deref(), "SSL_use_PrivateKey")
            .map(Arc::new)
            .map_err(|failed| failed.sentence)
    }
}

/// A name taken from `$proxy_host` or `$http_host` may have a port, which is none of its own.
fn without_port(name: Bytes) -> Bytes {
    let skip = match name.first() {
        Some(b'[') => memchr::memchr(b']', &name).unwrap_or(0),
        _ => 0,
    };
    let rest = name.get(skip..).unwrap_or_default();
    match memchr::memchr(b':', rest) {
        Some(at) => name.slice(..skip + at),
        None => name,
    }
}

/// Whether a name can be sent: RFC 6066 has no addresses there.
fn is_host_name(name: &[u8]) -> bool {
    let text = std::str::from_utf8(name).unwrap_or_default();
    !name.is_empty() && !name.starts_with(b"[") && text.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_no_part_of_names() {
        for (name, want) in [
            ("example.com:443", "example.com"),
            ("example.com", "example.com"),
            ("[::1]:8443", "[::1]"),
            ("[::1", "["),
            ("", ""),
        ] {
            assert_eq!(without_port(Bytes::from_static(name.as_bytes())), want);
        }
        assert!(is_host_name(b"example.com"));
        assert!(!is_host_name(b"127.0.0.1"));
        assert!(!is_host_name(b"[::1]"));
    }
}
