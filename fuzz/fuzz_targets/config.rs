//! Reading a configuration text: no panic, whatever it is.
#![no_main]

use bytes::Bytes;
use goodgate::config::parse::{Origin, parse};
use goodgate::config::source::Sources;
use std::path::Path;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = Bytes::copy_from_slice(data);
    let source = Sources::new().add(Path::new("nginx.conf"), text.clone());
    parse(&text, source, Origin::File, 0);
});
