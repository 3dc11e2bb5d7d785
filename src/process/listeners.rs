//! The sockets that the master holds, from cycle to cycle.

use crate::config::source::errno;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::log::{self, Level};
use crate::net::address::Addr;
use crate::net::listen::{BindError, ListenSpec};
use crate::net::resolve;
use socket2::Socket;
use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often an address that is taken is tried: the server that holds it may be about to end.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// One address with its socket, or with several of them between which the kernel chooses.
#[derive(Clone, Debug)]
pub struct Bound {
    /// What was asked for.
    pub spec: ListenSpec,
    /// The sockets; more than one only with `reuseport`.
    pub sockets: Vec<Arc<Socket>>,
    /// Whether they came from the process that this one replaces.
    pub inherited: bool,
}

/// All listening sockets of a cycle, in the order in which the cycle knows them.
#[derive(Clone, Debug, Default)]
pub struct Listeners(Vec<Bound>);

/// Not all addresses could be bound. It has been logged why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not bind")]
pub struct CouldNotBind;

/// Complains of the first address that this machine does not have, as nginx does behind a syntax that is ok. Ports are
/// left alone: whoever listens there is not disturbed.
pub fn check(b: &mut Builder, specs: &[ListenSpec]) {
    // The addresses are those of another machine.
    if resolve::is_offline() {
        return;
    }
    let mut seen = HashSet::new();
    let mut is_new = |spec: &&ListenSpec| match &spec.addr {
        Addr::Inet(address) => seen.insert(address.ip()),
        Addr::Unix(_) => true,
    };
    let failed = specs
        .iter()
        .filter(|spec| is_new(spec))
        .find_map(|spec| spec.check().err());
    if let Some(error) = failed {
        let message = format!("{} failed ({})", error.what, errno(&error.error));
        let help = match error.what.contains("unix:") {
            true => {
                "the directory around it must exist, and the user who starts the server must be allowed to write there"
            }
            false => {
                "no interface of this machine has the address; --offline tests without looking"
            }
        };
        b.diagnostics.push(Diagnostic::new(message).help(help));
    }
}

impl Listeners {
    /// Sockets that were there before this program started.
    pub fn inherited(sockets: impl IntoIterator<Item = Socket>) -> Listeners {
        let mut listeners = Listeners::default();
        for socket in sockets {
            let address = socket.local_addr().ok();
            let path = address
                .as_ref()
                .and_then(|a| a.as_pathname())
                .map(|p| Addr::Unix(p.to_owned()));
            let Some(addr) = address
                .as_ref()
                .and_then(|a| a.as_socket())
                .map(Addr::Inet)
                .or(path)
            else {
                continue;
            };
            let known = listeners.0.iter_mut().find(|bound| bound.spec.addr == addr);
            match known {
                Some(bound) => bound.sockets.push(Arc::new(socket)),
                None => {
                    let (spec, sockets) = (ListenSpec::new(addr), vec![Arc::new(socket)]);
                    listeners.0.push(Bound {
                        spec,
                        sockets,
                        inherited: true,
                    });
                }
            }
        }
        listeners
    }

    /// Sockets that another process has opened for a cycle, address by address.
    pub fn handed_over(specs: &[ListenSpec], sockets: Vec<Vec<Socket>>) -> Listeners {
        let bound = specs.iter().zip(sockets).map(|(spec, sockets)| Bound {
            spec: spec.clone(),
            sockets: sockets.into_iter().map(Arc::new).collect(),
            inherited: false,
        });
        Listeners(bound.collect())
    }

    /// The sockets for these addresses: those that are there already, and new ones. An address that is taken is tried
    /// again for two seconds.
    pub fn open(&self, specs: &[ListenSpec], threads: usize) -> Result<Listeners, CouldNotBind> {
        let mut bound: Vec<Bound> = specs.iter().map(|spec| self.kept(spec)).collect();
        for _ in 0..TRIES {
            let mut taken = false;
            for one in &mut bound {
                let wanted = if one.spec.reuseport {
                    threads.max(1)
                } else {
                    1
                };
                if let Err(error) = fill(one, wanted) {
                    log::event(
                        Level::Emerg,
                        format_args!("{} failed ({})", error.what, errno(&error.error)),
                    );
                    if !error.in_use() {
                        return Err(CouldNotBind);
                    }
                    taken = true;
                }
            }
            if !taken {
                bound.iter().for_each(configure);
                return Ok(Listeners(bound));
            }
            log::event(
                Level::Notice,
                format_args!("try again to bind() after 500ms"),
            );
            std::thread::sleep(PAUSE);
        }
        log::event(Level::Emerg, format_args!("still could not bind()"));
        Err(CouldNotBind)
    }

    /// What there is already of an address.
    fn kept(&self, spec: &ListenSpec) -> Bound {
        let old = self.0.iter().find(|old| old.spec.addr == spec.addr);
        let sockets = old.map(|old| old.sockets.clone()).unwrap_or_default();
        Bound {
            spec: spec.clone(),
            sockets,
            inherited: old.is_some_and(|old| old.inherited),
        }
    }

    /// One by one, in the order of the cycle.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Bound> {
        self.0.iter()
    }

    /// All descriptors, address by address.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0
            .iter()
            .flat_map(|bound| bound.sockets.iter().map(|socket| socket.as_fd()))
    }

    /// Removes the files of the Unix sockets that the other cycle, which is in force now, has no use for.
    pub fn delete_files_except(&self, current: &Listeners) {
        for (addr, path) in self.files() {
            if current.0.iter().all(|bound| bound.spec.addr != *addr) {
                log::event(
                    Level::Warn,
                    format_args!("deleting socket {}", path.display()),
                );
                delete(path);
            }
        }
    }

    /// Removes the files of all Unix sockets, at the end; not those that another process still uses.
    pub fn delete_files(&self, except_inherited: bool) {
        for bound in self
            .0
            .iter()
            .filter(|bound| !(except_inherited && bound.inherited))
        {
            if let Addr::Unix(path) = &bound.spec.addr {
                delete(path);
            }
        }
    }

    fn files(&self) -> impl Iterator<Item = (&Addr, &Path)> {
        self.0.iter().filter_map(|bound| match &bound.spec.addr {
            addr @ Addr::Unix(path) => Some((addr, path.as_path())),
            Addr::Inet(_) => None,
        })
    }
}

fn delete(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        log::event(
            Level::Emerg,
            format_args!("unlink() {} failed ({})", path.display(), errno(&error)),
        );
    }
}

/// Brings the number of sockets to what is wanted.
fn fill(bound: &mut Bound, wanted: usize) -> Result<(), BindError> {
    if wanted > 1 && bound.sockets.len() < wanted {
        // A socket from before `reuseport` was written would keep the others out.
        for socket in &bound.sockets {
            let what = || format!("setsockopt(SO_REUSEPORT) {}", bound.spec.addr);
            socket.set_reuse_port(true).map_err(|error| BindError {
                what: what(),
                error,
            })?;
        }
    }
    bound.sockets.truncate(wanted);
    while bound.sockets.len() < wanted {
        bound.sockets.push(Arc::new(bound.spec.bind()?));
    }
    Ok(())
}

fn configure(bound: &Bound) {
    for socket in &bound.sockets {
        for error in bound.spec.configure(socket) {
            let reason = errno(&error.error);
            log::event(
                Level::Alert,
                format_args!("{} failed, ignored ({reason})", error.what),
            );
        }
        // Also changes the length of the queue of a socket that listens already.
        if let Err(error) = socket.listen(bound.spec.backlog()) {
            let (addr, backlog, reason) = (&bound.spec.addr, bound.spec.backlog(), errno(&error));
            log::event(
                Level::Alert,
                format_args!("listen() to {addr}, backlog {backlog} failed, ignored ({reason})"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(addr: &str) -> ListenSpec {
        ListenSpec::new(Addr::Inet(addr.parse().unwrap()))
    }

    fn port(bound: &Bound) -> ListenSpec {
        let address = bound.sockets[0].local_addr().unwrap().as_socket().unwrap();
        ListenSpec {
            addr: Addr::Inet(address),
            ..bound.spec.clone()
        }
    }

    #[test]
    fn an_address_keeps_its_socket() {
        let first = Listeners::default()
            .open(&[spec("127.0.0.1:0")], 1)
            .unwrap();
        let taken = port(&first.0[0]);
        let first = Listeners(vec![Bound {
            spec: taken.clone(),
            ..first.0[0].clone()
        }]);
        let second = first.open(&[taken, spec("127.0.0.1:0")], 1).unwrap();
        assert!(Arc::ptr_eq(&first.0[0].sockets[0], &second.0[0].sockets[0]));
        assert_eq!(second.descriptors().count(), 2);
    }

    #[test]
    fn reuseport_has_a_socket_per_thread() {
        let any = ListenSpec {
            reuseport: true,
            ..spec("127.0.0.1:0")
        };
        let one = Listeners::default().open(&[any], 1).unwrap();
        let one = Listeners(vec![Bound {
            spec: port(&one.0[0]),
            ..one.0[0].clone()
        }]);
        let three = one.open(&[one.0[0].spec.clone()], 3).unwrap();
        assert_eq!(three.0[0].sockets.len(), 3);
        assert_eq!(
            three.open(&[one.0[0].spec.clone()], 2).unwrap().0[0]
                .sockets
                .len(),
            2
        );
    }

    #[test]
    fn inherited_sockets_are_found_by_their_addresses() {
        let socket = spec("127.0.0.1:0").bind().unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let inherited = Listeners::inherited([socket]);
        let opened = inherited.open(&[spec(&address.to_string())], 1).unwrap();
        assert!(opened.0[0].inherited);
    }

    #[test]
    fn files_of_sockets_go_with_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let unix = ListenSpec::new(Addr::Unix(path.clone()));
        let listeners = Listeners::default().open(&[unix], 1).unwrap();
        listeners.delete_files_except(&listeners.clone());
        assert!(path.exists());
        listeners.delete_files_except(&Listeners::default());
        assert!(!path.exists());
    }
}
