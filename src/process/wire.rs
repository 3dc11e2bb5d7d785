//! How the master's messages to the worker are laid out: numbers and byte strings, one behind the other. Both ends are
//! the same program, so there are no versions.

/// Collects a message.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A string of bytes, its length in front of it.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// How many there are, then each of them.
    pub fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.number(items.len() as u64);
        items.for_each(|item| write(self, item));
        self
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a message apart. Everything is none once the message has turned out too short.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the front.
    pub fn new(message: &'a [u8]) -> Self {
        Reader(message)
    }

    /// A number.
    pub fn number(&mut self) -> Option<u64> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*head))
    }

    /// A string of bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    /// A list.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.number()?).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer
            .number(7)
            .bytes(b"text")
            .list([1u64, 2].into_iter(), |w, n| {
                w.number(n);
            });
        let message = writer.finish();
        let mut reader = Reader::new(&message);
        assert_eq!(reader.number(), Some(7));
        assert_eq!(reader.bytes(), Some(&b"text"[..]));
        assert_eq!(reader.list(Reader::number), Some(vec![1, 2]));
        assert_eq!(reader.number(), None);
    }

    #[test]
    fn a_short_message_is_noticed() {
        let mut writer = Writer::default();
        writer.number(100);
        let message = writer.finish();
        assert_eq!(Reader::new(&message).bytes(), None);
        assert_eq!(Reader::new(&message).list(Reader::number), None);
        assert_eq!(Reader::new(&message[..3]).number(), None);
    }
}
