//! nginx's index module: which file of a directory answers for it.

use crate::config::directive::{Args, Directive};
use crate::config::source::errno;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::diagnostic::Diagnostic;
use crate::http::conf::Http;
use crate::http::file_name;
use crate::http::head::Method;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::symlinks::Access;
use crate::http::trace::Event;
use crate::http::value::Value;
use crate::log::{self, Level};
use bytes::Bytes;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::rc::Rc;
use std::sync::Arc;

crate::settings! {
    /// Settings of index as written.
    pub IndexRaw,
    /// Settings of index in force.
    pub IndexConf {
        /// The names to try, in order.
        names: Arc<Vec<Value>> =
            Arc::new(vec![Value::literal(Bytes::from_static(b"index.html"))]),
    }
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[D::custom("index", EVERYWHERE, Args::AtLeast(1), set_index)
    .syntax("file ...")
    .default("index.html")
    .doc("The files of a directory that answer for it: the first that exists does.")];

fn set_index(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for (i, word) in node.args.iter().enumerate() {
        if word.text.first() == Some(&b'/') && i + 1 < node.args.len() {
            let message = "only the last index in \"index\" directive should be absolute";
            b.warn(node, word, message);
        }
        if word.text.is_empty() {
            let message = "index \"\" in \"index\" directive is invalid";
            return Err(node.error_at(word, message));
        }
        let value = Value::compile(b, word)?;
        let names = b.http.here().index().names.get_or_insert_default();
        Arc::make_mut(names).push(value);
    }
    Ok(())
}

/// The content phase: redirects inside to the first file that exists.
pub fn handle(req: &mut Request, http: &Http) -> Verdict {
    if req.uri.last() != Some(&b'/')
        || !matches!(req.method, Method::Get | Method::Head | Method::Post)
    {
        return Verdict::Declined;
    }
    let worker = Rc::clone(&req.worker);
    let mut buffer = worker.take_buffer();
    let verdict = look(req, http, &mut buffer);
    worker.give_buffer(buffer);
    verdict
}

fn look(req: &mut Request, http: &Http, path: &mut Vec<u8>) -> Verdict {
    let names = Arc::clone(&req.location(http).index.names);
    let mut directory_exists = false;
    for name in names.iter() {
        let climbs = name.climbs();
        // One that is absolute needs no directory, and so no file name.
        if let Some(text) = name.as_literal().filter(|t| t.starts_with(b"/")) {
            return redirect(req, &[], text, climbs);
        }
        path.clear();
        if let Err(verdict) = file_name::map(req, http, path) {
            return verdict;
        }
        let start = path.len();
        name.write(req, path);
        let name = path.get(start..).unwrap_or_default();
        if name.first() == Some(&b'/') {
            let name = name.to_vec();
            return redirect(req, &[], &name, climbs);
        }
        let looked = Access::of(req, http, path).stat(path);
        req.trace(|| Event::TriedIndex {
            name: path.clone(),
            found: looked.is_ok(),
        });
        let Err(failure) = looked else {
            let (uri, name) = (std::mem::take(&mut req.uri), name.to_vec());
            return redirect(req, &uri, &name, climbs);
        };
        let e = failure.errno;
        match e {
            Errno::LOOP | Errno::MLINK => return Verdict::Status(403),
            Errno::NOTDIR | Errno::NAMETOOLONG | Errno::ACCESS => {
                return refuse(req, http, path, e);
            }
            _ => {}
        }
        if !directory_exists {
            if let Some(verdict) = test_directory(req, http, path, start) {
                return verdict;
            }
            directory_exists = true;
        }
        if e != Errno::NOENT {
            file_name::explain(req, Level::Crit, &failure, path);
            return Verdict::Status(500);
        }
    }
    Verdict::Declined
}

fn redirect(req: &mut Request, uri: &[u8], name: &[u8], climbs: bool) -> Verdict {
    req.climbs |= climbs;
    let args = std::mem::take(&mut req.args);
    req.internal_redirect(&[uri, name].concat(), &args)
}

/// Tells a directory that does not exist from one without this file in it.
fn test_directory(req: &Request, http: &Http, path: &[u8], name: usize) -> Option<Verdict> {
    let directory = match path.get(..name) {
        Some([rest @ .., b'/']) if !rest.is_empty() => rest,
        Some(other) => other,
        None => return None,
    };
    let found = Access::of(req, http, directory).stat(directory);
    match found.map_err(|failure| (failure.errno, failure)) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => None,
        // Searching it was allowed, or the file in it would have been refused.
        Err((Errno::ACCESS, _)) => None,
        Err((Errno::LOOP | Errno::MLINK, _)) => Some(Verdict::Status(403)),
        Err((Errno::NOENT, _)) => Some(refuse(req, http, path, Errno::NOENT)),
        Err((_, failure)) => {
            file_name::explain(req, Level::Crit, &failure, directory);
            Some(Verdict::Status(500))
        }
        Ok(_) => {
            let shown = log::Raw(directory);
            let message = format_args!("\"{shown}\" is not a directory");
            log::request(req, Level::Alert, message);
            Some(Verdict::Status(500))
        }
    }
}

fn refuse(req: &Request, http: &Http, path: &[u8], e: Errno) -> Verdict {
    let shown = log::Raw(path);
    let reason = || errno(&std::io::Error::from(e));
    if e == Errno::ACCESS {
        let message = format_args!("\"{shown}\" is forbidden ({})", reason());
        log::request(req, Level::Error, message);
        return Verdict::Status(403);
    }
    if req.location(http).core.log_not_found {
        let message = format_args!("\"{shown}\" is not found ({})", reason());
        log::request(req, Level::Error, message);
    }
    Verdict::Status(404)
}
