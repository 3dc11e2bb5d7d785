//! `root` and `alias`: from a URI to the name of a file.

use crate::config::tree::{Node, Word};
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::request::Request;
use crate::http::router::How;
use crate::http::value::Value;
use bytes::Bytes;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Where the files of a location are.
#[derive(Debug)]
pub struct Root {
    /// The directory, without a slash at its end if it is a `root`.
    pub path: Value,
    /// What `path` is relative to if what it yields does not begin with a slash; empty if it is absolute for sure.
    pub prefix: Bytes,
    /// What of the URI follows it.
    pub alias: Alias,
}

/// How a directory and a URI make a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// `root`: all of the URI follows.
    No,
    /// `alias` in a prefix or exact location: what is behind so many bytes follows.
    Prefix(usize),
    /// `alias` in a location with a regular expression: nothing follows.
    Regex,
}

impl Root {
    /// `html` under the prefix: what holds where nothing is written.
    pub fn default_of(b: &Builder) -> Root {
        Root {
            path: Value::literal(full_name(b, b"html")),
            prefix: Bytes::new(),
            alias: Alias::No,
        }
    }

    /// Appends the directory and returns how many bytes it took (`$document_root`, and where the URI's part begins).
    pub fn write(&self, req: &Request, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        self.path.write(req, out);
        if !self.prefix.is_empty() && out.get(start) != Some(&b'/') {
            out.splice(start..start, self.prefix.iter().copied());
        }
        out.len() - start
    }
}

/// `root path` and `alias path`
pub fn set_root(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let name = node.name.str();
    let is_alias = name == "alias";
    if let Some(earlier) = &b.http.here().core().root {
        let earlier = if earlier.alias == Alias::No {
            "root"
        } else {
            "alias"
        };
        return Err(if earlier == name {
            node.fault("is duplicate")
        } else {
            node.error(format!(
                "\"{name}\" directive is duplicate, \"{earlier}\" directive was specified earlier"
            ))
        });
    }
    let location = b
        .http
        .blocks
        .get(b.http.current)
        .and_then(|block| block.kind.location());
    let how = location.map(|location| (&location.how, location.name.len()));
    let alias = match how {
        _ if !is_alias => Alias::No,
        Some((How::Named, _)) => {
            let message = "the \"alias\" directive cannot be used inside the named location";
            return Err(node.error(message));
        }
        Some((How::Regex(_), _)) => Alias::Regex,
        Some((_, length)) => Alias::Prefix(length),
        None => Alias::Prefix(0),
    };
    let word = node.arg(0).unwrap_or(&node.name);
    for forbidden in ["document_root", "realpath_root"] {
        let plain = memchr::memmem::find(&word.text, format!("${forbidden}").as_bytes());
        let braced = memchr::memmem::find(&word.text, format!("${{{forbidden}}}").as_bytes());
        if plain.or(braced).is_some() {
            let message =
                format!("the ${forbidden} variable cannot be used in the \"{name}\" directive");
            return Err(node.error_at(word, message));
        }
    }
    let mut path = &word.text[..];
    if !is_alias {
        path = path.strip_suffix(b"/").unwrap_or(path);
    }
    let computed = path.first() == Some(&b'$');
    let text = if computed {
        Bytes::copy_from_slice(path)
    } else {
        full_name(b, path)
    };
    let prefix = if computed {
        full_name(b, b"")
    } else {
        Bytes::new()
    };
    let full = Word {
        text,
        ..word.clone()
    };
    let path = Value::compile(b, &full)?;
    let root = Root {
        path,
        prefix,
        alias,
    };
    b.http.here().core().root = Some(Arc::new(root));
    Ok(())
}

/// The name under the prefix, unless it is absolute.
fn full_name(b: &Builder, name: &[u8]) -> Bytes {
    if name.first() == Some(&b'/') {
        return Bytes::copy_from_slice(name);
    }
    Bytes::from([b.options.prefix.as_os_str().as_bytes(), name].concat())
}
