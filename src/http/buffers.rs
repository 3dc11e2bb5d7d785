//! Buffers that go from one use to the next.

use std::cell::RefCell;

/// The room of a buffer at least: for a head and a small body behind it, which leave by one call then.
const ROOM: usize = 4096;
/// Those that grew larger than this are not kept.
const MOST_ROOM: usize = 64 * 1024;
/// So many are kept.
const MOST: usize = 256;

/// The buffers of a thread that nobody uses.
#[derive(Default)]
pub struct Buffers(RefCell<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty one with room.
    pub fn take(&self) -> Vec<u8> {
        let kept = self.0.borrow_mut().pop();
        kept.unwrap_or_else(|| Vec::with_capacity(ROOM))
    }

    /// Gives one back. It need not be one that was taken here.
    pub fn give(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.borrow_mut();
        if (ROOM..=MOST_ROOM).contains(&buffer.capacity()) && kept.len() < MOST {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_one_has_room_and_none_has_very_much() {
        let buffers = Buffers::default();
        for given in [0, 10, ROOM, MOST_ROOM + 1] {
            buffers.give(Vec::with_capacity(given));
            let room = buffers.take().capacity();
            assert!((ROOM..=MOST_ROOM).contains(&room), "{given}: {room}");
        }
    }

    #[test]
    fn they_come_back_empty() {
        let buffers = Buffers::default();
        let mut used = buffers.take();
        used.extend_from_slice(b"text");
        let at = used.as_ptr();
        buffers.give(used);
        let again = buffers.take();
        assert!(again.is_empty() && again.as_ptr() == at);
    }
}
