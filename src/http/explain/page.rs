//! The page that says why a request failed, in place of the built-in one.

use super::accept::Form;
use super::conf::Diagnostics;
use super::{Fault, Reason};
use crate::http::request::Request;
use crate::http::special;
use crate::http::status;
use crate::http::upstream::failure::Failure;
use bytes::Bytes;
use std::fmt::Write;
use std::net::IpAddr;
use std::rc::Rc;

/// What the page tells, as names and texts in their order.
struct Told {
    title: String,
    facts: Vec<(&'static str, String)>,
}

/// Answers with the page, if the client is to be told and there is something to tell. `false`: the built-in page it is.
pub fn answer(req: &mut Request, status: u16) -> bool {
    let http = Rc::clone(&req.http);
    let tell = match req.location(&http).explain.diagnostics {
        Diagnostics::Off => false,
        Diagnostics::Local => is_local(req),
        Diagnostics::On => true,
    };
    if !tell || req.depth > 0 {
        return false;
    }
    let Some(told) = find_out(req, status) else {
        return false;
    };
    let accept = req
        .head
        .iter()
        .find(|(_, name, _)| name.eq_ignore_ascii_case(b"accept"));
    let form = Form::wanted(accept.map_or(b"", |(_, _, value)| value));
    let text = match form {
        Form::Plain => plain(&told),
        Form::Json => json(&told, status),
        Form::Html => html(&told),
    };
    let content_type = Bytes::from_static(form.content_type());
    special::page_of(req, status, content_type, Bytes::from(text));
    req.response.push("Cache-Control", "no-store");
    true
}

/// Whether the client is on this machine, and does not speak for somebody else.
fn is_local(req: &Request) -> bool {
    let near = |ip: Option<IpAddr>| ip.is_none_or(|ip| ip.to_canonical().is_loopback());
    let for_others = |(_, name, _): (_, &[u8], _)| {
        [&b"x-forwarded-for"[..], b"forwarded", b"x-real-ip", b"via"]
            .iter()
            .any(|field| name.eq_ignore_ascii_case(field))
    };
    near(req.client.peer.ip()) && near(req.remote.ip()) && !req.head.iter().any(for_others)
}

fn find_out(req: &Request, status: u16) -> Option<Told> {
    let mut facts = Vec::new();
    let attempt = req.upstreams.iter().rev().find(|a| !a.peer.is_empty());
    let failure = attempt.map(|attempt| attempt.failure.borrow());
    let reason = req.reason.borrow();
    match (failure.as_deref(), reason.as_deref()) {
        (_, Some(Reason::Client(fault))) if fault.wrong.status() == status => {
            of_client(req, fault, &mut facts);
        }
        (Some(Some(failure)), _) if failure.status() == status => {
            of_failure(req, failure, &mut facts);
        }
        (_, Some(Reason::Upstream(failure))) if failure.status() == status => {
            of_failure(req, failure, &mut facts);
        }
        _ => return None,
    }
    let host = String::from_utf8_lossy(&req.host);
    let line = String::from_utf8_lossy(req.head.bytes(req.head.line));
    facts.push(("request", line.into_owned()));
    facts.push(("host", host.into_owned()));
    if let Some(id) = req.location(&req.http).explain.request_id {
        let mut text = Vec::new();
        req.variable(id, &mut text);
        facts.push(("request id", String::from_utf8_lossy(&text).into_owned()));
    }
    facts.push(("in the error log", format!("*{}", req.client.number)));
    let sent = status::sent(status);
    let title = status::line(sent).map_or_else(|| sent.to_string(), str::to_owned);
    facts.retain(|(_, text)| !text.is_empty());
    Some(Told { title, facts })
}

fn of_failure(req: &Request, failure: &Failure, facts: &mut Vec<(&'static str, String)>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    facts.push(("cause", failure.kind().name().to_owned()));
    facts.push(("what happened", failure.to_string()));
    facts.push(("what to do", failure.hint(req).to_string()));
    facts.push(("stage", failure.stage.name().to_owned()));
    facts.push((
        "server",
        failure.peer.as_deref().map(text).unwrap_or_default(),
    ));
    let place = failure.place(req).map(|span| req.http.places.show(span));
    facts.push(("configuration", place.unwrap_or_default()));
    let mut before = String::new();
    let earlier = req
        .upstreams
        .iter()
        .rev()
        .skip(1)
        .rev()
        .filter(|a| !a.peer.is_empty());
    for attempt in earlier {
        if let Some(failure) = &*attempt.failure.borrow() {
            let comma = if before.is_empty() { "" } else { ", " };
            // Writing into a string cannot fail.
            let _ = write!(
                before,
                "{comma}{}: {}",
                text(&attempt.peer),
                failure.kind().name()
            );
        }
    }
    facts.push(("tried before", before));
}

fn of_client(req: &Request, fault: &Fault, facts: &mut Vec<(&'static str, String)>) {
    facts.push(("cause", fault.wrong.name().to_owned()));
    facts.push(("what to do", fault.hint(req).to_string()));
    facts.push(("stage", String::from("request")));
}

fn plain(told: &Told) -> String {
    let mut text = format!("{}\n\n", told.title);
    for (name, value) in &told.facts {
        let _ = writeln!(text, "{name}: {}", printable(value));
    }
    text
}

fn json(told: &Told, status: u16) -> String {
    let mut text = format!("{{\"status\":{},\"title\":", status::sent(status));
    quoted(&told.title, &mut text);
    for (name, value) in &told.facts {
        text.push(',');
        quoted(&name.replace(' ', "_"), &mut text);
        text.push(':');
        quoted(value, &mut text);
    }
    text.push_str("}\n");
    text
}

/// A string of JSON (RFC 8259 section 7).
fn quoted(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn html(told: &Told) -> String {
    let title = escaped(&told.title);
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n"
    );
    for (name, value) in told.facts.iter().filter(|(name, _)| *name == "what to do") {
        let _ = writeln!(
            text,
            "<p class=\"{}\">{}</p>",
            name.replace(' ', "-"),
            escaped(value)
        );
    }
    text.push_str("<dl>\n");
    for (name, value) in told.facts.iter().filter(|(name, _)| *name != "what to do") {
        let _ = writeln!(text, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
    }
    text.push_str("</dl>\n</main>\n</html>\n");
    text
}

const STYLE: &str = "body{margin:0;font:17px/1.5 system-ui,sans-serif;color:#222;background:#fff}\
    main{max-width:44em;margin:0 auto;padding:1.5em 1em}h1{font-size:1.5em;margin:0 0 .7em}\
    .what-to-do{border-left:4px solid #c33;padding:.2em 0 .2em .8em;margin:0 0 1.5em;overflow-wrap:anywhere}\
    dl{margin:0}dt{color:#666;font-size:.85em}\
    dd{margin:0 0 .8em;font-family:ui-monospace,monospace;font-size:.95em;overflow-wrap:anywhere}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}dt{color:#999}}";

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in printable(value).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

fn printable(value: &str) -> String {
    value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_stay_texts() {
        let told = Told {
            title: String::from("502 Bad Gateway"),
            facts: vec![
                ("what to do", String::from("<b>\"\\\u{1}")),
                ("host", String::from("a&b")),
            ],
        };
        assert!(plain(&told).contains("what to do: <b>\"\\ \n"));
        assert_eq!(
            json(&told, 502),
            "{\"status\":502,\"title\":\"502 Bad Gateway\",\"what_to_do\":\"<b>\\\"\\\\\\u0001\",\"host\":\"a&b\"}\n"
        );
        let html = html(&told);
        assert!(html.contains("&lt;b&gt;&quot;\\ </p>") && html.contains("<dd>a&amp;b</dd>"));
    }
}
