//! The variables of nginx's core module, by what they tell about.

pub mod absent;
pub mod connection;
pub mod fields;
pub mod request;
pub mod response;
pub mod server;

/// Writes a text that is there in any case.
fn put(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(text);
    true
}

/// Writes a text that may be missing.
fn put_some(text: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
    text.is_some_and(|text| put(text, out))
}

/// Writes a number.
fn put_number(number: u64, out: &mut Vec<u8>) -> bool {
    crate::decimal::append(number, out);
    true
}

/// Writes a port; nothing for 0, which is none.
fn put_port(port: u16, out: &mut Vec<u8>) -> bool {
    port == 0 || put_number(u64::from(port), out)
}

/// Writes milliseconds as seconds with three decimals.
fn put_seconds(ms: u64, out: &mut Vec<u8>) -> bool {
    let thousandths = ms % 1000;
    put_number(ms / 1000, out);
    out.extend([
        b'.',
        digit(thousandths / 100),
        digit(thousandths / 10),
        digit(thousandths),
    ]);
    true
}

/// The last digit of a number.
fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}
