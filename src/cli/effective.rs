//! `-T --effective`: what holds in each server and location, with the place that it comes from.

use crate::config::directive::Contexts;
use crate::config::span::Span;
use crate::config::table::{Found, Table};
use crate::config::tree::{Item, Node, Word};
use crate::cycle::context::{HTTP, LOCATION, LOCATION_IF, SERVER, SERVER_IF};
use crate::cycle::{Builder, Loaded, tables};
use std::collections::HashSet;
use std::io::{self, Write};

/// Prints each server with its locations; behind each line is the file and line that it stands in.
pub fn print(loaded: &Loaded) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(loaded, &mut out)?;
    out.flush()
}

fn write(loaded: &Loaded, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer {
        loaded,
        table: Table::new(&tables()),
        out,
    };
    for http in blocks(&loaded.tree, "http") {
        let around = vec![(HTTP, http.items())];
        for server in blocks(http.items(), "server") {
            writer.block(server, SERVER, &around, 0)?;
        }
    }
    Ok(())
}

fn blocks<'a>(items: &'a [Item], name: &'static str) -> impl Iterator<Item = &'a Node> {
    items.iter().filter_map(move |item| match item {
        Item::Node(node) if node.block.is_some() && node.name.text == name => Some(node),
        _ => None,
    })
}

/// These share a setting: either of them in a block takes the place of both around it.
const TOGETHER: [&[&str]; 2] = [&["root", "alias"], &["allow", "deny"]];

/// What may stand in several blocks and holds only where it stands.
const NOT_INHERITED: [&str; 20] = [
    "server",
    "location",
    "listen",
    "server_name",
    "if",
    "set",
    "return",
    "rewrite",
    "break",
    "try_files",
    "limit_except",
    "proxy_pass",
    "fastcgi_pass",
    "uwsgi_pass",
    "scgi_pass",
    "grpc_pass",
    "memcached_pass",
    "empty_gif",
    "stub_status",
    "mp4",
];

type Around<'a> = Vec<(Contexts, &'a [Item])>;

struct Writer<'w> {
    loaded: &'w Loaded,
    table: Table<Builder>,
    out: &'w mut dyn Write,
}

impl Writer<'_> {
    /// A block with what is written in it, what it inherits, and then the blocks in it.
    fn block(
        &mut self,
        node: &Node,
        context: Contexts,
        around: &Around<'_>,
        depth: usize,
    ) -> io::Result<()> {
        self.line(depth, &head(node), " {", node.name.span)?;
        let mut own: HashSet<Vec<u8>> = HashSet::new();
        let mut inner: Vec<&Node> = Vec::new();
        for item in node.items() {
            let Item::Node(setting) = item else { continue };
            own.insert(setting.name.text.to_vec());
            match &setting.name.text[..] {
                b"location" | b"if" | b"limit_except" => inner.push(setting),
                _ => self.setting(depth + 1, setting)?,
            }
        }
        self.inherited(own, context, around, depth + 1)?;
        let mut around = around.clone();
        around.push((context, node.items()));
        for block in inner {
            let context = match (&block.name.text[..], context) {
                (b"if", SERVER) => SERVER_IF,
                (b"if", _) => LOCATION_IF,
                _ => LOCATION,
            };
            self.block(block, context, &around, depth + 1)?;
        }
        writeln!(self.out, "{:depth$}}}", "", depth = depth * 4)
    }

    /// What holds here since it stands further out: per name that of the nearest block.
    fn inherited(
        &mut self,
        mut known: HashSet<Vec<u8>>,
        context: Contexts,
        around: &Around<'_>,
        depth: usize,
    ) -> io::Result<()> {
        for (outer, items) in around.iter().rev() {
            let mut here: HashSet<Vec<u8>> = HashSet::new();
            for item in *items {
                let Item::Node(setting) = item else { continue };
                let name = setting.name.text.to_vec();
                if !holds_below(&self.table, &name, *outer, context) || covered(&known, &name) {
                    continue;
                }
                self.setting(depth, setting)?;
                here.insert(name);
            }
            known.extend(here);
        }
        Ok(())
    }

    fn setting(&mut self, depth: usize, node: &Node) -> io::Result<()> {
        let Some(block) = &node.block else {
            return self.line(depth, &head(node), ";", node.name.span);
        };
        self.line(depth, &head(node), " {", node.name.span)?;
        for item in block {
            if let Item::Node(inner) = item {
                self.setting(depth + 1, inner)?;
            }
        }
        writeln!(self.out, "{:depth$}}}", "", depth = depth * 4)
    }

    fn line(&mut self, depth: usize, text: &str, end: &str, place: Span) -> io::Result<()> {
        let place = self.loaded.sources.place(place);
        let text = format!("{:indent$}{text}{end}", "", indent = depth * 4);
        writeln!(self.out, "{text:<59} # {place}")
    }
}

fn covered(known: &HashSet<Vec<u8>>, name: &[u8]) -> bool {
    let together = TOGETHER
        .iter()
        .find(|names| names.iter().any(|n| n.as_bytes() == name));
    known.contains(name)
        || together.is_some_and(|names| names.iter().any(|n| known.contains(n.as_bytes())))
}

/// Whether a directive may stand in both blocks and goes down from one to the other.
fn holds_below(table: &Table<Builder>, name: &[u8], outer: Contexts, inner: Contexts) -> bool {
    let here = |context| match table.find(name, context) {
        Found::Here(directive) => Some(directive.set),
        _ => None,
    };
    here(outer).is_some()
        && here(inner).is_some()
        && !NOT_INHERITED.iter().any(|own| own.as_bytes() == name)
}

fn head(node: &Node) -> String {
    let words = std::iter::once(&node.name).chain(&node.args);
    words.map(word).collect::<Vec<_>>().join(" ")
}

/// A word as it must be written to be read again.
fn word(word: &Word) -> String {
    let text = word.str();
    let plain = !word.quoted
        && !text.is_empty()
        && !text.contains(|c: char| {
            c.is_whitespace() || matches!(c, ';' | '{' | '}' | '"' | '\'' | '\\' | '#')
        });
    if plain {
        return text.into_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::testing::load_tested;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        write(&load_tested(text), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines = text.lines().map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.join(" ").replace("/p/nginx.conf", "")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_line_has_the_place_it_comes_from() {
        let text = "events {}\nhttp {\nroot /a;\nadd_header A 1;\nserver {\nlisten 81;\nlocation /b {\nadd_header B 2;\n\
                    return 200 'x y';\n}\n}\n}\n";
        assert_eq!(
            shown(text),
            "server { # :5\nlisten 81; # :6\nroot /a; # :3\nadd_header A 1; # :4\nlocation /b { # :7\nadd_header B 2; \
             # :8\nreturn 200 \"x y\"; # :9\nroot /a; # :3\n}\n}"
        );
    }

    #[test]
    fn alias_takes_the_place_of_root_and_passes_stay() {
        let text = "events {}\nhttp {\nserver {\nroot /a;\nlocation /b/ {\nalias /c/;\nlocation /b/d { }\n}\n}\n}\n";
        let shown = shown(text);
        let location = shown.split("location /b/ {").nth(1).unwrap();
        assert!(
            !location.split("location").next().unwrap().contains("root"),
            "{shown}"
        );
    }
}
