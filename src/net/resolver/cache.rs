//! What a thread knows of names, and who waits for what it does not know yet.

use super::lookup::{self, Found};
use super::{Dns, ResolveError};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A name that leads to more names than this is taken for a loop.
const MOST_ALIASES: usize = 50;
/// Names that nobody asked for in this time are forgotten.
const UNUSED: Duration = Duration::from_secs(30);
/// So many names are known at most. Where the name comes from the client, he chooses it.
const MOST_NAMES: usize = 4096;

/// The resolver of one directive on one thread.
pub struct Resolver {
    /// The directive.
    pub dns: Arc<Dns>,
    names: RefCell<HashMap<Box<[u8]>, Entry>>,
    /// When unused names were forgotten last.
    swept: Cell<Instant>,
    /// The server that is asked next.
    next: Cell<usize>,
}

struct Entry {
    used: Instant,
    state: State,
}

#[derive(Clone)]
enum State {
    /// It is being asked for.
    Asking(Rc<Flight>),
    Known(Rc<Found>, Instant),
}

/// What a name stands for and until when, or why that is not known.
type Known = Result<(Rc<Found>, Instant), ResolveError>;

/// A question under way, and those who wait for its answer.
pub struct Flight {
    outcome: RefCell<Option<Known>>,
    over: Notify,
}

impl Flight {
    async fn outcome(&self) -> Known {
        loop {
            if let Some(outcome) = &*self.outcome.borrow() {
                return outcome.clone();
            }
            self.over.notified().await;
        }
    }
}

impl Resolver {
    /// A resolver that knows nothing yet.
    pub fn new(dns: Arc<Dns>) -> Rc<Self> {
        Rc::new(Resolver {
            dns,
            names: RefCell::default(),
            swept: Cell::new(Instant::now()),
            next: Cell::new(0),
        })
    }

    /// The addresses of a name, in an order that differs from time to time once they are known. Must be called in a local runtime.
    ///
    /// # Errors
    /// There are none, the name servers cannot say, or they do not say it within `timeout`.
    pub async fn resolve(
        self: &Rc<Self>,
        name: &[u8],
        timeout: Duration,
    ) -> Result<Vec<IpAddr>, ResolveError> {
        let told = self.resolve_until(name, timeout).await;
        told.map(|(addresses, _)| addresses)
    }

    /// The same, and until when they hold.
    ///
    /// # Errors
    /// Those of [`Resolver::resolve`].
    pub async fn resolve_until(
        self: &Rc<Self>,
        name: &[u8],
        timeout: Duration,
    ) -> Result<(Vec<IpAddr>, Instant), ResolveError> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let name = name.to_ascii_lowercase();
        match tokio::time::timeout(timeout, self.follow(name)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ResolveError::TimedOut),
        }
    }

    async fn follow(
        self: &Rc<Self>,
        mut name: Vec<u8>,
    ) -> Result<(Vec<IpAddr>, Instant), ResolveError> {
        // The first of the answers to expire decides.
        let mut until: Option<Instant> = None;
        for _ in 0..=MOST_ALIASES {
            let (found, holds, known) = match self.look(&name) {
                State::Known(found, holds) => (found, holds, true),
                State::Asking(flight) => {
                    let (found, holds) = flight.outcome().await?;
                    (found, holds, false)
                }
            };
            let holds = until.map_or(holds, |until| until.min(holds));
            until = Some(holds);
            match &*found {
                Found::Addresses { v4, v6 } if known => return Ok((rotated(v4, v6), holds)),
                // Who has waited for the answer gets it as it came, as from nginx.
                Found::Addresses { v4, v6 } => {
                    return Ok((v4.iter().chain(v6).copied().collect(), holds));
                }
                Found::Alias(other) => name.clone_from(other),
            }
        }
        Err(ResolveError::NOT_FOUND)
    }

    /// What is known of a name; if that is nothing, it is asked for.
    fn look(self: &Rc<Self>, name: &[u8]) -> State {
        let now = Instant::now();
        if let Some(entry) = self.names.borrow_mut().get_mut(name) {
            match &entry.state {
                State::Known(_, until) if *until < now => {}
                state => {
                    entry.used = now;
                    return state.clone();
                }
            }
        }
        self.make_room(now);
        let flight = Rc::new(Flight {
            outcome: RefCell::default(),
            over: Notify::new(),
        });
        let state = State::Asking(Rc::clone(&flight));
        let entry = Entry {
            used: now,
            state: state.clone(),
        };
        self.names.borrow_mut().insert(name.into(), entry);
        tokio::task::spawn_local(Rc::clone(self).ask(name.into(), flight));
        state
    }

    async fn ask(self: Rc<Self>, name: Box<[u8]>, flight: Rc<Flight>) {
        let first = self.next_server();
        // The list, this task, and each who waits.
        let wanted = || Rc::strong_count(&flight) > 2;
        let Some(outcome) = lookup::run(&self.dns, &name, first, wanted).await else {
            // Nobody waits any more.
            self.names.borrow_mut().remove(&name);
            return;
        };
        let now = Instant::now();
        let outcome = match outcome {
            Ok((found, ttl)) => {
                let found = Rc::new(found);
                let life = self.dns.valid.unwrap_or(Duration::from_secs(ttl.into()));
                let entry = Entry {
                    used: now,
                    state: State::Known(Rc::clone(&found), now + life),
                };
                self.names.borrow_mut().insert(name, entry);
                Ok((found, now + life))
            }
            Err(e) => {
                self.names.borrow_mut().remove(&name);
                Err(e)
            }
        };
        *flight.outcome.borrow_mut() = Some(outcome);
        flight.over.notify_waiters();
    }

    /// The servers take turns.
    fn next_server(&self) -> usize {
        let count = self.dns.servers.len().max(1);
        let server = self.next.get() % count;
        self.next.set((server + 1) % count);
        server
    }

    /// Forgets names that are not used, and if there are still too many, the one that has not been used for longest.
    fn make_room(&self, now: Instant) {
        let mut names = self.names.borrow_mut();
        if names.len() < MOST_NAMES && now.duration_since(self.swept.get()) < UNUSED {
            return;
        }
        self.swept.set(now);
        names.retain(|_, entry| match entry.state {
            State::Asking(_) => true,
            State::Known(..) => now.duration_since(entry.used) <= UNUSED,
        });
        if names.len() < MOST_NAMES {
            return;
        }
        let known = |entry: &Entry| matches!(entry.state, State::Known(..));
        let oldest = names
            .iter()
            .filter(|(_, entry)| known(entry))
            .min_by_key(|(_, entry)| entry.used)
            .map(|(name, _)| name.clone());
        if let Some(oldest) = oldest {
            names.remove(&oldest);
        }
    }
}

/// The addresses of either family from a random one on, and the families in a random order.
fn rotated(v4: &[IpAddr], v6: &[IpAddr]) -> Vec<IpAddr> {
    let turn = |addresses: &[IpAddr]| {
        let mut addresses = addresses.to_vec();
        let by = random() % addresses.len().max(1);
        addresses.rotate_left(by);
        addresses
    };
    let mut all = turn(v4);
    all.extend(turn(v6));
    let by = random() % all.len().max(1);
    all.rotate_left(by);
    all
}

/// A number that nobody outside can guess.
pub fn random() -> usize {
    RandomState::new().hash_one(0u8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, UdpSocket};
    use std::thread::JoinHandle;

    /// A name server that answers each question for an IPv4 address by what `say` makes of its number (from 0) and its
    /// text, and stops after `count` messages. Returns how many came.
    fn server(
        count: usize,
        say: impl Fn(usize, &mut Vec<u8>) + Send + 'static,
    ) -> (Rc<Resolver>, JoinHandle<usize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            for number in 0..count {
                let mut message = [0; 512];
                let Ok((length, from)) = socket.recv_from(&mut message) else {
                    return number;
                };
                let mut answer = message[..length].to_vec();
                answer[2] = 0x81;
                answer[3] = 0x80;
                say(number, &mut answer);
                socket.send_to(&answer, from).unwrap();
            }
            count
        });
        let dns = Dns {
            id: 0,
            servers: vec![address],
            valid: None,
            ipv4: true,
            ipv6: false,
        };
        (Resolver::new(Arc::new(dns)), thread)
    }

    fn a(answer: &mut Vec<u8>, ttl: u8) {
        answer[7] = 1;
        let head = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4];
        answer.extend_from_slice(&head);
        answer.extend_from_slice(&[127, 0, 0, 2]);
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(Default::default());
        runtime.unwrap().block_on(future)
    }

    const LONG: Duration = Duration::from_secs(5);
    const FOUND: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))];

    #[test]
    fn one_question_serves_all_who_ask_then_and_later() {
        let (resolver, thread) = server(9, |_, answer| a(answer, 60));
        run(async {
            let ask = || resolver.resolve(b"Some.Example.", LONG);
            let both = tokio::join!(ask(), ask());
            assert_eq!(both.0.unwrap(), FOUND);
            assert_eq!(both.1.unwrap(), FOUND);
            assert_eq!(ask().await.unwrap(), FOUND);
        });
        assert_eq!(thread.join().unwrap(), 1);
    }

    #[test]
    fn errors_are_not_remembered() {
        let (resolver, thread) = server(9, |number, answer| match number {
            0 => answer[3] = 0x82,
            1 => {}
            _ => a(answer, 60),
        });
        run(async {
            let ask = || resolver.resolve(b"some.example", LONG);
            assert_eq!(ask().await, Err(ResolveError::Code(2)));
            assert_eq!(ask().await, Err(ResolveError::NOT_FOUND));
            assert_eq!(ask().await.unwrap(), FOUND);
        });
        assert_eq!(thread.join().unwrap(), 3);
    }

    #[test]
    fn aliases_are_followed_but_not_for_ever() {
        let alias = |answer: &mut Vec<u8>| {
            answer[7] = 1;
            let head = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4];
            answer.extend_from_slice(&head);
            answer.extend_from_slice(b"\x01x\xc0\x0e");
        };
        // Each name leads to `x.example`: so does that one.
        let (resolver, thread) = server(2, move |_, answer| alias(answer));
        let outcome = run(resolver.resolve(b"a.example", LONG));
        assert_eq!(outcome, Err(ResolveError::NOT_FOUND));
        assert_eq!(thread.join().unwrap(), 2);
    }

    #[test]
    fn what_is_found_holds_as_long_as_the_shortest_of_its_answers() {
        let (resolver, thread) = server(2, |number, answer| match number {
            0 => {
                answer[7] = 1;
                let head = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4];
                answer.extend_from_slice(&head);
                answer.extend_from_slice(b"\x01x\xc0\x0e");
            }
            _ => a(answer, 60),
        });
        let outcome = run(resolver.resolve_until(b"a.example", LONG)).unwrap();
        assert_eq!(outcome.0, FOUND);
        let holds = outcome.1.saturating_duration_since(Instant::now());
        assert!(holds <= Duration::from_secs(9), "{holds:?}");
        assert_eq!(thread.join().unwrap(), 2);
    }

    #[test]
    fn silence_ends_with_the_timeout() {
        let (resolver, thread) = server(1, |_, answer| answer[0] ^= 1);
        let outcome = run(resolver.resolve(b"a.example", Duration::from_millis(20)));
        assert_eq!(outcome, Err(ResolveError::TimedOut));
        assert_eq!(thread.join().unwrap(), 1);
        let outcome = run(resolver.resolve(b"a..example", LONG));
        assert_eq!(outcome, Err(ResolveError::NOT_FOUND));
    }
}
