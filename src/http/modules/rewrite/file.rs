//! What an `if` can ask about a file.

use crate::http::file_name::explain;
use crate::http::request::Request;
use crate::http::symlinks::Access;
use crate::log::Level;
use rustix::fs::{FileType, Mode};
use rustix::io::Errno;

/// A question about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileTest {
    /// `-f`: it is a regular file.
    Plain,
    /// `-d`: it is a directory.
    Directory,
    /// `-e`: it is one of the two.
    Exists,
    /// `-x`: its owner may execute it.
    Executable,
}

impl FileTest {
    /// Asks. A file that cannot be looked at is none; that is logged, unless it merely does not exist.
    pub(super) fn holds(self, req: &Request, path: &[u8]) -> bool {
        // The system would see the name end here.
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        let stat = match Access::of(req, &req.http, path).stat(path) {
            Ok(stat) => stat,
            Err(failure) => {
                if !matches!(
                    failure.errno,
                    Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG
                ) {
                    explain(req, Level::Crit, &failure, path);
                }
                return false;
            }
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        match self {
            FileTest::Plain => kind == FileType::RegularFile,
            FileTest::Directory => kind == FileType::Directory,
            FileTest::Exists => matches!(kind, FileType::RegularFile | FileType::Directory),
            FileTest::Executable => Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR),
        }
    }
}
