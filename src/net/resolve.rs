//! Host names of the configuration, resolved by the system (`getaddrinfo`) while the configuration is read.

use nix::ifaddrs::getifaddrs;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

/// What was found for each name; none for a name that has no address.
pub type Answers = BTreeMap<Vec<u8>, Option<Vec<IpAddr>>>;

thread_local! {
    /// What this thread has looked up since the last [`set_answers`], or was told to answer.
    static ANSWERS: RefCell<Answers> = const { RefCell::new(BTreeMap::new()) };
    static OFFLINE: Cell<bool> = const { Cell::new(false) };
}

/// From now on every name that is not known is taken for one that resolves, on this thread: a test of a configuration on
/// a machine without a network says nothing about names.
pub fn set_offline(offline: bool) {
    OFFLINE.set(offline);
}

/// Whether that was said.
pub fn is_offline() -> bool {
    OFFLINE.get()
}

/// Names in here are answered from here, on this thread: two processes that read the same configuration come to the
/// same addresses that way. Others are looked up and added.
pub fn set_answers(answers: Answers) {
    ANSWERS.set(answers);
}

/// All that was looked up on this thread since [`set_answers`].
pub fn take_answers() -> Answers {
    ANSWERS.take()
}

/// The addresses of a host, in the system's order; none if it has none or cannot be looked up.
pub fn lookup(host: &[u8]) -> Option<Vec<IpAddr>> {
    if let Some(answer) = ANSWERS.with_borrow(|answers| answers.get(host).cloned()) {
        return answer;
    }
    let answer = match OFFLINE.get() {
        true => Some(vec![STAND_IN]),
        false => ask(host),
    };
    ANSWERS.with_borrow_mut(|answers| answers.insert(host.to_vec(), answer.clone()));
    answer
}

/// An address that nothing has: of a network for documentation (RFC 5737).
const STAND_IN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn ask(host: &[u8]) -> Option<Vec<IpAddr>> {
    let host = std::str::from_utf8(host).ok()?;
    let all: Vec<IpAddr> = (host, 0)
        .to_socket_addrs()
        .ok()?
        .map(|address| address.ip())
        .collect();
    let families = Families::of_this_machine();
    let usable: Vec<IpAddr> = all.into_iter().filter(|ip| families.use_ip(ip)).collect();
    (!usable.is_empty()).then_some(usable)
}

/// nginx asks with AI_ADDRCONFIG, which leaves out IPv6 addresses on a machine that has only IPv4 and the
/// other way round; the standard library asks without. So `localhost` would get a `::1` that nginx does not try.
struct Families {
    v4: bool,
    v6: bool,
}

impl Families {
    fn of_this_machine() -> Self {
        let mut families = Families {
            v4: false,
            v6: false,
        };
        for address in getifaddrs()
            .into_iter()
            .flatten()
            .filter_map(|interface| interface.address)
        {
            families.v4 |= address
                .as_sockaddr_in()
                .is_some_and(|a| a.ip() != Ipv4Addr::LOCALHOST);
            families.v6 |= address
                .as_sockaddr_in6()
                .is_some_and(|a| a.ip() != Ipv6Addr::LOCALHOST);
        }
        families
    }

    fn use_ip(&self, ip: &IpAddr) -> bool {
        match ip {
            IpAddr::V4(_) => self.v4 || !self.v6,
            IpAddr::V6(_) => self.v6 || !self.v4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_family_excludes_the_other_only_if_the_other_is_not_there() {
        let (v4, v6) = (
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        );
        let used = |has_v4, has_v6| {
            let families = Families {
                v4: has_v4,
                v6: has_v6,
            };
            (families.use_ip(&v4), families.use_ip(&v6))
        };
        assert_eq!(used(true, false), (true, false));
        assert_eq!(used(false, true), (false, true));
        assert_eq!(used(true, true), (true, true));
        assert_eq!(used(false, false), (true, true));
    }

    #[test]
    fn localhost_is_found_and_nonsense_is_not() {
        assert!(
            lookup(b"localhost")
                .unwrap()
                .iter()
                .all(IpAddr::is_loopback)
        );
        assert_eq!(lookup(b"no-such-host.invalid"), None);
        assert_eq!(lookup(b"\xff"), None);
    }
}
