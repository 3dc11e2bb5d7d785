//! nginx's mirror: copies of requests are sent elsewhere, and their answers thrown away.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::diagnostic::Diagnostic;
use crate::http::body_in::{RequestBody, read_all};
use crate::http::conf::Http;
use crate::http::phase::{Step, Verdict};
use crate::http::request::Request;
use crate::http::subrequest;
use crate::http::trace::Event;
use bytes::Bytes;
use std::sync::Arc;

crate::settings! {
    /// As written.
    pub MirrorRaw,
    /// In force.
    pub MirrorConf {
        /// Where copies go; none: nowhere.
        to: Arc<Vec<Bytes>> = Arc::default(),
        /// Whether the client's body goes with them.
        request_body: bool = true,
    }
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("mirror", EVERYWHERE, Args::Exactly(1), set_mirror)
        .syntax("uri | off")
        .default("off")
        .doc(
            "Makes a copy of every request for this URI of the same server, where a proxy_pass may send it on; the \
             client waits for none of them. Several may stand in one block.",
        ),
    D::flag("mirror_request_body", EVERYWHERE, |b| {
        &mut b.http.here().mirror().request_body
    })
    .default("on")
    .doc("Whether copies have the client's body, which is then read whole before the request goes on."),
];

fn set_mirror(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let field = &mut b.http.here().mirror().to;
    let word = node.arg(0).unwrap_or(&node.name);
    match (field, word.text == "off") {
        (field @ None, true) => *field = Some(Arc::default()),
        (Some(_), true) => return Err(node.fault("is duplicate")),
        (Some(list), false) if list.is_empty() => return Err(node.fault("is duplicate")),
        (field, false) => Arc::make_mut(field.get_or_insert_default()).push(word.text.clone()),
    }
    Ok(())
}

/// Before the content is made.
pub fn handle<'a>(req: &'a mut Request, http: &Http) -> Step<'a> {
    let conf = &req.location(http).mirror;
    if req.depth > 0 || conf.to.is_empty() {
        return Step::Ready(Verdict::Declined);
    }
    let to = Arc::clone(&conf.to);
    match conf.request_body {
        false => Step::Ready(send(req, &to)),
        true => Step::Wait(Box::pin(async move {
            match read_all(req).await {
                Ok(()) => send(req, &to),
                Err(e) => Verdict::Status(e.status()),
            }
        })),
    }
}

fn send(req: &Request, to: &[Bytes]) -> Verdict {
    for uri in to {
        req.trace(|| Event::Copies { uri: uri.clone() });
        if req.is_rehearsal() {
            continue;
        }
        let Some(mut copy) = subrequest::new(req, uri, &req.args) else {
            return Verdict::Status(500);
        };
        copy.method = req.method;
        if req.body.complete {
            copy.body = RequestBody {
                length: req.body.length,
                chunked: req.body.chunked,
                kept: req.body.kept.clone(),
                complete: true,
                ..RequestBody::default()
            };
        }
        subrequest::spawn(req, copy);
    }
    Verdict::Declined
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    #[test]
    fn complaints() {
        let complaint = |lines: &str| first_complaint(&format!("events {{}} http {{ {lines} }}"));
        let duplicate = "\"mirror\" directive is duplicate";
        assert_eq!(complaint("mirror off; mirror /a;"), duplicate);
        assert_eq!(complaint("mirror /a; mirror off;"), duplicate);
        assert_eq!(
            complaint("mirror /a; mirror /b; mirror_request_body off;"),
            ""
        );
    }
}
