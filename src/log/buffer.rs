//! Lines on their way into log files: gathered by each thread and written with one write(2), at the latest when the
//! thread has nothing else to do; or, for `buffer=`ed logs, when the buffer is full or its time is over.

use super::files::LogFile;
use crate::config::source::errno;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// How a `buffer=`ed log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffering {
    /// How many bytes are gathered before they are written.
    pub size: usize,
    /// How long a line waits at most; none for as long as it takes to fill the buffer.
    pub flush: Option<Duration>,
    /// The level at which what is written is compressed, each time as a whole gzip file.
    pub gzip: Option<u32>,
}

/// So much is gathered before it is written even if the thread is busy.
const FULL: usize = 64 * 1024;
/// So many files are gathered for at a time: finding one is a walk through them.
const MOST_FILES: usize = 64;

/// What one thread has gathered.
#[derive(Default)]
struct Gathered {
    /// For plain logs: only those that have lines.
    plain: Vec<(Arc<LogFile>, Vec<u8>)>,
    /// Buffers without a use.
    spare: Vec<Vec<u8>>,
    /// For `buffer=`ed logs, by the address of their entry.
    buffered: HashMap<usize, Buffered>,
}

struct Buffered {
    file: Arc<LogFile>,
    how: Buffering,
    text: Vec<u8>,
    /// Whether a timer runs that writes it out.
    timer: bool,
}

thread_local! {
    static GATHERED: RefCell<Gathered> = RefCell::default();
}

/// Appends a line, which `write` puts at the end of the buffer without its line end. It leaves with
/// [`flush`], or earlier if much is gathered.
pub fn append(file: &Arc<LogFile>, write: impl FnOnce(&mut Vec<u8>)) {
    // The buffer is taken out while the line is made: computing a variable may log something itself.
    let mut text = GATHERED.with_borrow_mut(|all| {
        match all.plain.iter_mut().find(|(f, _)| Arc::ptr_eq(f, file)) {
            Some((_, text)) => std::mem::take(text),
            None => all.spare.pop().unwrap_or_default(),
        }
    });
    write(&mut text);
    text.push(b'\n');
    let full = text.len() >= FULL;
    GATHERED.with_borrow_mut(|all| {
        match all.plain.iter_mut().find(|(f, _)| Arc::ptr_eq(f, file)) {
            Some((_, place)) => *place = text,
            None => all.plain.push((Arc::clone(file), text)),
        }
        if full || all.plain.len() > MOST_FILES {
            all.flush_plain();
        }
    });
}

/// Appends a line of an error log, its end included, to leave with [`flush`] like those of access logs. `false` if this
/// thread does not wait for events, or is writing out what it has gathered: the line cannot wait then.
pub fn gather(file: &Arc<LogFile>, line: &[u8]) -> bool {
    crate::clock::has_turns()
        && GATHERED.with(|all| {
            let Ok(mut all) = all.try_borrow_mut() else {
                return false;
            };
            let place = all.plain.iter().position(|(f, _)| Arc::ptr_eq(f, file));
            match place.and_then(|place| all.plain.get_mut(place)) {
                Some((_, text)) => text.extend_from_slice(line),
                None => {
                    let mut text = all.spare.pop().unwrap_or_default();
                    text.extend_from_slice(line);
                    all.plain.push((Arc::clone(file), text));
                }
            }
            let full = all.plain.iter().any(|(_, text)| text.len() >= FULL);
            if full || all.plain.len() > MOST_FILES {
                all.flush_plain();
            }
            true
        })
}

/// Appends a line to a `buffer=`ed log.
pub fn append_buffered(file: &Arc<LogFile>, how: Buffering, write: impl FnOnce(&mut Vec<u8>)) {
    let mut line = GATHERED
        .with_borrow_mut(|all| all.spare.pop())
        .unwrap_or_default();
    write(&mut line);
    line.push(b'\n');
    GATHERED.with_borrow_mut(|all| {
        let log = all.buffered.entry(key(file)).or_insert_with(|| Buffered {
            file: Arc::clone(file),
            how,
            text: Vec::new(),
            timer: false,
        });
        log.how = how;
        log.append(&line);
        line.clear();
        all.spare.push(line);
    });
}

/// Writes out what was gathered for plain logs. While that is being done it need not be begun.
pub fn flush() {
    GATHERED.with(|all| {
        if let Ok(mut all) = all.try_borrow_mut()
            && !all.plain.is_empty()
        {
            all.flush_plain();
        }
    });
}

/// Writes out everything.
pub fn flush_all() {
    GATHERED.with_borrow_mut(Gathered::flush_all);
}

fn key(file: &Arc<LogFile>) -> usize {
    Arc::as_ptr(file).addr()
}

impl Gathered {
    fn flush_plain(&mut self) {
        for (file, mut text) in self.plain.drain(..) {
            put(&file, &text);
            if self.spare.len() < MOST_FILES && text.capacity() <= 2 * FULL {
                text.clear();
                self.spare.push(text);
            }
        }
    }

    fn flush_all(&mut self) {
        self.flush_plain();
        for (_, mut log) in self.buffered.drain() {
            log.flush();
        }
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.flush_all();
    }
}

impl Buffered {
    fn append(&mut self, line: &[u8]) {
        if self.text.len() + line.len() > self.how.size {
            self.flush();
        }
        if line.len() > self.how.size {
            self.put(line);
            return;
        }
        if self.text.is_empty() {
            self.start_timer();
        }
        self.text.extend_from_slice(line);
    }

    fn start_timer(&mut self) {
        let Some(time) = self.how.flush.filter(|_| !self.timer) else {
            return;
        };
        // Without a runtime the lines wait for the end of the thread.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        self.timer = true;
        let key = key(&self.file);
        // The runtime is that of this thread alone, so what is gathered here is what the task will find.
        runtime.spawn(async move {
            tokio::time::sleep(time).await;
            GATHERED.with_borrow_mut(|all| {
                // Nothing more comes for a file of a cycle that is gone: its entry goes too.
                if let Some(mut log) = all.buffered.remove(&key) {
                    log.flush();
                }
            });
        });
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.put(&self.text);
            self.text.clear();
        }
    }

    fn put(&self, text: &[u8]) {
        match self.how.gzip {
            None => put(&self.file, text),
            Some(level) => {
                let mut zipped = GzEncoder::new(Vec::new(), Compression::new(level));
                // Compressing into a vector cannot fail.
                if zipped.write_all(text).is_ok()
                    && let Ok(zipped) = zipped.finish()
                {
                    put(&self.file, &zipped);
                }
            }
        }
    }
}

/// Writes and complains of a failure in the process's error log, once a minute.
pub(crate) fn put(file: &LogFile, text: &[u8]) {
    let result = file.write(text);
    if matches!(result, Ok(n) if n == text.len()) || !file.may_complain() {
        return;
    }
    let path = file.path().display();
    match result {
        Ok(n) => super::event!(
            Alert,
            "write() to \"{path}\" was incomplete: {n} of {}",
            text.len()
        ),
        Err(error) => super::event!(Alert, "write() to \"{path}\" failed ({})", errno(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::files;
    use super::*;
    use std::io::Read;
    use std::path::PathBuf;

    fn file(dir: &tempfile::TempDir) -> (PathBuf, Arc<LogFile>) {
        let path = dir.path().join("a.log");
        let file = files::install(&path, files::open(&path).unwrap());
        (path, file)
    }

    fn text(path: &PathBuf) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    fn line(text: &'static [u8]) -> impl Fn(&mut Vec<u8>) {
        move |out| out.extend_from_slice(text)
    }

    #[test]
    fn lines_are_written_together() {
        let dir = tempfile::tempdir().unwrap();
        let (path, file) = file(&dir);
        append(&file, line(b"one"));
        append(&file, |out| {
            append(&file, line(b"inner"));
            out.extend_from_slice(b"outer");
        });
        assert_eq!(text(&path), "");
        flush();
        assert!(text(&path).contains("outer\n"));
        append(&file, |out| out.resize(FULL, b'x'));
        assert!(text(&path).len() > FULL);
    }

    #[test]
    fn lines_of_error_logs_wait_where_the_thread_does() {
        let dir = tempfile::tempdir().unwrap();
        let (path, file) = file(&dir);
        assert!(!gather(&file, b"at once\n"), "no event loop");
        crate::clock::begin_turn();
        assert!(gather(&file, b"error\n"));
        append(&file, line(b"access"));
        assert!(gather(&file, b"error\n"));
        assert_eq!(text(&path), "");
        flush();
        assert_eq!(text(&path), "error\naccess\nerror\n");
    }

    #[test]
    fn a_buffer_is_written_when_the_next_line_does_not_fit() {
        let dir = tempfile::tempdir().unwrap();
        let (path, file) = file(&dir);
        let how = Buffering {
            size: 8,
            flush: None,
            gzip: None,
        };
        append_buffered(&file, how, line(b"abc"));
        append_buffered(&file, how, line(b"def"));
        flush();
        assert_eq!(text(&path), "");
        append_buffered(&file, how, line(b"g"));
        assert_eq!(text(&path), "abc\ndef\n");
        append_buffered(&file, how, line(b"longer than the buffer"));
        assert_eq!(text(&path), "abc\ndef\ng\nlonger than the buffer\n");
    }

    #[test]
    fn a_buffer_is_written_when_its_time_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let (path, file) = file(&dir);
        let how = Buffering {
            size: 100,
            flush: Some(Duration::from_millis(50)),
            gzip: Some(1),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            append_buffered(&file, how, line(b"abc"));
            assert_eq!(text(&path), "");
            while std::fs::metadata(&path).unwrap().len() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut plain = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap())
            .read_to_string(&mut plain)
            .unwrap();
        assert_eq!(plain, "abc\n");
    }

    #[test]
    fn a_thread_that_ends_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, file) = file(&dir);
        std::thread::spawn(move || append(&file, line(b"last words")))
            .join()
            .unwrap();
        assert_eq!(text(&path), "last words\n");
    }
}
