//! `proxy_redirect`.

use super::rewrite::Rule;
use crate::config::tree::Node;
use crate::cycle::{Builder, invalid_parameter};
use crate::diagnostic::Diagnostic;
use std::sync::Arc;

/// The setter.
pub fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().proxy().redirect == Some(false) {
        return Err(node.fault("is duplicate"));
    }
    let rule = match (node.arg(0), node.arg(1)) {
        (Some(word), None) if word.text == "off" => {
            let proxy = b.http.here().proxy();
            if proxy.redirects.is_some() {
                return Err(node.fault("is duplicate"));
            }
            proxy.redirect = Some(false);
            return Ok(());
        }
        (Some(word), None) if word.text == "default" => default(b, node)?,
        (Some(word), None) => return Err(invalid_parameter(word)),
        (Some(from), Some(to)) => Arc::new(Rule::parse(b, from, to)?),
        (None, _) => return Ok(()),
    };
    let proxy = b.http.here().proxy();
    proxy.redirect = Some(true);
    proxy.redirects.get_or_insert_default().push(rule);
    Ok(())
}

fn default(b: &mut Builder, node: &Node) -> Result<Arc<Rule>, Diagnostic> {
    match &b.http.here().proxy().pass {
        None => Err(node.error(
            "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive",
        )),
        Some(pass) => pass.default_redirect().ok_or_else(|| {
            node.error(
                "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables",
            )
        }),
    }
}
