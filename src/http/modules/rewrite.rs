//! `rewrite`, `return`, `if`, `set`, `break`.

use crate::http::conf::Http;
use crate::http::phase::Verdict;
use crate::http::request::Request;

/// The codes of one block.
#[derive(Default)]
pub struct Codes {}

/// Runs the codes of the server.
pub fn server(_req: &mut Request, _http: &Http) -> Verdict {
    Verdict::Declined
}

/// Runs the codes of the location.
pub fn location(_req: &mut Request, _http: &Http) -> Verdict {
    Verdict::Declined
}
