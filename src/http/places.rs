//! Where the settings in force were written: asked only when something has failed and is to be explained.

use super::conf::{Http, LocationId};
use crate::config::source::Sources;
use crate::config::span::Span;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// One directive as it stands in a block.
struct Written {
    block: LocationId,
    name: &'static str,
    span: Span,
}

/// Places while the configuration is walked.
#[derive(Default)]
pub struct PlacesBuilder(Vec<Written>);

impl PlacesBuilder {
    /// Takes note of a directive.
    pub fn add(&mut self, block: usize, name: &'static str, span: Span) {
        let block = LocationId(u32::try_from(block).unwrap_or(u32::MAX));
        self.0.push(Written { block, name, span });
    }

    /// Fixes them.
    pub fn finish(mut self) -> Places {
        // Blocks are opened one after the other, so that this is nearly sorted.
        self.0.sort_by_key(|written| written.block);
        Places {
            written: self.0.into(),
            sources: OnceLock::new(),
        }
    }
}

/// Places of the directives of a cycle.
pub struct Places {
    written: Box<[Written]>,
    sources: OnceLock<Arc<Sources>>,
}

impl Places {
    /// Has places shown by the texts that they are in.
    pub fn know(&self, sources: &Arc<Sources>) {
        let _ = self.sources.set(Arc::clone(sources));
    }

    /// Where the directive of this name stands whose value holds in a block; none if it is the default.
    pub fn of(&self, http: &Http, block: LocationId, name: &str) -> Option<Span> {
        let mut at = Some(block);
        while let Some(block) = at {
            if let Some(span) = self.within(block, name) {
                return Some(span);
            }
            at = http.location(block).parent;
        }
        None
    }

    fn within(&self, block: LocationId, name: &str) -> Option<Span> {
        let start = self.written.partition_point(|w| w.block < block);
        let mut own = self.written.iter().skip(start);
        own.by_ref()
            .take_while(|w| w.block == block)
            .find(|w| w.name == name)
            .map(|w| w.span)
    }

    /// `conf.d/app.conf:12`: the file as seen from the directory of the main file.
    pub fn show(&self, span: Span) -> String {
        let Some(sources) = self.sources.get() else {
            return String::from("the configuration");
        };
        let home = sources.files().next().and_then(|(path, _)| path.parent());
        let path = sources.path(span.source);
        let path = home
            .and_then(|home| path.strip_prefix(home).ok())
            .filter(|rest| *rest != Path::new(""))
            .unwrap_or(path);
        format!("{}:{}", path.display(), sources.line_number(span))
    }

    /// The same for a directive by its name, or `default`.
    pub fn show_of(&self, http: &Http, block: LocationId, name: &str) -> String {
        match self.of(http, block, name) {
            Some(span) => self.show(span),
            None => String::from("default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::cycle;

    #[test]
    fn what_holds_is_found_where_it_was_written() {
        let cycle = cycle(
            "events {}\nhttp {\nproxy_read_timeout 1s;\nupstream u { server 127.0.0.1;\nkeepalive_timeout 1s; }\n\
             server { location / { location /a { proxy_read_timeout 2s; }\nproxy_send_timeout 3s; } } }",
        );
        let http = cycle.http.as_ref().unwrap();
        let all: Vec<String> = http
            .locations
            .iter()
            .map(|l| {
                ["read", "send", "connect"]
                    .map(|n| {
                        http.places
                            .show_of(http, l.id, &format!("proxy_{n}_timeout"))
                    })
                    .join(" ")
            })
            .collect();
        assert_eq!(
            all,
            [
                "nginx.conf:3 default default",
                "nginx.conf:3 default default",
                "nginx.conf:3 nginx.conf:7 default",
                "nginx.conf:6 nginx.conf:7 default",
            ]
        );
        // What stands in an upstream block is nobody else's.
        let id = http.locations[1].id;
        assert_eq!(
            http.places.show_of(http, id, "keepalive_timeout"),
            "default"
        );
    }
}
