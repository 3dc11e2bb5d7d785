//! Settings of the scgi module.

use super::codec::Terminated;
use crate::boxed::boxed;
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::{LOCATION, LOCATION_IF};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::phase::Step;
use crate::http::request::Request;
use crate::http::upstream::cgi::packet::PacketCodec;
use crate::http::upstream::cgi::pass::{self, Destination, PassKind, Schemes};
use crate::http::upstream::cgi::settings::Protocol;
use crate::http::upstream::cgi::{CgiConf, CgiRaw};
use crate::http::upstream::settings::PassingRaw;
use std::rc::Rc;

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
    crate::param_directive!("scgi", common),
];

fn set_pass(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let kind = PassKind {
        name: "scgi_pass",
        schemes: Schemes(""),
        redirects_computed: false,
        ask,
    };
    pass::set(b, node, common, &kind)
}

fn ask<'a>(to: &'a Destination, req: &'a mut Request) -> Step<'a> {
    Step::Wait(boxed(|| async move {
        let http = Rc::clone(&req.http);
        let conf = &http.location(req.location).conf.scgi;
        let mut codec = PacketCodec::new(&**conf);
        to.ask(req, &mut codec, &conf.common.passing, false).await
    }))
}
