//! `disable_symlinks`: files are reached without following symbolic links, or only those that belong to the owner of
//! what they point to.

use super::conf::Http;
use super::file_name::Failure;
use super::request::Request;
use super::value::Value;
use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::context::EVERYWHERE;
use crate::cycle::{Builder, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, fstat, open, openat, stat, statat};
use rustix::io::Errno;
use std::sync::Arc;

/// The setting.
#[derive(Clone, Debug, Default)]
pub struct Symlinks {
    follow: Follow,
    /// `from=`: the part of names that may have links in it all the same.
    from: Option<Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Follow {
    #[default]
    All,
    OfOwner,
    None,
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[Directive::custom(
    "disable_symlinks",
    EVERYWHERE,
    Args::Between(1, 2),
    set,
)
.syntax("off | on [from=part] | if_not_owner [from=part]")
.default("off")
.doc("Whether files behind symbolic links are refused: all of them, or those of another owner than the link's. The \
      part of the name that from= gives may have any links.")];

fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().core().disable_symlinks.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let (mut follow, mut from) = (None, None);
    for word in &node.args {
        match &word.text[..] {
            b"off" => follow = Some(Follow::All),
            b"if_not_owner" => follow = Some(Follow::OfOwner),
            b"on" => follow = Some(Follow::None),
            _ if parameter(word, "from").is_some() => {
                from = Some(Value::compile_from(b, word, "from=".len())?);
            }
            _ => return Err(invalid_parameter(word)),
        }
    }
    let Some(follow) = follow else {
        let message =
            "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter";
        return Err(node.error(message));
    };
    if let [first, second] = &*node.args {
        if from.is_none() {
            let message = format!("duplicate parameters \"{} {}\"", first.str(), second.str());
            return Err(node.error_at(second, message));
        }
        if follow == Follow::All {
            return Err(node.error("\"from=\" cannot be used with \"off\" parameter"));
        }
    }
    let symlinks = Symlinks { follow, from };
    b.http.here().core().disable_symlinks = Some(Arc::new(symlinks));
    Ok(())
}

/// How one file is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    follow: Follow,
    /// The name may have links before this place, at which there is a slash.
    from: usize,
}

impl Access {
    /// By its name, links or not.
    pub const PLAIN: Access = Access {
        follow: Follow::All,
        from: 0,
    };

    /// How the settings of the location let a request reach a file.
    pub fn of(req: &Request, http: &Http, path: &[u8]) -> Access {
        let symlinks = &req.location(http).core.disable_symlinks;
        if symlinks.follow == Follow::All {
            return Access::PLAIN;
        }
        let from = symlinks.from.as_ref().map(|from| from.eval(req));
        Access::behind(symlinks.follow, from.as_deref().unwrap_or_default(), path)
    }

    fn behind(follow: Follow, from: &[u8], path: &[u8]) -> Access {
        let whole = Access { follow, from: 0 };
        match path.strip_prefix(from) {
            _ if from.is_empty() => whole,
            None => whole,
            Some([]) => Access::PLAIN,
            Some([b'/', ..]) => Access {
                follow,
                from: from.len(),
            },
            Some(_) if from.ends_with(b"/") => Access {
                follow,
                from: from.len() - 1,
            },
            Some(_) => whole,
        }
    }

    /// Whether links do not matter.
    pub fn is_plain(self) -> bool {
        self.follow == Follow::All
    }

    /// Looks at a file. The name must not have a NUL in it.
    ///
    /// # Errors
    /// As stat(2) or openat(2).
    pub fn stat(self, path: &[u8]) -> Result<Stat, Failure> {
        if self.is_plain() {
            return stat(path).map_err(failed("stat()"));
        }
        let file = self.open(path)?;
        fstat(&file).map_err(failed("fstat()"))
    }

    /// Opens a file to be read. The name must not have a NUL in it.
    ///
    /// # Errors
    /// As open(2) or openat(2).
    pub fn open(self, path: &[u8]) -> Result<OwnedFd, Failure> {
        self.open_with(path, READ, Mode::empty())
    }

    /// Opens a log to be appended to, and makes it if it is missing. The name must not have a NUL in it.
    ///
    /// # Errors
    /// As open(2) or openat(2).
    pub fn open_log(self, path: &[u8]) -> Result<OwnedFd, Failure> {
        self.open_with(path, APPEND, Mode::from_raw_mode(0o644))
    }

    fn open_with(self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Failure> {
        if self.is_plain() {
            return open(path, flags, mode).map_err(failed("open()"));
        }
        let (start, rest) = path.split_at_checked(self.from).unwrap_or((path, b""));
        let directory = match (start, rest.first()) {
            ([], Some(b'/')) => Some(open("/", SEARCH, Mode::empty()).map_err(failed("openat()"))?),
            ([], _) => None,
            (start, _) => Some(open(start, SEARCH, Mode::empty()).map_err(failed("open()"))?),
        };
        self.descend(directory, rest, flags, mode)
            .map_err(failed("openat()"))
    }

    /// Goes from directory to directory, so that no link on the way is missed.
    fn descend(
        self,
        mut directory: Option<OwnedFd>,
        path: &[u8],
        flags: OFlags,
        mode: Mode,
    ) -> Result<OwnedFd, Errno> {
        let at = |directory: &Option<OwnedFd>, name: &[u8], flags, mode| {
            let at = directory.as_ref().map_or(CWD, AsFd::as_fd);
            self.open_at(at, name, flags, mode)
        };
        let (directories, file) = match memchr::memrchr(b'/', path) {
            Some(slash) => path.split_at(slash + 1),
            None => (&b""[..], path),
        };
        for name in directories.split(|&b| b == b'/').filter(|n| !n.is_empty()) {
            directory = Some(at(&directory, name, SEARCH, Mode::empty())?);
        }
        match file {
            // A name with a slash at its end is that of a directory.
            b"" => openat(
                directory.as_ref().map_or(CWD, AsFd::as_fd),
                ".",
                flags,
                mode,
            ),
            file => at(&directory, file, flags, mode),
        }
    }

    fn open_at(
        self,
        at: BorrowedFd<'_>,
        name: &[u8],
        flags: OFlags,
        mode: Mode,
    ) -> Result<OwnedFd, Errno> {
        // Of a file that may have to be made, no link is followed, whosever it is.
        if self.follow == Follow::None || flags.contains(OFlags::CREATE) {
            return openat(at, name, flags | OFlags::NOFOLLOW, mode);
        }
        // Whether a link was opened is not known, since names may change any time: what was opened must have the
        // owner of what the name stands for, link or not.
        let file = openat(at, name, flags, mode)?;
        let named = statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match fstat(&file)?.st_uid == named.st_uid {
            true => Ok(file),
            false => Err(Errno::LOOP),
        }
    }
}

const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);
const APPEND: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::CREATE)
    .union(OFlags::CLOEXEC);
const SEARCH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn failed(call: &'static str) -> impl Fn(Errno) -> Failure {
    move |errno| Failure { call, errno }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::testing::first_complaint;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn messages_are_nginx_s() {
        for (text, want) in [
            ("disable_symlinks maybe;", "invalid parameter \"maybe\""),
            (
                "disable_symlinks from=/a;",
                "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter",
            ),
            ("disable_symlinks on on;", "duplicate parameters \"on on\""),
            (
                "disable_symlinks off from=/a;",
                "\"from=\" cannot be used with \"off\" parameter",
            ),
            (
                "disable_symlinks on; disable_symlinks off;",
                "\"disable_symlinks\" directive is duplicate",
            ),
            ("disable_symlinks if_not_owner from=$document_root;", ""),
        ] {
            let text = format!("events {{}} http {{ {text} }}");
            assert_eq!(first_complaint(&text), want, "{text}");
        }
    }

    #[test]
    fn the_part_that_may_have_links() {
        let behind = |from: &str| {
            let access = Access::behind(Follow::None, from.as_bytes(), b"/srv/www/file");
            (access.follow, access.from)
        };
        assert_eq!(behind(""), (Follow::None, 0));
        assert_eq!(behind("/srv"), (Follow::None, 4));
        assert_eq!(behind("/srv/"), (Follow::None, 4));
        assert_eq!(behind("/sr"), (Follow::None, 0));
        assert_eq!(behind("/other"), (Follow::None, 0));
        assert_eq!(behind("/srv/www/file"), (Follow::All, 0));
    }

    #[test]
    fn links_are_refused_on_the_way_and_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("d")).unwrap();
        std::fs::write(root.join("d/f"), "x").unwrap();
        symlink("d", root.join("dl")).unwrap();
        symlink("f", root.join("d/fl")).unwrap();
        symlink("/proc/version", root.join("d/root")).unwrap();
        let ask = |follow, from: usize, name: &str| {
            let path = root.join(name);
            let access = Access { follow, from };
            let failure = access.stat(path.as_os_str().as_bytes()).err();
            failure.map(|f| (f.call, f.errno))
        };
        let none = Follow::None;
        assert_eq!(ask(none, 0, "d/f"), None);
        assert_eq!(ask(none, 0, "d//f"), None);
        assert_eq!(ask(none, 0, "d/"), None);
        assert_eq!(ask(none, 0, "d/fl"), Some(("openat()", Errno::LOOP)));
        assert_eq!(ask(none, 0, "dl/f"), Some(("openat()", Errno::NOTDIR)));
        assert_eq!(ask(none, 0, "d/none"), Some(("openat()", Errno::NOENT)));
        let link = root.as_os_str().len() + "/dl".len();
        assert_eq!(ask(none, link, "dl/f"), None);
        assert_eq!(ask(Follow::OfOwner, 0, "dl/fl"), None);
        assert_eq!(ask(Follow::All, 0, "dl/fl"), None);
        let log = |follow, name: &str| {
            let path = root.join(name);
            let opened = Access { follow, from: 0 }.open_log(path.as_os_str().as_bytes());
            opened.err().map(|failure| failure.errno)
        };
        assert_eq!(log(Follow::None, "d/new"), None);
        assert!(root.join("d/new").exists());
        assert_eq!(log(Follow::None, "dl/new"), Some(Errno::NOTDIR));
        assert_eq!(log(Follow::OfOwner, "dl/new"), None);
        assert_eq!(log(Follow::OfOwner, "d/fl"), Some(Errno::LOOP));
    }
}
