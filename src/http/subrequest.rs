//! Requests that a request makes on its own behalf, for another URI of the same server: `auth_request`, `mirror`.

use super::body::Body;
use super::head::Method;
use super::phase::{self, Start};
use super::request::Request;
use super::{modules, upstream};
use crate::log::{self, Level};
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;

/// How deep subrequests may nest (nginx: `NGX_HTTP_MAX_SUBREQUESTS`).
const MOST: u8 = 50;

/// A GET for another URI with the head of `parent`, without a body. It passes neither through the access phase nor
/// through limits that have been applied to the parent, and locations that are `internal` are open to it.
///
/// None if subrequests nest too deeply, which the error log is told.
pub fn new(parent: &Request, uri: &[u8], args: &[u8]) -> Option<Request> {
    if parent.depth >= MOST {
        let shown = log::Raw(uri);
        let message = format_args!("subrequests cycle while processing \"{shown}\"");
        log::request(parent, Level::Error, message);
        return None;
    }
    let mut sub = Request::new(
        &parent.worker,
        Rc::clone(&parent.http),
        &parent.client,
        Rc::clone(&parent.head),
        parent.server,
    );
    sub.method = Method::Get;
    sub.uri.extend_from_slice(uri);
    sub.args.extend_from_slice(args);
    sub.unparsed_uri_valid = false;
    sub.host.extend_from_slice(&parent.host);
    sub.host_port = parent.host_port;
    sub.body.complete = true;
    sub.internal = true;
    sub.user.replace(parent.user.borrow().clone());
    sub.remote = parent.remote.clone();
    sub.depth = parent.depth.saturating_add(1);
    sub.pipelined = parent.pipelined;
    modules::limit_req::share(parent, &mut sub);
    modules::limit_conn::share(parent, &mut sub);
    Some(sub)
}

/// Takes a subrequest through the phases while its parent waits. Both know the same variables: what the one assigns
/// or computes holds for the other. Only the head of the answer is made; its body is dropped.
pub async fn run(parent: &mut Request, sub: Request) -> Finished<'_> {
    parent
        .vars
        .borrow_mut()
        .swap_values(&mut sub.vars.borrow_mut());
    let mut finished = Finished {
        parent,
        sub: Some(sub),
        ran: false,
    };
    if let Some(sub) = &mut finished.sub {
        phases(sub).await;
        close(sub);
    }
    finished.ran = true;
    finished
}

/// Takes a subrequest through the phases that nobody waits for.
pub fn spawn(parent: &Request, mut sub: Request) {
    **sub.vars.borrow_mut() = parent.vars.borrow().clone_values();
    sub.background = true;
    let errand = parent.worker.background.begin();
    tokio::task::spawn_local(async move {
        let _errand = errand;
        phases(&mut sub).await;
        close(&mut sub);
        end(sub);
    });
}

/// A subrequest that has its answer. It ends, and is logged if so configured, when this is dropped.
pub struct Finished<'a> {
    parent: &'a mut Request,
    sub: Option<Request>,
    ran: bool,
}

impl Deref for Finished<'_> {
    type Target = Option<Request>;
    fn deref(&self) -> &Option<Request> {
        &self.sub
    }
}

impl Drop for Finished<'_> {
    /// The values go back to the parent, even if the client went away while it waited.
    fn drop(&mut self) {
        let Some(sub) = self.sub.take() else { return };
        let mut values = self.parent.vars.borrow_mut();
        values.swap_values(&mut sub.vars.borrow_mut());
        drop(values);
        if self.ran {
            end(sub);
        }
    }
}

/// The phases run within the phases of another request: the size of the future must not depend on itself.
fn phases(sub: &mut Request) -> Pin<Box<dyn Future<Output = ()> + '_>> {
    Box::pin(phase::run(sub, Start::ServerRewrite))
}

fn close(sub: &mut Request) {
    sub.response.body = Body::Empty;
    upstream::report(sub);
}

fn end(sub: Request) {
    if sub.location(&sub.http).core.log_subrequest && !sub.logged {
        modules::log::access(&sub);
    }
    sub.recycle();
}
