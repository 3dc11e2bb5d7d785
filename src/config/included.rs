//! Mistakes that an included file has no part in: its `include` stands in the wrong block, or stands there twice.

use super::directive::Contexts;
use super::span::Span;
use super::table::{Collector, Found};
use super::tree::{Item, Node};
use crate::diagnostic::Diagnostic;

/// Points at the `include` where that is to blame for what is said about a directive of the file.
pub fn blame<B: Collector>(
    b: &B,
    mut d: Diagnostic,
    node: &Node,
    items: &[Item],
    context: Contexts,
) -> Diagnostic {
    let Some(via) = node.via else { return d };
    if d.message.ends_with("directive is not allowed here") {
        let mut same = nodes(items).filter(|other| other.via == Some(via));
        let fits =
            |other: &Node| matches!(b.table().find(&other.name.text, context), Found::Here(_));
        if !same.any(fits) {
            d.labels.insert(
                0,
                (via, String::from("nothing in this file may stand here")),
            );
        }
        return d;
    }
    if let Some(first) = d
        .message
        .contains("duplicate")
        .then(|| first_include(node, items))
        .flatten()
    {
        let first = (first, String::from("the first time is here"));
        let second = (via, String::from("this file is included a second time"));
        d.labels.splice(.., [second, first]);
    }
    d
}

/// The other `include` of the same file in this block.
fn first_include(node: &Node, items: &[Item]) -> Option<Span> {
    let before = nodes(items).take_while(|other| other.via != node.via);
    before
        .into_iter()
        .find(|other| other.name.span == node.name.span)?
        .via
}

fn nodes(items: &[Item]) -> impl Iterator<Item = &Node> {
    items.iter().filter_map(|item| match item {
        Item::Node(node) => Some(node),
        Item::Broken(_) => None,
    })
}
