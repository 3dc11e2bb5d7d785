//! Settings of the core module: server.

use crate::config::directive::Directive;
use crate::cycle::Builder;

crate::settings! {
    /// As written.
    pub ServerRaw,
    /// In force.
    pub ServerConf {
        client_header_timeout: std::time::Duration = std::time::Duration::from_secs(60),
        client_header_buffer_size: usize = 1024,
        large_client_header_buffers: (usize, usize) = (4, 8192),
        max_headers: usize = 1000,
        ignore_invalid_headers: bool = true,
        underscores_in_headers: bool = false,
        merge_slashes: bool = true,

    }
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[];
