//! Groups of servers that requests are passed to, and the exchange with one of them.
//!
//! (a) groups, peers and balancing: [`conf`], [`peers`], [`balance`], and names of peers that are resolved anew:
//! [`resolved`], [`renew`]; (b) connections: [`connect`], [`pool`]; (c) the exchange: [`exchange`], [`outgoing`],
//! [`answer`], [`incoming`], [`failure`], generic over a protocol's [`codec`]; (d) what protocols share of their
//! settings: [`settings`]. The protocols themselves are modules.

pub mod accel;
pub mod answer;
pub mod bad_answer;
pub mod balance;
pub mod bind;
pub mod cgi;
mod classify;
pub mod codec;
pub mod computed;
pub mod conf;
pub mod connect;
pub mod decoder;
pub mod exchange;
pub mod failure;
pub mod head;
pub mod hint;
pub mod hints;
pub mod incoming;
pub mod keepalive;
pub mod kind;
pub mod left_out;
pub mod link;
pub mod outgoing;
pub mod peers;
pub mod pool;
mod rehearse;
pub mod renew;
pub mod request_body;
pub mod resolved;
pub mod server;
pub mod settings;
pub mod spill;
pub mod spoken;
pub mod state;
pub mod store;
pub mod tls;
pub mod upgrade;
pub mod variables;
pub mod without_cache;

use crate::http::explain;
use crate::http::request::Request;
use crate::log;
use state::Note;

/// Closes the accounts of a request that has been answered or given up, and tells the error log what was noted while
/// the request was not at hand: the body of an answer arrives behind its back.
pub fn report(req: &Request) {
    for state in req.upstreams.iter().filter(|state| !state.peer.is_empty()) {
        state.end();
    }
    tell(req);
}

/// Tells the error log what has been noted so far. An application may have much to say while its answer is sent.
pub fn tell(req: &Request) {
    for state in req.upstreams.iter().filter(|state| !state.peer.is_empty()) {
        if state.notes.borrow().is_empty() {
            continue;
        }
        for note in state.notes.take() {
            match note {
                Note::Sentence(level, sentence) => {
                    log::request(req, level, format_args!("{sentence}"));
                }
                Note::Reason(failure) => explain::failure(req, &failure),
                Note::Failure => {
                    if let Some(failure) = &*state.failure.borrow() {
                        explain::failure(req, failure);
                    }
                }
            }
        }
    }
}
