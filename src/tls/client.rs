//! The settings that rustls asks servers with, and the sessions that they may take up again.

use super::protocol::Versions;
use super::verify::{self, Purpose, Trust, VerifyError};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::{CertificateDer, IpAddr, Ipv4Addr, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Connection, DigitallySignedStruct, Error,
    OtherError, SignatureScheme, SupportedCipherSuite,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a client's settings of TLS come to.
pub struct Parts {
    /// The versions; at least one.
    pub versions: Versions,
    /// The suites, those of TLS 1.3 too; at least one for each version.
    pub suites: Vec<SupportedCipherSuite>,
    /// The groups for the exchange of keys; at least one.
    pub groups: Vec<&'static dyn SupportedKxGroup>,
    /// The client's own certificate.
    pub identity: Option<Arc<CertifiedKey>>,
    /// What servers' certificates are verified with; `None`: they are not verified at all.
    pub verify: Option<Verify>,
    /// Whether sessions are taken up again.
    pub reuse: bool,
}

/// How servers' certificates are verified.
#[derive(Clone, Debug)]
pub struct Verify {
    /// Whom we trust.
    pub trust: Arc<Trust>,
    /// How many certificates may stand between a server's and a trusted one.
    pub depth: u32,
}

/// A certificate that was chosen for one connection, and what sessions made with it are known by.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate and its key.
    pub key: Arc<CertifiedKey>,
    /// Equal for equal certificates.
    pub name: Arc<[u8]>,
}

/// Settings in force, with the sessions that were made under them. Sessions never leave their settings: what was
/// verified for one is not taken as verified for another.
#[derive(Debug)]
pub struct Client {
    /// Unique in the process.
    pub id: u64,
    /// Without sessions.
    config: Arc<ClientConfig>,
    /// By server and certificate, if sessions are taken up again.
    sessions: Option<Mutex<HashMap<Key, Arc<ClientConfig>>>>,
}

/// A server, and the name of an [`Identity`].
type Key = (u64, Box<[u8]>, Option<Arc<[u8]>>);

/// So many servers' sessions are remembered; then all are forgotten.
const SERVERS: usize = 1024;
/// Of one server the sessions of so many names.
const NAMES: usize = 8;

impl Client {
    /// Puts the settings together.
    ///
    /// # Errors
    /// The versions, suites and groups leave nothing to negotiate.
    pub fn new(parts: Parts) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let provider = Arc::new(CryptoProvider {
            cipher_suites: parts.suites,
            kx_groups: parts.groups,
            ..aws_lc_rs::default_provider()
        });
        let verifier = Arc::new(Verifier {
            verify: parts.verify,
            algorithms: provider.signature_verification_algorithms,
        });
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&parts.versions.list())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = config.with_client_cert_resolver(Arc::new(Own(parts.identity)));
        config.resumption = Resumption::disabled();
        Ok(Client {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            config: Arc::new(config),
            sessions: parts.reuse.then(Mutex::default),
        })
    }

    /// A session with a server, which is known by its address and the number of its group. `name` is sent to it (SNI, RFC 6066 section 3) if it can be: an address and
    /// what is no host name cannot.
    ///
    /// # Errors
    /// None that depends on the server.
    pub fn connect(
        &self,
        server: (u64, &[u8]),
        name: Option<&[u8]>,
        identity: Option<&Identity>,
    ) -> Result<Connection, Error> {
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let name = name.and_then(|name| ServerName::try_from(name.to_owned()).ok());
        // Of an address rustls sends nothing.
        let nothing = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0, 0, 0, 0])));
        let name = name.filter(|name| matches!(name, ServerName::DnsName(_)));
        let config = self.config(server, identity);
        Ok(ClientConnection::new(config, name.unwrap_or(nothing))?.into())
    }

    fn config(
        &self,
        (group, peer): (u64, &[u8]),
        identity: Option<&Identity>,
    ) -> Arc<ClientConfig> {
        let make = |resumption: Resumption| {
            let mut config = ClientConfig::clone(&self.config);
            if let Some(identity) = identity {
                config.client_auth_cert_resolver = Arc::new(Own(Some(Arc::clone(&identity.key))));
            }
            config.resumption = resumption;
            Arc::new(config)
        };
        let Some(sessions) = &self.sessions else {
            return match identity {
                None => Arc::clone(&self.config),
                Some(_) => make(Resumption::disabled()),
            };
        };
        let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (
            group,
            peer.into(),
            identity.map(|identity| identity.name.clone()),
        );
        if let Some(config) = sessions.get(&key) {
            return Arc::clone(config);
        }
        if sessions.len() >= SERVERS {
            sessions.clear();
        }
        let config = make(Resumption::in_memory_sessions(NAMES));
        sessions.insert(key, Arc::clone(&config));
        config
    }
}

/// Why a server's certificate was refused, if that is what a handshake failed for.
pub fn refusal(error: &Error) -> Option<VerifyError> {
    match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(e))) => {
            e.downcast_ref::<VerifyError>().copied()
        }
        _ => None,
    }
}

/// Verifies servers' certificates, or lets all pass. That a server has the key of its certificate is seen to in any
/// case; whether the certificate is for a name is asked elsewhere, since the name differs between requests.
#[derive(Debug)]
struct Verifier {
    verify: Option<Verify>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(Verify { trust, depth }) = &self.verify else {
            return Ok(ServerCertVerified::assertion());
        };
        let borrow = |der| CertificateDer::from(<[u8]>::as_ref(der));
        let mut chain = vec![borrow(end_entity)];
        chain.extend(intermediates.iter().map(|der| borrow(der)));
        match verify::verify_chain(&chain, trust, Purpose::Server, *depth, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(e) => {
                let e = CertificateError::Other(OtherError(Arc::new(e)));
                Err(Error::InvalidCertificate(e))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify::verify_tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify::verify_tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The one certificate of a client, sent to whoever asks for any: which issuers a server names is its own affair.
#[derive(Debug)]
struct Own(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let key = self.0.as_ref()?;
        key.key.choose_scheme(schemes).map(|_| Arc::clone(key))
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}
