//! One stream: from its request to the line in the log.

use super::body::Reader;
use super::control::{Announced, Asked, Control, Counted};
use super::request::{self, Wrong};
use super::response;
use super::send::{self, Sent};
use crate::http::body_in::BodySource;
use crate::http::conf::{Held, ServerId};
use crate::http::connection::Client;
use crate::http::core;
use crate::http::explain;
use crate::http::h1::framing::content_length;
use crate::http::head::{Known, Method};
use crate::http::modules;
use crate::http::modules::static_files::Moment;
use crate::http::phase::{self, Start};
use crate::http::request::Request;
use crate::http::router;
use crate::http::stats::{self, Doing};
use crate::http::upstream;
use crate::http::worker::Worker;
use crate::log::{self, Level};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use std::cell::{Cell, RefCell};
use std::fmt::Arguments;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What all streams of a connection share.
pub struct Session {
    /// The thread.
    pub worker: Rc<Worker>,
    /// The client, as a connection.
    pub client: Rc<Client>,
    /// What tasks of the connection tell each other.
    pub control: Rc<Control>,
    /// The configuration of the accept, for the first request.
    pub first: Cell<Option<Held>>,
}

impl Session {
    /// Logs something about the connection.
    pub fn log(&self, level: Level, message: Arguments<'_>) {
        let Some(http) = self.worker.http() else {
            return;
        };
        let Some(server) = router::default_server(&http, &self.client) else {
            return;
        };
        let location = http.location(http.server(server).location);
        if let Some(listen) = &self.client.bound {
            log::connection(&location.error_log, &self.client, &**listen, level, message);
        }
    }

    /// The configuration in force, and the server that the connection's address leads to.
    fn server(&self) -> Option<(Held, ServerId)> {
        let of = |http: Option<Held>| {
            let http = http?;
            let server = router::default_server(&http, &self.client)?;
            Some((http, server))
        };
        let first = self.first.take();
        of(self.worker.http()).or_else(|| of(first))
    }
}

/// What a request that came over HTTP/2 can say to its stream.
pub struct Over {
    /// The connection.
    pub control: Rc<Control>,
    /// The stream, as long as its response has not begun; nothing for the connection itself.
    respond: RefCell<Option<SendResponse<Bytes>>>,
}

impl Over {
    /// A connection.
    pub fn connection(control: Rc<Control>) -> Self {
        Over {
            control,
            respond: RefCell::new(None),
        }
    }

    /// Sends an interim answer (status 1xx) with these fields, which the response follows.
    pub fn send_interim<'a>(
        &self,
        status: u16,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        if let Some(respond) = &mut *self.respond.borrow_mut() {
            // If it cannot be sent, neither can what follows, which finds out why.
            let _ = respond.send_informational(response::interim(status, fields));
        }
    }

    /// Ready when the client does not want an answer any more.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<Gone> {
        let mut respond = self.respond.borrow_mut();
        let Some(respond) = &mut *respond else {
            return Poll::Pending;
        };
        let stream = respond.stream_id().as_u32();
        let reset = respond.poll_reset(cx);
        reset.map(|reason| Gone {
            stream,
            reason: reason.ok(),
        })
    }

    /// Takes the stream, to send the response.
    pub fn take(&self) -> Option<SendResponse<Bytes>> {
        self.respond.borrow_mut().take()
    }
}

/// How a client went away, in nginx's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// The stream.
    pub stream: u32,
    /// Why the client has reset it; nothing if the connection is gone.
    pub reason: Option<Reason>,
}

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stream = self.stream;
        match self.reason {
            None => write!(f, "client prematurely closed connection"),
            Some(Reason::CANCEL) => write!(f, "client canceled stream {stream}"),
            Some(Reason::INTERNAL_ERROR) => {
                write!(f, "client terminated stream {stream} due to internal error")
            }
            Some(reason) => {
                let status = u32::from(reason);
                write!(f, "client terminated stream {stream} with status {status}")
            }
        }
    }
}

/// Serves the request of a stream.
pub async fn serve(
    session: Rc<Session>,
    asked: Asked,
    body: RecvStream,
    mut respond: SendResponse<Bytes>,
) {
    let control = &session.control;
    let number = respond.stream_id().as_u32();
    let account = Account {
        control: Rc::clone(control),
        number,
        sent: control.count(number),
    };
    let Some((http, default)) = session.server().filter(|_| !control.was_early(number)) else {
        respond.send_reset(Reason::REFUSED_STREAM);
        return;
    };
    let count = session.client.requests.get().saturating_add(1);
    session.client.requests.set(count);
    stats::request();
    let _doing = stats::enter(Doing::Writing);
    let over = Rc::new(Over {
        control: Rc::clone(control),
        respond: RefCell::new(Some(respond)),
    });
    let client = Rc::new(Client {
        requests: Cell::new(count),
        asked: Cell::new(Moment::NEVER),
        watch: Cell::new(false),
        h2: Rc::clone(&over).into(),
        ..Client::clone(&session.client)
    });
    let mut head = session.worker.take_head();
    let built = match Rc::get_mut(&mut head) {
        Some(head) => request::build(head, &asked.head, &http, &client, default),
        None => return,
    };
    let req = Request::new(&session.worker, http, &client, Rc::clone(&head), default);
    drop(head);
    let mut log = Log {
        account: &account,
        req: Some(req),
    };
    let Some(req) = &mut log.req else { return };
    req.keepalive = true;
    req.request_length.set(u64::from(asked.length));
    let exchange = Exchange {
        over,
        account: &account,
    };
    let announced = control.announced(number);
    for name in &req.head.dropped {
        let name = log::Raw(req.head.bytes(*name));
        let sentence = format_args!(
            "client sent invalid header: \"{name}\" while reading client request headers"
        );
        log::request(req, Level::Info, sentence);
    }
    let prepared = built.and_then(|()| prepare(req, body, announced));
    let answered = match prepared {
        Ok(()) => exchange.run(req).await,
        Err(Wrong::NoServer) => {
            req.response.no_answer = true;
            req.response.status = 500;
            exchange.answer(req).await
        }
        Err(Wrong::Request { status, sentence }) => {
            // Logs and error pages know path and host, whatever else is wrong.
            if req.uri.is_empty() && request::locate(req).is_err() && req.uri.is_empty() {
                let _ = request::take_path(req);
            }
            let shown = log::Raw(&sentence);
            let fault = explain::Fault::now(req, explain::Wrong::Refused(status));
            let shown = format_args!("{shown} while reading client request headers");
            explain::client(req, Level::Info, shown, fault);
            phase::refuse(req, status).await;
            exchange.answer(req).await
        }
    };
    req.completed.set(answered && !req.response.close);
    let answers = control.answered.get();
    control
        .answered
        .set(answers.saturating_add(u32::from(answered)));
    if req.location(&req.http).core.post_action.is_some() {
        Box::pin(core::post_action::run(req)).await;
    }
}

/// What the connection knows of a stream, as long as it is served.
struct Account {
    control: Rc<Control>,
    number: u32,
    sent: Counted,
}

impl Drop for Account {
    fn drop(&mut self) {
        self.control.forget(self.number);
    }
}

/// A request that is logged however it ends, be it that its connection is cut.
struct Log<'a> {
    account: &'a Account,
    req: Option<Request>,
}

impl Drop for Log<'_> {
    fn drop(&mut self) {
        let Some(mut req) = self.req.take() else {
            return;
        };
        if req.response.status == 0 {
            req.response.status = 499;
        }
        let sent = &self.account.sent;
        let (all, head) = (sent.bytes.get(), sent.head.get());
        req.bytes_sent.set(all);
        req.body_bytes_sent.set(all.saturating_sub(head));
        upstream::report(&req);
        modules::log::access(&req);
        req.recycle();
    }
}

/// What follows from the head: path, host, server, and what kind of body is to come.
fn prepare(
    req: &mut Request,
    body: RecvStream,
    announced: Option<Rc<Announced>>,
) -> Result<(), Wrong> {
    request::locate(req)?;
    let head = Rc::clone(&req.head);
    if let Some(text) = head.get(Known::ContentLength) {
        let length = content_length(text);
        let length =
            length.ok_or_else(|| Wrong::bad("client sent invalid \"Content-Length\" header"))?;
        req.body.length = Some(length);
        if length > 0 && body.is_end_stream() {
            return Err(Wrong::bad("client prematurely closed stream"));
        }
    }
    match head.method {
        Method::Connect => return Err(Wrong::status(405, "client sent CONNECT method")),
        Method::Trace => return Err(Wrong::status(405, "client sent TRACE method")),
        _ => {}
    }
    if let Some((status, sentence)) = modules::ssl::refusal(req) {
        return Err(Wrong::status(status, &sentence));
    }
    if body.is_end_stream() {
        req.body.complete = true;
        return Ok(());
    }
    req.body.chunked = req.body.length.is_none();
    let core = &req.location(&req.http).core;
    let (timeout, piece) = (core.client_body_timeout, core.client_body_buffer_size);
    let reader = Reader::new(body, announced, timeout, piece);
    req.body.source = Some(BodySource::H2(Box::new(reader)));
    Ok(())
}

/// The stream of a request on its way to an answer.
struct Exchange<'a> {
    over: Rc<Over>,
    account: &'a Account,
}

impl Exchange<'_> {
    /// Takes a request through the phases and sends its answer; whether all of it was sent.
    async fn run(&self, req: &mut Request) -> bool {
        let client = Rc::clone(&req.client);
        let phases = phase::run(req, Start::ServerRewrite);
        let gone = {
            let mut phases = pin!(phases);
            std::future::poll_fn(|cx| {
                if phases.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                match client.watch.get() {
                    true => self.over.poll_gone(cx).map(Some),
                    false => Poll::Pending,
                }
            })
            .await
        };
        if let Some(gone) = gone {
            let message = format_args!("{gone}");
            let fault = explain::Fault::now(req, explain::Wrong::ClosedWhileWaiting);
            explain::client(req, Level::Info, message, fault);
            req.response.status = 499;
            return false;
        }
        self.answer(req).await
    }

    async fn answer(&self, req: &mut Request) -> bool {
        let Some(mut respond) = self.over.take() else {
            return false;
        };
        if req.response.no_answer {
            respond.send_reset(match req.response.status {
                408 | 444 => Reason::PROTOCOL_ERROR,
                _ => Reason::INTERNAL_ERROR,
            });
            return false;
        }
        match send::response(req, respond, &self.account.sent).await {
            Sent::Whole => true,
            Sent::Broken => false,
        }
    }
}
