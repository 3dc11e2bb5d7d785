//! nginx's random_index: a file of the directory, chosen at random, answers for it.

use crate::config::directive::Directive;
use crate::cycle::Builder;
use crate::cycle::context::LOCATION;
use crate::http::conf::Http;
use crate::http::file_name::{Failure, explain, map};
use crate::http::head::Method;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::log::Level;
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::hash::{BuildHasher, RandomState};

crate::settings! {
    /// Settings of random_index as written.
    pub RandomIndexRaw,
    /// Settings of random_index in force.
    pub RandomIndexConf {
        /// Whether a file is chosen.
        enable: bool = false,
    }
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[D::flag("random_index", LOCATION, |b| {
    &mut b.http.here().random_index().enable
})
.default("off")
.doc("Whether a file chosen at random answers for its directory.")];

/// The content phase: redirects inside to one of the files.
pub fn handle(req: &mut Request, http: &Http) -> Verdict {
    if !req.location(http).random_index.enable
        || req.uri.last() != Some(&b'/')
        || !matches!(req.method, Method::Get | Method::Head | Method::Post)
    {
        return Verdict::Declined;
    }
    let mut path = Vec::new();
    if let Err(verdict) = map(req, http, &mut path) {
        return verdict;
    }
    if path.len() > 1 && path.last() == Some(&b'/') {
        path.pop();
    }
    let names = match files(req, &path) {
        Ok(names) => names,
        Err(verdict) => return verdict,
    };
    let chosen = RandomState::new().hash_one(0u8) as usize;
    let chosen = chosen.checked_rem(names.len());
    let Some(name) = chosen.and_then(|i| names.get(i)) else {
        return Verdict::Declined;
    };
    let uri = [&req.uri[..], name].concat();
    let args = std::mem::take(&mut req.args);
    req.internal_redirect(&uri, &args)
}

/// The names of the regular files that are not hidden.
fn files(req: &Request, path: &[u8]) -> Result<Vec<Vec<u8>>, Verdict> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty());
    let directory = directory.and_then(Dir::read_from).map_err(|errno| {
        let (status, level) = match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => (404, Level::Error),
            Errno::ACCESS => (403, Level::Error),
            _ => (500, Level::Crit),
        };
        fail(req, level, "opendir()", errno, path);
        Verdict::Status(status)
    })?;
    let mut names = Vec::new();
    let mut file_name = [path, b"/"].concat();
    for entry in directory {
        let entry = entry.map_err(|errno| {
            fail(req, Level::Crit, "readdir()", errno, path);
            Verdict::Status(500)
        })?;
        let name = entry.file_name().to_bytes();
        if name.starts_with(b".") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown | FileType::Symlink => {
                file_name.truncate(path.len().saturating_add(1));
                file_name.extend_from_slice(name);
                match rustix::fs::stat(&file_name[..]) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    // A link to nothing.
                    Err(Errno::NOENT) => continue,
                    Err(errno) => {
                        fail(req, Level::Crit, "stat()", errno, &file_name);
                        return Err(Verdict::Status(500));
                    }
                }
            }
            kind => kind,
        };
        if kind == FileType::RegularFile {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}

fn fail(req: &Request, level: Level, call: &'static str, errno: Errno, path: &[u8]) {
    explain(req, level, &Failure { call, errno }, path);
}
