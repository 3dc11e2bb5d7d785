//! `access_log`, `log_format`.

use crate::cycle::Builder;

/// Formats while they are collected.
#[derive(Default)]
pub struct LogBuilder {}

/// Formats in force.
#[derive(Default)]
pub struct LogMain {}

/// Fixes the formats.
pub fn finish(_b: &mut Builder) -> LogMain {
    LogMain {}
}

pub fn access(_req: &crate::http::request::Request) {}
