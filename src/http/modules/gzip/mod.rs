//! nginx's gzip filter.

mod accept;
mod deflate;
mod directives;
mod kept;

pub use accept::is_accepted;
pub use directives::{DIRECTIVES, GzipConf, GzipRaw};

use crate::http::body::Body;
use crate::http::head::Method;
use crate::http::mime_types::MimeTypes;
use crate::http::request::Request;
use crate::http::variable::Variable;
use bytes::Bytes;
use deflate::{Deflate, Settings};
use kept::Candidate;
use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

/// That the body is to be compressed, once the other filters are done with it.
pub struct Compress(Settings);

/// Bytes before and behind compression, for `$gzip_ratio`.
#[derive(Default)]
struct Ratio(Rc<Cell<(u64, u64)>>);

/// Decides whether to compress and changes the head accordingly.
pub fn head(req: &mut Request, conf: &GzipConf) -> Option<Compress> {
    let response = &req.response;
    let applies = conf.enable
        && matches!(response.status, 200 | 403 | 404)
        && response
            .content_encoding
            .as_ref()
            .is_none_or(Bytes::is_empty)
        && response.content_length.is_none_or(|n| n >= conf.min_length)
        && conf.types.contain(response.content_type.as_deref());
    if !applies {
        return None;
    }
    req.response.vary_encoding = conf.vary;
    if !accept::is_accepted(req, conf) {
        return None;
    }
    let response = &mut req.response;
    response.content_encoding = Some(Bytes::from_static(b"gzip"));
    response.content_length = None;
    response.clear_accept_ranges();
    response.etag = response.etag.take().and_then(weak);
    Some(Compress(Settings {
        level: conf.level,
        window_bits: conf.window_bits,
        piece: conf.buffers.0.saturating_mul(conf.buffers.1),
        eager: conf.no_buffer,
    }))
}

/// Compresses the body as it is sent.
pub fn body(req: &mut Request, compress: Compress) {
    if req.head.method == Method::Head {
        req.response.body = Body::Empty;
        return;
    }
    let ratio = Ratio::default();
    let counts = Rc::clone(&ratio.0);
    req.extensions.insert(ratio);
    let body = std::mem::take(&mut req.response.body);
    let candidate = match req.response.body_is_kept {
        true => Candidate::of(&body, &compress.0),
        false => None,
    };
    if let Some((packed, length)) = candidate.as_ref().and_then(Candidate::find) {
        counts.set((length, packed.len() as u64));
        req.response.body = Body::bytes(packed);
        return;
    }
    let packed = Deflate::new(body.into_source(), compress.0, counts, candidate);
    req.response.body = Body::Stream(Box::new(packed));
}

/// The same entity tag for a body that means the same but has other bytes; none if it is no entity tag.
fn weak(etag: Bytes) -> Option<Bytes> {
    if etag.len() > 2 && etag.starts_with(b"W/") {
        return Some(etag);
    }
    etag.starts_with(b"\"")
        .then(|| Bytes::from([b"W/", &etag[..]].concat()))
}

/// The types that are compressed if nothing else is said.
fn default_types() -> MimeTypes {
    MimeTypes::of(&["text/html"])
}

/// The variables.
pub static VARIABLES: &[Variable] = &[Variable::new("gzip_ratio", ratio)];

fn ratio(req: &Request, out: &mut Vec<u8>) -> bool {
    match req.extensions.get::<Ratio>().map(|r| r.0.get()) {
        Some((before, behind)) if behind > 0 => {
            write_ratio(before, behind, out);
            true
        }
        _ => false,
    }
}

/// With two digits, rounded half up from the third on.
fn write_ratio(before: u64, behind: u64, out: &mut Vec<u8>) {
    let (before, behind) = (u128::from(before), u128::from(behind));
    let mut hundredths = before * 100 / behind;
    if before * 1000 / behind % 10 > 4 {
        hundredths += 1;
    }
    let _ = write!(out, "{}.{:02}", hundredths / 100, hundredths % 100);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_become_weak() {
        let of = |t: &'static str| weak(Bytes::from_static(t.as_bytes()));
        assert_eq!(of("\"a\"").unwrap(), "W/\"a\"");
        assert_eq!(of("W/\"a\"").unwrap(), "W/\"a\"");
        assert_eq!(of("a"), None);
    }

    #[test]
    fn the_ratio_is_rounded() {
        let of = |a, b| {
            let mut out = Vec::new();
            write_ratio(a, b, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of(2125, 1000), "2.13");
        assert_eq!(of(1, 3), "0.33");
        assert_eq!(of(1999, 1000), "2.00");
        assert_eq!(of(100, 10), "10.00");
    }
}
