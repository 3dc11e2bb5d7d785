//! nginx's try_files: the first file that exists answers, else the last argument.

use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::{Node, Word};
use crate::config::value::parse_number;
use crate::cycle::context::{LOCATION, SERVER};
use crate::cycle::{Builder, slice};
use crate::diagnostic::Diagnostic;
use crate::http::conf::Http;
use crate::http::core::root::Alias;
use crate::http::file_name::{self, AddUriToAlias};
use crate::http::phase::{Step, Verdict};
use crate::http::request::Request;
use crate::http::symlinks::Access;
use crate::http::trace::Event;
use crate::http::value::Value;
use crate::log::Level;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::rc::Rc;

/// What `try_files` says.
pub struct TryFiles {
    files: Box<[TryFile]>,
    otherwise: Otherwise,
}

struct TryFile {
    name: Value,
    directory: bool,
}

enum Otherwise {
    Status(u16),
    /// `@name`, or a URI with arguments.
    Target(Value),
}

type D = Directive<Builder>;

const CONTEXTS: Contexts = Contexts(SERVER.0 | LOCATION.0);

/// The table.
pub static DIRECTIVES: &[D] = &[D::custom("try_files", CONTEXTS, Args::AtLeast(2), set_try_files)
    .syntax("file ... uri | file ... =code")
    .doc("Looks for files in this order; the first that exists answers. If none does, the last argument says where to go on.")];

fn set_try_files(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.own().try_files.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some((last, files)) = node.args.split_last() else {
        return Ok(());
    };
    let files = files
        .iter()
        .map(|word| {
            let directory = word.text.last() == Some(&b'/');
            let text = word.text.slice(..word.text.len() - usize::from(directory));
            let name = Value::compile(
                b,
                &Word {
                    text,
                    ..word.clone()
                },
            )?;
            Ok(TryFile { name, directory })
        })
        .collect::<Result<_, Diagnostic>>()?;
    let otherwise = match last.text.first() {
        Some(b'=') => {
            let code = parse_number(&slice(last, 1)).and_then(|n| u16::try_from(n).ok());
            match code {
                // To nginx 0 is no code but a strange URI.
                Some(0) => Otherwise::Target(Value::literal(last.text.clone())),
                Some(code @ 1..1000) => Otherwise::Status(code),
                _ => {
                    let message = format!("invalid code \"{}\"", last.str());
                    return Err(node.error_at(last, message));
                }
            }
        }
        _ => Otherwise::Target(Value::compile(b, last)?),
    };
    b.http.own().try_files = Some(TryFiles { files, otherwise });
    Ok(())
}

/// The precontent phase: changes the URI to the file that was found, or goes on elsewhere.
pub fn handle<'a>(req: &'a mut Request, http: &Http) -> Step<'a> {
    let location = req.location(http);
    let Some(all) = &location.own.try_files else {
        return Step::Ready(Verdict::Declined);
    };
    let worker = Rc::clone(&req.worker);
    let (mut path, mut text) = (worker.take_buffer(), worker.take_buffer());
    let found = all.files.iter().find_map(|file| {
        path.clear();
        text.clear();
        write(req, location.core.root.alias, &file.name, &mut text);
        let climbs = file.name.climbs();
        let found = try_one(req, http, (file.directory, climbs), &text, &mut path);
        req.trace(|| Event::TriedFile {
            name: path.clone(),
            directory: file.directory,
            found: matches!(found, Ok(Some(_))),
        });
        match found {
            Ok(Some(root)) => Some(Ok((root, file.directory, climbs))),
            Ok(None) => None,
            Err(verdict) => Some(Err(verdict)),
        }
    });
    let verdict = match found {
        Some(Ok((root, directory, climbs))) => {
            let name = path.get(root..).unwrap_or_default();
            accept(req, location.core.root.alias, name, directory);
            req.climbs |= climbs;
            Verdict::Declined
        }
        Some(Err(verdict)) => verdict,
        None => {
            req.trace(|| Event::NoFile);
            match &all.otherwise {
                Otherwise::Status(code) => Verdict::Status(*code),
                Otherwise::Target(target) => {
                    text.clear();
                    write(req, location.core.root.alias, target, &mut text);
                    req.climbs |= target.climbs();
                    go_on(req, &text)
                }
            }
        }
    };
    worker.give_buffer(path);
    worker.give_buffer(text);
    Step::Ready(verdict)
}

/// Writes an argument. What names the location is not part of the names below its `alias`, so that `$uri` means the
/// file that it would mean without `try_files`; like nginx this looks at arguments with variables only.
fn write(req: &Request, alias: Alias, value: &Value, text: &mut Vec<u8>) {
    value.write(req, text);
    if let Alias::Prefix(length) = alias
        && value.as_literal().is_none()
        && req
            .uri
            .get(..length)
            .is_some_and(|prefix| text.starts_with(prefix))
    {
        text.drain(..length);
    }
}

/// Looks for one file, or a directory; `climbs` as in [`file_name::append`]. Returns where in `path` the part behind the
/// directory begins.
fn try_one(
    req: &Request,
    http: &Http,
    (directory, climbs): (bool, bool),
    text: &[u8],
    path: &mut Vec<u8>,
) -> Result<Option<usize>, Verdict> {
    let climbs = climbs || req.climbs;
    let start = match file_name::append(req, http, text, climbs, path) {
        Ok(start) => start,
        // It would lead out of the directory: there is no such file.
        Err(Verdict::Status(404)) => return Ok(None),
        Err(verdict) => return Err(verdict),
    };
    // The system would see the name end at a NUL.
    if memchr::memchr(0, path).is_some() {
        return Ok(None);
    }
    match Access::of(req, http, path).stat(path) {
        Ok(stat) => {
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            Ok((is_directory == directory).then_some(start))
        }
        Err(failure) => {
            if !matches!(
                failure.errno,
                Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG
            ) {
                file_name::explain(req, Level::Crit, &failure, path);
            }
            Ok(None)
        }
    }
}

/// Makes the name of the file the URI.
fn accept(req: &mut Request, alias: Alias, name: &[u8], directory: bool) {
    match alias {
        Alias::No => {
            req.uri.clear();
            req.uri.extend_from_slice(name);
        }
        Alias::Prefix(length) => {
            req.uri.truncate(length);
            req.uri.extend_from_slice(name);
        }
        Alias::Regex if directory => {}
        Alias::Regex => {
            req.uri.clear();
            req.uri.extend_from_slice(name);
            req.extensions.insert(AddUriToAlias);
        }
    }
}

/// Goes to a named location or to a URI with arguments.
fn go_on(req: &mut Request, target: &[u8]) -> Verdict {
    if target.first() == Some(&b'@') {
        return req.named_redirect(target);
    }
    let at = memchr::memchr(b'?', target).unwrap_or(target.len());
    let (uri, args) = target.split_at(at);
    let args = args.get(1..).unwrap_or_default();
    let verdict = req.internal_redirect(uri, args);
    req.args_emptied = args.is_empty();
    verdict
}
