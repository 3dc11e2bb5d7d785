//! Asks for the names of servers again when what was told of them holds no longer.

use super::resolved::Live;
use crate::http::conf::Http;
use crate::log::{self, Level};
use crate::net::resolver::{Dns, ResolveError, Resolver, Resolvers};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Who is asked for the names of a group's servers.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// `resolver`
    pub dns: Arc<Dns>,
    /// `resolver_timeout`
    pub timeout: Duration,
}

/// That a name does not exist is believed for so long, where `valid=` does not say.
const NOT_FOUND_HOLDS: Duration = Duration::from_secs(10);
/// The shortest time between two questions. What was told to hold for some seconds is asked for after one more.
const SHORTEST: Duration = Duration::from_secs(1);

/// The tasks for the names of a configuration: they end when this is dropped.
#[derive(Default)]
pub struct Renewals(Vec<JoinHandle<()>>);

impl Renewals {
    /// Begins to ask. Must be called in a local runtime.
    pub fn start(http: &Http, resolvers: &Resolvers) -> Self {
        let mut tasks = Vec::new();
        for (live, renewal) in http.upstream.renewed() {
            let resolver = resolvers.of(&renewal.dns);
            for number in 0..live.named.len() {
                let (live, resolver) = (Arc::clone(live), Rc::clone(&resolver));
                let timeout = renewal.timeout;
                let task = tokio::task::spawn_local(async move {
                    keep(&live, number, &resolver, timeout).await;
                });
                tasks.push(task);
            }
        }
        Renewals(tasks)
    }
}

impl Drop for Renewals {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Asks for a name, for ever.
async fn keep(live: &Live, number: usize, resolver: &Rc<Resolver>, timeout: Duration) {
    let Some(named) = live.named.get(number) else {
        return;
    };
    if let Some(until) = live.told(number).until {
        sleep_until(until).await;
    }
    loop {
        let told = resolver.resolve_until(&named.host, timeout).await;
        sleep_until(take(live, number, resolver, timeout, told)).await;
    }
}

/// Puts in force what was told. Returns when to ask again.
fn take(
    live: &Live,
    number: usize,
    resolver: &Resolver,
    timeout: Duration,
    told: Result<(Vec<IpAddr>, Instant), ResolveError>,
) -> Instant {
    let now = Instant::now();
    let until = match told {
        Ok((ips, until)) => {
            live.tell(number, &ips, until);
            until
        }
        Err(e) => {
            let host = live.named.get(number).map(|named| &*named.host);
            let host = host.unwrap_or_default();
            let host = String::from_utf8_lossy(host.strip_suffix(b".").unwrap_or(host));
            log::event(
                Level::Error,
                format_args!("{host} could not be resolved ({e})"),
            );
            if e != ResolveError::NOT_FOUND {
                // Who does not answer has not said that the addresses are wrong.
                live.fail(number, e);
                return now + timeout.max(SHORTEST);
            }
            let until = now + resolver.dns.valid.unwrap_or(NOT_FOUND_HOLDS);
            live.tell(number, &[], until);
            until
        }
    };
    until.max(now) + SHORTEST
}
