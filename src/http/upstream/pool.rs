//! Idle connections to upstreams, kept per thread.

/// The pools of a thread.
#[derive(Default)]
pub struct Pools {}
