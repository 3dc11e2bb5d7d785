//! A thread of the worker process: its event loop, its connections.

use super::accept::{Acceptor, inode};
use crate::config::source::errno;
use crate::core::affinity::Affinity;
use crate::cycle::Cycle;
use crate::http::connection::Front;
use crate::http::upstream::renew::Renewals;
use crate::http::worker::Worker;
use crate::log::{self, Level};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use socket2::Socket;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalRuntime};
use tokio::sync::mpsc::UnboundedReceiver;

/// Most threads for file operations that could block.
const BLOCKING_THREADS: usize = 32;

/// What a thread is told.
#[derive(Clone)]
pub enum Command {
    /// Put this cycle in force.
    Cycle(Arc<Cycle>, Sockets),
    /// Finish what runs, then stop.
    Quit,
    /// Stop.
    Terminate,
}

/// The sockets of each address of a cycle.
pub type Sockets = Arc<Vec<Vec<Socket>>>;

thread_local! {
    /// What is to be done before the thread goes to sleep.
    static WORKER: RefCell<Option<Rc<Worker>>> = const { RefCell::new(None) };
}

/// The event loop of a thread.
pub fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .on_thread_park(before_park)
        .on_thread_unpark(crate::clock::begin_turn)
        .build_local(Default::default())
}

fn before_park() {
    WORKER.with_borrow(|worker| {
        if let Some(worker) = worker {
            worker.before_park();
        }
    });
}

/// Writes out what the thread has gathered, at its end.
pub fn flush() {
    before_park();
}

/// Serves until told to stop, and until the connections are gone.
pub async fn run(number: usize, mut commands: UnboundedReceiver<Command>) {
    let mut thread: Option<Thread> = None;
    while let Some(command) = commands.recv().await {
        match (command, &mut thread) {
            (Command::Cycle(cycle, sockets), None) => {
                thread = Some(Thread::new(number, cycle, &sockets))
            }
            (Command::Cycle(cycle, sockets), Some(thread)) => thread.reload(cycle, &sockets),
            (Command::Quit, Some(thread)) => return thread.quit(&mut commands).await,
            (Command::Terminate, _) | (Command::Quit, None) => return,
        }
    }
}

struct Thread {
    number: usize,
    worker: Rc<Worker>,
    acceptors: Vec<Acceptor>,
    /// The first thread asks for the names of upstreams for all.
    renewals: Renewals,
}

impl Thread {
    fn new(number: usize, cycle: Arc<Cycle>, sockets: &Sockets) -> Thread {
        let worker = Worker::new(number, Arc::clone(&cycle));
        WORKER.set(Some(Rc::clone(&worker)));
        let mut thread = Thread {
            number,
            worker,
            acceptors: Vec::new(),
            renewals: Renewals::default(),
        };
        thread.apply(&cycle, sockets);
        thread
    }

    /// Requests that begin from now on see the new cycle. With `worker_shutdown_timeout`, connections from before are
    /// cut when that time is over, as they would be with nginx.
    fn reload(&mut self, cycle: Arc<Cycle>, sockets: &Sockets) {
        let old = self.worker.cycle();
        if let Some(timeout) = old.core.shutdown_timeout {
            let worker = Rc::clone(&self.worker);
            let remaining = worker.open.all();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(timeout).await;
                worker.open.cut(&remaining, &worker.connections);
            });
        }
        self.worker.set_cycle(Arc::clone(&cycle));
        self.apply(&cycle, sockets);
        self.worker.close_abandoned();
    }

    fn apply(&mut self, cycle: &Cycle, sockets: &Sockets) {
        let core = &cycle.core;
        self.worker.room.set(core.worker_connections);
        self.worker.open.track(core.shutdown_timeout.is_some());
        if let Some(affinity) = &core.affinity {
            self.pin(affinity);
        }
        let mut before = std::mem::take(&mut self.acceptors);
        self.renewals = Renewals::default();
        let Some(http) = self.worker.http() else {
            return;
        };
        if self.number == 0 {
            self.renewals = Renewals::start(&http, &self.worker.resolvers);
        }
        for (listen, (spec, sockets)) in cycle.listens.iter().zip(sockets.iter()).enumerate() {
            let turn = self.number.checked_rem(sockets.len()).unwrap_or(0);
            let Some(socket) = sockets.get(turn) else {
                continue;
            };
            let front = Front {
                http: Rc::clone(&http),
                listen,
            };
            let same = inode(socket)
                .ok()
                .and_then(|inode| before.iter().position(|old| old.inode == inode));
            let acceptor = match same {
                Some(index) => {
                    let acceptor = before.swap_remove(index);
                    acceptor.serve_for(front);
                    Ok(acceptor)
                }
                None => Acceptor::start(Rc::clone(&self.worker), &spec.addr, socket, front),
            };
            match acceptor {
                Ok(acceptor) => self.acceptors.push(acceptor),
                Err(error) => {
                    let (addr, reason) = (&spec.addr, errno(&error));
                    log::event(
                        Level::Alert,
                        format_args!("cannot accept connections on {addr} ({reason})"),
                    );
                }
            }
        }
    }

    fn pin(&self, affinity: &Affinity) {
        let Some(cpus) = affinity.of(self.number) else {
            return;
        };
        let mut set = CpuSet::new();
        let valid = cpus.iter().all(|cpu| set.set(*cpu).is_ok());
        let result = if valid {
            sched_setaffinity(Pid::from_raw(0), &set)
        } else {
            Err(nix::Error::EINVAL)
        };
        if let Err(error) = result {
            let reason = errno(&error.into());
            log::event(
                Level::Alert,
                format_args!("sched_setaffinity() failed ({reason})"),
            );
        }
    }

    /// Stops accepting; returns when the connections have ended and what was begun for them, when their time is over, or on a second thought.
    async fn quit(&mut self, commands: &mut UnboundedReceiver<Command>) {
        let timeout = self.worker.cycle().core.shutdown_timeout;
        self.acceptors.clear();
        // What waited to be accepted is let in before it is asked to end.
        tokio::task::yield_now().await;
        self.worker.begin_shutdown();
        let all_done = async {
            self.worker.open.none_left().await;
            self.worker.background.none_left().await;
        };
        tokio::select! {
            () = all_done => {}
            () = tokio::time::sleep(timeout.unwrap_or(Duration::MAX)), if timeout.is_some() => {}
            () = terminated(commands) => {}
        }
    }
}

async fn terminated(commands: &mut UnboundedReceiver<Command>) {
    while let Some(command) = commands.recv().await {
        if matches!(command, Command::Terminate) {
            return;
        }
    }
}
