//! Where a request's body ends (RFC 9112 section 6), and what nginx checks once the head is complete.

use super::bad::Bad;
use crate::http::head::{Head, Known, Method, Version};

/// The body that follows a request's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// No field announces one.
    None,
    /// Content-Length, in bytes, below 2^63; 0 is possible.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
}

/// Checks a complete head in nginx's order: Host is there, framing is unambiguous, the method is one that is served.
pub fn framing(head: &Head) -> Result<BodyLength, Bad> {
    if head.version == Version::Http11 && head.get(Known::Host).is_none() {
        return Err(Bad::NoHost);
    }
    let body = body_length(head)?;
    match head.method {
        Method::Connect => Err(Bad::Connect),
        Method::Trace => Err(Bad::Trace),
        _ => Ok(body),
    }
}

fn body_length(head: &Head) -> Result<BodyLength, Bad> {
    let length = match head.get(Known::ContentLength) {
        Some(text) => Some(content_length(text).ok_or(Bad::ContentLength)?),
        None => None,
    };
    let Some(coding) = head.get(Known::TransferEncoding) else {
        return Ok(length.map_or(BodyLength::None, BodyLength::Length));
    };
    if head.version < Version::Http11 {
        return Err(Bad::CodingIn10);
    }
    if !coding.eq_ignore_ascii_case(b"chunked") {
        return Err(Bad::UnknownCoding);
    }
    if length.is_some() {
        return Err(Bad::LengthAndCoding);
    }
    Ok(BodyLength::Chunked)
}

/// Digits only, below 2^63.
pub fn content_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let value = text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    (value <= i64::MAX as u64).then_some(value)
}
