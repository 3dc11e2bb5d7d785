//! `error_log memory:`: the last lines in a ring, for a debugger to look at.

use std::sync::{Mutex, PoisonError};

/// A ring of bytes behind a line that says what it is.
#[derive(Debug)]
pub struct Ring(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    text: Vec<u8>,
    /// Where the ring begins, behind the title.
    start: usize,
    /// Where the next line goes.
    at: usize,
}

impl Ring {
    /// A ring of `size` bytes, `title` included.
    pub fn new(size: usize, title: &str) -> Ring {
        let mut text = title.as_bytes().to_vec();
        text.push(b'\n');
        let start = text.len().min(size);
        text.resize(size, b' ');
        Ring(Mutex::new(Inner {
            text,
            start,
            at: start,
        }))
    }

    /// Appends a line over the oldest ones.
    pub fn write(&self, line: &[u8]) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { text, start, at } = &mut *ring;
        for byte in line {
            if *at >= text.len() {
                *at = *start;
            }
            if let Some(place) = text.get_mut(*at) {
                *place = *byte;
            }
            *at += 1;
        }
    }

    /// What is in it.
    #[cfg(test)]
    pub fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap().text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_overwritten() {
        let ring = Ring::new(8, "T");
        ring.write(b"abcd\n");
        assert_eq!(ring.text(), b"T\nabcd\n ");
        ring.write(b"XYZ");
        assert_eq!(ring.text(), b"T\nYZcd\nX");
    }
}
