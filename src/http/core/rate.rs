//! Sizes that may have variables in them: `limit_rate` and `limit_rate_after`.

use super::invalid_value;
use crate::config::tree::Node;
use crate::config::value::parse_size;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::request::Request;
use crate::http::value::Value;
use crate::log;

/// A size, fixed or computed for each request.
#[derive(Clone, Debug)]
pub enum Size {
    /// In bytes.
    Fixed(u64),
    /// From variables.
    Computed(Value),
}

/// The rate or size of a setting that need not be there; 0 means no limit.
pub fn limit(req: &Request, size: Option<&Size>) -> u64 {
    size.map_or(0, |size| size.of(req, 0))
}

impl Size {
    /// The size in bytes for a request; `default` if what the variables yield is no size.
    pub fn of(&self, req: &Request, default: u64) -> u64 {
        let value = match self {
            Size::Fixed(size) => return *size,
            Size::Computed(value) => value.eval(req),
        };
        parse_size(&value).unwrap_or_else(|| {
            let shown = String::from_utf8_lossy(&value);
            log::request(
                req,
                log::Level::Error,
                format_args!("invalid size \"{shown}\""),
            );
            default
        })
    }
}

/// Reads the argument of a directive whose field is `field`.
///
/// # Errors
/// Duplicates, and what is neither a size nor has variables.
pub fn set(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut Builder) -> &mut Option<Option<Size>>,
) -> Result<(), Diagnostic> {
    if field(b).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let value = Value::compile(b, node.arg(0).unwrap_or(&node.name))?;
    let size = match value.as_literal() {
        Some(text) => Size::Fixed(parse_size(text).ok_or_else(|| invalid_value(node, 0))?),
        None => Size::Computed(value),
    };
    *field(b) = Some(Some(size));
    Ok(())
}
