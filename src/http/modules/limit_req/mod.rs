//! nginx's limit_req: so many requests per time and key.

mod conf;
mod zone;

pub use conf::{DIRECTIVES, LimitReqConf, LimitReqRaw, ZonesBuilder};

use crate::http::conf::Http;
use crate::http::phase::{Step, Verdict};
use crate::http::request::Request;
use crate::http::trace::Event;
use crate::http::value::Value;
use crate::http::variable::Variable;
use crate::log::{self, Level};
use bytes::Bytes;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;
use zone::{Look, State, Terms};

/// `$limit_req_status`.
pub static VARIABLES: &[Variable] = &[Variable::new("limit_req_status", |req, out| {
    let Some(status) = req.lasting.get::<Status>() else {
        return false;
    };
    out.extend_from_slice(status.name());
    true
})];

/// What became of a request.
#[derive(Clone, Copy)]
enum Status {
    Passed,
    Delayed,
    Rejected,
    DelayedDryRun,
    RejectedDryRun,
}

impl Status {
    fn name(self) -> &'static [u8] {
        match self {
            Status::Passed => b"PASSED",
            Status::Delayed => b"DELAYED",
            Status::Rejected => b"REJECTED",
            Status::DelayedDryRun => b"DELAYED_DRY_RUN",
            Status::RejectedDryRun => b"REJECTED_DRY_RUN",
        }
    }
}

/// A zone in force.
pub struct Zone {
    name: Bytes,
    key: Value,
    state: Arc<State>,
}

/// One `limit_req`.
#[derive(Clone)]
pub struct Limit {
    zone: Arc<Zone>,
    terms: Terms,
}

/// Longer keys are not counted, as in nginx.
const LONGEST_KEY: usize = 65535;

/// What was decided about a request also holds for its subrequests.
pub fn share(req: &Request, sub: &mut Request) {
    if let Some(status) = req.lasting.get::<Status>() {
        sub.lasting.insert(*status);
    }
}

/// The preaccess phase.
pub fn handle<'a>(req: &'a mut Request, http: &Http) -> Step<'a> {
    let conf = &req.location(http).limit_req;
    if conf.limits.is_empty() || req.lasting.get::<Status>().is_some() {
        return Step::Ready(Verdict::Declined);
    }
    if req.is_rehearsal() {
        rehearse(req, &conf.limits);
        req.lasting.insert(Status::Passed);
        return Step::Ready(Verdict::Declined);
    }
    match count(req, &conf.limits) {
        Outcome::Unlimited => Step::Ready(Verdict::Declined),
        Outcome::Refused(excess) => {
            if let Some((excess, limit)) = excess {
                let (dry, excess) = (dry_run(conf), Thousandths(excess));
                let name = String::from_utf8_lossy(&limit.zone.name);
                let message =
                    format_args!("limiting requests{dry}, excess: {excess} by zone \"{name}\"");
                log::request(req, conf.refusal.log_level, message);
            }
            if conf.refusal.dry_run {
                req.lasting.insert(Status::RejectedDryRun);
                return Step::Ready(Verdict::Declined);
            }
            req.lasting.insert(Status::Rejected);
            Step::Ready(Verdict::Status(conf.refusal.status))
        }
        Outcome::Taken(None) => {
            req.lasting.insert(Status::Passed);
            Step::Ready(Verdict::Declined)
        }
        Outcome::Taken(Some((delay, excess, limit))) => {
            let (dry, excess) = (dry_run(conf), Thousandths(excess));
            let name = String::from_utf8_lossy(&limit.zone.name);
            let message =
                format_args!("delaying request{dry}, excess: {excess}, by zone \"{name}\"");
            log::request(req, conf.delay_log_level, message);
            if conf.refusal.dry_run {
                req.lasting.insert(Status::DelayedDryRun);
                return Step::Ready(Verdict::Declined);
            }
            req.lasting.insert(Status::Delayed);
            Step::Wait(Box::pin(async move {
                req.client.watch.set(!req.background);
                tokio::time::sleep(delay).await;
                req.client.watch.set(false);
                Verdict::Declined
            }))
        }
    }
}

/// Tells which limits would count the request, without counting it.
fn rehearse(req: &Request, limits: &[Limit]) {
    for limit in limits {
        req.trace(|| Event::Limit {
            directive: "limit_req",
            zone: limit.zone.name.clone(),
            key: limit.zone.key.eval(req).into_owned(),
        });
    }
}

fn dry_run(conf: &LimitReqConf) -> &'static str {
    if conf.refusal.dry_run {
        ", dry run"
    } else {
        ""
    }
}

/// What all limits together say.
enum Outcome<'a> {
    /// No key has a value.
    Unlimited,
    /// Too many, in the zone of this limit; none if a zone has no room.
    Refused(Option<(i64, &'a Limit)>),
    /// Taken, now or after a delay by this limit.
    Taken(Option<(Duration, i64, &'a Limit)>),
}

/// Looks at all zones and counts the request in all of them, unless one refuses it.
fn count<'a>(req: &Request, limits: &'a [Limit]) -> Outcome<'a> {
    let now = crate::clock::monotonic_ms();
    let mut held: SmallVec<[(&Limit, Vec<u8>); 2]> = SmallVec::new();
    let mut worst: Option<(i64, i64, &Limit)> = None;
    let mut counted = false;
    for (i, limit) in limits.iter().enumerate() {
        let mut key = req.worker.take_buffer();
        limit.zone.key.write(req, &mut key);
        if key.is_empty() || key.len() > LONGEST_KEY {
            complain_of(req, limit, &key);
            req.worker.give_buffer(key);
            continue;
        }
        let last = i + 1 == limits.len();
        let look = limit.zone.state.look(&key, limit.terms, now, last);
        match look {
            Look::Held => {
                held.push((limit, key));
                continue;
            }
            Look::Taken(excess) => {
                counted = true;
                worst = limit.terms.wait(excess).map(|ms| (ms, excess, limit));
            }
            Look::Busy(_) | Look::Full => {
                for (limit, key) in held {
                    limit.zone.state.release(&key);
                    req.worker.give_buffer(key);
                }
                req.worker.give_buffer(key);
                return Outcome::Refused(match look {
                    Look::Busy(excess) => Some((excess, limit)),
                    _ => {
                        no_room(limit);
                        None
                    }
                });
            }
        }
        req.worker.give_buffer(key);
    }
    if !counted && held.is_empty() {
        return Outcome::Unlimited;
    }
    for (limit, key) in held.into_iter().rev() {
        let excess = limit.zone.state.account(&key, limit.terms, now);
        let ms = limit.terms.wait(excess).unwrap_or(0);
        if ms > worst.map_or(0, |(worst, ..)| worst) {
            worst = Some((ms, excess, limit));
        }
        req.worker.give_buffer(key);
    }
    Outcome::Taken(worst.map(|(ms, excess, limit)| {
        let delay = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        (delay, excess, limit)
    }))
}

impl Terms {
    /// How many milliseconds a request with this excess has to wait; none if it need not.
    fn wait(self, excess: i64) -> Option<i64> {
        let above = excess.checked_sub(self.delay).filter(|above| *above > 0)?;
        let ms = above.saturating_mul(1000) / self.rate.max(1);
        (ms > 0).then_some(ms)
    }
}

fn complain_of(req: &Request, limit: &Limit, key: &[u8]) {
    if key.len() > LONGEST_KEY {
        let (name, key) = (&limit.zone.state.key, String::from_utf8_lossy(key));
        let message = format_args!(
            "the value of the \"{name}\" key is more than {LONGEST_KEY} bytes: \"{key}\""
        );
        log::request(req, Level::Error, message);
    }
}

fn no_room(limit: &Limit) {
    let name = String::from_utf8_lossy(&limit.zone.name);
    log::event!(
        Alert,
        "could not allocate node in limit_req zone \"{name}\""
    );
}

/// A number in thousandths, with three places behind the point.
struct Thousandths(i64);

impl std::fmt::Display for Thousandths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}
