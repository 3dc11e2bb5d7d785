//! Reads a configuration: the main file, with every `include` replaced by what it includes.

use super::glob::is_pattern;
use super::parse::{self, Origin};
use super::source::{Files, Sources, errno};
use super::span::{SourceId, Span};
use super::suggest;
use super::tree::{Item, Node};
use crate::diagnostic::{Diagnostic, Severity};
use bytes::Bytes;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many files may include one another in a chain.
const MAX_CHAIN: usize = 32;

/// Blocks in which `include` is an ordinary key.
const WITHOUT_INCLUDE: [&[u8]; 2] = [b"split_clients", b"charset_map"];

/// Reads the main file and all that it includes. Relative names are taken from `conf_prefix`, the directory of
/// the main file. What cannot be read stands as [`Item::Broken`] in its place.
pub fn load(
    main: &Path,
    conf_prefix: &Path,
    files: &dyn Files,
    sources: &mut Sources,
) -> Vec<Item> {
    Loader {
        files,
        conf_prefix,
        sources,
        chain: Vec::new(),
    }
    .file(main, None, 0)
}

/// Reads the value of `-g`, whose messages end with `in command line`.
pub fn load_text(
    text: impl Into<Bytes>,
    conf_prefix: &Path,
    files: &dyn Files,
    sources: &mut Sources,
) -> Vec<Item> {
    let text = text.into();
    let id = sources.add_command_line(text.clone());
    let mut loader = Loader {
        files,
        conf_prefix,
        sources,
        chain: Vec::new(),
    };
    loader.expand(parse::parse(&text, id, Origin::CommandLine, 0), 0)
}

struct Loader<'a> {
    files: &'a dyn Files,
    conf_prefix: &'a Path,
    sources: &'a mut Sources,
    /// The files that are being read, the main one first.
    chain: Vec<SourceId>,
}

impl Loader<'_> {
    /// The items of a file; `place` is the `include` that asked for it, `depth` the number of blocks around it.
    fn file(&mut self, path: &Path, place: Option<&Node>, depth: usize) -> Vec<Item> {
        let id = match self.sources.find(path) {
            Some(id) => id,
            None => match self.read(path) {
                Ok(text) => self.sources.add(path, text),
                Err(error) => return self.unreadable(path, &error, place),
            },
        };
        if self.chain.contains(&id) {
            return broken(format!("\"{}\" includes itself", path.display()), place);
        }
        if self.chain.len() >= MAX_CHAIN {
            return broken(
                format!("more than {MAX_CHAIN} files include one another"),
                place,
            );
        }
        self.chain.push(id);
        let items = parse::parse(&self.sources.bytes(id), id, Origin::File, depth);
        let items = self.expand(items, depth);
        self.chain.pop();
        items
    }

    fn read(&self, path: &Path) -> io::Result<Bytes> {
        let text = self.files.read(path)?;
        // Offsets are 32 bits wide.
        match u32::try_from(text.len()) {
            Ok(len) if len < u32::MAX => Ok(Bytes::from(text)),
            _ => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "larger than 4 GB",
            )),
        }
    }

    /// Puts the included items in the places of their `include`s, in this list and in the blocks below.
    fn expand(&mut self, mut items: Vec<Item>, depth: usize) -> Vec<Item> {
        for item in &mut items {
            let Item::Node(node) = item else { continue };
            let Some(block) = node.block.take() else {
                continue;
            };
            let plain = WITHOUT_INCLUDE.contains(&&node.name.text[..]);
            node.block = Some(if plain {
                block
            } else {
                self.expand(block, depth + 1)
            });
        }
        if !items.iter().any(|item| included(item).is_some()) {
            return items;
        }
        items
            .into_iter()
            .flat_map(|item| match included(&item) {
                Some((node, name)) => self.include(node, name, depth),
                None => vec![item],
            })
            .collect()
    }

    fn include(&mut self, node: &Node, name: &[u8], depth: usize) -> Vec<Item> {
        let mut items = self.included(node, name, depth);
        for item in &mut items {
            if let Item::Node(inner) = item {
                inner.via = Some(node.name.span.to(node.end));
            }
        }
        items
    }

    fn included(&mut self, node: &Node, name: &[u8], depth: usize) -> Vec<Item> {
        let path = self.full_name(name);
        if !is_pattern(&path) {
            return self.file(&path, Some(node), depth);
        }
        match self.files.glob(&path) {
            Ok(paths) => paths
                .iter()
                .flat_map(|path| self.file(path, Some(node), depth))
                .collect(),
            Err(error) => broken(
                format!("glob() \"{}\" failed ({})", path.display(), errno(&error)),
                Some(node),
            ),
        }
    }

    /// A directory can be opened: it is the reading that fails, and nginx names no place then.
    fn unreadable(&self, path: &Path, error: &io::Error, place: Option<&Node>) -> Vec<Item> {
        let directory = error.kind() == io::ErrorKind::IsADirectory;
        let call = if directory { "pread" } else { "open" };
        let message = format!("{call}() \"{}\" failed ({})", path.display(), errno(error));
        let mut items = broken(message, place);
        if let Some(Item::Broken(diagnostic)) = items.first_mut() {
            if directory {
                diagnostic.line = None;
                diagnostic.severity = Severity::Crit;
            }
            diagnostic.help.extend(self.advice(path, error));
        }
        items
    }

    /// What to do about a file that cannot be read.
    fn advice(&self, path: &Path, error: &io::Error) -> Option<String> {
        match error.kind() {
            io::ErrorKind::IsADirectory => Some(format!(
                "it is a directory: to include the files in it, write {}/*.conf",
                path.display().to_string().trim_end_matches('/')
            )),
            io::ErrorKind::PermissionDenied => {
                Some(String::from("run it as the user who may read the file"))
            }
            io::ErrorKind::NotFound => suggest::file(path, self.files),
            _ => None,
        }
    }

    fn full_name(&self, name: &[u8]) -> PathBuf {
        self.conf_prefix.join(OsStr::from_bytes(name))
    }
}

/// The name that a well-formed `include` gives; the others stay in the tree for the tables to refuse.
fn included(item: &Item) -> Option<(&Node, &[u8])> {
    let Item::Node(node) = item else { return None };
    match (&node.args[..], &node.block) {
        ([name], None) if node.name.text == "include" => Some((node, &name.text)),
        _ => None,
    }
}

fn broken(message: String, place: Option<&Node>) -> Vec<Item> {
    let mut diagnostic = Diagnostic::new(message);
    if let Some(node) = place {
        let name: Span = node.arg(0).unwrap_or(&node.name).span;
        diagnostic = diagnostic.at(node.end).label(name, "");
    }
    vec![Item::Broken(Box::new(diagnostic))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render::nginx_line;
    use std::collections::BTreeMap;

    struct Memory(BTreeMap<&'static str, &'static str>);

    impl Files for Memory {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let text = self.0.get(path.to_str().unwrap());
            text.map(|t| t.as_bytes().to_vec())
                .ok_or_else(|| io::Error::from_raw_os_error(2))
        }
        fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
            let (head, tail) = pattern.to_str().unwrap().split_once('*').unwrap();
            Ok(self
                .0
                .keys()
                .filter(|k| k.starts_with(head) && k.ends_with(tail))
                .map(PathBuf::from)
                .collect())
        }
    }

    fn read(files: &[(&'static str, &'static str)]) -> (String, Sources) {
        let files = Memory(files.iter().copied().collect());
        let mut sources = Sources::new();
        let items = load(
            Path::new("/etc/n.conf"),
            Path::new("/etc/"),
            &files,
            &mut sources,
        );
        (show(&items, &sources), sources)
    }

    fn show(items: &[Item], sources: &Sources) -> String {
        let shown = items.iter().map(|item| match item {
            Item::Broken(d) => format!("!{}", nginx_line(d, sources)),
            Item::Node(node) => match &node.block {
                Some(items) => format!("{}{{{}}}", node.name.str(), show(items, sources)),
                None => format!("{}@{}", node.name.str(), sources.place(node.end)),
            },
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn includes_stand_in_their_places() {
        let (tree, sources) = read(&[
            (
                "/etc/n.conf",
                "a;\nhttp {\n\"include\" c/*.conf; include /x;\n}\ninclude none/*;",
            ),
            ("/etc/c/1.conf", "b;"),
            ("/etc/c/2.conf", "\nc;"),
            ("/x", "d { include c/1.conf; }"),
        ]);
        assert_eq!(
            tree,
            "a@/etc/n.conf:1 http{b@/etc/c/1.conf:1 c@/etc/c/2.conf:2 d{b@/etc/c/1.conf:1}}"
        );
        let paths: Vec<_> = sources.files().map(|(p, _)| p.to_str().unwrap()).collect();
        assert_eq!(
            paths,
            ["/etc/n.conf", "/etc/c/1.conf", "/etc/c/2.conf", "/x"]
        );
    }

    #[test]
    fn a_missing_file_is_an_error_at_the_include() {
        let (tree, _) = read(&[("/etc/n.conf", "\ninclude x; a;")]);
        let error = "!open() \"/etc/x\" failed (2: No such file or directory)";
        assert_eq!(tree, format!("{error} in /etc/n.conf:2 a@/etc/n.conf:2"));
        assert_eq!(
            read(&[]).0,
            "!open() \"/etc/n.conf\" failed (2: No such file or directory)"
        );
    }

    #[test]
    fn errors_are_placed_in_the_included_file() {
        let (tree, _) = read(&[
            ("/etc/n.conf", "h {\n include x; }"),
            ("/etc/x", "a {\n b;\n"),
        ]);
        assert_eq!(
            tree,
            "h{a{b@/etc/x:2 !unexpected end of file, expecting \"}\" in /etc/x:3}}"
        );
        let (tree, _) = read(&[("/etc/n.conf", "h { include x; }"), ("/etc/x", "}")]);
        assert_eq!(tree, "h{!unexpected \"}\" in /etc/x:1}");
    }

    #[test]
    fn cycles_are_refused() {
        let (tree, _) = read(&[
            ("/etc/n.conf", "include x;"),
            ("/etc/x", "a;\ninclude n.conf;"),
        ]);
        assert_eq!(
            tree,
            "a@/etc/x:1 !\"/etc/n.conf\" includes itself in /etc/x:2"
        );
    }

    #[test]
    fn include_is_a_key_where_nginx_takes_it_for_one() {
        let (tree, _) = read(&[
            (
                "/etc/n.conf",
                "split_clients $a $b { include x; } map { include x; include y z; }",
            ),
            ("/etc/x", "q;"),
        ]);
        assert_eq!(
            tree,
            "split_clients{include@/etc/n.conf:1} map{q@/etc/x:1 include@/etc/n.conf:1}"
        );
    }

    #[test]
    fn the_command_line_has_no_line_numbers() {
        let mut sources = Sources::new();
        let files = Memory(BTreeMap::from([("/etc/x", "a;")]));
        let items = load_text(
            "include x; daemon off;",
            Path::new("/etc/"),
            &files,
            &mut sources,
        );
        assert_eq!(show(&items, &sources), "a@/etc/x:1 daemon@command line");
    }
}
