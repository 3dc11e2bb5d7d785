//! What a server's settings of TLS come to.

use super::conf::Verify;
use super::lookup::Lookup;
use super::responder::Responder;
use crate::tls::select::{Certificate, Certificates, Preference};
use crate::tls::verify::Trust;
use rustls::ServerConfig;
use std::sync::Arc;

/// TLS of a server.
pub struct Tls {
    /// Whether clients are asked for a certificate, and what becomes of those without.
    pub verify: Verify,
    /// How many certificates may stand between theirs and one that is trusted.
    pub depth: u32,
    /// What theirs are verified with.
    pub trust: Arc<Trust>,
    /// Whether handshakes are refused.
    pub reject: bool,
    /// What handshakes are made with; none: a server that only the default server's certificate can be used for.
    pub context: Option<Context>,
}

/// What handshakes are made with.
pub struct Context {
    /// Where HTTP/1 alone is spoken.
    pub http1: Arc<ServerConfig>,
    /// Where HTTP/2 is spoken, too.
    pub http2: Arc<ServerConfig>,
    /// Certificates whose names have variables.
    pub lookup: Option<Lookup>,
    /// The others.
    pub certificates: Vec<Certificate>,
    /// By what one of several is chosen.
    pub preference: Arc<Preference>,
    /// Whom to ask what their issuers say about them.
    pub responders: Vec<Arc<Responder>>,
}

impl Context {
    /// With the protocols that can be agreed upon (ALPN, RFC 7301), in the order of preference.
    pub fn new(
        config: ServerConfig,
        lookup: Option<Lookup>,
        certificates: Certificates,
        responders: Vec<Arc<Responder>>,
    ) -> Context {
        let with = |protocols: &[&str]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
            Arc::new(config)
        };
        Context {
            http1: with(&["http/1.1", "http/1.0", "http/0.9"]),
            http2: with(&["h2", "http/1.1", "http/1.0", "http/0.9"]),
            lookup,
            certificates: certificates.all,
            preference: certificates.preference,
            responders,
        }
    }

    /// What the handshakes of an address are made with.
    pub fn config(&self, http2: bool) -> &Arc<ServerConfig> {
        match http2 {
            true => &self.http2,
            false => &self.http1,
        }
    }
}
