//! The goodgate server.

use anyhow::Context;
use std::io::Write;
use std::process::ExitCode;

/// Requests take and give back blocks of a few kilobytes, which the allocator of the C library keeps no quick lists for.
/// Huge pages are left out: a server would keep megabytes that nothing uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        // Without a terminal there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> anyhow::Result<ExitCode> {
    goodgate::cli::run().context("nginx")
}
