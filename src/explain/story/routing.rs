//! The location, what rewrites make of the request, and who lets it in.

use super::{Teller, lossy};
use crate::http::conf::LocationId;
use crate::http::phase::Verdict;
use crate::http::trace::{Event, Rewritten};

impl Teller<'_> {
    pub(super) fn location(&mut self, id: LocationId) {
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

    pub(super) fn rewrite(&mut self, event: &Event) {
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

    pub(super) fn access(&mut self, by: &'static str, verdict: Verdict) {
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
}
