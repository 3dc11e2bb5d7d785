//! Addresses and what goes over them.

pub mod address;
pub mod cidr;
pub mod listen;
pub mod own_port;
pub mod proxy_protocol;
pub mod readable;
pub mod resolve;
pub mod resolver;
pub mod socket;
pub mod stream;
pub mod tls_stream;
pub mod tlv;
pub mod watched;
