//! nginx's browser module: variables by how old the client's browser is.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::core::browser::Browser;
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::variable::Variable;
use bytes::Bytes;
use memchr::memmem::find;
use std::sync::Arc;

/// How a kind of browser names itself in `User-Agent`.
struct Kind {
    /// What the directive calls it.
    name: &'static str,
    /// Its name stands behind so many bytes.
    skip: usize,
    mark: &'static str,
    /// The version stands so far behind the start of the mark.
    version: usize,
}

/// In the order in which they are looked for: others' names are in Opera's, too.
static KINDS: &[Kind] = &[
    Kind {
        name: "opera",
        skip: 0,
        mark: "Opera",
        version: "Opera ".len(),
    },
    Kind {
        name: "msie",
        skip: "Mozilla/4.0 (compatible; ".len(),
        mark: "MSIE ",
        version: "MSIE ".len(),
    },
    Kind {
        name: "gecko",
        skip: "Mozilla/5.0 (".len(),
        mark: "rv:",
        version: "rv:".len(),
    },
    Kind {
        name: "safari",
        skip: "Mozilla/5.0 (".len(),
        mark: "Safari/",
        version: "Safari/".len(),
    },
    Kind {
        name: "konqueror",
        skip: "Mozilla/5.0 (compatible; ".len(),
        mark: "Konqueror/",
        version: "Konqueror/".len(),
    },
];

/// The number of Opera in [`KINDS`].
const OPERA: usize = 0;
/// More than any version.
const NEVER: u64 = 4_001_000_000;

/// As written.
#[derive(Clone, Default)]
pub struct BrowserRaw {
    /// Kinds, by their number, and the first version that is modern.
    modern: Option<Arc<Vec<(usize, u64)>>>,
    unlisted: bool,
    ancient: Option<Arc<Vec<Bytes>>>,
    netscape4: bool,
    modern_value: Option<Bytes>,
    ancient_value: Option<Bytes>,
}

/// In force.
pub struct BrowserConf {
    modern: Arc<Vec<(usize, u64)>>,
    unlisted: bool,
    ancient: Arc<Vec<Bytes>>,
    netscape4: bool,
    modern_value: Bytes,
    ancient_value: Bytes,
}

impl Settings for BrowserRaw {
    type Conf = BrowserConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.modern.is_none() && !self.unlisted {
            self.modern = parent.modern.clone();
            self.unlisted = parent.unlisted;
        }
        if self.ancient.is_none() && !self.netscape4 {
            self.ancient = parent.ancient.clone();
            self.netscape4 = parent.netscape4;
        }
        let value = |own: &mut Option<Bytes>, parent: &Option<Bytes>| {
            *own = own.take().or_else(|| parent.clone());
        };
        value(&mut self.modern_value, &parent.modern_value);
        value(&mut self.ancient_value, &parent.ancient_value);
    }

    fn build(&self, _: &mut Builder) -> BrowserConf {
        let mut modern = self.modern.clone().unwrap_or_default();
        if !modern.is_empty() {
            let list = Arc::make_mut(&mut modern);
            if !list.iter().any(|(kind, _)| *kind == OPERA) {
                // It calls itself MSIE as well, and is not to be taken for it.
                list.push((OPERA, NEVER));
            }
            list.sort_by_key(|(kind, _)| *kind);
        }
        let one = || Bytes::from_static(b"1");
        BrowserConf {
            modern,
            unlisted: self.unlisted,
            ancient: self.ancient.clone().unwrap_or_default(),
            netscape4: self.netscape4,
            modern_value: self.modern_value.clone().unwrap_or_else(one),
            ancient_value: self.ancient_value.clone().unwrap_or_else(one),
        }
    }
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("modern_browser", EVERYWHERE, Args::Between(1, 2), set_modern)
        .syntax("browser version | unlisted")
        .doc(
            "From which version on a browser (opera, msie, gecko, safari, konqueror) counts as modern; unlisted: those \
             that are not named.",
        ),
    D::custom("ancient_browser", EVERYWHERE, Args::AtLeast(1), set_ancient)
        .syntax("string ...")
        .doc("Browsers whose User-Agent contains one of these texts are ancient; netscape4 stands for old Netscapes."),
    D::custom("modern_browser_value", EVERYWHERE, Args::Exactly(1), |b, node| {
        let value = node.arg(0).map(|word| word.text.clone());
        b.http.here().browser().modern_value = value;
        Ok(())
    })
    .syntax("string")
    .default("1")
    .doc("What $modern_browser is for modern browsers."),
    D::custom("ancient_browser_value", EVERYWHERE, Args::Exactly(1), |b, node| {
        let value = node.arg(0).map(|word| word.text.clone());
        b.http.here().browser().ancient_value = value;
        Ok(())
    })
    .syntax("string")
    .default("1")
    .doc("What $ancient_browser is for ancient browsers."),
];

fn set_modern(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    let Some(version) = node.arg(1) else {
        if word.text != "unlisted" {
            // nginx ends here without a word.
            return Err(node
                .error_at(
                    word,
                    format!("no version of the browser \"{}\"", word.str()),
                )
                .help("a version must follow, or \"unlisted\" stand alone"));
        }
        b.http.here().browser().unlisted = true;
        return Ok(());
    };
    let kind = KINDS
        .iter()
        .position(|kind| kind.name.as_bytes().eq_ignore_ascii_case(&word.text))
        .ok_or_else(|| node.error_at(word, format!("unknown browser name \"{}\"", word.str())))?;
    if !version
        .text
        .iter()
        .all(|c| c.is_ascii_digit() || *c == b'.')
    {
        let message = format!("invalid browser version \"{}\"", version.str());
        return Err(node.error_at(version, message));
    }
    let least = Version::read(&version.text).last().unwrap_or(0);
    let list = &mut b.http.here().browser().modern;
    Arc::make_mut(list.get_or_insert_default()).push((kind, least));
    Ok(())
}

fn set_ancient(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let raw = b.http.here().browser();
    for word in &node.args {
        if word.text == "netscape4" {
            raw.netscape4 = true;
        } else {
            let list = raw.ancient.get_or_insert_default();
            Arc::make_mut(list).push(word.text.clone());
        }
    }
    Ok(())
}

/// A version as a number: two digits for each of the second to the fourth part.
struct Version<'a> {
    text: &'a [u8],
    sum: u64,
    scale: u64,
    ended: bool,
}

impl<'a> Version<'a> {
    fn read(text: &'a [u8]) -> Self {
        Version {
            text,
            sum: 0,
            scale: 1_000_000,
            ended: false,
        }
    }
}

/// What the version comes to at each point and at its end.
impl Iterator for Version<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.ended {
            return None;
        }
        let digits = self.text.iter().take_while(|c| c.is_ascii_digit()).count();
        let (number, rest) = self.text.split_at_checked(digits)?;
        let part = number.iter().fold(0u64, |n, c| {
            n.saturating_mul(10).saturating_add(u64::from(c - b'0'))
        });
        self.sum = self.sum.saturating_add(part.saturating_mul(self.scale));
        self.scale /= 100;
        match rest.split_first() {
            Some((b'.', rest)) => self.text = rest,
            _ => self.ended = true,
        }
        Some(self.sum)
    }
}

/// `$msie`, `$modern_browser`, `$ancient_browser`.
pub static VARIABLES: &[Variable] = &[
    Variable::weak("msie", |req, out| {
        if Browser::of(&req.head).msie {
            out.push(b'1');
        }
        true
    }),
    Variable::weak("modern_browser", |req, out| write(req, true, out)),
    Variable::weak("ancient_browser", |req, out| write(req, false, out)),
];

fn write(req: &Request, modern: bool, out: &mut Vec<u8>) -> bool {
    let conf = &req.location(&req.http).browser;
    if conf.is_modern(req.header(Known::UserAgent)) == modern {
        out.extend_from_slice(match modern {
            true => &conf.modern_value,
            false => &conf.ancient_value,
        });
    }
    true
}

impl BrowserConf {
    fn is_modern(&self, agent: Option<&[u8]>) -> bool {
        let Some(agent) = agent else {
            return self.unlisted;
        };
        for (number, least) in self.modern.iter() {
            let Some(kind) = KINDS.get(*number) else {
                continue;
            };
            if let Some(version) = version(agent, kind) {
                return is_at_least(version, *least);
            }
        }
        if !self.modern.is_empty() && !self.unlisted {
            return false;
        }
        if self.netscape4 && is_netscape4(agent) {
            return false;
        }
        if self.ancient.iter().any(|text| find(agent, text).is_some()) {
            return false;
        }
        self.unlisted
    }
}

/// What follows the name of a kind of browser.
fn version<'a>(agent: &'a [u8], kind: &Kind) -> Option<&'a [u8]> {
    let rest = agent.get(kind.skip..)?;
    let at = find(rest, kind.mark.as_bytes())?;
    rest.get(at.checked_add(kind.version)?..)
        .filter(|version| !version.is_empty())
}

fn is_at_least(version: &[u8], least: u64) -> bool {
    let mut sum = 0;
    for so_far in Version::read(version) {
        if so_far > least {
            return true;
        }
        sum = so_far;
    }
    sum >= least
}

fn is_netscape4(agent: &[u8]) -> bool {
    let major = agent
        .strip_prefix(b"Mozilla/")
        .and_then(|rest| rest.first());
    agent.len() > "Mozilla/4.72 ".len() && major.is_some_and(|c| (b'1'..=b'4').contains(c))
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::{cycle, first_complaint};

    fn modern(lines: &str, agent: Option<&str>) -> bool {
        let cycle = cycle(&format!("events {{}} http {{ {lines} }}"));
        let http = cycle.http.as_ref().unwrap();
        let conf = &http.locations.first().unwrap().browser;
        conf.is_modern(agent.map(str::as_bytes))
    }

    #[test]
    fn versions_decide() {
        let lines = "modern_browser msie 5.5; modern_browser gecko 1.0.0;";
        let msie = |version| format!("Mozilla/4.0 (compatible; MSIE {version}; Windows NT 5.1)");
        assert!(modern(lines, Some(&msie("5.5"))));
        assert!(modern(lines, Some(&msie("6.0"))));
        assert!(!modern(lines, Some(&msie("5.0"))));
        assert!(!modern(
            lines,
            Some("Mozilla/4.0 (compatible; MSIE 6.0; X11) Opera 7.50")
        ));
        assert!(modern(
            lines,
            Some("Mozilla/5.0 (X11; U; rv:1.0.0.1) Gecko/2002")
        ));
        assert!(!modern(
            lines,
            Some("Mozilla/5.0 (X11; U; rv:0.9.9) Gecko/2002")
        ));
        assert!(!modern(lines, Some("curl/8")) && !modern(lines, None));
        assert!(modern(
            "modern_browser opera 9.0;",
            Some("Opera/9.01 (X11)")
        ));
    }

    #[test]
    fn those_that_are_not_listed() {
        let lines = "modern_browser unlisted; ancient_browser Links Lynx netscape4;";
        assert!(modern(lines, Some("Anything")) && modern(lines, None));
        assert!(!modern(lines, Some("Lynx/2.8")));
        assert!(!modern(lines, Some("Mozilla/4.72 [en] (X11)")));
        assert!(modern(lines, Some("Mozilla/5.72 [en] (X11)")));
    }

    #[test]
    fn complaints() {
        let complaint = |line: &str| first_complaint(&format!("events {{}} http {{ {line} }}"));
        assert_eq!(
            complaint("modern_browser x 1;"),
            "unknown browser name \"x\""
        );
        assert_eq!(
            complaint("modern_browser msie 1a;"),
            "invalid browser version \"1a\""
        );
        assert_eq!(complaint("modern_browser MSIE 1..2;"), "");
        assert_ne!(complaint("modern_browser msie;"), "");
    }
}
