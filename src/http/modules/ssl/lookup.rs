//! Certificates whose names have variables: found at each handshake.

use crate::http::request::Request;
use crate::http::value::Value;
use crate::tls::identity::{Cache, Source};
use crate::tls::select::Certificate;
use std::path::PathBuf;

/// Where the certificates and keys of a server are.
pub struct Lookup {
    /// The values of `ssl_certificate` and `ssl_certificate_key`.
    pub pairs: Vec<(Value, Value)>,
    /// The passwords of keys.
    pub passwords: Vec<Vec<u8>>,
    /// What names are relative to.
    pub base: PathBuf,
    /// What was loaded before.
    pub cache: Option<Cache>,
}

/// Why there is no certificate, in nginx's words.
pub struct LookupError(pub String);

impl Lookup {
    /// The certificates for a connection, of which nothing is known yet but what the request that it is asked for says.
    ///
    /// # Errors
    /// One of them cannot be loaded.
    pub fn certificates(&self, req: &Request) -> Result<Vec<Certificate>, LookupError> {
        let pairs = self.pairs.iter();
        pairs
            .map(|(certificate, key)| {
                let source = Source {
                    certificate: &certificate.eval(req),
                    key: &key.eval(req),
                    passwords: &self.passwords,
                    base: &self.base,
                };
                let pair = source.fetch(self.cache.as_ref(), "SSL_use_PrivateKey");
                pair.map(Certificate::from)
                    .map_err(|failed| LookupError(failed.sentence))
            })
            .collect()
    }
}
