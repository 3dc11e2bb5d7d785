//! nginx's ssl module: TLS to clients.

mod check;
mod choices;
mod command;
pub mod conf;
mod directives;
mod finish;
pub mod handshake_error;
mod lookup;
mod material;
mod passwords;
mod report;
mod session;
mod stapling;
mod tls;
mod variables;

pub use check::verifies;
pub use conf::SslRaw;
pub use directives::DIRECTIVES;
pub use finish::finish;
pub use session::{Security, Session, SessionId, host, of, refusal, verdict, with_certificates};
pub use tls::{Context, Tls};
pub use variables::VARIABLES;

/// OpenSSL's reason for a key that is not the certificate's.
const KEY_MISMATCH: &str = "error:05800074:x509 certificate routines::key values mismatch";
