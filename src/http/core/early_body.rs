//! `client_body_early_read`: a request's body is read before anything is decided about the request.

use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::body_in::read_all;
use crate::http::conf::Http;
use crate::http::phase::{Step, Verdict};
use crate::http::request::Request;
use crate::http::value::Value;
use crate::log::{self, Level};
use std::sync::Arc;

/// `client_body_early_read condition ...`
pub fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let value = Value::compile(b, word)?;
        let field = &mut b.http.server().client_body_early_read;
        Arc::make_mut(field.get_or_insert_default()).push(value);
    }
    Ok(())
}

/// Reads the body if a condition holds, with the settings of the server. Declined: the request goes on.
pub fn handle<'a>(req: &'a mut Request, http: &Http) -> Step<'a> {
    let conditions = &req.server(http).core.client_body_early_read;
    if req.body.complete || !conditions.iter().any(|value| value.is_true(req)) {
        return Step::Ready(Verdict::Declined);
    }
    let most = req.location(http).core.client_max_body_size;
    if let Some(length) = req.body.length.filter(|length| most > 0 && *length > most) {
        let message = format_args!("client intended to send too large body: {length} bytes");
        log::request(req, Level::Error, message);
        req.body.discard();
        return Step::Ready(Verdict::Status(413));
    }
    Step::Wait(Box::pin(async move {
        match read_all(req).await {
            Ok(()) => Verdict::Declined,
            Err(e) => Verdict::Status(e.status()),
        }
    }))
}
