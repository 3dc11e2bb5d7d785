//! A normalised path starts with a slash, has no segments that climb, and stays as it is when normalised again.
#![no_main]

use goodgate::http::escape::{Kind, escape};
use goodgate::http::uri::normalise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let input = [b"/", data].concat();
    let mut path = Vec::new();
    if normalise(&input, true, &mut path).is_ok() {
        assert_eq!(path.first(), Some(&b'/'));
        assert!(
            path.split(|b| *b == b'/')
                .all(|segment| segment != b"." && segment != b"..")
        );
        let (mut escaped, mut again) = (Vec::new(), Vec::new());
        escape(Kind::Uri, &path, &mut escaped);
        assert!(normalise(&escaped, true, &mut again).is_ok());
        assert_eq!(path, again);
    }
});
