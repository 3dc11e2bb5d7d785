//! How well the lines of a text fit its braces. A brace that is missing, or one too many, puts all that follows into other
//! blocks than its indentation says, and some of it into blocks where it cannot stand. So each place for the slip is tried, and
//! the one after which the least is wrong is taken.

use super::known::is_known_to_nginx;
use super::parse::Piece;

/// What a block costs that stands where none of its kind can, and a brace that is still wrong at the end.
const IMPOSSIBLE: u32 = 3;
/// What a brace costs that is put in right behind its other: blocks are rarely empty.
const EMPTY: u32 = 1;
/// How many pieces are looked at in all. Most places are given up after a few.
const BUDGET: usize = 4_000_000;
/// Around how many of the first lines that do not fit the search begins.
const FIRST: usize = 20;

/// Whether the braces of a text pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// They do.
    Whole,
    /// A `}` is missing.
    Missing,
    /// A `}` closes nothing.
    Surplus,
}

/// The pieces of a text, with what is to be known of their lines.
pub struct Layout<'t> {
    facts: Vec<Fact<'t>>,
    /// Whether it is a whole configuration, and not what another one includes into some block.
    whole: bool,
    /// How many empty lines are at the end.
    gap: usize,
    /// Whether it is about HTTP alone: `proxy_pass` and the like stand elsewhere in `stream`.
    http: bool,
}

#[derive(Clone, Copy)]
struct Fact<'t> {
    kind: Kind,
    name: &'t [u8],
    /// How many words it has, if it is no block.
    words: usize,
    /// How far to the right it stands, if nothing but blanks is before it in its line.
    indent: Option<usize>,
    /// Where its line begins.
    line: usize,
    /// How many empty lines are before it.
    gap: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Simple,
    Open,
    Close,
}

impl<'t> Layout<'t> {
    /// Looks at the lines of a text.
    pub fn of(text: &'t [u8], pieces: &[Piece]) -> Self {
        // A line may be as long as the text: each is looked for once.
        let (mut line, mut seen) = (0, 0);
        let fact = |piece: &Piece| {
            let start = piece.name().start;
            let passed = text.get(seen..start).unwrap_or_default();
            if let Some(end) = memchr::memrchr(b'\n', passed) {
                line = seen + end + 1;
            }
            seen = start;
            Fact::of(text, piece, line)
        };
        let mut facts: Vec<_> = pieces.iter().map(fact).collect();
        let mut end = 0;
        for (fact, piece) in facts.iter_mut().zip(pieces) {
            fact.gap = empty_lines(text.get(end..piece.name().start));
            end = piece.end().end;
        }
        let whole = facts
            .iter()
            .any(|fact| fact.kind == Kind::Open && only_in_main(fact.name));
        let has = |name: &[u8]| {
            let mut blocks = facts.iter().filter(|fact| fact.kind == Kind::Open);
            blocks.any(|block| block.name == name)
        };
        let http = (has(b"http") || has(b"location")) && !has(b"stream") && !has(b"mail");
        Self {
            facts,
            whole,
            gap: empty_lines(text.get(end..)),
            http,
        }
    }

    /// Whether the braces pair.
    pub fn pairing(&self) -> Pairing {
        let mut depth = 0usize;
        let mut surplus = 0usize;
        for fact in &self.facts {
            match fact.kind {
                Kind::Open => depth += 1,
                Kind::Close if depth == 0 => surplus += 1,
                Kind::Close => depth -= 1,
                Kind::Simple => {}
            }
        }
        match (depth > surplus, surplus) {
            (true, _) => Pairing::Missing,
            (false, 0) => Pairing::Whole,
            (false, _) => Pairing::Surplus,
        }
    }

    /// Where the brace is that makes the others wrong, if the lines tell.
    pub fn repair(&self, missing: bool) -> Option<Repair> {
        let mut search = Search {
            layout: self,
            missing,
            left: BUDGET,
            best: None,
        };
        let last = match missing {
            true => self.facts.len(),
            false => self.facts.iter().rposition(|f| f.kind == Kind::Close)?,
        };
        search.around([last]);
        let at_the_end = search.best.as_ref()?.cost;
        search.around(self.misfits());
        search.around(0..=self.facts.len());
        let best = search.best?;
        // Among lines that are not indented, a single one that does not fit does not say where a brace is missing.
        let clear = match best.at == last {
            true => best.ties == 0,
            false => !missing || at_the_end >= best.cost + 2,
        };
        if clear || best.indented {
            return Some(Repair {
                at: best.at,
                block: best.block,
                certain: true,
            });
        }
        // Of the braces that end the text, one is missing where something seems to have ended.
        let tail = self
            .facts
            .iter()
            .rev()
            .take_while(|f| f.kind == Kind::Close)
            .count();
        let first = last.checked_sub(tail).filter(|_| missing)?;
        let at = (first..=last).max_by_key(|at| (self.gap(*at), *at))?;
        Some(Repair {
            at,
            block: self.around(at),
            certain: false,
        })
    }

    /// The innermost block that is open in front of a piece.
    fn around(&self, at: usize) -> Option<usize> {
        let mut open = Vec::new();
        for (index, fact) in self.facts.iter().enumerate().take(at) {
            match fact.kind {
                Kind::Open => open.push(index),
                Kind::Close => drop(open.pop()),
                Kind::Simple => {}
            }
        }
        open.pop()
    }

    /// How many empty lines are before a piece, or at the end.
    fn gap(&self, at: usize) -> usize {
        self.facts.get(at).map_or(self.gap, |fact| fact.gap)
    }

    /// The places around the first pieces that do not fit, as the text is.
    fn misfits(&self) -> Vec<usize> {
        let mut state = State::default();
        let mut found = Vec::new();
        for (index, fact) in self.facts.iter().enumerate() {
            let before = state.cost;
            state.step(self, index, fact);
            if state.cost > before {
                found.extend(index.saturating_sub(2)..=index + 1);
            }
            if found.len() > 4 * FIRST {
                break;
            }
        }
        found
    }
}

impl<'t> Fact<'t> {
    /// `line` is where the line begins in which it stands.
    fn of(text: &'t [u8], piece: &Piece, line: usize) -> Self {
        let (kind, name) = match piece {
            Piece::Simple { name, .. } => (Kind::Simple, name.clone()),
            Piece::Open { name, .. } => (Kind::Open, name.clone()),
            Piece::Close(at) => (Kind::Close, *at..*at + 1),
        };
        let before = text.get(..name.start).unwrap_or_default();
        // A tab counts as up to eight.
        let indent = before.get(line..).unwrap_or_default().iter().try_fold(
            0usize,
            |column, byte| match byte {
                b' ' => Some(column + 1),
                b'\t' => Some((column / 8 + 1) * 8),
                _ => None,
            },
        );
        let words = match piece {
            Piece::Simple { words, .. } => *words,
            _ => 0,
        };
        Self {
            kind,
            words,
            name: text.get(name).unwrap_or_default(),
            indent,
            line,
            gap: 0,
        }
    }
}

/// What is wrong with the braces of a text.
pub struct Repair {
    /// In front of which piece one is missing, or which one is too many.
    pub at: usize,
    /// The head of the block that is not closed there, or closed too early.
    pub block: Option<usize>,
    /// Whether that is more than a guess.
    pub certain: bool,
}

struct Best {
    at: usize,
    cost: u32,
    block: Option<usize>,
    /// How many other places cost the same.
    ties: usize,
    /// Whether the text is indented as its blocks are nested then.
    indented: bool,
}

struct Search<'l, 't> {
    layout: &'l Layout<'t>,
    missing: bool,
    left: usize,
    best: Option<Best>,
}

impl Search<'_, '_> {
    /// Tries these places, which are in order. Of those that are alike the last is kept, or one with empty lines behind it.
    fn around(&mut self, places: impl IntoIterator<Item = usize>) {
        let mut state = State::default();
        let mut done = 0;
        for at in places {
            let ahead = self.layout.facts.get(done..at).unwrap_or_default();
            for fact in ahead {
                state.step(self.layout, done, fact);
                done += 1;
            }
            self.attempt(at, &state);
        }
    }

    fn attempt(&mut self, at: usize, before: &State) {
        let facts = &self.layout.facts;
        let mut state = before.clone();
        let mut from = at;
        let block = state.open.last().map(|open| open.index);
        match self.missing {
            true => {
                let Some(top) = state.open.pop() else { return };
                if top.child.is_none() && top.index + 1 == at {
                    state.cost += EMPTY;
                }
            }
            false if facts.get(at).is_some_and(|f| f.kind == Kind::Close) => from += 1,
            false => return,
        }
        let limit = self.best.as_ref().map_or(u32::MAX, |best| best.cost);
        for (index, fact) in facts.iter().enumerate().skip(from) {
            if state.cost > limit || self.left == 0 {
                return;
            }
            self.left -= 1;
            state.step(self.layout, index, fact);
        }
        let open = u32::try_from(state.open.len()).unwrap_or(u32::MAX);
        let cost = state.cost.saturating_add(open.saturating_mul(IMPOSSIBLE));
        match &mut self.best {
            Some(best) if cost > best.cost || cost == best.cost && at == best.at => {}
            Some(best) if cost == best.cost => {
                best.ties += 1;
                let gap = |at| match self.missing {
                    true => self.layout.gap(at),
                    false => 0,
                };
                if (gap(at), at) > (gap(best.at), best.at) {
                    (best.at, best.block) = (at, block);
                    best.indented = state.is_indented();
                }
            }
            best => {
                *best = Some(Best {
                    at,
                    cost,
                    block,
                    ties: 0,
                    indented: state.is_indented(),
                });
            }
        }
    }
}

/// What was wrong up to here, and which blocks are open.
#[derive(Clone, Default)]
struct State<'t> {
    open: Vec<Open<'t>>,
    cost: u32,
    /// How far to the right those stand that are in no block.
    outermost: Option<usize>,
    /// How many blocks have a content that stands further to the right.
    deeper: usize,
    /// How many have not.
    flat: usize,
}

#[derive(Clone, Copy)]
struct Open<'t> {
    index: usize,
    fact: Fact<'t>,
    /// How far to the right its first line stands.
    child: Option<usize>,
}

impl<'t> State<'t> {
    fn step(&mut self, layout: &Layout<'t>, index: usize, fact: &Fact<'t>) {
        match fact.kind {
            Kind::Close => self.close(fact),
            Kind::Simple => self.statement(layout, fact),
            Kind::Open => {
                self.statement(layout, fact);
                self.open.push(Open {
                    index,
                    fact: *fact,
                    child: None,
                });
            }
        }
    }

    fn statement(&mut self, layout: &Layout<'t>, fact: &Fact<'t>) {
        let around = self.open.last().map(|open| open.fact.name);
        let misplaced = layout.http && is_misplaced_in_http(fact, around, layout.whole);
        if misplaced || !may_stand(fact, around, layout.whole) {
            self.cost = self.cost.saturating_add(IMPOSSIBLE);
        }
        let Some(indent) = fact.indent else { return };
        let (outer, child) = match self.open.last_mut() {
            Some(open) => (open.fact.indent, &mut open.child),
            None => (None, &mut self.outermost),
        };
        let unlike_the_first = child.is_some_and(|child| child != indent);
        let not_deeper = outer.is_some_and(|outer| indent <= outer);
        // A block whose content begins at the same place as itself is written so on purpose: that costs once.
        let new = child.is_none();
        self.flat += usize::from(new && not_deeper);
        self.deeper += usize::from(new && outer.is_some_and(|outer| indent > outer));
        // One of the same kind, as if it stood beside it: that is seldom on purpose.
        let alike = new && not_deeper && fact.kind == Kind::Open && around == Some(fact.name);
        self.cost = self
            .cost
            .saturating_add(u32::from(unlike_the_first))
            .saturating_add(u32::from(not_deeper && (new || unlike_the_first)))
            .saturating_add(u32::from(alike));
        child.get_or_insert(indent);
    }

    /// Whether what stands in blocks is further to the right than the block, in more of them than not.
    fn is_indented(&self) -> bool {
        self.deeper > self.flat
    }

    fn close(&mut self, close: &Fact<'t>) {
        let Some(Open { fact: head, .. }) = self.open.pop() else {
            self.cost = self.cost.saturating_add(IMPOSSIBLE);
            return;
        };
        let fits = match (close.indent, head.indent) {
            (Some(close), Some(head)) => close == head,
            (Some(_), None) => true,
            // Behind something else on its line it ends a block of that line.
            (None, _) => close.line == head.line,
        };
        self.cost = self.cost.saturating_add(u32::from(!fits));
    }
}

fn empty_lines(text: Option<&[u8]>) -> usize {
    let lines = text.unwrap_or_default().split(|byte| *byte == b'\n');
    let blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
    // Neither the end of the line before nor the line of what follows is one.
    let all = lines.filter(blank).count();
    all.saturating_sub(2)
}

fn only_in_main(name: &[u8]) -> bool {
    matches!(name, b"events" | b"http" | b"stream" | b"mail")
}

/// Directives without a block that stand outside of all blocks.
const OF_MAIN: [&[u8]; 24] = [
    b"daemon",
    b"debug_points",
    b"env",
    b"error_log",
    b"error_log_hints",
    b"include",
    b"load_module",
    b"lock_file",
    b"master_process",
    b"pcre_jit",
    b"pid",
    b"ssl_engine",
    b"ssl_object_cache_inheritable",
    b"thread_pool",
    b"timer_resolution",
    b"user",
    b"worker_cpu_affinity",
    b"worker_priority",
    b"worker_processes",
    b"worker_rlimit_core",
    b"worker_rlimit_nofile",
    b"worker_rlimit_sigpending",
    b"worker_shutdown_timeout",
    b"working_directory",
];

/// Whether it is certain that a directive without a block cannot stand in a block of this name, or in none.
fn is_misplaced_in_http(fact: &Fact<'_>, around: Option<&[u8]>, whole: bool) -> bool {
    if fact.kind == Kind::Open {
        return false;
    }
    if !is_a_name(fact.name) && around.map_or(whole, |around| HOLD_DIRECTIVES.contains(&around)) {
        return true;
    }
    let Some(around) = around else {
        return whole && is_known_to_nginx(fact.name) && !OF_MAIN.contains(&fact.name);
    };
    match around {
        b"http" => {
            fact.name.ends_with(b"_pass")
                || matches!(
                    fact.name,
                    b"alias"
                        | b"internal"
                        | b"try_files"
                        | b"return"
                        | b"rewrite"
                        | b"set"
                        | b"break"
                )
        }
        b"server" => {
            fact.name.ends_with(b"_pass")
                || matches!(fact.name, b"alias" | b"internal" | b"log_format")
                || is_limit_zone(fact.name)
        }
        b"location" => fact.name == b"log_format" || is_limit_zone(fact.name),
        _ => false,
    }
}

/// Blocks whose lines begin with names of directives; those of `map` and the like may begin with anything.
const HOLD_DIRECTIVES: [&[u8]; 6] = [
    b"http",
    b"server",
    b"location",
    b"if",
    b"upstream",
    b"limit_except",
];

/// Whether it could be the name of a directive.
pub fn is_a_name(text: &[u8]) -> bool {
    let of_names = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    text.first().is_some_and(u8::is_ascii_lowercase) && text.iter().all(of_names)
}

fn is_limit_zone(name: &[u8]) -> bool {
    matches!(name, b"limit_req_zone" | b"limit_conn_zone")
}

/// Whether it can be right that this stands in a block of this name, or in none: only what is certain is denied.
fn may_stand(fact: &Fact<'_>, around: Option<&[u8]>, whole: bool) -> bool {
    let block = fact.kind == Kind::Open;
    let Some(around) = around else {
        return !whole || !block || !matches!(fact.name, b"server" | b"location" | b"upstream");
    };
    match around {
        b"events" => {
            !block
                && (fact.name.starts_with(b"worker_")
                    && fact.name != b"worker_processes"
                    && fact.name != b"worker_rlimit_nofile"
                    || fact.name.starts_with(b"accept_")
                    || matches!(
                        fact.name,
                        b"use" | b"multi_accept" | b"debug_connection" | b"include"
                    ))
        }
        b"map" | b"geo" | b"split_clients" => !block && fact.words <= 2,
        b"upstream" | b"types" | b"limit_except" => !block,
        _ if !block => match fact.name {
            b"listen" | b"server_name" => around == b"server",
            b"daemon" | b"master_process" | b"worker_processes" | b"load_module" => false,
            _ => true,
        },
        _ => match fact.name {
            name if only_in_main(name) => false,
            b"server" | b"upstream" | b"map" | b"geo" | b"split_clients" => {
                matches!(around, b"http" | b"stream" | b"mail")
            }
            b"location" => matches!(around, b"server" | b"location"),
            b"if" => matches!(around, b"server" | b"location"),
            b"limit_except" => around == b"location",
            _ => true,
        },
    }
}
