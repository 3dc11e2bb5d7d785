//! By which address a request comes, and which server answers.

use super::{Teller, lossy};
use crate::config::span::Span;
use crate::explain::listen::Chosen;
use crate::http::conf::ServerId;
use crate::http::rehearsal::Rehearsed;
use crate::http::router::names::NameMatch;
use crate::http::trace::Event;
use crate::net::address::{Address, Options};

impl Teller<'_> {
    pub(super) fn arrival(&mut self, chosen: &Chosen, server: ServerId) {
        let mut text = format!("{}, {}", chosen.bound, chosen.why);
        if chosen.bound != chosen.address {
            text = format!("{} by the socket of {}", chosen.address, chosen.bound);
        }
        if chosen.protocols.proxy_protocol {
            text.push_str("; the PROXY protocol in front names the client, assumed here: for a proxy at 127.0.0.1");
        }
        let at = self.listen(chosen, server);
        self.say("listen", text, at);
        if let Some(note) = &chosen.note {
            self.aside("note", note.clone(), None);
        }
        self.outcome.listen = chosen.address.to_string();
    }

    /// The line of the server that names the address.
    fn listen(&self, chosen: &Chosen, server: ServerId) -> Option<Span> {
        let block = self.http.server(server).location;
        let lines = self.places.named(self.http, block, &["listen"]);
        let names = |text: &bytes::Bytes| {
            let options = Options {
                no_resolve: true,
                ..Options::listen(80)
            };
            Address::parse(text, options).is_ok_and(|a| a.addrs.contains(&chosen.address))
        };
        let line = lines
            .iter()
            .find(|line| line.args.first().is_some_and(names));
        line.map(|line| line.span)
    }

    pub(super) fn server(&mut self, rehearsed: &Rehearsed, chosen: &Chosen) {
        let req = &rehearsed.req;
        let by = rehearsed.steps.iter().find_map(|entry| match &entry.event {
            Event::Server { by, .. } => Some(*by),
            _ => None,
        });
        let server = req.server;
        let host = lossy(&req.host);
        let names = self.names(server);
        let (by, why) = match by {
            Some(NameMatch::Exact) if host.is_empty() => {
                ("exact", String::from("the request names no host"))
            }
            Some(NameMatch::Exact) => ("exact", format!("{host} is its name")),
            Some(NameMatch::Head(from)) => {
                let tail = host.get(from..).unwrap_or_default();
                ("*.name", format!("{host} fits its wildcard *.{tail}"))
            }
            Some(NameMatch::Tail(length)) => {
                let start = host.get(..length).unwrap_or_default();
                ("name.*", format!("{host} fits its wildcard {start}.*"))
            }
            Some(NameMatch::Regex(number)) => {
                let address = self.http.router.address(&req.client);
                let names = address.and_then(|address| address.names.as_ref());
                let pattern = names.and_then(|names| names.pattern(number));
                let pattern = pattern.unwrap_or_default();
                ("regex", format!("{host} matches ~{pattern}"))
            }
            None if host.is_empty() => {
                let by = self.by_default(server, &host, &names, chosen).0;
                (by, String::from("the request names no host that counts"))
            }
            None => self.by_default(server, &host, &names, chosen),
        };
        let shown = match names.first() {
            Some(name) => name.clone(),
            None => String::from("without a name"),
        };
        let at = self.http.location(self.http.server(server).location).span;
        self.say("server", format!("{shown}: {why}"), Some(at));
        self.outcome.server_names = names;
        self.outcome.server_by = by;
        self.outcome.server_at = Some(self.places.at(at));
    }

    fn by_default(
        &self,
        server: ServerId,
        host: &str,
        names: &[String],
        chosen: &Chosen,
    ) -> (&'static str, String) {
        let block = self.http.server(server).location;
        let listens = self.places.named(self.http, block, &["listen"]);
        let is_default = |word: &bytes::Bytes| word == "default_server" || word == "default";
        let default = listens.iter().any(|line| line.args.iter().any(is_default));
        let address = &chosen.address;
        let only = !self
            .http
            .router
            .behind(chosen.number)
            .any(|(_, a)| a.names.is_some());
        if only {
            let named = names.iter().any(|name| name == host);
            let by = if default { "default_server" } else { "first" };
            return match named {
                true => (
                    "exact",
                    format!("{host} is its name; no other server is on {address}"),
                ),
                false => (by, format!("no other server is on {address}")),
            };
        }
        match default {
            true => (
                "default_server",
                format!("no server has the name {host}; this is the default_server of {address}"),
            ),
            false => (
                "first",
                format!("no server has the name {host}; this is the first on {address}"),
            ),
        }
    }

    fn names(&self, server: ServerId) -> Vec<String> {
        let block = self.http.server(server).location;
        let lines = self.places.named(self.http, block, &["server_name"]);
        let words = lines.iter().flat_map(|line| line.args.iter());
        words.map(|word| lossy(word).to_ascii_lowercase()).collect()
    }
}
