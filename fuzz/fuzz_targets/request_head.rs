//! A request head in one piece and byte by byte: the same outcome.
#![no_main]

use goodgate::http::h1::parse::{Limits, Outcome, framing, parse};
use goodgate::http::head::Head;
use goodgate::http::host;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        header_buffer: 64,
        large_buffers: (2, 128),
        max_headers: 8,
        ..Limits::default()
    };
    let (mut whole, mut slow) = (Head::default(), Head::default());
    whole.buf.extend_from_slice(data);
    let outcome = parse(&mut whole, &limits);
    let mut other = Outcome::Partial;
    for byte in data {
        slow.buf.push(*byte);
        other = parse(&mut slow, &limits);
        if other != Outcome::Partial {
            break;
        }
    }
    match (outcome, other) {
        (Outcome::Bad(a), Outcome::Bad(b)) => {
            assert_eq!(a.status(), b.status());
            a.sentence(&whole, &mut Vec::new());
        }
        _ => assert_eq!(outcome, other),
    }
    if outcome == Outcome::Done {
        assert_eq!(whole.fields, slow.fields);
        assert_eq!(
            (whole.line, whole.target, whole.len),
            (slow.line, slow.target, slow.len)
        );
        assert_eq!(framing(&whole), framing(&slow));
        let mut name = Vec::new();
        let _ = host::of_request(&whole, &mut name);
    }
});
