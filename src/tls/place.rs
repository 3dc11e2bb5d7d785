//! Where a certificate or key comes from: a file, or the value itself.

use super::error::LoadError;
use crate::config::source::Files;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The text that a value of `ssl_certificate` stands for: what follows `data:`, else the contents of a file. `base` is
/// the directory that names are relative to.
///
/// # Errors
/// The file cannot be read.
pub fn certificate(value: &[u8], base: &Path, files: &dyn Files) -> Result<Vec<u8>, LoadError> {
    match value.strip_prefix(b"data:") {
        Some(text) => Ok(text.to_vec()),
        None => file(value, base, files),
    }
}

/// The same for a key.
///
/// # Errors
/// As [`certificate`]; and keys that an engine or a store of OpenSSL would have to fetch.
pub fn key(value: &[u8], base: &Path, files: &dyn Files) -> Result<Vec<u8>, LoadError> {
    for kind in ["engine:", "store:"] {
        if value.starts_with(kind.as_bytes()) {
            let what = format!("loading \"{kind}...\" certificate keys is not supported");
            return Err(LoadError::new(what, ""));
        }
    }
    certificate(value, base, files)
}

/// The contents of a file.
///
/// # Errors
/// The file cannot be read.
pub fn file(name: &[u8], base: &Path, files: &dyn Files) -> Result<Vec<u8>, LoadError> {
    let path = path(name, base);
    files
        .read(&path)
        .map_err(|error| LoadError::file(&path, &error))
}

/// A value as nginx shows it in messages: the full name of a file, anything else as it is.
pub fn shown(value: &[u8], base: &Path) -> String {
    let other = [&b"data:"[..], b"engine:", b"store:"];
    if other.iter().any(|kind| value.starts_with(kind)) {
        return String::from_utf8_lossy(value).into_owned();
    }
    path(value, base).display().to_string()
}

/// The full name of a file.
pub fn path(name: &[u8], base: &Path) -> PathBuf {
    base.join(OsStr::from_bytes(name))
}
