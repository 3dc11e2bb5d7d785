//! The blocks `http`, `server` and `location`.

use super::limit_except::set_limit_except;
use super::listen::listen_by_default;
use super::root::Root;
use super::temp_path::TempPath;
use crate::cli::defaults::CLIENT_BODY_TEMP_PATH;
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::{Node, Word};
use crate::cycle::context::{HTTP, LOCATION, MAIN, SERVER};
use crate::cycle::{Builder, slice};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, ServerId};
use crate::http::regex::Regex;
use crate::http::router::{How, LocationMatch, ServerBuilder};
use bytes::Bytes;
use std::sync::Arc;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::block("http", MAIN, Args::Exactly(0), set_http)
        .doc("Everything about HTTP."),
    D::block("server", HTTP, Args::Exactly(0), set_server)
        .doc("A server: the addresses and names it answers for, and its locations."),
    D::block(
        "location",
        Contexts(SERVER.0 | LOCATION.0),
        Args::Between(1, 2),
        set_location,
    )
    .syntax("[= | ^~ | ~ | ~*] uri | @name")
    .doc("Settings for a part of the paths: one path, all with a prefix, all that match a regular expression, or a name to be sent to."),
    D::block("limit_except", LOCATION, Args::AtLeast(1), set_limit_except)
        .syntax("method ...")
        .doc("Settings for requests of all but these methods."),
];

fn set_http(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.seen.is_some() {
        return Err(node.fault("is duplicate"));
    }
    b.http.seen = Some(node.close);
    let (_, outer) = b.http.open(BlockKind::Http, node.name.span);
    b.within(HTTP, node.items());
    let root = Root::default_of(b);
    b.http
        .here()
        .core()
        .root
        .get_or_insert_with(|| Arc::new(root));
    set_default_temp_path(b);
    b.http.close(outer);
    Ok(())
}

/// What holds where there is no `client_body_temp_path`. A machine that never had nginx lacks the directory around it:
/// that is no reason not to start; it is made when it is needed.
fn set_default_temp_path(b: &mut Builder) {
    if b.http.here().core().client_body_temp_path.is_some() {
        return;
    }
    let path = TempPath::plain(b, CLIENT_BODY_TEMP_PATH);
    if !b.http.servers.is_empty() && path.path.parent().is_some_and(|around| around.is_dir()) {
        b.temp_paths.add(&path.path);
    }
    b.http.here().core().client_body_temp_path = Some(Arc::new(path));
}

fn set_server(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let number = ServerId(b.http.servers.len() as u32);
    b.http.servers.push(ServerBuilder::default());
    let (location, outer) = b.http.open(BlockKind::Server, node.name.span);
    if let Some(server) = b.http.servers.last_mut() {
        server.location = Some(location);
    }
    b.http.in_server = true;
    b.within(SERVER, node.items());
    b.http.in_server = false;
    b.http.close(outer);
    listen_by_default(b, number)
}

fn set_location(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let (how, name) = modifier(b, node)?;
    let location = LocationMatch {
        name,
        how,
        line: node.end,
    };
    if b.context == LOCATION {
        nest(b, &location).map_err(|message| node.error(message))?;
    }
    let span = node.args.last().map_or(node.name.span, |word| word.span);
    let (_, outer) = b.http.open(BlockKind::Location(location), span);
    b.within(LOCATION, node.items());
    b.http.close(outer);
    Ok(())
}

/// How the location is chosen, and its name. A modifier may stand apart or at the start of the name.
fn modifier(b: &mut Builder, node: &Node) -> Result<(How, Bytes), Diagnostic> {
    let first = node.arg(0).unwrap_or(&node.name);
    let Some(name) = node.arg(1) else {
        let (how, cut): (Modifier, usize) = match &first.text[..] {
            [b'=', ..] => (Modifier::Exact, 1),
            [b'^', b'~', ..] => (Modifier::NoRegex, 2),
            [b'~', b'*', ..] => (Modifier::Regex { caseless: true }, 2),
            [b'~', ..] => (Modifier::Regex { caseless: false }, 1),
            [b'@', ..] => return Ok((How::Named, first.text.clone())),
            _ => return Ok((How::Prefix, first.text.clone())),
        };
        return compile(b, &how, slice(first, cut), first);
    };
    let how = match &first.text[..] {
        b"=" => Modifier::Exact,
        b"^~" => Modifier::NoRegex,
        b"~" => Modifier::Regex { caseless: false },
        b"~*" => Modifier::Regex { caseless: true },
        _ => {
            let message = format!("invalid location modifier \"{}\"", first.str());
            return Err(node
                .error_at(first, message)
                .help("a modifier is one of =, ^~, ~ and ~*"));
        }
    };
    compile(b, &how, name.text.clone(), name)
}

enum Modifier {
    Exact,
    NoRegex,
    Regex { caseless: bool },
}

fn compile(
    b: &mut Builder,
    how: &Modifier,
    name: Bytes,
    word: &Word,
) -> Result<(How, Bytes), Diagnostic> {
    let how = match how {
        Modifier::Exact => How::Exact,
        Modifier::NoRegex => How::NoRegex,
        Modifier::Regex { caseless } => {
            How::Regex(Arc::new(Regex::compile(b, &name, *caseless, word.span)?))
        }
    };
    Ok((how, name))
}

/// Whether a location may stand in the one that is being walked.
fn nest(b: &Builder, inner: &LocationMatch) -> Result<(), String> {
    let outer = b.http.blocks.get(b.http.current);
    let Some(outer) = outer.and_then(|block| block.kind.location()) else {
        return Ok(());
    };
    let shown = |name: &Bytes| String::from_utf8_lossy(name).into_owned();
    let (name, around) = (shown(&inner.name), shown(&outer.name));
    match (&outer.how, &inner.how) {
        (How::Exact, _) => Err(format!(
            "location \"{name}\" cannot be inside the exact location \"{around}\""
        )),
        (How::Named, _) => Err(format!(
            "location \"{name}\" cannot be inside the named location \"{around}\""
        )),
        (_, How::Named) => Err(format!(
            "named location \"{name}\" can be on the server level only"
        )),
        (_, How::Regex(_)) => Ok(()),
        _ if inner.name.starts_with(&outer.name) => Ok(()),
        _ => Err(format!(
            "location \"{name}\" is outside location \"{around}\""
        )),
    }
}
