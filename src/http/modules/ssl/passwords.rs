//! `ssl_password_file`.

use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::negotiation::passwords;

/// Reads the passwords, one a line; empty lines count for nothing.
pub fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().ssl().passwords.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    let passwords =
        passwords::read(b, &word.text).map_err(|message| node.error_at(word, message))?;
    b.http.here().ssl().passwords = Some(passwords);
    Ok(())
}
