//! Lint: what nginx accepts and nobody means. Rules look at the tree that was read; they are applied by `-t` alone.
//!
//! Each rule is one file: its code, why it is one, a bad and a good example, and what it looks for.

mod allow;
mod hit;
mod rules;
pub mod site;
mod text;

pub use hit::Hits;
pub use rules::RULES;
pub use text::{explain, page, whole};

use crate::config::source::Sources;
use crate::config::tree::{Item, Node};
use crate::diagnostic::{Code, Diagnostic};
pub use site::Around;
use site::{BlockId, Site};
use std::collections::HashMap;

/// A rule.
pub struct Rule {
    /// Its number and name.
    pub code: Code,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that is bad and what to do, in a few sentences.
    pub why: &'static str,
    /// What it complains about: lines of a `server` block, or of `http` where they begin with a block of it.
    pub bad: &'static str,
    /// The same done right.
    pub good: &'static str,
    /// Whether it only applies under `--strict`.
    pub strict: bool,
    /// What it looks at.
    pub check: Check,
}

/// What a rule looks at.
pub enum Check {
    /// Directives of these names, one at a time.
    Directives(
        &'static [&'static str],
        fn(&Site<'_>, BlockId, &Node, &mut Hits),
    ),
    /// Each location, server and other block of HTTP.
    Blocks(fn(&Site<'_>, BlockId, &mut Hits)),
    /// The whole configuration.
    Site(fn(&Site<'_>, &mut Hits)),
}

/// Applies all rules to a configuration that was loaded without errors.
pub fn check(tree: &[Item], sources: &Sources, around: &Around<'_>) -> Vec<Diagnostic> {
    let rules = RULES.iter().copied();
    let rules = rules.filter(|rule| around.strict || !rule.strict);
    apply(rules, &Site::new(tree, sources, around))
}

/// Applies some rules.
pub fn apply(
    rules: impl Iterator<Item = &'static Rule> + Clone,
    site: &Site<'_>,
) -> Vec<Diagnostic> {
    let mut hits = Hits::default();
    let mut by_name: HashMap<&[u8], Vec<&'static Rule>, foldhash::fast::FixedState> =
        HashMap::default();
    for rule in rules.clone() {
        if let Check::Directives(names, _) = rule.check {
            for name in names {
                by_name.entry(name.as_bytes()).or_default().push(rule);
            }
        }
    }
    site.each(|id, node| {
        for rule in by_name.get(&node.name.text[..]).into_iter().flatten() {
            if let Check::Directives(_, check) = rule.check {
                hits.of(rule);
                check(site, id, node, &mut hits);
            }
        }
    });
    for rule in rules {
        hits.of(rule);
        match rule.check {
            Check::Directives(..) => {}
            Check::Blocks(check) => site.ids().for_each(|id| check(site, id, &mut hits)),
            Check::Site(check) => check(site, &mut hits),
        }
    }
    let mut found = hits.into_diagnostics();
    found.retain(|d| !allow::is_allowed(d, site.sources));
    // In the order of the files, whichever rule found it.
    found.sort_by_key(|d| d.line.map(|span| (span.source, span.start)));
    // A file that several servers include is looked at for each of them.
    found.dedup_by(|a, b| a.rule == b.rule && a.labels == b.labels && a.message == b.message);
    found
}

#[cfg(test)]
pub mod testing {
    //! What the tests of rules have in common.

    use super::site::{Around, Site};
    use super::{Rule, apply};
    use crate::cycle;
    use std::path::Path;

    /// What a rule says about a text: `http` or `server` lines, or a whole configuration.
    pub fn messages(rule: &'static Rule, text: &str) -> Vec<String> {
        let text = super::text::whole(text);
        let loaded = cycle::testing::load_tested(&text);
        let complaints: Vec<_> = loaded.diagnostics.iter().map(|d| &d.message).collect();
        assert!(loaded.cycle.is_some(), "{complaints:?} of:\n{text}");
        let around = Around {
            strict: true,
            open_files: None,
            files: &cycle::testing::One(String::new()),
            conf_prefix: Path::new("/p/"),
            now: 1_800_000_000,
        };
        let site = Site::new(&loaded.tree, &loaded.sources, &around);
        apply(std::iter::once(rule), &site)
            .iter()
            .map(|d| d.message.clone())
            .collect()
    }

    /// The bad example is found and the good one is not.
    pub fn examples(rule: &'static Rule) {
        let bad = messages(rule, rule.bad);
        assert!(
            !bad.is_empty(),
            "the bad example of {} is not found",
            rule.code.name
        );
        let good = messages(rule, rule.good);
        assert!(
            good.is_empty(),
            "the good example of {}: {good:?}",
            rule.code.name
        );
    }

    /// None of these is found.
    pub fn fine(rule: &'static Rule, texts: &[&str]) {
        for text in texts {
            let said = messages(rule, text);
            assert!(said.is_empty(), "{said:?} of:\n{text}");
        }
    }

    /// All of these are found.
    pub fn found(rule: &'static Rule, texts: &[&str]) {
        for text in texts {
            assert!(!messages(rule, text).is_empty(), "nothing of:\n{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_sorted() {
        let numbers: Vec<_> = RULES.iter().map(|rule| rule.code.number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn every_rule_finds_its_bad_example_and_not_its_good_one() {
        for rule in RULES {
            testing::examples(rule);
        }
    }

    #[test]
    fn a_comment_on_the_line_above_silences_one_place() {
        let rule = RULES
            .iter()
            .find(|rule| rule.code.name == "alias-traversal");
        let rule = rule.unwrap();
        let text = "location /a { alias /srv/a/; }\n# goodgate: allow(alias-traversal) public anyway\n\
                    location /b { alias /srv/b/; }\n# goodgate: allow(L0101, other)\n\
                    # and more\nlocation /c { alias /srv/c/; }\n";
        let said = testing::messages(rule, text);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("/a"), "{said:?}");
    }
}
