//! nginx's empty_gif: a picture of one transparent pixel.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::LOCATION;
use crate::diagnostic::Diagnostic;
use crate::http::body::Body;
use crate::http::head::Method;
use crate::http::phase::{Handler, Step, Verdict};
use crate::http::request::Request;
use bytes::Bytes;
use std::sync::Arc;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("empty_gif", LOCATION, Args::Exactly(0), set_empty_gif)
        .doc("Answers with a GIF picture of one transparent pixel."),
];

fn set_empty_gif(b: &mut Builder, _node: &Node) -> Result<(), Diagnostic> {
    b.http.own().handler = Some(Arc::new(EmptyGif));
    Ok(())
}

struct EmptyGif;

/// GIF89a: a screen of one by one pixel, two colours (black and white), the second one transparent, and an image that
/// consists of this colour.
static PICTURE: [u8; 43] = [
    b'G', b'I', b'F', b'8', b'9', b'a', 1, 0, 1, 0, 0x80, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21,
    0xf9, 4, 1, 0, 0, 1, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4c, 1, 0, 0x3b,
];

/// When the picture was made: 28 September 1970.
const MADE: i64 = 23_349_600;

impl Handler for EmptyGif {
    fn handle<'a>(&'a self, req: &'a mut Request) -> Step<'a> {
        if !matches!(req.method, Method::Get | Method::Head) {
            return Step::Ready(Verdict::Status(405));
        }
        req.body.ask();
        let response = &mut req.response;
        response.status = 200;
        response.content_type = Some(Bytes::from_static(b"image/gif"));
        response.content_length = Some(PICTURE.len() as u64);
        response.last_modified = Some(MADE);
        response.body = Body::bytes(Bytes::from_static(&PICTURE));
        Step::Ready(Verdict::Done)
    }

    fn name(&self) -> &'static str {
        "empty_gif"
    }
}
