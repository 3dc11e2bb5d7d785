//! The manual page, made from the tables of flags and directives.

use super::{MODULES, Module};
use crate::cli::flags::{FLAGS, Flag, Value};
use crate::cli::version::NGINX_VERSION;
use crate::config::directive::Directive;
use crate::cycle::Builder;
use std::fmt::Write;

/// `docs/goodgate.8`, for `man -l`.
pub fn manual() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        ".\\\" Made from the tables: UPDATE_REFERENCE=1 cargo test --test reference\n.TH GOODGATE 8 \"\" \"goodgate \
         {version}\" \"System Manager's Manual\"\n.SH NAME\ngoodgate \\- web server that reads nginx.conf unchanged\n.SH \
         SYNOPSIS\n.B goodgate\n"
    );
    for flag in FLAGS {
        let _ = writeln!(text, "[{}]", usage(flag));
    }
    let _ = write!(
        text,
        ".SH DESCRIPTION\nServes files, redirects and rewrites, and passes requests on to applications. Configuration, \
         command line, signals and logs are those of nginx {NGINX_VERSION}.\n.SH OPTIONS\n"
    );
    for flag in FLAGS {
        let _ = writeln!(
            text,
            ".TP\n{}\n{}.",
            usage(flag),
            escaped(&sentence(&flag.about()))
        );
    }
    text.push_str(SIGNALS);
    text.push_str(".SH DIRECTIVES\nEach with the blocks that it may stand in.\n");
    for Module { nginx, tables, .. } in MODULES {
        let _ = writeln!(text, ".SS {}", escaped(nginx));
        for directive in tables.iter().copied().flatten() {
            entry(directive, &mut text);
        }
    }
    text.push_str(FILES);
    text
}

fn usage(flag: &Flag) -> String {
    let short = flag.short.map(|letter| format!("\\fB\\-{letter}\\fR"));
    let long = flag
        .long
        .map(|name| format!("\\fB\\-\\-{}\\fR", name.replace('-', "\\-")));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let between = if flag.short.is_some() { " " } else { "=" };
    match flag.value {
        Value::None => names.join(", "),
        value => format!("{}{between}\\fI{}\\fR", names.join(", "), value.name()),
    }
}

fn entry(directive: &Directive<Builder>, text: &mut String) {
    let space = if directive.syntax.is_empty() { "" } else { " " };
    let end = if directive.block { " { ... }" } else { ";" };
    let _ = writeln!(
        text,
        ".TP\n\\fB{}\\fR{space}{}{end}\n{} ({})",
        directive.name,
        escaped(directive.syntax),
        escaped(directive.doc),
        super::markdown::contexts(directive.contexts)
    );
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// A line of text may not begin with a dot or quote, and a backslash is written `\e`.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

const SIGNALS: &str = ".SH SIGNALS\n.TP\nTERM, INT\nStop at once.\n.TP\nQUIT\nFinish the requests that run, then \
                       stop.\n.TP\nHUP\nRead the configuration anew; cuts nothing, and refuses what is wrong.\n.TP\n\
                       USR1\nOpen the logs anew.\n.TP\nUSR2\nStart the program anew beside the running one.\n.TP\n\
                       WINCH\nStop the worker gracefully.\n";

const FILES: &str = ".SH FILES\n.TP\n/etc/nginx/nginx.conf\nThe configuration.\n.TP\n/var/log/nginx/error.log\nThe \
                     error log until the configuration names one.\n.TP\n/run/nginx.pid\nThe process id of the \
                     master.\n.SH EXIT STATUS\n0 if all went well, 1 if not: with \\-t, if the configuration has errors.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_directives_are_there() {
        let text = manual();
        assert!(text.contains("\\fB\\-\\-error\\-format\\fR=\\fIformat\\fR"));
        assert!(text.contains("\\fBproxy_pass\\fR URL;\n"));
        assert!(!text.lines().any(|line| line.starts_with('\'')));
    }
}
