//! Lists of MIME types that several modules share: `gzip_types`, `charset_types`.

use crate::config::tree::Node;
use crate::cycle::Builder;
use bytes::Bytes;
use std::sync::Arc;

/// A list of MIME types, or all of them.
#[derive(Clone, Debug)]
pub struct MimeTypes(Option<Arc<Vec<Bytes>>>);

impl MimeTypes {
    /// A list that is built in.
    pub fn of(types: &[&'static str]) -> Self {
        let all = types.iter().map(|t| Bytes::from_static(t.as_bytes()));
        MimeTypes(Some(Arc::new(all.collect())))
    }

    /// Whether a content type is in the list. None is only in the list of all.
    pub fn contain(&self, content_type: Option<&[u8]>) -> bool {
        let Some(list) = &self.0 else { return true };
        content_type.is_some_and(|kind| list.iter().any(|t| t.eq_ignore_ascii_case(kind)))
    }

    /// Adds the arguments of a directive; the first one in a block starts with `first`, and `*` means all.
    pub fn add(
        b: &mut Builder,
        node: &Node,
        field: fn(&mut Builder) -> &mut Option<MimeTypes>,
        first: &[&'static str],
    ) {
        let mut list = match field(b).take() {
            Some(MimeTypes(Some(list))) => Arc::unwrap_or_clone(list),
            Some(all) => {
                *field(b) = Some(all);
                return;
            }
            None => first
                .iter()
                .map(|t| Bytes::from_static(t.as_bytes()))
                .collect(),
        };
        for word in &node.args {
            if word.text == "*" {
                *field(b) = Some(MimeTypes(None));
                return;
            }
            let lower = Bytes::from(word.text.to_ascii_lowercase());
            if list.contains(&lower) {
                let message = format!(
                    "duplicate MIME type \"{}\"",
                    String::from_utf8_lossy(&lower)
                );
                b.warn(node, word, message);
                continue;
            }
            list.push(lower);
        }
        *field(b) = Some(MimeTypes(Some(Arc::new(list))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_case() {
        let types = MimeTypes::of(&["text/html"]);
        assert!(types.contain(Some(b"Text/HTML")));
        assert!(!types.contain(Some(b"text/html; charset=x")));
        assert!(!types.contain(None));
        assert!(MimeTypes(None).contain(None));
    }
}
