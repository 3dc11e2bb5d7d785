//! nginx's stub_status: how busy the server is.

use crate::config::directive::{Args, Directive};
use crate::cycle::Builder;
use crate::cycle::context::{LOCATION, SERVER};
use crate::http::body::Body;
use crate::http::head::Method;
use crate::http::phase::{Handler, Step, Verdict};
use crate::http::request::Request;
use crate::http::stats::{Totals, totals};
use crate::http::variable::Variable;
use bytes::Bytes;
use std::io::Write;
use std::sync::Arc;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[D::custom(
    "stub_status",
    crate::config::directive::Contexts(SERVER.0 | LOCATION.0),
    Args::Between(0, 1),
    |b, _| {
        b.http.own().handler = Some(Arc::new(StubStatus));
        Ok(())
    },
)
.doc("Answers with the numbers of connections and requests.")];

/// `$connections_active`, `$connections_reading`, `$connections_writing`, `$connections_waiting`.
pub static VARIABLES: &[Variable] = &[
    Variable::new("connections_active", |_, out| put(totals().active, out)),
    Variable::new("connections_reading", |_, out| put(totals().reading, out)),
    Variable::new("connections_writing", |_, out| put(totals().writing, out)),
    Variable::new("connections_waiting", |_, out| put(totals().waiting, out)),
];

fn put(n: u64, out: &mut Vec<u8>) -> bool {
    write!(out, "{n}").is_ok()
}

struct StubStatus;

impl Handler for StubStatus {
    fn handle<'a>(&'a self, req: &'a mut Request) -> Step<'a> {
        if !matches!(req.method, Method::Get | Method::Head) {
            return Step::Ready(Verdict::Status(405));
        }
        let page = page(&totals());
        req.body.ask();
        let response = &mut req.response;
        response.status = 200;
        response.content_type = Some(Bytes::from_static(b"text/plain"));
        response.content_length = Some(page.len() as u64);
        response.body = Body::bytes(page.into());
        Step::Ready(Verdict::Done)
    }

    fn name(&self) -> &'static str {
        "stub_status"
    }
}

fn page(t: &Totals) -> String {
    format!(
        "Active connections: {} \nserver accepts handled requests\n {} {} {} \nReading: {} Writing: {} Waiting: {} \n",
        t.active, t.accepted, t.accepted, t.requests, t.reading, t.writing, t.waiting
    )
}
