//! Which of nginx's optional modules are built in: what `-V` prints and `load_module` accepts is derived from here.

/// One of nginx's modules that can be left out of, or added to, a build.
pub struct Module {
    /// The option's name without its `--with-` or `--without-`: `http_gzip_module`.
    pub option: &'static str,
    /// Whether nginx builds it unless told otherwise.
    pub standard: bool,
    /// Whether we have it.
    pub present: bool,
}

const fn standard(option: &'static str, present: bool) -> Module {
    Module {
        option,
        standard: true,
        present,
    }
}

const fn optional(option: &'static str, present: bool) -> Module {
    Module {
        option,
        standard: false,
        present,
    }
}

/// nginx's modules, in the order in which its `configure` knows them.
pub static MODULES: &[Module] = &[
    optional("http_ssl_module", true),
    optional("http_v2_module", true),
    optional("http_v3_module", false),
    optional("http_realip_module", true),
    optional("http_addition_module", false),
    optional("http_sub_module", false),
    optional("http_dav_module", false),
    optional("http_flv_module", false),
    optional("http_mp4_module", false),
    optional("http_gunzip_module", false),
    optional("http_gzip_static_module", true),
    optional("http_auth_request_module", true),
    optional("http_random_index_module", true),
    optional("http_secure_link_module", true),
    optional("http_slice_module", false),
    optional("http_stub_status_module", true),
    standard("http_charset_module", true),
    standard("http_gzip_module", true),
    standard("http_ssi_module", false),
    standard("http_userid_module", true),
    standard("http_access_module", true),
    standard("http_auth_basic_module", true),
    standard("http_mirror_module", true),
    standard("http_autoindex_module", true),
    standard("http_geo_module", true),
    standard("http_map_module", true),
    standard("http_split_clients_module", true),
    standard("http_referer_module", true),
    standard("http_rewrite_module", true),
    standard("http_proxy_module", true),
    standard("http_fastcgi_module", true),
    standard("http_uwsgi_module", true),
    standard("http_scgi_module", true),
    standard("http_grpc_module", false),
    standard("http_memcached_module", false),
    standard("http_limit_conn_module", true),
    standard("http_limit_req_module", true),
    standard("http_empty_gif_module", true),
    standard("http_browser_module", true),
    standard("http_tunnel_module", false),
    standard("http_upstream_hash_module", true),
    standard("http_upstream_ip_hash_module", true),
    standard("http_upstream_least_conn_module", true),
    standard("http_upstream_least_time_module", true),
    standard("http_upstream_random_module", true),
    standard("http_upstream_keepalive_module", true),
    standard("http_upstream_sticky_module", false),
    standard("http_upstream_zone_module", true),
    standard("http-cache", false),
    optional("stream", false),
    optional("mail", false),
];

/// Whether the dynamic module in a file of this name (`ngx_http_gzip_module.so`) is built in.
pub fn built_in(file_name: &str) -> bool {
    let name = file_name.strip_suffix(".so").unwrap_or(file_name);
    let name = name.strip_prefix("ngx_").unwrap_or(name);
    let short = name.strip_suffix("_module").unwrap_or(name);
    MODULES
        .iter()
        .any(|m| m.present && (m.option == name || m.option == short))
}

/// The options by which a `configure` of nginx would have given this set of modules, a space before each.
pub fn configure_arguments() -> String {
    let mut text = String::new();
    for module in MODULES {
        let verb = match (module.standard, module.present) {
            (true, false) => "without",
            (false, true) => "with",
            _ => continue,
        };
        text.push_str(&format!(" --{verb}-{}", module.option));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_modules_are_named_when_they_are_missing() {
        let text = configure_arguments();
        assert!(text.contains(" --without-http_ssi_module"));
        assert!(!text.contains("http_rewrite_module"));
        assert!(text.contains(" --with-http_ssl_module"));
    }

    #[test]
    fn a_dynamic_module_is_found_by_its_file_name() {
        assert!(built_in("ngx_http_gzip_module.so"));
        assert!(!built_in("ngx_http_perl_module.so"));
    }
}
