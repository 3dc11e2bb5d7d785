//! Regular expressions of the configuration: PCRE2, with nginx's messages and its named captures.

use super::prefilter::Prefilter;
use super::request::Request;
use super::variable::VarId;
use crate::config::span::Span;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use pcre2::bytes::{CaptureLocations, Regex as Pcre, RegexBuilder};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// How far the stack of a compiled expression may grow. The 32 KiB that PCRE2 takes by itself are not enough for
/// `(a|b)+` on a path of a few kilobytes, which nginx, whose expressions are interpreted, matches.
const JIT_STACK: usize = 2 * 1024 * 1024;

/// A compiled expression. Matching it in a request sets `$1`..`$9` and the named captures of that request.
#[derive(Debug)]
pub struct Regex {
    pattern: Pcre,
    number: u32,
    named: Box<[(u32, VarId)]>,
    /// Whether anybody can see captures of it: it has groups.
    groups: bool,
    caseless: bool,
    prefilter: Prefilter,
}

impl Regex {
    /// Compiles a pattern; its named groups become variables.
    ///
    /// # Errors
    /// nginx's `pcre2_compile() failed: ... in "..." at "..."`.
    pub fn compile(
        b: &mut Builder,
        pattern: &[u8],
        caseless: bool,
        span: Span,
    ) -> Result<Self, Diagnostic> {
        let text = String::from_utf8_lossy(pattern);
        // A test of the configuration only needs to know that it is a pattern: machine code of it is for those who match.
        let matched = !b.options.test;
        let compiled = RegexBuilder::new()
            .caseless(caseless)
            .jit_if_available(matched)
            .max_jit_stack_size(Some(JIT_STACK))
            .build(&text);
        let pattern = compiled.map_err(|e| failure(b, &text, &e, span))?;
        let mut named = Vec::new();
        for (group, name) in pattern.capture_names().iter().enumerate() {
            if let Some(name) = name {
                let id = b
                    .http
                    .variables
                    .define_slot(name.as_bytes())
                    .map_err(Diagnostic::new)?;
                named.push((group as u32, id));
            }
        }
        let groups = pattern.captures_len() > 1;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Regex {
            pattern,
            number,
            named: named.into(),
            groups,
            caseless,
            prefilter: Prefilter::of(text.as_bytes(), caseless),
        })
    }

    /// Matches a subject; on a match the captures become the request's. One that cannot be matched (a pattern in
    /// UTF mode and bytes that are not UTF-8, a limit exceeded) is logged and counts as no match.
    pub fn matches(&self, req: &Request, subject: &[u8]) -> bool {
        self.exec(req, subject).unwrap_or(false)
    }

    /// The same, telling failure from no match.
    ///
    /// # Errors
    /// Matching failed, which has been logged; nginx answers 500 where it can.
    pub fn exec(&self, req: &Request, subject: &[u8]) -> Result<bool, MatchFailed> {
        if !self.prefilter.may_match(subject) {
            return Ok(false);
        }
        if !self.groups {
            let hit = self.pattern.is_match(subject);
            let hit = hit.map_err(|e| self.failed(req, subject, &e))?;
            if hit {
                req.clear_captures();
            }
            return Ok(hit);
        }
        LOCATIONS.with_borrow_mut(|all| {
            let locations = all
                .entry(self.number)
                .or_insert_with(|| self.pattern.capture_locations());
            let found = self.pattern.captures_read(locations, subject);
            let hit = found.map_err(|e| self.failed(req, subject, &e))?.is_some();
            if hit {
                self.keep(req, subject, locations);
            }
            Ok(hit)
        })
    }

    fn failed(&self, req: &Request, subject: &[u8], e: &pcre2::Error) -> MatchFailed {
        crate::log::request(
            req,
            crate::log::Level::Alert,
            format_args!(
                "pcre2_match() failed: {} on \"{}\" using \"{}\"",
                e.code(),
                crate::log::Raw(subject),
                self.as_str()
            ),
        );
        MatchFailed
    }

    /// Whether it matches, leaving the request's captures as they are.
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.prefilter.may_match(subject) && self.pattern.is_match(subject).unwrap_or(false)
    }

    /// What the first two groups of a match hold, leaving the request's captures as they are; `None`: no match.
    ///
    /// # Errors
    /// Matching failed, which has been logged.
    pub fn split<'s>(
        &self,
        req: &Request,
        subject: &'s [u8],
    ) -> Result<Option<Halves<'s>>, MatchFailed> {
        LOCATIONS.with_borrow_mut(|all| {
            let locations = all
                .entry(self.number)
                .or_insert_with(|| self.pattern.capture_locations());
            let found = self.pattern.captures_read(locations, subject);
            if found.map_err(|e| self.failed(req, subject, &e))?.is_none() {
                return Ok(None);
            }
            let group = |number| {
                let span = locations.get(number);
                span.and_then(|(a, z)| subject.get(a..z))
                    .unwrap_or_default()
            };
            Ok(Some((group(1), group(2))))
        })
    }

    /// How many groups it has.
    pub fn groups(&self) -> usize {
        self.pattern.captures_len().saturating_sub(1)
    }

    /// Whether it has groups.
    pub fn has_captures(&self) -> bool {
        self.groups
    }

    /// Whether upper and lower case are the same to it.
    pub fn is_caseless(&self) -> bool {
        self.caseless
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.pattern.as_str()
    }

    fn keep(&self, req: &Request, subject: &[u8], locations: &CaptureLocations) {
        let mut spans = smallvec::SmallVec::<[(u32, u32); 10]>::new();
        for i in 0..locations.len() {
            let (a, z) = locations.get(i).unwrap_or((1, 0));
            spans.push((a as u32, z as u32));
        }
        req.set_captures(subject, &spans);
        for (group, id) in &self.named {
            let text = locations
                .get(*group as usize)
                .and_then(|(a, z)| subject.get(a..z));
            req.set_slot(*id, text.unwrap_or_default());
        }
    }
}

/// What the first two groups of a match hold.
pub type Halves<'s> = (&'s [u8], &'s [u8]);

/// A pattern could not be matched at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchFailed;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Frees what this thread keeps for expressions: called when a new cycle comes into force.
pub fn forget_locations() {
    LOCATIONS.with_borrow_mut(HashMap::clear);
}

thread_local! {
    /// Room for captures, one for each expression that was used on this thread: making it anew costs an allocation.
    static LOCATIONS: RefCell<HashMap<u32, CaptureLocations, foldhash::fast::FixedState>> = RefCell::default();
}

fn failure(b: &Builder, pattern: &str, e: &pcre2::Error, span: Span) -> Diagnostic {
    let text = e.to_string();
    // The crate says "PCRE2: error compiling pattern at offset N: reason".
    let reason = text
        .split_once(" at offset ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .map_or(text.as_str(), |(_, reason)| reason);
    let offset = e.offset().unwrap_or(pattern.len()).min(pattern.len());
    let rest = pattern.as_bytes().get(offset..).unwrap_or_default();
    // It goes by bytes, and may have stopped inside of a character.
    let rest = String::from_utf8_lossy(rest);
    let d = Diagnostic::new(if rest.is_empty() {
        format!("pcre2_compile() failed: {reason} in \"{pattern}\"")
    } else {
        format!("pcre2_compile() failed: {reason} in \"{pattern}\" at \"{rest}\"")
    });
    d.label(position(b, pattern, offset, span), reason)
}

/// The character of the pattern that its compiler stopped at, as it stands in the file; the whole word where escapes
/// make that unclear.
fn position(b: &Builder, pattern: &str, offset: usize, word: Span) -> Span {
    let Some(written) = b.sources.find_in(word, pattern.as_bytes()) else {
        return word;
    };
    // What is wrong at the end is shown at the last character.
    let last = pattern.len().saturating_sub(1);
    let start = u32::try_from(offset.min(last)).unwrap_or(0);
    let start = written.start.saturating_add(start);
    Span {
        start,
        end: start.saturating_add(1).min(written.end),
        ..written
    }
}
