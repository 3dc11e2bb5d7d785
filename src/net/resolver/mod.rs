//! Names resolved while requests are served: what nginx's `resolver` is asked for. Each thread asks for itself and
//! remembers what it was told for as long as the answer says, or `valid=`.
//!
//! hickory-proto reads the messages. When a question is sent again, to whom, what an answer with an error means and
//! which names are followed is nginx's behaviour, which its full resolver does not have.

mod cache;
mod conf;
mod error;
mod lookup;
mod message;
mod send;

pub use cache::Resolver;
pub use error::ResolveError;

use std::net::SocketAddr;
use std::time::Duration;

/// A `resolver` directive.
#[derive(Debug)]
pub struct Dns {
    /// Unique in the process: each directive has answers of its own.
    pub id: u64,
    /// The name servers, asked in turn.
    pub servers: Vec<SocketAddr>,
    /// `valid=`: how long answers hold, whatever they say themselves.
    pub valid: Option<Duration>,
    /// Whether IPv4 addresses are asked for.
    pub ipv4: bool,
    /// Whether IPv6 addresses are asked for.
    pub ipv6: bool,
}

/// The resolvers of a thread, one for each directive in use.
#[derive(Default)]
pub struct Resolvers(std::cell::RefCell<std::collections::HashMap<u64, std::rc::Rc<Resolver>>>);

impl Resolvers {
    /// The resolver of a directive.
    pub fn of(&self, dns: &std::sync::Arc<Dns>) -> std::rc::Rc<Resolver> {
        let mut all = self.0.borrow_mut();
        let resolver = all.entry(dns.id);
        std::rc::Rc::clone(resolver.or_insert_with(|| Resolver::new(std::sync::Arc::clone(dns))))
    }

    /// Forgets all: a new configuration begins without knowing any names.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
