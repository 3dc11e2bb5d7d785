//! Directives as Markdown.

use super::{Module, Page};
use crate::config::directive::{Contexts, Directive, Set};
use crate::config::table::Collector;
use crate::cycle::Builder;
use std::fmt::Write;

/// The page of a module.
pub fn module(module: &Module) -> Page {
    let mut text = String::from(GENERATED);
    let Module {
        name, nginx, about, ..
    } = module;
    let _ = write!(text, "# {nginx}\n\n{about}.\n");
    for directive in module.tables.iter().copied().flatten() {
        let _ = write!(text, "\n## {}\n\n{}", directive.name, entry(directive));
    }
    Page {
        name: format!("{name}.md"),
        text,
    }
}

/// The index: the modules, then every directive with its page.
pub fn index(modules: &[Module]) -> String {
    let mut text = format!(
        "{GENERATED}# Reference\n\nEvery directive that goodgate understands. What nginx 1.31 has and goodgate \
         does not is in [not-supported.md](not-supported.md); where the two differ, \
         [differences.md](../differences.md) says how and why. What `-t` warns of is in [lints.md](lints.md).\n\n{}\n## All directives\n\n",
        overview(modules, "")
    );
    let mut lines: Vec<String> = modules
        .iter()
        .flat_map(|module| {
            module
                .tables
                .iter()
                .copied()
                .flatten()
                .map(move |directive| (module, directive.name))
        })
        .map(|(module, name)| {
            format!(
                "- [`{name}`]({}.md#{name}) ({})\n",
                module.name, module.nginx
            )
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    text.extend(lines);
    text.push_str(
        "\n## Without effect\n\nRead and checked as by nginx, and without effect here:\n\n",
    );
    let all = modules.iter().flat_map(|m| m.tables).copied().flatten();
    let mut lines: Vec<String> = all
        .filter_map(|d| Some(format!("- `{}`: {}\n", d.name, why_without_effect(d)?)))
        .collect();
    lines.sort_unstable();
    lines.dedup();
    text.extend(lines);
    text
}

/// Why a directive is read and does nothing; none if it does something.
fn why_without_effect(directive: &Directive<Builder>) -> Option<&'static str> {
    match directive.set {
        Set::NoOp(why) => Some(why),
        _ => directive.doc.strip_prefix("No effect: "),
    }
    .map(|why| why.trim_end_matches('.'))
}

/// A table of the modules.
pub fn overview(modules: &[Module], link: &str) -> String {
    let mut text = String::from("| Module | What it is for | Directives |\n|---|---|---:|\n");
    for Module {
        name,
        nginx,
        about,
        tables,
    } in modules
    {
        let mut names: Vec<&str> = tables.iter().copied().flatten().map(|d| d.name).collect();
        names.sort_unstable();
        names.dedup();
        let count = names.len();
        let _ = writeln!(text, "| [{nginx}]({link}{name}.md) | {about} | {count} |");
    }
    text
}

/// The page of what nginx has and we do not.
pub fn not_supported(modules: &[&str], directives: &[&str]) -> String {
    let mut text = format!(
        "{GENERATED}# Not supported yet\n\nnginx 1.31 knows these. A configuration that uses one is refused, so that \
         nothing is silently left out:\n\n    nginx: [emerg] \"...\" directive is known to nginx, not supported by \
         goodgate yet\n\n## Modules\n\nBy the name that nginx's `configure` has for them; `goodgate -V` shows the \
         same list.\n\n"
    );
    for module in modules {
        let _ = writeln!(text, "- {module}");
    }
    text.push_str(
        "\n## Directives\n\nThose of the modules above, and of modules that are here in part.\n\n",
    );
    for directive in directives {
        let _ = writeln!(text, "- `{directive}`");
    }
    text
}

const GENERATED: &str =
    "<!-- Made from the directive tables: UPDATE_REFERENCE=1 cargo test --test reference -->\n\n";

fn entry(directive: &Directive<Builder>) -> String {
    let mut text = format!("    {}\n\n", usage(directive));
    if !directive.default.is_empty() {
        let Directive { name, default, .. } = directive;
        let end = if directive.block { "" } else { ";" };
        let _ = writeln!(text, "- Default: `{name} {default}{end}`");
    }
    let _ = writeln!(text, "- May stand in: {}", contexts(directive.contexts));
    if directive.extension {
        text.push_str("- Only in goodgate: nginx refuses it\n");
    }
    text.push('\n');
    let _ = match why_without_effect(directive) {
        Some(why) => writeln!(text, "Accepted, and has no effect: {why}."),
        None => writeln!(text, "{}", directive.doc),
    };
    text
}

/// `gzip on | off;`
fn usage(directive: &Directive<Builder>) -> String {
    let name = directive.name;
    let arguments = match directive.set {
        Set::Enum(words, _) if directive.syntax.is_empty() => words.join(" | "),
        _ => directive.syntax.to_owned(),
    };
    let space = if arguments.is_empty() { "" } else { " " };
    let end = if directive.block { " { ... }" } else { ";" };
    format!("{name}{space}{arguments}{end}")
}

/// `http, server, location`
pub fn contexts(contexts: Contexts) -> String {
    let names: Vec<&str> = (0..u32::BITS)
        .map(|shift| Contexts(1 << shift))
        .filter(|one| contexts.meets(*one))
        .map(Builder::context_name)
        .filter(|name| !name.is_empty())
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::directive::Args;
    use crate::cycle::context::{EVENTS, EVERYWHERE, HTTP};

    type D = Directive<Builder>;

    #[test]
    fn a_directive_says_all_that_its_entry_says() {
        let d = D::custom("gate", EVERYWHERE, Args::Exactly(1), |_, _| Ok(()))
            .syntax("size")
            .default("8k")
            .doc("Opens.")
            .extension();
        assert_eq!(
            entry(&d),
            "    gate size;\n\n- Default: `gate 8k;`\n- May stand in: http, server, location\n\
             - Only in goodgate: nginx refuses it\n\nOpens.\n"
        );
    }

    #[test]
    fn words_blocks_and_no_ops() {
        let choice = D::choice("etag", HTTP, &["off", "on"], |_| unreachable!());
        assert_eq!(usage(&choice), "etag off | on;");
        let block = D::block("types", HTTP, Args::Exactly(0), |_, _| Ok(()));
        assert_eq!(usage(&block), "types { ... }");
        let idle =
            D::no_op("use", EVENTS, Args::Exactly(1), "there is one method").syntax("method");
        assert!(entry(&idle).ends_with("Accepted, and has no effect: there is one method.\n"));
    }
}
