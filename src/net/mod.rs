//! Addresses and what goes over them.

pub mod address;
mod resolve;
