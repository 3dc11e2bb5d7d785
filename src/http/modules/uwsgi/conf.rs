//! Settings of the uwsgi module.

use super::codec::Sized16;
use crate::boxed::boxed;
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::config::value::parse_number;
use crate::cycle::Builder;
use crate::cycle::context::{EVERYWHERE, LOCATION, LOCATION_IF};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::phase::Step;
use crate::http::request::Request;
use crate::http::upstream::cgi::packet::PacketCodec;
use crate::http::upstream::cgi::pass::{self, Destination, PassKind, Schemes};
use crate::http::upstream::cgi::settings::Protocol;
use crate::http::upstream::cgi::{CgiConf, CgiRaw};
use crate::http::upstream::settings::PassingRaw;
use crate::http::upstream::tls::settings::TlsRaw;
use bytes::Bytes;
use std::rc::Rc;

/// As written.
#[derive(Clone, Default)]
pub struct UwsgiRaw {
    /// What all such protocols have.
    pub common: CgiRaw,
    /// `uwsgi_modifier1`
    pub modifier1: Option<u8>,
    /// `uwsgi_modifier2`
    pub modifier2: Option<u8>,
    /// `uwsgi_string`
    pub string: Option<Bytes>,
}

/// In force.
pub struct UwsgiConf {
    /// What all such protocols have.
    pub common: CgiConf,
    /// The first byte of requests.
    pub modifier1: u8,
    /// Their fourth byte.
    pub modifier2: u8,
    /// What stands behind the parameters.
    pub string: Bytes,
}

const PROTOCOL: Protocol = Protocol {
    prefix: "uwsgi",
    temp_path: crate::cli::defaults::UWSGI_TEMP_PATH,
    passes_status: true,
};

impl Settings for UwsgiRaw {
    type Conf = UwsgiConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        self.common.inherit(&parent.common);
        macro_rules! fields {
            ($($field:ident)*) => {
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            };
        }
        fields! { modifier1 modifier2 string }
    }

    fn build(&self, b: &mut Builder) -> UwsgiConf {
        UwsgiConf {
            common: self.common.build::<Sized16>(b, &PROTOCOL),
            modifier1: self.modifier1.unwrap_or(0),
            modifier2: self.modifier2.unwrap_or(0),
            string: self.string.clone().unwrap_or_default(),
        }
    }
}

fn here(b: &mut Builder) -> &mut UwsgiRaw {
    b.http.here().uwsgi()
}

fn common(b: &mut Builder) -> &mut CgiRaw {
    &mut here(b).common
}

fn passing(b: &mut Builder) -> &mut PassingRaw {
    &mut here(b).common.passing
}

fn tls(b: &mut Builder) -> &mut TlsRaw {
    &mut passing(b).tls
}

/// The directives that all protocols have.
pub static PASSING: &[Directive<Builder>] =
    crate::passing_directives!("uwsgi", passing, CGI_CONDITIONS);

/// Those about TLS.
pub static TLS: &[Directive<Builder>] = crate::upstream_tls_directives!("uwsgi", tls);

const PLACES: Contexts = Contexts(LOCATION.0 | LOCATION_IF.0);

/// The others.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("uwsgi_pass", PLACES, Args::Exactly(1), set_pass)
        .syntax("[uwsgi:// | suwsgi://]address")
        .doc("Passes requests to a uwsgi server or a group of servers: host:port, group, unix:/path; suwsgi:// by TLS."),
    crate::param_directive!("uwsgi", common),
    Directive::custom("uwsgi_modifier1", EVERYWHERE, Args::Exactly(1), |b, node| {
        set_modifier(b, node, |b| &mut here(b).modifier1)
    })
        .syntax("number")
        .default("0")
        .doc("The field modifier1 of requests, 0 to 255."),
    Directive::custom("uwsgi_modifier2", EVERYWHERE, Args::Exactly(1), |b, node| {
        set_modifier(b, node, |b| &mut here(b).modifier2)
    })
        .syntax("number")
        .default("0")
        .doc("The field modifier2 of requests, 0 to 255."),
    Directive::text("uwsgi_string", EVERYWHERE, |b| &mut here(b).string)
        .doc("Bytes that are sent behind the parameters."),
];

fn set_modifier(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut Builder) -> &mut Option<u8>,
) -> Result<(), Diagnostic> {
    if field(b).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    let number = parse_number(&word.text).ok_or_else(|| node.fault("invalid number"))?;
    let byte = u8::try_from(number);
    let byte = byte.map_err(|_| node.error_at(word, "value must be between 0 and 255"))?;
    *field(b) = Some(byte);
    Ok(())
}

fn set_pass(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let kind = PassKind {
        name: "uwsgi_pass",
        schemes: Schemes("uwsgi://"),
        redirects_computed: false,
        ask,
    };
    pass::set(b, node, common, &kind)
}

fn ask<'a>(to: &'a Destination, req: &'a mut Request) -> Step<'a> {
    Step::Wait(boxed(|| async move {
        let http = Rc::clone(&req.http);
        let conf = &http.location(req.location).conf.uwsgi;
        let mut codec = PacketCodec::new(&**conf);
        to.ask(req, &mut codec, &conf.common.passing, false).await
    }))
}
