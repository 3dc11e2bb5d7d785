//! From a URI to the name of a file (nginx: `ngx_http_map_uri_to_path`), and what it means if there is none.

use super::conf::Http;
use super::core::root::{Alias, Root};
use super::phase::Verdict;
use super::request::Request;
use super::value::Part;
use crate::config::source::errno_text;
use crate::log::{self, Level};
use rustix::io::Errno;

/// In a request's extensions: the URI follows the `alias` of a location with a regular expression, since `try_files`
/// found a file by that name.
pub struct AddUriToAlias;

/// Appends the file name that the URI stands for; returns how long the part in front of the URI's is.
///
/// # Errors
/// 500 if an `alias` does not go with the URI any more, 404 if the name would lead out of the directory.
pub fn map(req: &Request, http: &Http, out: &mut Vec<u8>) -> Result<usize, Verdict> {
    let root = &req.location(http).core.root;
    let uri = match root.alias {
        Alias::No => &req.uri[..],
        Alias::Prefix(length) => req.uri.get(length..).unwrap_or_default(),
        Alias::Regex if req.extensions.get::<AddUriToAlias>().is_some() => &req.uri[..],
        Alias::Regex => b"",
    };
    append(req, http, uri, req.climbs, out)
}

/// Appends the file name that a piece of text behind the directory stands for; returns how long the directory is.
/// `climbs`: the configuration itself has put `..` into the text.
///
/// # Errors
/// As [`map`].
pub fn append(
    req: &Request,
    http: &Http,
    text: &[u8],
    climbs: bool,
    out: &mut Vec<u8>,
) -> Result<usize, Verdict> {
    let root = &req.location(http).core.root;
    if root.alias != Alias::No && !req.location_valid {
        log::request(
            req,
            Level::Alert,
            format_args!(
                "\"alias\" cannot be used in location \"{}\" where URI was rewritten",
                log::Raw(http.location_name(req.location))
            ),
        );
        return Err(Verdict::Status(500));
    }
    let directory = root.write(req, out);
    out.extend_from_slice(text);
    let foreign = match (root.alias, &root.path.as_literal()) {
        // Its text is a name as a whole, where nothing the client sends is put together with it.
        (_, Some(_)) => directory,
        (_, None) => fixed_part(root),
    };
    if !climbs && leads_out(out, foreign) {
        log::request(
            req,
            Level::Error,
            format_args!(
                "\"{}\" would lead out of the directory of the location",
                log::Raw(out)
            ),
        );
        return Err(Verdict::Status(404));
    }
    Ok(directory)
}

/// How much of a directory with variables the configuration alone says: up to the first variable, or all of it if the
/// configuration goes upwards itself.
fn fixed_part(root: &Root) -> usize {
    match root.path.parts().first() {
        _ if root.path.climbs() => usize::MAX,
        Some(Part::Text(text)) => text.len(),
        _ => 0,
    }
}

/// Whether a segment `..` ends behind `from`: it came with the request, be it only one dot of it.
fn leads_out(name: &[u8], from: usize) -> bool {
    // Such a segment has its first dot here at the earliest.
    let first = from.saturating_sub(1);
    let rest = name.get(first..).unwrap_or_default();
    memchr::memchr_iter(b'.', rest).any(|at| {
        let at = first + at;
        let starts = at == 0 || name.get(at - 1) == Some(&b'/');
        let climbs = matches!(name.get(at + 1..), Some([b'.'] | [b'.', b'/', ..]));
        starts && climbs
    })
}

/// A system call on a file name that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The system call as nginx names it: `open()`.
    pub call: &'static str,
    /// What the system said.
    pub errno: Errno,
}

impl Failure {
    /// The status to answer with and the level to log at.
    pub fn status(self) -> (u16, Level) {
        match self.errno {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => (404, Level::Error),
            Errno::ACCESS | Errno::MLINK | Errno::LOOP => (403, Level::Error),
            _ => (500, Level::Crit),
        }
    }
}

/// Logs a failure in nginx's words: `open() "/srv/x" failed (2: No such file or directory)`.
pub fn explain(req: &Request, level: Level, failure: &Failure, file_name: &[u8]) {
    log::request(
        req,
        level,
        format_args!(
            "{} \"{}\" failed ({})",
            failure.call,
            log::Raw(file_name),
            errno_text(failure.errno.raw_os_error())
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_climb_are_seen() {
        for (name, from, expected) in [
            ("/srv/a", 4, false),
            ("/srv/../a", 4, true),
            ("/srv/../a", 7, false),
            ("/srv/..", 5, true),
            ("/srv/..", 6, true),
            ("/srv/..a/b", 4, false),
            ("/srv/a../b", 4, false),
            ("/srv/.../b", 4, false),
            ("..", 0, true),
        ] {
            assert_eq!(leads_out(name.as_bytes(), from), expected, "{name} {from}");
        }
    }
}
