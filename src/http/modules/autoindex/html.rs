//! The list as a page.

use super::AutoindexConf;
use super::entry::{Entry, Kind};
use crate::http::date::{Civil, Zone};
use crate::http::escape::{self, escape_html};
use std::io::Write;

/// So many characters of a name are shown.
const WIDTH: usize = 50;

/// Writes the page. `utf8`: names are counted and cut in characters of UTF-8, not in bytes.
pub(super) fn write(
    uri: &[u8],
    entries: &[Entry],
    conf: &AutoindexConf,
    utf8: bool,
    out: &mut Vec<u8>,
) {
    let offset = if conf.localtime { local_offset() } else { 0 };
    out.extend_from_slice(b"<html>\r\n<head><title>Index of ");
    escape_html(uri, out);
    out.extend_from_slice(b"</title></head>\r\n<body>\r\n<h1>Index of ");
    escape_html(uri, out);
    out.extend_from_slice(b"</h1><hr><pre><a href=\"../\">../</a>\r\n");
    for entry in entries {
        line(entry, conf, utf8, offset, out);
    }
    out.extend_from_slice(b"</pre><hr></body>\r\n</html>\r\n");
}

/// Seconds to add for the local time, whole minutes as nginx counts them.
fn local_offset() -> i64 {
    let now = crate::clock::unix_seconds();
    i64::from(Zone::system().offset(now)) / 60 * 60
}

fn line(entry: &Entry, conf: &AutoindexConf, utf8: bool, offset: i64, out: &mut Vec<u8>) {
    let is_directory = entry.kind == Kind::Directory;
    out.extend_from_slice(b"<a href=\"");
    escape::escape(escape::Kind::UriComponent, &entry.name, out);
    if is_directory {
        out.push(b'/');
    }
    out.extend_from_slice(b"\">");
    let text = utf8
        .then(|| std::str::from_utf8(&entry.name).ok())
        .flatten();
    let mut shown = text.map_or(entry.name.len(), |t| t.chars().count());
    if shown > WIDTH {
        escape_html(cut(&entry.name, text, WIDTH - 3), out);
        out.extend_from_slice(b"..&gt;</a>");
    } else {
        escape_html(&entry.name, out);
        if is_directory && shown < WIDTH {
            out.push(b'/');
            shown += 1;
        }
        out.extend_from_slice(b"</a>");
        out.resize(out.len() + WIDTH - shown, b' ');
    }
    time(entry.modified.saturating_add(offset), out);
    size(entry, is_directory, conf.exact_size, out);
    out.extend_from_slice(b"\r\n");
}

/// The first characters of a name, or bytes if it is no text.
fn cut<'a>(name: &'a [u8], text: Option<&'a str>, count: usize) -> &'a [u8] {
    let end = match text {
        Some(text) => text.char_indices().nth(count).map(|(at, _)| at),
        None => Some(count),
    };
    end.and_then(|end| name.get(..end)).unwrap_or(name)
}

/// ` 28-Sep-1970 12:00 `
fn time(seconds: i64, out: &mut Vec<u8>) {
    let t = Civil::of(seconds);
    let _ = write!(
        out,
        " {:02}-{}-{} {:02}:{:02} ",
        t.day,
        MONTHS
            .get(usize::from(t.month).saturating_sub(1))
            .unwrap_or(&""),
        t.year,
        t.hour,
        t.minute
    );
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn size(entry: &Entry, is_directory: bool, exact: bool, out: &mut Vec<u8>) {
    let _ = match (is_directory, exact) {
        (true, true) => write!(out, "{:>19}", '-'),
        (true, false) => write!(out, "{:>7}", '-'),
        (false, true) => write!(out, "{:19}", entry.size),
        (false, false) => match rounded(entry.size) {
            (size, Some(unit)) => write!(out, "{size:6}{unit}"),
            (size, None) => write!(out, " {size:6}"),
        },
    };
}

/// A size in the unit that keeps it short; halves are rounded up.
fn rounded(size: u64) -> (u64, Option<char>) {
    let (unit, name) = match size {
        0..=9999 => return (size, None),
        10_000..0x10_0000 => (1 << 10, 'K'),
        0x10_0000..0x4000_0000 => (1 << 20, 'M'),
        _ => (1 << 30, 'G'),
    };
    let up = u64::from(size % unit > unit / 2 - 1);
    (size / unit + up, Some(name))
}

#[cfg(test)]
mod tests {
    use super::super::entry as make;
    use super::*;

    fn shown(entry: &Entry, exact: bool, utf8: bool) -> String {
        let conf = AutoindexConf {
            enable: true,
            format: 0,
            localtime: false,
            exact_size: exact,
        };
        let mut out = Vec::new();
        line(entry, &conf, utf8, 0, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_line_is_nginx_s() {
        let spaces = |n| " ".repeat(n);
        assert_eq!(
            shown(&make("a b", Kind::File, 784_111_777, 12), true, false),
            format!(
                "<a href=\"a%20b\">a b</a>{} 06-Nov-1994 08:49 {}12\r\n",
                spaces(47),
                spaces(17)
            )
        );
        assert_eq!(
            shown(&make("d", Kind::Directory, 0, 4096), false, false),
            format!(
                "<a href=\"d/\">d/</a>{} 01-Jan-1970 00:00       -\r\n",
                spaces(48)
            )
        );
        let long = "x".repeat(51);
        let line = shown(&make(&long, Kind::File, 0, 0), true, false);
        assert!(
            line.contains(&format!("\">{}..&gt;</a> 01-Jan", "x".repeat(47))),
            "{line}"
        );
        let fits = "x".repeat(50);
        let line = shown(&make(&fits, Kind::Directory, 0, 0), true, false);
        assert!(line.contains(&format!("\">{fits}</a> 01-Jan")), "{line}");
        let line = shown(&make("<&>\"", Kind::File, 0, 0), true, false);
        assert!(line.contains(">&lt;&amp;&gt;&quot;</a>"), "{line}");
    }

    #[test]
    fn utf8_is_counted_in_characters() {
        let long = "\u{444}".repeat(51);
        let line = shown(&make(&long, Kind::File, 0, 0), true, true);
        let expected = format!("\">{}..&gt;</a> ", "\u{444}".repeat(47));
        assert!(line.contains(&expected), "{line}");
        let line = shown(&make("\u{444}", Kind::File, 0, 0), true, true);
        assert!(line.contains(&format!("</a>{} ", " ".repeat(49))), "{line}");
    }

    #[test]
    fn sizes_are_rounded() {
        for (size, expected) in [
            (9999, (9999, None)),
            (10_000, (10, Some('K'))),
            (10_752, (11, Some('K'))),
            (1_048_575, (1024, Some('K'))),
            (1_572_863, (1, Some('M'))),
            (1_572_864, (2, Some('M'))),
            (3 << 30, (3, Some('G'))),
        ] {
            assert_eq!(rounded(size), expected, "{size}");
        }
    }
}
