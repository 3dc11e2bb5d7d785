//! The options of the command line, read as nginx reads them: letters may be joined (`-tq`), values too (`-cfile`).

use super::explain::Ask;
use super::flags::{FLAGS, Value};
use crate::diagnostic::output::ErrorFormat;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-h`, `-?`: usage.
    pub help: bool,
    /// `-v`: the version.
    pub version: bool,
    /// `-V`: the version and what is built in.
    pub configure: bool,
    /// `-t`: check the configuration and exit.
    pub test: bool,
    /// `-T`: the same, and print it.
    pub dump: bool,
    /// `-q`: say nothing when the check went well.
    pub quiet: bool,
    /// `--watch`: reload when a file of the configuration changes.
    pub watch: bool,
    /// `--error-format`: how messages of a test look.
    pub error_format: ErrorFormat,
    /// `--strict`: warnings fail a test.
    pub strict: bool,
    /// `--offline`: a test looks no names up.
    pub offline: bool,
    /// `--effective`: with `-T`, what holds in each block instead of the files.
    pub effective: bool,
    /// What is to be printed instead of anything else.
    pub print: Option<Print>,
    /// `--explain` and what goes with it.
    pub ask: Ask,
    /// `-s`: signal the running master.
    pub signal: Option<Signal>,
    /// `-p`: the prefix.
    pub prefix: Option<OsString>,
    /// `-e`: the error log; empty for standard error.
    pub error_log: Option<OsString>,
    /// `-c`: the configuration file.
    pub conf_file: Option<OsString>,
    /// `-g`: directives put before the configuration file.
    pub globals: Option<OsString>,
}

/// Texts about the program itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Print {
    /// `--why CODE`
    Why(String),
    /// `--directives=json`
    Directives,
    /// `--completions=SHELL`
    Completions(Shell),
}

/// A shell that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the shells' names")]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// What `-s` can ask of the running master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: stop at once.
    Stop,
    /// SIGQUIT: finish what runs, then stop.
    Quit,
    /// SIGUSR1: open the logs anew.
    Reopen,
    /// SIGHUP: read the configuration anew.
    Reload,
}

impl Signal {
    fn from_name(name: &[u8]) -> Option<Signal> {
        match name {
            b"stop" => Some(Signal::Stop),
            b"quit" => Some(Signal::Quit),
            b"reopen" => Some(Signal::Reopen),
            b"reload" => Some(Signal::Reload),
            _ => None,
        }
    }
}

/// Reads the arguments, the program's name not among them. The error is nginx's sentence.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if options.ask.take(&argument, &mut arguments)? {
            continue;
        }
        match argument.as_bytes() {
            b"--watch" => options.watch = true,
            b"--help" => (options.help, options.version) = (true, true),
            b"--version" => options.version = true,
            b"--strict" => options.strict = true,
            b"--offline" => options.offline = true,
            b"--effective" => {
                (options.effective, options.dump, options.test) = (true, true, true);
            }
            [b'-', b'-', name @ ..] if takes_value(name) => {
                parse_long(name, &mut arguments, &mut options)?;
            }
            [b'-', letters @ ..] => parse_letters(letters, &mut arguments, &mut options)?,
            _ => return Err(invalid(&argument)),
        }
    }
    Ok(options)
}

/// The long flags that take a value, which may be joined by `=` or be the next word.
const LONG: [&[u8]; 4] = [b"error-format", b"why", b"directives", b"completions"];

fn takes_value(name: &[u8]) -> bool {
    let name = name.split(|b| *b == b'=').next().unwrap_or_default();
    LONG.contains(&name)
}

fn parse_long(
    text: &[u8],
    following: &mut impl Iterator<Item = OsString>,
    options: &mut Options,
) -> Result<(), String> {
    let mut parts = text.splitn(2, |b| *b == b'=');
    let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let value = match parts.next() {
        Some(value) => OsString::from_vec(value.to_vec()),
        None => following
            .next()
            .ok_or_else(|| format!("option \"--{name}\" requires a value"))?,
    };
    let wrong = || {
        let words = FLAGS.iter().find_map(|flag| match flag.value {
            Value::Words(_, words) if flag.long == Some(name.as_str()) => Some(words.join(", ")),
            _ => None,
        });
        format!(
            "invalid option: \"--{name}={}\" (one of: {})",
            value.display(),
            words.unwrap_or_default()
        )
    };
    match (name.as_str(), value.as_bytes()) {
        ("error-format", format) => {
            options.error_format = ErrorFormat::from_name(format).ok_or_else(wrong)?;
        }
        ("why", _) => options.print = Some(Print::Why(value.to_string_lossy().into_owned())),
        ("directives", b"json") => options.print = Some(Print::Directives),
        ("completions", b"bash") => options.print = Some(Print::Completions(Shell::Bash)),
        ("completions", b"zsh") => options.print = Some(Print::Completions(Shell::Zsh)),
        ("completions", b"fish") => options.print = Some(Print::Completions(Shell::Fish)),
        _ => return Err(wrong()),
    }
    Ok(())
}

fn parse_letters(
    mut letters: &[u8],
    following: &mut impl Iterator<Item = OsString>,
    options: &mut Options,
) -> Result<(), String> {
    while let [letter, rest @ ..] = letters {
        letters = rest;
        // A letter that takes a value takes the rest of the word, or the next word when nothing is left of this one.
        let mut value = |what: &str| {
            if rest.is_empty() {
                let missing = || format!("option \"-{}\" requires {what}", char::from(*letter));
                following.next().ok_or_else(missing)
            } else {
                Ok(OsString::from_vec(rest.to_vec()))
            }
        };
        match letter {
            b'?' | b'h' => (options.help, options.version) = (true, true),
            b'v' => options.version = true,
            b'V' => (options.configure, options.version) = (true, true),
            b't' => options.test = true,
            b'T' => (options.test, options.dump) = (true, true),
            b'q' => options.quiet = true,
            b'p' => return value("directory name").map(|v| options.prefix = Some(v)),
            b'c' => return value("file name").map(|v| options.conf_file = Some(v)),
            b'g' => return value("parameter").map(|v| options.globals = Some(v)),
            b'e' => {
                let name = value("file name")?;
                options.error_log = Some(if name == "stderr" {
                    OsString::new()
                } else {
                    name
                });
                return Ok(());
            }
            b's' => {
                let name = value("parameter")?;
                let signal = Signal::from_name(name.as_bytes());
                options.signal = Some(
                    signal.ok_or_else(|| format!("invalid option: \"-s {}\"", name.display()))?,
                );
                return Ok(());
            }
            other => return Err(invalid(OsStr::from_bytes(&[*other]))),
        }
    }
    Ok(())
}

fn invalid(what: &OsStr) -> String {
    format!("invalid option: \"{}\"", what.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options, String> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn values_may_be_joined_or_apart() {
        let expected = Options {
            conf_file: Some("x".into()),
            test: true,
            quiet: true,
            ..Options::default()
        };
        assert_eq!(read(&["-tqc", "x"]), Ok(expected.clone()));
        assert_eq!(read(&["-qt", "-cx"]), Ok(expected));
    }

    #[test]
    fn errors_are_those_of_nginx() {
        for (arguments, message) in [
            (&["-x"][..], "invalid option: \"x\""),
            (&["abc"], "invalid option: \"abc\""),
            (&["--nothing"], "invalid option: \"-\""),
            (&["-c"], "option \"-c\" requires file name"),
            (&["-p"], "option \"-p\" requires directory name"),
            (&["-e"], "option \"-e\" requires file name"),
            (&["-g"], "option \"-g\" requires parameter"),
            (&["-qs"], "option \"-s\" requires parameter"),
            (&["-sfoo"], "invalid option: \"-s foo\""),
            (
                &["--error-format=xml"],
                "invalid option: \"--error-format=xml\" (one of: human, short, json)",
            ),
            (&["--why"], "option \"--why\" requires a value"),
        ] {
            assert_eq!(read(arguments), Err(message.to_owned()));
        }
    }

    #[test]
    fn long_flags_take_their_value_joined_or_apart() {
        for words in [
            &["--error-format", "json", "--strict"][..],
            &["--error-format=json", "--strict"],
        ] {
            let options = read(words).unwrap();
            assert_eq!(options.error_format, ErrorFormat::Json);
            assert!(options.strict);
        }
        let effective = read(&["--effective"]).unwrap();
        assert!(effective.test && effective.dump && effective.effective);
    }

    #[test]
    fn a_lone_dash_is_ignored_and_stderr_is_a_name() {
        assert_eq!(read(&["-"]), Ok(Options::default()));
        assert_eq!(
            read(&["-e", "stderr"]).unwrap().error_log,
            Some(OsString::new())
        );
        assert_eq!(
            read(&["-s", "reload"]).unwrap().signal,
            Some(Signal::Reload)
        );
    }
}
