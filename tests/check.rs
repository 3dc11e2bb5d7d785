//! Golden tests of diagnostics: each `tests/check/NAME.conf` is held against a small table of directives, and what is
//! said about it must be what stands in `NAME.txt`. With `UPDATE_GOLDEN=1` the texts are written anew.

use bytes::Bytes;
use goodgate::config::directive::{Args, Contexts, Directive};
use goodgate::config::load::load;
use goodgate::config::source::{Disk, Sources};
use goodgate::config::table::{Collector, Table, entries, walk};
use goodgate::config::tree::Node;
use goodgate::diagnostic::Diagnostic;
use goodgate::diagnostic::render::human;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

const MAIN: Contexts = Contexts(1);
const HTTP: Contexts = Contexts(2);
const SERVER: Contexts = Contexts(4);
const LOCATION: Contexts = Contexts(8);

#[derive(Default)]
struct Settings {
    sendfile: Option<bool>,
    connections: Option<i64>,
    buffer: Option<u64>,
    body: Option<u64>,
    timeout: Option<Duration>,
    valid: Option<Duration>,
    root: Option<Bytes>,
    etag: Option<usize>,
    said: Vec<Diagnostic>,
}

impl Collector for Settings {
    fn table(&self) -> &'static Table<Self> {
        static TABLE: LazyLock<Table<Settings>> = LazyLock::new(|| Table::new(&[DIRECTIVES]));
        &TABLE
    }
    fn report(&mut self, diagnostic: Diagnostic) {
        self.said.push(diagnostic);
    }
    fn context_name(context: Contexts) -> &'static str {
        match context {
            MAIN => "the main context",
            HTTP => "http",
            SERVER => "server",
            _ => "location",
        }
    }
}

const ALL: Contexts = Contexts(HTTP.0 | SERVER.0 | LOCATION.0);

type D = Directive<Settings>;

static DIRECTIVES: &[Directive<Settings>] = &[
    D::block("http", MAIN, Args::Exactly(0), |b, node| {
        into(b, node, HTTP)
    }),
    D::block("server", HTTP, Args::Exactly(0), |b, node| {
        into(b, node, SERVER)
    }),
    D::block(
        "location",
        Contexts(SERVER.0 | LOCATION.0),
        Args::Between(1, 2),
        |b, node| into(b, node, LOCATION),
    )
    .syntax("[ = | ~ | ~* | ^~ ] uri"),
    D::block("types", ALL, Args::Exactly(0), |b, node| {
        entries(b, node, |_, entry| match entry.args.len() {
            0 => Err(entry.error("invalid number of arguments")),
            _ => Ok(()),
        });
        Ok(())
    }),
    D::number("worker_processes", MAIN, |b| &mut b.connections),
    D::flag("sendfile", ALL, |b| &mut b.sendfile),
    D::size("output_buffers", ALL, |b| &mut b.buffer),
    D::offset("client_max_body_size", ALL, |b| &mut b.body),
    D::time("send_timeout", ALL, |b| &mut b.timeout),
    D::seconds("expires", ALL, |b| &mut b.valid),
    D::text("root", ALL, |b| &mut b.root).syntax("path"),
    D::choice("if_modified_since", ALL, &["off", "exact", "before"], |b| {
        &mut b.etag
    }),
    D::custom("proxy_pass", LOCATION, Args::Exactly(1), |_, _| Ok(())).syntax("URL"),
    D::custom(
        "return",
        Contexts(SERVER.0 | LOCATION.0),
        Args::Between(1, 2),
        |_, _| Ok(()),
    ),
];

fn into(b: &mut Settings, node: &Node, context: Contexts) -> Result<(), Diagnostic> {
    let said = std::mem::take(&mut b.said);
    let mut inner = Settings {
        said,
        ..Settings::default()
    };
    walk(&mut inner, node.items(), context);
    b.said = inner.said;
    Ok(())
}

fn check(path: &Path) -> String {
    let mut sources = Sources::new();
    let items = load(path, Path::new("tests/check/"), &Disk, &mut sources);
    let mut settings = Settings::default();
    walk(&mut settings, &items, MAIN);
    settings
        .said
        .iter()
        .map(|d| human(d, &sources, false))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn diagnostics_are_as_written_down() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir("tests/check").unwrap() {
        let path = Path::new("tests/check").join(entry.unwrap().file_name());
        if path.extension().is_none_or(|e| e != "conf") {
            continue;
        }
        count += 1;
        let said = check(&path);
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &said).unwrap();
        }
        let want = std::fs::read_to_string(&golden).unwrap_or_default();
        if said != want {
            wrong.push(format!("{}:\n{said}", path.display()));
        }
    }
    assert!(count > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
