//! nginx's static module: files as they are.

mod cache;

pub use crate::http::core::content_type::set as content_type;
pub use cache::{Cache, Cached, Found, Moment};

use crate::http::body::{Body, FileRange};
use crate::http::conf::Http;
use crate::http::escape::{self, Kind};
use crate::http::file_name::{Failure, explain, map};
use crate::http::head::Method;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::response::Own;
use crate::http::symlinks::Access;
use crate::http::trace::{Event, Opened};
use crate::log::{self, Level};
use bytes::Bytes;
use cache::Content;
use std::rc::Rc;

/// The content phase: serves the file that the URI stands for, or redirects to the directory of that name.
pub fn handle(req: &mut Request, http: &Http) -> Verdict {
    if !matches!(req.method, Method::Get | Method::Head | Method::Post) {
        return Verdict::Status(405);
    }
    if req.uri.last() == Some(&b'/') {
        return Verdict::Declined;
    }
    let worker = Rc::clone(&req.worker);
    let mut file_name = worker.take_buffer();
    let verdict = match map(req, http, &mut file_name) {
        Ok(_) => serve(req, http, &mut file_name),
        Err(verdict) => verdict,
    };
    worker.give_buffer(file_name);
    verdict
}

/// The file name that the request's URI stands for, by `root` or `alias`; empty if there is none.
pub fn path(req: &Request, http: &Http) -> Vec<u8> {
    let mut out = Vec::new();
    if map(req, http, &mut out).is_err() {
        out.clear();
    }
    out
}

fn serve(req: &mut Request, http: &Http, file_name: &mut Vec<u8>) -> Verdict {
    let access = Access::of(req, http, file_name);
    let found = req
        .worker
        .files
        .open(file_name, access, req.client.asked.get());
    tell(req, file_name, &found);
    match found {
        Ok(Found::File(file)) if req.method != Method::Post => {
            req.trace(|| Event::Sends {
                name: file_name.clone(),
            });
            req.body.ask();
            send(req, http, file)
        }
        Ok(Found::File(_)) => Verdict::Status(405),
        Ok(Found::Directory) => redirect_to_directory(req),
        Ok(Found::Other) => {
            log::request(
                req,
                Level::Crit,
                format_args!("\"{}\" is not a regular file", log::Raw(file_name)),
            );
            Verdict::Status(404)
        }
        Err(failure) => refuse(req, http, &failure, file_name),
    }
}

/// Tells a rehearsal what a name turned out to be.
pub fn tell(req: &Request, name: &[u8], found: &Result<Found, Failure>) {
    req.trace(|| Event::Opened {
        name: name.to_vec(),
        what: match found {
            Ok(Found::File(_)) => Opened::File,
            Ok(Found::Directory) => Opened::Directory,
            Ok(Found::Other) => Opened::Other,
            Err(failure) => Opened::No(failure.errno),
        },
    });
}

/// Answers with a file.
pub fn send(req: &mut Request, http: &Http, file: Cached) -> Verdict {
    let core = &req.location(http).core;
    let response = &mut req.response;
    response.status = 200;
    response.content_length = Some(file.size);
    response.last_modified = Some(file.modified);
    response.last_modified_text = None;
    if core.etag {
        response.etag = Some(file.etag);
        // Fields that are there already, such as WWW-Authenticate of an error page, stay in front.
        if !response.fields.is_empty() {
            response.place(Own::Etag, Bytes::from_static(b"ETag"));
        }
    }
    response.allow_ranges = true;
    response.body_is_kept = file.kept;
    response.body = match file.content {
        Content::Bytes(bytes) => Body::bytes(bytes),
        Content::File(open) => Body::file(FileRange {
            file: open,
            offset: 0,
            length: file.size,
        }),
    };
    content_type(req, http);
    Verdict::Done
}

/// 301 to the same URI with a slash.
fn redirect_to_directory(req: &mut Request) -> Verdict {
    let mut to = Vec::with_capacity(req.uri.len() + req.args.len() + 8);
    escape::escape(Kind::Uri, &req.uri, &mut to);
    to.push(b'/');
    if !req.args.is_empty() {
        to.push(b'?');
        to.extend_from_slice(&req.args);
    }
    req.response.location = Some(Bytes::from(to));
    Verdict::Status(301)
}

fn refuse(req: &Request, http: &Http, failure: &Failure, file_name: &[u8]) -> Verdict {
    let (status, level) = failure.status();
    if status != 404 || req.location(http).core.log_not_found {
        explain(req, level, failure, file_name);
    }
    Verdict::Status(status)
}
