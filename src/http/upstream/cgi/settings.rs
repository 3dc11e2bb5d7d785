//! Settings that the three protocols have: those of all protocols, and the parameters.

use super::params::{Pair, Param, Params};
use crate::cycle::Builder;
use crate::http::upstream::settings::{Passing, PassingRaw};
use std::sync::Arc;

/// As written.
#[derive(Clone, Default)]
pub struct CgiRaw {
    /// What all protocols have in common.
    pub passing: PassingRaw,
    /// Whether this very block has the protocol's `*_pass`.
    pub pass: bool,
    /// `*_param`
    pub params: Option<Arc<Vec<Param>>>,
}

/// In force.
pub struct CgiConf {
    /// What all protocols have in common.
    pub passing: Passing,
    /// The parameters of requests.
    pub params: Params,
}

/// What tells the protocols apart.
pub struct Protocol {
    /// What their directives begin with.
    pub prefix: &'static str,
    /// The default of `*_temp_path`.
    pub temp_path: &'static str,
    /// Whether `Status` is passed to the client.
    pub passes_status: bool,
}

/// Header fields of answers that are hidden by default; the first of them not by all protocols.
const HIDDEN: &[&str] = &[
    "Status",
    "X-Accel-Expires",
    "X-Accel-Redirect",
    "X-Accel-Limit-Rate",
    "X-Accel-Buffering",
    "X-Accel-Charset",
];

impl CgiRaw {
    /// Takes from the enclosing block what this one does not set. Parameters are inherited only by a block without
    /// any of its own.
    pub fn inherit(&mut self, parent: &Self) {
        self.passing.inherit(&parent.passing);
        if self.params.is_none() {
            self.params = parent.params.clone();
        }
    }

    /// Fills in the defaults.
    pub fn build<P: Pair>(&self, b: &mut Builder, protocol: &Protocol) -> CgiConf {
        let hidden = HIDDEN
            .get(usize::from(protocol.passes_status)..)
            .unwrap_or_default();
        let passing = self
            .passing
            .build(b, protocol.prefix, protocol.temp_path, hidden);
        let set = self.params.as_deref().map_or(&[][..], |params| &params[..]);
        let params = Params::build::<P>(b, set);
        CgiConf { passing, params }
    }
}
