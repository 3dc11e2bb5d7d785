//! The header filters, in nginx's order. Each one looks at the response and joins in only where it applies.

use super::request::Request;

/// Applies all header filters to a response that stands.
pub fn head(_req: &mut Request) {}

/// Computes the trailer fields, when the body has been sent.
pub fn trailers(_req: &mut Request) {}
