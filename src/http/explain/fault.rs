//! What clients do wrong: the limits that they meet, and where those are set.

use crate::http::conf::LocationId;
use crate::http::core::location::LocationConf as CoreConf;
use crate::http::h1::bad::Bad;
use crate::http::request::Request;
use crate::http::upstream::hint::{Size, Time};
use std::fmt;

/// What was wrong, and the block whose limits held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub wrong: Wrong,
    /// The block.
    pub location: LocationId,
}

/// What a client did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The head of the request.
    Head(Bad),
    /// The request is the start of TLS, and the port is none for it.
    Tls,
    /// The request is the preface of HTTP/2 (RFC 9113 section 3.4), where HTTP/1 is spoken.
    Http2,
    /// The request is refused with this status: for its fields in HTTP/2, or for how its connection is secured.
    Refused(u16),
    /// The head did not come in time.
    HeadTimedOut,
    /// The body did not come in time.
    BodyTimedOut,
    /// The body is not chunked as it should be.
    Chunks,
    /// The body is too large; how large it is said to be, or has become so far.
    BodyTooLarge(u64),
    /// The client closed the connection before it had sent all of the request.
    ClosedWhileSending,
    /// The client closed the connection while it waited.
    ClosedWhileWaiting,
}

impl Fault {
    /// With the limits of the block that holds now.
    pub fn now(req: &Request, wrong: Wrong) -> Self {
        let location = req.location;
        Fault { wrong, location }
    }

    /// A head that was refused, under the limits of the address's default server.
    pub fn of_head(req: &Request, bad: Bad) -> Self {
        let start = req.head.buf.get(..3).unwrap_or_default();
        let wrong = match bad {
            _ if matches!(start, [0x16, 0x03, _]) => Wrong::Tls,
            _ if req.head.buf.starts_with(b"PRI * HTTP/2.") => Wrong::Http2,
            bad => Wrong::Head(bad),
        };
        Fault {
            wrong,
            location: first_block(req),
        }
    }

    /// A head that did not come in time.
    pub fn late_head(req: &Request) -> Self {
        Fault {
            wrong: Wrong::HeadTimedOut,
            location: first_block(req),
        }
    }

    /// What to do about it.
    pub fn hint<'a>(&'a self, req: &'a Request) -> Hint<'a> {
        Hint { fault: self, req }
    }
}

/// The block of the server that holds until a name is known.
fn first_block(req: &Request) -> LocationId {
    let server = crate::http::router::default_server(&req.http, &req.client);
    req.http.server(server.unwrap_or(req.server)).location
}

impl Wrong {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Wrong::Head(bad) => match bad {
                Bad::LineTooLong => "uri_too_large",
                Bad::TooLarge | Bad::FieldTooLong(_) => "request_header_too_large",
                Bad::TooManyFields => "too_many_header_fields",
                Bad::Method | Bad::Method09 => "invalid_method",
                Bad::Request => "invalid_request_line",
                Bad::Version => "invalid_version",
                Bad::Field(_) => "invalid_header_line",
                Bad::Duplicate { .. } => "duplicate_header",
                Bad::HostInLine | Bad::Host => "invalid_host",
                Bad::NoHost => "missing_host",
                Bad::Misdirected => "misdirected_request",
                Bad::NoServer => "server_name_failed",
                Bad::ContentLength => "invalid_content_length",
                Bad::CodingIn10 | Bad::LengthAndCoding | Bad::UnknownCoding => {
                    "invalid_transfer_encoding"
                }
                Bad::Connect | Bad::Trace => "method_not_allowed",
            },
            Wrong::Tls => "tls_on_plain_port",
            Wrong::Http2 => "http2_preface",
            Wrong::Refused(status) => match status {
                405 => "method_not_allowed",
                421 => "misdirected_request",
                495 => "client_certificate_refused",
                496 => "client_certificate_missing",
                497 => "plain_on_tls_port",
                _ => "invalid_request",
            },
            Wrong::HeadTimedOut => "request_header_timeout",
            Wrong::BodyTimedOut => "request_body_timeout",
            Wrong::Chunks => "invalid_chunked_body",
            Wrong::BodyTooLarge(_) => "request_body_too_large",
            Wrong::ClosedWhileSending => "client_closed_early",
            Wrong::ClosedWhileWaiting => "client_closed_request",
        }
    }

    /// The status that is logged for it.
    pub fn status(self) -> u16 {
        match self {
            Wrong::Head(bad) => bad.status(),
            Wrong::Refused(status) => status,
            Wrong::Tls | Wrong::Http2 | Wrong::Chunks => 400,
            Wrong::HeadTimedOut | Wrong::BodyTimedOut => 408,
            Wrong::BodyTooLarge(_) => 413,
            Wrong::ClosedWhileSending => 400,
            Wrong::ClosedWhileWaiting => 499,
        }
    }
}

const MISDIRECTED: &str = "the client names another host than the one that it made the connection of TLS for: fix the \
                           client, or its server has no TLS of this kind";

/// A fault with its request: what to do about it, without any quotation mark.
pub struct Hint<'a> {
    fault: &'a Fault,
    req: &'a Request,
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault.wrong {
            Wrong::Head(bad) => self.head(f, bad),
            Wrong::Tls => f.write_str(
                "the client speaks TLS to a port without it: it wants https:// where this is http://, or listen \
                 lacks ssl",
            ),
            Wrong::Http2 => f.write_str(
                "the client speaks HTTP/2 from the first byte: turn http2 on for this server, or HTTP/1.1 on at \
                 the client",
            ),
            Wrong::Refused(status) => self.refused(f, status),
            Wrong::HeadTimedOut => {
                let limit = self.http_limit(|core| Time(core.client_header_timeout).to_string());
                let place = self.place("client_header_timeout");
                write!(
                    f,
                    "the head of the request did not come within {limit} (client_header_timeout, {place}): the \
                     client is slow, or holds connections open on purpose"
                )
            }
            Wrong::BodyTimedOut => {
                let limit = Time(self.core().client_body_timeout);
                let place = self.place("client_body_timeout");
                write!(
                    f,
                    "nothing more of the body came for {limit} (client_body_timeout, {place}): the client is slow, \
                     or said that it would send more"
                )
            }
            Wrong::Chunks => f.write_str("what the client sends is not in chunks as it says"),
            Wrong::BodyTooLarge(length) => {
                let limit = Size(self.core().client_max_body_size);
                let place = self.place("client_max_body_size");
                write!(
                    f,
                    "{length} bytes are more than the {limit} that client_max_body_size ({place}) allows: raise it where large \
                     bodies are meant"
                )
            }
            Wrong::ClosedWhileSending => {
                f.write_str("the client closed the connection before it had sent all of its request")
            }
            Wrong::ClosedWhileWaiting => {
                let waited = crate::clock::monotonic_ms().saturating_sub(self.req.started_ms);
                write!(
                    f,
                    "the client went away after {waited}ms, before there was an answer: it gave up waiting, or \
                     whatever stands before this server has a shorter limit"
                )
            }
        }
    }
}

impl Hint<'_> {
    fn refused(&self, f: &mut fmt::Formatter<'_>, status: u16) -> fmt::Result {
        match status {
            421 => f.write_str(MISDIRECTED),
            495 => write!(
                f,
                "the certificate of the client is signed by nobody in ssl_client_certificate ({}), has expired or was \
                 revoked",
                self.place("ssl_client_certificate")
            ),
            496 => write!(
                f,
                "ssl_verify_client ({}) wants a certificate, and the client has sent none",
                self.place("ssl_verify_client")
            ),
            497 => f.write_str(
                "the client speaks plain HTTP to a port for TLS: it wants https:// where this is http://; error_page \
                 497 =301 https://$host$request_uri sends it there",
            ),
            _ => f.write_str("the request breaks HTTP: fix the client, or it is an attempt to attack"),
        }
    }

    fn head(&self, f: &mut fmt::Formatter<'_>, bad: Bad) -> fmt::Result {
        let place = |name| self.place(name);
        let (count, each) = self.buffers();
        match bad {
            Bad::LineTooLong => write!(
                f,
                "the request line is longer than {} (large_client_header_buffers, {}): raise the size of these \
                 buffers",
                Size(each),
                place("large_client_header_buffers")
            ),
            Bad::FieldTooLong(_) => write!(
                f,
                "one header field is longer than {} (large_client_header_buffers, {}): raise the size of these \
                 buffers, or look for a cookie that grows",
                Size(each),
                place("large_client_header_buffers")
            ),
            Bad::TooLarge => write!(
                f,
                "all header fields together do not fit into {count} buffers of {} (large_client_header_buffers, \
                 {}): raise their number, or look for cookies that pile up",
                Size(each),
                place("large_client_header_buffers")
            ),
            Bad::TooManyFields => write!(
                f,
                "the request has more than {} header fields (max_headers, {}): raise it, or look at the client",
                self.http_limit(|core| core.max_headers.to_string()),
                place("max_headers")
            ),
            Bad::NoHost => {
                f.write_str("the client speaks HTTP/1.1 and does not say Host: fix the client")
            }
            Bad::Host | Bad::HostInLine => {
                f.write_str("what the client says as Host is no name: fix the client")
            }
            Bad::NoServer => f.write_str(
                "a server_name could not be held against the host that the client names",
            ),
            Bad::Misdirected => f.write_str(MISDIRECTED),
            Bad::Connect => f.write_str(
                "the client takes this server for a forward proxy: fix its proxy settings",
            ),
            Bad::Version => f.write_str(
                "the client names a version of HTTP that has no request line: fix the client",
            ),
            _ => f.write_str(
                "the request breaks HTTP: fix the client, or it is an attempt to attack",
            ),
        }
    }

    fn core(&self) -> &CoreConf {
        &self.req.http.location(self.fault.location).core
    }

    fn server(&self) -> &crate::http::core::server::ServerConf {
        let http = &self.req.http;
        let block = http.location(self.fault.location);
        &http.server(block.server).core
    }

    fn http_limit(&self, show: fn(&crate::http::core::server::ServerConf) -> String) -> String {
        show(self.server())
    }

    fn buffers(&self) -> (usize, u64) {
        let (count, each) = self.server().large_client_header_buffers;
        (count, each as u64)
    }

    fn place(&self, name: &str) -> String {
        let http = &self.req.http;
        http.places.show_of(http, self.fault.location, name)
    }
}
