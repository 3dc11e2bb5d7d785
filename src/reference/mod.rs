//! The reference pages, made from the directive tables: what stands in the tables is what the pages say.

mod manual;
mod markdown;
mod modules;

pub use manual::manual;
pub use modules::{MODULES, Module};

use crate::cli::completions;
use crate::cli::modules::MODULES as OF_NGINX;
use crate::cli::options::Shell;
use crate::config::directive::Directive;
use crate::config::known;
use crate::cycle::{Builder, tables};
use crate::lint;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A file under `docs/reference/`.
pub struct Page {
    /// Its name there: `http_gzip.md`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// All pages: one per module, the index, and the list of what is missing.
pub fn pages() -> Vec<Page> {
    let mut pages: Vec<Page> = MODULES.iter().map(markdown::module).collect();
    pages.push(Page {
        name: String::from("README.md"),
        text: markdown::index(MODULES),
    });
    pages.push(Page {
        name: String::from("lints.md"),
        text: lint::page(),
    });
    pages.push(Page {
        name: String::from("not-supported.md"),
        text: not_supported(),
    });
    pages
}

/// What an installation ships besides: the manual page and completions for shells, each with its path.
pub fn shipped() -> Vec<Page> {
    let page = |name: &str, text: String| Page {
        name: String::from(name),
        text,
    };
    vec![
        page("docs/goodgate.8", manual()),
        page("completions/goodgate.bash", completions::text(Shell::Bash)),
        page("completions/_goodgate", completions::text(Shell::Zsh)),
        page("completions/goodgate.fish", completions::text(Shell::Fish)),
    ]
}

/// What the README shows of it, with links that are relative to `docs/reference/` behind `link`.
pub fn summary(link: &str) -> String {
    let mut text = markdown::overview(MODULES, link);
    let (here, missing) = (names().len(), missing().len());
    let _ = write!(
        text,
        "\n{here} directives are supported. Of those that nginx has in its modules, {missing} are \
         [not supported yet]({link}not-supported.md): a configuration with one of them is refused with a \
         message that says so.\n"
    );
    text
}

/// The directives of tables that have no page, because no module in [`MODULES`] lists them.
pub fn without_page() -> Vec<&'static str> {
    tables()
        .into_iter()
        .filter(|table| !has_page(table))
        .flatten()
        .map(|directive| directive.name)
        .collect()
}

fn has_page(table: &[Directive<Builder>]) -> bool {
    MODULES
        .iter()
        .flat_map(|module| module.tables)
        .any(|listed| {
            // By what is in them: the same table may stand at two addresses.
            listed.len() == table.len()
                && std::iter::zip(*listed, table)
                    .all(|(a, b)| a.name == b.name && a.contexts == b.contexts)
        })
}

fn names() -> BTreeSet<&'static str> {
    let here = tables().into_iter().flatten().map(|d| d.name);
    here.chain(modules::INCLUDE.iter().map(|d| d.name))
        .collect()
}

fn missing() -> Vec<&'static str> {
    let here = names();
    known::names().filter(|name| !here.contains(name)).collect()
}

fn not_supported() -> String {
    let modules: Vec<&str> = OF_NGINX
        .iter()
        .filter(|module| !module.present)
        .map(|module| module.option)
        .collect();
    markdown::not_supported(&modules, &missing())
}
