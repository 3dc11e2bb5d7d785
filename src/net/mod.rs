//! Addresses and what goes over them.

pub mod address;
pub mod listen;
mod resolve;
pub mod stream;
