//! `location ~ \.php`

use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0113",
        name: "regex-anchor",
    },
    summary: "an ending such as \\.php without the $ that makes it an ending",
    why: "Without \"$\" the pattern fits anywhere in the path: /upload/x.php.jpg is handed to PHP by \"location ~ \\.php\", and\n\
          /report.phpx, too.",
    bad: "location ~ \\.php {\n\
          \x20   try_files $uri =404;\n\
          \x20   fastcgi_pass 127.0.0.1:9000;\n\
          }\n",
    good: "location ~ \\.php$ {\n\
          \x20   try_files $uri =404;\n\
          \x20   fastcgi_pass 127.0.0.1:9000;\n\
          }\n",
    strict: false,
    check: Check::Blocks(check),
};

fn check(site: &Site<'_>, id: BlockId, hits: &mut Hits) {
    let (Some(node), Some(location)) = (site.block(id).node, site.location(id)) else {
        return;
    };
    if !matches!(location.how, How::Regex(_)) || !ends_with_extension(location.text) {
        return;
    }
    // To refuse too much is the safe side.
    if ["deny", "return", "internal"]
        .iter()
        .any(|name| site.has(id, name))
    {
        return;
    }
    let name = String::from_utf8_lossy(location.text).into_owned();
    hits.add(
        node,
        location.span,
        format!("\"{name}\" fits anywhere in a path, not only at its end"),
    )
    .help(format!("write \"{name}$\""));
}

/// Whether a pattern ends with `\.name` or `\.(one|two)`, and does not begin with a fixed path.
fn ends_with_extension(pattern: &[u8]) -> bool {
    if pattern.starts_with(b"^") {
        return false;
    }
    let Some(dot) = memchr::memmem::rfind(pattern, b"\\.") else {
        return false;
    };
    // "/\\.ht" is about names that begin with a dot.
    if pattern
        .get(..dot)
        .is_some_and(|before| before.ends_with(b"/"))
    {
        return false;
    }
    let rest = pattern.get(dot + 2..).unwrap_or_default();
    let group = rest
        .strip_prefix(b"(")
        .and_then(|rest| rest.strip_suffix(b")"));
    let name = group.unwrap_or(rest);
    let name = name.strip_prefix(b"?:").unwrap_or(name);
    !name.is_empty()
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || group.is_some() && matches!(b, b'|' | b'?'))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn endings_and_nothing_else() {
        found(&RULE, &[r#"location ~* \.(gif|jpe?g) { expires 1d; }"#]);
        fine(
            &RULE,
            &[
                r#"location ~ \.php(/|$) { return 200; }"#,
                r#"location ~ ^/index\.php { return 200; }"#,
                r#"location ~ /\.ht { return 200; }"#,
                r#"location ~ /\. { return 200; }"#,
                r#"location ~ \.php/ { return 200; }"#,
            ],
        );
    }
}
