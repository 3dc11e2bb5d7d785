//! Variables of the server, the process and the time.

use super::{put, put_number, put_seconds};
use crate::cli::version::NGINX_VERSION;
use crate::clock;
use crate::http::modules::static_files;
use crate::http::request::Request;
use crate::http::variable::Variable;
use std::sync::OnceLock;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("host", host),
    Variable::new("hostname", |_, out| put(hostname(), out)),
    Variable::new("msec", |_, out| {
        let now = clock::unix_time().as_millis();
        put_seconds(u64::try_from(now).unwrap_or(u64::MAX), out)
    }),
    Variable::new("nginx_version", |_, out| put(NGINX_VERSION.as_bytes(), out)),
    Variable::new("pid", |_, out| {
        put_number(u64::from(std::process::id()), out)
    }),
    Variable::new("request_filename", |r, out| {
        put(&static_files::path(r, &r.http), out)
    }),
    Variable::new("server_name", |r, out| put(&r.server(&r.http).name, out)),
    Variable::new("time_iso8601", |_, out| {
        clock::texts(|now| put(&now.iso8601, out))
    }),
    Variable::new("time_local", |_, out| {
        clock::texts(|now| put(&now.local, out))
    }),
];

/// The host that the client named, or else the name of the server.
fn host(req: &Request, out: &mut Vec<u8>) -> bool {
    match &*req.host {
        [] => put(&req.server(&req.http).name, out),
        host => put(host, out),
    }
}

/// The name of the machine in lower case.
fn hostname() -> &'static [u8] {
    static NAME: OnceLock<Vec<u8>> = OnceLock::new();
    NAME.get_or_init(|| {
        use std::os::unix::ffi::OsStrExt;
        let name = nix::unistd::gethostname().unwrap_or_default();
        name.as_bytes().to_ascii_lowercase()
    })
}
