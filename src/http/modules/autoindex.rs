//! nginx's autoindex module.

use crate::http::conf::Http;
use crate::http::phase::Verdict;
use crate::http::request::Request;

/// The content phase.
pub fn handle(_req: &mut Request, _http: &Http) -> Verdict {
    Verdict::Declined
}
