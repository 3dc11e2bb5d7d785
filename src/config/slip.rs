//! Of two names that are nearly alike, one defined and the other one used: which of them is the slip? The one that stands
//! alone, or else the one that is not made of words.

use super::known;
use super::source::Sources;
use super::tree::{Item, Node};
use std::collections::{HashMap, HashSet};

/// Words that names are made of, besides those of the directives and of the configuration itself.
const COMMON: &str = "access addr address admin agent allow allowed anon api app application apps args asset assets auth \
    authorization back backend backends bad blog bot bots bucket burst cache cdn cert chat child client clients cloudflare code \
    combined compression conn connection connections cookie cors country crawler custom dash dashboard debug default deny \
    detailed dev device django doc docs domain down download error events ext fast file fpm flask flood format forwarded front \
    frontend full general geo get git global good graphql group gunicorn handler hash header headers host html http https id \
    image images internal invalid ip ips is  java json key kibana lang language limit limited limits listen loadbalancer lb \
    local location login log logs ltsv mail main  master map media metrics method mobile my name no node nodejs not on one \
    origin original page pass path per perip phone php ping pool port post prefix prod production protect proto protocol proxy \
    public puma python query queue rails rate rates real realip redirect referer remote req request requests rest root \
    route ruby scheme search sec second secure security server servers service services session short simple site sites skip slow slug \
    sock socket spam ssl staging static status stream suffix syslog target temp test time timed timing tls token tomcat \
    traffic type ua unicorn up upgrade upload uploads upstream upstreams uri url user users uwsgi valid varnish verbose endpoint some key payment shop order photo photos video foo bar example visitor visitors server \
    version vhost view web website websocket websockets whitelist blacklist worker workers write ws www zone";

/// How often names and their parts occur in a configuration.
pub struct Words {
    names: HashMap<Vec<u8>, usize>,
    parts: HashMap<Vec<u8>, usize>,
    known: HashSet<&'static [u8]>,
}

impl Words {
    /// Counts them.
    pub fn of(tree: &[Item], sources: &Sources) -> Self {
        let common = COMMON.split_ascii_whitespace();
        let known = known::names().flat_map(|name| name.split('_'));
        let mut words = Words {
            names: HashMap::new(),
            parts: HashMap::new(),
            known: common.chain(known).map(str::as_bytes).collect(),
        };
        words.count(tree);
        for (_, text) in sources.files() {
            for part in parts(text) {
                *words.parts.entry(part).or_default() += 1;
            }
        }
        words
    }

    fn count(&mut self, items: &[Item]) {
        for item in items {
            let Item::Node(node) = item else { continue };
            self.count_node(node);
            self.count(node.items());
        }
    }

    fn count_node(&mut self, node: &Node) {
        for word in std::iter::once(&node.name).chain(&node.args) {
            // `app.example` is one name, `$app.example` has another in it.
            let whole = word
                .text
                .split(|b| !is_name(*b) && !matches!(b, b'.' | b'-'));
            let simple = word.text.split(|b| !is_name(*b));
            let mut names: Vec<&[u8]> = whole
                .chain(simple)
                .filter(|name| !name.is_empty())
                .collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                *self.names.entry(name.to_ascii_lowercase()).or_default() += 1;
            }
        }
    }

    /// How many words of the configuration are or hold the name.
    pub fn uses(&self, name: &str) -> usize {
        let name = name.to_ascii_lowercase();
        self.names.get(name.as_bytes()).copied().unwrap_or_default()
    }

    /// Whether a name that one directive defines is a slip for the one that is used.
    pub fn is_slip(&self, defined: &str, used: &str) -> bool {
        if self.uses(defined) > 1 {
            return false;
        }
        let shape = |name: &str| name.replace(['_', '-'], "");
        if shape(defined) == shape(used) {
            return self.uses(used) > 1 || self.has_odd_shape(defined, used);
        }
        let (defined_parts, used_parts) = (name_parts(defined), name_parts(used));
        let strange = |parts: &[Vec<u8>], others: &[Vec<u8>], own: usize| {
            let mut differing = parts.iter().filter(|part| !others.contains(part));
            differing.any(|part| !self.is_word(part, own))
        };
        let strange_use = strange(&used_parts, &defined_parts, self.uses(used).max(1));
        // `min` is a word too, but few call something that.
        let usual = |name: &str| COMMON.split_ascii_whitespace().any(|word| word == name);
        self.uses(used) > 1
            || !strange_use && strange(&defined_parts, &used_parts, 1)
            || usual(used) && !usual(defined)
    }

    /// Of two names that differ in their dashes alone, whether this one has two in a row, or has none between words that the
    /// configuration keeps apart.
    fn has_odd_shape(&self, name: &str, other: &str) -> bool {
        let doubled = |name: &str| name.contains("__") || name.contains("--");
        let own = self.uses(other).max(1);
        let apart = parts(other.as_bytes())
            .all(|part| self.parts.get(&part).is_some_and(|count| *count > own));
        doubled(name) || !doubled(other) && apart && name.len() < other.len()
    }

    /// Whether it is a word that names are made of, or two of them in one, or occurs in more places than the name.
    fn is_word(&self, part: &[u8], own: usize) -> bool {
        let known = |word: &[u8]| self.known.contains(word);
        let elsewhere = self.parts.get(part).is_some_and(|count| *count > own);
        let compound = || {
            (3..part.len().saturating_sub(2)).any(|at| {
                let (first, second) = part.split_at(at);
                known(first) && known(second)
            })
        };
        elsewhere || known(part) || part.iter().all(u8::is_ascii_digit) || compound()
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The words that a name or a text is made of, in lower case.
fn parts(text: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let parts = text.split(|byte| !byte.is_ascii_alphanumeric());
    parts
        .filter(|part| !part.is_empty())
        .map(<[u8]>::to_ascii_lowercase)
}

/// The words that a name is made of: `reqPerSec20` has four.
fn name_parts(name: &str) -> Vec<Vec<u8>> {
    let mut spaced = String::new();
    let mut last = ' ';
    for c in name.chars() {
        let begins = last.is_ascii_lowercase() && c.is_ascii_uppercase()
            || last.is_ascii_alphabetic() && c.is_ascii_digit();
        if begins {
            spaced.push(' ');
        }
        spaced.push(c);
        last = c;
    }
    parts(spaced.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::{Origin, parse};
    use bytes::Bytes;
    use std::path::Path;

    fn slip(text: &'static str, defined: &str, used: &str) -> bool {
        let mut sources = Sources::new();
        let text = Bytes::from_static(text.as_bytes());
        let id = sources.add(Path::new("/n.conf"), text.clone());
        Words::of(&parse(&text, id, Origin::File, 0), &sources).is_slip(defined, used)
    }

    #[test]
    fn what_is_used_twice_is_no_slip() {
        let text = "upstream qxab { } proxy_pass http://qxa; proxy_pass http://qxa/b;";
        assert!(slip(text, "qxab", "qxa"));
        let text = "upstream qxab { } proxy_pass http://qxab; proxy_pass http://qxa;";
        assert!(!slip(text, "qxab", "qxa"));
    }

    #[test]
    fn words_are_no_slips() {
        assert!(slip(
            "log_format mian x; access_log a main;",
            "mian",
            "main"
        ));
        assert!(!slip(
            "log_format main x; access_log a mian;",
            "main",
            "mian"
        ));
        let text = "# the photos\nupstream photso { } proxy_pass http://photos;";
        assert!(slip(text, "photso", "photos"));
        let text = "limit_req_zone $x zone=rqePerSec5:1m; limit_req zone=reqPerSec5;";
        assert!(slip(text, "rqePerSec5", "reqPerSec5"));
        let text = "upstream qxa { } proxy_pass http://qxb;";
        assert!(!slip(text, "qxa", "qxb"));
        let text = "set $upstreamapp a; set $upstream_port 1; set $my_app $upstream_app;";
        assert!(slip(text, "upstreamapp", "upstream_app"));
        let text = "upstream php__fpm { } fastcgi_pass php_fpm;";
        assert!(slip(text, "php__fpm", "php_fpm"));
    }
}
