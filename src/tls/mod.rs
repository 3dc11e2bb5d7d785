//! TLS, on both sides, without anything of HTTP: certificates and keys from files, OpenSSL's names for what can be
//! negotiated, verification, sessions, and what rustls is told.

pub mod alert;
pub mod certificate_text;
pub mod chain;
pub mod cipher;
pub mod cipher_list;
pub mod client;
pub mod client_cert;
pub mod der;
pub mod error;
pub mod group;
pub mod identity;
pub mod key;
mod key_decrypt;
pub mod names;
pub mod ocsp;
pub mod pem;
pub mod place;
pub mod protocol;
pub mod select;
pub mod server;
pub mod session;
pub mod staple;
pub mod ticket;
pub mod verify;
