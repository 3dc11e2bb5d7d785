//! FastCGI, SCGI and uwsgi as an application sees them: requests are read and shown, records are made.

use std::io::Read;

/// The FastCGI record of an answer's head and body.
pub const STDOUT: u8 = 6;
/// The FastCGI record of what goes to the error log.
pub const STDERR: u8 = 7;

/// A FastCGI record, with as many bytes of padding.
pub fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut out = vec![1, kind, 0, 1, high, low, padding, 0];
    out.extend_from_slice(content);
    out.resize(out.len() + usize::from(padding), 0);
    out
}

/// The end of the answer and of the request.
pub fn end() -> Vec<u8> {
    [record(STDOUT, b"", 0), record(3, &[0; 8], 0)].concat()
}

/// A whole FastCGI answer, head and body given as one text.
pub fn answer(text: &[u8]) -> Vec<u8> {
    [record(STDOUT, text, 3), end()].concat()
}

/// Reads a request of one of the three protocols, whose first byte is this, and shows every byte of it. The records of
/// a body are joined: where it is cut is nobody's business. `None`: the connection ended.
pub fn read(first: u8, stream: &mut impl Read) -> Option<String> {
    match first {
        1 => read_fastcgi(stream),
        b'0'..=b'9' => read_scgi(first, stream),
        _ => read_uwsgi(first, stream),
    }
}

/// Whether a request as `read` shows it asks that the connection is closed behind the answer.
pub fn closes(request: &str) -> bool {
    let is_one = ["FastCGI\n", "SCGI\n", "uwsgi\n"]
        .iter()
        .any(|name| request.starts_with(name));
    is_one && !keeps(request)
}

/// Whether a request as `read` shows it asks that the connection is kept.
pub fn keeps(request: &str) -> bool {
    request.starts_with("FastCGI\n[1, 1, 0, 1, 0, 8, 0, 0] \\x00\\x01\\x01")
}

fn read_fastcgi(stream: &mut impl Read) -> Option<String> {
    let (mut shown, mut body, mut first) = (String::from("FastCGI"), Vec::new(), Some(1));
    loop {
        let mut head = [0; 8];
        let begun = first.take().map_or(0, |byte| {
            head[0] = byte;
            1
        });
        stream.read_exact(&mut head[begun..]).ok()?;
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let mut content = vec![0; length + usize::from(head[6])];
        stream.read_exact(&mut content).ok()?;
        if head[1] != 5 {
            shown.push_str(&format!("\n{head:?} {}", content.escape_ascii()));
        } else if content.is_empty() {
            shown.push_str(&format!("\nbody: {}", body.escape_ascii()));
            return Some(shown);
        }
        content.truncate(length);
        if head[1] == 5 {
            body.extend(content);
        }
    }
}

fn read_scgi(first: u8, stream: &mut impl Read) -> Option<String> {
    let mut head = vec![first];
    while head.last() != Some(&b':') {
        head.extend(bytes(stream, 1)?);
    }
    let length: usize = String::from_utf8_lossy(&head)
        .trim_end_matches(':')
        .parse()
        .unwrap();
    let params = bytes(stream, length + 1)?;
    let body = bytes(stream, length_of_body(&params, b"CONTENT_LENGTH", 1))?;
    Some(format!(
        "SCGI\n{}{}\nbody: {}",
        head.escape_ascii(),
        params.escape_ascii(),
        body.escape_ascii()
    ))
}

/// The variable of the request's length must be given, or the body is taken for empty.
fn read_uwsgi(first: u8, stream: &mut impl Read) -> Option<String> {
    let head = bytes(stream, 3)?;
    let params = bytes(stream, usize::from(u16::from_le_bytes([head[0], head[1]])))?;
    let body = bytes(stream, length_of_body(&params, b"CONTENT_LENGTH", 2))?;
    Some(format!(
        "uwsgi\n{first} {head:?} {}\nbody: {}",
        params.escape_ascii(),
        body.escape_ascii()
    ))
}

fn bytes(stream: &mut impl Read, count: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; count];
    stream.read_exact(&mut out).ok()?;
    Some(out)
}

/// The number behind a name and as many bytes as `between`; 0 where there is none.
fn length_of_body(params: &[u8], name: &[u8], between: usize) -> usize {
    let at = params.windows(name.len()).position(|w| w == name);
    let Some(at) = at else { return 0 };
    params[at + name.len()..]
        .iter()
        .skip(between)
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |n, digit| n * 10 + usize::from(digit - b'0'))
}
