//! One request and its answer.

use super::bad::{Bad, dropped_sentence};
use super::body::Reader;
use super::framing::BodyLength;
use super::idle;
use super::io::{Io, IoError};
use super::keep::{keep_or_not, set_keepalive, stops};
use super::parse::{self, Limits, NameRules, Outcome};
use super::send::{self, Sent};
use crate::clock;
use crate::http::body_in::{BodyError, BodySource};
use crate::http::conf::{Held, ServerId};
use crate::http::connection::Client;
use crate::http::core::location::LingeringClose;
use crate::http::core::server::ServerConf;
use crate::http::explain::{self, Fault, Wrong};
use crate::http::head::{Head, Known, Version};
use crate::http::modules::static_files::Moment;
use crate::http::phase::{self, Start};
use crate::http::request::Request;
use crate::http::router::NoServer;
use crate::http::stats::{self, Doing};
use crate::http::turn::behind_the_others;
use crate::http::upstream::failure::System;
use crate::http::worker::Worker;
use crate::http::{Http, host, modules, router, uri};
use crate::log::{self, ErrorLogs, Level};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// What becomes of the connection.
pub enum Next {
    /// It is kept.
    Keep {
        /// How long the next request may take to come.
        timeout: Duration,
        /// For so long of that even a stopping server waits for it (`keepalive_min_timeout`).
        least: Duration,
        /// The logs that are told if it does not come.
        logs: Option<Box<ErrorLogs>>,
    },
    /// It is closed when the client has had time to read the answer.
    Linger {
        /// `lingering_time`
        time: Duration,
        /// `lingering_timeout`
        timeout: Duration,
    },
    /// It is closed at once.
    Close,
}

/// How the reading of a head ended.
enum HeadRead {
    Done,
    Bad(Bad),
    /// The connection ended, before the first byte or within the head.
    End {
        started: bool,
    },
    TimedOut,
}

/// Reads the rest of a request whose first bytes are in `shared`, answers it, logs it. `first` is the configuration
/// under which the connection was accepted, if this is its first request.
pub async fn one(
    worker: &Rc<Worker>,
    client: &Rc<Client>,
    io: &Rc<Io>,
    mut shared: Rc<Head>,
    first: Option<Held>,
) -> Next {
    // A connection that was kept while a reload took its address away ends here.
    let Some((http, default)) = server(worker.http(), client).or_else(|| server(first, client))
    else {
        return Next::Close;
    };
    let pipelined = io.pipelined.get();
    let Some(head) = Rc::get_mut(&mut shared) else {
        return Next::Close;
    };
    let mut doing = stats::enter(Doing::Waiting);
    let read = read_head(head, &http, client, default, io, pipelined, &mut doing).await;
    let started = match read {
        HeadRead::End { started } => started,
        _ => true,
    };
    if !started {
        worker.give_head(shared);
        return Next::Close;
    }
    doing.turn_to(Doing::Writing);
    if let Some(rest) = head.buf.get(head.len as usize..).filter(|r| !r.is_empty())
        && matches!(read, HeadRead::Done)
    {
        io.unread(rest);
        let len = head.len as usize;
        head.buf.truncate(len);
    }
    client.requests.set(client.requests.get() + 1);
    stats::request();
    let mut req = Request::new(worker, http, client, Rc::clone(&shared), default);
    drop(shared);
    req.pipelined = pipelined;
    req.request_length
        .set(u64::from(req.head.len).max(req.head.buf.len() as u64));
    let doing = reading(&req, !parse::has_line(&req.head));
    let next = match read {
        HeadRead::Done => {
            let next = serve(&mut req, io).await;
            if req.location(&req.http).core.post_action.is_some() {
                Box::pin(crate::http::core::post_action::run(&mut req)).await;
            }
            next
        }
        HeadRead::Bad(bad) => {
            req.request_length.set(parse::taken(&req.head));
            // Logs and error pages know what came before the mistake.
            let bad = match parse::has_line(&req.head) {
                true => locate(&mut req).err().unwrap_or(bad),
                false => {
                    req.bad_target = true;
                    bad
                }
            };
            if reads_fields(bad) {
                tell_of_dropped(&req);
            }
            // Here and below in a box of its own: what is seldom needed makes no request larger.
            Box::pin(refuse(&mut req, io, bad)).await
        }
        HeadRead::End { .. } => {
            take_stock(&mut req);
            explain::client(
                &req,
                Level::Info,
                format_args!("client prematurely closed connection while {doing}"),
                Fault::now(&req, Wrong::ClosedWhileSending),
            );
            give_up(&mut req, 400)
        }
        HeadRead::TimedOut => {
            take_stock(&mut req);
            explain::client(
                &req,
                Level::Info,
                format_args!("client timed out (110: Connection timed out) while {doing}"),
                Fault::late_head(&req),
            );
            timed_out(&req);
            give_up(&mut req, 408)
        }
    };
    count_interim(&req, io);
    crate::http::upstream::report(&req);
    modules::log::access(&req);
    req.recycle();
    next
}

/// What logs tell of a head whose end does not come: the lines that are there.
fn take_stock(req: &mut Request) {
    req.request_length.set(parse::taken(&req.head));
    if parse::has_line(&req.head) {
        let _ = locate(req);
        tell_of_dropped(req);
    }
}

/// A configuration with the server in it that the connection's address leads to.
fn server(http: Option<Held>, client: &Client) -> Option<(Held, ServerId)> {
    let http = http?;
    let server = router::default_server(&http, client)?;
    Some((http, server))
}

/// Interim answers count among the bytes that were sent, and as body: for nginx that is all but the final head.
fn count_interim(req: &Request, io: &Io) {
    let interim = io.interim.take();
    req.bytes_sent.set(req.bytes_sent.get() + interim);
    req.body_bytes_sent.set(req.body_bytes_sent.get() + interim);
}

/// Reads what there is of a head, without waiting.
///
/// # Errors
/// `WouldBlock` if nothing has arrived.
pub fn first_bytes(io: &Io, head: &mut Head) -> std::io::Result<usize> {
    head.buf.reserve(FIRST_READ);
    io.try_read(&mut head.buf)
}

/// Room for the first read: nginx's client_header_buffer_size, which most heads fit in.
const FIRST_READ: usize = 1024;

/// What the log is told of a client that does not wait for its answer.
const GONE: &str = "client prematurely closed connection";

async fn read_head(
    head: &mut Head,
    http: &Arc<Http>,
    client: &Client,
    server: ServerId,
    io: &Io,
    pipelined: bool,
    doing: &mut stats::In,
) -> HeadRead {
    let core = &http.server(server).core;
    let limits = limits(core);
    let most = limits
        .large_buffers
        .0
        .saturating_mul(limits.large_buffers.1)
        .saturating_add(limits.header_buffer);
    doing.turn_to(Doing::Reading);
    let mut timed = false;
    let names = |head: &Head| name_rules(http, client, server, head);
    loop {
        match parse::parse(head, &limits, &names) {
            Outcome::Done => return HeadRead::Done,
            Outcome::Bad(bad) => return HeadRead::Bad(bad),
            Outcome::Partial => {}
        }
        if !timed {
            // The time for a head counts in total: a client that sends a byte a minute gains nothing.
            io.read_within(core.client_header_timeout);
            timed = true;
        }
        if head.buf.capacity() - head.buf.len() == 0 {
            let more = head.buf.len().min(most).max(1024);
            head.buf.reserve_exact(more);
        }
        match io.read(&mut head.buf).await {
            // Something has arrived, be it an empty line that is not kept.
            Ok(0) => return HeadRead::End { started: true },
            Err(IoError::Broken(_)) => {
                return HeadRead::End {
                    started: !pipelined,
                };
            }
            Err(IoError::TimedOut) => return HeadRead::TimedOut,
            Ok(_) => {}
        }
    }
}

/// How large a head may be.
pub(in crate::http) fn limits(core: &ServerConf) -> Limits {
    Limits {
        header_buffer: core.client_header_buffer_size,
        large_buffers: core.large_client_header_buffers,
        max_headers: core.max_headers,
    }
}

/// Once the Host field is there its server decides about the names that follow, as in nginx.
pub(in crate::http) fn name_rules(
    http: &Http,
    client: &Client,
    server: ServerId,
    head: &Head,
) -> NameRules {
    let core = &http
        .server(named_server(http, client, head).unwrap_or(server))
        .core;
    NameRules {
        ignore_invalid: core.ignore_invalid_headers,
        underscores: core.underscores_in_headers,
    }
}

/// The server that the Host field of an unfinished head names.
fn named_server(http: &Http, client: &Client, head: &Head) -> Option<ServerId> {
    let mut name = Vec::new();
    host::of_request(head, &mut name).ok()?;
    router::virtual_server(http, client, &name)
}

/// Takes a request whose head is complete through the phases.
async fn serve(req: &mut Request, io: &Rc<Io>) -> Next {
    let prepared = prepare(req, io);
    if prepared.is_ok() || prepared.as_ref().is_err_and(|bad| reads_fields(*bad)) {
        tell_of_dropped(req);
    }
    match prepared {
        Ok(()) => {}
        Err(bad) => return Box::pin(refuse(req, io, bad)).await,
    }
    if let Some((status, sentence)) = modules::ssl::refusal(req) {
        let fault = Fault::now(req, Wrong::Refused(status));
        let sentence = format_args!("{sentence} while {}", reading(req, false));
        explain::client(req, Level::Info, sentence, fault);
        req.keepalive = false;
        Box::pin(phase::refuse(req, status)).await;
        req.keepalive = false;
        return answer(req, io, true).await;
    }
    req.client.asked.set(req.worker.files.moment());
    if req.worker.files.expects_crowd() {
        // Others whose requests have arrived get read first: one look at a file serves all of them.
        behind_the_others().await;
    }
    let answered = run(req, Start::ServerRewrite).await;
    req.client.asked.set(Moment::NEVER);
    if let Err(error) = answered {
        let error = error.map_or_else(String::new, |error| format!(" {}", System(error)));
        let upstream = req.upstreams.last();
        let sentence = upstream
            .and_then(|upstream| upstream.client_has_left(&error))
            .unwrap_or_else(|| format!("{GONE}{error}"));
        let sentence = format_args!("{sentence}");
        let fault = Fault::now(req, Wrong::ClosedWhileWaiting);
        explain::client(req, Level::Info, sentence, fault);
        return give_up(req, 499);
    }
    if broken_body_is_at_hand(req) {
        explain::invalid_chunks(req, "");
        // Where it ends cannot be known.
        req.body.source = None;
        // An error that has nginx's own page stays the answer.
        if !req.response.internal_error_page {
            req.response.reset();
            Box::pin(phase::refuse(req, 400)).await;
        }
        req.keepalive = false;
        return answer(req, io, true).await;
    }
    answer(req, io, false).await
}

/// Whether a body that no handler wanted is wrong as far as it came along with the head. What comes later of it is
/// only looked at to find its end.
fn broken_body_is_at_hand(req: &mut Request) -> bool {
    if req.response.no_answer {
        return false;
    }
    match &mut req.body.source {
        Some(BodySource::H1(reader)) => reader.is_broken(),
        _ => false,
    }
}

/// The path, the host and with it the server.
pub(in crate::http) fn locate(req: &mut Request) -> Result<(), Bad> {
    let head = Rc::clone(&req.head);
    let http = Rc::clone(&req.http);
    let core = &http.server(req.server).core;
    // The path before the host: what nginx complains about first.
    let parsed = uri::normalise(
        head.bytes(head.path_query),
        core.merge_slashes,
        &mut req.uri,
    );
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(_) => {
            // Half of a path means nothing: the log shows none. nginx judges the path before it reads the fields,
            // so that logs and error pages know nothing of them.
            req.uri.clear();
            req.bad_target = true;
            req.request_length.set(line_length(&head));
            drop(head);
            if let Some(head) = Rc::get_mut(&mut req.head) {
                head.forget_fields();
            }
            return Err(Bad::Request);
        }
    };
    req.args
        .extend_from_slice(parsed.query_of(head.bytes(head.path_query)));
    req.unparsed_uri_valid = !parsed.empty_path;
    match host::of_request(&head, &mut req.host) {
        Ok(port) => req.host_port = port.unwrap_or(0),
        Err(bad) => {
            // nginx judges a host where it reads it, and never gets to the fields behind it.
            if bad == Bad::HostInLine {
                req.request_length.set(line_length(&head));
            }
            drop(head);
            if let Some(head) = Rc::get_mut(&mut req.head) {
                match bad {
                    Bad::HostInLine => head.forget_fields(),
                    _ => {
                        let read = head.forget_fields_behind(Known::Host);
                        req.request_length.set(read as u64);
                    }
                }
            }
            if bad == Bad::Host && req.head.authority.is_some() {
                // The host of the target has decided about the server before.
                let _ = router::set_virtual_server(req);
            }
            return Err(bad);
        }
    }
    router::set_virtual_server(req).map_err(|why| match why {
        NoServer::Failed => Bad::NoServer,
        NoServer::Misdirected => {
            // The request is not that host's: logs and error pages know the server that was negotiated.
            req.host.clear();
            req.host_port = 0;
            Bad::Misdirected
        }
    })
}

/// The bytes of the request line with its end: all that nginx has read of a head when it judges the target.
fn line_length(head: &Head) -> u64 {
    let end = head.line.end as usize;
    let rest = head.buf.get(end..).unwrap_or_default();
    let feed = memchr::memchr(b'\n', rest).map_or(0, |at| at.saturating_add(1));
    end.saturating_add(feed) as u64
}

/// What follows from the head alone: path, host, server, framing, whether the connection is kept.
fn prepare(req: &mut Request, io: &Rc<Io>) -> Result<(), Bad> {
    locate(req)?;
    let head = Rc::clone(&req.head);
    let http = Rc::clone(&req.http);
    let length = parse::framing(&head)?;
    set_keepalive(req);
    let location = &http.location(req.location).core;
    let (timeout, piece) = (
        location.client_body_timeout,
        location.client_body_buffer_size,
    );
    let expects = head.version >= Version::Http11
        && head
            .get(Known::Expect)
            .is_some_and(|v| v.eq_ignore_ascii_case(b"100-continue"));
    let reader = match length {
        // Even without a body there may be somebody who waits for the interim answer.
        BodyLength::None => expects.then(|| Reader::with_length(Rc::clone(io), 0, timeout, piece)),
        BodyLength::Length(n) => {
            req.body.length = Some(n);
            (n > 0 || expects).then(|| Reader::with_length(Rc::clone(io), n, timeout, piece))
        }
        BodyLength::Chunked => {
            req.body.chunked = true;
            Some(Reader::chunked(Rc::clone(io), timeout, piece))
        }
    };
    if let Some(mut reader) = reader {
        if expects {
            reader.expect_continue();
        }
        req.body.source = Some(BodySource::H1(reader));
    } else {
        req.body.complete = true;
    }
    Ok(())
}

/// Runs the phases, unless the client goes away while a handler that watches it is waiting.
///
/// # Errors
/// It has; the system's number for what broke its connection.
async fn run(req: &mut Request, start: Start) -> Result<(), Option<i32>> {
    let client = Rc::clone(&req.client);
    client.watch.set(false);
    let mut phases = pin!(phase::run(req, start));
    std::future::poll_fn(|cx| {
        if phases.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // From now on files may change for the sake of this request.
        client.asked.set(Moment::NEVER);
        match client.watch.get() {
            true => client.stream.poll_gone(cx).map(Err),
            false => Poll::Pending,
        }
    })
    .await
}

/// Whether nginx has come as far as to the fields when it meets this mistake.
fn reads_fields(bad: Bad) -> bool {
    !bad.is_in_line() && bad != Bad::Host
}

/// Tells the log of lines that are none of a header field and were overlooked (`ignore_invalid_headers`).
fn tell_of_dropped(req: &Request) {
    for line in &req.head.dropped {
        let mut sentence = Vec::new();
        dropped_sentence(&req.head, *line, &mut sentence);
        let (sentence, doing) = (log::Raw(&sentence), reading(req, false));
        log::request(req, Level::Info, format_args!("{sentence} while {doing}"));
    }
}

/// What nginx calls the reading of a head.
fn reading(req: &Request, in_line: bool) -> &'static str {
    match (in_line, req.pipelined) {
        (true, false) => "reading client request line",
        (true, true) => "reading client pipelined request line",
        (false, _) => "reading client request headers",
    }
}

async fn refuse(req: &mut Request, io: &Rc<Io>, bad: Bad) -> Next {
    if bad == Bad::NoServer {
        return give_up(req, bad.status());
    }
    let mut sentence = Vec::new();
    bad.sentence(&req.head, &mut sentence);
    let doing = reading(req, bad.is_in_line());
    explain::client(
        req,
        Level::Info,
        format_args!("{} while {doing}", log::Raw(&sentence)),
        Fault::of_head(req, bad),
    );
    req.keepalive = false;
    req.body.source = None;
    phase::refuse(req, bad.status()).await;
    req.keepalive = false;
    answer(req, io, true).await
}

/// Sends the response, then decides about the connection. `refused`: the client may be sending more than was read.
async fn answer(req: &mut Request, io: &Rc<Io>, refused: bool) -> Next {
    if req.response.no_answer {
        if matches!(req.response.status, 408 | 444) {
            timed_out(req);
        }
        return Next::Close;
    }
    keep_or_not(req);
    req.body.take_back();
    if req.keepalive {
        discard_ready(req).await;
    }
    let http = Rc::clone(&req.http);
    let closes = closes_at_once(req, io, refused);
    let sent = send::response(req, io, closes).await;
    req.body.take_back();
    req.count_body();
    match sent {
        Sent::Whole => req.completed.set(!req.response.close),
        Sent::TimedOut => {
            timed_out(req);
            return Next::Close;
        }
        Sent::Cut => {
            // For nginx a request is complete, short as its answer is, unless the upstream has sent nonsense.
            let short = req.upstreams.last().is_some_and(|u| u.is_short());
            req.completed.set(short);
            return Next::Close;
        }
        Sent::Broken => return Next::Close,
        Sent::Upgraded => return Next::Close,
    }
    let location = &http.location(req.location).core;
    let mut unread = false;
    if let Some(BodySource::H1(mut reader)) = req.body.source.take() {
        // The next request must not begin inside this body; and the end of the connection waits for the end of the
        // body, as in nginx.
        reader.discard(location.lingering_timeout);
        unread = !drain(&mut reader, location.lingering_time).await;
        if !unread && reader.unpacked().is_some() {
            // Nothing is left of it: so it counts.
            req.body.turned_out = Some(0);
        }
    }
    if req.keepalive && !req.response.close && !unread && !stops(req) && !io.eof.get() {
        let core = location;
        if core.tcp_nodelay && req.client.requests.get() == 1 {
            req.client.stream.set_nodelay();
        }
        return Next::Keep {
            timeout: core.keepalive_timeout,
            least: core.keepalive_min_timeout,
            logs: idle::logs(&req.location(&http).error_log),
        };
    }
    if lingers(req, io, unread || refused || has_more(req, io)) {
        return Next::Linger {
            time: location.lingering_time,
            timeout: location.lingering_timeout,
        };
    }
    Next::Close
}

/// Whether something has arrived behind the request while it was answered: closing would then be a reset, which takes
/// from the client what it has not read yet.
fn has_more(req: &Request, io: &Io) -> bool {
    // What is answered at once leaves no time for that.
    clock::monotonic_ms() != req.started_ms && io.stream.socket().has_arrived()
}

/// Whether the client gets the time to take the answer in before the connection is broken off, since it may still be
/// sending.
fn lingers(req: &Request, io: &Io, unread: bool) -> bool {
    let wanted = match req.location(&req.http).core.lingering_close {
        LingeringClose::Off => false,
        LingeringClose::Always => true,
        LingeringClose::On => unread || !io.pending.borrow().is_empty(),
    };
    wanted && !io.eof.get()
}

/// Whether it is certain before the answer that the connection closes as soon as it is sent.
fn closes_at_once(req: &Request, io: &Io, refused: bool) -> bool {
    !req.keepalive
        && !req.response.upgrade
        && req.body.source.is_none()
        && req.body.lent.is_none()
        && !lingers(req, io, refused)
        && req.location(&req.http).core.post_action.is_none()
}

/// Throws away what has arrived of a body that was not read, to know before the response what comes of the connection.
async fn discard_ready(req: &mut Request) {
    /// So many pieces at most: what follows has time until the response is sent.
    const MOST: usize = 16;
    let Some(BodySource::H1(reader)) = &mut req.body.source else {
        return;
    };
    if reader.awaits_continue() {
        return;
    }
    let malformed = std::future::poll_fn(|cx| {
        for _ in 0..MOST {
            match reader.poll_data(cx) {
                Poll::Ready(Ok(Some(_))) => {}
                Poll::Ready(Err(e)) => return Poll::Ready(e == BodyError::Malformed),
                Poll::Ready(Ok(None)) | Poll::Pending => break,
            }
        }
        Poll::Ready(false)
    });
    if malformed.await {
        explain::invalid_chunks(req, "");
        req.keepalive = false;
    }
}

/// Reads the rest of a body; `false` if its end was not reached in time.
async fn drain(reader: &mut Reader, time: Duration) -> bool {
    let all = async {
        loop {
            match std::future::poll_fn(|cx| reader.poll_data(cx)).await {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    };
    tokio::time::timeout(time, all).await.unwrap_or(false)
}

/// The client took too long, or was given no answer on purpose: nothing is left to wait for.
fn timed_out(req: &Request) {
    if req.location(&req.http).core.reset_timedout_connection {
        req.client.stream.reset_on_close();
    }
}

/// Ends a request to which there is nobody to answer; the status is for the log.
fn give_up(req: &mut Request, status: u16) -> Next {
    req.response.status = status;
    Next::Close
}
