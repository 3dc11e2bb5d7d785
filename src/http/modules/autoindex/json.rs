//! The list as JSON.

use super::entry::{Entry, Kind};
use crate::http::date::http_date;
use crate::http::escape::escape_json;
use std::io::Write;

/// Writes an array with an object for each entry.
pub(super) fn write(entries: &[Entry], out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, entry) in entries.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"\r\n{ \"name\":\"");
        escape_json(&entry.name, out);
        out.extend_from_slice(b"\", \"type\":\"");
        out.extend_from_slice(match entry.kind {
            Kind::Directory => b"directory",
            Kind::File => b"file",
            Kind::Other => b"other",
        });
        out.extend_from_slice(b"\", \"mtime\":\"");
        out.extend_from_slice(&http_date(entry.modified));
        out.push(b'"');
        if entry.kind == Kind::File {
            let _ = write!(out, ", \"size\":{}", entry.size);
        }
        out.extend_from_slice(b" }");
    }
    out.extend_from_slice(b"\r\n]");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_objects() {
        let entries = [
            super::super::entry("d", Kind::Directory, 784_111_777, 1),
            super::super::entry("a\"", Kind::File, 784_111_777, 42),
        ];
        let mut out = Vec::new();
        write(&entries, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "[\r\n{ \"name\":\"d\", \"type\":\"directory\", \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\" },\
             \r\n{ \"name\":\"a\\\"\", \"type\":\"file\", \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\", \"size\":42 }\
             \r\n]"
        );
        let mut out = Vec::new();
        write(&[], &mut out);
        assert_eq!(out, b"[\r\n]");
    }
}
