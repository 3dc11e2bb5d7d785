//! `*_store`: keeps a copy of an answer as a file, from where it can be served the next time.

use super::settings::Passing;
use super::state::{Stage, UpstreamState};
use crate::config::source::errno;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::body::{Body, Cut, Part, Source};
use crate::http::body_in::TempFile;
use crate::http::body_keep;
use crate::http::file_name;
use crate::http::request::Request;
use crate::http::value::Value;
use crate::http::worker::Errand;
use crate::log::Level;
use bytes::Bytes;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

/// Where copies go.
#[derive(Clone, Debug)]
pub enum Store {
    /// `on`: where `root` or `alias` would look for the file.
    Uri,
    /// A name of their own.
    Path(Value),
}

/// `*_store on | off | string`
///
/// # Errors
/// nginx's `is duplicate` and `empty path`; what a value may lack.
pub fn set(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut Builder) -> &mut Option<Option<Store>>,
) -> Result<(), Diagnostic> {
    if field(b).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    let store = match &word.text[..] {
        b"off" => None,
        b"" => return Err(node.error_at(word, "empty path")),
        b"on" => Some(Store::Uri),
        _ => Some(Store::Path(Value::compile(b, word)?)),
    };
    *field(b) = Some(store);
    Ok(())
}

/// `*_store_access user:rw group:r all:r`, as the bits of a file mode.
///
/// # Errors
/// nginx's `is duplicate` and `invalid value`.
pub fn set_access(node: &Node, field: &mut Option<u32>) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let (mut access, mut user) = (0, 0o600);
    for word in &node.args {
        let text = &word.text[..];
        let (right, shift) = if let Some(right) = text.strip_prefix(b"user:") {
            user = 0;
            (right, 6)
        } else if let Some(right) = text.strip_prefix(b"group:") {
            (right, 3)
        } else if let Some(right) = text.strip_prefix(b"all:") {
            (right, 0)
        } else {
            (&b""[..], 0)
        };
        let bits = match right {
            b"rw" => 6,
            b"r" => 4,
            _ => {
                let d = node.error_at(word, format!("invalid value \"{}\"", word.str()));
                return Err(d.help("user:, group: or all: with r or rw is meant"));
            }
        };
        access |= bits << shift;
    }
    *field = Some(access | user);
    Ok(())
}

/// Has a copy made of the body of a 200 as it is sent on.
pub fn keep(req: &mut Request, passing: &Passing, state: &UpstreamState) {
    let Some(store) = &passing.store else { return };
    let mut name = Vec::new();
    match store {
        Store::Uri => {
            let http = std::rc::Rc::clone(&req.http);
            if file_name::map(req, &http, &mut name).is_err() {
                return;
            }
        }
        Store::Path(value) => value.write(req, &mut name),
    }
    if name.is_empty() {
        return;
    }
    let file = match body_keep::create(&passing.temp_path, false) {
        Ok(file) => file,
        Err((path, e)) => {
            let reason = errno(&e);
            return complain(
                state,
                &format!("open() \"{}\" failed ({reason})", path.display()),
            );
        }
    };
    let mut copy = Copy {
        file,
        to: PathBuf::from(OsStr::from_bytes(&name)),
        access: passing.store_access,
        modified: req.response.last_modified,
        state: state.clone(),
    };
    match &mut req.response.body {
        Body::Empty => copy.finish(),
        Body::Parts(parts) => {
            if parts.iter().all(|part| copy.add(part)) {
                copy.finish();
            }
        }
        Body::Stream(_) => {
            let inner = std::mem::take(&mut req.response.body).into_source();
            req.response.body = Body::Stream(Box::new(Storing {
                making: Some((inner, copy)),
                rest: None,
                alone: false,
                errand: Some(req.worker.background.begin()),
            }));
        }
    }
}

fn complain(state: &UpstreamState, sentence: &str) {
    let action = Stage::Body.action();
    state.note(Level::Crit, format!("{sentence} while {action}"));
}

/// The copy while it is made.
struct Copy {
    file: TempFile,
    to: PathBuf,
    access: u32,
    /// Seconds since 1970.
    modified: Option<i64>,
    state: UpstreamState,
}

impl Copy {
    /// Adds a piece; `false` if that failed.
    fn add(&mut self, part: &Part) -> bool {
        let written = match part {
            Part::Bytes(bytes) => self.file.file.write_all_at(bytes, self.file.length),
            Part::File(range) => self.copy_range(&range.file, range.offset, range.length),
        };
        self.file.length = self.file.length.saturating_add(part.len());
        if let Err(e) = &written {
            self.failed("pwrite()", e);
        }
        written.is_ok()
    }

    fn copy_range(&self, from: &fs::File, offset: u64, length: u64) -> io::Result<()> {
        let mut buf = vec![0; 64 * 1024];
        let mut done = 0;
        while done < length {
            let most = usize::try_from(length - done)
                .unwrap_or(usize::MAX)
                .min(buf.len());
            let piece = buf.get_mut(..most).unwrap_or_default();
            from.read_exact_at(piece, offset.saturating_add(done))?;
            self.file
                .file
                .write_all_at(piece, self.file.length.saturating_add(done))?;
            done = done.saturating_add(most as u64);
        }
        Ok(())
    }

    /// The copy is whole: it gets its name.
    fn finish(mut self) {
        let mode = fs::Permissions::from_mode(self.access);
        if let Err(e) = self.file.file.set_permissions(mode) {
            return self.failed("chmod()", &e);
        }
        let seconds = self.modified.and_then(|s| u64::try_from(s).ok());
        let time = seconds.and_then(|s| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s)));
        if let Some(time) = time
            && let Err(e) = self.file.file.set_modified(time)
        {
            return self.failed("futimes()", &e);
        }
        match self.rename() {
            Ok(()) => self.file.keep = true,
            Err(e) => {
                let (from, to) = (self.file.path.display(), self.to.display());
                let reason = errno(&e);
                let sentence = format!("rename() \"{from}\" to \"{to}\" failed ({reason})");
                complain(&self.state, &sentence);
            }
        }
    }

    fn rename(&self) -> io::Result<()> {
        let from = &self.file.path;
        let mut result = fs::rename(from, &self.to);
        if result
            .as_ref()
            .is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
            && let Some(folder) = self.to.parent()
        {
            // Whoever may read the file may enter the directory.
            let mode = self.access | ((self.access & 0o444) >> 2);
            fs::DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(folder)?;
            result = fs::rename(from, &self.to);
        }
        match result {
            Err(e) if e.kind() == io::ErrorKind::CrossesDevices => self.copy_and_rename(),
            result => result,
        }
    }

    /// For a directory on another file system: nobody sees half of a file.
    fn copy_and_rename(&self) -> io::Result<()> {
        let mut beside = self.to.clone().into_os_string();
        beside.push(".");
        beside.push(self.file.path.file_name().unwrap_or_default());
        let beside = Path::new(&beside);
        let copied = fs::copy(&self.file.path, beside).and_then(|_| {
            if let Ok(time) = self.file.file.metadata().and_then(|m| m.modified()) {
                fs::File::open(beside)?.set_modified(time)?;
            }
            fs::rename(beside, &self.to)
        });
        match copied {
            Ok(()) => fs::remove_file(&self.file.path),
            Err(e) => {
                let _ = fs::remove_file(beside);
                Err(e)
            }
        }
    }

    fn failed(&self, what: &str, e: &io::Error) {
        let path = self.file.path.display();
        let reason = errno(e);
        complain(&self.state, &format!("{what} \"{path}\" failed ({reason})"));
    }
}

/// A body of which a copy is made.
struct Storing {
    /// What is still to come, and the copy.
    making: Option<(Box<dyn Source>, Copy)>,
    /// What is still to come when the copy is over.
    rest: Option<Box<dyn Source>>,
    /// Whether the client is gone already.
    alone: bool,
    /// A graceful stop waits for it.
    errand: Option<Errand>,
}

impl Source for Storing {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>> {
        let Some((inner, copy)) = &mut self.making else {
            return match &mut self.rest {
                Some(inner) => inner.poll_next(cx),
                None => Poll::Ready(Ok(None)),
            };
        };
        let next = std::task::ready!(inner.poll_next(cx));
        let going_on = matches!(&next, Ok(Some(part)) if copy.add(part));
        if !going_on && let Some((inner, copy)) = self.making.take() {
            if matches!(next, Ok(None)) {
                copy.finish();
            }
            self.rest = Some(inner);
        }
        Poll::Ready(next)
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        if let Some(inner) = self.inner() {
            inner.poll_ahead(cx);
        }
    }

    fn flush(&self) -> bool {
        let inner = self
            .making
            .as_ref()
            .map(|(inner, _)| inner)
            .or(self.rest.as_ref());
        inner.is_none_or(|inner| inner.flush())
    }

    fn trailers(&mut self) -> Vec<(Bytes, Bytes)> {
        self.inner()
            .map(|inner| inner.trailers())
            .unwrap_or_default()
    }
}

impl Storing {
    fn inner(&mut self) -> Option<&mut Box<dyn Source>> {
        let first = self.making.as_mut().map(|(inner, _)| inner);
        first.or(self.rest.as_mut())
    }
}

impl Drop for Storing {
    /// The client went away: the copy is made all the same, as with nginx.
    fn drop(&mut self) {
        let Some((inner, copy)) = self.making.take() else {
            return;
        };
        let ends = self.alone || std::thread::panicking();
        if ends || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let mut storing = Storing {
            making: Some((inner, copy)),
            rest: None,
            alone: true,
            errand: self.errand.take(),
        };
        tokio::task::spawn_local(async move {
            while let Ok(Some(_)) = std::future::poll_fn(|cx| storing.poll_next(cx)).await {}
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::{cycle, first_complaint};

    #[test]
    fn settings() {
        let cycle = cycle("events {} http { proxy_store on; proxy_store_access group:rw all:r; }");
        let http = cycle.http.as_ref().unwrap();
        let passing = &http.locations.first().unwrap().proxy.passing;
        assert!(passing.store.is_some());
        assert_eq!(passing.store_access, 0o664);
    }

    #[test]
    fn complaints() {
        let complaint = |lines: &str| first_complaint(&format!("events {{}} http {{ {lines} }}"));
        assert_eq!(complaint("proxy_store '';"), "empty path");
        assert_eq!(
            complaint("proxy_store on; proxy_store off;"),
            "\"proxy_store\" directive is duplicate"
        );
        assert_eq!(
            complaint("proxy_store_access all;"),
            "invalid value \"all\""
        );
        assert_eq!(
            complaint("proxy_store_access all:w;"),
            "invalid value \"all:w\""
        );
    }
}
