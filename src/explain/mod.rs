//! What a request would get, and why: `--explain` and `--requests`.
//!
//! A question becomes the bytes of a request, and these go through the server's own parser, router and phases
//! ([`crate::http::rehearsal`]). What is told on the way is put into words here. Nothing is decided here a second time.

pub mod expect;
pub mod human;
pub mod json;
mod listen;
mod lost;
mod outcome;
mod places;
pub mod question;
mod search;
mod story;
mod upstream;

pub use outcome::{Outcome, Passed};
pub use places::Place;
pub use question::Question;

use crate::cycle::Loaded;
use crate::http::rehearsal;
use crate::http::worker::Worker;
use places::Places;
use std::rc::Rc;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

/// Answers questions about one configuration.
pub struct Explainer {
    worker: Rc<Worker>,
    runtime: Runtime,
    places: Places,
}

/// What a request would get.
#[derive(Debug)]
pub struct Explanation {
    /// The method and the URL.
    pub request: String,
    /// What happens, in its order.
    pub steps: Vec<Step>,
    /// What comes of it.
    pub outcome: Outcome,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What kind of thing.
    pub kind: &'static str,
    /// How deep the subrequest is that it belongs to; 0: the request itself.
    pub depth: u8,
    /// Whether it only adds to the step before it: what was considered and not taken.
    pub aside: bool,
    /// What happens, in a few words.
    pub text: String,
    /// The line of the configuration that says so.
    pub place: Option<Place>,
}

impl Explainer {
    /// For a configuration that was loaded with its tree kept.
    ///
    /// # Errors
    /// It has errors, or the system gives no event loop.
    pub fn new(loaded: Loaded) -> Result<Explainer, String> {
        let cycle = loaded
            .cycle
            .ok_or("a configuration with errors serves no requests")?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Explainer {
            worker: Worker::for_rehearsal(cycle),
            runtime: runtime.map_err(|error| error.to_string())?,
            places: Places::new(loaded.sources, &loaded.tree),
        })
    }

    /// Says what a request would get.
    ///
    /// # Errors
    /// Nothing listens where the request would go, or it cannot be put together: a sentence about that.
    pub fn explain(&self, question: &Question) -> Result<Explanation, String> {
        let http = self
            .worker
            .http()
            .ok_or("the configuration has no http block")?;
        let listens = self.worker.cycle().listens.clone();
        let chosen = listen::choose(&http, &listens, question)?;
        let head = question.head();
        let call = rehearsal::Call {
            listen: chosen.number,
            local: chosen.local.clone(),
            from: question.peer(),
            proxied: chosen.protocols.proxy_protocol,
            tls: question.tls.then(|| question.server_name()),
            head: &head,
        };
        let run = rehearsal::run(&self.worker, call);
        let rehearsed = self
            .runtime
            .block_on(LocalSet::new().run_until(run))
            .map_err(|error| error.to_string())?;
        let explanation = story::tell(&self.places, &http, question, &chosen, rehearsed);
        Ok(explanation)
    }
}
