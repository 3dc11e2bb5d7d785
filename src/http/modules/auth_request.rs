//! nginx's auth_request: another location says whether a request may pass.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::diagnostic::Diagnostic;
use crate::http::conf::Http;
use crate::http::phase::{Step, Verdict};
use crate::http::request::Request;
use crate::http::response::Field;
use crate::http::subrequest;
use crate::http::trace::Event;
use crate::http::value::Value;
use crate::http::variable::{Compute, VarId};
use crate::log::{self, Level};
use bytes::Bytes;
use std::rc::Rc;
use std::sync::Arc;

crate::settings! {
    /// As written.
    pub AuthRequestRaw,
    /// In force.
    pub AuthRequestConf {
        /// Where to ask; empty: nowhere.
        uri: Bytes = Bytes::new(),
        /// Variables that are set when the answer is there.
        variables: Arc<Vec<(VarId, Value)>> = Arc::default(),
    }
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("auth_request", EVERYWHERE, Args::Exactly(1), set_uri)
        .syntax("uri | off")
        .default("off")
        .doc(
            "Asks this URI of the same server by a subrequest before a request is served: with an answer of 2xx the \
             request passes, with 401 or 403 it is refused so, anything else is an error (500). The client's body is \
             not sent along.",
        ),
    D::custom("auth_request_set", EVERYWHERE, Args::Exactly(2), set_variable)
        .syntax("$variable value")
        .doc(
            "Sets a variable when that answer is there; the value may contain variables of the subrequest, such as \
             $upstream_http_*.",
        ),
];

fn set_uri(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let field = &mut b.http.here().auth_request().uri;
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    let off = word.text == "off";
    *field = Some(if off { Bytes::new() } else { word.text.clone() });
    Ok(())
}

fn set_variable(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let (Some(variable), Some(value)) = (node.arg(0), node.arg(1)) else {
        return Ok(());
    };
    let Some(name) = variable.text.strip_prefix(b"$") else {
        let message = format!("invalid variable name \"{}\"", variable.str());
        let d = node.error_at(variable, message);
        return Err(d.help("a variable begins with \"$\""));
    };
    let id = b
        .http
        .variables
        .define_weak(name, |_| Arc::new(NotAsked))
        .map_err(|message| node.error_at(variable, message))?;
    let value = Value::compile(b, value)?;
    let field = &mut b.http.here().auth_request().variables;
    Arc::make_mut(field.get_or_insert_default()).push((id, value));
    Ok(())
}

/// The variable in a request for which nobody was asked.
struct NotAsked;

impl Compute for NotAsked {
    fn compute(&self, _: &Request, _: &mut Vec<u8>) -> bool {
        false
    }
}

/// The access phase.
pub fn handle<'a>(req: &'a mut Request, http: &Http) -> Step<'a> {
    match req.location(http).auth_request.uri.is_empty() {
        true => Step::Ready(Verdict::Declined),
        false => Step::Wait(Box::pin(ask(req))),
    }
}

async fn ask(req: &mut Request) -> Verdict {
    let http = Rc::clone(&req.http);
    let conf = &http.location(req.location).conf.auth_request;
    req.trace(|| Event::AsksLeave {
        uri: conf.uri.clone(),
    });
    let Some(sub) = subrequest::new(req, &conf.uri, b"") else {
        return Verdict::Status(500);
    };
    let finished = subrequest::run(req, sub).await;
    let Some(sub) = &*finished else {
        return Verdict::Status(500);
    };
    let values: Vec<(VarId, Bytes)> = conf
        .variables
        .iter()
        .map(|(id, value)| (*id, value.eval_bytes(sub)))
        .collect();
    let (status, silent) = (sub.response.status, sub.response.no_answer);
    let asked_upstream = !sub.upstreams.is_empty();
    let challenges = match status {
        401 => challenges(sub),
        _ => Vec::new(),
    };
    drop(finished);
    for (id, value) in &values {
        req.assign(*id, value);
    }
    req.response.fields.extend(challenges);
    match status {
        200..=299 => Verdict::Allowed,
        401 | 403 => Verdict::Status(status),
        // nginx ends the request along with such a subrequest.
        _ if silent => Verdict::Status(status),
        _ => {
            let doing = match asked_upstream {
                true => " while sending to client",
                false => "",
            };
            let message = format_args!("auth request unexpected status: {status}{doing}");
            log::request(req, Level::Error, message);
            Verdict::Status(500)
        }
    }
}

const CHALLENGE: &[u8] = b"WWW-Authenticate";

/// What a 401 asks the client for: as the answer says it, or an upstream did whose answer was replaced.
fn challenges(sub: &Request) -> Vec<Field> {
    let is_challenge = |name: &[u8]| name.eq_ignore_ascii_case(CHALLENGE);
    let fields = &sub.response.fields;
    let own: Vec<Field> = fields
        .iter()
        .filter(|f| is_challenge(&f.name))
        .cloned()
        .collect();
    if !own.is_empty() {
        return own;
    }
    let Some(upstream) = sub.upstreams.last() else {
        return own;
    };
    let head = upstream.head.borrow();
    let found = head.iter().filter(|(name, _)| is_challenge(name));
    found
        .map(|(name, value)| {
            Field::new(Bytes::copy_from_slice(name), Bytes::copy_from_slice(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::{cycle, first_complaint};

    #[test]
    fn settings() {
        let cycle = cycle(
            "events {} http { server { auth_request /a; auth_request_set $x $upstream_status; location / {}
             location /off { auth_request off; auth_request_set $y 1; auth_request_set $z 2; } } }",
        );
        let http = cycle.http.as_ref().unwrap();
        let found: Vec<(&[u8], usize)> = http
            .locations
            .iter()
            .map(|l| (&l.auth_request.uri[..], l.auth_request.variables.len()))
            .collect();
        assert!(found.contains(&(b"", 2)));
        assert_eq!(found.iter().filter(|f| **f == (&b"/a"[..], 1)).count(), 2);
    }

    #[test]
    fn complaints() {
        let complaint =
            |lines: &str| first_complaint(&format!("events {{}} http {{ server {{ {lines} }} }}"));
        assert_eq!(
            complaint("auth_request off; auth_request /a;"),
            "\"auth_request\" directive is duplicate"
        );
        assert_eq!(
            complaint("auth_request_set x 1;"),
            "invalid variable name \"x\""
        );
        assert_eq!(
            complaint("auth_request_set $host 1;"),
            "the duplicate \"host\" variable"
        );
    }
}
