//! Which tables make a page, and what the page says in front of them.

use crate::config::directive::{Args, Contexts, Directive};
use crate::core;
use crate::cycle::Builder;
use crate::http;
use crate::log;

/// A module as its users know it from nginx.
pub struct Module {
    /// The name of the page: nginx's name of the module without `ngx_` and `_module`.
    pub name: &'static str,
    /// nginx's name of it, if it is a module there.
    pub nginx: &'static str,
    /// What it is for, in a few words.
    pub about: &'static str,
    /// The directives.
    pub tables: &'static [&'static [Directive<Builder>]],
}

/// In the order in which somebody who sets up a server meets them.
pub static MODULES: &[Module] = &[
    Module {
        name: "core",
        nginx: "core functionality",
        about: "Processes, users, the error log, connections",
        tables: &[
            core::directives::DIRECTIVES,
            core::events::DIRECTIVES,
            log::directive::DIRECTIVES,
            INCLUDE,
        ],
    },
    Module {
        name: "http_core",
        nginx: "ngx_http_core_module",
        about: "Servers, locations, files, request bodies, timeouts, error pages",
        tables: &[
            http::core::blocks::DIRECTIVES,
            http::core::server::DIRECTIVES,
            http::core::location::DIRECTIVES,
            http::modules::try_files::DIRECTIVES,
            http::core::main::DIRECTIVES,
            http::symlinks::DIRECTIVES,
            http::core::without_effect::DIRECTIVES,
        ],
    },
    Module {
        name: "http_v2",
        nginx: "ngx_http_v2_module",
        about: "HTTP/2",
        tables: &[http::h2::conf::DIRECTIVES],
    },
    Module {
        name: "http_rewrite",
        nginx: "ngx_http_rewrite_module",
        about: "Redirects, rewritten addresses, conditions, variables that are set",
        tables: &[http::modules::rewrite::DIRECTIVES],
    },
    Module {
        name: "explain",
        nginx: "explanations (goodgate's own)",
        about: "Why a request failed: in the error log, in variables, in headers, on a page",
        tables: &[http::explain::DIRECTIVES],
    },
    Module {
        name: "http_log",
        nginx: "ngx_http_log_module",
        about: "Access logs and their formats",
        tables: &[http::modules::log::DIRECTIVES],
    },
    Module {
        name: "http_headers",
        nginx: "ngx_http_headers_module",
        about: "Headers that are added to answers, and how long they may be kept",
        tables: &[http::modules::headers::DIRECTIVES],
    },
    Module {
        name: "http_gzip",
        nginx: "ngx_http_gzip_module",
        about: "Compression of answers",
        tables: &[http::modules::gzip::DIRECTIVES],
    },
    Module {
        name: "http_proxy",
        nginx: "ngx_http_proxy_module",
        about: "Passing requests on to an application or another server",
        tables: &[
            http::modules::proxy::DIRECTIVES,
            http::modules::proxy::PASSING,
            http::modules::proxy::TLS,
            http::upstream::without_cache::PROXY,
            http::upstream::without_cache::PROXY_ONLY,
        ],
    },
    Module {
        name: "http_fastcgi",
        nginx: "ngx_http_fastcgi_module",
        about: "Passing requests to FastCGI servers, PHP's above all",
        tables: &[
            http::modules::fastcgi::DIRECTIVES,
            http::modules::fastcgi::PASSING,
            http::upstream::without_cache::FASTCGI,
        ],
    },
    Module {
        name: "http_uwsgi",
        nginx: "ngx_http_uwsgi_module",
        about: "Passing requests to uwsgi servers",
        tables: &[
            http::modules::uwsgi::DIRECTIVES,
            http::modules::uwsgi::PASSING,
            http::modules::uwsgi::TLS,
            http::upstream::without_cache::UWSGI,
        ],
    },
    Module {
        name: "http_scgi",
        nginx: "ngx_http_scgi_module",
        about: "Passing requests to SCGI servers",
        tables: &[
            http::modules::scgi::DIRECTIVES,
            http::modules::scgi::PASSING,
            http::upstream::without_cache::SCGI,
        ],
    },
    Module {
        name: "http_upstream",
        nginx: "ngx_http_upstream_module",
        about: "Groups of servers that requests are passed to",
        tables: &[
            http::upstream::conf::DIRECTIVES,
            http::upstream::balance::directives::DIRECTIVES,
            http::upstream::keepalive::DIRECTIVES,
        ],
    },
    Module {
        name: "http_map",
        nginx: "ngx_http_map_module",
        about: "Variables whose values depend on other variables",
        tables: &[http::modules::map::DIRECTIVES],
    },
    Module {
        name: "http_access",
        nginx: "ngx_http_access_module",
        about: "Who may come, by address",
        tables: &[http::modules::access::DIRECTIVES],
    },
    Module {
        name: "http_auth_basic",
        nginx: "ngx_http_auth_basic_module",
        about: "Who may come, by name and password",
        tables: &[http::modules::auth_basic::DIRECTIVES],
    },
    Module {
        name: "http_auth_request",
        nginx: "ngx_http_auth_request_module",
        about: "Who may come, by the answer of another location",
        tables: &[http::modules::auth_request::DIRECTIVES],
    },
    Module {
        name: "http_mirror",
        nginx: "ngx_http_mirror_module",
        about: "Copies of requests for another server",
        tables: &[http::modules::mirror::DIRECTIVES],
    },
    Module {
        name: "http_limit_req",
        nginx: "ngx_http_limit_req_module",
        about: "How many requests are served in a time",
        tables: &[http::modules::limit_req::DIRECTIVES],
    },
    Module {
        name: "http_index",
        nginx: "ngx_http_index_module",
        about: "Which file stands for a directory",
        tables: &[http::modules::index::DIRECTIVES],
    },
    Module {
        name: "http_autoindex",
        nginx: "ngx_http_autoindex_module",
        about: "Listings of directories",
        tables: &[http::modules::autoindex::DIRECTIVES],
    },
    Module {
        name: "http_charset",
        nginx: "ngx_http_charset_module",
        about: "Character sets in Content-Type, and conversion between them",
        tables: &[http::modules::charset::DIRECTIVES],
    },
    Module {
        name: "http_browser",
        nginx: "ngx_http_browser_module",
        about: "Variables by the age of the client's browser",
        tables: &[http::modules::browser::DIRECTIVES],
    },
    Module {
        name: "http_split_clients",
        nginx: "ngx_http_split_clients_module",
        about: "Variables by share of clients, for experiments",
        tables: &[http::modules::split_clients::DIRECTIVES],
    },
    Module {
        name: "http_limit_conn",
        nginx: "ngx_http_limit_conn_module",
        about: "How many connections one client may have",
        tables: &[http::modules::limit_conn::DIRECTIVES],
    },
    Module {
        name: "http_realip",
        nginx: "ngx_http_realip_module",
        about: "The client's address when another proxy stands in front",
        tables: &[http::modules::realip::DIRECTIVES],
    },
    Module {
        name: "http_geo",
        nginx: "ngx_http_geo_module",
        about: "Variables by the client's address",
        tables: &[http::modules::geo::DIRECTIVES],
    },
    Module {
        name: "http_gzip_static",
        nginx: "ngx_http_gzip_static_module",
        about: "Files that are compressed already",
        tables: &[http::modules::gzip_static::DIRECTIVES],
    },
    Module {
        name: "http_empty_gif",
        nginx: "ngx_http_empty_gif_module",
        about: "A picture of one transparent pixel",
        tables: &[http::modules::empty_gif::DIRECTIVES],
    },
    Module {
        name: "http_stub_status",
        nginx: "ngx_http_stub_status_module",
        about: "Counters of connections and requests, as a page",
        tables: &[http::modules::stub_status::DIRECTIVES],
    },
    Module {
        name: "http_referer",
        nginx: "ngx_http_referer_module",
        about: "Requests that come from pages of other sites",
        tables: &[http::modules::referer::DIRECTIVES],
    },
    Module {
        name: "http_random_index",
        nginx: "ngx_http_random_index_module",
        about: "A file chosen at random for its directory",
        tables: &[http::modules::random_index::DIRECTIVES],
    },
    Module {
        name: "http_secure_link",
        nginx: "ngx_http_secure_link_module",
        about: "Links that only somebody who knows a secret can make",
        tables: &[http::modules::secure_link::DIRECTIVES],
    },
    Module {
        name: "http_ssl",
        nginx: "ngx_http_ssl_module",
        about: "TLS to clients: certificates, protocols, sessions, certificates of clients",
        tables: &[http::modules::ssl::DIRECTIVES],
    },
    Module {
        name: "http_userid",
        nginx: "ngx_http_userid_module",
        about: "Cookies by which clients are known again",
        tables: &[http::modules::userid::DIRECTIVES],
    },
];

/// No table of the server has it: included files are put in place before a table is asked.
pub(super) static INCLUDE: &[Directive<Builder>] = &[Directive::custom(
    "include",
    Contexts(u32::MAX),
    Args::Exactly(1),
    |_, _| Ok(()),
)
.syntax("file | mask")
.doc("Reads another file, or all files that a mask such as sites-enabled/* stands for, as if they stood here.")];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::modules::MODULES as OF_NGINX;
    use crate::config::directive::Set;

    #[test]
    fn arguments_and_meaning_are_told() {
        let all = MODULES.iter().flat_map(|m| m.tables).copied().flatten();
        let silent: Vec<&str> = all
            .filter(|d| {
                let arguments = matches!(d.set, Set::Enum(..)) || !d.syntax.is_empty();
                let meaning = matches!(d.set, Set::NoOp(_)) || !d.doc.is_empty();
                !meaning || !(arguments || d.args.allow(0))
            })
            .map(|d| d.name)
            .collect();
        assert!(silent.is_empty(), "without syntax or doc: {silent:?}");
    }

    #[test]
    fn v_tells_of_a_module_just_when_it_has_directives() {
        // Those of upstream groups share a page.
        let own = |option: &str| !option.starts_with("http_upstream_");
        for module in OF_NGINX.iter().filter(|module| own(module.option)) {
            let page = MODULES
                .iter()
                .any(|m| format!("{}_module", m.name) == module.option);
            assert_eq!(
                module.present, page,
                "{} in src/cli/modules.rs",
                module.option
            );
        }
    }
}
