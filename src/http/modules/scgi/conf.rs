//! Settings of the scgi module.

use super::codec::{ScgiCodec, Terminated};
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::{EVERYWHERE, LOCATION, LOCATION_IF};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::phase::{Handler, Step};
use crate::http::request::Request;
use crate::http::upstream::cgi::pass::{Destination, Schemes};
use crate::http::upstream::cgi::settings::Protocol;
use crate::http::upstream::cgi::{CgiConf, CgiRaw, params};
use crate::http::upstream::settings::PassingRaw;
use std::rc::Rc;
use std::sync::Arc;

/// As written.
#[derive(Clone, Default)]
pub struct ScgiRaw {
    /// What all such protocols have.
    pub common: CgiRaw,
}

/// In force.
pub struct ScgiConf {
    /// What all such protocols have.
    pub common: CgiConf,
}

const PROTOCOL: Protocol = Protocol {
    prefix: "scgi",
    temp_path: crate::cli::defaults::SCGI_TEMP_PATH,
    passes_status: false,
};

impl Settings for ScgiRaw {
    type Conf = ScgiConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        self.common.inherit(&parent.common);
    }

    fn build(&self, b: &mut Builder) -> ScgiConf {
        ScgiConf {
            common: self.common.build::<Terminated>(b, &PROTOCOL),
        }
    }
}

fn common(b: &mut Builder) -> &mut CgiRaw {
    &mut b.http.here().scgi().common
}

fn passing(b: &mut Builder) -> &mut PassingRaw {
    &mut common(b).passing
}

/// The directives that all protocols have.
pub static PASSING: &[Directive<Builder>] =
    crate::passing_directives!("scgi", passing, CGI_CONDITIONS);

const PLACES: Contexts = Contexts(LOCATION.0 | LOCATION_IF.0);

/// The others.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("scgi_pass", PLACES, Args::Exactly(1), set_pass)
        .syntax("address")
        .doc("Passes requests to an SCGI server or a group of servers: host:port, group, unix:/path."),
    Directive::custom("scgi_param", EVERYWHERE, Args::Between(2, 3), |b, node| {
        params::set(b, node, |b| &mut common(b).params)
    })
        .syntax("name value [if_not_empty]")
        .default("HTTP_HOST $host$is_request_port$request_port")
        .doc("A parameter of requests; one called HTTP_NAME takes the place of the client's header field. Inherited \
              only where a block has no scgi_param of its own."),
];

fn set_pass(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let destination = Destination::parse(b, node, common, Schemes(""))?;
    b.http.own().handler = Some(Arc::new(Pass(destination)));
    Ok(())
}

/// The handler of locations with `scgi_pass`.
struct Pass(Destination);

impl Handler for Pass {
    fn handle<'a>(&'a self, req: &'a mut Request) -> Step<'a> {
        Step::Wait(Box::pin(async {
            let http = Rc::clone(&req.http);
            let conf = &http.location(req.location).conf.scgi;
            let mut codec = ScgiCodec::new(conf);
            let passing = &conf.common.passing;
            self.0.ask(req, &mut codec, passing, false).await
        }))
    }

    fn name(&self) -> &'static str {
        "scgi_pass"
    }
}
