//! nginx's `ngx_http_core_module`.

pub mod blocks;
pub mod browser;
pub mod content_type;
pub mod early_body;
pub mod error_page;
pub mod keepalive;
pub mod limit_except;
pub mod listen;
pub mod location;
pub mod main;
pub mod post_action;
pub mod rate;
pub mod redirect;
pub mod root;
pub mod server;
pub mod server_name;
pub mod temp_path;
pub mod types;
pub mod user;
pub mod variables;
pub mod without_effect;

use crate::config::tree::Node;
use crate::config::value::{parse_number, parse_size};
use crate::cycle::invalid;
use crate::diagnostic::Diagnostic;

/// Sets a field to what the word of a directive stands for.
///
/// # Errors
/// It is set already, or the word is none of the list.
fn choose<T: Copy>(
    node: &Node,
    words: &[(&str, T)],
    field: &mut Option<T>,
) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    let found = words
        .iter()
        .find(|(name, _)| word.text.eq_ignore_ascii_case(name.as_bytes()));
    match found {
        Some((_, value)) => {
            *field = Some(*value);
            Ok(())
        }
        None => {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            Err(invalid(word).help(format!("it must be one of: {}", names.join(", "))))
        }
    }
}

/// Sets a field to a size in bytes.
fn set_size<T: TryFrom<u64>>(node: &Node, field: &mut Option<T>) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let size = node.arg(0).and_then(|word| parse_size(&word.text));
    *field = size.and_then(|size| T::try_from(size).ok());
    field
        .is_some()
        .then_some(())
        .ok_or_else(|| invalid_value(node, 0))
}

/// Sets a field to the number and the size of buffers.
fn set_buffers(node: &Node, field: &mut Option<(usize, usize)>) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let number = node.arg(0).and_then(|word| parse_number(&word.text));
    let number = number.and_then(|n| usize::try_from(n).ok());
    let number = number
        .filter(|n| *n > 0)
        .ok_or_else(|| invalid_value(node, 0))?;
    let size = node.arg(1).and_then(|word| parse_size(&word.text));
    let size = size.and_then(|n| usize::try_from(n).ok());
    let size = size
        .filter(|n| *n > 0)
        .ok_or_else(|| invalid_value(node, 1))?;
    *field = Some((number, size));
    Ok(())
}

/// Sets a field to a whole number.
fn set_number<T: TryFrom<i64>>(node: &Node, field: &mut Option<T>) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let number = node.arg(0).and_then(|word| parse_number(&word.text));
    *field = number.and_then(|number| T::try_from(number).ok());
    field
        .is_some()
        .then_some(())
        .ok_or_else(|| node.fault("invalid number"))
}

/// The value of the field `Server`.
pub fn server_name(tokens: location::ServerTokens) -> &'static [u8] {
    match tokens {
        location::ServerTokens::Off => b"goodgate",
        _ => concat!("goodgate/", env!("CARGO_PKG_VERSION")).as_bytes(),
    }
}

/// `"name" directive invalid value`, pointing at the word with this number.
fn invalid_value(node: &Node, index: usize) -> Diagnostic {
    let mut d = node.fault("invalid value");
    if let Some(word) = node.arg(index) {
        d.labels = vec![(word.span, String::new())];
    }
    d
}
