//! Settings of TLS as they are written, merged downwards. What they make together is put together in `finish`, once
//! for all servers that have the same.

use crate::config::tree::Word;
use crate::cycle::Builder;
use crate::http::conf::{BlockKind, Settings};
use crate::http::negotiation::Written;
use std::time::Duration;

/// `ssl_verify_client`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Clients are not asked for a certificate.
    #[default]
    Off,
    /// They must have one that is verified.
    On,
    /// If they have one, it must be verified.
    Optional,
    /// The same, but its issuer need not be known.
    OptionalNoCa,
}

/// What is kept of sessions besides those of a shared cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// `off`: nothing, and clients are told so.
    Off,
    /// `none`: nothing.
    None,
    /// `builtin[:size]`: so many sessions.
    Sessions(usize),
    /// Only what the shared cache keeps.
    SharedOnly,
}

/// `ssl_certificate_cache`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateCache {
    /// How many certificates and keys are kept.
    pub max: usize,
    /// How long without being used.
    pub inactive: Duration,
    /// How long before the file is looked at again.
    pub valid: Duration,
}

/// A shared cache of sessions: its name and bytes.
pub type SharedCache = (bytes::Bytes, u64);

macro_rules! written {
    ($($(#[$m:meta])* $field:ident: $t:ty,)*) => {
        /// Settings as written; merged ones are of the same type.
        #[derive(Clone, Debug, Default)]
        pub struct SslRaw { $($(#[$m])* pub $field: Option<$t>,)* }

        impl Settings for SslRaw {
            type Conf = SslRaw;

            fn inherit(&mut self, parent: &Self, _: &BlockKind) {
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            }

            fn build(&self, _: &mut Builder) -> SslRaw {
                self.clone()
            }
        }
    };
}

written! {
    /// `ssl_certificate`
    certificates: Vec<Word>,
    /// `ssl_certificate_key`
    certificate_keys: Vec<Word>,
    /// `ssl_certificate_cache`
    certificate_cache: Option<CertificateCache>,
    /// `ssl_certificate_compression`
    certificate_compression: bool,
    /// `ssl_password_file`
    passwords: Vec<Vec<u8>>,
    /// `ssl_dhparam`
    dhparam: Word,
    /// `ssl_ech_file`
    ech_files: Vec<Word>,
    /// `ssl_ecdh_curve`
    ecdh_curve: Word,
    /// `ssl_protocols`
    protocols: Vec<Word>,
    /// `ssl_ciphers`
    ciphers: Word,
    /// `ssl_buffer_size`, bytes
    buffer_size: u64,
    /// `ssl_verify_client`
    verify: Verify,
    /// `ssl_verify_depth`
    verify_depth: i64,
    /// `ssl_client_certificate`
    client_certificate: Word,
    /// `ssl_trusted_certificate`
    trusted_certificate: Word,
    /// `ssl_crl`
    crl: Word,
    /// `ssl_prefer_server_ciphers`
    prefer_server_ciphers: bool,
    /// `ssl_session_cache`: what is not shared
    builtin_cache: Builtin,
    /// `ssl_session_cache shared:...`
    shared_cache: SharedCache,
    /// `ssl_session_tickets`
    session_tickets: bool,
    /// `ssl_session_ticket_key`
    ticket_keys: Vec<Word>,
    /// `ssl_session_timeout`
    session_timeout: Duration,
    /// `ssl_stapling`
    stapling: Word,
    /// `ssl_stapling_file`
    stapling_file: Word,
    /// `ssl_stapling_responder`
    stapling_responder: Word,
    /// `ssl_stapling_verify`
    stapling_verify: bool,
    /// `ssl_early_data`
    early_data: Word,
    /// `ssl_conf_command`: names and values
    conf_commands: Vec<(Word, Word)>,
    /// `ssl_reject_handshake`
    reject_handshake: bool,
}

impl SslRaw {
    /// What is written about what can be negotiated.
    pub fn written(&self) -> Written<'_> {
        Written {
            prefix: "ssl",
            outdated: "clients that know nothing newer are refused",
            protocols: self.protocols.as_deref(),
            ciphers: self.ciphers.as_ref(),
            default_ciphers: "HIGH:!aNULL:!MD5",
            curves: self.ecdh_curve.as_ref(),
        }
    }

    /// `ssl_verify_client`
    pub fn verify(&self) -> Verify {
        self.verify.unwrap_or_default()
    }

    /// Whether a server with these settings speaks TLS by itself.
    pub fn has_context(&self) -> bool {
        self.certificates.is_some() || self.reject_handshake.unwrap_or(false)
    }
}
