//! Browsers with known faults, by the field `User-Agent`.

use crate::http::head::{Head, Known};
use memchr::memmem::{Finder, find};
use std::sync::LazyLock;

/// What is looked for in the field, prepared once: every error page asks.
struct Names {
    opera: Finder<'static>,
    msie: Finder<'static>,
    gecko: Finder<'static>,
    chrome: Finder<'static>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    opera: Finder::new("Opera"),
    msie: Finder::new("MSIE "),
    gecko: Finder::new("Gecko/"),
    chrome: Finder::new("Chrome/"),
});

/// What a client gives itself out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    /// MSIE.
    pub msie: bool,
    /// MSIE before 7, and 6 without its second service pack.
    pub msie6: bool,
    /// Chrome.
    pub chrome: bool,
    /// Safari on macOS.
    pub safari: bool,
}

impl Browser {
    /// Looks at the head of a request.
    pub fn of(head: &Head) -> Browser {
        let Some(agent) = head.get(Known::UserAgent) else {
            return Browser::default();
        };
        let has = |name: &Finder<'_>| name.find(agent).is_some();
        // Opera called itself MSIE.
        if has(&NAMES.opera) {
            return Browser::default();
        }
        let mut browser = Browser::default();
        if let Some(at) = NAMES.msie.find(agent)
            && let Some(version) = agent.get(at + 5..).filter(|rest| rest.len() > 2)
        {
            browser.msie = true;
            browser.msie6 = match version {
                [b'4' | b'5', b'.', ..] => true,
                [b'6', b'.', rest @ ..] => find(rest, b"SV1").is_none(),
                _ => false,
            };
        } else if !has(&NAMES.gecko) {
            browser.chrome = has(&NAMES.chrome);
            browser.safari = !browser.chrome
                && find(agent, b"Safari/").is_some()
                && find(agent, b"Mac OS X").is_some();
        }
        browser
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(agent: &str) -> Browser {
        let mut head = Head::default();
        head.append(b"User-Agent", agent.as_bytes());
        Browser::of(&head)
    }

    #[test]
    fn agents() {
        let msie = of("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)");
        assert!(msie.msie && msie.msie6);
        assert!(!of("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)").msie6);
        assert!(of("MSIE 5.5").msie6 && of("MSIE 7.0").msie);
        assert_eq!(of("MSIE 6"), Browser::default());
        assert_eq!(of("MSIE 6.0 Opera 8"), Browser::default());
        assert!(of("AppleWebKit/5 (KHTML, like Gecko) Chrome/9 Safari/5 Mac OS X").chrome);
        assert!(of("(Mac OS X) AppleWebKit (KHTML, like Gecko) Version/5 Safari/5").safari);
        assert_eq!(of("Gecko/20 Chrome/9"), Browser::default());
    }
}
