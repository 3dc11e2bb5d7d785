//! Whether a certificate is one for a name, as OpenSSL's `X509_check_host` says.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

/// Whether the certificate is for this name: by its alternative names if there is a DNS name among them, else by its common
/// names. An address is compared like a name, as nginx does.
pub fn matches_name(certificate: &CertificateDer<'_>, name: &[u8]) -> bool {
    let Ok((_, x509)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    if name.is_empty() || name.contains(&0) {
        return false;
    }
    let mut alternatives = false;
    for extension in x509.tbs_certificate.iter_extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                for one in &names.general_names {
                    if let GeneralName::DNSName(pattern) = one {
                        alternatives = true;
                        if matches(pattern.as_bytes(), name) {
                            return true;
                        }
                    }
                }
            }
            // Alternative names that cannot be read are no reason to look at less.
            ParsedExtension::ParseError { .. } => return false,
            _ => {}
        }
    }
    !alternatives
        && x509
            .subject()
            .iter_common_name()
            .filter_map(|common| common.as_str().ok())
            .any(|common| matches(common.as_bytes(), name))
}

/// Compares a name with a pattern in which one `*` in the first label may stand for a part of that label.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if pattern.contains(&0) {
        return false;
    }
    match star(pattern) {
        Some(at) if !name.starts_with(b".") => {
            let (before, after) = pattern.split_at(at);
            wildcard(before, after.get(1..).unwrap_or_default(), name)
        }
        _ => pattern.eq_ignore_ascii_case(name),
    }
}

/// Where the star is, if the pattern is one: at least three labels of usual letters, and the star at the start or the
/// end of the first, which is not an internationalised one.
fn star(pattern: &[u8]) -> Option<usize> {
    let mut found = None;
    let mut count = 0usize;
    let mut start = 0;
    for (i, label) in pattern.split(|c| *c == b'.').enumerate() {
        count += 1;
        if label.is_empty() || label.starts_with(b"-") || label.ends_with(b"-") {
            return None;
        }
        for (j, c) in label.iter().enumerate() {
            match c {
                b'*' => {
                    let at_edge = j == 0 || j + 1 == label.len();
                    if found.is_some() || i > 0 || !at_edge || is_international(label) {
                        return None;
                    }
                    found = Some(start + j);
                }
                b'-' => {}
                c if c.is_ascii_alphanumeric() => {}
                _ => return None,
            }
        }
        start += label.len() + 1;
    }
    found.filter(|_| count > 2)
}

fn is_international(label: &[u8]) -> bool {
    label
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"))
}

fn wildcard(before: &[u8], after: &[u8], name: &[u8]) -> bool {
    let Some(middle_len) = name.len().checked_sub(before.len() + after.len()) else {
        return false;
    };
    let (start, rest) = name.split_at(before.len());
    let (middle, end) = rest.split_at(middle_len);
    if !start.eq_ignore_ascii_case(before) || !end.eq_ignore_ascii_case(after) {
        return false;
    }
    let whole_label = before.is_empty() && after.starts_with(b".");
    if whole_label && middle.is_empty() || !whole_label && is_international(name) {
        return false;
    }
    middle == b"*"
        || middle
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || *c == b'-')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, name, want) in [
            ("example.com", "EXAMPLE.com", true),
            ("example.com", "www.example.com", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("www*.example.com", "www1.example.com", true),
            ("w*w.example.com", "www.example.com", false),
            ("*.*.example.com", "a.b.example.com", false),
            ("www.*.com", "www.example.com", false),
            ("*.example.com", "xn--a.example.com", true),
            ("x*.example.com", "xn--a.example.com", false),
            ("*.example.com", "a_b.example.com", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("*.0.0.1", "127.0.0.1", true),
            ("", "", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                want,
                "{pattern} {name}"
            );
        }
    }
}
