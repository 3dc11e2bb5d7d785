//! Directories for temporary files, with subdirectories: `client_body_temp_path` and its like.

use super::invalid_value;
use crate::config::span::Span;
use crate::config::tree::Node;
use crate::config::value::parse_number;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use std::path::{Path, PathBuf};

/// A directory whose files are spread over subdirectories by digits of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TempPath {
    /// The directory.
    pub path: PathBuf,
    /// How many digits name the subdirectory of each level; 0 for a level that there is not.
    pub levels: [u8; 3],
}

/// The digits of all levels together may be so many, the slashes between not counted.
const MOST_DIGITS: i64 = 10;

impl TempPath {
    /// The directory without subdirectories, relative to the prefix.
    pub fn plain(b: &Builder, dir: &str) -> TempPath {
        TempPath {
            path: b.path(dir.as_bytes()),
            levels: [0; 3],
        }
    }

    /// Reads `path [level1 [level2 [level3]]]`. The directory is made when the configuration comes into force.
    ///
    /// # Errors
    /// `invalid value` for levels that are no small numbers.
    pub fn parse(b: &mut Builder, node: &Node) -> Result<TempPath, Diagnostic> {
        let (dir, levels) = node
            .args
            .split_first()
            .ok_or_else(|| invalid_value(node, 0))?;
        let name = dir.text.strip_suffix(b"/").unwrap_or(&dir.text);
        let mut parsed = TempPath {
            path: b.path(name),
            levels: [0; 3],
        };
        let mut digits = 0i64;
        for (i, (level, word)) in parsed.levels.iter_mut().zip(levels).enumerate() {
            let number = parse_number(&word.text).filter(|n| *n > 0);
            digits = digits.saturating_add(number.unwrap_or(i64::MAX));
            *level = number
                .filter(|_| digits <= MOST_DIGITS)
                .and_then(|n| u8::try_from(n).ok())
                .ok_or_else(|| invalid_value(node, i + 1))?;
        }
        let named = b.temp_paths.named(&parsed, node.end);
        named.map_err(|other| {
            let place = b.sources.place(other);
            let path = parsed.path.display();
            node.error_at(
                dir,
                format!("the same path name \"{path}\" in {place} has the different levels than"),
            )
            .label(other, "the other levels")
        })?;
        Ok(parsed)
    }
}

/// The directories for temporary files that are to be made, each once and in the order in which nginx makes them.
#[derive(Default)]
pub struct TempPaths {
    all: Vec<(PathBuf, Option<Named>)>,
}

/// The levels of one that the configuration names, and where it does.
type Named = ([u8; 3], Span);

impl TempPaths {
    /// Adds one that the configuration names. Returns the place that names it with other levels, if there is one.
    fn named(&mut self, path: &TempPath, place: Span) -> Result<(), Span> {
        match self.find(&path.path) {
            Some(Some((levels, other))) if levels != path.levels => Err(other),
            Some(_) => Ok(()),
            None => {
                let named = Some((path.levels, place));
                self.all.push((path.path.clone(), named));
                Ok(())
            }
        }
    }

    /// Adds one that is used by default.
    pub fn add(&mut self, path: &Path) {
        if self.find(path).is_none() {
            self.all.push((path.to_owned(), None));
        }
    }

    /// The directories, and the line that names each, unless it is a default.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, Option<Span>)> {
        self.all
            .iter()
            .map(|(path, named)| (path.as_path(), named.map(|(_, place)| place)))
    }

    fn find(&self, path: &Path) -> Option<Option<Named>> {
        let found = self.all.iter().find(|(other, _)| other == path);
        found.map(|(_, named)| *named)
    }
}
