//! nginx's ssl module: TLS to clients.

pub mod conf;
mod directives;
mod passwords;

pub use conf::SslRaw;
pub use directives::DIRECTIVES;
