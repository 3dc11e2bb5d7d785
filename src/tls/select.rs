//! Which of a server's certificates a client gets.

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// Several certificates, of which the one is sent whose key can sign as the client likes best.
#[derive(Debug)]
pub struct Certificates(pub Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let [only] = &self.0[..] {
            return Some(Arc::clone(only));
        }
        // Of two of a kind the later counts, as in OpenSSL.
        let fits = |scheme| {
            let mut all = self.0.iter().rev();
            all.find(|certified| certified.key.choose_scheme(&[scheme]).is_some())
        };
        let mut schemes = hello.signature_schemes().iter();
        let chosen = schemes.find_map(|scheme| fits(*scheme));
        chosen.or_else(|| self.0.first()).cloned()
    }
}
