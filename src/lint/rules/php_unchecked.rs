//! `location ~ \.php$ { fastcgi_pass ...; }`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Kind, Site, variables};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0125",
        name: "php-unchecked",
    },
    summary: "PHP that gets paths without a check that the file exists",
    why: "PHP takes /upload/a.jpg/x.php, finds no such file, and runs the part of the path that is one: a.jpg, which somebody\n\
          uploaded (cgi.fix_pathinfo, on by default). \"try_files $uri =404;\" passes only what is a file.",
    bad: "location ~ \\.php$ {\n\
          \x20   fastcgi_pass 127.0.0.1:9000;\n\
          }\n",
    good: "location ~ \\.php$ {\n\
          \x20   try_files $uri =404;\n\
          \x20   fastcgi_pass 127.0.0.1:9000;\n\
          }\n",
    strict: false,
    check: Check::Directives(&["fastcgi_pass"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let Some(location) = site.location(id) else {
        return;
    };
    if !matches!(location.how, How::Regex(_)) || !any_script(location.text) {
        return;
    }
    let checked = site.has(id, "try_files")
        || site.has(id, "internal")
        || site
            .block(id)
            .children
            .iter()
            .any(|child| tests_file(site, *child))
        || fixed_script(site, id);
    if !checked {
        hits.add(node, node.name.span, "paths that are no files go to PHP: a.jpg/x.php runs a.jpg as a program")
            .also(location.span, "any path with such an ending")
            .help("add \"try_files $uri =404;\"; with fastcgi_split_path_info, \"try_files $fastcgi_script_name =404;\"");
    }
}

/// Whether the pattern leaves open which script it is.
fn any_script(pattern: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(pattern, b".php") else {
        return false;
    };
    let before = pattern.get(..at).unwrap_or_default();
    let before = before.strip_suffix(b"\\").unwrap_or(before);
    let named = before.strip_prefix(b"^").is_some_and(|path| {
        !path
            .iter()
            .any(|b| matches!(b, b'.' | b'*' | b'+' | b'[' | b'\\'))
    });
    !named
}

/// `if (!-f $document_root$fastcgi_script_name) { return 404; }`
fn tests_file(site: &Site<'_>, id: BlockId) -> bool {
    let node = site.block(id).node.filter(|_| site.kind(id) == Kind::If);
    node.is_some_and(|node| {
        node.args
            .iter()
            .any(|word| memchr::memmem::find(&word.text, b"!-").is_some())
    })
}

/// Whether the program that runs does not depend on the path.
fn fixed_script(site: &Site<'_>, id: BlockId) -> bool {
    let holder = site.holder(id, "fastcgi_param");
    let script = holder.and_then(|holder| {
        site.own(holder, "fastcgi_param")
            .filter(|param| {
                param
                    .arg(0)
                    .is_some_and(|word| word.text == "SCRIPT_FILENAME")
            })
            .last()
    });
    script.and_then(|param| param.arg(1)).is_some_and(|value| {
        variables(&value.text).all(|name| name == b"document_root" || name == b"realpath_root")
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn checked_or_fixed_scripts_are_fine() {
        found(
            &RULE,
            &[r#"location ~ [^/]\.php(/|$) { fastcgi_pass 127.0.0.1:9000; }"#],
        );
        fine(
            &RULE,
            &[
                r#"location ~ ^/index\.php(/|$) { fastcgi_pass 127.0.0.1:9000; }"#,
                r#"location ~ \.php$ { if (!-f $request_filename) { return 404; } fastcgi_pass 127.0.0.1:9000; }"#,
                r#"location ~ \.php$ { fastcgi_param SCRIPT_FILENAME /srv/app.php; fastcgi_pass 127.0.0.1:9000; }"#,
                r#"location / { fastcgi_pass 127.0.0.1:9000; }"#,
            ],
        );
    }
}
