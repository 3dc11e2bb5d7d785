//! Answers that no handler made: error pages, configured or built in.

use super::phase::Start;
use super::request::Request;

/// Prepares the answer for a status; returns where to go on if an error page is fetched by an internal redirect.
pub fn answer(req: &mut Request, status: u16) -> Option<Start> {
    req.response.status = status;
    None
}
