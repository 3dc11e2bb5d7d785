//! nginx's gzip_static: sends `file.gz` in place of `file` to clients that take gzip.

use super::{gzip, static_files};
use crate::config::directive::Directive;
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::http::conf::Http;
use crate::http::file_name::{explain, map};
use crate::http::head::Method;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::response::Own;
use crate::http::symlinks::Access;
use crate::http::trace::Event;
use crate::log::{self, Level};
use bytes::Bytes;
use static_files::Found;
use std::rc::Rc;

crate::settings! {
    /// Settings of gzip_static as written.
    pub GzipStaticRaw,
    /// Settings of gzip_static in force.
    pub GzipStaticConf {
        /// A number of [`WORDS`].
        enable: usize = OFF,
    }
}

const WORDS: &[&str] = &["off", "on", "always"];
const OFF: usize = 0;
const ON: usize = 1;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[D::choice("gzip_static", EVERYWHERE, WORDS, |b| {
    &mut b.http.here().gzip_static().enable
})
.syntax("on | off | always")
.default("off")
.doc("Sends the file with \".gz\" at the end of its name, if there is one, to clients that take gzip, or to all.")];

/// The content phase.
pub fn handle(req: &mut Request, http: &Http) -> Verdict {
    let location = req.location(http);
    let enable = location.gzip_static.enable;
    if enable == OFF
        || !matches!(req.method, Method::Get | Method::Head)
        || req.uri.last() == Some(&b'/')
    {
        return Verdict::Declined;
    }
    let accepted = enable != ON || gzip::is_accepted(req, &location.gzip);
    // For the sake of Vary it matters whether there is such a file even if the client does not get it.
    if !accepted && !location.gzip.vary {
        return Verdict::Declined;
    }
    let worker = Rc::clone(&req.worker);
    let mut name = worker.take_buffer();
    let verdict = match map(req, http, &mut name) {
        Ok(_) => {
            name.extend_from_slice(b".gz");
            serve(req, http, &mut name, accepted)
        }
        Err(verdict) => verdict,
    };
    worker.give_buffer(name);
    verdict
}

fn serve(req: &mut Request, http: &Http, name: &mut Vec<u8>, accepted: bool) -> Verdict {
    let access = Access::of(req, http, name);
    let found = req.worker.files.open(name, access, req.client.asked.get());
    static_files::tell(req, name, &found);
    let found = match found {
        Ok(found) => found,
        Err(failure) => {
            let (status, level) = failure.status();
            if status != 404 {
                explain(req, level, &failure, name);
            }
            return Verdict::Declined;
        }
    };
    let location = req.location(http);
    if location.gzip_static.enable == ON {
        req.response.vary_encoding = location.gzip.vary;
        if !accepted {
            return Verdict::Declined;
        }
    }
    match found {
        Found::Directory => Verdict::Declined,
        Found::Other => {
            let shown = log::Raw(name);
            let message = format_args!("\"{shown}\" is not a regular file");
            log::request(req, Level::Crit, message);
            Verdict::Status(404)
        }
        Found::File(file) => {
            req.trace(|| Event::Sends { name: name.clone() });
            req.body.ask();
            let verdict = static_files::send(req, http, file);
            req.response.set(
                Own::ContentEncoding,
                Bytes::from_static(b"Content-Encoding"),
                Bytes::from_static(b"gzip"),
            );
            verdict
        }
    }
}
