//! A request on its way through the phases. The same for every protocol version.

use super::body_in::RequestBody;
use super::conf::{Held, Http, Location, LocationId, Server, ServerId};
use super::connection::Client;
use super::explain::Reason;
use super::head::{Head, Known, Method};
use super::response::Response;
use super::trace::Event;
use super::upstream::state::UpstreamState;
use super::variable::{Compute, Definition, VarId};
use super::worker::Worker;
use bytes::Bytes;
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// One request, or a subrequest of one.
pub struct Request {
    /// The thread that serves it.
    pub worker: Rc<Worker>,
    /// The configuration that it began with.
    pub http: Held,
    /// Who sent it, and over what.
    pub client: Rc<Client>,
    /// What was sent. Shared with subrequests.
    pub head: Rc<Head>,
    /// The server that answers.
    pub server: ServerId,
    /// The location whose settings hold; the server's own before one is found.
    pub location: LocationId,
    /// The method that handlers go by: the head's, unless an error page turned it into GET.
    pub method: Method,
    /// The path: decoded, normalised, changed by rewrites.
    pub uri: Vec<u8>,
    /// The query without its `?`.
    pub args: Vec<u8>,
    /// Whether the configuration has made `args` empty: then `$args` is empty, and not missing.
    pub args_emptied: bool,
    /// Whether `uri` is still the client's, and `head.path_query` may be passed on byte for byte
    /// (nginx: `valid_unparsed_uri`).
    pub unparsed_uri_valid: bool,
    /// Whether the path could not be read: `$request_uri` is missing, also on the error page.
    pub bad_target: bool,
    /// The host: lower case, without port; from the target or the Host field. Empty if there is none.
    pub host: Vec<u8>,
    /// The port that the client named with the host, for `$is_request_port`, `$request_port`; 0 if it named none.
    pub host_port: u16,
    /// How the body is framed, and what of it has been read.
    pub body: RequestBody,
    /// The response being put together.
    pub response: Box<Response>,
    /// Whether the connection may be kept for another request after this one.
    pub keepalive: bool,
    /// Whether it was redirected inside: `internal` locations are open to it.
    pub internal: bool,
    /// Whether a rewrite changed the URI since the location was found.
    pub uri_changed: bool,
    /// Whether the location was found by `uri` as it is now: false once a `rewrite ... break` changed it
    /// (nginx: `valid_location`). Starts as true; an internal redirect sets it again.
    pub location_valid: bool,
    /// Whether the configuration has put `..` into the URI, so that the name of a file may have that.
    pub climbs: bool,
    /// How many more internal changes of the URI are allowed.
    pub uri_changes: u8,
    /// The status that `error_page` answers for, kept as the response's unless `=` says otherwise.
    pub error_status: u16,
    /// Whether an error page is being fetched: errors from now on get the built-in pages, unless
    /// `recursive_error_pages` is on.
    pub error_page: bool,
    /// Whether `auth_basic` and the like let it pass; kept for `satisfy any`.
    pub access_status: u16,
    /// The user name of Basic authentication, once looked at.
    pub user: RefCell<Option<Option<(Bytes, Bytes)>>>,
    /// The address of the client as access rules and logs see it (`realip` changes it).
    pub remote: super::connection::Peer,
    /// The attempts to get an answer from upstreams, in order.
    pub upstreams: Vec<UpstreamState>,
    /// Why it failed, where no attempt to reach an upstream tells.
    pub reason: RefCell<Option<Box<Reason>>>,
    /// Assigned variables and captures.
    pub vars: RefCell<Box<Vars>>,
    /// When the first byte of it arrived: monotonic milliseconds.
    pub started_ms: u64,
    /// Bytes sent to the client: head and body.
    pub bytes_sent: Cell<u64>,
    /// Bytes of the body sent to the client.
    pub body_bytes_sent: Cell<u64>,
    /// Bytes of the request received: head and body.
    pub request_length: Cell<u64>,
    /// Limit of sending in bytes per second set through `$limit_rate` or by an upstream; overrides the setting.
    pub limit_rate: Option<u64>,
    /// The request that this one is a part of: its depth, 0 for a request of a client.
    pub depth: u8,
    /// Whether it is a subrequest that nobody waits for: the client's going away does not end it.
    pub background: bool,
    /// Whether an access-log line has been written or is not wanted.
    pub logged: bool,
    /// Whether it followed the one before without waiting for its answer (`$pipe`).
    pub pipelined: bool,
    /// Whether the whole answer went to the client (`$request_completion`).
    pub completed: Cell<bool>,
    /// Whether its lines of access logs are being written.
    pub logging: Cell<bool>,
    /// Data of modules, found by type, until the URI is changed inside.
    pub extensions: Extensions,
    /// The same for what outlasts a change of the URI inside.
    pub lasting: Extensions,
    /// The same for what is found out on the way to the value of a variable.
    pub computed: RefCell<Extensions>,
}

/// Data of modules, found by type. Few requests have any, none has many.
#[derive(Default)]
pub struct Extensions(Vec<Box<dyn std::any::Any>>);

impl Extensions {
    /// The value of this type, if one was put in.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.iter().find_map(|b| b.downcast_ref())
    }

    /// The same, to change it.
    pub fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.0.iter_mut().find_map(|b| b.downcast_mut())
    }

    /// Puts a value in, in place of one of the same type.
    pub fn insert<T: 'static>(&mut self, value: T) {
        match self.get_mut::<T>() {
            Some(old) => *old = value,
            None => self.0.push(Box::new(value)),
        }
    }

    /// Takes a value out.
    pub fn remove<T: 'static>(&mut self) -> Option<T> {
        let i = self.0.iter().position(|b| b.is::<T>())?;
        self.0.swap_remove(i).downcast().ok().map(|b| *b)
    }

    /// Drops all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Values that belong to one request: slots of variables, and the captures of the last match.
#[derive(Default)]
pub struct Vars {
    slots: Vec<Slot>,
    /// The text of all values, one behind the other.
    text: Vec<u8>,
    subject: Vec<u8>,
    captures: SmallVec<[(u32, u32); 10]>,
    depth: u8,
}

#[derive(Clone, Copy, Default)]
enum Slot {
    #[default]
    Unset,
    NotFound,
    /// Start and end in [`Vars::text`].
    Value(u32, u32),
}

/// Memory that goes from one request to the next.
#[derive(Default)]
pub struct Scratch {
    uri: Vec<u8>,
    args: Vec<u8>,
    host: Vec<u8>,
    vars: Box<Vars>,
    response: Box<Response>,
    upstreams: Vec<UpstreamState>,
}

/// How deep values of maps may refer to each other before it must be a cycle.
const MAX_DEPTH: u8 = 100;

impl Request {
    /// What nginx's messages say is being done while the head of an answer is made: `while ...` with a space before
    /// it, or nothing.
    pub fn answering(&self) -> &'static str {
        if !self.upstreams.is_empty() {
            " while reading response header from upstream"
        } else if self.response.last_modified.is_some() {
            " while sending response to client"
        } else {
            ""
        }
    }

    /// A request with this head, for the default server of its connection's address.
    pub fn new(
        worker: &Rc<Worker>,
        http: Held,
        client: &Rc<Client>,
        head: Rc<Head>,
        server: ServerId,
    ) -> Self {
        let scratch = worker.take_scratch();
        let location = http.server(server).location;
        Request {
            worker: Rc::clone(worker),
            client: Rc::clone(client),
            server,
            location,
            method: head.method,
            head,
            http,
            uri: scratch.uri,
            args: scratch.args,
            args_emptied: false,
            unparsed_uri_valid: true,
            bad_target: false,
            host: scratch.host,
            host_port: 0,
            body: RequestBody::default(),
            response: scratch.response,
            keepalive: false,
            internal: false,
            uri_changed: false,
            location_valid: true,
            climbs: false,
            uri_changes: super::phase::MAX_URI_CHANGES,
            error_status: 0,
            error_page: false,
            access_status: 0,
            user: RefCell::new(None),
            remote: client.peer.clone(),
            upstreams: scratch.upstreams,
            reason: RefCell::new(None),
            vars: RefCell::new(scratch.vars),
            started_ms: crate::clock::monotonic_ms(),
            bytes_sent: Cell::new(0),
            body_bytes_sent: Cell::new(0),
            request_length: Cell::new(0),
            limit_rate: None,
            depth: 0,
            background: false,
            logged: false,
            pipelined: false,
            completed: Cell::new(false),
            logging: Cell::new(false),
            extensions: Extensions::default(),
            lasting: Extensions::default(),
            computed: RefCell::default(),
        }
    }

    /// Ends the request and gives its memory back to the thread.
    // In place, since what is large would be moved for the call.
    #[inline(always)]
    pub fn recycle(mut self) {
        // Handlers' data first: it may hold on to things that the rest gives back.
        self.extensions.clear();
        self.lasting.clear();
        self.computed.get_mut().clear();
        self.uri.clear();
        self.args.clear();
        self.host.clear();
        self.upstreams.clear();
        self.response.reset();
        let mut vars = self.vars.into_inner();
        vars.clear();
        self.worker.give_scratch(Scratch {
            uri: self.uri,
            args: self.args,
            host: self.host,
            vars,
            response: self.response,
            upstreams: self.upstreams,
        });
        self.worker.give_head(self.head);
    }

    /// Counts what came of the body in `$request_length`.
    pub fn count_body(&mut self) {
        let length = self.request_length.get();
        let arrived = self.body.take_arrived();
        self.request_length.set(length.saturating_add(arrived));
    }

    /// The settings of the location.
    pub fn location<'a>(&self, http: &'a Http) -> &'a Location {
        http.location(self.location)
    }

    /// The settings of the server.
    pub fn server<'a>(&self, http: &'a Http) -> &'a Server {
        http.server(self.server)
    }

    /// The first request header field with this name.
    pub fn header(&self, known: Known) -> Option<&[u8]> {
        self.head.get(known)
    }

    /// The name of the method as handlers should see it.
    pub fn method_name(&self) -> &[u8] {
        match self.head.bytes(self.head.method_name) {
            name @ [_, ..] if self.method == self.head.method => name,
            _ => b"GET",
        }
    }

    /// Writes a variable's value; `false` if it has none.
    pub fn variable(&self, id: VarId, out: &mut Vec<u8>) -> bool {
        match self.http.variables.get(id) {
            None => false,
            Some(Definition::Plain(get) | Definition::Settable(get, _)) => get(self, out),
            Some(Definition::Family(get, name)) => get(self, name, out),
            Some(Definition::Slot(compute)) => {
                // The borrow must be over when the value is computed.
                let slot = self.vars.borrow().slot(id);
                match (slot, compute) {
                    (Slot::Value(..), _) => self.vars.borrow().write(id, out),
                    (Slot::Unset, Some(compute)) => self.compute(id, &**compute, out),
                    (Slot::NotFound | Slot::Unset, _) => false,
                }
            }
        }
    }

    fn compute(&self, id: VarId, compute: &dyn Compute, out: &mut Vec<u8>) -> bool {
        if self.vars.borrow().depth >= MAX_DEPTH {
            let name = self.http.variables.name(id);
            crate::log::request(
                self,
                crate::log::Level::Error,
                format_args!(
                    "cycle while evaluating variable \"{}\"",
                    String::from_utf8_lossy(name)
                ),
            );
            return false;
        }
        self.vars.borrow_mut().depth += 1;
        let start = out.len();
        let found = compute.compute(self, out);
        self.vars.borrow_mut().depth -= 1;
        if compute.is_told() {
            self.trace(|| Event::Computed {
                id,
                value: out.get(start..).unwrap_or_default().to_vec(),
            });
        }
        if !compute.volatile() {
            let value = out.get(start..).filter(|_| found);
            self.store(id, value);
        }
        found
    }

    /// Whether a slot variable has been assigned in this request.
    pub fn is_assigned(&self, id: VarId) -> bool {
        matches!(self.vars.borrow().slot(id), Slot::Value(..))
    }

    /// Assigns to a slot variable.
    pub fn set_slot(&self, id: VarId, value: &[u8]) {
        self.store(id, Some(value));
    }

    /// Assigns to any variable that `set` may assign to.
    pub fn assign(&mut self, id: VarId, value: &[u8]) {
        match self.http.variables.get(id) {
            Some(Definition::Settable(_, set)) => set(self, value),
            _ => self.store(id, Some(value)),
        }
    }

    fn store(&self, id: VarId, value: Option<&[u8]>) {
        let mut vars = self.vars.borrow_mut();
        if vars.slots.len() <= id.0 as usize {
            vars.slots.resize(self.http.variables.len(), Slot::Unset);
        }
        let slot = value.map_or(Slot::NotFound, |value| vars.keep(value));
        if let Some(place) = vars.slots.get_mut(id.0 as usize) {
            *place = slot;
        }
    }

    /// Lends an empty buffer of the worker, for a value that is looked at and forgotten.
    pub fn with_scratch<T>(&self, f: impl FnOnce(&Request, &mut Vec<u8>) -> T) -> T {
        let mut buffer = self.worker.take_buffer();
        let result = f(self, &mut buffer);
        self.worker.give_buffer(buffer);
        result
    }

    /// Appends `$1`..`$9`; `false` if the last match has no such group.
    pub fn capture(&self, n: u8, out: &mut Vec<u8>) -> bool {
        self.with_capture(n, |text| out.extend_from_slice(text))
            .is_some()
    }

    /// Looks at `$1`..`$9`; `None` if the last match has no such group.
    pub fn with_capture<T>(&self, n: u8, f: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let vars = self.vars.borrow();
        let &(a, z) = vars.captures.get(usize::from(n))?;
        vars.subject.get(a as usize..z as usize).map(f)
    }

    /// Makes these the captures of the request. A group that took no part has its start behind its end.
    pub fn set_captures(&self, subject: &[u8], spans: &[(u32, u32)]) {
        let mut vars = self.vars.borrow_mut();
        vars.subject.clear();
        vars.subject.extend_from_slice(subject);
        vars.captures.clear();
        vars.captures.extend_from_slice(spans);
    }

    /// Forgets the captures.
    pub fn clear_captures(&self) {
        self.vars.borrow_mut().captures.clear();
    }
}

impl Vars {
    fn slot(&self, id: VarId) -> Slot {
        self.slots.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// Appends a value to the text of all; one that is too much for 32 bits is as good as empty.
    fn keep(&mut self, value: &[u8]) -> Slot {
        let start = self.text.len();
        let end = start.saturating_add(value.len());
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => {
                self.text.extend_from_slice(value);
                Slot::Value(start, end)
            }
            _ => Slot::Value(0, 0),
        }
    }

    fn write(&self, id: VarId, out: &mut Vec<u8>) -> bool {
        let Slot::Value(start, end) = self.slot(id) else {
            return false;
        };
        out.extend_from_slice(
            self.text
                .get(start as usize..end as usize)
                .unwrap_or_default(),
        );
        true
    }

    /// Trades the values, but not the captures, for those of another request.
    pub fn swap_values(&mut self, other: &mut Vars) {
        std::mem::swap(&mut self.slots, &mut other.slots);
        std::mem::swap(&mut self.text, &mut other.text);
    }

    /// A copy of the values, without the captures.
    pub fn clone_values(&self) -> Vars {
        Vars {
            slots: self.slots.clone(),
            text: self.text.clone(),
            ..Vars::default()
        }
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.text.clear();
        self.captures.clear();
        self.subject.clear();
        self.depth = 0;
    }
}
