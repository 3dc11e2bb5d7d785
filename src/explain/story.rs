//! What was told of a request, put into words.

use super::listen::Chosen;
use super::outcome::Outcome;
use super::places::Places;
use super::question::Question;
use super::search::Search;
use super::{Explanation, Step, lost, upstream};
use crate::config::source::errno;
use crate::config::span::Span;
use crate::http::conf::{Http, LocationId, ServerId};
use crate::http::phase::Verdict;
use crate::http::rehearsal::Rehearsed;
use crate::http::router::names::NameMatch;
use crate::http::trace::{Entry, Event, Opened, Rewritten};
use crate::net::address::{Address, Options};

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

    fn arrival(&mut self, chosen: &Chosen, server: ServerId) {
        let mut text = format!("{}, for {}", chosen.bound, chosen.why);
        if chosen.bound != chosen.address {
            text = format!("{} by the socket of {}", chosen.address, chosen.bound);
        }
        if chosen.protocols.proxy_protocol {
            text.push_str("; the PROXY protocol in front of it is left out here");
        }
        let at = self.listen(chosen, server);
        self.say("listen", text, at);
        if let Some(note) = &chosen.note {
            self.aside("note", note.clone(), None);
        }
        self.outcome.listen = chosen.address.to_string();
    }

    /// The line of the server that names the address.
    fn listen(&self, chosen: &Chosen, server: ServerId) -> Option<Span> {
        let block = self.http.server(server).location;
        let lines = self.places.named(self.http, block, &["listen"]);
        let names = |text: &bytes::Bytes| {
            let options = Options {
                no_resolve: true,
                ..Options::listen(80)
            };
            Address::parse(text, options).is_ok_and(|a| a.addrs.contains(&chosen.address))
        };
        let line = lines
            .iter()
            .find(|line| line.args.first().is_some_and(names));
        line.map(|line| line.span)
    }

    fn server(&mut self, rehearsed: &Rehearsed, chosen: &Chosen) {
        let req = &rehearsed.req;
        let by = rehearsed.steps.iter().find_map(|entry| match &entry.event {
            Event::Server { by, .. } => Some(*by),
            _ => None,
        });
        let server = req.server;
        let host = lossy(&req.host);
        let names = self.names(server);
        let (by, why) = match by {
            Some(NameMatch::Exact) if host.is_empty() => {
                ("exact", String::from("the request names no host"))
            }
            Some(NameMatch::Exact) => ("exact", format!("{host} is its name")),
            Some(NameMatch::Head(from)) => {
                let tail = host.get(from..).unwrap_or_default();
                ("*.name", format!("{host} fits its wildcard *.{tail}"))
            }
            Some(NameMatch::Tail(length)) => {
                let start = host.get(..length).unwrap_or_default();
                ("name.*", format!("{host} fits its wildcard {start}.*"))
            }
            Some(NameMatch::Regex(number)) => {
                let address = self.http.router.address(&req.client);
                let names = address.and_then(|address| address.names.as_ref());
                let pattern = names.and_then(|names| names.pattern(number));
                let pattern = pattern.unwrap_or_default();
                ("regex", format!("{host} matches ~{pattern}"))
            }
            None if host.is_empty() => {
                let by = self.by_default(server, &host, &names, chosen).0;
                (by, String::from("the request names no host that counts"))
            }
            None => self.by_default(server, &host, &names, chosen),
        };
        let shown = match names.first() {
            Some(name) => name.clone(),
            None => String::from("without a name"),
        };
        let at = self.http.location(self.http.server(server).location).span;
        self.say("server", format!("{shown}: {why}"), Some(at));
        self.outcome.server_names = names;
        self.outcome.server_by = by;
        self.outcome.server_at = Some(self.places.at(at));
    }

    fn by_default(
        &self,
        server: ServerId,
        host: &str,
        names: &[String],
        chosen: &Chosen,
    ) -> (&'static str, String) {
        let block = self.http.server(server).location;
        let listens = self.places.named(self.http, block, &["listen"]);
        let is_default = |word: &bytes::Bytes| word == "default_server" || word == "default";
        let default = listens.iter().any(|line| line.args.iter().any(is_default));
        let address = &chosen.address;
        let only = !self
            .http
            .router
            .behind(chosen.number)
            .any(|(_, a)| a.names.is_some());
        if only {
            let named = names.iter().any(|name| name == host);
            let by = if default { "default_server" } else { "first" };
            return match named {
                true => (
                    "exact",
                    format!("{host} is its name; no other server is on {address}"),
                ),
                false => (by, format!("no other server is on {address}")),
            };
        }
        match default {
            true => (
                "default_server",
                format!("no server has the name {host}; this is the default_server of {address}"),
            ),
            false => (
                "first",
                format!("no server has the name {host}; this is the first on {address}"),
            ),
        }
    }

    fn names(&self, server: ServerId) -> Vec<String> {
        let block = self.http.server(server).location;
        let lines = self.places.named(self.http, block, &["server_name"]);
        let words = lines.iter().flat_map(|line| line.args.iter());
        words.map(|word| lossy(word).to_ascii_lowercase()).collect()
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
                        let line_text = self.places.text(line);
                        (format!(": \"{subject}\" fits {line_text}"), Some(line))
                    }
                    Some((subject, None)) => (format!(": nothing fits \"{subject}\""), None),
                    None => (String::new(), None),
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
                let (zone, key) = (lossy(zone), lossy(key));
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

    fn location(&mut self, id: LocationId) {
        let search = std::mem::take(&mut self.search);
        let verdict = search.finish(self.http, self.places, id);
        let shown = self.places.location(self.http, id);
        let named = self.http.location(self.http.location(id).named);
        let by_name = shown.as_ref().is_some_and(|name| name.starts_with('@'));
        let text = match &shown {
            Some(name) if by_name => name.clone(),
            Some(name) => format!("{name}: {}", verdict.why),
            None => verdict.why,
        };
        let at = shown.is_some().then_some(named.span);
        self.say("location", text, at);
        for other in verdict.others {
            let name = self.places.location(self.http, other.id);
            let name = name.unwrap_or_default();
            let at = self.http.location(other.id).span;
            let kind = if other.around { "around" } else { "considered" };
            self.aside(kind, format!("{name}: {}", other.reason), Some(at));
        }
        if self.http.location(id).named != id {
            let at = self.http.location(id).span;
            self.aside(
                "note",
                format!("its {} holds for this method", self.places.text(at)),
                Some(at),
            );
        }
    }

    fn rewrite(&mut self, event: &Event) {
        match event {
            Event::Rewrite { at, outcome } => {
                let code = self.places.text(*at);
                let text = match outcome {
                    Rewritten::No => format!("{code}: does not match"),
                    Rewritten::To { uri, args, stay } => {
                        let mut to = lossy(uri);
                        if !args.is_empty() {
                            to = format!("{to}?{}", lossy(args));
                        }
                        let stay = if *stay {
                            ", without seeking its location"
                        } else {
                            ""
                        };
                        format!("{code}: the URI is {to} now{stay}")
                    }
                    Rewritten::Redirect { status, to } => {
                        format!("{code}: {status} to {}", lossy(to))
                    }
                };
                self.say("rewrite", text, Some(*at));
            }
            Event::If { at, value, holds } => {
                let code = self.places.text(*at);
                let holds = if *holds { "holds" } else { "does not hold" };
                let text = format!("{code}: {holds}, it is \"{}\"", lossy(value));
                self.say("if", text, Some(*at));
            }
            Event::Set { at, id, value } => {
                let name = lossy(self.http.variables.name(*id));
                self.say("set", format!("${name} is \"{}\"", lossy(value)), Some(*at));
            }
            Event::Break { at } => self.say("break", "ends the rewriting", Some(*at)),
            Event::Return { at, .. } => {
                let code = self.places.text(*at);
                self.say("return", code, Some(*at));
                if self.depth == 0 {
                    self.answers("return");
                }
            }
            _ => {}
        }
    }

    fn access(&mut self, by: &'static str, verdict: Verdict) {
        let text = match verdict {
            // Its rule has been told.
            _ if by == "access" => return,
            Verdict::Allowed => format!("{by} lets the request pass"),
            Verdict::Status(status) => format!("{by} says {status}"),
            _ => return,
        };
        let at = self.nearest(by);
        self.say("access", text, at);
    }

    fn content(&mut self, event: &Event) {
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

    /// Something else than what came before makes the answer.
    fn answers(&mut self, name: &'static str) {
        self.outcome.handler = Some(name);
        self.outcome.file = None;
        self.final_passes = false;
    }

    fn header(&mut self, event: &Event) {
        if let Event::AddsHeader { at, name, value } = event {
            let name = lossy(name);
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

    fn end(&mut self, rehearsed: &Rehearsed) {
        let req = &rehearsed.req;
        let id = req.location;
        self.lost(id, "add_header");
        if self.final_passes && self.outcome.handler == Some("proxy_pass") {
            self.lost(id, "proxy_set_header");
        }
        let named = self.http.location(self.http.location(id).named);
        let outcome = &mut self.outcome;
        outcome.location = self.places.location(self.http, id);
        outcome.location_name = named.kind.location().map(|location| lossy(&location.name));
        let is_location = named.kind.location().is_some();
        outcome.location_at = is_location.then(|| self.places.at(named.span));
        outcome.uri = lossy(&req.uri);
        outcome.args = lossy(&req.args);
        outcome.no_answer = req.response.no_answer;
        outcome.status = Some(req.response.status).filter(|_| !self.final_passes);
        let head = lossy(&rehearsed.head);
        let fields = head.split("\r\n").skip(1).filter_map(upstream::field);
        const EACH_TIME_OTHERS: [&str; 2] = ["Date", "Connection"];
        outcome.fields = fields
            .filter(|(name, _)| !EACH_TIME_OTHERS.contains(&name.as_str()))
            .collect();
        let location = outcome
            .fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("location"));
        outcome.redirect = location.map(|(_, value)| value.clone());
        if self.outcome.no_answer {
            self.steps.retain(|step| step.kind != "header");
        }
        let text = match (self.outcome.no_answer, self.outcome.status) {
            (true, _) => format!(
                "none: the connection is closed (status {} in the log)",
                req.response.status
            ),
            (_, None) => {
                String::from("what the upstream says; for the fields above 200 is assumed")
            }
            (_, Some(_)) => head
                .split("\r\n")
                .next()
                .unwrap_or_default()
                .trim_start_matches("HTTP/1.1 ")
                .to_owned(),
        };
        self.say("answer", text, None);
        if self.outcome.status.is_some() {
            for (name, value) in self.outcome.fields.clone() {
                self.aside("field", format!("{name}: {value}"), None);
            }
        }
    }

    fn lost(&mut self, location: LocationId, name: &str) {
        if name == "add_header" && lost::merges(self.places, self.http, location) {
            return;
        }
        let Some((first, lost)) = lost::lines(self.places, self.http, location, name) else {
            return;
        };
        let there = self.places.at(first.span);
        let file = there.file.file_name().unwrap_or_default();
        let there = format!("{}:{}", file.display(), there.line);
        let lost: Vec<(String, Span)> = lost
            .iter()
            .map(|line| (self.places.text(line.span), line.span))
            .collect();
        for (text, span) in lost {
            let text = format!("{text} does not hold here: the {name} in {there} takes its place");
            self.say("lost", text, Some(span));
        }
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
