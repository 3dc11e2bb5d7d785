//! An explanation for programs: one JSON object. The names in it stay as they are; new ones may be added.

use super::outcome::{Outcome, Passed};
use super::{Explanation, Place, Step};
use std::fmt::Write;

/// The object, on one line without its end.
pub fn render(explanation: &Explanation) -> String {
    let steps: Vec<String> = explanation.steps.iter().map(step).collect();
    format!(
        "{{\"request\":{},\"outcome\":{},\"steps\":[{}]}}",
        string(&explanation.request),
        outcome(&explanation.outcome),
        steps.join(",")
    )
}

/// The object for a request that nothing can be said about.
pub fn unanswered(request: &str, why: &str) -> String {
    let (request, why) = (string(request), string(why));
    format!("{{\"request\":{request},\"error\":{why}}}")
}

fn step(step: &Step) -> String {
    format!(
        "{{\"kind\":{},\"depth\":{},\"aside\":{},\"text\":{},\"place\":{}}}",
        string(step.kind),
        step.depth,
        step.aside,
        string(&step.text),
        place(step.place.as_ref())
    )
}

fn outcome(o: &Outcome) -> String {
    let names: Vec<String> = o.server_names.iter().map(|name| string(name)).collect();
    format!(
        "{{\"listen\":{},\"server\":{{\"names\":[{}],\"by\":{},\"place\":{}}},\
         \"location\":{},\"location_name\":{},\"location_place\":{},\"uri\":{},\"args\":{},\"status\":{},\"no_answer\":{},\
         \"handler\":{},\"file\":{},\"upstream\":{},\"redirect\":{},\"headers\":{}}}",
        string(&o.listen),
        names.join(","),
        string(o.server_by),
        place(o.server_at.as_ref()),
        option(o.location.as_deref()),
        option(o.location_name.as_deref()),
        place(o.location_at.as_ref()),
        string(&o.uri),
        string(&o.args),
        o.status.map_or_else(null, |status| status.to_string()),
        o.no_answer,
        option(o.handler),
        option(o.file.as_deref()),
        o.upstream.as_ref().map_or_else(null, passed),
        option(o.redirect.as_deref()),
        fields(&o.fields),
    )
}

fn passed(p: &Passed) -> String {
    let peers: Vec<String> = p.peers.iter().map(|peer| string(peer)).collect();
    format!(
        "{{\"group\":{},\"peers\":[{}],\"url\":{},\"uri\":{},\"line\":{},\"fields\":{}}}",
        string(&p.group),
        peers.join(","),
        string(&p.url),
        string(&p.uri),
        string(&p.line),
        fields(&p.fields)
    )
}

fn fields(fields: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("[{},{}]", string(name), string(value));
    let pairs: Vec<String> = fields.iter().map(pair).collect();
    format!("[{}]", pairs.join(","))
}

fn place(place: Option<&Place>) -> String {
    place.map_or_else(null, |place| {
        let file = place.file.to_string_lossy();
        format!("{{\"file\":{},\"line\":{}}}", string(&file), place.line)
    })
}

fn option(text: Option<&str>) -> String {
    text.map_or_else(null, string)
}

fn null() -> String {
    String::from("null")
}

/// A string of JSON, quotes included.
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
