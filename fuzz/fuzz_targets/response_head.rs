//! The head of an upstream's answer in one piece and byte by byte: the same outcome.
#![no_main]

use goodgate::http::upstream::head::ResponseHead;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (mut whole, mut slow) = (ResponseHead::default(), ResponseHead::default());
    whole.buf.extend_from_slice(data);
    let outcome = whole.parse(usize::MAX);
    let mut other = Ok(false);
    for byte in data {
        slow.buf.push(*byte);
        if other == Ok(false) {
            other = slow.parse(usize::MAX);
        }
    }
    assert_eq!(outcome, other);
    if outcome == Ok(true) {
        assert_eq!(
            (whole.status, &whole.fields, &whole.buf),
            (slow.status, &slow.fields, &slow.buf)
        );
        assert_eq!(whole.body(false), slow.body(false));
    }
});
