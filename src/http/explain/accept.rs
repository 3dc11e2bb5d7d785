//! Which form of a page a client prefers (RFC 9110 section 12.5.1).

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For terminals.
    Plain,
    /// For programs.
    Json,
    /// For browsers.
    Html,
}

const FORMS: [(Form, &[u8]); 3] = [
    (Form::Plain, b"text/plain"),
    (Form::Json, b"application/json"),
    (Form::Html, b"text/html"),
];

impl Form {
    /// The type of it.
    pub fn content_type(self) -> &'static [u8] {
        FORMS
            .iter()
            .find(|(form, _)| *form == self)
            .map_or(b"", |(_, name)| *name)
    }

    /// The one that is wanted most; of equals the one that is named, or named first. Browsers name HTML: who takes
    /// anything, as curl does, gets plain text.
    pub fn wanted(accept: &[u8]) -> Form {
        let rank = |name: &[u8]| {
            let ranges = accept.split(|b| *b == b',').enumerate();
            let fitting = ranges.filter_map(|(place, range)| {
                let (pattern, quality) = range_of(range);
                let fit = fit(pattern, name)?;
                Some((fit, quality, usize::MAX - place))
            });
            // The range that fits best decides, the quality of others does not count.
            fitting
                .max()
                .map_or((0, 0, 0), |(fit, quality, place)| (quality, fit, place))
        };
        let mut best = (Form::Plain, (0, 0, 0));
        for (form, name) in FORMS {
            let rank = rank(name);
            if rank > best.1 {
                best = (form, rank);
            }
        }
        best.0
    }
}

/// How closely a range fits a type: 3 by name, 2 by its first half, 1 for anything.
fn fit(pattern: &[u8], name: &[u8]) -> Option<u8> {
    let half = name.split(|b| *b == b'/').next().unwrap_or_default();
    if pattern.eq_ignore_ascii_case(name) {
        Some(3)
    } else if pattern == b"*/*" {
        Some(1)
    } else {
        let start = pattern.strip_suffix(b"/*")?;
        start.eq_ignore_ascii_case(half).then_some(2)
    }
}

/// A range and its quality in thousandths.
fn range_of(range: &[u8]) -> (&[u8], u16) {
    let mut parts = range.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let pattern = parts.next().unwrap_or_default();
    let quality = parts
        .find_map(|p| p.strip_prefix(b"q=").or_else(|| p.strip_prefix(b"Q=")))
        .and_then(|q| std::str::from_utf8(q).ok()?.parse::<f32>().ok());
    // A number between 0 and 1, as far as the client keeps to the rules.
    let quality = quality.unwrap_or(1.0).clamp(0.0, 1.0);
    (pattern, (quality * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_they_prefer() {
        for (accept, form) in [
            ("", Form::Plain),
            ("*/*", Form::Plain),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Form::Html,
            ),
            ("application/json", Form::Json),
            ("application/json, text/plain, */*", Form::Json),
            ("text/html;q=0.5, application/json;q=0.9", Form::Json),
            ("text/plain;q=0.5, text/*;q=0.9", Form::Html),
            ("text/*;q=0.1, text/html", Form::Html),
            ("image/png", Form::Plain),
            ("*/*;q=x, TEXT/HTML", Form::Html),
        ] {
            assert_eq!(Form::wanted(accept.as_bytes()), form, "{accept}");
        }
    }
}
