//! What rules look at: the blocks of HTTP with what stands in them, parents first.

use crate::config::source::{Files, Sources};
use crate::config::span::Span;
use crate::config::tree::{Item, Node, Word};
use std::borrow::Cow;
use std::path::Path;

/// The number of a block in its [`Site`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId(usize);

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file itself.
    Main,
    /// `events`
    Events,
    /// `http`
    Http,
    /// `server` in `http`
    Server,
    /// `location`
    Location,
    /// `if`
    If,
    /// `limit_except`
    LimitExcept,
    /// `upstream`
    Upstream,
}

/// A block.
pub struct Block<'a> {
    /// What it is.
    pub kind: Kind,
    /// The directive that opens it; none for the file itself.
    pub node: Option<&'a Node>,
    /// The block around it.
    pub parent: Option<BlockId>,
    /// The blocks of HTTP in it.
    pub children: Vec<BlockId>,
    /// All other directives in it.
    pub settings: Vec<&'a Node>,
}

/// How a location is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `=`
    Exact,
    /// No modifier.
    Prefix,
    /// `^~`
    NoRegex,
    /// `~` (false) or `~*` (true).
    Regex(bool),
    /// `@name`
    Named,
}

/// The head of a location.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// How it is chosen.
    pub how: How,
    /// The path, prefix or pattern.
    pub text: &'a [u8],
    /// The word that it stands in.
    pub span: Span,
}

/// What rules must know beyond the configuration.
pub struct Around<'a> {
    /// Whether rules apply that are only for `--strict`.
    pub strict: bool,
    /// How many files a process may have open, where that is known.
    pub open_files: Option<u64>,
    /// How files are read.
    pub files: &'a dyn Files,
    /// The directory of the configuration file, which names of certificates start from.
    pub conf_prefix: &'a Path,
    /// The time, in seconds of Unix time.
    pub now: i64,
}

/// A configuration.
pub struct Site<'a> {
    /// The texts.
    pub sources: &'a Sources,
    /// What is known of the machine.
    pub around: &'a Around<'a>,
    blocks: Vec<Block<'a>>,
}

impl<'a> Site<'a> {
    /// Sorts a tree into blocks.
    pub fn new(tree: &'a [Item], sources: &'a Sources, around: &'a Around<'a>) -> Self {
        let mut site = Site {
            sources,
            around,
            blocks: Vec::new(),
        };
        site.open(Kind::Main, None, None, tree);
        site
    }

    fn open(
        &mut self,
        kind: Kind,
        node: Option<&'a Node>,
        parent: Option<BlockId>,
        items: &'a [Item],
    ) -> BlockId {
        let id = BlockId(self.blocks.len());
        self.blocks.push(Block {
            kind,
            node,
            parent,
            children: Vec::new(),
            settings: Vec::new(),
        });
        for item in items {
            let Item::Node(node) = item else { continue };
            let inner = node.block.as_ref().and_then(|_| kind_of(kind, &node.name));
            match inner {
                Some(inner) => {
                    let child = self.open(inner, Some(node), Some(id), node.items());
                    if let Some(block) = self.blocks.get_mut(id.0) {
                        block.children.push(child);
                    }
                }
                None => {
                    if let Some(block) = self.blocks.get_mut(id.0) {
                        block.settings.push(node);
                    }
                }
            }
        }
        id
    }

    /// Calls `f` with every directive that opens no block of HTTP, and the block that it stands in.
    pub fn each(&self, mut f: impl FnMut(BlockId, &'a Node)) {
        for (index, block) in self.blocks.iter().enumerate() {
            block
                .settings
                .iter()
                .for_each(|node| f(BlockId(index), node));
        }
    }

    /// All blocks, parents first.
    pub fn ids(&self) -> impl Iterator<Item = BlockId> + use<> {
        (0..self.blocks.len()).map(BlockId)
    }

    /// All blocks of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = BlockId> + '_ {
        self.ids().filter(move |id| self.kind(*id) == kind)
    }

    /// The block with this number.
    pub fn block(&self, id: BlockId) -> &Block<'a> {
        #[allow(
            clippy::indexing_slicing,
            reason = "numbers are only made by this site"
        )]
        &self.blocks[id.0]
    }

    /// What a block is.
    pub fn kind(&self, id: BlockId) -> Kind {
        self.block(id).kind
    }

    /// The block and those around it, from the inside.
    pub fn outwards(&self, id: BlockId) -> impl Iterator<Item = BlockId> + '_ {
        std::iter::successors(Some(id), |id| self.block(*id).parent)
    }

    /// The nearest block of a kind, itself included.
    pub fn around(&self, id: BlockId, kind: Kind) -> Option<BlockId> {
        self.outwards(id).find(|id| self.kind(*id) == kind)
    }

    /// The directives of a name that stand in a block.
    pub fn own<'s>(&'s self, id: BlockId, name: &'s str) -> impl Iterator<Item = &'a Node> + 's {
        let settings = self.block(id).settings.iter().copied();
        settings.filter(move |node| node.name.text == name)
    }

    /// Whether a block has such a directive itself.
    pub fn has(&self, id: BlockId, name: &str) -> bool {
        self.own(id, name).next().is_some()
    }

    /// The nearest block around (itself included) that has such a directive.
    pub fn holder(&self, id: BlockId, name: &str) -> Option<BlockId> {
        self.outwards(id).find(|id| self.has(*id, name))
    }

    /// The directive of this name that holds in a block, its own or an inherited one.
    pub fn inherited(&self, id: BlockId, name: &str) -> Option<&'a Node> {
        self.holder(id, name)
            .and_then(|holder| self.own(holder, name).last())
    }

    /// The value of a directive that holds in a block, if it has one argument.
    pub fn value(&self, id: BlockId, name: &str) -> Option<&'a [u8]> {
        self.inherited(id, name)?.arg(0).map(|word| &word.text[..])
    }

    /// How a location is chosen; none for other blocks.
    pub fn location(&self, id: BlockId) -> Option<Match<'a>> {
        let block = self.block(id);
        let node = block.node.filter(|_| block.kind == Kind::Location)?;
        let first = node.arg(0)?;
        let (how, text, span) = match (node.arg(1), &first.text[..]) {
            (Some(name), b"=") => (How::Exact, &name.text[..], name.span),
            (Some(name), b"^~") => (How::NoRegex, &name.text[..], name.span),
            (Some(name), b"~*") => (How::Regex(true), &name.text[..], name.span),
            (Some(name), _) => (How::Regex(false), &name.text[..], name.span),
            (None, [b'=', rest @ ..]) => (How::Exact, rest, first.span),
            (None, [b'^', b'~', rest @ ..]) => (How::NoRegex, rest, first.span),
            (None, [b'~', b'*', rest @ ..]) => (How::Regex(true), rest, first.span),
            (None, [b'~', rest @ ..]) => (How::Regex(false), rest, first.span),
            (None, text @ [b'@', ..]) => (How::Named, text, first.span),
            (None, text) => (How::Prefix, text, first.span),
        };
        Some(Match { how, text, span })
    }

    /// The nearest location around, itself included.
    pub fn location_of(&self, id: BlockId) -> Option<Match<'a>> {
        self.location(self.around(id, Kind::Location)?)
    }

    /// `location /x`, `server`, `http`: what to call a block.
    pub fn title(&self, id: BlockId) -> String {
        let block = self.block(id);
        let Some(node) = block.node else {
            return String::from("the main context");
        };
        let words: Vec<Cow<'_, str>> = match block.kind {
            Kind::Location => std::iter::once(&node.name)
                .chain(&node.args)
                .map(Word::str)
                .collect(),
            _ => vec![node.name.str()],
        };
        words.join(" ")
    }

    /// The place of a block's head: its name and arguments.
    pub fn head(&self, id: BlockId) -> Option<Span> {
        let node = self.block(id).node?;
        Some(
            node.name
                .span
                .to(node.args.last().unwrap_or(&node.name).span),
        )
    }

    /// Where something stands, short: `line 12`, or with the file where that is another than that of `from`.
    pub fn place(&self, span: Span, from: Span) -> String {
        let line = self.sources.line_at(span.source, span.start);
        match span.source == from.source {
            true => format!("line {line}"),
            false => format!("{}:{line}", self.sources.path(span.source).display()),
        }
    }
}

fn kind_of(around: Kind, name: &Word) -> Option<Kind> {
    match (around, &name.text[..]) {
        (Kind::Main, b"http") => Some(Kind::Http),
        (Kind::Main, b"events") => Some(Kind::Events),
        (Kind::Http, b"server") => Some(Kind::Server),
        (Kind::Http, b"upstream") => Some(Kind::Upstream),
        (Kind::Server | Kind::Location, b"location") => Some(Kind::Location),
        (Kind::Server | Kind::Location, b"if") => Some(Kind::If),
        (Kind::Location, b"limit_except") => Some(Kind::LimitExcept),
        _ => None,
    }
}

/// The names of the variables in a value, in the order in which they stand there: `host` of `$host` and `${host}`.
pub fn variables(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
    memchr::memchr_iter(b'$', text).filter_map(move |at| {
        let rest = text.get(at + 1..)?;
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let len = rest.iter().take_while(|c| is_name(c)).count();
        rest.get(..len).filter(|name| !name.is_empty())
    })
}

/// Splits `http://host:port/uri` into what comes before the host, the host with its port, and the URI part.
pub fn split_url(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = memchr::memmem::find(text, b"://")? + 3;
    let (scheme, rest) = text.split_at(at);
    // The names of unix sockets hold slashes, and end with a colon.
    let end = match rest.strip_prefix(b"unix:") {
        Some(path) => memchr::memchr(b':', path).map(|i| i + 6),
        None => rest.iter().position(|c| matches!(c, b'/' | b'?' | b'#')),
    };
    let (host, uri) = rest.split_at(end.unwrap_or(rest.len()));
    Some((scheme, host, uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_apart() {
        let names: Vec<_> = variables(b"https://$host${uri}$1$").collect();
        assert_eq!(names, [&b"host"[..], b"uri", b"1"]);
        let url = |text: &'static str| split_url(text.as_bytes()).map(|(_, h, u)| (h, u));
        assert_eq!(url("http://a:1/b?c"), Some((&b"a:1"[..], &b"/b?c"[..])));
        assert_eq!(url("http://$a$b"), Some((&b"$a$b"[..], &b""[..])));
        assert_eq!(
            url("http://unix:/run/a:/b"),
            Some((&b"unix:/run/a:"[..], &b"/b"[..]))
        );
        assert_eq!(url("app"), None);
    }
}
