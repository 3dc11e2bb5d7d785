//! HTTP: routing, the engine, the modules.

pub mod h1;
pub mod head;
