//! `--explain` and `--requests`: what requests would get. No server runs for it, and nothing is written.

use super::options::Options;
use super::{place, say};
use crate::config::source::Disk;
use crate::config::source::errno;
use crate::cycle;
use crate::explain::expect::{self, Case};
use crate::explain::{Explainer, Explanation, Question, human, json};
use crate::log;
use crate::net::resolve;
use crate::process::load;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// `--explain`: a request.
    pub request: Option<String>,
    /// `--requests`: a file with requests.
    pub requests: Option<OsString>,
    /// `-H`: header fields.
    pub fields: Vec<String>,
    /// `--from`: the client's address.
    pub from: Option<String>,
    /// `--to`: the address that it connects to.
    pub to: Option<String>,
    /// `--tls`: the request comes over TLS, whatever its URL says.
    pub tls: bool,
    /// `--json`
    pub json: bool,
}

impl Ask {
    /// Whether anything is asked.
    pub fn is_asked(&self) -> bool {
        self.request.is_some() || self.requests.is_some()
    }

    /// Takes an argument if it is one of these; the value of a long one may be joined to it by `=`.
    ///
    /// # Errors
    /// The value is missing.
    pub fn take(
        &mut self,
        argument: &OsString,
        following: &mut impl Iterator<Item = OsString>,
    ) -> Result<bool, String> {
        let text = argument.to_string_lossy().into_owned();
        let (name, joined) = match text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(OsString::from(value))),
            _ => (text.as_str(), None),
        };
        match name {
            "--tls" if joined.is_none() => self.tls = true,
            "--json" if joined.is_none() => self.json = true,
            "-H" | "--explain" | "--requests" | "--from" | "--to" => {
                let missing = || format!("option \"{name}\" requires a value");
                let value = joined.or_else(|| following.next()).ok_or_else(missing)?;
                let text = value.to_string_lossy().into_owned();
                match name {
                    "-H" => self.fields.push(text),
                    "--explain" => self.request = Some(text),
                    "--from" => self.from = Some(text),
                    "--to" => self.to = Some(text),
                    _ => self.requests = Some(value),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds to a request what the command line says about all of them.
    fn complete(&self, question: &mut Question) -> Result<(), String> {
        for field in &self.fields {
            question.add_field(field)?;
        }
        if let Some(from) = &self.from {
            question.set_from(from)?;
        }
        if self.to.is_some() && question.to.is_none() {
            question.to.clone_from(&self.to);
        }
        question.tls |= self.tls;
        Ok(())
    }
}

/// Answers. The exit code is 1 if something differs from what is expected, or cannot be answered.
pub fn run(options: &Options) -> ExitCode {
    match answer(options) {
        Ok(code) => code,
        Err(sentence) => {
            say(&format!("goodgate: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

fn answer(options: &Options) -> Result<ExitCode, String> {
    let place = place::place(options);
    // As for a test of the configuration, no log is opened.
    log::init(&cycle::Options {
        test: true,
        ..place.clone()
    });
    resolve::set_offline(options.offline);
    let loaded = cycle::load_and_keep(&place, Rc::new(Disk), true);
    load::to_terminal(&loaded, .., options.error_format);
    let explainer = Explainer::new(loaded)?;
    let ask = &options.ask;
    let mut code = ExitCode::SUCCESS;
    if let Some(text) = &ask.request {
        let mut question = Question::parse(text)?;
        ask.complete(&mut question)?;
        let explanation = explainer.explain(&question)?;
        print(&render(&explanation, ask, &place.conf_prefix));
    }
    if let Some(file) = &ask.requests {
        let text = read(file)?;
        let shown = file.to_string_lossy();
        let cases = expect::parse(&text)
            .map_err(|(line, sentence)| format!("{sentence} in {shown}:{line}"))?;
        let differing = compare(&explainer, cases, ask, &shown, &place)?;
        if differing > 0 {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// A file; `-` stands for standard input.
fn read(file: &OsString) -> Result<String, String> {
    let text = match file.as_bytes() {
        b"-" => io::read_to_string(io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    text.map_err(|error| format!("{}: {}", file.display(), errno(&error)))
}

fn render(explanation: &Explanation, ask: &Ask, base: &Path) -> String {
    match ask.json {
        true => json::render(explanation) + "\n",
        false => human::render(explanation, base),
    }
}

/// Compares all requests with what is expected of them, and prints what differs. Returns how many do.
fn compare(
    explainer: &Explainer,
    cases: Vec<Case>,
    ask: &Ask,
    file: &str,
    place: &cycle::Options,
) -> Result<usize, String> {
    let base = &place.conf_prefix;
    let (all, mut differing) = (cases.len(), 0usize);
    for mut case in cases {
        let at = format!("{file}:{}", case.line);
        let said = ask
            .complete(&mut case.question)
            .and_then(|()| explainer.explain(&case.question));
        for expected in &mut case.expected {
            expected.start_from(&place.prefix);
        }
        let explanation = match said {
            Ok(explanation) => explanation,
            Err(sentence) => {
                differing = differing.saturating_add(1);
                let shown = case.question.shown();
                tell(ask, &format!("{at}: {shown}\n    {sentence}\n"));
                if ask.json {
                    print(&(json::unanswered(&shown, &sentence) + "\n"));
                }
                continue;
            }
        };
        if ask.json {
            print(&(json::render(&explanation) + "\n"));
        }
        let differences: Vec<String> = case
            .expected
            .iter()
            .filter_map(|e| {
                let actual = e.differs(&explanation.outcome)?;
                Some(format!("    {} is {actual}, expected {}\n", e.key, e.value))
            })
            .collect();
        if differences.is_empty() {
            continue;
        }
        differing = differing.saturating_add(1);
        let found = explanation.outcome.location_at.as_ref();
        let found = found.map(|place| format!("  ({})", human::shown(place, base)));
        let text = format!(
            "{at}: {}{}\n{}",
            explanation.request,
            found.unwrap_or_default(),
            differences.concat()
        );
        tell(ask, &text);
    }
    if !ask.json {
        print(&match differing {
            0 => format!("{all} requests, all as expected\n"),
            _ => format!("{differing} of {all} requests differ\n"),
        });
    }
    Ok(differing)
}

/// Says what differs, beside JSON if that is what is printed.
fn tell(ask: &Ask, text: &str) {
    match ask.json {
        true => say(text.trim_end()),
        false => print(text),
    }
}

fn print(text: &str) {
    // Without anybody who reads there is nobody to tell.
    let _ = io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(arguments: &[&str]) -> Result<Ask, String> {
        let mut ask = Ask::default();
        let mut arguments = arguments.iter().map(OsString::from);
        while let Some(argument) = arguments.next() {
            assert!(ask.take(&argument, &mut arguments)?, "{argument:?}");
        }
        Ok(ask)
    }

    #[test]
    fn values_may_be_joined_or_apart() {
        let words = [
            "--explain",
            "GET /",
            "-H",
            "A: =",
            "--from=::1",
            "--tls",
            "--json",
        ];
        let ask = take(&words).unwrap();
        assert_eq!(ask.request.as_deref(), Some("GET /"));
        assert_eq!(ask.fields, ["A: ="]);
        assert_eq!(ask.from.as_deref(), Some("::1"));
        assert!(ask.tls && ask.json && ask.is_asked());
        assert!(
            take(&["--requests"])
                .unwrap_err()
                .contains("requires a value")
        );
        let mut none = std::iter::empty();
        assert_eq!(Ask::default().take(&"-t".into(), &mut none), Ok(false));
    }
}
