//! `limit_except`: settings for all but some methods.

use crate::config::tree::Node;
use crate::cycle::{Builder, context};
use crate::diagnostic::Diagnostic;
use crate::http::conf::BlockKind;
use crate::http::head::Method;

/// `limit_except method ... { ... }`
pub fn set_limit_except(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.own().limit_except.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let mut methods = Vec::new();
    for word in &node.args {
        match Method::of(&word.text.to_ascii_uppercase()) {
            Method::Other | Method::Trace | Method::Connect => {
                let message = format!("invalid method \"{}\"", word.str());
                let list = "it must be one of: GET, HEAD, POST, PUT, DELETE, MKCOL, COPY, MOVE, OPTIONS, PROPFIND, PROPPATCH, \
                            LOCK, UNLOCK, PATCH";
                return Err(node.error_at(word, message).help(list));
            }
            // Whoever may see the body may see the head.
            Method::Get => methods.extend([Method::Get, Method::Head]),
            method => methods.push(method),
        }
    }
    let (id, outer) = b.http.open(BlockKind::LimitExcept, node.name.span);
    b.within(context::LIMIT_EXCEPT, node.items());
    b.http.close(outer);
    b.http.own().limit_except = Some((methods, id));
    Ok(())
}
