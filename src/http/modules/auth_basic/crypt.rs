//! Passwords as password files store them, held against what a client sent.

use crate::http::base64::decode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use sha1::Sha1;

/// The password is stored in a way that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

/// Whether checking takes no time worth speaking of.
pub(super) fn is_quick(stored: &[u8]) -> bool {
    stored.starts_with(b"{")
}

/// Whether the password is the stored one. Takes the same time wherever they differ.
pub(super) fn verify(stored: &[u8], password: &[u8]) -> Result<bool, Unknown> {
    // What stores passwords as C strings knows nothing behind a NUL.
    let password = password.split(|c| *c == 0).next().unwrap_or_default();
    let computed = if stored.starts_with(APR1) {
        apr1(stored, password)
    } else if stored.starts_with(b"{PLAIN}") {
        [b"{PLAIN}", password].concat()
    } else if let Some(rest) = stored.strip_prefix(b"{SSHA}") {
        ssha(rest, password)
    } else if stored.starts_with(b"{SHA}") {
        [b"{SHA}", STANDARD.encode(Sha1::digest(password)).as_bytes()].concat()
    } else if stored.starts_with(b"$2") {
        return bcrypt(stored, password);
    } else {
        return crypt(stored, password);
    };
    Ok(same(&computed, stored))
}

fn same(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y));
    a.len() == b.len() && std::hint::black_box(differ) == 0
}

/// `{SSHA}`: SHA-1 of password and salt, then the salt.
fn ssha(encoded: &[u8], password: &[u8]) -> Vec<u8> {
    let decoded = decode(encoded).unwrap_or_default();
    let salt = decoded.get(20..).unwrap_or_default();
    let digest = Sha1::new().chain(password).chain(salt).finalize();
    let text = STANDARD.encode([&digest, salt].concat());
    [b"{SSHA}", text.as_bytes()].concat()
}

fn bcrypt(stored: &[u8], password: &[u8]) -> Result<bool, Unknown> {
    // A hash of the wrong form fits no password, as with crypt(3).
    let Ok(text) = std::str::from_utf8(stored) else {
        return Ok(false);
    };
    Ok(bcrypt::verify(password, text).unwrap_or(false))
}

/// What crypt(3) knows: `$1$`, `$5$`, `$6$`, `$sha1$`, the extended form of BSD, and DES.
fn crypt(stored: &[u8], password: &[u8]) -> Result<bool, Unknown> {
    let kind = stored.strip_prefix(b"$").unwrap_or_default();
    let kind = kind.split(|c| *c == b'$').next().unwrap_or_default();
    // What crypt(3) of a current system knows and we do not. Anything else is no hash, which no password fits.
    if stored.starts_with(b"$") && matches!(kind, b"y" | b"gy" | b"7" | b"3" | b"md5") {
        return Err(Unknown);
    }
    if stored.starts_with(b"$") && !matches!(kind, b"1" | b"5" | b"6" | b"sha1") {
        return Ok(false);
    }
    let Ok(text) = std::str::from_utf8(stored) else {
        return Ok(false);
    };
    Ok(pwhash::unix::verify(password, text))
}

const APR1: &[u8] = b"$apr1$";
/// How often apr1 hashes.
const ROUNDS: usize = 1000;

/// Apache's variant of the MD5 scheme that FreeBSD introduced, which differs in its mark only.
fn apr1(stored: &[u8], password: &[u8]) -> Vec<u8> {
    let salt = stored.get(APR1.len()..).unwrap_or_default();
    let end = salt.iter().take(8).position(|c| *c == b'$');
    let salt = salt
        .get(..end.unwrap_or(salt.len().min(8)))
        .unwrap_or_default();

    let inner = Md5::new().chain(password).chain(salt).chain(password);
    let inner = inner.finalize();
    let mut outer = Md5::new().chain(password).chain(APR1).chain(salt);
    for piece in password.chunks(16) {
        outer.update(inner.get(..piece.len()).unwrap_or_default());
    }
    let first = password.get(..1).unwrap_or_default();
    let mut length = password.len();
    while length > 0 {
        outer.update(if length & 1 == 1 { b"\0" } else { first });
        length >>= 1;
    }
    let mut digest = outer.finalize();
    for round in 0..ROUNDS {
        let odd = round % 2 == 1;
        let mut next = Md5::new();
        next.update(if odd { password } else { &digest });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &digest } else { password });
        digest = next.finalize();
    }
    let mut out = [APR1, salt, b"$"].concat();
    encode(&digest, &mut out);
    out
}

/// The digest in the order and the alphabet of this scheme.
fn encode(digest: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let byte = |i: usize| u32::from(digest.get(i).copied().unwrap_or(0));
    let triples = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)];
    let mut put = |mut bits: u32, characters: usize| {
        for _ in 0..characters {
            out.extend(ALPHABET.get((bits & 0x3f) as usize));
            bits >>= 6;
        }
    };
    for (a, b, c) in triples {
        put(byte(a) << 16 | byte(b) << 8 | byte(c), 4);
    }
    put(byte(11), 2);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(stored: &str, password: &str) -> bool {
        verify(stored.as_bytes(), password.as_bytes()).unwrap()
    }

    #[test]
    fn every_kind_accepts_its_password_only() {
        let stored = [
            "$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.",
            "{PLAIN}password",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "sa3tHJ3/KuYvI",
            "$5$salt$Gcm6FsVtF/Qa77ZKD.iwsJlCVPY0XSMgLJL0Hnww/c1",
            "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.",
        ];
        for stored in stored {
            assert!(fits(stored, "password"), "{stored}");
            assert!(fits(stored, "password\0x"), "{stored}");
            assert!(!fits(stored, "123") && !fits(stored, ""), "{stored}");
        }
        let hash = bcrypt::hash("password", 4).unwrap();
        let versions = [hash.clone(), hash.replacen("$2b$", "$2y$", 1)];
        for hash in versions {
            assert!(fits(&hash, "password") && !fits(&hash, "passwor"), "{hash}");
        }
    }

    #[test]
    fn broken_ones_fit_nothing() {
        let stored = [
            "$apr1$",
            "$1$",
            "{SSHA}_____wQadOA1e+/f+T+H3eCQQhRzYWx0",
            "{SSHA}Zm9vCg==",
            "{SHA}_____Mm5Pz8GgiULbPgzG37mj9g=",
            "{SHA}Zm9vCg==",
            "$2y$05$short",
            "",
            "x",
            "!!",
        ];
        for stored in stored {
            assert!(!fits(stored, "1") && !fits(stored, "password"), "{stored}");
        }
        assert_eq!(verify(b"$y$j9T$salt$hash", b"1"), Err(Unknown));
    }
}
