//! Which of a server's certificates a client gets.

use super::staple::Staple;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, SignatureScheme, SupportedCipherSuite};
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

/// By what the choice among certificates of several kinds is made.
#[derive(Debug, Default)]
pub struct Preference {
    /// The suites of TLS 1.2 that may be used, in their order.
    pub suites: Vec<SupportedCipherSuite>,
    /// Whether that order counts, not the client's.
    pub own_order: bool,
    /// Whether TLS 1.3 is spoken, whose suites say nothing about keys.
    pub tls13: bool,
}

impl Preference {
    /// With these suites, some of which may be those of TLS 1.3.
    pub fn new(suites: &[SupportedCipherSuite], own_order: bool, tls13: bool) -> Self {
        let suites = suites.iter().copied();
        Preference {
            suites: suites.filter(|suite| suite.tls13().is_none()).collect(),
            own_order,
            tls13,
        }
    }

    /// The suites that both sides have, the best first; none where TLS 1.3 is going to be spoken.
    fn common(&self, offered: &[CipherSuite]) -> Vec<SupportedCipherSuite> {
        let is_tls13 = |suite: &CipherSuite| matches!(u16::from(*suite), 0x1301..=0x1305);
        if self.tls13 && offered.iter().any(is_tls13) {
            return Vec::new();
        }
        let own = self.suites.iter().copied();
        if self.own_order {
            return own
                .filter(|suite| offered.contains(&suite.suite()))
                .collect();
        }
        let known = |name: &CipherSuite| own.clone().find(|suite| suite.suite() == *name);
        offered.iter().filter_map(known).collect()
    }
}

/// Several certificates. With TLS 1.2 the first suite decides that there is one for; otherwise the one is sent whose key
/// can sign as the client likes best.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The certificates.
    pub all: Vec<Certificate>,
    /// By what to choose.
    pub preference: Arc<Preference>,
}

impl Certificates {
    fn choose(&self, hello: &ClientHello<'_>) -> Option<&Certificate> {
        // Of two of a kind the later counts, as in OpenSSL.
        let newest = || self.all.iter().rev();
        let schemes = hello.signature_schemes();
        for suite in self.preference.common(hello.cipher_suites()) {
            let fits = newest().find(|one| {
                let key = &one.certified.key;
                suite.usable_for_signature_algorithm(key.algorithm())
                    && key.choose_scheme(schemes).is_some()
            });
            if fits.is_some() {
                return fits;
            }
        }
        let signs = |scheme: &SignatureScheme| {
            newest().find(|one| one.certified.key.choose_scheme(&[*scheme]).is_some())
        };
        let chosen = schemes.iter().find_map(signs);
        chosen.or_else(|| self.all.first())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chosen = match &self.all[..] {
            [only] => Some(only),
            _ => self.choose(&hello),
        };
        chosen.map(Certificate::current)
    }
}
