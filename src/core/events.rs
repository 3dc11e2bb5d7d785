//! The block `events` and its directives, nginx's event modules.

use super::{argument, at, whole_number};
use crate::config::directive::{Args, Directive};
use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::{EVENTS, MAIN};
use crate::diagnostic::Diagnostic;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::block("events", MAIN, Args::Exactly(0), set_events)
        .doc("Holds the directives about connections. It must be there, and may be empty."),
    D::custom("worker_connections", EVENTS, Args::Exactly(1), set_worker_connections)
        .syntax("number")
        .default("512")
        .doc("How many connections a thread of the worker may have open, those to upstream servers included."),
    D::custom("use", EVENTS, Args::Exactly(1), set_use)
        .syntax("method")
        .doc("No effect but a check: connections are always watched by epoll."),
    D::flag("multi_accept", EVENTS, |b| &mut b.core.without_effect.multi_accept)
        .default("off")
        .doc("No effect: all connections that wait are accepted in one go."),
    D::flag("accept_mutex", EVENTS, |b| &mut b.core.without_effect.accept_mutex)
        .default("off")
        .doc("No effect: the kernel chooses the thread that accepts."),
    D::time("accept_mutex_delay", EVENTS, |b| &mut b.core.without_effect.accept_mutex_delay)
        .default("500ms")
        .doc("No effect: there is no mutex to wait for."),
    D::number("epoll_events", EVENTS, |b| &mut b.core.without_effect.epoll_events)
        .default("512")
        .doc("No effect: the event loop takes up to 1024 events at a time."),
    D::number("worker_aio_requests", EVENTS, |b| &mut b.core.without_effect.worker_aio_requests)
        .default("32")
        .doc("No effect: files are not read by the kernel's asynchronous interface."),
    D::custom("debug_connection", EVENTS, Args::Exactly(1), set_debug_connection)
        .syntax("address | CIDR | unix:")
        .doc("Ignored with nginx's warning, as in a build of nginx without --with-debug."),
];

fn set_events(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.events {
        return Err(node.fault("is duplicate"));
    }
    b.core.events = true;
    b.within(EVENTS, node.items());
    Ok(())
}

fn set_worker_connections(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.worker_connections.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let text = argument(node, 0);
    let number = whole_number(text);
    let message = || format!("invalid number \"{}\"", String::from_utf8_lossy(text));
    b.core.worker_connections = Some(number.ok_or_else(|| at(node, 0, message()))?);
    Ok(())
}

fn set_use(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.event_method.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let method = (argument(node, 0) == b"epoll").then_some("epoll");
    let message = || {
        format!(
            "invalid event type \"{}\"",
            String::from_utf8_lossy(argument(node, 0))
        )
    };
    b.core.event_method = Some(method.ok_or_else(|| {
        at(node, 0, message()).help("on Linux the method is epoll; the line can be left out")
    })?);
    Ok(())
}

fn set_debug_connection(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let warning = Diagnostic::warning(
        "\"debug_connection\" is ignored, you need to rebuild nginx using --with-debug option to enable it",
    );
    b.report(warning.at(node.end).label(node.name.span, ""));
    Ok(())
}
