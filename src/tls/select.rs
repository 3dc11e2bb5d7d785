//! Which of a server's certificates a client gets.

use super::staple::Staple;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// A certificate, and what its issuer says about it.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate with its key.
    pub certified: Arc<CertifiedKey>,
    /// What is known from its issuer and changes with time.
    pub staple: Option<Arc<Staple>>,
}

impl From<CertifiedKey> for Certificate {
    fn from(certified: CertifiedKey) -> Self {
        Certificate {
            certified: Arc::new(certified),
            staple: None,
        }
    }
}

impl Certificate {
    /// As it is to be sent now.
    fn current(&self) -> Arc<CertifiedKey> {
        let stapled = self.staple.as_ref().and_then(|staple| staple.current());
        stapled.unwrap_or_else(|| Arc::clone(&self.certified))
    }
}

/// Several certificates, of which the one is sent whose key can sign as the client likes best.
#[derive(Clone, Debug)]
pub struct Certificates(pub Vec<Certificate>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let [only] = &self.0[..] {
            return Some(only.current());
        }
        // Of two of a kind the later counts, as in OpenSSL.
        let fits = |scheme| {
            let mut all = self.0.iter().rev();
            all.find(|one| one.certified.key.choose_scheme(&[scheme]).is_some())
        };
        let mut schemes = hello.signature_schemes().iter();
        let chosen = schemes.find_map(|scheme| fits(*scheme));
        chosen.or_else(|| self.0.first()).map(Certificate::current)
    }
}
