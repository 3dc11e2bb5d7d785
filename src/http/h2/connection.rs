//! The task of a connection: takes requests in, each of which gets a task of its own, and ends the connection when it
//! is time.

use super::control::{self, Control};
use super::incoming::{Incoming, Limits};
use super::outgoing::Outgoing;
use super::request;
use super::stream::{self, Over, Session};
use super::transport::Transport;
use crate::http::conf::{Held, Http};
use crate::http::connection::Client;
use crate::http::h1::io::Io;
use crate::http::h1::linger::linger;
use crate::http::router;
use crate::http::stats::{self, Doing};
use crate::http::timer::Timer;
use crate::http::worker::Worker;
use crate::log::{self, Level};
use bytes::Bytes;
use h2::Reason;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::JoinSet;

/// Serves HTTP/2 on a connection until it ends. What was read of it stands in `io`, the preface included. `first` is
/// the configuration under which it was accepted.
pub async fn serve(worker: &Rc<Worker>, client: &Rc<Client>, io: &Rc<Io>, first: Option<Held>) {
    let http = first.clone().or_else(|| worker.http());
    let Some(settings) = http.and_then(|http| Settings::of(&http, client)) else {
        return;
    };
    let control = Rc::new(Control::default());
    let over = Rc::new(Over::connection(Rc::clone(&control)));
    if client.h2.set(over).is_err() {
        return;
    }
    if settings.nodelay {
        client.stream.set_nodelay();
    }
    let session = Rc::new(Session {
        worker: Rc::clone(worker),
        client: Rc::clone(client),
        control: Rc::clone(&control),
        first: Cell::new(first),
    });
    // The timer of the head's first bytes has done its work.
    io.read_within(Duration::MAX);
    let mut streams = JoinSet::new();
    run(&session, io, &settings, &mut streams).await;
    // Requests see that their connection is gone, and are logged. For the h2 crate a stream whose last frame it has been
    // given has ended, and it tells nothing more of it.
    control.lose();
    while streams.join_next().await.is_some() {}
    log::flush_thread();
    let (time, timeout) = match control.excess() {
        None => settings.linger,
        Some(_) => (settings.linger.0.min(BRIEF), settings.linger.1.min(BRIEF)),
    };
    if !io.eof.get() && !time.is_zero() {
        linger(io, time, timeout).await;
    }
}

/// How long to wait until a client that went too far has taken note.
const BRIEF: Duration = Duration::from_secs(2);
/// How many streams that the client resets before they are looked at make it go too far.
const MOST_RESET_UNSEEN: usize = 64;
/// How many streams the server may reset for being malformed.
const MOST_MALFORMED: usize = 256;
/// At least so many bytes of a response wait in memory while the client takes none.
const SEND_BUFFER: usize = 64 * 1024;
/// Bytes of a head that are at least let through to be judged, so that the connection outlives a slip.
const LEAST_HEAD: usize = 256 * 1024;

/// The settings that hold for the whole connection.
struct Settings {
    limits: Limits,
    preread: u32,
    read_size: usize,
    send_buffer: usize,
    send_timeout: Duration,
    header_timeout: Duration,
    keepalive_timeout: Duration,
    linger: (Duration, Duration),
    nodelay: bool,
}

impl Settings {
    fn of(http: &Http, client: &Client) -> Option<Settings> {
        let server = http.server(router::default_server(http, client)?);
        let location = http.location(server.location);
        let (core, http2) = (&location.core, &location.conf.http2);
        let (number, size) = server.core.large_client_header_buffers;
        Some(Settings {
            limits: Limits {
                streams: http2.max_concurrent_streams,
                preread: http2.body_preread_size,
                head: number.saturating_mul(size),
                field: size,
                requests: core.keepalive_requests,
                time: core.keepalive_time,
                keep: !core.keepalive_timeout.is_zero(),
                started_ms: client.started_ms,
            },
            preread: http2.body_preread_size,
            read_size: http2.recv_buffer_size,
            send_buffer: SEND_BUFFER.max(http2.chunk_size.saturating_mul(2)),
            send_timeout: core.send_timeout,
            header_timeout: server.core.client_header_timeout,
            keepalive_timeout: core.keepalive_timeout,
            linger: match core.lingering_close {
                crate::http::core::location::LingeringClose::Off => {
                    (Duration::ZERO, Duration::ZERO)
                }
                _ => (core.lingering_time, core.lingering_timeout),
            },
            nodelay: core.tcp_nodelay,
        })
    }

    /// What the h2 crate is to say to the client, and where it is to stop.
    fn builder(&self) -> h2::server::Builder {
        let mut builder = h2::server::Builder::new();
        let list = self.limits.head.max(LEAST_HEAD).min(u32::MAX as usize / 8);
        // No connection-wide limit on bodies beyond what all streams may send together.
        let window = u64::from(self.limits.streams).saturating_mul(u64::from(self.preread));
        let window = u32::try_from(window).unwrap_or(u32::MAX);
        builder
            .initial_window_size(self.preread)
            .initial_connection_window_size(window.clamp(1 << 20, super::conf::MAX_WINDOW))
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(list as u32)
            .max_send_buffer_size(self.send_buffer.min(u32::MAX as usize))
            .max_pending_accept_reset_streams(MOST_RESET_UNSEEN)
            .max_local_error_reset_streams(Some(MOST_MALFORMED));
        builder
    }
}

type Connection = h2::server::Connection<Transport, Bytes>;

async fn run(session: &Rc<Session>, io: &Rc<Io>, settings: &Settings, streams: &mut JoinSet<()>) {
    let (worker, control) = (&session.worker, &session.control);
    let transport = Transport::new(
        Rc::clone(worker),
        Rc::clone(io),
        Rc::clone(control),
        Incoming::new(Rc::clone(control), settings.limits),
        Outgoing::new(Rc::clone(control), settings.limits.streams),
        settings.read_size,
        settings.send_timeout,
    );
    let mut handshake = std::pin::pin!(settings.builder().handshake::<_, Bytes>(transport));
    let timer = Timer::default();
    timer.set(settings.header_timeout);
    let shaken = std::future::poll_fn(|cx| {
        control.register(cx);
        if let Poll::Ready(done) = handshake.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        timer.poll(cx).map(|()| None)
    });
    let connection = match shaken.await {
        Some(Ok(connection)) => connection,
        Some(Err(error)) if error.is_go_away() => return refuse(session, io).await,
        _ => return,
    };
    let mut running = Running {
        session,
        settings,
        connection,
        streams,
        timer,
        idle: None,
        in_head: false,
        stopping: false,
    };
    std::future::poll_fn(|cx| running.poll(cx)).await;
}

/// What the client has begun with is not the preface.
async fn refuse(session: &Session, io: &Io) {
    let message = format_args!("invalid connection preface while processing HTTP/2 connection");
    session.log(Level::Info, message);
    // If that does not reach the client, the end of the connection does.
    let _ = io
        .write_all(&control::goaway(0, Reason::PROTOCOL_ERROR.into()))
        .await;
}

struct Running<'a> {
    session: &'a Rc<Session>,
    settings: &'a Settings,
    connection: Connection,
    streams: &'a mut JoinSet<()>,
    timer: Timer,
    /// Set while the timer runs, since no request is being served.
    idle: Option<stats::In>,
    /// Whether a head has begun to come that is not complete.
    in_head: bool,
    /// Whether the connection is to end as soon as what was said is sent.
    stopping: bool,
}

impl Running<'_> {
    /// Ready when the connection has come to its end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let control = &self.session.control;
        control.register(cx);
        if let Some(what) = control.excess()
            && !self.stopping
        {
            self.stop(Reason::ENHANCE_YOUR_CALM, what);
        }
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, mut respond)))) => {
                    self.end_idle();
                    let number = respond.stream_id().as_u32();
                    // The crate knows no more than that there is a request.
                    let body = request.into_body();
                    let Some(asked) = control.asked(number) else {
                        respond.send_reset(Reason::INTERNAL_ERROR);
                        continue;
                    };
                    if !body.is_end_stream() {
                        control.announce(number, request::length(&asked.head));
                    }
                    let session = Rc::clone(self.session);
                    self.streams
                        .spawn_local(stream::serve(session, asked, body, respond));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.say_malformed();
                    self.say_why(&error);
                    return Poll::Ready(());
                }
                Poll::Ready(None) => {
                    self.say_cut();
                    return Poll::Ready(());
                }
                // What was held back until a request was taken in goes on.
                Poll::Pending if control.resume() => {}
                Poll::Pending => break,
            }
        }
        self.say_malformed();
        while let Poll::Ready(Some(_)) = self.streams.poll_join_next(cx) {}
        if self.stopping || !self.streams.is_empty() {
            return Poll::Pending;
        }
        if control.is_ending() && control.extra().borrow().is_empty() {
            return Poll::Ready(());
        }
        self.poll_idle(cx)
    }

    /// No request is being served: the next one has to come in time.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let control = &self.session.control;
        let first = control.requests() == 0;
        let incomplete = control.incomplete.get();
        let heard = control.heard.replace(false);
        let begins = incomplete && !self.in_head;
        self.in_head = incomplete;
        let goes_on = heard && !incomplete && !control.is_ending();
        if self.idle.is_none() || begins || goes_on {
            let time = match first || incomplete {
                true => self.settings.header_timeout,
                false => self.settings.keepalive_timeout,
            };
            self.timer.set(time);
        }
        if self.idle.is_none() {
            self.idle = Some(stats::enter(Doing::Waiting));
            let worker = &self.session.worker;
            worker.connections.begin_wait(&self.session.client);
        }
        ready!(self.timer.poll(cx));
        if control.is_ending() {
            // Not even that it is over can be said to this client.
            return Poll::Ready(());
        }
        self.timer.set(self.settings.send_timeout);
        if control.incomplete.get() {
            self.stop(
                Reason::PROTOCOL_ERROR,
                "client timed out (110: Connection timed out)",
            );
        } else {
            control.end();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Streams that came to nothing leave no line in a log but this.
    fn say_malformed(&self) {
        for stream in self.session.control.take_malformed() {
            let message = format_args!(
                "client sent HEADERS frame for stream {stream} with incorrect dependency while processing HTTP/2 connection"
            );
            self.session.log(Level::Info, message);
        }
    }

    /// Says that the client is gone which had more to send.
    fn say_cut(&self) {
        let control = &self.session.control;
        if !self.stopping && !control.is_ending() && control.has_open_bodies() {
            let message = format_args!(
                "client prematurely closed connection while processing HTTP/2 connection"
            );
            self.session.log(Level::Info, message);
        }
    }

    /// Says what the client did against the protocol, if that ends the connection.
    fn say_why(&self, error: &h2::Error) {
        if error.is_library()
            && error.is_go_away()
            && let Some(reason) = error.reason()
        {
            let message = format_args!("client violated HTTP/2: {reason}");
            self.session.log(Level::Info, message);
        }
    }

    fn end_idle(&mut self) {
        if self.idle.take().is_some() {
            self.session
                .worker
                .connections
                .end_wait(&self.session.client);
        }
    }

    fn stop(&mut self, reason: Reason, why: &str) {
        self.stopping = true;
        self.session.log(Level::Info, format_args!("{why}"));
        self.connection.abrupt_shutdown(reason);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end_idle();
    }
}
