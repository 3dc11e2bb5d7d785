//! `types`: from the extension of a file name to its type.

use crate::config::table::{Collector, entries};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// A `types` block.
#[derive(Clone, Debug, Default)]
pub struct Types(HashMap<Bytes, Bytes, foldhash::fast::FixedState>);

/// Extensions longer than this with capitals in them are looked up by way of the heap.
const SHORT: usize = 32;

impl Types {
    /// The type of an extension in any case.
    pub fn get(&self, extension: &[u8]) -> Option<&Bytes> {
        if !extension.iter().any(u8::is_ascii_uppercase) {
            return self.0.get(extension);
        }
        let lower: smallvec::SmallVec<[u8; SHORT]> =
            extension.iter().map(u8::to_ascii_lowercase).collect();
        self.0.get(&lower[..])
    }
}

/// `types { type extension ...; }`. Several blocks in one place add up.
pub fn set_types(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    b.http
        .here()
        .core()
        .types
        .get_or_insert_default()
        .get_or_insert_default();
    entries(b, node, |b, line| {
        // The well-formed ones are done already.
        if line.name.text == "include" {
            return Err(line.error("invalid number of arguments in \"include\" directive"));
        }
        for word in &line.args {
            let extension = match word.text.iter().any(u8::is_ascii_uppercase) {
                true => Bytes::from(word.text.to_ascii_lowercase()),
                false => word.text.clone(),
            };
            let types = b
                .http
                .here()
                .core()
                .types
                .get_or_insert_default()
                .get_or_insert_default();
            match Arc::make_mut(types).0.entry(extension) {
                Entry::Vacant(place) => {
                    place.insert(line.name.text.clone());
                }
                Entry::Occupied(mut place) => {
                    let d = Diagnostic::warning(format!(
                        "duplicate extension \"{}\", content type: \"{}\", previous content type: \"{}\"",
                        String::from_utf8_lossy(place.key()),
                        line.name.str(),
                        String::from_utf8_lossy(place.get())
                    ));
                    place.insert(line.name.text.clone());
                    b.report(d.at(line.end).label(word.span, ""));
                }
            }
        }
        Ok(())
    });
    Ok(())
}
