//! Browsers with known faults, by the field `User-Agent`.

use crate::http::head::{Head, Known};
use memchr::memmem::find;

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
        let has = |name: &[u8]| find(agent, name).is_some();
        // Opera called itself MSIE.
        if has(b"Opera") {
            return Browser::default();
        }
        let mut browser = Browser::default();
        if let Some(at) = find(agent, b"MSIE ")
            && let Some(version) = agent.get(at + 5..).filter(|rest| rest.len() > 2)
        {
            browser.msie = true;
            browser.msie6 = match version {
                [b'4' | b'5', b'.', ..] => true,
                [b'6', b'.', rest @ ..] => find(rest, b"SV1").is_none(),
                _ => false,
            };
        } else if !has(b"Gecko/") {
            browser.chrome = has(b"Chrome/");
            browser.safari = !browser.chrome && has(b"Safari/") && has(b"Mac OS X");
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
