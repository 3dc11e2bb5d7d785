//! Where a rehearsal ends: the request to the upstream is written, the servers are known, and nobody is asked.

use super::exchange::Plan;
use super::peers::{Choice, List};
use super::state::Attempt;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::trace::{Event, Passes, Tried};
use bytes::Bytes;
use std::sync::Arc;

/// Tells what would be sent to whom, and goes on as if the answer were a bare 200.
pub fn run(
    req: &mut Request,
    plan: &Plan<'_>,
    scheme: &'static str,
    text: Bytes,
    uri: Bytes,
) -> Verdict {
    let names = plan.group.live().map(|live| &live.named);
    for named in names.into_iter().flatten() {
        req.trace(|| Event::WouldResolve {
            host: named.host.clone(),
        });
    }
    let peers = order(req, plan);
    if let Some(first) = peers.first() {
        let attempt = Attempt::begin(first.address.clone(), scheme, uri.clone(), None);
        req.upstreams.push(attempt);
    }
    req.trace(|| {
        Event::Passes(Box::new(Passes {
            at: plan.span,
            group: plan.group.shown(),
            group_at: plan.group.span,
            peers,
            scheme,
            uri,
            text,
        }))
    });
    req.response.status = 200;
    Verdict::Done
}

/// The servers in the order in which they would be tried if each failed. What is known of them stays as it was.
fn order(req: &Request, plan: &Plan<'_>) -> Vec<Tried> {
    let peers = &plan.group.peers();
    let lists = || std::iter::once(&peers.main).chain(&peers.backup);
    let before: Vec<_> = lists().map(|list| list.health().clone()).collect();
    let most: usize = lists().map(|list| list.peers.len()).sum();
    let mut choice = Choice::new(Arc::clone(peers));
    let mut order: Vec<Tried> = Vec::with_capacity(most);
    for _ in 0..most {
        let Some(lease) = choice.pick(&*plan.group.balancer, req) else {
            break;
        };
        order.push(Tried {
            address: lease.peer().name.clone(),
            backup: lease.is_backup(),
        });
        if peers.single() {
            break;
        }
    }
    for (list, health) in lists().zip(before) {
        restore(list, health);
    }
    order
}

fn restore(list: &List, health: Vec<super::peers::Health>) {
    *list.health() = health;
}
