//! Versions of the protocol by nginx's names.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

/// nginx's names, oldest first.
pub const NAMES: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// Which versions are wanted, of those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// TLS 1.2
    pub tls12: bool,
    /// TLS 1.3
    pub tls13: bool,
}

impl Versions {
    /// What nginx offers where nothing is written.
    pub const DEFAULT: Versions = Versions {
        tls12: true,
        tls13: true,
    };

    /// What is wanted by a list of names, and the names of it that cannot be had.
    pub fn of<'a>(names: impl Iterator<Item = &'a [u8]>) -> (Versions, Vec<&'a [u8]>) {
        let mut versions = Versions {
            tls12: false,
            tls13: false,
        };
        let mut missing = Vec::new();
        for name in names {
            match name {
                b"TLSv1.2" => versions.tls12 = true,
                b"TLSv1.3" => versions.tls13 = true,
                other => missing.push(other),
            }
        }
        (versions, missing)
    }

    /// As rustls has it.
    pub fn list(self) -> Vec<&'static SupportedProtocolVersion> {
        let mut list = Vec::with_capacity(2);
        if self.tls13 {
            list.push(&TLS13);
        }
        if self.tls12 {
            list.push(&TLS12);
        }
        list
    }
}
