//! The reference pages and the README's table of what is supported say what the directive tables say.
//! `UPDATE_REFERENCE=1 cargo test --test reference` writes them anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
use goodgate::reference::{pages, summary, tables_without_page};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const FOLDER: &str = "docs/reference";
const START: &str = "<!-- supported: made from the directive tables -->\n";
const END: &str = "<!-- end of supported -->\n";
const HINT: &str = "run: UPDATE_REFERENCE=1 cargo test --test reference";

fn updating() -> bool {
    std::env::var_os("UPDATE_REFERENCE").is_some()
}

#[test]
fn every_table_has_a_page() {
    assert_eq!(
        tables_without_page(),
        0,
        "list the new module's table in src/reference/modules.rs"
    );
}

#[test]
fn pages_are_current() {
    let pages = pages();
    let mut old = Vec::new();
    if updating() {
        fs::create_dir_all(FOLDER).unwrap();
    }
    for page in &pages {
        let path = Path::new(FOLDER).join(&page.name);
        if updating() {
            fs::write(&path, &page.text).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != page.text {
            old.push(page.name.clone());
        }
    }
    let names: BTreeSet<&str> = pages.iter().map(|page| page.name.as_str()).collect();
    for entry in fs::read_dir(FOLDER).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if names.contains(name.as_str()) {
            continue;
        }
        if updating() {
            fs::remove_file(Path::new(FOLDER).join(&name)).unwrap();
        } else {
            old.push(name);
        }
    }
    assert!(old.is_empty(), "not what the tables say: {old:?}; {HINT}");
}

#[test]
fn the_readme_shows_what_is_supported() {
    let text = fs::read_to_string("README.md").unwrap();
    let (before, rest) = text.split_once(START).expect("the README has the marker");
    let (shown, after) = rest.split_once(END).expect("the README has the end marker");
    let wanted = summary("docs/reference/");
    if updating() {
        fs::write("README.md", format!("{before}{START}{wanted}{END}{after}")).unwrap();
    } else {
        assert!(shown == wanted, "the README's table is old; {HINT}");
    }
}

#[test]
fn every_directive_is_explained() {
    let unexplained: Vec<String> = pages()
        .iter()
        .flat_map(|page| {
            page.text
                .split("\n## ")
                .skip(1)
                .filter(|entry| entry.contains("- May stand in:"))
                .filter(|entry| {
                    entry
                        .trim_end()
                        .lines()
                        .last()
                        .is_none_or(|l| l.starts_with("- "))
                })
                .map(|entry| {
                    format!(
                        "{}: {}",
                        page.name,
                        entry.lines().next().unwrap_or_default()
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(
        unexplained.is_empty(),
        "without a word about them: {unexplained:?}"
    );
}

#[test]
fn links_lead_to_files() {
    let mut files = vec!["README.md".into(), "CONTRIBUTING.md".into()];
    collect(Path::new("docs"), &mut files);
    let mut dead = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let folder = file.parent().unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') && !folder.join(target).exists() {
                dead.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "md") {
            files.push(path);
        }
    }
}
