//! What two servers may say differently: names of products, times, process ids, boundaries.

use flate2::read::MultiGzDecoder;
use std::io::Read;

/// Answers as text: each head without its date, and with the length that the body has without the product's name.
pub fn answer(bytes: &[u8]) -> String {
    let product = match bytes.windows(8).any(|w| w == b"goodgate") {
        true => "goodgate",
        false => "nginx",
    };
    let mut out = String::new();
    let mut rest = bytes;
    while rest.starts_with(b"HTTP/1.") {
        let (head, after) = rest.split_at(head_length(rest));
        let head = String::from_utf8_lossy(head);
        let length = field(&head, "content-length").and_then(|value| value.parse().ok());
        // There is none after HEAD, and before an interim answer's final one.
        let body = match length {
            _ if after.starts_with(b"HTTP/1.") => b"",
            Some(length) => after.get(..length).unwrap_or(after),
            None => after,
        };
        rest = &after[body.len()..];
        let body = String::from_utf8_lossy(body);
        let page = head.contains("\nContent-Type: text/html")
            && !head.starts_with("HTTP/1.1 2")
            && (body.is_empty() || body.contains("<hr><center>"));
        for line in head.split_inclusive('\n') {
            if line.starts_with("Date:") {
                continue;
            }
            match (length, field(&head, "server")) {
                (Some(length), Some(server)) if page && line.starts_with("Content-Length:") => {
                    let plain = length.saturating_sub(server.len());
                    out.push_str(&format!(
                        "Content-Length: {plain} and the product's name\r\n"
                    ));
                }
                _ => out.push_str(&unversioned(line, product)),
            }
        }
        for line in body.split_inclusive('\n') {
            out.push_str(&unversioned(line, product));
        }
    }
    // Without a head: what HTTP/0.9 gets.
    let rest = String::from_utf8_lossy(rest);
    out.extend(
        rest.split_inclusive('\n')
            .map(|line| match line.contains("<hr><center>") {
                true => unversioned(line, product),
                false => line.to_owned(),
            }),
    );
    out
}

fn head_length(bytes: &[u8]) -> usize {
    bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .map_or(bytes.len(), |at| at + 4)
}

/// The value of a field of a head.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// One answer with its body taken out of chunks and unpacked where it is packed.
pub fn unpacked(bytes: &[u8]) -> String {
    let (head, body) = bytes.split_at(head_length(bytes));
    let text = String::from_utf8_lossy(head);
    let mut body = body.to_vec();
    if text.contains("Transfer-Encoding: chunked") && !body.is_empty() {
        body = out_of_chunks(&body);
    }
    if !text.contains("Content-Encoding: gzip") || body.is_empty() {
        return answer(&[head, &body[..]].concat());
    }
    let mut plain = Vec::new();
    let outcome = MultiGzDecoder::new(&body[..]).read_to_end(&mut plain);
    let outcome = outcome.map(|_| "unpacked");
    format!("{}{outcome:?}: {}", answer(head), page(&plain))
}

/// A body without the product's name.
fn page(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let product = match text.contains("goodgate") {
        true => "goodgate",
        false => "nginx",
    };
    text.split_inclusive('\n')
        .map(|line| unversioned(line, product))
        .collect()
}

/// A line of the error log from its level on, without process and connection; nothing for levels up to notice.
pub fn error_line(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    let (level, rest) = rest.split_once("] ")?;
    if ["debug", "info", "notice"].contains(&level) {
        return None;
    }
    let (_, message) = rest.split_once(": ")?;
    let message = match message.strip_prefix('*') {
        Some(numbered) => numbered.split_once(' ')?.1,
        None => message,
    };
    let message = without_number(&without_excess(message), "query id:");
    Some(format!("[{level}] {message}"))
}

/// An answer with `ID` for what was made up for it: a value of `Set-Cookie` and of `X-Id`, and dates.
pub fn identified(bytes: &[u8]) -> String {
    let text = answer(bytes);
    text.split_inclusive('\n')
        .map(|line| match line.split_once(": ") {
            Some((name @ ("Set-Cookie" | "X-Id"), value)) => format!("{name}: {}", lettered(value)),
            _ => line.to_owned(),
        })
        .collect()
}

/// Long runs of letters and digits by their length, and shapes of dates.
fn lettered(value: &str) -> String {
    let mut out = String::new();
    for word in value.split_inclusive([';', '|', ' ', '=', ',']) {
        let (text, end) = word.split_at(word.trim_end_matches([';', '|', ' ', '=', ',']).len());
        match text.len() {
            0..16 => out.push_str(&shape(text)),
            length => out.push_str(&format!("ID of {length}")),
        }
        out.push_str(end);
    }
    out
}

/// A line of the error log about what a client did wrong, without process and connection.
pub fn client_line(line: &str) -> Option<String> {
    let message = line.get(line.find(": *")?..)?;
    let starts = ["client ", "recv() "];
    let start = starts
        .iter()
        .filter_map(|start| message.find(start))
        .min()?;
    let message = message.get(start..)?;
    [
        "client sent ",
        "client prematurely ",
        "client timed out ",
        "recv() failed ",
    ]
    .iter()
    .any(|start| message.starts_with(start))
    .then(|| message.to_owned())
}

/// A line of the error log about a connection that ended while a request was waited for.
pub fn idle_line(line: &str) -> Option<String> {
    let message = line.get(line.find(": *")?..)?;
    let message = message.get(message.find("client ")?..)?;
    [
        "closed connection",
        "closed keepalive",
        "waiting for request",
    ]
    .iter()
    .any(|words| message.contains(words))
    .then(|| message.to_owned())
}

/// A line with `#` for every number.
pub fn shape(line: &str) -> String {
    let mut out = String::new();
    for c in line.chars() {
        match c.is_ascii_digit() {
            true if out.ends_with('#') => {}
            true => out.push('#'),
            false => out.push(c),
        }
    }
    out
}

/// What limit_req says without by how much: that depends on the milliseconds since the request before.
fn without_excess(message: &str) -> String {
    match message.split_once("excess: ") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            format!("{before}excess: EXCESS{after}")
        }
        None => message.to_owned(),
    }
}

/// The text without the digits behind a word, which are made up.
fn without_number(message: &str, word: &str) -> String {
    match message.split_once(word) {
        Some((before, after)) => {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}{word}#{after}")
        }
        None => message.to_owned(),
    }
}

fn out_of_chunks(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(at) = body.windows(2).position(|w| w == b"\r\n") {
        let size = std::str::from_utf8(&body[..at]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            assert_eq!(&body[at..], b"\r\n\r\n", "what follows the last chunk");
            return out;
        }
        out.extend_from_slice(&body[at + 2..at + 2 + size]);
        body = &body[at + 4 + size..];
    }
    panic!("no last chunk");
}

/// The line with `PRODUCT` in place of the product's name and version.
fn unversioned(line: &str, product: &str) -> String {
    let line = &without_boundary(line);
    let Some(at) = line.find(product) else {
        return line.to_owned();
    };
    let rest = line[at + product.len()..]
        .trim_start_matches('/')
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    format!("{}PRODUCT{rest}", &line[..at])
}

/// The line with `BOUNDARY` in place of the twenty digits between the parts of a multipart answer.
fn without_boundary(line: &str) -> String {
    let digits = |at: usize| {
        line.get(at..at + 20)
            .is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()))
    };
    match (0..line.len()).find(|at| digits(*at)) {
        Some(at) if line.contains("boundary=") || line.starts_with("--") => {
            format!("{}BOUNDARY{}", &line[..at], &line[at + 20..])
        }
        _ => line.to_owned(),
    }
}
