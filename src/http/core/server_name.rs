//! `server_name`.

use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::cycle::{Builder, slice};
use crate::diagnostic::Diagnostic;
use crate::http::regex::Regex;
use crate::http::router::ServerName;
use bytes::Bytes;
use std::sync::Arc;

/// Adds the names of a line to the server.
pub fn set_server_name(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let text = &word.text;
        let lone_star =
            text.first() == Some(&b'*') && (text.len() < 3 || text.get(1) != Some(&b'.'));
        if lone_star || text == "." {
            let message = format!("server name \"{}\" is invalid", word.str());
            return Err(node.error_at(word, message));
        }
        if memchr::memchr(b'/', text).is_some() {
            let message = format!("server name \"{}\" has suspicious symbols", word.str());
            let d = Diagnostic::warning(message).at(node.end);
            b.report(
                d.label(word.span, "")
                    .help("a name of a host is meant, not a URL"),
            );
        }
        let mut regex = None;
        let name = if text.first() == Some(&b'~') {
            if text.len() == 1 {
                let message = format!("empty regex in server name \"{}\"", word.str());
                return Err(node.error_at(word, message));
            }
            let pattern = slice(word, 1);
            // The host is compared in lower case, so a pattern with capitals can only mean any case.
            let caseless = pattern.iter().any(u8::is_ascii_uppercase);
            regex = Some(Arc::new(Regex::compile(b, &pattern, caseless, word.span)?));
            text.clone()
        } else if text.eq_ignore_ascii_case(b"$hostname") {
            hostname()
        } else if text.iter().any(u8::is_ascii_uppercase) {
            Bytes::from(text.to_ascii_lowercase())
        } else {
            text.clone()
        };
        let name = ServerName {
            name,
            regex,
            span: word.span,
        };
        if let Some(server) = b.http.servers.last_mut() {
            server.names.push(name);
        }
    }
    Ok(())
}

/// The name of the machine, in lower case.
fn hostname() -> Bytes {
    use std::os::unix::ffi::OsStrExt;
    let name = nix::unistd::gethostname().unwrap_or_default();
    Bytes::from(name.as_bytes().to_ascii_lowercase())
}
