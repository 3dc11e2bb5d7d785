//! The threads of the worker process, as one.

use super::thread::{self, Command, Sockets};
use crate::config::source::errno;
use crate::cycle::Cycle;
use crate::log::{self, Level};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The first thread is the one that calls; the others are started. All calls are made from inside its event loop.
pub struct Threads {
    commands: Vec<UnboundedSender<Command>>,
    ended: UnboundedReceiver<()>,
    end: UnboundedSender<()>,
    running: usize,
}

impl Threads {
    /// None yet.
    pub fn new() -> Threads {
        let (end, ended) = unbounded_channel();
        Threads {
            commands: Vec::new(),
            ended,
            end,
            running: 0,
        }
    }

    /// Puts a cycle in force in all threads; starts and ends threads so that there are as many as it asks for.
    pub fn apply(&mut self, cycle: &Arc<Cycle>, sockets: &Sockets) {
        // nginx takes 0 for none at all; a server that answers nobody helps nobody.
        let wanted = cycle.core.worker_processes.max(1);
        for surplus in self.commands.drain(wanted.min(self.commands.len())..) {
            let _ = surplus.send(Command::Quit);
        }
        while self.commands.len() < wanted {
            if !self.start() {
                break;
            }
        }
        self.tell(&Command::Cycle(Arc::clone(cycle), Arc::clone(sockets)));
    }

    /// Has the threads finish what runs, then end.
    pub fn quit(&self) {
        self.tell(&Command::Quit);
    }

    /// Has the threads end.
    pub fn terminate(&self) {
        self.tell(&Command::Terminate);
    }

    /// Returns when all threads have ended.
    pub async fn ended(&mut self) {
        while self.running > 0 {
            let _ = self.ended.recv().await;
            self.running = self.running.saturating_sub(1);
        }
    }

    fn tell(&self, command: &Command) {
        for thread in &self.commands {
            let _ = thread.send(command.clone());
        }
    }

    fn start(&mut self) -> bool {
        let number = self.commands.len();
        let (sender, receiver) = unbounded_channel();
        let end = self.end.clone();
        if number == 0 {
            tokio::task::spawn_local(async move {
                thread::run(0, receiver).await;
                let _ = end.send(());
            });
        } else if let Err(error) = std::thread::Builder::new()
            .name(format!("worker {number}"))
            .spawn(move || run_thread(number, receiver, &end))
        {
            log::event(
                Level::Alert,
                format_args!("could not start a thread ({})", errno(&error)),
            );
            return false;
        }
        self.commands.push(sender);
        self.running += 1;
        true
    }
}

fn run_thread(number: usize, commands: UnboundedReceiver<Command>, end: &UnboundedSender<()>) {
    match thread::runtime() {
        Ok(runtime) => {
            runtime.block_on(thread::run(number, commands));
            runtime.shutdown_background();
        }
        Err(error) => log::event(
            Level::Alert,
            format_args!("could not start an event loop ({})", errno(&error)),
        ),
    }
    thread::flush();
    let _ = end.send(());
}
