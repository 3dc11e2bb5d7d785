//! The goodgate server.

use std::process::ExitCode;

fn main() -> ExitCode {
    goodgate::cli::run()
}
