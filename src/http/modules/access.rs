//! Access by client address: `allow`, `deny`.

use crate::http::conf::Http;
use crate::http::phase::Verdict;
use crate::http::request::Request;

/// The access phase.
pub fn handle(_req: &mut Request, _http: &Http) -> Verdict {
    Verdict::Declined
}
