//! The names of all directives that nginx 1.31.5 has in any of its modules, optional ones included.

use std::sync::OnceLock;

/// Sorted, one name a line.
const NAMES: &str = include_str!("nginx_directives.txt");

/// Whether nginx has a directive of this name.
pub fn is_known_to_nginx(name: &[u8]) -> bool {
    static SORTED: OnceLock<Vec<&str>> = OnceLock::new();
    let sorted = SORTED.get_or_init(|| NAMES.lines().collect());
    sorted
        .binary_search_by(|known| known.as_bytes().cmp(name))
        .is_ok()
}

/// The names, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_all_kinds_of_modules() {
        assert!(NAMES.lines().is_sorted());
        for name in [
            "worker_processes",
            "proxy_pass",
            "ssl_preread",
            "imap_auth",
            "xslt_types",
            "if",
            "http",
        ] {
            assert!(is_known_to_nginx(name.as_bytes()), "{name}");
        }
        assert!(!is_known_to_nginx(b"proxy_pas") && !is_known_to_nginx(b""));
    }
}
