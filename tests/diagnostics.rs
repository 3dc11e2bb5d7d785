//! Golden tests of what `-t` prints: each `tests/check/whole/NAME.conf` is given to the program, and what it says must be
//! what stands in `NAME.txt`; the same for the bad example of each lint rule, in `tests/check/lint/`. With
//! `UPDATE_GOLDEN=1` the texts are written anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use goodgate::lint::{RULES, explain, whole};
use std::path::Path;
use std::process::{Command, Output};

const FOLDER: &str = "tests/check/whole";

fn run(folder: &str, arguments: &[&str]) -> Output {
    let pid = tempfile::tempdir().unwrap();
    let pid = pid.path().join("pid").display().to_string();
    Command::new(env!("CARGO_BIN_EXE_goodgate"))
        .args(["-p", folder, "-e", "stderr", "-g"])
        .arg(format!("error_log stderr; pid {pid};"))
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Holds a text against its file. Returns what is wrong.
fn differs(golden: &Path, said: &str) -> Option<String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, said).unwrap();
    }
    let want = std::fs::read_to_string(golden).unwrap_or_default();
    (said != want).then(|| format!("{}:\n{said}", golden.display()))
}

fn confs() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".conf").map(str::to_owned))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn diagnostics_are_as_written_down() {
    let wrong: Vec<String> = confs()
        .iter()
        .filter_map(|name| {
            let output = run(FOLDER, &["-t", "-c", &format!("{name}.conf")]);
            differs(
                &Path::new(FOLDER).join(format!("{name}.txt")),
                &said(&output),
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lints_are_as_written_down() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let folder = tempfile::tempdir().unwrap();
        let conf = folder.path().join("nginx.conf");
        std::fs::write(&conf, whole(rule.bad)).unwrap();
        for name in ["expired.pem", "valid.pem", "key.pem"] {
            std::fs::copy(
                Path::new("tests/fixtures").join(name),
                folder.path().join(name),
            )
            .unwrap();
        }
        let strict = if rule.strict { "--strict" } else { "-t" };
        let path = folder.path().display().to_string();
        let output = run(&path, &["-t", strict, "-c", "nginx.conf"]);
        assert_eq!(output.status.success(), !rule.strict, "{}", said(&output));
        let text = said(&output).replace(&format!("{path}/"), "");
        let name = format!("tests/check/lint/{}.txt", rule.code.name);
        wrong.extend(differs(Path::new(&name), &text));
        assert!(explain(rule.code.number).unwrap().contains(rule.summary));
        assert_eq!(explain(rule.code.number), explain(rule.code.name));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn short_is_nginx_s_lines_alone_and_json_is_a_line_each() {
    let whole = said(&run(FOLDER, &["-t", "-c", "several.conf"]));
    let output = run(
        FOLDER,
        &["-t", "-c", "several.conf", "--error-format=short"],
    );
    let lines: String = whole
        .lines()
        .filter(|line| line.starts_with("nginx: "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(said(&output), lines);
    let json = run(FOLDER, &["-t", "-c", "several.conf", "--error-format=json"]);
    assert_eq!(json.status.code(), Some(1));
    let golden = Path::new(FOLDER).join("several.json");
    assert_eq!(differs(&golden, &said(&json)), None);
}

#[test]
fn what_warns_fails_only_where_that_is_asked_for() {
    let run = |more: &[&str]| run(FOLDER, &[&["-t", "-c", "warnings.conf"], more].concat());
    assert_eq!(run(&[]).status.code(), Some(0));
    assert_eq!(run(&["--strict"]).status.code(), Some(1));
    assert!(said(&run(&[])).contains("goodgate: [warn] L0106"));
    assert!(!said(&run(&["-q"])).contains("L0106"));
}

#[test]
fn errors_end_after_fifty_and_warnings_never() {
    let folder = tempfile::tempdir().unwrap();
    let test = |inside: &dyn Fn(usize) -> String, end: &str| {
        let inside: String = (0..60).map(inside).collect();
        let text = format!("events {{}} http {{ {inside} {end} }}");
        std::fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let arguments = ["-t", "--error-format=short", "-c", "nginx.conf"];
        let output = run(&format!("{}/", folder.path().display()), &arguments);
        (output.status.code(), said(&output))
    };
    let warned = |i| {
        format!(
            "server {{ listen 127.0.0.1:{} http2; return 200 a; }}\n",
            8000 + i
        )
    };
    let (status, text) = test(&warned, "");
    assert_eq!(
        (status, text.matches("is deprecated").count()),
        (Some(0), 60)
    );
    let (status, text) = test(&warned, "nonsense;");
    assert_eq!(status, Some(1));
    assert!(text.contains("unknown directive \"nonsense\""), "{text}");
    // Whether they are found while directives are read, or at the end.
    for wrong in ["nonsense;", "set $a $nobody_sets_NUMBER;"] {
        let wrong = |i: usize| {
            let wrong = wrong.replace("NUMBER", &i.to_string());
            format!(
                "server {{ listen 127.0.0.1:{}; location /{i} {{ {wrong} }} }}\n",
                8000 + i
            )
        };
        let (status, text) = test(&wrong, "");
        assert_eq!(
            (status, text.matches("unknown ").count()),
            (Some(1), 50),
            "{text}"
        );
    }
}

#[test]
fn offline_asks_for_no_names() {
    let run = |more: &[&str]| {
        run(
            FOLDER,
            &[&["-t", "-c", "host_not_found.conf"], more].concat(),
        )
    };
    assert_eq!(run(&[]).status.code(), Some(1));
    assert_eq!(
        run(&["--offline"]).status.code(),
        Some(0),
        "{}",
        said(&run(&["--offline"]))
    );
}

#[test]
fn colours_are_for_terminals() {
    let output = run(FOLDER, &["-t", "-c", "several.conf"]);
    assert!(!said(&output).contains('\u{1b}'));
}

#[test]
fn the_settings_in_force_are_a_configuration_again() {
    let folder = tempfile::tempdir().unwrap();
    let conf = "events {}\nhttp {\n    root /srv;\n    gzip on;\n    server {\n        listen 8080;\n        \
                location /a {\n            gzip off;\n        }\n    }\n}\n";
    std::fs::write(folder.path().join("a.conf"), conf).unwrap();
    let path = folder.path().display().to_string();
    let output = run(&path, &["-T", "--effective", "-q", "-c", "a.conf"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    let place = |line: u32| format!("# {path}/a.conf:{line}\n");
    let root = shown.matches(&place(3)).count();
    assert_eq!((root, shown.matches(&place(4)).count()), (2, 1), "{shown}");
    std::fs::write(
        folder.path().join("b.conf"),
        format!("events {{}}\nhttp {{\n{shown}}}\n"),
    )
    .unwrap();
    let again = run(&path, &["-t", "-c", "b.conf"]);
    assert!(again.status.success(), "{}\n{shown}", said(&again));
}

#[test]
fn texts_about_the_program() {
    let text = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_goodgate"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text(&["--why", "L0103"]).starts_with("L0103 header-lost: "));
    assert!(text(&["--directives=json"]).contains("{\"name\":\"proxy_pass\","));
    assert!(
        text(&["--completions", "bash"]).contains("complete -o filenames -F _goodgate goodgate")
    );
}

/// The README shows what is printed, with the paths of an installation.
#[test]
fn the_readme_shows_what_is_printed() {
    let shown = |conf: &str| {
        let output = run("tests/check/readme", &["-t", "-c", conf]);
        let text = said(&output).replace("tests/check/readme/", "/etc/nginx/");
        let text = text
            .replace("fixed.conf", "nginx.conf")
            .replace("fixed/", "conf.d/");
        format!("```\n$ goodgate -t\n{text}```\n")
    };
    let wanted = [shown("nginx.conf"), shown("fixed.conf")];
    let readme = std::fs::read_to_string("README.md").unwrap();
    let mut blocks = readme
        .match_indices("```\n$ goodgate -t\n")
        .map(|(start, _)| {
            let end = readme[start + 4..].find("```\n").unwrap();
            start..start + 4 + end + 4
        });
    let blocks = [blocks.next().unwrap(), blocks.next().unwrap()];
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let mut new = readme.clone();
        for (block, text) in blocks.iter().zip(&wanted).rev() {
            new.replace_range(block.clone(), text);
        }
        std::fs::write("README.md", new).unwrap();
        return;
    }
    for (block, text) in blocks.into_iter().zip(&wanted) {
        assert_eq!(&readme[block], text);
    }
}

/// On a terminal, which `script` makes, messages are coloured unless `NO_COLOR` says otherwise.
#[test]
fn a_terminal_shows_colours_unless_that_is_not_wanted() {
    let shown = |no_color: &str| {
        let command = format!(
            "{} -t -p {FOLDER} -e stderr -c several.conf",
            env!("CARGO_BIN_EXE_goodgate")
        );
        Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm")
            .env("NO_COLOR", no_color)
            .output()
    };
    let (Ok(with), Ok(without)) = (shown(""), shown("1")) else {
        return;
    };
    let colours = |output: &Output| output.stdout.contains(&0x1b);
    assert!(colours(&with) && !colours(&without));
}
