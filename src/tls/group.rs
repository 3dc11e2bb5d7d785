//! Groups for the exchange of keys ("curves") by OpenSSL's names.

use rustls::NamedGroup;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group;

/// A group that OpenSSL knows: its names there, its number (IANA, TLS Supported Groups), and what we have of it.
struct Group {
    /// The first is what `$ssl_curve` shows.
    names: &'static [&'static str],
    id: u16,
    group: Option<&'static dyn SupportedKxGroup>,
}

static GROUPS: &[Group] = &[
    Group {
        names: &["X25519"],
        id: 29,
        group: Some(kx_group::X25519),
    },
    Group {
        names: &["prime256v1", "P-256", "secp256r1"],
        id: 23,
        group: Some(kx_group::SECP256R1),
    },
    Group {
        names: &["secp384r1", "P-384"],
        id: 24,
        group: Some(kx_group::SECP384R1),
    },
    Group {
        names: &["X25519MLKEM768"],
        id: 0x11ec,
        group: Some(kx_group::X25519MLKEM768),
    },
    Group {
        names: &["SecP256r1MLKEM768"],
        id: 0x11eb,
        group: Some(kx_group::SECP256R1MLKEM768),
    },
    Group {
        names: &["MLKEM768"],
        id: 0x0201,
        group: Some(kx_group::MLKEM768),
    },
    Group {
        names: &["secp521r1", "P-521"],
        id: 25,
        group: None,
    },
    Group {
        names: &["X448"],
        id: 30,
        group: None,
    },
    Group {
        names: &["MLKEM512"],
        id: 0x0200,
        group: None,
    },
    Group {
        names: &["MLKEM1024"],
        id: 0x0202,
        group: None,
    },
    Group {
        names: &["SecP384r1MLKEM1024"],
        id: 0x11ed,
        group: None,
    },
    Group {
        names: &["secp256k1"],
        id: 22,
        group: None,
    },
    Group {
        names: &["secp224r1", "P-224"],
        id: 21,
        group: None,
    },
    Group {
        names: &["prime192v1", "P-192", "secp192r1"],
        id: 19,
        group: None,
    },
    Group {
        names: &["brainpoolP256r1"],
        id: 26,
        group: None,
    },
    Group {
        names: &["brainpoolP384r1"],
        id: 27,
        group: None,
    },
    Group {
        names: &["brainpoolP512r1"],
        id: 28,
        group: None,
    },
    Group {
        names: &["ffdhe2048"],
        id: 256,
        group: None,
    },
    Group {
        names: &["ffdhe3072"],
        id: 257,
        group: None,
    },
    Group {
        names: &["ffdhe4096"],
        id: 258,
        group: None,
    },
    Group {
        names: &["ffdhe6144"],
        id: 259,
        group: None,
    },
    Group {
        names: &["ffdhe8192"],
        id: 260,
        group: None,
    },
];

/// What a list of names stands for.
pub struct Groups {
    /// Those that there are, in their order.
    pub usable: Vec<&'static dyn SupportedKxGroup>,
    /// Those that OpenSSL has and we have not.
    pub missing: Vec<String>,
}

/// Reads a list of names with colons between; `?` before a name says that it may be unknown.
///
/// # Errors
/// The name that nobody knows.
pub fn parse(text: &str) -> Result<Groups, String> {
    let mut groups = Groups {
        usable: Vec::new(),
        missing: Vec::new(),
    };
    for name in text.split([':', '/']) {
        // A star asks clients for a share of the key at once, which is theirs to decide here.
        let name = name.trim_start_matches('*');
        let (optional, name) = match name.strip_prefix('?') {
            Some(name) => (true, name.trim_start_matches('*')),
            None => (false, name),
        };
        let known = GROUPS
            .iter()
            .find(|group| group.names.iter().any(|n| n.eq_ignore_ascii_case(name)));
        match known.map(|group| group.group) {
            Some(Some(group)) => groups.usable.push(group),
            Some(None) => groups.missing.push(name.to_owned()),
            None if optional => {}
            None => return Err(name.to_owned()),
        }
    }
    Ok(groups)
}

/// OpenSSL's name of a group, or its number.
pub fn name(group: NamedGroup) -> String {
    let id = u16::from(group);
    match GROUPS.iter().find(|known| known.id == id) {
        Some(known) => known.names.first().copied().unwrap_or_default().to_owned(),
        None => format!("0x{id:04x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_openssls() {
        let groups = parse("X25519MLKEM768:X25519:prime256v1:P-384:secp521r1").unwrap();
        let names: Vec<String> = groups.usable.iter().map(|g| name(g.name())).collect();
        assert_eq!(
            names,
            ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"]
        );
        assert_eq!(groups.missing, ["secp521r1"]);
        assert_eq!(parse("X25519:nothing").err(), Some("nothing".to_owned()));
        assert!(parse("?nothing:X25519").is_ok());
        assert_eq!(name(NamedGroup::from(0x1234)), "0x1234");
    }
}
