//! Who makes the answer, and of what.

use super::{Teller, lossy};
use crate::config::source::errno;
use crate::config::span::Span;
use crate::explain::upstream;
use crate::http::trace::{Event, Opened, Tried};

impl Teller<'_> {
    pub(super) fn content(&mut self, event: &Event) {
        match event {
            Event::TriedFile {
                name,
                directory,
                found,
            } => {
                let kind = if *directory { "directory" } else { "file" };
                let found = match found {
                    true => format!("{}: there is such a {kind}", lossy(name)),
                    false => format!("{}: no such {kind}", lossy(name)),
                };
                let at = self.try_files();
                self.say("try_files", found, at);
            }
            Event::NoFile => {
                let at = self.try_files();
                self.say("try_files", "none is there: the last argument holds", at);
            }
            Event::TriedIndex { name, found } => {
                let found = if *found { "is there" } else { "is not there" };
                let at = self.nearest("index");
                self.say("index", format!("{} {found}", lossy(name)), at);
            }
            Event::Handler { name } => {
                let at = self.nearest(name);
                if !matches!(*name, "static" | "index" | "gzip_static") {
                    let text = at.map_or_else(|| (*name).to_owned(), |at| self.places.text(at));
                    self.say("content", text, at);
                }
                let file = self.outcome.file.take();
                if self.depth == 0 {
                    self.answers(name);
                }
                // A file is told of before the module that sends it.
                self.outcome.file = file.filter(|_| matches!(*name, "static" | "gzip_static"));
            }
            Event::Opened { name, what } => {
                let name = lossy(name);
                let text = match what {
                    Opened::File => return,
                    Opened::Directory => format!("{name} is a directory"),
                    Opened::Other => format!("{name} is no regular file"),
                    Opened::No(e) => format!("{name}: {}", errno(&std::io::Error::from(*e))),
                };
                let at = self.root();
                self.say("file", text, at);
            }
            Event::Sends { name } => {
                let at = self.root();
                self.say("file", lossy(name), at);
                if self.depth == 0 {
                    self.outcome.file = Some(lossy(name));
                }
            }
            Event::WouldResolve { host } => {
                let text = format!("the resolver is asked for {}; not done here", lossy(host));
                let at = self.nearest("resolver");
                self.say("resolver", text, at);
            }
            Event::Param { name, value } => self.params.push((lossy(name), lossy(value))),
            Event::Passes(passes) => {
                let params = std::mem::take(&mut self.params);
                let passed = upstream::passed(passes, params);
                let peers = match passed.peers.is_empty() {
                    true => String::from("addresses that only the resolver knows"),
                    false => passed.peers.join(", then "),
                };
                let text = match passed.peers.as_slice() {
                    [only] if only == &passed.group => only.clone(),
                    _ => format!("{}: {peers}", passed.group),
                };
                let group = self.places.text(passes.group_at);
                let at = group.starts_with("upstream").then_some(passes.group_at);
                self.say("upstream", text, at);
                let is_main = |peer: &&Tried| !peer.backup;
                if passes.peers.iter().filter(is_main).count() > 1 {
                    let method = self.method(passes.group_at);
                    let text = format!("by {method}, as in a server that has just started");
                    self.aside("note", text, None);
                }
                let line = match passed.line.is_empty() {
                    true => passed.url.clone(),
                    false => passed.line.clone(),
                };
                self.say("sends", line, Some(passes.at));
                for (name, value) in &passed.fields {
                    self.aside("field", format!("{name}: {value}"), None);
                }
                if self.depth == 0 {
                    self.outcome.upstream = Some(passed);
                    self.outcome.file = None;
                    self.final_passes = true;
                }
            }
            _ => {}
        }
    }

    /// How servers of a group are chosen.
    fn method(&self, group: Span) -> String {
        const METHODS: [&str; 5] = ["hash", "ip_hash", "least_conn", "least_time", "random"];
        let lines = self.places.inside(group);
        let is_one = |name: &&str| lines.iter().any(|line| line.name == *name);
        let found = METHODS.iter().find(|name| is_one(name));
        found.map_or_else(|| String::from("turns"), |name| (*name).to_owned())
    }

    pub(super) fn header(&mut self, event: &Event) {
        if let Event::AddsHeader { at, name, value } = event {
            let name = lossy(name);
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                self.added.push((name.clone(), lossy(value)));
            }
            let text = match value {
                Some(value) if value.is_empty() => {
                    format!("{name} is left out: its value is empty")
                }
                Some(value) => format!("{name}: {}", lossy(value)),
                None => format!(
                    "{name} is left out: without \"always\" it does not hold for this status"
                ),
            };
            self.say("header", text, Some(*at));
        }
    }
}
