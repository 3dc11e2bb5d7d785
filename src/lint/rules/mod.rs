//! The rules, one file each.

mod alias_slash;
mod alias_traversal;
mod allow_without_deny;
mod breach;
mod certificate;
mod client;
mod default_server;
mod error_log_off;
mod header_lost;
mod if_in_location;
mod missing_semicolon;
mod no_resolver;
mod open_redirect;
mod php_unchecked;
mod proxy_uri;
mod regex_anchor;
mod request_forgery;
mod response_splitting;
mod return_voids_access;
mod root_doubles;
mod root_in_location;
mod slow_regex;
mod tls_unused;
mod trusted_forwarded;
mod try_files_loop;
mod types_replaced;
mod unreachable_location;
mod unreachable_server;
mod values;
mod weak_tls;
mod worker_connections;

use super::Rule;

/// All rules, by number.
pub static RULES: &[&Rule] = &[
    &alias_traversal::RULE,
    &alias_slash::RULE,
    &header_lost::RULE,
    &if_in_location::RULE,
    &unreachable_location::RULE,
    &unreachable_server::RULE,
    &no_resolver::RULE,
    &proxy_uri::RULE,
    &request_forgery::RULE,
    &response_splitting::RULE,
    &open_redirect::RULE,
    &slow_regex::RULE,
    &regex_anchor::RULE,
    &allow_without_deny::RULE,
    &return_voids_access::RULE,
    &error_log_off::RULE,
    &worker_connections::RULE,
    &root_in_location::RULE,
    &default_server::RULE,
    &weak_tls::RULE,
    &tls_unused::RULE,
    &certificate::RULE,
    &trusted_forwarded::RULE,
    &try_files_loop::RULE,
    &php_unchecked::RULE,
    &types_replaced::RULE,
    &breach::RULE,
    &missing_semicolon::RULE,
    &root_doubles::RULE,
];
