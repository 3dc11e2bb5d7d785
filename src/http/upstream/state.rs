//! What happened at each attempt to get an answer from an upstream: the source of `$upstream_*`.

/// One attempt.
#[derive(Clone, Debug, Default)]
pub struct UpstreamState {}
