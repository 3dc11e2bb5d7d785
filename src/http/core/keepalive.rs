//! `keepalive_timeout` and `keepalive_disable`.

use super::invalid_value;
use crate::config::tree::Node;
use crate::config::value::{parse_seconds, parse_time};
use crate::cycle::{Builder, duplicate_value, invalid};
use crate::diagnostic::Diagnostic;

/// Browsers whose connections are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepaliveDisable {
    /// `none` was written.
    pub none: bool,
    /// Old versions of MSIE, after a POST.
    pub msie6: bool,
    /// Safari on macOS.
    pub safari: bool,
}

/// `keepalive_timeout time [header]`
pub fn set_timeout(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let core = b.http.here().core();
    if core.keepalive_timeout.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some(timeout) = node.arg(0).and_then(|w| parse_time(&w.text)) else {
        return Err(invalid_value(node, 0));
    };
    core.keepalive_timeout = Some(timeout);
    if let Some(word) = node.arg(1) {
        let Some(header) = parse_seconds(&word.text) else {
            return Err(invalid_value(node, 1));
        };
        core.keepalive_header = Some(Some(header.as_secs()).filter(|s| *s > 0));
    }
    Ok(())
}

/// `keepalive_disable none | browser ...`: adds up, as a repeated directive does too.
pub fn set_disable(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let set = b
            .http
            .here()
            .core()
            .keepalive_disable
            .get_or_insert_default();
        let bit = match word.text.to_ascii_lowercase().as_slice() {
            b"none" => &mut set.none,
            b"msie6" => &mut set.msie6,
            b"safari" => &mut set.safari,
            _ => return Err(invalid(word).help("it must be one of: none, msie6, safari")),
        };
        if std::mem::replace(bit, true) {
            b.warn(node, word, duplicate_value(word));
        }
    }
    Ok(())
}
