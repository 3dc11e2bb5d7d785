//! Numbers in decimal digits, without the machinery of formatting: heads and lines of logs are full of them.

/// The digits of a number, in the memory that is given.
pub fn digits(mut n: u64, memory: &mut [u8; 20]) -> &[u8] {
    let mut used: usize = 0;
    for slot in memory.iter_mut().rev() {
        *slot = b'0' + (n % 10) as u8;
        n /= 10;
        used += 1;
        if n == 0 {
            break;
        }
    }
    memory.get(memory.len() - used..).unwrap_or_default()
}

/// Appends a number.
pub fn append(n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(digits(n, &mut [0; 20]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_they_are_printed() {
        for n in [0, 9, 10, 1_000_000, u64::MAX] {
            let mut out = b"*".to_vec();
            append(n, &mut out);
            assert_eq!(out, format!("*{n}").into_bytes());
        }
    }
}
