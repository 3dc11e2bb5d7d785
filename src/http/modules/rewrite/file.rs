//! What an `if` can ask about a file.

use crate::config::source::errno;
use crate::http::request::Request;
use crate::log::{self, Level};
use rustix::fs::{FileType, Mode, stat};
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
        let stat = match stat(path) {
            Ok(stat) => stat,
            Err(e) => {
                if !matches!(e, Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) {
                    report(req, path, e);
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

fn report(req: &Request, path: &[u8], e: Errno) {
    log::request(
        req,
        Level::Crit,
        format_args!(
            "stat() \"{}\" failed ({})",
            String::from_utf8_lossy(path),
            errno(&e.into())
        ),
    );
}
