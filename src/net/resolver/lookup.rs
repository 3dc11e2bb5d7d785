//! One name asked for: its IPv4 and its IPv6 addresses, at one server after the other until one answers.

use super::cache::random;
use super::message::{self, Answer, Family, Malformed};
use super::send::{Channels, Event};
use super::{Dns, ResolveError};
use crate::log::{self, Level};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// The next server is asked if one says nothing for so long.
const RESEND: Duration = Duration::from_secs(5);

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Addresses, at least one.
    Addresses {
        /// Those of IPv4.
        v4: Vec<IpAddr>,
        /// Those of IPv6.
        v6: Vec<IpAddr>,
    },
    /// Another name.
    Alias(Vec<u8>),
}

/// What was found and for how many seconds it holds, or why nothing was.
pub type Outcome = Result<(Found, u32), ResolveError>;

/// Asks for a name, the server with the number `first` to begin with, as long as somebody wants to know.
pub async fn run(
    dns: &Dns,
    name: &[u8],
    first: usize,
    wanted: impl Fn() -> bool,
) -> Option<Outcome> {
    let Some(mut lookup) = Lookup::new(dns, name) else {
        return Some(Err(ResolveError::NOT_FOUND));
    };
    let mut server = first;
    if !lookup.send(server).await {
        server = lookup.after(server);
        lookup.send(server).await;
    }
    let mut deadline = Instant::now() + RESEND;
    loop {
        match tokio::time::timeout_at(deadline, lookup.channels.next()).await {
            Ok(event) => match lookup.take(&event) {
                Step::Done(outcome) => return Some(outcome),
                Step::OverTcp(family) => {
                    lookup.send_over_tcp(family, server);
                    deadline = Instant::now() + RESEND;
                }
                Step::Ignored => {}
            },
            Err(_) => {
                if !wanted() {
                    return None;
                }
                server = lookup.after(server);
                lookup.send(server).await;
                deadline = Instant::now() + RESEND;
            }
        }
    }
}

/// One of the two questions.
struct Question {
    family: Family,
    id: u16,
    text: Vec<u8>,
    /// Whether an answer over UDP was cut.
    tcp: bool,
    /// The addresses, once it is answered.
    answer: Option<Vec<IpAddr>>,
}

struct Lookup<'a> {
    dns: &'a Dns,
    name: &'a [u8],
    questions: SmallVec<[Question; 2]>,
    /// The error that one question was answered with, while the other is open.
    code: u8,
    ttl: u32,
    channels: Channels,
}

enum Step {
    Ignored,
    OverTcp(Family),
    Done(Outcome),
}

impl<'a> Lookup<'a> {
    /// Nothing if there can be no such name.
    fn new(dns: &'a Dns, name: &'a [u8]) -> Option<Self> {
        let mut questions = SmallVec::new();
        let families = [(dns.ipv4, Family::V4), (dns.ipv6, Family::V6)];
        for (_, family) in families.into_iter().filter(|(asked, _)| *asked) {
            let id = random() as u16;
            questions.push(Question {
                family,
                id,
                text: message::question(id, family, name)?,
                tcp: false,
                answer: None,
            });
        }
        Some(Lookup {
            dns,
            name,
            questions,
            code: 0,
            ttl: u32::MAX,
            channels: Channels::default(),
        })
    }

    fn after(&self, server: usize) -> usize {
        (server + 1) % self.dns.servers.len().max(1)
    }

    /// Sends what is not answered yet. Returns whether that was possible.
    async fn send(&mut self, server: usize) -> bool {
        let Some(&address) = self.dns.servers.get(server) else {
            return false;
        };
        for question in self.questions.iter().filter(|q| q.answer.is_none()) {
            if question.tcp {
                self.channels.send_over_tcp(address, &question.text);
            } else if !self.channels.send(address, &question.text).await {
                return false;
            }
        }
        true
    }

    fn send_over_tcp(&mut self, family: Family, server: usize) {
        let question = self.questions.iter().find(|q| q.family == family);
        if let (Some(question), Some(&address)) = (question, self.dns.servers.get(server)) {
            self.channels.send_over_tcp(address, &question.text);
        }
    }

    fn take(&mut self, event: &Event) -> Step {
        let answer = match message::read(&event.message, event.tcp) {
            Ok(answer) => answer,
            // Only where the question was not understood nginx says which one.
            Err(Malformed::Code(code @ 1, id)) if self.questions.iter().any(|q| q.id == id) => {
                let name = String::from_utf8_lossy(self.name);
                let said = Malformed::Code(code, id);
                return ignore(format_args!("{said}, name:\"{name}\""));
            }
            Err(e) => return ignore(format_args!("{e}")),
        };
        let shown = String::from_utf8_lossy(&answer.name);
        let open = |q: &&mut Question| q.family == answer.family && q.answer.is_none();
        let question = self.questions.iter_mut().find(open);
        let Some(question) = question.filter(|_| answer.name == self.name) else {
            return ignore(format_args!("unexpected DNS response for {shown}"));
        };
        if answer.id != question.id {
            return ignore(format_args!(
                "wrong ident {} in DNS response for {shown}, expect {}",
                answer.id, question.id
            ));
        }
        if answer.truncated {
            return match std::mem::replace(&mut question.tcp, true) {
                true => Step::Ignored,
                false => Step::OverTcp(answer.family),
            };
        }
        self.judge(answer)
    }

    /// Puts the answers together. It takes both to know what a name stands for, and an error in one is one of both.
    fn judge(&mut self, answer: Answer) -> Step {
        let code = if answer.code == 0 {
            self.code
        } else {
            answer.code
        };
        if code != 0 {
            return if self.answered(answer.family, Vec::new()) {
                Step::Done(Err(ResolveError::Code(code)))
            } else {
                self.code = code;
                Step::Ignored
            };
        }
        let records = match answer.records {
            Ok(records) => records,
            Err(e) => return ignore(format_args!("{e}")),
        };
        for kind in records.unexpected {
            let _ = ignore(format_args!("unexpected RR type {kind} in DNS response"));
        }
        self.ttl = self.ttl.min(records.ttl.unwrap_or(u32::MAX));
        if !self.answered(answer.family, records.addresses) {
            return Step::Ignored;
        }
        if let Some(addresses) = self.addresses() {
            return Step::Done(Ok((addresses, self.ttl)));
        }
        match records.alias {
            _ if records.count == 0 => Step::Done(Err(ResolveError::NOT_FOUND)),
            Some(Ok(name)) => Step::Done(Ok((Found::Alias(name), self.ttl))),
            Some(Err(e)) => ignore(format_args!("{e}")),
            None => ignore(format_args!("no A or CNAME types in DNS response")),
        }
    }

    /// Takes note of an answer. Returns whether it was the last.
    fn answered(&mut self, family: Family, addresses: Vec<IpAddr>) -> bool {
        if let Some(question) = self.questions.iter_mut().find(|q| q.family == family) {
            question.answer = Some(addresses);
        }
        self.questions.iter().all(|q| q.answer.is_some())
    }

    fn addresses(&mut self) -> Option<Found> {
        let mut of = |family| {
            let question = self.questions.iter_mut().find(|q| q.family == family);
            question.and_then(|q| q.answer.clone()).unwrap_or_default()
        };
        let (v4, v6) = (of(Family::V4), of(Family::V6));
        let some = !v4.is_empty() || !v6.is_empty();
        some.then_some(Found::Addresses { v4, v6 })
    }
}

fn ignore(why: std::fmt::Arguments<'_>) -> Step {
    log::event(Level::Error, why);
    Step::Ignored
}
