//! The goodgate server.

use anyhow::Context;
use std::io::Write;
use std::process::ExitCode;

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
