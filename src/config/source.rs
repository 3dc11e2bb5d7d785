//! The texts that a configuration consists of, and where they come from.

use super::glob;
use super::span::{SourceId, Span};
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::OnceLock;

/// Where files are read from: the disk, or the snapshot that the master made of it.
pub trait Files {
    /// The whole of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The paths that match a pattern, in the order in which libc's `glob` gives them; none is not an error.
    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(glob::glob(pattern))
    }
}

/// What the operating system says about an error, as nginx writes it: `2: No such file or directory`.
pub fn errno(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => errno_text(code).to_string(),
        None => error.to_string(),
    }
}

/// The same for the number of an error.
pub fn errno_text(code: i32) -> Rc<str> {
    // The system looks its texts up in a catalogue each time, behind a lock. Few errors ever happen.
    ERRNOS.with_borrow_mut(|known| {
        if let Some((_, text)) = known.iter().find(|(number, _)| *number == code) {
            return Rc::clone(text);
        }
        let text = io::Error::from_raw_os_error(code).to_string();
        let suffix = format!(" (os error {code})");
        let text = text.strip_suffix(&suffix).unwrap_or(&text);
        let text: Rc<str> = format!("{code}: {text}").into();
        known.push((code, Rc::clone(&text)));
        text
    })
}

thread_local! {
    static ERRNOS: RefCell<Vec<(i32, Rc<str>)>> = const { RefCell::new(Vec::new()) };
}

/// All texts of one configuration.
#[derive(Debug, Default)]
pub struct Sources {
    all: Vec<Source>,
    by_path: HashMap<PathBuf, SourceId>,
}

#[derive(Debug)]
struct Source {
    /// None for the value of `-g`.
    path: Option<PathBuf>,
    text: Bytes,
    line_starts: OnceLock<Vec<u32>>,
}

impl Sources {
    /// No text yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the text of a file. A path that is there already keeps its number and its text.
    pub fn add(&mut self, path: &Path, text: Bytes) -> SourceId {
        if let Some(id) = self.find(path) {
            return id;
        }
        let id = self.push(Some(path.to_owned()), text);
        self.by_path.insert(path.to_owned(), id);
        id
    }

    /// Adds the value of `-g`: messages about it end with `in command line`.
    pub fn add_command_line(&mut self, text: Bytes) -> SourceId {
        self.push(None, text)
    }

    /// The number of a file that was read before.
    pub fn find(&self, path: &Path) -> Option<SourceId> {
        self.by_path.get(path).copied()
    }

    /// The path, or `command line`.
    pub fn path(&self, id: SourceId) -> &Path {
        self.get(id)
            .and_then(|s| s.path.as_deref())
            .unwrap_or(Path::new("command line"))
    }

    /// The whole text.
    pub fn text(&self, id: SourceId) -> &[u8] {
        self.get(id).map_or(&[], |s| &s.text)
    }

    /// The place of a piece of text inside a span, if it stands there just so.
    pub fn find_in(&self, span: Span, text: &[u8]) -> Option<Span> {
        let offset = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        let around = self
            .text(span.source)
            .get(offset(span.start)..offset(span.end))?;
        let at = u32::try_from(memchr::memmem::find(around, text)?).ok()?;
        let start = span.start.checked_add(at)?;
        Some(Span {
            source: span.source,
            start,
            end: start.checked_add(u32::try_from(text.len()).ok()?)?,
        })
    }

    /// The line, counted from 1, of the last byte of the span (of its place, if it is empty): for the span of a
    /// whole directive that is the line of its `;` or `{`, which is the one nginx names.
    pub fn line_number(&self, span: Span) -> u32 {
        self.line_at(span.source, span.start.max(span.end.saturating_sub(1)))
    }

    /// The line, counted from 1, of a byte.
    pub fn line_at(&self, id: SourceId, offset: u32) -> u32 {
        let Some(source) = self.get(id) else { return 1 };
        let line = source
            .line_starts()
            .partition_point(|&start| start <= offset);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// The offset of the first byte of a line and of the one behind its last (the line end not counted).
    pub fn line_bounds(&self, id: SourceId, line: u32) -> (usize, usize) {
        let Some(source) = self.get(id) else {
            return (0, 0);
        };
        let start_of = |line: u32| {
            let index = usize::try_from(line).ok().and_then(|l| l.checked_sub(1));
            index
                .and_then(|i| source.line_starts().get(i))
                .and_then(|&s| usize::try_from(s).ok())
        };
        let start = start_of(line).unwrap_or(source.text.len());
        let end = start_of(line.saturating_add(1))
            .map_or(source.text.len(), |next| next.saturating_sub(1));
        (start, end.max(start))
    }

    /// How nginx ends a message about this place: `/etc/nginx/nginx.conf:12` or `command line`.
    pub fn place(&self, span: Span) -> String {
        match self.get(span.source).and_then(|s| s.path.as_deref()) {
            Some(path) => format!("{}:{}", path.display(), self.line_number(span)),
            None => "command line".to_owned(),
        }
    }

    /// The files with their texts, in the order in which they were first read (the value of `-g` is not among them).
    pub fn files(&self) -> impl Iterator<Item = (&Path, &Bytes)> {
        self.all
            .iter()
            .filter_map(|s| Some((s.path.as_deref()?, &s.text)))
    }

    fn push(&mut self, path: Option<PathBuf>, text: Bytes) -> SourceId {
        let id = SourceId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(Source {
            path,
            text,
            line_starts: OnceLock::new(),
        });
        id
    }

    fn get(&self, id: SourceId) -> Option<&Source> {
        self.all.get(usize::try_from(id.0).ok()?)
    }

    /// The text itself, to cut words from.
    pub(super) fn bytes(&self, id: SourceId) -> Bytes {
        self.get(id).map_or_else(Bytes::new, |s| s.text.clone())
    }
}

impl Source {
    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', &self.text);
            std::iter::once(0)
                .chain(ends.map(|i| u32::try_from(i + 1).unwrap_or(u32::MAX)))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_their_ends() {
        let mut sources = Sources::new();
        let id = sources.add(Path::new("/a.conf"), Bytes::from_static(b"a;\nbc\n\nd"));
        let line = |start, end| {
            sources.line_number(Span {
                source: id,
                start,
                end,
            })
        };
        assert_eq!(
            [
                line(0, 1),
                line(0, 2),
                line(3, 5),
                line(0, 5),
                line(7, 8),
                line(8, 8)
            ],
            [1, 1, 2, 2, 4, 4]
        );
        assert_eq!(sources.line_bounds(id, 2), (3, 5));
        assert_eq!(sources.line_bounds(id, 3), (6, 6));
        assert_eq!(sources.line_bounds(id, 4), (7, 8));
    }

    #[test]
    fn a_file_is_listed_once_and_the_command_line_never() {
        let mut sources = Sources::new();
        let cli = sources.add_command_line(Bytes::from_static(b"daemon off;"));
        let a = sources.add(Path::new("/a"), Bytes::from_static(b"x"));
        assert_eq!(sources.add(Path::new("/a"), Bytes::from_static(b"y")), a);
        assert_eq!(
            sources.files().map(|(p, _)| p).collect::<Vec<_>>(),
            [Path::new("/a")]
        );
        assert_eq!(
            sources.place(Span {
                source: cli,
                start: 0,
                end: 1
            }),
            "command line"
        );
        assert_eq!(
            sources.place(Span {
                source: a,
                start: 0,
                end: 1
            }),
            "/a:1"
        );
    }

    #[test]
    fn errors_of_the_system_read_as_in_nginx() {
        assert_eq!(
            errno(&io::Error::from_raw_os_error(2)),
            "2: No such file or directory"
        );
        assert_eq!(
            errno(&io::Error::from_raw_os_error(13)),
            "13: Permission denied"
        );
    }
}
