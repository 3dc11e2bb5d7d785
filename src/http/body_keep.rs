//! Reads a request's body whole, into memory up to `client_body_buffer_size`, the rest into a temporary file.

use super::body::join;
use super::body_in::{BodyError, Kept, TempFile};
use super::core::location::BodyInFile;
use super::core::temp_path::TempPath;
use super::explain::{self, Fault, Wrong};
use super::head::Version;
use super::request::Request;
use crate::log::{self, Level};
use bytes::Bytes;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads the body to its end into `req.body.kept`. Does nothing if that has been done.
///
/// # Errors
/// The body cannot be had: answer with [`BodyError::status`].
pub async fn read_all(req: &mut Request) -> Result<(), BodyError> {
    let http = Rc::clone(&req.http);
    let core = &http.location(req.location).core;
    if req.body.complete {
        let kept = &req.body.kept;
        let empty = req.body.length == Some(0) && !kept.announced;
        if !empty || core.client_body_in_file_only == BodyInFile::Off {
            req.body.kept.announced |= empty;
            return Ok(());
        }
        // An empty body has its file as well.
    }
    let mut store = Store {
        kept: Kept::default(),
        in_memory: core.client_body_buffer_size,
        file_only: core.client_body_in_file_only,
        temp: &core.client_body_temp_path,
        file: None,
    };
    if core.client_body_in_file_only != BodyInFile::Off {
        store.open(req)?;
    }
    let limit = core.client_max_body_size;
    loop {
        let data = req.body.data().await;
        req.count_body();
        let data = match data {
            Ok(Some(data)) => data,
            Ok(None) => break,
            Err(e) => {
                explain::body(req, e, "");
                return Err(e);
            }
        };
        let length = store.kept.length.saturating_add(data.len() as u64);
        if limit > 0 && length > limit {
            explain::client(
                req,
                Level::Error,
                format_args!(
                    "client intended to send too large chunked body: {} bytes",
                    Growth::of(req, store.kept.length, data.len() as u64)
                ),
                Fault::now(req, Wrong::BodyTooLarge(length)),
            );
            req.keepalive = false;
            return Err(BodyError::TooLarge);
        }
        store.add(req, data)?;
    }
    req.body.kept = store.finish();
    req.body.length = Some(req.body.kept.length);
    req.body.complete = true;
    Ok(())
}

/// How much of a body came, as nginx says it: over HTTP/1.1 what is new by itself.
pub enum Growth {
    /// What was there and what is new.
    Parts(u64, u64),
    /// The two together.
    Sum(u64),
}

impl Growth {
    /// As it is said of a request.
    pub fn of(req: &Request, so_far: u64, more: u64) -> Growth {
        match req.head.version < Version::Http2 {
            true => Growth::Parts(so_far, more),
            false => Growth::Sum(so_far.saturating_add(more)),
        }
    }
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Growth::Parts(so_far, more) => write!(f, "{so_far}+{more}"),
            Growth::Sum(all) => write!(f, "{all}"),
        }
    }
}

struct Store<'a> {
    kept: Kept,
    in_memory: usize,
    file_only: BodyInFile,
    temp: &'a TempPath,
    file: Option<TempFile>,
}

impl Store<'_> {
    fn add(&mut self, req: &Request, data: Bytes) -> Result<(), BodyError> {
        let fits = self.kept.length.saturating_add(data.len() as u64) <= self.in_memory as u64;
        self.kept.length = self.kept.length.saturating_add(data.len() as u64);
        if self.file.is_none() && fits {
            let memory = &mut self.kept.memory;
            let own = join(memory.last_mut(), data);
            memory.extend(own);
            return Ok(());
        }
        if self.file.is_none() {
            self.open(req)?;
            // All of it goes to the file, so that `$request_body_file` is the whole body.
            for piece in std::mem::take(&mut self.kept.memory) {
                self.write(req, &piece)?;
            }
        }
        self.write(req, &data)
    }

    fn open(&mut self, req: &Request) -> Result<(), BodyError> {
        let keep = self.file_only == BodyInFile::On;
        let file = create(self.temp, keep).map_err(|(path, e)| {
            let reason = crate::config::source::errno(&e);
            log::request(
                req,
                Level::Crit,
                format_args!("open() \"{}\" failed ({reason})", path.display()),
            );
            BodyError::Storage
        })?;
        if self.file_only == BodyInFile::Off {
            log::request(
                req,
                Level::Warn,
                format_args!(
                    "a client request body is buffered to a temporary file {}",
                    file.path.display()
                ),
            );
        }
        self.file = Some(file);
        Ok(())
    }

    fn write(&mut self, req: &Request, data: &[u8]) -> Result<(), BodyError> {
        let Some(file) = &mut self.file else {
            return Err(BodyError::Storage);
        };
        file.length = file.length.saturating_add(data.len() as u64);
        (&*file.file).write_all(data).map_err(|e| {
            let reason = crate::config::source::errno(&e);
            log::request(
                req,
                Level::Crit,
                format_args!("write() \"{}\" failed ({reason})", file.path.display()),
            );
            BodyError::Storage
        })
    }

    fn finish(self) -> Kept {
        Kept {
            file: self.file.map(Rc::new),
            announced: true,
            ..self.kept
        }
    }
}

/// Numbers of temporary files; the process id keeps those of several servers apart.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Makes a new temporary file below a path, in directories named by the last digits of its number (`levels`).
///
/// # Errors
/// The path, and why the file could not be made.
pub fn create(temp: &TempPath, keep: bool) -> Result<TempFile, (PathBuf, std::io::Error)> {
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{number:010}");
        let mut path = temp.path.clone();
        let mut end = name.len();
        for level in temp.levels.iter().filter(|l| **l > 0) {
            let start = end.saturating_sub(usize::from(*level));
            path.push(name.get(start..end).unwrap_or_default());
            end = start;
        }
        path.push(&name);
        match open_new(&path) {
            Ok(file) => {
                return Ok(TempFile {
                    file: Rc::new(file),
                    path,
                    keep,
                    length: 0,
                });
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let Some(dir) = path.parent() else {
                    return Err((path, e));
                };
                if let Err(e) = std::fs::create_dir_all(dir) {
                    return Err((path, e));
                }
                match open_new(&path) {
                    Ok(file) => {
                        return Ok(TempFile {
                            file: Rc::new(file),
                            path,
                            keep,
                            length: 0,
                        });
                    }
                    Err(e) => return Err((path, e)),
                }
            }
            Err(e) => return Err((path, e)),
        }
    }
}

fn open_new(path: &PathBuf) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}
