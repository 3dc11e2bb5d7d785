//! nginx's ssl module: TLS to clients.

mod check;
pub mod conf;
mod directives;
mod finish;
mod lookup;
mod material;
mod passwords;
mod responder;
mod session;
mod stapling;
mod tls;
mod variables;

pub use check::verifies;
pub use conf::SslRaw;
pub use directives::DIRECTIVES;
pub use finish::finish;
pub use responder::refresh;
pub use session::{Security, Session, SessionId, host, of, refusal, verdict, with_certificates};
pub use tls::{Context, Tls};
pub use variables::VARIABLES;
