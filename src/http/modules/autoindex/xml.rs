//! The list as XML.

use super::entry::{Entry, Kind};
use crate::http::date::Civil;
use crate::http::escape::escape_html;
use std::io::Write;

/// Writes a document with an element for each entry.
pub(super) fn write(entries: &[Entry], out: &mut Vec<u8>) {
    out.extend_from_slice(b"<?xml version=\"1.0\"?>\r\n<list>\r\n");
    for entry in entries {
        let element = match entry.kind {
            Kind::Directory => "directory",
            Kind::File => "file",
            Kind::Other => "other",
        };
        let t = Civil::of(entry.modified);
        let _ = write!(
            out,
            "<{element} mtime=\"{:4}-{:02}-{:02}T{:02}:{:02}:{:02}Z\"",
            t.year, t.month, t.day, t.hour, t.minute, t.second
        );
        if entry.kind == Kind::File {
            let _ = write!(out, " size=\"{}\"", entry.size);
        }
        out.push(b'>');
        escape_html(&entry.name, out);
        let _ = write!(out, "</{element}>\r\n");
    }
    out.extend_from_slice(b"</list>\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_elements() {
        let entries = [
            super::super::entry("d", Kind::Directory, 784_111_777, 1),
            super::super::entry("a&b", Kind::File, 784_111_777, 42),
        ];
        let mut out = Vec::new();
        write(&entries, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<?xml version=\"1.0\"?>\r\n<list>\r\n\
             <directory mtime=\"1994-11-06T08:49:37Z\">d</directory>\r\n\
             <file mtime=\"1994-11-06T08:49:37Z\" size=\"42\">a&amp;b</file>\r\n</list>\r\n"
        );
    }
}
