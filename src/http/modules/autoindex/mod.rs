//! nginx's autoindex module: lists of directories.

mod entry;
mod html;
mod json;
mod xml;

use crate::config::directive::Directive;
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::http::body::Body;
use crate::http::conf::Http;
use crate::http::file_name::{self, Failure};
use crate::http::head::Method;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::log::{self, Level};
use bytes::Bytes;

crate::settings! {
    /// Settings of autoindex as written.
    pub AutoindexRaw,
    /// Settings of autoindex in force.
    pub AutoindexConf {
        /// Whether to list directories.
        enable: bool = false,
        /// A number of [`FORMATS`].
        format: usize = HTML,
        /// Whether times are local.
        localtime: bool = false,
        /// Whether sizes are in bytes, not in K, M and G.
        exact_size: bool = true,
    }
}

const FORMATS: &[&str] = &["html", "json", "jsonp", "xml"];
const HTML: usize = 0;
const JSON: usize = 1;
const JSONP: usize = 2;
const XML: usize = 3;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::flag("autoindex", EVERYWHERE, |b| {
        &mut b.http.here().autoindex().enable
    })
    .default("off")
    .doc("Lists the files of directories that have no index file."),
    D::choice("autoindex_format", EVERYWHERE, FORMATS, |b| {
        &mut b.http.here().autoindex().format
    })
    .syntax("html | json | jsonp | xml")
    .default("html")
    .doc("What lists are written in. With jsonp the argument \"callback\" names the function."),
    D::flag("autoindex_localtime", EVERYWHERE, |b| {
        &mut b.http.here().autoindex().localtime
    })
    .default("off")
    .doc("Whether HTML lists show local times instead of UTC."),
    D::flag("autoindex_exact_size", EVERYWHERE, |b| {
        &mut b.http.here().autoindex().exact_size
    })
    .default("on")
    .doc("Whether HTML lists show sizes in bytes instead of rounded ones."),
];

/// The content phase.
pub fn handle(req: &mut Request, http: &Http) -> Verdict {
    let conf = &req.location(http).autoindex;
    if req.uri.last() != Some(&b'/')
        || !matches!(req.method, Method::Get | Method::Head)
        || !conf.enable
    {
        return Verdict::Declined;
    }
    let mut path = Vec::new();
    if let Err(verdict) = file_name::map(req, http, &mut path) {
        return verdict;
    }
    if path.len() > 1 && path.last() == Some(&b'/') {
        path.pop();
    }
    let (format, callback) = match conf.format {
        JSONP => match callback(req) {
            Ok(Some(name)) => (JSONP, name),
            Ok(None) => (JSON, Bytes::new()),
            Err(verdict) => return verdict,
        },
        other => (other, Bytes::new()),
    };
    let entries = match entry::list(req, &path) {
        Ok(entries) => entries,
        Err(errno) => return refuse(req, errno, &path),
    };
    let response = &mut req.response;
    response.status = 200;
    response.content_length = None;
    response.content_type = Some(Bytes::from_static(match format {
        JSON => b"application/json",
        JSONP => b"application/javascript",
        XML => b"text/xml",
        _ => b"text/html",
    }));
    if format == XML {
        response.charset = Some(Bytes::from_static(b"utf-8"));
    }
    let mut out = Vec::with_capacity(512 + entries.len() * 128);
    match format {
        JSON => json::write(&entries, &mut out),
        JSONP => {
            out.extend_from_slice(b"/* callback */\r\n");
            out.extend_from_slice(&callback);
            out.push(b'(');
            json::write(&entries, &mut out);
            out.extend_from_slice(b");");
        }
        XML => xml::write(&entries, &mut out),
        _ => {
            let utf8 = crate::http::filter::charset(req)
                .is_some_and(|name| name.eq_ignore_ascii_case(b"utf-8"));
            html::write(&req.uri, &entries, conf, utf8, &mut out);
        }
    }
    // The head says nothing about the length, as in nginx, where it is sent before the directory is read.
    req.response.body = Body::Stream(Body::bytes(Bytes::from(out)).into_source());
    Verdict::Done
}

fn refuse(req: &Request, errno: rustix::io::Errno, path: &[u8]) -> Verdict {
    use rustix::io::Errno;
    let (status, level) = match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => (404, Level::Error),
        Errno::ACCESS => (403, Level::Error),
        _ => (500, Level::Crit),
    };
    let call = "opendir()";
    file_name::explain(req, level, &Failure { call, errno }, path);
    Verdict::Status(status)
}

/// The longest name of a function that is taken.
const LONGEST_CALLBACK: usize = 128;

/// The argument that names the function; none if it is not there or empty.
fn callback(req: &Request) -> Result<Option<Bytes>, Verdict> {
    let value = req
        .args
        .split(|b| *b == b'&')
        .find_map(|arg| {
            let (name, value) = arg.split_at_checked(9)?;
            name.eq_ignore_ascii_case(b"callback=").then_some(value)
        })
        .unwrap_or_default();
    let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.');
    let fault = if value.len() > LONGEST_CALLBACK {
        "too long"
    } else if !value.iter().all(word) {
        "invalid"
    } else {
        return Ok((!value.is_empty()).then(|| Bytes::copy_from_slice(value)));
    };
    log::request(
        req,
        Level::Info,
        format_args!(
            "client sent {fault} callback name: \"{}\"",
            String::from_utf8_lossy(value)
        ),
    );
    Err(Verdict::Status(400))
}

#[cfg(test)]
fn entry(name: &str, kind: entry::Kind, modified: i64, size: u64) -> entry::Entry {
    entry::Entry {
        name: name.as_bytes().to_vec(),
        kind,
        modified,
        size,
    }
}
