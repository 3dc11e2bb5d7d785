//! What the error log is told when a connection ends that waits for a request.

use super::io::IoError;
use crate::config::source::errno;
use crate::http::conf::Held;
use crate::http::connection::Client;
use crate::http::router;
use crate::log::{self, ErrorLogs, Level};
use std::fmt::Arguments;
use std::io;

/// How it ended.
pub enum Ended {
    /// The client closed it.
    Closed,
    /// No request came in time.
    TimedOut,
    /// It broke.
    Broken(io::Error),
}

impl From<IoError> for Ended {
    fn from(e: IoError) -> Self {
        match e {
            IoError::TimedOut => Ended::TimedOut,
            IoError::Broken(e) => Ended::Broken(e),
        }
    }
}

/// The logs to remember while a connection is kept: none where nothing would be written.
pub fn logs(logs: &ErrorLogs) -> Option<Box<ErrorLogs>> {
    logs.takes(Level::Info).then(|| Box::new(logs.clone()))
}

/// Tells that it ended. `http` is the configuration under which it was accepted, if it has not made a request; `last`
/// are the logs of its last one.
#[cold]
pub fn ended(client: &Client, http: Option<Held>, last: Option<Box<ErrorLogs>>, how: Ended) {
    // Nothing is said of one that we have ended.
    if client.dismissed.get() {
        return;
    }
    match (http, last) {
        (Some(http), _) => first(client, &http, &how),
        (None, Some(logs)) => kept(client.number, &client.peer_text, &logs, &how),
        (None, None) => {}
    }
}

/// One that never asked for anything.
fn first(client: &Client, http: &Held, how: &Ended) {
    const DOING: &str = "while waiting for request";
    let Some(server) = router::default_server(http, client) else {
        return;
    };
    let logs = &http.location(http.server(server).location).error_log;
    let tell = |message: Arguments<'_>| {
        if let Some(bound) = &client.bound {
            log::connection(logs, client, &**bound, Level::Info, message);
        }
    };
    match how {
        Ended::Closed => tell(format_args!("client closed connection {DOING}")),
        Ended::TimedOut => tell(format_args!(
            "client timed out (110: Connection timed out) {DOING}"
        )),
        Ended::Broken(e) => tell(format_args!(
            "{} failed ({}) {DOING}",
            call(client),
            errno(e)
        )),
    }
}

/// One that was kept. Clients may end those in any way, and time ends them, too.
pub fn kept(number: u64, peer: &[u8], logs: &ErrorLogs, how: &Ended) {
    if let Ended::Closed = how {
        let name = crate::log::Raw(peer);
        let message = format_args!("client {name} closed keepalive connection");
        logs.write(Level::Info, Some(number), message, |_| {});
    }
}

/// The call that nginx would have made.
fn call(client: &Client) -> &'static str {
    match client.security.get() {
        Some(_) => "SSL_read()",
        None => "recv()",
    }
}
