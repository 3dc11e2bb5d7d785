//! Completions for shells, made from the table of flags.

use super::flags::{FLAGS, Flag, Value};
use super::options::Shell;
use crate::lint::RULES;
use std::fmt::Write;

/// The script for a shell.
pub fn text(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

/// What can follow a flag: its words, or for `--why` the rules.
fn words(flag: &Flag) -> Vec<&'static str> {
    match flag.value {
        Value::Words(_, words) => words.to_vec(),
        Value::Text("code") => RULES.iter().map(|rule| rule.code.name).collect(),
        _ => Vec::new(),
    }
}

/// All ways to write a flag: `-t`, `--watch`.
fn spellings(flag: &Flag) -> Vec<String> {
    let short = flag.short.map(|letter| format!("-{letter}"));
    let long = flag.long.map(|name| format!("--{name}"));
    short.into_iter().chain(long).collect()
}

fn bash() -> String {
    let mut cases = String::new();
    for flag in FLAGS {
        let action = match flag.value {
            Value::None => continue,
            Value::File(_) => String::from("COMPREPLY=($(compgen -f -- \"$cur\"))"),
            Value::Directory(_) => String::from("COMPREPLY=($(compgen -d -- \"$cur\"))"),
            Value::Words(..) | Value::Text(_) => {
                format!(
                    "COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))",
                    words(flag).join(" ")
                )
            }
        };
        let _ = writeln!(
            cases,
            "        {}) {action}; return ;;",
            spellings(flag).join("|")
        );
    }
    let all: Vec<String> = FLAGS.iter().flat_map(spellings).collect();
    format!(
        "# bash completion for goodgate\n_goodgate() {{\n    local cur=\"${{COMP_WORDS[COMP_CWORD]}}\" \
         prev=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n    # --flag=value comes as three words.\n    if [[ $cur == = ]]; then \
         cur=; elif [[ $prev == = ]]; then prev=\"${{COMP_WORDS[COMP_CWORD-2]}}\"; fi\n    case \"$prev\" in\n{cases}    \
         esac\n    COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n}}\ncomplete -o filenames -F _goodgate goodgate\n",
        all.join(" ")
    )
}

fn zsh() -> String {
    let mut lines = String::new();
    for flag in FLAGS {
        let about = flag.about().replace(['[', ']'], "").replace('\'', "");
        let value = match flag.value {
            Value::None => String::new(),
            Value::File(name) => format!(":{name}:_files"),
            Value::Directory(name) => format!(":{name}:_files -/"),
            Value::Words(name, _) | Value::Text(name) => match words(flag) {
                words if words.is_empty() => format!(":{name}: "),
                words => format!(":{name}:({})", words.join(" ")),
            },
        };
        for spelling in spellings(flag) {
            let join = match (flag.value, spelling.starts_with("--")) {
                (Value::None, _) => "",
                (_, true) => "=",
                (_, false) => "+",
            };
            let about = about.replace(':', "\\:");
            let _ = writeln!(lines, "    '{spelling}{join}[{about}]{value}' \\");
        }
    }
    format!("#compdef goodgate\n_arguments -s \\\n{lines}    && return 0\n")
}

fn fish() -> String {
    let mut lines = String::from("complete -c goodgate -f\n");
    for flag in FLAGS {
        let about = flag.about().replace('\'', "");
        let names = [
            flag.short.map(|letter| format!(" -s {letter}")),
            flag.long.map(|name| format!(" -l {name}")),
        ];
        let names: String = names.into_iter().flatten().collect();
        let value = match flag.value {
            Value::None => String::new(),
            Value::File(_) => String::from(" -r -F"),
            Value::Directory(_) => String::from(" -r -a '(__fish_complete_directories)'"),
            Value::Words(..) | Value::Text(_) => format!(" -x -a '{}'", words(flag).join(" ")),
        };
        let _ = writeln!(lines, "complete -c goodgate{names}{value} -d '{about}'");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_knows_every_flag() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = text(shell);
            for flag in FLAGS {
                let name = flag
                    .long
                    .map_or(flag.short.map(String::from), |l| Some(l.to_owned()));
                assert!(text.contains(&name.unwrap_or_default()), "{shell:?}");
            }
            assert!(text.contains("human short json"), "{shell:?}: {text}");
        }
    }
}
