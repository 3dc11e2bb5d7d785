//! What can be wrong with certificates and keys, in the words of nginx and OpenSSL.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a certificate, key or list could not be loaded: the call that nginx would have made, and OpenSSL's reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    what: String,
    reason: String,
}

impl LoadError {
    /// An error with OpenSSL's reason, which may be empty: `error:0480006C:PEM routines::no start line`.
    pub fn new(what: impl Into<String>, reason: impl Into<String>) -> Self {
        LoadError {
            what: what.into(),
            reason: reason.into(),
        }
    }

    /// A file that could not be read.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        let name = path.display();
        let text = crate::config::source::errno(error);
        let text = text.split_once(": ").map_or(&*text, |(_, text)| text);
        let number = error.raw_os_error().unwrap_or_default();
        let mut reason = format!(
            "error:8{number:07X}:system library::{text}:calling fopen({name}, r) error:10080002:BIO routines::system lib"
        );
        if error.kind() == io::ErrorKind::NotFound {
            reason = format!(
                "error:8{number:07X}:system library::{text}:calling fopen({name}, r) error:10000080:BIO routines::no such file"
            );
        }
        LoadError::new("BIO_new_file() failed", reason)
    }

    /// The call that failed: `PEM_read_bio_X509_AUX() failed`.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// OpenSSL's reason as nginx puts it behind a sentence, with a space before it; empty if there is none.
    pub fn reason(&self) -> String {
        match &*self.reason {
            "" => String::new(),
            reason => format!(" (SSL: {reason})"),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.what, self.reason())
    }
}

impl std::error::Error for LoadError {}
