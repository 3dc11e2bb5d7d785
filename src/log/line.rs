//! One line of the error log, put together in a buffer of the thread.

use super::{Level, raw};
use std::cell::RefCell;
use std::fmt::{self, Arguments, Write as _};

/// A line is cut to this length, its line end included (nginx: `NGX_MAX_ERROR_STR`).
const LONGEST: usize = 2048;
/// The same with the cause behind it.
const LONGEST_EXPLAINED: usize = 2 * LONGEST;
/// So much of it is left to the reason that the system gave.
const ROOM: usize = 50;

/// Puts a line together and gives it to `write`, along with the offset of the message behind the time, the level and
/// the ids. `context` appends what follows the message, `cause` what stands behind all of that and is not cut with it.
pub fn with<R>(
    level: Level,
    connection: Option<u64>,
    message: Arguments<'_>,
    context: impl FnOnce(&mut Vec<u8>),
    cause: impl FnOnce(&mut Vec<u8>),
    write: impl FnOnce(&[u8], usize) -> R,
) -> R {
    // Taken out, so that a message whose formatting logs something finds the place empty instead of borrowed.
    let mut line = LINE.take();
    line.clear();
    crate::clock::texts(|texts| line.extend_from_slice(&texts.error_log));
    line.extend_from_slice(b" [");
    line.extend_from_slice(level.name().as_bytes());
    line.extend_from_slice(b"] ");
    with_ids(|ids| line.extend_from_slice(ids));
    if let Some(number) = connection {
        line.push(b'*');
        crate::decimal::append(number, &mut line);
        line.push(b' ');
    }
    let start = line.len();
    let _ = Cut(&mut line).write_fmt(message);
    raw::restore(&mut line, start);
    line.truncate(LONGEST);
    if line.len() > LONGEST - ROOM {
        let mut whole = message.to_string().into_bytes();
        raw::restore(&mut whole, 0);
        keep_reason(&mut line, start, &whole);
    }
    context(&mut line);
    line.truncate(LONGEST - 1);
    cause(&mut line);
    line.truncate(LONGEST_EXPLAINED - 1);
    line.push(b'\n');
    let result = write(&line, start.min(line.len()));
    LINE.set(line);
    result
}

/// Where a long message ends in the system's reason, ` (2: No such file or directory)`, the text before it is cut.
#[cold]
fn keep_reason(line: &mut Vec<u8>, start: usize, message: &[u8]) {
    let Some((text, reason)) =
        memchr::memmem::rfind(message, b" (").and_then(|at| message.split_at_checked(at))
    else {
        return;
    };
    let number = reason.get(2..).unwrap_or_default();
    let digits = number.iter().take_while(|c| c.is_ascii_digit()).count();
    let is_whole =
        reason.ends_with(b")") && number.get(digits..).is_some_and(|r| r.starts_with(b": "));
    if is_whole && start.saturating_add(text.len()) > LONGEST - ROOM {
        line.truncate(LONGEST - ROOM);
        line.extend_from_slice(b"...");
        line.extend_from_slice(reason);
    }
}

thread_local! {
    static LINE: RefCell<Vec<u8>> = RefCell::default();
    /// The numbers of the process and the thread as they stand in a line, asked for once.
    static IDS: String =
        format!("{}#{}: ", std::process::id(), rustix::thread::gettid().as_raw_nonzero());
}

/// Looks at what [`IDS`] says; at the very end of a thread that is nothing.
fn with_ids(take: impl FnOnce(&[u8])) {
    let _ = IDS.try_with(|ids| take(ids.as_bytes()));
}

/// Takes no more than fits into a line, with room for bytes that are written as characters for now.
struct Cut<'a>(&'a mut Vec<u8>);

impl fmt::Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (4 * LONGEST).saturating_sub(self.0.len());
        let text = text.as_bytes();
        self.0.extend_from_slice(text.get(..room).unwrap_or(text));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(connection: Option<u64>, message: Arguments<'_>) -> String {
        with(
            Level::Error,
            connection,
            message,
            |out| out.extend_from_slice(b", client: x"),
            |_| {},
            |line, start| {
                assert_eq!(line.get(start..start + 1), Some(&b"m"[..]));
                String::from_utf8(line.to_vec()).unwrap()
            },
        )
    }

    #[test]
    fn a_line_has_the_form_of_nginx() {
        let text = line(Some(7), format_args!("message (2: No such file)"));
        let (time, rest) = text.split_at(19);
        let shape: String = time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000/00/00 00:00:00");
        let pid = std::process::id();
        let tid = rustix::thread::gettid().as_raw_nonzero();
        assert_eq!(
            rest,
            format!(" [error] {pid}#{tid}: *7 message (2: No such file), client: x\n")
        );
    }

    #[test]
    fn a_cause_stands_behind_a_line_that_was_cut() {
        let long = "x".repeat(5000);
        let cause = |out: &mut Vec<u8>| out.extend_from_slice(b", cause: y");
        let text = with(
            Level::Error,
            None,
            format_args!("m{long}"),
            |_| {},
            cause,
            |line, _| String::from_utf8(line.to_vec()).unwrap(),
        );
        let (nginx_s, cause) = text.split_at(LONGEST - 1);
        assert_eq!((&nginx_s[LONGEST - 3..], cause), ("xx", ", cause: y\n"));
    }

    #[test]
    fn a_long_line_keeps_the_reason_of_the_system() {
        let text = line(
            None,
            format_args!("m{} (2: No such file)", "x".repeat(5000)),
        );
        let end = &text[LONGEST - 52..];
        assert_eq!(end, "xx... (2: No such file), client: x\n");
        for message in ["m (2: No such file)", "m (x)", "m 2: x)"] {
            let long = format!("{message}{}", "x".repeat(5000));
            let text = line(None, format_args!("{long}"));
            assert!(text.len() == LONGEST && text.ends_with("xx\n"));
        }
    }

    #[test]
    fn a_long_line_is_cut() {
        let text = line(None, format_args!("m{}", "x".repeat(5000)));
        assert_eq!(text.len(), LONGEST);
        assert!(text.ends_with("xx\n"));
    }
}
