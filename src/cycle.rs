//! One load of the configuration: read, checked, collected, built. A cycle never changes once it is built;
//! a reload builds another one.

use crate::config::braces::{self, Suspect};
use crate::config::directive::{Contexts, Directive};
use crate::config::load;
use crate::config::source::{Files, Sources};
use crate::config::span::{SourceId, Span};
use crate::config::table::{Collector, Table, may_be_misplaced, walk};
use crate::config::tree::{Item, Node, Word};
use crate::config::{late, meant};
use crate::core::{self, Core, CoreRaw};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::consequence::{Unseen, suppress};
use crate::http::core::temp_path::TempPaths;
use crate::http::{self, Http};
use crate::log;
use crate::net::listen::ListenSpec;
use crate::process::{listeners, paths};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

/// The blocks of the configuration, as bits.
pub mod context {
    use super::Contexts;

    /// Outside of all blocks.
    pub const MAIN: Contexts = Contexts(1);
    /// `events { }`
    pub const EVENTS: Contexts = Contexts(1 << 1);
    /// `http { }`
    pub const HTTP: Contexts = Contexts(1 << 2);
    /// `server { }` in `http`
    pub const SERVER: Contexts = Contexts(1 << 3);
    /// `if { }` in `server`
    pub const SERVER_IF: Contexts = Contexts(1 << 4);
    /// `location { }`
    pub const LOCATION: Contexts = Contexts(1 << 5);
    /// `if { }` in `location`
    pub const LOCATION_IF: Contexts = Contexts(1 << 6);
    /// `limit_except { }`
    pub const LIMIT_EXCEPT: Contexts = Contexts(1 << 7);
    /// `upstream { }` in `http`
    pub const UPSTREAM: Contexts = Contexts(1 << 8);
    /// `http`, `server` and `location`: where most settings may stand.
    pub const EVERYWHERE: Contexts = Contexts(HTTP.0 | SERVER.0 | LOCATION.0);

    /// The names of the blocks, for messages.
    pub const NAMES: &[(Contexts, &str)] = &[
        (MAIN, "main"),
        (EVENTS, "events"),
        (HTTP, "http"),
        (SERVER, "server"),
        (SERVER_IF, "if in server"),
        (LOCATION, "location"),
        (LOCATION_IF, "if in location"),
        (LIMIT_EXCEPT, "limit_except"),
        (UPSTREAM, "upstream"),
    ];
}

/// What the command line says about the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// `-p`: what relative names of logs, pid and temporary files are relative to. Ends with a slash.
    pub prefix: PathBuf,
    /// `-c`, made absolute.
    pub conf_file: PathBuf,
    /// The directory of `conf_file`: what includes and file names are relative to.
    pub conf_prefix: PathBuf,
    /// `-e`: the first error log, and the default of `error_log`.
    pub error_log: PathBuf,
    /// `-g`: directives in front of the file.
    pub globals: Option<String>,
    /// Whether the master runs as root: a server without `listen` then listens on port 80. The worker, which has
    /// given up being root, must come to the same addresses.
    pub superuser: bool,
    /// Whether the configuration is only tested: nothing is created or bound.
    pub test: bool,
}

/// A configuration in force.
pub struct Cycle {
    /// Process-wide settings.
    pub core: Core,
    /// The sockets to listen on. Their order is the number by which the HTTP side knows them.
    pub listens: Vec<ListenSpec>,
    /// The HTTP side, if there is an `http` block.
    pub http: Option<Arc<Http>>,
    /// The error logs, and all files that logs go to.
    pub logs: log::Logs,
    /// Directories for temporary files, made before the worker starts and given to its user.
    pub temp_paths: Vec<PathBuf>,
    /// The options that it was loaded with.
    pub options: Options,
}

/// What a load yields: the cycle if there was no error, and all that is to be said.
pub struct Loaded {
    /// The configuration, unless it has errors.
    pub cycle: Option<Arc<Cycle>>,
    /// Errors and warnings, in the order in which nginx would meet them.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the text was right as far as it goes. nginx says so before it looks at what is missing.
    pub syntax_ok: bool,
    /// How many of the diagnostics come before that.
    pub first_stage: usize,
    /// The texts.
    pub sources: Arc<Sources>,
    /// What the texts say, for a test of the configuration; else empty.
    pub tree: Vec<Item>,
}

/// What the settings are collected in while the configuration is walked.
pub struct Builder {
    /// The command line.
    pub options: Options,
    /// How files are read.
    pub files: Rc<dyn Files>,
    /// The texts read so far.
    pub sources: Sources,
    /// What there is to say so far.
    pub diagnostics: Vec<Diagnostic>,
    /// How many of it are errors of single directives.
    pub errors: usize,
    /// What was not taken in.
    pub unseen: Unseen,
    /// Texts whose blocks are not what they were meant to be.
    pub derailed: Vec<SourceId>,
    /// Which brace of a text makes the others wrong, of those in which it was looked for.
    pub suspects: Vec<(SourceId, Option<Suspect>)>,
    /// The block that is being walked.
    pub context: Contexts,
    /// Settings of the core and events modules.
    pub core: CoreRaw,
    /// Error logs and log files.
    pub logs: log::LogsBuilder,
    /// Directories for temporary files that the modules in use write to.
    pub temp_paths: TempPaths,
    /// Settings of `http`, while and after that block is walked.
    pub http: http::conf::HttpBuilder,
}

/// Loads a configuration. Everything that is wrong with it is collected; nothing is opened for writing or bound.
pub fn load(options: &Options, files: Rc<dyn Files>) -> Loaded {
    load_and_keep(options, files, options.test)
}

/// The same; `keep`: whether the tree is kept for whoever looks at it afterwards.
pub fn load_and_keep(options: &Options, files: Rc<dyn Files>, keep: bool) -> Loaded {
    let mut b = Builder {
        options: options.clone(),
        files,
        sources: Sources::default(),
        diagnostics: Vec::new(),
        unseen: Unseen::default(),
        derailed: Vec::new(),
        errors: 0,
        suspects: Vec::new(),
        context: context::MAIN,
        core: CoreRaw::default(),
        logs: Default::default(),
        temp_paths: TempPaths::default(),
        http: Default::default(),
    };
    let files = Rc::clone(&b.files);
    let mut tree = Vec::new();
    if let Some(globals) = &options.globals {
        let items = load::load_text(
            globals.clone().into_bytes(),
            &options.conf_prefix,
            &*files,
            &mut b.sources,
        );
        walk(&mut b, &items, context::MAIN);
        tree = items;
    }
    let items = load::load(
        &options.conf_file,
        &options.conf_prefix,
        &*files,
        &mut b.sources,
    );
    walk(&mut b, &items, context::MAIN);
    if keep {
        tree.extend(items);
    } else {
        // What runs needs none of it.
        drop(items);
        tree = Vec::new();
    }
    log::finish(&mut b);
    let (http, listens) = http::conf::finish(&mut b);
    suppress(&mut b.diagnostics, &b.unseen);
    cut(&mut b.diagnostics);
    let (syntax_ok, first_stage) = (!failed(&b), b.diagnostics.len());
    http::zone::check(&mut b);
    let core = core::finish(&mut b, listens.len());
    if options.test {
        // What nginx makes now, in its order. It ends at the first that fails.
        let checks: [&dyn Fn(&mut Builder); 3] = [
            &|b| paths::check(b, core.account.as_ref()),
            &log::directive::check,
            &|b| listeners::check(b, &listens),
        ];
        for check in checks {
            if !failed(&b) {
                check(&mut b);
            }
        }
    }
    suppress(&mut b.diagnostics, &b.unseen);
    cut(&mut b.diagnostics);
    late::name_the_first(&mut b.diagnostics, &tree);
    meant::name_the_meant(&mut b.diagnostics, &tree, &b.sources);
    late::point_at_files(&mut b.diagnostics, &tree);
    late::point_at_settings(&mut b.diagnostics, &tree);
    if options.test {
        late::suggest_files(&mut b.diagnostics, &*files);
    }
    let sources = Arc::new(std::mem::take(&mut b.sources));
    if let Some(http) = &http {
        http.places.know(&sources);
    }
    let cycle = (!failed(&b)).then(|| {
        Arc::new(Cycle {
            core,
            listens,
            http,
            logs: b.logs.logs(),
            temp_paths: b
                .temp_paths
                .iter()
                .map(|(path, _)| path.to_owned())
                .collect(),
            options: b.options,
        })
    });
    Loaded {
        cycle,
        diagnostics: b.diagnostics,
        syntax_ok,
        first_stage,
        sources,
        tree,
    }
}

fn failed(b: &Builder) -> bool {
    b.diagnostics.iter().any(|d| d.severity.is_error())
}

impl Builder {
    /// A file name relative to the prefix (logs, pid, temporary files, documents).
    pub fn path(&self, name: &[u8]) -> PathBuf {
        join(&self.options.prefix, name)
    }

    /// A file name relative to the directory of the configuration file (includes, password files, certificates).
    pub fn conf_path(&self, name: &[u8]) -> PathBuf {
        join(&self.options.conf_prefix, name)
    }

    /// Warns, as nginx does, of a word that a directive takes all the same.
    pub fn warn(&mut self, node: &Node, word: &Word, message: impl Into<String>) {
        self.report(
            Diagnostic::warning(message)
                .at(node.end)
                .label(word.span, ""),
        );
    }

    /// Walks a block in another context.
    pub fn within(&mut self, context: Contexts, items: &[Item]) {
        let outer = std::mem::replace(&mut self.context, context);
        walk(self, items, context);
        self.context = outer;
    }
}

impl Collector for Builder {
    fn table(&self) -> &'static Table<Self> {
        static TABLE: LazyLock<Table<Builder>> = LazyLock::new(|| Table::new(&tables()));
        &TABLE
    }

    fn report(&mut self, d: Diagnostic) {
        // What is left out here must follow from an error that was reported.
        let derailed = |line: Span| {
            self.derailed.contains(&line.source)
                || !self.derailed.is_empty() && may_be_misplaced(&d.message)
        };
        let follows = d.severity.is_error() && d.line.is_some_and(derailed) && failed(self);
        if !follows {
            self.errors += usize::from(d.severity.is_error());
            self.diagnostics.push(d);
        }
    }

    fn sources(&self) -> Option<&Sources> {
        Some(&self.sources)
    }

    fn refused(&mut self, node: Option<&Node>) {
        match node {
            Some(node) => self.unseen.take(node),
            None => self.unseen.text = true,
        }
    }

    fn derailed(&mut self, source: SourceId) {
        self.unseen.text = true;
        self.derailed.push(source);
    }

    fn suspect(&mut self, source: SourceId) -> Option<Suspect> {
        if let Some((_, found)) = self.suspects.iter().find(|(of, _)| *of == source) {
            return found.clone();
        }
        let found = braces::suspect(self.sources.text(source));
        self.suspects.push((source, found.clone()));
        found
    }

    fn seen(&mut self, node: &Node, directive: &'static Directive<Builder>) {
        // What stands in `upstream { }` is of that group alone, whatever it has in common with other names.
        let of_upstream = self.context == context::UPSTREAM;
        if !self.http.blocks.is_empty() && !of_upstream {
            let block = self.http.current;
            self.http
                .places
                .add(block, directive.name, node.name.span.to(node.end));
        }
    }

    fn enough(&self) -> bool {
        self.errors >= MOST_ERRORS
    }

    fn context_name(context: Contexts) -> &'static str {
        context::NAMES
            .iter()
            .find(|(c, _)| *c == context)
            .map_or("", |(_, name)| name)
    }
}

/// After so many errors a configuration is not looked at any further. Warnings end nothing, however many there are:
/// what is warned of is in force.
const MOST_ERRORS: usize = 50;

/// Leaves out the errors that are too many, and says so.
fn cut(diagnostics: &mut Vec<Diagnostic>) {
    let mut errors = 0;
    diagnostics.retain_mut(|d| {
        let error = d.severity.is_error();
        errors += usize::from(error);
        if error && errors == MOST_ERRORS {
            d.help = vec![format!(
                "no more than {MOST_ERRORS} errors are shown: there may be others"
            )];
        }
        !error || errors <= MOST_ERRORS
    });
}

/// The directive tables of all modules.
pub fn tables() -> Vec<&'static [Directive<Builder>]> {
    let mut all: Vec<&'static [Directive<Builder>]> = core::DIRECTIVES.to_vec();
    all.push(log::directive::DIRECTIVES);
    all.extend_from_slice(http::DIRECTIVES);
    all
}

fn join(base: &Path, name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    base.join(std::ffi::OsStr::from_bytes(name))
}

/// Sets a field once; a second time is nginx's "is duplicate".
///
/// # Errors
/// The field is set already; the caller reports `"name" directive is duplicate`.
pub fn once<T>(field: &mut Option<T>, name: &Word, value: T) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(
            Diagnostic::new(format!("\"{}\" directive is duplicate", name.str()))
                .label(name.span, "set again here"),
        );
    }
    *field = Some(value);
    Ok(())
}

/// `invalid value "x"` at a word.
pub fn invalid(word: &Word) -> Diagnostic {
    Diagnostic::new(format!("invalid value \"{}\"", word.str())).label(word.span, "")
}

/// `invalid parameter "x"` at a word.
pub fn invalid_parameter(word: &Word) -> Diagnostic {
    Diagnostic::new(format!("invalid parameter \"{}\"", word.str())).label(word.span, "")
}

/// The warning about a word of a list that is in it already.
pub fn duplicate_value(word: &Word) -> String {
    format!("duplicate value \"{}\"", word.str())
}

/// The warning about a network whose address has bits behind the prefix.
pub fn meaningless_bits(word: &Word) -> String {
    format!("low address bits of {} are meaningless", word.str())
}

/// Splits `key=value`.
pub fn parameter<'a>(word: &'a Word, key: &str) -> Option<&'a [u8]> {
    word.text.strip_prefix(key.as_bytes())?.strip_prefix(b"=")
}

/// A slice of a word that shares its memory.
pub fn slice(word: &Word, from: usize) -> Bytes {
    word.text.slice(from.min(word.text.len())..)
}

/// Loads configurations from strings, for tests.
#[cfg(test)]
pub mod testing {
    use super::{Cycle, Loaded, Options, load_and_keep};
    use crate::config::source::Files;
    use std::io;
    use std::path::{Path, PathBuf};
    use std::rc::Rc;
    use std::sync::Arc;

    /// A configuration in memory, with a few certificates beside it.
    pub struct One(pub String);

    impl Files for One {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let text: &[u8] = match path.to_str() {
                Some("/p/nginx.conf") => self.0.as_bytes(),
                Some("/p/expired.pem") => include_bytes!("../tests/fixtures/expired.pem"),
                Some("/p/valid.pem") => include_bytes!("../tests/fixtures/valid.pem"),
                Some("/p/key.pem") => include_bytes!("../tests/fixtures/key.pem"),
                _ => return Err(io::Error::from_raw_os_error(2)),
            };
            Ok(text.to_vec())
        }
        fn glob(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
            Ok(Vec::new())
        }
    }

    /// Loads a text as `/p/nginx.conf`, with the prefix `/p/`.
    pub fn load_text(text: &str) -> Loaded {
        load_as(text, false)
    }

    /// The same, with the tree kept as `-t` does it.
    pub fn load_tested(text: &str) -> Loaded {
        load_as(text, true)
    }

    fn load_as(text: &str, keep: bool) -> Loaded {
        let options = Options {
            prefix: "/p/".into(),
            conf_file: "/p/nginx.conf".into(),
            conf_prefix: "/p/".into(),
            error_log: "/p/error.log".into(),
            globals: None,
            superuser: false,
            test: false,
        };
        load_and_keep(&options, Rc::new(One(text.to_owned())), keep)
    }

    /// The cycle of a configuration that must be right.
    pub fn cycle(text: &str) -> Arc<Cycle> {
        let loaded = load_text(text);
        let messages: Vec<_> = loaded.diagnostics.iter().map(|d| &d.message).collect();
        loaded.cycle.unwrap_or_else(|| panic!("{messages:?}"))
    }

    /// The first complaint about a configuration.
    pub fn first_complaint(text: &str) -> String {
        let all = load_text(text).diagnostics;
        all.first().map_or(String::new(), |d| d.message.clone())
    }
}
