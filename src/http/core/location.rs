//! Settings of the core module that are inherited down to locations.

use crate::config::directive::Directive;
use crate::cycle::Builder;
use crate::http::value::Value;
use std::sync::Arc;
use std::time::Duration;

crate::settings! {
    /// As written.
    pub LocationRaw,
    /// In force.
    pub LocationConf {
        /// `satisfy any`.
        satisfy_any: bool = false,
        chunked_transfer_encoding: bool = true,
        send_timeout: Duration = Duration::from_secs(60),
        keepalive_timeout: Duration = Duration::from_secs(75),
        keepalive_header: Option<u64> = None,
        keepalive_requests: u64 = 1000,
        keepalive_time: Duration = Duration::from_secs(3600),
        keepalive_disable: KeepaliveDisable = KeepaliveDisable { msie6: true, safari: false },
        lingering_close: LingeringClose = LingeringClose::On,
        lingering_time: Duration = Duration::from_secs(30),
        lingering_timeout: Duration = Duration::from_secs(5),
        tcp_nodelay: bool = true,
        sendfile: bool = false,
        sendfile_max_chunk: u64 = 2 << 20,
        absolute_redirect: bool = true,
        server_tokens: ServerTokens = ServerTokens::On,
        limit_rate: Value = Value::default(),
        limit_rate_after: Value = Value::default(),
        client_body_timeout: Duration = Duration::from_secs(60),
        client_body_buffer_size: usize = 16384,
        client_max_body_size: u64 = 1 << 20,
        client_body_in_file_only: BodyInFile = BodyInFile::Off,
        client_body_temp_path: Arc<TempPath> = Arc::new(TempPath::default()),
    }
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[];

#[derive(Clone, Copy, PartialEq)]
pub enum LingeringClose {
    Off,
    On,
    Always,
}
#[derive(Clone, Copy, PartialEq)]
pub enum ServerTokens {
    Off,
    On,
    Build,
}
#[derive(Clone, Copy, PartialEq)]
pub enum BodyInFile {
    Off,
    Clean,
    On,
}
#[derive(Clone, Copy)]
pub struct KeepaliveDisable {
    pub msie6: bool,
    pub safari: bool,
}
#[derive(Clone, Default)]
pub struct TempPath {
    pub path: std::path::PathBuf,
    pub levels: [u8; 3],
}
