//! Where a `;` or `{` was forgotten: nginx reads on and complains lines later, or of the next directive's name.

use super::directive::{Args, Contexts};
use super::source::Sources;
use super::table::{Collector, Found};
use super::tree::{Node, Word};

/// What was forgotten, and where.
pub struct Missing<'n> {
    /// The word behind which it should stand.
    pub behind: &'n Word,
    /// How many words, the name included, belong to the directive that lacks its end.
    pub count: usize,
    /// `;` or `{`
    pub mark: char,
}

/// Looks for a word that begins another directive: one at the start of a line whose name has a meaning, or, on the same
/// line, one behind an argument whose name may stand in this context.
pub fn find<'n, B: Collector>(b: &B, node: &'n Node, context: Contexts) -> Option<Missing<'n>> {
    let Found::Here(directive) = b.table().find(&node.name.text, context) else {
        return None;
    };
    let mark = if directive.block { '{' } else { ';' };
    let known = |word: &Word| match b.table().find(&word.text, context) {
        _ if word.quoted => false,
        Found::Here(_) => true,
        // Behind a missing "{" stands what belongs into the block.
        Found::Elsewhere(_) => directive.block,
        Found::Unknown => word.text == "include",
    };
    // A block that has no "{" at all lacks it at the end of its line, whatever follows.
    let headless = directive.block && node.block.is_none();
    let on_new_line = pairs(node)
        .find(|(_, last, next)| begins_line(b.sources(), last, next) && (headless || known(next)));
    let on_same_line = || {
        let here = |word: &Word| match b.table().find(&word.text, context) {
            _ if word.quoted => false,
            Found::Here(_) => true,
            Found::Elsewhere(_) => headless,
            Found::Unknown => false,
        };
        pairs(node)
            .skip(usize::from(!headless))
            .find(|(count, _, next)| here(next) && (headless || is_whole(b, node, *count, context)))
    };
    // What follows the arguments of a block that has no "{" stands in it.
    let behind_the_last = || match directive.args {
        Args::Exactly(most) if headless => pairs(node).nth(usize::from(most)),
        _ => None,
    };
    let (count, behind, _) = on_new_line.or_else(on_same_line).or_else(behind_the_last)?;
    Some(Missing {
        behind,
        count,
        mark,
    })
}

/// Whether the words from there on make a directive: `http2` alone, which the next one is too, is only a parameter.
fn is_whole<B: Collector>(b: &B, node: &Node, count: usize, context: Contexts) -> bool {
    let rest = node.args.get(count.saturating_sub(1)..);
    let Some((name, args)) = rest.and_then(<[Word]>::split_first) else {
        return false;
    };
    match b.table().find(&name.text, context) {
        Found::Here(directive) => {
            directive.block == node.block.is_some() && directive.args.allow(args.len())
        }
        _ => false,
    }
}

/// The same in blocks whose lines are no directives: a second line of the same entry is the next entry.
pub fn of_entry<'n>(sources: Option<&Sources>, node: &'n Node) -> Option<&'n Word> {
    pairs(node)
        .find(|(_, last, next)| begins_line(sources, last, next))
        .map(|(_, behind, _)| behind)
}

/// The words with the one that follows, and how many come before that.
fn pairs(node: &Node) -> impl Iterator<Item = (usize, &Word, &Word)> {
    let words = std::iter::once(&node.name).chain(&node.args);
    words
        .zip(&node.args)
        .enumerate()
        .map(|(index, (word, next))| (index + 1, word, next))
}

/// Whether a line ends between two words that follow one another.
pub fn begins_line(sources: Option<&Sources>, last: &Word, next: &Word) -> bool {
    let Some(sources) = sources else { return false };
    let offset = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
    last.span.source == next.span.source
        && sources
            .text(last.span.source)
            .get(offset(last.span.end)..offset(next.span.start))
            .is_some_and(|gap| gap.contains(&b'\n'))
}

/// The directive that lacks its `;`, and the one that it swallowed.
pub fn split(node: &Node, count: usize) -> Option<(Node, Node)> {
    let mut first = node.clone();
    let mut rest = first.args.split_off(count.checked_sub(1)?);
    if rest.is_empty() {
        return None;
    }
    let end = first.args.last().unwrap_or(&first.name).span;
    (first.block, first.end, first.close) = (None, end, end);
    let second = Node {
        name: rest.remove(0),
        args: rest,
        block: node.block.clone(),
        end: node.end,
        close: node.close,
        via: node.via,
    };
    Some((first, second))
}
