//! The reference pages and the README's table of what is supported say what the directive tables say.
//! `UPDATE_REFERENCE=1 cargo test --test reference` writes them anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
use bytes::Bytes;
use goodgate::http::upstream::failure::{Cause, Failure, Kind};
use goodgate::http::upstream::state::Stage;
use goodgate::reference::{pages, shipped, summary, without_page};
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
    let without = without_page();
    assert!(
        without.is_empty(),
        "list the new module's table in src/reference/modules.rs: {without:?}"
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
fn the_manual_page_and_completions_are_current() {
    for page in shipped() {
        if updating() {
            fs::create_dir_all(Path::new(&page.name).parent().unwrap()).unwrap();
            fs::write(&page.name, &page.text).unwrap();
        }
        let text = fs::read_to_string(&page.name).unwrap_or_default();
        assert!(text == page.text, "{} is old; {HINT}", page.name);
    }
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

/// A guide shows the configuration of an example as it is: behind a comment with its path.
#[test]
fn guides_show_the_examples() {
    let mut guides = Vec::new();
    collect(Path::new("docs/guide"), &mut guides);
    let mut shown = 0;
    for guide in guides {
        let text = fs::read_to_string(&guide).unwrap();
        let Some((before, rest)) = text.split_once("<!-- examples/") else {
            continue;
        };
        let (name, rest) = rest.split_once(" -->\n").unwrap();
        let conf = fs::read_to_string(Path::new("examples").join(name)).unwrap();
        let (fence, rest) = rest.split_once('\n').unwrap();
        let (old, after) = rest.split_once("```\n").unwrap();
        if updating() {
            let new = format!("{before}<!-- examples/{name} -->\n{fence}\n{conf}```\n{after}");
            fs::write(&guide, new).unwrap();
        } else {
            assert!(
                old == conf,
                "{} shows an old {name}; {HINT}",
                guide.display()
            );
        }
        shown += 1;
    }
    assert!(shown > 0);
}

/// The page about 502 quotes the sentences that the error log has.
#[test]
fn the_page_about_502_has_the_sentences_of_the_log() {
    let page = fs::read_to_string("docs/guide/502.md").unwrap();
    let unix = Some(Bytes::from_static(b"unix:/run/app.sock"));
    let far = Some(Bytes::from_static(b"10.9.9.9:80"));
    for (cause, stage, peer) in [
        (Cause::Connect(111), Stage::Connecting, None),
        (Cause::Connect(113), Stage::Connecting, None),
        (Cause::ConnectAtOnce(2), Stage::Connecting, unix.clone()),
        (Cause::ConnectAtOnce(13), Stage::Connecting, unix.clone()),
        (Cause::ConnectAtOnce(11), Stage::Connecting, unix),
        (Cause::ConnectAtOnce(101), Stage::Connecting, far),
        (Cause::NoLiveUpstreams, Stage::Connecting, None),
        (Cause::TimedOut, Stage::Connecting, None),
        (Cause::TimedOut, Stage::Head, None),
        (Cause::ClosedEarly, Stage::Head, None),
        (Cause::ClosedEarly, Stage::Body, None),
        (Cause::Receive(104), Stage::Head, None),
        (Cause::NotHttp, Stage::Head, None),
        (Cause::HeaderTooBig, Stage::Head, None),
        (Cause::UnaskedUpgrade, Stage::Head, None),
        (Cause::Socket(24), Stage::Connecting, None),
        (Cause::NoPlace(1024), Stage::Connecting, None),
        (Cause::HandshakeClosed(None), Stage::Handshaking, None),
        (
            Cause::CertificateName(Bytes::from_static(b"app.example")),
            Stage::Handshaking,
            None,
        ),
        (
            Cause::NoResolver(Bytes::from_static(b"nosuch.test")),
            Stage::Resolving,
            None,
        ),
    ] {
        let mut failure = Failure::new(cause, stage);
        failure.peer = peer;
        assert!(page.contains(&format!("    {failure}\n")), "{failure}");
    }
}

/// It goes through all causes.
#[test]
fn the_page_about_502_has_every_cause() {
    let page = fs::read_to_string("docs/guide/502.md").unwrap();
    let missing: Vec<&str> = Kind::ALL
        .iter()
        .filter(|kind| **kind != Kind::Status)
        .map(|kind| kind.name())
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
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
