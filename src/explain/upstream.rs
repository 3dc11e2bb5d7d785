//! The request that an upstream would get.

use super::outcome::Passed;
use crate::http::trace::Passes;

/// Takes apart what would be sent. `params` are those of FastCGI and its like.
pub fn passed(passes: &Passes, params: Vec<(String, String)>) -> Passed {
    let lossy = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let group = lossy(&passes.group);
    let uri = lossy(&passes.uri);
    let mut passed = Passed {
        peers: passes
            .peers
            .iter()
            .map(|peer| match peer.backup {
                true => format!("{} (backup)", lossy(&peer.address)),
                false => lossy(&peer.address),
            })
            .collect(),
        url: format!("{}{group}{uri}", passes.scheme),
        group,
        uri,
        line: String::new(),
        fields: params,
    };
    if passes.scheme.starts_with("http") {
        let text = lossy(&passes.text);
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let mut lines = head.split("\r\n");
        passed.line = lines.next().unwrap_or_default().to_owned();
        passed.fields = lines.filter_map(field).collect();
    }
    passed
}

/// A field line, taken apart.
pub fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}
