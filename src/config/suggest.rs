//! "Did you mean": the name that a misspelt one was probably meant to be.

use super::source::Files;
use std::path::Path;

/// The candidate nearest to what was written, if one is near enough: one slip for every three characters.
pub fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(written);
    let length = folded.chars().count();
    // A comparison costs the product of the lengths: nobody misspells a name into a paragraph.
    if length > 64 {
        return None;
    }
    let limit = (length / 3).max(1);
    candidates
        .filter(|candidate| candidate.len().abs_diff(length) <= limit)
        .map(|candidate| (distance(&folded, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by(|(d1, a), (d2, b)| {
            let likeness = |name: &str| strsim::jaro_winkler(&folded, &fold(name));
            d1.cmp(d2).then_with(|| likeness(b).total_cmp(&likeness(a)))
        })
        .map(|(_, candidate)| candidate)
}

/// How many slips are between two names. Their letter case and whether they have dashes or underscores does not count.
pub fn distance(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(&fold(a), &fold(b))
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// The name of the file beside a missing one that was probably meant.
pub fn file(path: &Path, files: &dyn Files) -> Option<String> {
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let beside = files.glob(&folder.join("*")).unwrap_or_default();
    let names = beside.iter().filter_map(|file| file.file_name()?.to_str());
    nearest(name, names).map(|meant| format!("did you mean \"{meant}\"?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_through_and_other_words_are_not() {
        let names = [
            "proxy_pass",
            "proxy_bind",
            "root",
            "return",
            "gzip",
            "gzip_vary",
            "if",
            "index",
        ];
        let guess = |written| nearest(written, names.into_iter());
        assert_eq!(guess("proxy_pas"), Some("proxy_pass"));
        assert_eq!(guess("proxy-pass"), Some("proxy_pass"));
        assert_eq!(guess("Root"), Some("root"));
        assert_eq!(guess("retrun"), Some("return"));
        assert_eq!(guess("gizp"), Some("gzip"));
        assert_eq!(guess("fastcgi_pass"), None);
        assert_eq!(guess("x"), None);
    }
}
