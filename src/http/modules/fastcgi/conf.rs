//! Settings of the fastcgi module.

use super::codec::{FastcgiCodec, NameValue};
use crate::boxed::boxed;
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::{EVERYWHERE, LOCATION, LOCATION_IF};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::core::without_effect;
use crate::http::phase::Step;
use crate::http::regex::Regex;
use crate::http::request::Request;
use crate::http::upstream::cgi::pass::{self, Destination, PassKind, Schemes};
use crate::http::upstream::cgi::settings::Protocol;
use crate::http::upstream::cgi::{CgiConf, CgiRaw};
use crate::http::upstream::settings::PassingRaw;
use bytes::Bytes;
use std::rc::Rc;
use std::sync::Arc;

/// As written.
#[derive(Clone, Default)]
pub struct FastcgiRaw {
    /// What all such protocols have.
    pub common: CgiRaw,
    /// `fastcgi_index`
    pub index: Option<Bytes>,
    /// `fastcgi_split_path_info`
    pub split: Option<Arc<Regex>>,
    /// `fastcgi_keep_conn`
    pub keep_conn: Option<bool>,
    /// `fastcgi_catch_stderr`
    pub catch_stderr: Option<Vec<Bytes>>,
}

/// In force.
pub struct FastcgiConf {
    /// What all such protocols have.
    pub common: CgiConf,
    /// What is appended to a script's name that ends with a slash.
    pub index: Bytes,
    /// Takes a path apart into the script's name and the rest.
    pub split: Option<Arc<Regex>>,
    /// Whether servers are asked to leave the connection open.
    pub keep_conn: bool,
    /// What an application must not write to its standard error.
    pub catch_stderr: Vec<Bytes>,
}

const PROTOCOL: Protocol = Protocol {
    prefix: "fastcgi",
    temp_path: crate::cli::defaults::FASTCGI_TEMP_PATH,
    passes_status: false,
};

impl Settings for FastcgiRaw {
    type Conf = FastcgiConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        self.common.inherit(&parent.common);
        macro_rules! fields {
            ($($field:ident)*) => {
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            };
        }
        fields! { index split keep_conn catch_stderr }
    }

    fn build(&self, b: &mut Builder) -> FastcgiConf {
        FastcgiConf {
            common: self.common.build::<NameValue>(b, &PROTOCOL),
            index: self.index.clone().unwrap_or_default(),
            split: self.split.clone(),
            keep_conn: self.keep_conn.unwrap_or(false),
            catch_stderr: self.catch_stderr.clone().unwrap_or_default(),
        }
    }
}

fn here(b: &mut Builder) -> &mut FastcgiRaw {
    b.http.here().fastcgi()
}

fn common(b: &mut Builder) -> &mut CgiRaw {
    &mut here(b).common
}

fn passing(b: &mut Builder) -> &mut PassingRaw {
    &mut here(b).common.passing
}

/// The directives that all protocols have.
pub static PASSING: &[Directive<Builder>] =
    crate::passing_directives!("fastcgi", passing, CGI_CONDITIONS);

const PLACES: Contexts = Contexts(LOCATION.0 | LOCATION_IF.0);

/// The others.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("fastcgi_pass", PLACES, Args::Exactly(1), set_pass)
        .syntax("address")
        .doc("Passes requests to a FastCGI server or a group of servers: host:port, group, unix:/path."),
    crate::param_directive!("fastcgi", common),
    Directive::text("fastcgi_index", EVERYWHERE, |b| &mut here(b).index)
        .syntax("name")
        .doc("What $fastcgi_script_name has behind a path that ends with a slash."),
    Directive::custom("fastcgi_split_path_info", EVERYWHERE, Args::Exactly(1), set_split)
        .syntax("regex")
        .doc("A pattern with two groups, the first of which is $fastcgi_script_name, the second $fastcgi_path_info."),
    Directive::flag("fastcgi_keep_conn", EVERYWHERE, |b| &mut here(b).keep_conn)
        .default("off")
        .doc("Whether servers are asked to leave connections open, for the group's keepalive."),
    Directive::custom("fastcgi_catch_stderr", EVERYWHERE, Args::Exactly(1), |b, node| {
        let words = node.arg(0).map(|word| word.text.clone());
        here(b).catch_stderr.get_or_insert_default().extend(words);
        Ok(())
    })
        .syntax("string")
        .doc("An answer is taken for an error (invalid_header) if its application writes this to its standard error."),
    Directive::custom("fastcgi_send_lowat", EVERYWHERE, Args::Exactly(1), without_effect::set_fastcgi_send_lowat)
        .syntax("size")
        .doc("No effect: on Linux it has none in nginx either, which says so."),
];

fn set_split(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    let regex = Regex::compile(b, &word.text, false, word.span)?;
    if regex.groups() != 2 {
        let message = format!("pattern \"{}\" must have 2 captures", word.str());
        return Err(node.error_at(word, message));
    }
    here(b).split = Some(Arc::new(regex));
    Ok(())
}

fn set_pass(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let kind = PassKind {
        name: "fastcgi_pass",
        schemes: Schemes(""),
        redirects_computed: true,
        ask,
    };
    pass::set(b, node, common, &kind)
}

fn ask<'a>(to: &'a Destination, req: &'a mut Request) -> Step<'a> {
    Step::Wait(boxed(|| async move {
        let http = Rc::clone(&req.http);
        let conf = &http.location(req.location).conf.fastcgi;
        let mut codec = FastcgiCodec::new(conf);
        to.ask(req, &mut codec, &conf.common.passing, true).await
    }))
}
