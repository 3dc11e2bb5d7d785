//! nginx's auth_basic.

use crate::http::conf::Http;
use crate::http::phase::{Step, Verdict};
use crate::http::request::Request;

/// The handler of its phase.
pub fn handle<'a>(_req: &'a mut Request, _http: &Http) -> Step<'a> {
    Step::Ready(Verdict::Declined)
}
