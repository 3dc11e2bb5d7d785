//! Our subscriber of `tracing`: events of this program become lines of the error log.

use super::{Level, main};
use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};

/// The target of our own events; those of libraries are not taken.
pub(super) const TARGET: &str = "goodgate";

/// Makes it the subscriber of the process. A second call has no effect.
pub(super) fn install() {
    let _ = tracing::subscriber::set_global_default(Subscriber);
}

struct Subscriber;

impl tracing::Subscriber for Subscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // The level changes with the configuration: each event asks anew.
        match is_ours(metadata) {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata) && main::takes(level_of(*metadata.level()))
    }

    fn event(&self, event: &Event<'_>) {
        let mut parts = Parts {
            level: level_of(*event.metadata().level()),
            connection: None,
            message: String::new(),
            context: String::new(),
        };
        event.record(&mut parts);
        if main::takes(parts.level) {
            main::logs().write(
                parts.level,
                parts.connection,
                format_args!("{}", parts.message),
                |out| out.extend_from_slice(parts.context.as_bytes()),
            );
        }
    }

    // Spans say nothing that a line of the error log would show.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let rest = target.strip_prefix(TARGET);
    metadata.is_event() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn level_of(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// What an event says. `level` carries one of nginx's levels, `connection` a connection's number; any other field
/// follows the message as `, name: value`.
struct Parts {
    level: Level,
    connection: Option<u64>,
    message: String,
    context: String,
}

impl Visit for Parts {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "level" => self.level = Level::from_number(value).unwrap_or(self.level),
            "connection" => self.connection = Some(value),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.context, ", {name}: {value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::{ErrorLogs, Sink, Target};
    use super::super::memory::Ring;
    use super::super::{Logs, put_in_force};
    use super::*;
    use std::sync::Arc;

    #[test]
    fn events_become_lines_of_the_log_in_force() {
        let ring = Arc::new(Ring::new(8192, ""));
        let sink = Sink {
            target: Target::Memory(Arc::clone(&ring)),
            level: Level::Info,
        };
        put_in_force(&Logs {
            error: Arc::new(ErrorLogs::new(vec![sink])),
            ..Logs::default()
        });
        tracing::subscriber::with_default(Subscriber, || {
            tracing::info!(file = "/a", "reading");
            tracing::debug!("too much");
            tracing::info!(target: "tokio::task", "not ours");
            super::super::event!(Notice, "signal {} received", 1);
            tracing::info!(connection = 5_u64, "closed");
        });
        let text = String::from_utf8(ring.text()).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let has = |level: &str, end: &str| {
            lines
                .iter()
                .any(|line| line.contains(level) && line.ends_with(end))
        };
        assert!(has("[info]", ": reading, file: /a"), "{text}");
        assert!(has("[notice]", ": signal 1 received"), "{text}");
        assert!(has("[info]", ": *5 closed"), "{text}");
        assert!(!text.contains("too much") && !text.contains("not ours"));
    }
}
