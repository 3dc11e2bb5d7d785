//! What comes of it all.

use super::{Teller, lossy};
use crate::config::span::Span;
use crate::explain::{lost, upstream};
use crate::http::conf::LocationId;
use crate::http::rehearsal::Rehearsed;

impl Teller<'_> {
    pub(super) fn end(&mut self, rehearsed: &Rehearsed) {
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
        // The status of an error page goes with whatever an upstream sends for it.
        let passes = self.final_passes;
        let certain = !passes || req.error_status != 0;
        outcome.status = Some(req.response.status).filter(|_| certain);
        let head = lossy(&rehearsed.head);
        let fields = head.split("\r\n").skip(1).filter_map(upstream::field);
        const EACH_TIME_OTHERS: [&str; 2] = ["Date", "Connection"];
        outcome.fields = match passes {
            // What an upstream sends is not known, nor what becomes of it.
            true => std::mem::take(&mut self.added),
            false => fields
                .filter(|(name, _)| !EACH_TIME_OTHERS.contains(&name.as_str()))
                .collect(),
        };
        let location = outcome
            .fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("location"));
        outcome.redirect = location.map(|(_, value)| value.clone());
        if self.outcome.no_answer {
            self.steps.retain(|step| step.kind != "header");
        }
        let line = head.split("\r\n").next().unwrap_or_default();
        let line = line.trim_start_matches("HTTP/1.1 ");
        let text = match (self.outcome.no_answer, self.outcome.status) {
            (true, _) => format!(
                "none: the connection is closed (status {} in the log)",
                req.response.status
            ),
            (_, None) => {
                String::from("what the upstream says; for the fields above 200 is assumed")
            }
            (_, Some(_)) if passes => {
                format!(
                    "{line}, as error_page was reached with it; the rest is what the upstream says"
                )
            }
            (_, Some(_)) => line.to_owned(),
        };
        self.say("answer", text, None);
        if self.http.location(id).core.post_action.is_some() {
            let text = "post_action follows behind the answer; not followed here";
            self.aside("note", text, None);
        }
        if !passes {
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
}
