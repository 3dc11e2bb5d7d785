//! Values for intervals of addresses.

use bytes::Bytes;

/// Where each interval begins, and its value. Made in ascending order.
#[derive(Default)]
pub(super) struct Intervals {
    starts: Vec<u128>,
    values: Vec<Option<Bytes>>,
}

impl Intervals {
    /// The value of an address.
    pub(super) fn get(&self, address: u128) -> Option<&Bytes> {
        let number = self.starts.partition_point(|start| *start <= address);
        self.values.get(number.checked_sub(1)?)?.as_ref()
    }

    /// From this address on this is the value. Said again of the same address, the last word counts.
    pub(super) fn push(&mut self, start: u128, value: Option<Bytes>) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.values.pop();
        }
        self.starts.push(start);
        self.values.push(value);
    }
}
