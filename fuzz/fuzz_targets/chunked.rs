//! A chunked body in one piece and byte by byte: the same body, and the same end.
#![no_main]

use goodgate::http::h1::chunked::{ChunkError, Chunked};

fn decode<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<(Vec<u8>, bool, usize), ChunkError> {
    let (mut decoder, mut body, mut read) = (Chunked::new(), Vec::new(), 0);
    for mut piece in pieces {
        while !piece.is_empty() && !decoder.is_end() {
            let step = decoder.decode(piece)?;
            body.extend_from_slice(&piece[step.data]);
            read += step.consumed;
            piece = &piece[step.consumed..];
        }
    }
    Ok((body, decoder.is_end(), read))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assert_eq!(decode(std::iter::once(data)), decode(data.chunks(1)));
});
