//! Settings of the core module that stand in `http` only. All of them size hash tables, which grow by themselves here.

use crate::config::directive::Directive;
use crate::cycle::Builder;
use crate::cycle::context::HTTP;

/// Values that are read as nginx reads them and then have no effect.
#[derive(Clone, Debug, Default)]
pub struct WithoutEffect {
    variables_hash_max_size: Option<i64>,
    variables_hash_bucket_size: Option<i64>,
    server_names_hash_max_size: Option<i64>,
    server_names_hash_bucket_size: Option<i64>,
}

crate::settings! {
    /// As written.
    pub MainRaw,
    /// In force.
    pub MainConf {
    } only_written {
        /// Sizes of hash tables.
        without_effect: WithoutEffect,
    }
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::number("variables_hash_max_size", HTTP, |b| {
        &mut b.http.core.without_effect.variables_hash_max_size
    })
    .default("1024")
    .doc("No effect: variables are found by number while the configuration is read."),
    D::number("variables_hash_bucket_size", HTTP, |b| {
        &mut b.http.core.without_effect.variables_hash_bucket_size
    })
    .default("64")
    .doc("No effect: variables are found by number while the configuration is read."),
    D::number("server_names_hash_max_size", HTTP, |b| {
        &mut b.http.core.without_effect.server_names_hash_max_size
    })
    .default("512")
    .doc("No effect: the table of server names grows as needed."),
    D::number("server_names_hash_bucket_size", HTTP, |b| {
        &mut b.http.core.without_effect.server_names_hash_bucket_size
    })
    .default("64")
    .doc("No effect: the table of server names has no buckets of a fixed size."),
];
