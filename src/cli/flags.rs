//! The flags of the command line, as usage, shell completions and the manual page show them.

use super::defaults;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    None,
    /// A file.
    File(&'static str),
    /// A directory.
    Directory(&'static str),
    /// One of these words.
    Words(&'static str, &'static [&'static str]),
    /// Text.
    Text(&'static str),
}

impl Value {
    /// What stands for the value in texts; empty if there is none.
    pub fn name(self) -> &'static str {
        match self {
            Value::None => "",
            Value::File(name)
            | Value::Directory(name)
            | Value::Words(name, _)
            | Value::Text(name) => name,
        }
    }
}

/// A flag.
pub struct Flag {
    /// Its letter, for those that nginx has.
    pub short: Option<char>,
    /// Its long name, without dashes.
    pub long: Option<&'static str>,
    /// What it takes.
    pub value: Value,
    /// What it does, in a few words; `{}` stands for the default.
    pub doc: &'static str,
    /// The default of the value.
    pub default: &'static str,
}

impl Flag {
    const fn letter(short: char, value: Value, doc: &'static str) -> Flag {
        Flag {
            short: Some(short),
            long: None,
            value,
            doc,
            default: "",
        }
    }

    const fn long(long: &'static str, value: Value, doc: &'static str) -> Flag {
        Flag {
            short: None,
            long: Some(long),
            value,
            doc,
            default: "",
        }
    }

    const fn also(mut self, long: &'static str) -> Flag {
        self.long = Some(long);
        self
    }

    const fn default(mut self, default: &'static str) -> Flag {
        self.default = default;
        self
    }

    /// `-t`, `-h, --help`, `--error-format=FORMAT`
    pub fn usage(&self) -> String {
        let short = self.short.map(|letter| format!("-{letter}"));
        let long = self.long.map(|name| format!("--{name}"));
        let names: Vec<String> = short.into_iter().chain(long).collect();
        let name = self.value.name();
        let between = if self.short.is_some() { " " } else { "=" };
        match name.is_empty() {
            true => names.join(", "),
            false => format!("{}{between}{name}", names.join(", ")),
        }
    }

    /// What it does, with its default.
    pub fn about(&self) -> String {
        self.doc.replace("{}", self.default)
    }
}

/// The words of `--error-format`.
pub const FORMATS: &[&str] = &["human", "short", "json"];
/// The words of `--completions`.
pub const SHELLS: &[&str] = &["bash", "zsh", "fish"];

/// All flags: nginx's, then those that only goodgate has.
pub static FLAGS: &[Flag] = &[
    Flag::letter('h', Value::None, "this help").also("help"),
    Flag::letter('v', Value::None, "show version and exit").also("version"),
    Flag::letter(
        'V',
        Value::None,
        "show version and configure options then exit",
    ),
    Flag::letter('t', Value::None, "test configuration and exit"),
    Flag::letter('T', Value::None, "test configuration, dump it and exit"),
    Flag::letter(
        'q',
        Value::None,
        "suppress non-error messages during configuration testing",
    ),
    Flag::letter(
        's',
        Value::Words("signal", &["stop", "quit", "reopen", "reload"]),
        "send signal to a master process: stop, quit, reopen, reload",
    ),
    Flag::letter(
        'p',
        Value::Directory("prefix"),
        "set prefix path (default: {}/)",
    )
    .default(defaults::PREFIX),
    Flag::letter(
        'e',
        Value::File("filename"),
        "set error log file (default: {})",
    )
    .default(defaults::ERROR_LOG_PATH),
    Flag::letter(
        'c',
        Value::File("filename"),
        "set configuration file (default: {})",
    )
    .default(defaults::CONF_PATH),
    Flag::letter(
        'g',
        Value::Text("directives"),
        "set global directives out of configuration file",
    ),
    Flag::long(
        "watch",
        Value::None,
        "reload when a file of the configuration changes",
    ),
    Flag::long(
        "error-format",
        Value::Words("format", FORMATS),
        "with -t: how messages look: human, short (nginx's lines), json",
    ),
    Flag::long("strict", Value::None, "with -t: a warning fails the test"),
    Flag::long(
        "offline",
        Value::None,
        "with -t: look no host name up, try no address",
    ),
    Flag::long(
        "effective",
        Value::None,
        "with -T: show the settings that hold in each server and location",
    ),
    Flag::long(
        "why",
        Value::Text("code"),
        "explain a lint rule (L0103 or its name) and exit",
    ),
    Flag::long(
        "explain",
        Value::Text("request"),
        "say what a request would get, as in 'GET http://host/path', and exit",
    ),
    Flag::long(
        "requests",
        Value::File("filename"),
        "compare what requests would get with what is expected of them, and exit",
    ),
    Flag::letter(
        'H',
        Value::Text("field"),
        "with --explain, --requests: a header field of the request",
    ),
    Flag::long(
        "from",
        Value::Text("address"),
        "with --explain, --requests: the client's address",
    ),
    Flag::long(
        "to",
        Value::Text("address"),
        "with --explain, --requests: the address that the client connects to",
    ),
    Flag::long(
        "tls",
        Value::None,
        "with --explain, --requests: the request comes over TLS",
    ),
    Flag::long(
        "json",
        Value::None,
        "with --explain, --requests: answer in JSON",
    ),
    Flag::long(
        "directives",
        Value::Words("format", &["json"]),
        "print the table of directives and exit",
    ),
    Flag::long(
        "completions",
        Value::Words("shell", SHELLS),
        "print completions for a shell (bash, zsh, fish) and exit",
    ),
];

/// What `-h` prints.
pub fn usage() -> String {
    let mut text = String::from(
        "Usage: goodgate [-?hvVtTq] [-s signal] [-p prefix]
                [-e filename] [-c filename] [-g directives] [--watch]
                [--error-format=format] [--strict] [--offline] [--effective]

Options:
",
    );
    for flag in FLAGS {
        let usage = match flag.short {
            Some('h') => String::from("-?,-h,--help"),
            Some('v') => String::from("-v,--version"),
            _ => flag.usage(),
        };
        let line = match usage.len() {
            0..=13 => format!("  {usage:<13} : {}\n", flag.about()),
            _ => format!("  {usage}\n                : {}\n", flag.about()),
        };
        text.push_str(&line);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_lists_every_flag_with_its_default() {
        let text = usage();
        assert!(text.contains("  -?,-h,--help  : this help\n"), "{text}");
        assert!(
            text.contains("  -p prefix     : set prefix path (default: "),
            "{text}"
        );
        assert!(
            text.contains("  --error-format=format\n                : with -t"),
            "{text}"
        );
        assert!(!text.contains("{}"), "{text}");
    }
}
