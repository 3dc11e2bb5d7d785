//! Variables of the server, the process and the time.

use super::{put, put_number, put_seconds};
use crate::cli::version::NGINX_VERSION;
use crate::clock;
use crate::config::source::errno;
use crate::http::modules::static_files;
use crate::http::request::Request;
use crate::http::variable::Variable;
use crate::log::{self, Level};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("document_root", |r, out| {
        r.location(&r.http).core.root.write(r, out);
        true
    }),
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
    Variable::new("realpath_root", realpath_root),
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

/// The directory of the documents without symbolic links in its name.
fn realpath_root(req: &Request, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    req.location(&req.http).core.root.write(req, out);
    let name = out.get(start..).unwrap_or_default();
    let real = std::fs::canonicalize(OsStr::from_bytes(name));
    if let Err(e) = &real {
        let name = String::from_utf8_lossy(name);
        let message = format_args!("realpath() \"{name}\" failed ({})", errno(e));
        log::request(req, Level::Crit, message);
    }
    out.truncate(start);
    real.is_ok_and(|path| put(path.as_os_str().as_bytes(), out))
}

/// The name of the machine in lower case.
fn hostname() -> &'static [u8] {
    static NAME: OnceLock<Vec<u8>> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = nix::unistd::gethostname().unwrap_or_default();
        name.as_bytes().to_ascii_lowercase()
    })
}
