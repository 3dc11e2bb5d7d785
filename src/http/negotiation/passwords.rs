//! Files with passwords of keys: `*_password_file`.

use crate::config::source::errno;
use crate::cycle::Builder;

/// The longest line that is read.
const LONGEST: usize = 511;

/// Reads such a file, whose name is relative to the configuration: one password a line, empty lines count for nothing. A file
/// without a password has one, which is empty.
///
/// # Errors
/// nginx's sentence.
pub fn read(b: &Builder, name: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let path = b.conf_path(name);
    let shown = path.display();
    let text = b
        .files
        .read(&path)
        .map_err(|e| format!("open() \"{shown}\" failed ({})", errno(&e)))?;
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut passwords: Vec<Vec<u8>> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if line.len() > LONGEST {
            return Err(format!("too long line in \"{shown}\""));
        }
        passwords.push(line.to_vec());
    }
    if passwords.is_empty() {
        passwords.push(Vec::new());
    }
    Ok(passwords)
}
