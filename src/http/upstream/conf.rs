//! `upstream { }` blocks and the groups that a bare address makes.

use crate::cycle::Builder;

/// Groups while they are collected.
#[derive(Default)]
pub struct UpstreamBuilder {}

/// Groups in force.
#[derive(Default)]
pub struct Upstreams {}

/// Fixes the groups.
pub fn finish(_b: &mut Builder) -> Upstreams {
    Upstreams {}
}
