//! From the pseudo-fields and fields of a stream to the head of a request, judged as strictly as nginx does: what
//! passes here may become an HTTP/1.1 request to an upstream (RFC 9113 sections 8.2 and 8.3).

use super::block::Block;
use crate::http::conf::{Http, ServerId};
use crate::http::connection::Client;
use crate::http::h1::bad::Bad;
use crate::http::h1::field_line::is_name_byte;
use crate::http::h1::framing::content_length;
use crate::http::h1::parse;
use crate::http::head::{Field, Head, Known, Method, Piece, Version};
use crate::http::request::Request;
use crate::http::router::NoServer;
use crate::http::{host, router, uri};
use std::rc::Rc;

/// Why a request is not served.
#[derive(Debug)]
pub enum Wrong {
    /// It is answered with a status.
    Request {
        /// The status.
        status: u16,
        /// nginx's sentence for the error log.
        sentence: Vec<u8>,
    },
    /// It cannot be known which server is meant, which has been logged: there is no answer.
    NoServer,
}

impl Wrong {
    /// 400, for this reason.
    pub fn bad(sentence: &str) -> Wrong {
        Wrong::status(400, sentence)
    }

    /// A status, for this reason.
    pub fn status(status: u16, sentence: &str) -> Wrong {
        Wrong::Request {
            status,
            sentence: sentence.as_bytes().to_vec(),
        }
    }

    fn named(start: &str, name: &[u8], end: &str) -> Wrong {
        let sentence = [start.as_bytes(), name, end.as_bytes()].concat();
        Wrong::Request {
            status: 400,
            sentence,
        }
    }

    fn quoting(start: &str, value: &[u8]) -> Wrong {
        let sentence = [start.as_bytes(), b"\"", value, b"\""].concat();
        Wrong::Request {
            status: 400,
            sentence,
        }
    }
}

/// Fills `head` with a request, from what its stream has begun with.
pub fn build(
    head: &mut Head,
    block: &Block,
    http: &Http,
    client: &Client,
    default: ServerId,
) -> Result<(), Wrong> {
    let (method, path) = (block.get(b":method"), block.get(b":path"));
    if let (Some(method), Some(path)) = (method, path) {
        line(head, method, path);
    }
    let authority = block.get(b":authority");
    let named = authority.or_else(|| block.get(b"host"));
    let server = named_server(http, client, named).unwrap_or(default);
    let built = fields(head, block, http, server).and_then(|()| forbidden(head));
    let Some(authority) = authority else {
        return match head.get(Known::Host) {
            None if built.is_ok() => Err(Wrong::bad(
                "client sent neither \":authority\" nor \"Host\" header",
            )),
            _ => built,
        };
    };
    match head.get(Known::Host) {
        Some(host) if host != authority && built.is_ok() => Err(Wrong::bad(
            "client sent \":authority\" and \"Host\" headers with different values",
        )),
        None if host::parse(authority).is_ok() => {
            head.append(b"host", authority);
            built
        }
        _ => built,
    }
}

/// How long the body is, if the fields say so.
pub fn length(head: &Block) -> Option<u64> {
    content_length(head.get(b"content-length")?)
}

/// The path, the host and with it the server.
pub fn locate(req: &mut Request) -> Result<(), Wrong> {
    let head = Rc::clone(&req.head);
    if head.get(Known::Host).is_some() {
        let port = host::of_request(&head, &mut req.host);
        let port = port.map_err(|_| Wrong::bad("client sent invalid host header"))?;
        req.host_port = port.unwrap_or(0);
        router::set_virtual_server(req).map_err(|why| match why {
            NoServer::Failed => Wrong::NoServer,
            NoServer::Misdirected => {
                req.host.clear();
                req.host_port = 0;
                Wrong::status(421, router::MISDIRECTED)
            }
        })?;
    }
    let http = Rc::clone(&req.http);
    if !http
        .location(http.server(req.server).location)
        .conf
        .http2
        .enable
        && !router::listens_http2(&http, &req.client)
    {
        return Err(Wrong::status(
            421,
            "client attempted to request the server name for which the negotiated protocol is disabled",
        ));
    }
    take_path(req)
}

/// Takes path and query apart.
pub fn take_path(req: &mut Request) -> Result<(), Wrong> {
    let (head, http) = (Rc::clone(&req.head), Rc::clone(&req.http));
    let path = head.bytes(head.path_query);
    let merge = http.server(req.server).core.merge_slashes;
    let Ok(parsed) = uri::normalise(path, merge, &mut req.uri) else {
        req.uri.clear();
        req.bad_target = true;
        return Err(Wrong::quoting("client sent invalid :path header: ", path));
    };
    req.args.extend_from_slice(parsed.query_of(path));
    req.unparsed_uri_valid = !parsed.empty_path;
    Ok(())
}

/// The request line that HTTP/1.1 would have, for logs and variables.
fn line(head: &mut Head, method: &[u8], path: &[u8]) {
    head.method = Method::of(method);
    head.version = Version::Http2;
    head.method_name = store(head, method);
    head.buf.push(b' ');
    head.target = store(head, path);
    head.path_query = head.target;
    head.buf.push(b' ');
    head.version_text = store(head, b"HTTP/2.0");
    head.line = Piece {
        start: 0,
        end: head.version_text.end,
    };
}

fn store(head: &mut Head, text: &[u8]) -> Piece {
    let start = head.buf.len() as u32;
    head.buf.extend_from_slice(text);
    Piece {
        start,
        end: head.buf.len() as u32,
    }
}

/// The server whose rules about names of fields hold.
fn named_server(http: &Http, client: &Client, named: Option<&[u8]>) -> Option<ServerId> {
    let mut name = Vec::new();
    host::lower_case(named?, &mut name).ok()?;
    router::virtual_server(http, client, &name)
}

/// Judges the fields one after the other and takes them over.
fn fields(head: &mut Head, block: &Block, http: &Http, server: ServerId) -> Result<(), Wrong> {
    let core = &http.server(server).core;
    let mut pseudo = Pseudo::default();
    let mut cookies: Option<Vec<u8>> = None;
    for (name, value) in block.fields() {
        let dropped = match judge_name(name, core.underscores_in_headers)? {
            Name::Plain => false,
            Name::Odd => core.ignore_invalid_headers,
        };
        judge_value(name, value)?;
        if let Some(name) = name.strip_prefix(b":") {
            pseudo.take(name, value)?;
            continue;
        }
        pseudo.end()?;
        if dropped {
            let name = store(head, name);
            head.dropped.push(name);
            continue;
        }
        if name == b"cookie" {
            // RFC 9113 section 8.2.3: clients cut them to pieces that compress better.
            match &mut cookies {
                None => cookies = Some(value.to_vec()),
                Some(all) => {
                    all.extend_from_slice(b"; ");
                    all.extend_from_slice(value);
                }
            }
            continue;
        }
        if head.fields.len() >= core.max_headers {
            return Err(Wrong::status(494, "client sent too many header lines"));
        }
        let field = Field {
            known: Known::of(name),
            name: store(head, name),
            value: store(head, value),
        };
        if let Err(bad) = parse::add(&mut head.fields, &mut head.first, field) {
            return Err(refused(head, bad));
        }
    }
    pseudo.end()?;
    if let Some(cookies) = cookies {
        head.append(b"cookie", &cookies);
    }
    Ok(())
}

/// What of a name is to be thought.
enum Name {
    Plain,
    /// `ignore_invalid_headers` decides about it.
    Odd,
}

fn judge_name(name: &[u8], underscores: bool) -> Result<Name, Wrong> {
    let mut judged = Name::Plain;
    for byte in name.strip_prefix(b":").unwrap_or(name) {
        match byte {
            0..=b' ' | 0x7f | b':' | b'A'..=b'Z' => {
                return Err(Wrong::quoting("client sent invalid header name: ", name));
            }
            byte if !is_name_byte(*byte, underscores) => judged = Name::Odd,
            _ => {}
        }
    }
    Ok(judged)
}

/// Control characters are refused, as over HTTP/1.1. In the path and the like they are no more than invalid.
fn judge_value(name: &[u8], value: &[u8]) -> Result<(), Wrong> {
    let is_bad = |byte: &u8| match byte {
        0 | b'\r' | b'\n' => true,
        b'\t' => false,
        byte => name.first() != Some(&b':') && (*byte < b' ' || *byte == 0x7f),
    };
    if !value.iter().any(is_bad) {
        return Ok(());
    }
    let start: &[u8] = b"client sent header \"";
    let sentence = [start, name, b"\" with invalid value: \"", value, b"\""].concat();
    Err(Wrong::Request {
        status: 400,
        sentence,
    })
}

/// Which pseudo-fields there were (RFC 9113 section 8.3.1).
#[derive(Default)]
struct Pseudo {
    method: bool,
    scheme: bool,
    path: bool,
    authority: bool,
    /// Whether something else has followed.
    ended: bool,
}

impl Pseudo {
    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), Wrong> {
        if self.ended {
            return Err(Wrong::bad("client sent out of order pseudo-headers"));
        }
        let (seen, valid, shown) = match name {
            b"method" => (&mut self.method, is_method(value), "method"),
            b"scheme" => (&mut self.scheme, is_scheme(value), ":scheme header"),
            b"path" => (&mut self.path, is_path(value), ":path header"),
            b"authority" => return self.take_authority(value),
            _ => {
                let name = [b":", name].concat();
                return Err(Wrong::quoting("client sent unknown pseudo-header ", &name));
            }
        };
        if std::mem::replace(seen, true) {
            return Err(Wrong::named("client sent duplicate :", name, " header"));
        }
        if value.is_empty() {
            return Err(Wrong::named("client sent empty :", name, " header"));
        }
        match valid {
            true => Ok(()),
            false => Err(Wrong::quoting(
                &format!("client sent invalid {shown}: "),
                value,
            )),
        }
    }

    fn take_authority(&mut self, value: &[u8]) -> Result<(), Wrong> {
        if std::mem::replace(&mut self.authority, true) {
            return Err(Wrong::bad("client sent duplicate \":authority\" header"));
        }
        match host::parse(value) {
            Ok(_) => Ok(()),
            Err(_) => Err(Wrong::bad("client sent invalid \":authority\" header")),
        }
    }

    /// No more of them come.
    fn end(&mut self) -> Result<(), Wrong> {
        self.ended = true;
        match (self.method, self.scheme, self.path) {
            (true, true, true) => Ok(()),
            (false, _, _) => Err(Wrong::bad("client sent no :method header")),
            (_, false, _) => Err(Wrong::bad("client sent no :scheme header")),
            _ => Err(Wrong::bad("client sent no :path header")),
        }
    }
}

/// Fields that only HTTP/1.1 has (RFC 9113 section 8.2.2).
fn forbidden(head: &Head) -> Result<(), Wrong> {
    for (known, name) in [
        (Known::Connection, "Connection"),
        (Known::KeepAlive, "Keep-Alive"),
        (Known::TransferEncoding, "Transfer-Encoding"),
        (Known::Upgrade, "Upgrade"),
    ] {
        if head.get(known).is_some() {
            return Err(Wrong::named("client sent \"", name.as_bytes(), "\" header"));
        }
    }
    let is_trailers = |te: &[u8]| te.eq_ignore_ascii_case(b"trailers");
    match head
        .all(Known::Te)
        .enumerate()
        .all(|(number, te)| number == 0 && is_trailers(te))
    {
        true => Ok(()),
        false => Err(Wrong::bad("client sent invalid \"TE\" header")),
    }
}

fn refused(head: &Head, bad: Bad) -> Wrong {
    let mut sentence = Vec::new();
    bad.sentence(head, &mut sentence);
    Wrong::Request {
        status: bad.status(),
        sentence,
    }
}

fn is_method(method: &[u8]) -> bool {
    let is_valid = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-');
    method.iter().all(is_valid)
}

/// A letter first; letters, digits, `+`, `-` and `.` behind it (RFC 3986 section 3.1).
fn is_scheme(scheme: &[u8]) -> bool {
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(is_valid)
}

/// Whether it can stand on a request line: a slash first, no white space, no control characters.
fn is_path(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && !path.iter().any(|byte| *byte <= b' ' || *byte == 0x7f)
}
