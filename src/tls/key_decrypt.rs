//! Decryption of private keys: PKCS#8 (RFC 8018), and the way of OpenSSL before it.

use super::pem::Block;
use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockDecryptMut, KeyIvInit};
use des::{Des, TdesEde3};
use md5::{Digest, Md5};
use pkcs8::EncryptedPrivateKeyInfo;

const BAD_DECRYPT: &str = "error:1C800064:Provider routines::bad decrypt";
const UNKNOWN: &str = "error:04800072:PEM routines::unsupported encryption";
const BAD_IV: &str = "error:04800067:PEM routines::bad iv chars";

/// Decrypts a PKCS#8 key.
///
/// # Errors
/// OpenSSL's reason.
pub fn pkcs8(der: &[u8], password: &[u8]) -> Result<Vec<u8>, &'static str> {
    let info = EncryptedPrivateKeyInfo::try_from(der).map_err(|_| UNKNOWN)?;
    let plain = info.decrypt(password).map_err(|_| BAD_DECRYPT)?;
    Ok(plain.as_bytes().to_vec())
}

/// Decrypts a block with a `DEK-Info` line: the key is made of the password and the salt, which is the start of the
/// initialisation vector, by MD5.
///
/// # Errors
/// OpenSSL's reason.
pub fn traditional(block: &Block, password: &[u8]) -> Result<Vec<u8>, &'static str> {
    let info = block.headers.iter().find(|(name, _)| name == "DEK-Info");
    let (cipher, iv) = info
        .and_then(|(_, value)| value.split_once(','))
        .ok_or(UNKNOWN)?;
    let iv = hex(iv.trim()).ok_or(BAD_IV)?;
    let salt = iv.get(..8).ok_or(BAD_IV)?;
    let der = &block.der;
    match cipher.trim() {
        "AES-128-CBC" => decrypt::<Decryptor<Aes128>>(der, &derive(password, salt, 16), &iv),
        "AES-192-CBC" => decrypt::<Decryptor<Aes192>>(der, &derive(password, salt, 24), &iv),
        "AES-256-CBC" => decrypt::<Decryptor<Aes256>>(der, &derive(password, salt, 32), &iv),
        "DES-EDE3-CBC" => decrypt::<Decryptor<TdesEde3>>(der, &derive(password, salt, 24), &iv),
        "DES-CBC" => decrypt::<Decryptor<Des>>(der, &derive(password, salt, 8), &iv),
        _ => Err(UNKNOWN),
    }
}

fn decrypt<C: KeyIvInit + BlockDecryptMut>(
    der: &[u8],
    key: &[u8],
    iv: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let cipher = C::new_from_slices(key, iv).map_err(|_| BAD_IV)?;
    cipher
        .decrypt_padded_vec_mut::<Pkcs7>(der)
        .map_err(|_| BAD_DECRYPT)
}

fn derive(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::with_capacity(length + 16);
    let mut last: Vec<u8> = Vec::new();
    while key.len() < length {
        let mut digest = Md5::new();
        digest.update(&last);
        digest.update(password);
        digest.update(salt);
        last = digest.finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}
