//! nginx's static module: files as they are.

use crate::http::conf::Http;
use crate::http::phase::Verdict;
use crate::http::request::Request;

/// Contents and descriptors that a thread keeps.
#[derive(Default)]
pub struct Cache {}

/// The content phase.
pub fn handle(_req: &mut Request, _http: &Http) -> Verdict {
    Verdict::Declined
}

/// The file name that the request's URI stands for, by `root` or `alias`.
pub fn path(_req: &Request, _http: &Http) -> Vec<u8> {
    Vec::new()
}
