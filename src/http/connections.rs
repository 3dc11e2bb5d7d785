//! The open connections of a thread, so that those that wait for a request are found: by a shutdown, and when there
//! is no place for another one.

use super::connection::Client;
use super::parking::{Due, Parked};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The connections.
#[derive(Default)]
pub struct Connections {
    places: RefCell<Vec<Member>>,
    free: RefCell<Vec<usize>>,
    /// Counts how often a connection has begun to wait.
    begun: Cell<u32>,
    waiting: Cell<usize>,
    leaving: Cell<usize>,
}

/// Who is in a place.
enum Member {
    /// Nobody, or somebody who comes back soon.
    Nobody,
    /// One that has a task.
    Served(Rc<Client>),
    /// One that has waited for a while.
    Parked(Due, Box<Parked>),
}

impl Connections {
    /// Takes a connection in, which waits for its first request; it is to `leave` the place that this returns.
    pub fn enter(&self, client: &Rc<Client>) -> usize {
        self.begin_wait(client);
        let mut places = self.places.borrow_mut();
        match self.free.borrow_mut().pop() {
            Some(number) => {
                if let Some(place) = places.get_mut(number) {
                    *place = Member::Served(Rc::clone(client));
                }
                number
            }
            None => {
                places.push(Member::Served(Rc::clone(client)));
                places.len() - 1
            }
        }
    }

    /// Takes the connection out of a place that it keeps, until `occupy` or `park`.
    pub fn vacate(&self, number: usize) {
        if let Some(Member::Served(client)) = self.take(number) {
            self.end_wait(&client);
        }
    }

    /// Puts a connection that waits for a request into the place that it has kept.
    pub fn occupy(&self, number: usize, client: &Rc<Client>) {
        self.begin_wait(client);
        if let Some(place) = self.places.borrow_mut().get_mut(number) {
            *place = Member::Served(Rc::clone(client));
        }
    }

    /// Lets a connection go from its place.
    pub fn leave(&self, number: usize) {
        if let Some(Member::Served(client)) = self.take(number) {
            self.end_wait(&client);
            if client.leaving.get() {
                self.leaving.set(self.leaving.get().saturating_sub(1));
            }
        }
        self.free.borrow_mut().push(number);
    }

    fn take(&self, number: usize) -> Option<Member> {
        let mut places = self.places.borrow_mut();
        let place = places.get_mut(number)?;
        Some(std::mem::replace(place, Member::Nobody))
    }

    /// Puts a connection without a task into the place that it has kept.
    pub fn park(&self, number: usize, due: Due, parked: Box<Parked>) {
        if let Some(place) = self.places.borrow_mut().get_mut(number) {
            self.waiting.set(self.waiting.get().saturating_add(1));
            *place = Member::Parked(due, parked);
        }
    }

    /// Takes a connection without a task out of its place, which it keeps until `occupy` or `leave`.
    pub fn unpark(&self, number: usize) -> Option<(Due, Box<Parked>)> {
        let mut places = self.places.borrow_mut();
        let place = places.get_mut(number)?;
        match std::mem::replace(place, Member::Nobody) {
            Member::Parked(due, parked) => {
                self.waiting.set(self.waiting.get().saturating_sub(1));
                Some((due, parked))
            }
            other => {
                *place = other;
                None
            }
        }
    }

    /// Ends a connection without a task.
    pub fn end_parked(&self, number: usize) {
        if self.unpark(number).is_some() {
            self.leave(number);
        }
    }

    /// Has a look at the one in a place, if it has no task.
    pub fn with_parked<T>(&self, number: usize, look: impl FnOnce(&Parked) -> T) -> Option<T> {
        match self.places.borrow().get(number) {
            Some(Member::Parked(_, parked)) => Some(look(parked)),
            _ => None,
        }
    }

    /// Says that a connection waits for a request.
    pub fn begin_wait(&self, client: &Client) {
        let number = self.begun.get().checked_add(1).unwrap_or(1);
        self.begun.set(number);
        if client.waiting.replace(number) == 0 {
            self.waiting.set(self.waiting.get().saturating_add(1));
        }
    }

    /// Says that it does no longer.
    pub fn end_wait(&self, client: &Client) {
        if client.waiting.replace(0) != 0 {
            self.waiting.set(self.waiting.get().saturating_sub(1));
        }
    }

    /// Closes those kept-alive ones that wait for a request and are meant. One that has not asked for anything yet may
    /// be about to. Of one that has a task the end of its input is announced, and the task wakes and sees it.
    pub fn close_idle(&self, meant: impl Fn(&Client) -> bool, parked: impl Fn(&Parked) -> bool) {
        let mut ended = Vec::new();
        for (number, member) in self.places.borrow().iter().enumerate() {
            match member {
                Member::Nobody => {}
                Member::Parked(_, one) => {
                    if one.has_asked() && parked(one) {
                        ended.push(number);
                    }
                }
                Member::Served(client) => {
                    if let Some(over) = client.h2.get() {
                        if meant(client) {
                            over.control.end();
                        }
                    } else if client.waiting.get() != 0
                        && client.requests.get() > 0
                        && meant(client)
                    {
                        client.dismissed.set(true);
                        client.stream.shutdown_read();
                    }
                }
            }
        }
        ended.into_iter().for_each(|number| self.end_parked(number));
    }

    /// Tells those that speak HTTP/2 to make their further requests on other connections: settings of a connection,
    /// its certificate included, stay as they were when it began. Requests that have been made are served.
    pub fn end_http2(&self) {
        for member in &*self.places.borrow() {
            if let Member::Served(client) = member
                && let Some(over) = client.h2.get()
            {
                over.control.end();
            }
        }
    }

    /// Makes room: those that have waited longest for a request are asked to end, a few at a time.
    pub fn drain(&self) {
        /// So many at a time, or an eighth of those that wait if that is less.
        const AT_ONCE: usize = 32;
        let begun = self.begun.get();
        let waited = |member: &Member| match member {
            Member::Served(client) if client.waiting.get() != 0 && !client.leaving.get() => {
                Some(begun.wrapping_sub(client.waiting.get()))
            }
            Member::Parked(_, parked) => Some(begun.wrapping_sub(parked.waiting())),
            _ => None,
        };
        let mut waiting: Vec<(u32, usize)> = (self.places.borrow().iter().enumerate())
            .filter_map(|(number, member)| Some((waited(member)?, number)))
            .collect();
        let count = (waiting.len() / 8).clamp(1, AT_ONCE);
        if count < waiting.len() {
            waiting.select_nth_unstable_by_key(count, |(waited, _)| std::cmp::Reverse(*waited));
        }
        for (_, number) in waiting.into_iter().take(count) {
            self.dismiss(number);
        }
    }

    fn dismiss(&self, number: usize) {
        match self.places.borrow().get(number) {
            Some(Member::Served(client)) => {
                client.leaving.set(true);
                client.dismissed.set(true);
                self.leaving.set(self.leaving.get().saturating_add(1));
                return match client.h2.get() {
                    Some(over) => over.control.end(),
                    None => client.stream.shutdown_read(),
                };
            }
            Some(Member::Parked(..)) => {}
            _ => return,
        }
        self.end_parked(number);
    }

    /// How many wait for a request and have not been asked to end.
    pub fn waiting(&self) -> usize {
        self.waiting.get().saturating_sub(self.leaving.get())
    }

    /// How many have been asked to end and are still there.
    pub fn leaving(&self) -> usize {
        self.leaving.get()
    }

    /// The present number of those that begin to wait.
    pub fn begun(&self) -> u32 {
        self.begun.get()
    }

    /// Looks at all that wait: tells those to park that have done so since `begun`, for as many looks as they are to,
    /// and names those without a task whose time is over.
    pub fn look_around(&self, begun: u32, now: Due) -> Found {
        let mut found = Found::default();
        let passed = self.begun.get().wrapping_sub(begun);
        for (number, member) in self.places.borrow().iter().enumerate() {
            match member {
                Member::Nobody => {}
                Member::Parked(due, _) if *due <= now => found.over.push(number),
                Member::Parked(due, _) => {
                    found.next = Some(found.next.map_or(*due, |next| next.min(*due)));
                }
                Member::Served(client) if client.rest.may_park() => {
                    let waited = self.begun.get().wrapping_sub(client.waiting.get());
                    found.others |= waited < passed || !client.rest.look();
                }
                Member::Served(_) => {}
            }
        }
        found
    }
}

/// What there is among those that wait.
#[derive(Default)]
pub struct Found {
    /// The places of those whose time is over.
    pub over: Vec<usize>,
    /// When the time of the next one is.
    pub next: Option<Due>,
    /// Whether some have not waited for long enough.
    pub others: bool,
}
