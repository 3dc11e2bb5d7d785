//! `$fastcgi_script_name` and `$fastcgi_path_info`.

use crate::http::request::Request;
use crate::http::variable::Variable;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("fastcgi_script_name", |req, out| {
        let Some((script, _)) = split(req) else {
            return false;
        };
        out.extend_from_slice(script);
        if script.ends_with(b"/") {
            let conf = &req.location(&req.http).conf.fastcgi;
            out.extend_from_slice(&conf.index);
        }
        true
    }),
    Variable::new("fastcgi_path_info", |req, out| match split(req) {
        Some((_, info)) => {
            out.extend_from_slice(info);
            true
        }
        None => false,
    }),
];

/// The path in two, if the location has a pattern that matches it; else all of it is the script's name.
fn split(req: &Request) -> Option<(&[u8], &[u8])> {
    match &req.location(&req.http).conf.fastcgi.split {
        Some(pattern) => {
            let found = pattern.split(req, &req.uri).ok()?;
            Some(found.unwrap_or((&req.uri, b"")))
        }
        None => Some((&req.uri, b"")),
    }
}
