//! Has the client's body ready for an upstream: all of it, or as much as is there.

use super::exchange;
use super::outgoing::{self, ReadyPart};
use crate::http::body_in::{self, BodyError, Kept};
use crate::http::explain;
use crate::http::request::Request;

/// Reads the client's body, or if it is to be streamed, what of it is there; nothing is left to stream if that is all.
///
/// # Errors
/// The body cannot be had.
pub async fn read(
    req: &mut Request,
    has_body: bool,
    streams: bool,
) -> Result<Option<ReadyPart>, BodyError> {
    // A client that waits is told to go on, also where there turns out to be no answer.
    req.body.ask();
    // Over HTTP/2 the end of an empty body may still be to come: nobody waits for it.
    let over = req.body.length.is_some() && req.body.complete;
    if !has_body && !over {
        return Ok(None);
    }
    if !(has_body && streams) {
        return body_in::read_all(req).await.map(|()| None);
    }
    let part = outgoing::ready_part(&mut req.body).await;
    req.count_body();
    let part = part.inspect_err(|e| explain::body(req, *e, ""))?;
    let limit = req.location(&req.http).core.client_max_body_size;
    if limit > 0 && part.length > limit {
        exchange::refuse_large_body(req, 0, part.length, "");
        return Err(BodyError::TooLarge);
    }
    if !part.whole {
        return Ok(Some(part));
    }
    req.body.kept = Kept {
        memory: part.pieces,
        file: None,
        length: part.length,
        announced: true,
    };
    req.body.length = Some(part.length);
    req.body.complete = true;
    Ok(None)
}
