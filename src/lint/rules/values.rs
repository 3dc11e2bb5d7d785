//! What values a variable can have, as far as the configuration says.

use crate::config::tree::{Item, Node};
use crate::lint::site::Site;

/// All values that `set` and `map` give it, if they are all without variables; none if anything else defines it.
pub fn of<'a>(site: &Site<'a>, name: &[u8]) -> Option<Vec<&'a [u8]>> {
    let mut values = Vec::new();
    let mut known = true;
    site.each(|_, node| {
        let word = |index: usize| node.arg(index).map(|word| &word.text[..]);
        // The letter case of variables does not count.
        let is = |index: usize| {
            word(index)
                .and_then(|word| word.strip_prefix(b"$"))
                .is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        match &node.name.text[..] {
            b"set" if is(0) => values.extend(word(1)),
            b"map" if is(1) => values.extend(entries(node)),
            b"geo" | b"split_clients" if is(0) || is(1) => values.extend(entries(node)),
            _ => {}
        }
        known &= values.iter().all(|value| !value.contains(&b'$'));
    });
    (known && !values.is_empty()).then_some(values)
}

/// The values of the lines of a `map` or `geo`.
fn entries(node: &Node) -> impl Iterator<Item = &[u8]> {
    const SETTINGS: [&[u8]; 6] = [
        b"hostnames",
        b"volatile",
        b"include",
        b"ranges",
        b"proxy",
        b"delete",
    ];
    node.items().iter().filter_map(|item| match item {
        Item::Node(line) if !SETTINGS.contains(&&line.name.text[..]) => {
            line.arg(0).map(|word| &word.text[..])
        }
        _ => None,
    })
}
