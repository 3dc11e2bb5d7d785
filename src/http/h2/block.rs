//! The fields of a head, or of a trailer, as they were sent.

use super::hpack::Trouble;

/// Fields in their order, pseudo-fields among them.
#[derive(Debug, Default)]
pub struct Block {
    text: Vec<u8>,
    /// Where each begins and where its name and its value end.
    fields: Vec<[usize; 3]>,
    /// Where that begins which is being written, and where its name ends.
    start: usize,
    name_end: usize,
    /// The most bytes of text that there may be.
    most: usize,
}

impl Block {
    /// A block of at most so many bytes.
    pub fn new(most: usize) -> Self {
        Block {
            most,
            ..Block::default()
        }
    }

    /// How much memory it takes.
    pub fn size(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<[usize; 3]>()
    }

    /// Name and value of each field.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|[start, name_end, end]| {
            let name = self.text.get(*start..*name_end);
            let value = self.text.get(*name_end..*end);
            (name.unwrap_or_default(), value.unwrap_or_default())
        })
    }

    /// The first value under a name.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let mut fields = self.fields();
        fields.find(|field| field.0 == name).map(|field| field.1)
    }

    /// Begins a field: where its name is to be written.
    pub fn name(&mut self) -> &mut Vec<u8> {
        self.start = self.text.len();
        &mut self.text
    }

    /// Ends the name: where the value is to be written.
    pub fn value(&mut self) -> &mut Vec<u8> {
        self.name_end = self.text.len();
        &mut self.text
    }

    /// The field that is being written.
    pub fn current(&self) -> (&[u8], &[u8]) {
        let field = self.text.get(self.start..).unwrap_or_default();
        let name = self.name_end.saturating_sub(self.start);
        field.split_at_checked(name).unwrap_or_default()
    }

    /// Ends the field, unless the block has become too large.
    pub fn end(&mut self) -> Result<(), Trouble> {
        if self.text.len() > self.most {
            let (name, value) = self.current();
            return Err(Trouble::TooLarge(name.len().max(value.len())));
        }
        self.fields
            .push([self.start, self.name_end, self.text.len()]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_until_it_is_too_much() {
        let mut block = Block::new(8);
        let mut add = |name: &str, value: &str| {
            block.name().extend_from_slice(name.as_bytes());
            block.value().extend_from_slice(value.as_bytes());
            block.end()
        };
        assert_eq!((add("b", "one"), add("a", "")), (Ok(()), Ok(())));
        assert_eq!(add("c", "three"), Err(Trouble::TooLarge(5)));
        let fields: Vec<_> = block.fields().collect();
        assert_eq!(fields, [(&b"b"[..], &b"one"[..]), (b"a", b"")]);
        assert_eq!((block.get(b"a"), block.get(b"c")), (Some(&b""[..]), None));
    }
}
