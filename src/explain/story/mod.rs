//! What was told of a request, put into words.

mod arrival;
mod content;
mod end;
mod routing;

use super::listen::Chosen;
use super::outcome::Outcome;
use super::places::Places;
use super::question::Question;
use super::search::Search;
use super::{Explanation, Step};
use crate::config::span::Span;
use crate::http::conf::{Http, LocationId};
use crate::http::rehearsal::Rehearsed;
use crate::http::trace::{Entry, Event};

/// Tells the story of a request that went through.
pub fn tell(
    places: &Places,
    http: &Http,
    question: &Question,
    chosen: &Chosen,
    rehearsed: Rehearsed,
) -> Explanation {
    let mut teller = Teller {
        places,
        http,
        steps: Vec::new(),
        outcome: Outcome::default(),
        depth: 0,
        search: Search::default(),
        params: Vec::new(),
        mapped: None,
        added: Vec::new(),
        here: vec![http.server(rehearsed.req.server).location],
        final_passes: false,
    };
    teller.arrival(chosen, rehearsed.req.server);
    teller.server(&rehearsed, chosen);
    if let Some(sentence) = &rehearsed.refused {
        teller.say("refused", sentence.clone(), None);
    }
    for entry in rehearsed.steps.iter() {
        teller.entry(entry);
    }
    teller.depth = 0;
    teller.end(&rehearsed);
    Explanation {
        request: question.shown(),
        steps: teller.steps,
        outcome: teller.outcome,
    }
}

struct Teller<'a> {
    places: &'a Places,
    http: &'a Http,
    steps: Vec<Step>,
    outcome: Outcome,
    depth: u8,
    search: Search,
    /// Parameters of a request that is being put together.
    params: Vec<(String, String)>,
    /// Fields that `add_header` adds.
    added: Vec<(String, String)>,
    /// What a map looked for, and the line that fits.
    mapped: Option<(String, Option<Span>)>,
    /// The block whose settings hold: of the request, then of the subrequests around the current one.
    here: Vec<LocationId>,
    /// Whether the answer is an upstream's.
    final_passes: bool,
}

impl Teller<'_> {
    fn say(&mut self, kind: &'static str, text: impl Into<String>, at: Option<Span>) {
        self.push(kind, false, text.into(), at);
    }

    fn aside(&mut self, kind: &'static str, text: impl Into<String>, at: Option<Span>) {
        self.push(kind, true, text.into(), at);
    }

    fn push(&mut self, kind: &'static str, aside: bool, text: String, at: Option<Span>) {
        let place = at.map(|at| self.places.at(at));
        let text = printable(text);
        let depth = self.depth;
        self.steps.push(Step {
            kind,
            depth,
            aside,
            text,
            place,
        });
    }

    fn entry(&mut self, entry: &Entry) {
        self.depth = entry.depth;
        match &entry.event {
            Event::Server { .. } => {}
            Event::Prefixes {
                inside,
                path,
                found,
            } => self.search.prefixes(*inside, path.clone(), *found),
            Event::Tried { id, hit } => self.search.tried(self.http, *id, *hit),
            Event::Location { id } => {
                self.enters(*id);
                self.location(*id);
            }
            Event::Enters { id } => self.enters(*id),
            Event::NotInternal { id } => {
                let at = self.http.location(*id).span;
                self.say(
                    "access",
                    "the location is internal: 404 for requests from outside",
                    Some(at),
                );
            }
            Event::AddsSlash { to } => {
                let text = format!("the final slash is missing: 301 to {}", lossy(to));
                self.say("redirect", text, None);
            }
            Event::Rewrite { .. }
            | Event::If { .. }
            | Event::Set { .. }
            | Event::Break { .. }
            | Event::Return { .. } => self.rewrite(&entry.event),
            Event::Mapped { subject, line } => self.mapped = Some((lossy(subject), *line)),
            Event::Computed { id, value } => {
                let name = lossy(self.http.variables.name(*id));
                let value = lossy(value);
                let (from, at) = match self.mapped.take() {
                    Some((subject, Some(line))) => {
                        let text = self.places.text(line);
                        let from = match text.starts_with("default") {
                            true => format!(": no line fits \"{subject}\", so {text}"),
                            false => format!(": \"{subject}\" fits {text}"),
                        };
                        (from, Some(line))
                    }
                    Some((subject, None)) => (format!(": nothing fits \"{subject}\""), None),
                    None => match self.places.defines(&name) {
                        Some(line) => (
                            format!(", by {}", self.places.text(line.span)),
                            Some(line.span),
                        ),
                        None => (String::new(), None),
                    },
                };
                self.say("map", format!("${name} is \"{value}\"{from}"), at);
            }
            Event::RealIp { address } => {
                let text = format!("the client is {} from here on", lossy(address));
                self.say("realip", text, None);
            }
            Event::Limit {
                directive,
                zone,
                key,
            } => {
                let (zone, key) = (lossy(zone), readable(key));
                let text = match key.is_empty() {
                    true => format!("{directive} {zone}: the key is empty, nothing is counted"),
                    false => format!(
                        "{directive} {zone} counts it for \"{key}\"; assumed here: below the limit"
                    ),
                };
                let at = self.nearest(directive);
                self.say("limit", text, at);
            }
            Event::Rule { at, allows } => {
                let says = if *allows {
                    "lets the client in"
                } else {
                    "refuses the client"
                };
                self.say(
                    "access",
                    format!("{} {says}", self.places.text(*at)),
                    Some(*at),
                );
            }
            Event::Access { by, verdict } => self.access(by, *verdict),
            Event::AsksLeave { uri } => {
                let text = format!(
                    "{} is asked for leave; assumed here: what an upstream says of it is 200",
                    lossy(uri)
                );
                let at = self.nearest("auth_request");
                self.say("auth", text, at);
            }
            Event::Copies { uri } => {
                let at = self.nearest("mirror");
                self.say(
                    "mirror",
                    format!("a copy goes to {}; not followed here", lossy(uri)),
                    at,
                );
            }
            Event::Redirected { uri, args } => {
                let mut to = lossy(uri);
                if !args.is_empty() {
                    to = format!("{to}?{}", lossy(args));
                }
                self.say("internal", format!("goes on with {to}"), None);
                let server = self.here().map(|id| self.http.location(id).server);
                if let Some(server) = server {
                    self.enters(self.http.server(server).location);
                }
            }
            Event::SentTo { name } => {
                self.say("internal", format!("goes on in {}", lossy(name)), None);
            }
            Event::ErrorPage { status, target } => {
                let at = self.error_page(*status);
                self.say("error_page", format!("{status}: {}", lossy(target)), at);
            }
            Event::BuiltIn { status } => {
                if self.depth == 0 {
                    self.outcome.file = None;
                    self.final_passes = false;
                }
                if !matches!(status, 301..=308) {
                    self.say("error_page", format!("{status}: the built-in page"), None);
                }
            }
            Event::Logs { level, message } => self.say("log", format!("[{level}] {message}"), None),
            Event::AddsHeader { .. } => {
                if self.depth == 0 {
                    self.header(&entry.event);
                }
            }
            _ => self.content(&entry.event),
        }
    }

    /// Something else than what came before makes the answer.
    fn answers(&mut self, name: &'static str) {
        self.outcome.handler = Some(name);
        self.outcome.file = None;
        self.final_passes = false;
    }

    /// The nearest directive of this name, from the location outwards in which the request is.
    fn nearest(&self, name: &str) -> Option<Span> {
        let id = self.here()?;
        let (_, lines) = self.places.nearest(self.http, id, &[name])?;
        lines.first().map(|line| line.span)
    }

    fn root(&self) -> Option<Span> {
        let id = self.here()?;
        let (_, lines) = self.places.nearest(self.http, id, &["root", "alias"])?;
        lines.first().map(|line| line.span)
    }

    fn try_files(&self) -> Option<Span> {
        self.nearest("try_files")
    }

    fn error_page(&self, status: u16) -> Option<Span> {
        let status = status.to_string();
        let (_, lines) = self
            .places
            .nearest(self.http, self.here()?, &["error_page"])?;
        let line = lines
            .iter()
            .find(|line| line.args.iter().any(|word| *word == status));
        line.map(|line| line.span)
    }

    /// The location that was found last.
    fn here(&self) -> Option<LocationId> {
        self.here.get(usize::from(self.depth)).copied()
    }

    /// The settings of a block hold from here on.
    fn enters(&mut self, id: LocationId) {
        let depth = usize::from(self.depth);
        self.here.resize(depth.saturating_add(1), id);
        if let Some(here) = self.here.last_mut() {
            *here = id;
        }
    }
}

/// A key, which may be an address as bytes.
fn readable(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => key.iter().map(|byte| format!("\\x{byte:02X}")).collect(),
    }
}

/// What clients send does not reach a terminal as it is.
fn printable(text: String) -> String {
    if !text.chars().any(char::is_control) {
        return text;
    }
    let one = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(one).collect()
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
