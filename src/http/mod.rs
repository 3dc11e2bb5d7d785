//! HTTP: routing, the engine, the modules.

pub mod accept;
pub mod base64;
pub mod body;
pub mod body_in;
pub mod body_keep;
mod buffers;
pub mod conf;
pub mod connection;
pub mod connections;
pub mod core;
pub mod date;
pub mod escape;
pub mod explain;
pub mod file_name;
pub mod filter;
pub mod forwarded;
pub mod h1;
pub mod h2;
pub mod head;
pub mod host;
pub mod hostnames;
pub mod known;
pub mod limits;
pub mod mime_types;
pub mod modules;
pub mod negotiation;
pub mod open;
pub mod pace;
pub mod parking;
pub mod phase;
pub mod places;
mod prefilter;
pub mod range;
pub mod regex;
pub mod rehearsal;
pub mod request;
pub mod response;
pub mod response_fields;
pub mod room;
pub mod router;
mod scan;
pub mod special;
pub mod stats;
pub mod status;
pub mod subrequest;
pub mod symlinks;
pub mod timer;
pub mod trace;
pub mod turn;
pub mod upstream;
pub mod uri;
pub mod value;
pub mod variable;
pub mod worker;
pub mod zone;

pub use conf::Http;

use crate::config::directive::Directive;
use crate::cycle::Builder;
use variable::Variable;

/// The directive tables of all HTTP modules.
pub static DIRECTIVES: &[&[Directive<Builder>]] = &[
    upstream::conf::DIRECTIVES,
    modules::proxy::DIRECTIVES,
    modules::proxy::PASSING,
    modules::proxy::TLS,
    modules::fastcgi::DIRECTIVES,
    modules::fastcgi::PASSING,
    modules::uwsgi::DIRECTIVES,
    modules::uwsgi::PASSING,
    modules::uwsgi::TLS,
    modules::scgi::DIRECTIVES,
    modules::scgi::PASSING,
    upstream::without_cache::PROXY,
    upstream::without_cache::PROXY_ONLY,
    upstream::without_cache::FASTCGI,
    upstream::without_cache::UWSGI,
    upstream::without_cache::SCGI,
    upstream::keepalive::DIRECTIVES,
    upstream::balance::directives::DIRECTIVES,
    self::core::blocks::DIRECTIVES,
    self::core::location::DIRECTIVES,
    self::core::without_effect::DIRECTIVES,
    self::core::main::DIRECTIVES,
    symlinks::DIRECTIVES,
    h2::conf::DIRECTIVES,
    explain::DIRECTIVES,
    self::core::server::DIRECTIVES,
    modules::geo::DIRECTIVES,
    modules::map::DIRECTIVES,
    modules::rewrite::DIRECTIVES,
    modules::split_clients::DIRECTIVES,
    modules::log::DIRECTIVES,
    modules::headers::DIRECTIVES,
    modules::index::DIRECTIVES,
    modules::autoindex::DIRECTIVES,
    modules::try_files::DIRECTIVES,
    modules::charset::DIRECTIVES,
    modules::browser::DIRECTIVES,
    modules::gzip::DIRECTIVES,
    modules::gzip_static::DIRECTIVES,
    modules::empty_gif::DIRECTIVES,
    modules::access::DIRECTIVES,
    modules::auth_basic::DIRECTIVES,
    modules::auth_request::DIRECTIVES,
    modules::mirror::DIRECTIVES,
    modules::limit_req::DIRECTIVES,
    modules::limit_conn::DIRECTIVES,
    modules::realip::DIRECTIVES,
    modules::stub_status::DIRECTIVES,
    modules::referer::DIRECTIVES,
    modules::random_index::DIRECTIVES,
    modules::secure_link::DIRECTIVES,
    modules::userid::DIRECTIVES,
    modules::ssl::DIRECTIVES,
];

/// The variables of all modules.
pub static VARIABLES: &[&[Variable]] = &[
    upstream::variables::VARIABLES,
    explain::VARIABLES,
    modules::proxy::VARIABLES,
    modules::fastcgi::VARIABLES,
    self::core::variables::absent::VARIABLES,
    self::core::variables::connection::VARIABLES,
    self::core::variables::fields::VARIABLES,
    self::core::variables::request::VARIABLES,
    self::core::variables::response::VARIABLES,
    self::core::variables::server::VARIABLES,
    h2::conf::VARIABLES,
    modules::browser::VARIABLES,
    modules::gzip::VARIABLES,
    modules::limit_req::VARIABLES,
    modules::limit_conn::VARIABLES,
    modules::realip::VARIABLES,
    modules::stub_status::VARIABLES,
    modules::referer::VARIABLES,
    modules::secure_link::VARIABLES,
    modules::userid::VARIABLES,
    modules::ssl::VARIABLES,
];
