//! Sends a response: head and body, in few system calls, no faster than the client takes them.

use super::body::CONTINUE;
use super::chunked::{LAST_CHUNK, chunk_head};
use super::io::{Io, IoError};
use super::outgoing::{Outgoing, SendError};
use super::writer::{self, Framing};
use crate::boxed::boxed;
use crate::http::body::{Body, Cut, Part, Source};
use crate::http::body_in::BodySource;
use crate::http::head::Version;
use crate::http::pace::Pace;
use crate::http::request::Request;
use crate::http::response::Field;
use crate::http::{core, filter};
use crate::log::{self, Level};
use bytes::Bytes;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// How sending ended.
pub enum Sent {
    /// All of it was written.
    Whole,
    /// The client took nothing for too long.
    TimedOut,
    /// The connection is of no further use.
    Broken,
    /// So is it; the upstream did not send all of the answer.
    Cut,
    /// The head switched protocols, and what followed is over.
    Upgraded,
}

/// A source is asked for more until so much is waiting to be written.
const GATHER: u64 = 64 * 1024;

/// Sends the response of a request. `closes`: the connection closes behind it, whatever happens.
pub async fn response(req: &mut Request, io: &Rc<Io>, closes: bool) -> Sent {
    if let Some(BodySource::H1(reader)) = &req.body.source
        && reader.awaits_continue()
        && (req.body.asked || !(req.response.internal_error_page || req.body.unasked))
    {
        if io.write_all(CONTINUE).await.is_err() {
            return Sent::Broken;
        }
        io.interim.set(io.interim.get() + CONTINUE.len() as u64);
    }
    let http = Rc::clone(&req.http);
    let location = &http.location(req.location).core;
    core::redirect::finish(req);
    let framing = writer::frame(req);
    let mut out = Outgoing::new(location.send_timeout);
    out.sendfile = location.sendfile;
    if location.sendfile_max_chunk > 0 {
        out.max_chunk = location.sendfile_max_chunk;
    }
    let mut head = req.worker.take_buffer();
    if req.head.version > Version::Http09 {
        writer::write_head(req, framing, location.keepalive_header, &mut head);
    }
    let head_len = head.len() as u64;
    req.response.head_sent = true;
    out.push_owned(head);
    let body = if framing.head_only {
        Body::Empty
    } else {
        std::mem::take(&mut req.response.body)
    };
    let upgrade = req.response.upgrade;
    out.closes =
        closes && matches!(body, Body::Empty | Body::Parts(_)) && io.stream.tls().is_none();
    io.held_back.set(out.closes);
    let pace = Pace::of(req, head_len);
    let result = write(req, io, &mut out, body, framing, pace).await;
    match result {
        Ok(()) if upgrade => {
            // In a box of its own, for it is large and seldom needed.
            Box::pin(crate::http::upstream::upgrade::tunnel(req, io)).await;
            Sent::Upgraded
        }
        Ok(()) => Sent::Whole,
        Err(e) => {
            report(req, &e);
            // An answer that only the end of the connection ends must not look whole.
            io.stream.break_off();
            match e {
                Failure::Client(SendError::Io(IoError::TimedOut)) => Sent::TimedOut,
                Failure::Client(_) => Sent::Broken,
                Failure::Source => Sent::Cut,
            }
        }
    }
}

/// Why a response was not sent whole.
enum Failure {
    Client(SendError),
    Source,
}

impl From<SendError> for Failure {
    fn from(e: SendError) -> Self {
        Failure::Client(e)
    }
}

async fn write(
    req: &mut Request,
    io: &Io,
    out: &mut Outgoing,
    body: Body,
    framing: Framing,
    mut pace: Pace,
) -> Result<(), Failure> {
    match body {
        Body::Empty => {}
        Body::Parts(parts) => {
            let len: u64 = parts.iter().map(Part::len).sum();
            if framing.chunked && len > 0 {
                out.push_owned(chunk_start(len));
            }
            for part in parts {
                out.push(part);
            }
            if framing.chunked && len > 0 {
                out.push(Part::Bytes(Bytes::from_static(b"\r\n")));
            }
        }
        Body::Stream(source) => {
            return boxed(|| stream(req, io, out, source, framing, pace)).await;
        }
    }
    if framing.chunked && !framing.head_only {
        end_chunks(req, out);
    }
    flush(req, io, out, &mut pace, None).await?;
    Ok(())
}

async fn stream(
    req: &mut Request,
    io: &Io,
    out: &mut Outgoing,
    mut source: Box<dyn Source>,
    framing: Framing,
    mut pace: Pace,
) -> Result<(), Failure> {
    loop {
        // Gather what is there; write when nothing more comes at once.
        let mut ended = false;
        let mut gone = false;
        let more = std::future::poll_fn(|cx| {
            crate::http::upstream::tell(req);
            loop {
                match source.poll_next(cx) {
                    Poll::Ready(Ok(Some(part))) => {
                        if part.is_empty() {
                            continue;
                        }
                        if framing.chunked {
                            out.push_owned(chunk_start(part.len()));
                        }
                        out.push(part);
                        if framing.chunked {
                            out.push(Part::Bytes(Bytes::from_static(b"\r\n")));
                        }
                        if out.left() >= GATHER {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Poll::Ready(Ok(None)) => {
                        ended = true;
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Ready(Err(Cut)) => return Poll::Ready(Err(Cut)),
                    Poll::Pending if out.left() > 0 && source.flush() => {
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Pending if req.response.for_client_only => {
                        gone = req.client.stream.poll_closed(cx).is_ready();
                        return match gone {
                            true => Poll::Ready(Err(Cut)),
                            false => Poll::Pending,
                        };
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        if gone {
            return Err(SendError::Io(client_is_gone()).into());
        }
        if ended && framing.chunked {
            for (name, value) in source.trailers() {
                req.response.trailers.push(Field::new(name, value));
            }
            end_chunks(req, out);
        }
        let flushed = flush(req, io, out, &mut pace, Some(&mut *source)).await;
        if more.is_err() {
            // What was cut is not made to look whole: no last chunk, and the connection closes.
            return Err(Failure::Source);
        }
        flushed?;
        if ended {
            return Ok(());
        }
    }
}

/// Writes all that is queued, at the pace that is set; lets the source read ahead meanwhile.
async fn flush(
    req: &Request,
    io: &Io,
    out: &mut Outgoing,
    pace: &mut Pace,
    mut source: Option<&mut (dyn Source + 'static)>,
) -> Result<(), SendError> {
    while out.left() > 0 {
        let budget = match pace.budget(req.bytes_sent.get()) {
            Ok(budget) => budget,
            Err(wait) => {
                rest(req, wait, source.as_deref_mut()).await?;
                continue;
            }
        };
        let n = std::future::poll_fn(|cx| {
            let written = out.poll_write(cx, io, budget);
            if written.is_pending()
                && let Some(source) = &mut source
            {
                source.poll_ahead(cx);
                crate::http::upstream::tell(req);
            }
            written
        })
        .await?;
        let sent = req.bytes_sent.get() + n;
        req.bytes_sent.set(sent);
        req.body_bytes_sent.set(sent.saturating_sub(pace.head));
    }
    if let Some(buffer) = out.reclaim() {
        req.worker.give_buffer(buffer);
    }
    Ok(())
}

/// Waits until more may be sent, unless the client goes away meanwhile. The source reads ahead: an upstream need not wait
/// for a client that is slow on purpose.
async fn rest(
    req: &Request,
    time: Duration,
    mut source: Option<&mut (dyn Source + 'static)>,
) -> Result<(), SendError> {
    let mut sleep = std::pin::pin!(tokio::time::sleep(time));
    std::future::poll_fn(|cx| {
        if sleep.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if let Some(source) = &mut source {
            source.poll_ahead(cx);
            crate::http::upstream::tell(req);
        }
        let closed = req.client.stream.poll_closed(cx);
        closed.map(|()| Err(SendError::Io(client_is_gone())))
    })
    .await
}

fn client_is_gone() -> IoError {
    IoError::Broken(io::ErrorKind::ConnectionAborted.into())
}

fn chunk_start(len: u64) -> Vec<u8> {
    let mut line = Vec::with_capacity(18);
    chunk_head(len, &mut line);
    line
}

/// The last chunk and the trailer fields.
fn end_chunks(req: &mut Request, out: &mut Outgoing) {
    if req.response.want_trailers {
        filter::trailers(req);
    }
    if req.response.trailers.is_empty() {
        return out.push(Part::Bytes(Bytes::from_static(LAST_CHUNK)));
    }
    let mut end = b"0\r\n".to_vec();
    for f in &req.response.trailers {
        writer::field(&mut end, &f.name, &f.value);
    }
    end.extend_from_slice(b"\r\n");
    out.push_owned(end);
}

fn report(req: &Request, failure: &Failure) {
    match failure {
        Failure::Client(SendError::Io(IoError::TimedOut)) => {
            log::request(
                req,
                Level::Info,
                format_args!(
                    "client timed out (110: Connection timed out) while sending response to client"
                ),
            );
        }
        Failure::Client(SendError::Io(IoError::Broken(e)))
            if e.kind() == io::ErrorKind::ConnectionAborted =>
        {
            let upstream = req.upstreams.last().and_then(|u| u.client_is_gone());
            match upstream {
                Some(sentence) => log::request(req, Level::Info, format_args!("{sentence}")),
                None => log::request(
                    req,
                    Level::Info,
                    format_args!(
                        "client prematurely closed connection while sending response to client"
                    ),
                ),
            }
        }
        Failure::Client(SendError::Io(IoError::Broken(e))) => {
            log::request(
                req,
                Level::Info,
                format_args!(
                    "send() failed ({}) while sending response to client",
                    crate::config::source::errno(e)
                ),
            );
        }
        Failure::Client(SendError::Truncated) => {
            log::request(
                req,
                Level::Alert,
                format_args!("file was truncated while it was sent"),
            );
        }
        Failure::Client(SendError::File(e)) => {
            log::request(
                req,
                Level::Crit,
                format_args!("read() failed ({})", crate::config::source::errno(e)),
            );
        }
        // Whoever made the source has said why.
        Failure::Source => {}
    }
}
