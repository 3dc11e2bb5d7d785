//! From the pseudo-fields and fields of a stream to the head of a request, judged as strictly as nginx does: what
//! passes here may become an HTTP/1.1 request to an upstream (RFC 9113 sections 8.2 and 8.3).

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
    /// The connection ends, for this reason.
    TooLarge(&'static str),
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

    fn quoting(start: &str, value: &[u8]) -> Wrong {
        let sentence = [start.as_bytes(), b"\"", value, b"\""].concat();
        Wrong::Request {
            status: 400,
            sentence,
        }
    }
}

/// Fills `head` with a request as the h2 crate has read it.
pub fn build(
    head: &mut Head,
    parts: &http::request::Parts,
    http: &Http,
    client: &Client,
    default: ServerId,
) -> Result<(), Wrong> {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    line(head, parts.method.as_str().as_bytes(), path.as_bytes());
    let authority = parts.uri.authority().map(|name| name.as_str().as_bytes());
    sizes(http, default, path, authority, &parts.headers)?;
    if !parts.method.as_str().bytes().all(is_method_byte) {
        let method = parts.method.as_str().as_bytes();
        return Err(Wrong::quoting("client sent invalid method: ", method));
    }
    if head.method != Method::Connect && !is_path(path.as_bytes()) {
        return Err(Wrong::quoting(
            "client sent invalid :path header: ",
            path.as_bytes(),
        ));
    }
    let server = named_server(http, client, authority, &parts.headers).unwrap_or(default);
    if let Err(wrong) = fields(head, parts, http, server) {
        if let Some(authority) = authority.filter(|_| head.get(Known::Host).is_none()) {
            head.append(b"host", authority);
        }
        return Err(wrong);
    }
    let Some(authority) = authority else {
        return match head.get(Known::Host) {
            Some(_) => Ok(()),
            None => Err(Wrong::bad(
                "client sent neither \":authority\" nor \"Host\" header",
            )),
        };
    };
    match head.get(Known::Host) {
        Some(host) if host != authority => Err(Wrong::bad(
            "client sent \":authority\" and \"Host\" headers with different values",
        )),
        Some(_) => Ok(()),
        None => {
            head.append(b"host", authority);
            Ok(())
        }
    }
}

/// How long the body is, if the fields say so.
pub fn length(fields: &http::HeaderMap) -> Option<u64> {
    content_length(fields.get(http::header::CONTENT_LENGTH)?.as_bytes())
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
    if head.method == Method::Connect {
        return Ok(());
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

/// `large_client_header_buffers`: a name or value fits into one of them, everything into all.
fn sizes(
    http: &Http,
    default: ServerId,
    path: &str,
    authority: Option<&[u8]>,
    headers: &http::HeaderMap,
) -> Result<(), Wrong> {
    let (number, most) = http.server(default).core.large_client_header_buffers;
    let mut left = number.saturating_mul(most);
    let mut take = |name: usize, value: usize| {
        if name > most || value > most {
            return Err(Wrong::TooLarge("client sent too large header field"));
        }
        let rest = left.checked_sub(name.saturating_add(value));
        left = rest.ok_or(Wrong::TooLarge("client sent too large header"))?;
        Ok(())
    };
    take(":method".len(), "GET".len())?;
    take(":scheme".len(), "http".len())?;
    take(":path".len(), path.len())?;
    if let Some(authority) = authority {
        take(":authority".len(), authority.len())?;
    }
    for (name, value) in headers {
        take(name.as_str().len(), value.len())?;
    }
    Ok(())
}

/// The server whose rules about names of fields hold.
fn named_server(
    http: &Http,
    client: &Client,
    authority: Option<&[u8]>,
    headers: &http::HeaderMap,
) -> Option<ServerId> {
    let named =
        authority.or_else(|| headers.get(http::header::HOST).map(|host| host.as_bytes()))?;
    let mut name = Vec::new();
    host::lower_case(named, &mut name).ok()?;
    router::virtual_server(http, client, &name)
}

fn fields(
    head: &mut Head,
    parts: &http::request::Parts,
    http: &Http,
    server: ServerId,
) -> Result<(), Wrong> {
    let core = &http.server(server).core;
    let mut cookies: Option<Vec<u8>> = None;
    for (name, value) in &parts.headers {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        if core.ignore_invalid_headers
            && !name
                .iter()
                .all(|byte| is_name_byte(*byte, core.underscores_in_headers))
        {
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
    if let Some(cookies) = cookies {
        head.append(b"cookie", &cookies);
    }
    Ok(())
}

fn refused(head: &Head, bad: Bad) -> Wrong {
    let mut sentence = Vec::new();
    bad.sentence(head, &mut sentence);
    Wrong::Request {
        status: bad.status(),
        sentence,
    }
}

fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'_' || byte == b'-'
}

/// Whether it can stand on a request line: a slash first, no white space, no control characters.
fn is_path(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && !path.iter().any(|byte| *byte <= b' ' || *byte == 0x7f)
}
