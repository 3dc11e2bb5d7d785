//! The request that is asked about: `GET http://shop.example/api/users?id=1`.

use crate::http::connection::Peer;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A request, and who sends it where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The method.
    pub method: String,
    /// Whether it comes over TLS.
    pub tls: bool,
    /// Host and port of the URL as written; empty if there is only a path.
    pub authority: String,
    /// Path and query.
    pub target: String,
    /// Header fields, name and value.
    pub fields: Vec<(String, String)>,
    /// The client's address.
    pub from: IpAddr,
    /// The address that it connects to, if it is not to be found by the port.
    pub to: Option<String>,
}

/// The port that a client's connection has, where somebody asks.
const CLIENT_PORT: u16 = 50000;

impl Question {
    /// Reads a method and a URL. The method may be left out for GET, scheme and host too.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub fn parse(text: &str) -> Result<Question, String> {
        let text = text.trim();
        let (method, url) = match text.split_once(' ') {
            Some((method, url)) => (method, url.trim_start()),
            None => ("GET", text),
        };
        if url.is_empty() {
            return Err(format!(
                "\"{text}\" is no request: GET http://host/path is meant"
            ));
        }
        let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
        let (tls, rest) = match (lower.starts_with("http://"), lower.starts_with("https://")) {
            (true, _) => (false, url.get(7..)),
            (_, true) => (true, url.get(8..)),
            _ if url.starts_with('/') || url == "*" => (false, None),
            _ => {
                return Err(format!(
                    "\"{url}\" is no URL: it begins with http:// or https://"
                ));
            }
        };
        let (authority, target) = match rest {
            None => ("", url),
            Some(rest) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        let target = target.split('#').next().unwrap_or_default();
        let target = match target.chars().next() {
            Some('?') | None => format!("/{target}"),
            Some(_) => target.to_owned(),
        };
        Ok(Question {
            method: method.to_owned(),
            tls,
            authority: authority.to_owned(),
            target,
            fields: Vec::new(),
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            to: None,
        })
    }

    /// Adds a field as `-H` has it: `Name: value`.
    ///
    /// # Errors
    /// There is no colon.
    pub fn add_field(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| format!("\"{text}\" is no header field: Name: value is meant"))?;
        self.fields
            .push((name.trim().to_owned(), value.trim().to_owned()));
        Ok(())
    }

    /// Sets the client's address.
    ///
    /// # Errors
    /// It is none.
    pub fn set_from(&mut self, text: &str) -> Result<(), String> {
        let address = text.trim_start_matches('[').trim_end_matches(']');
        self.from = address
            .parse()
            .map_err(|_| format!("\"{text}\" is no address of a client"))?;
        Ok(())
    }

    /// The port of the URL, or that of its scheme; the flag says whether it is written.
    pub fn port(&self) -> (u16, bool) {
        let behind_address = match self.authority.rsplit_once(']') {
            Some((_, rest)) => rest,
            None => &self.authority,
        };
        let written = behind_address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        let default = if self.tls { 443 } else { 80 };
        (written.unwrap_or(default), written.is_some())
    }

    /// The address that the URL names, if it names one and no host.
    pub fn ip(&self) -> Option<IpAddr> {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.authority,
        };
        match host {
            "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            _ => host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse()
                .ok(),
        }
    }

    /// The name of the server that a client gives in a TLS handshake: the host of the URL, if it is a name.
    pub fn server_name(&self) -> Option<&str> {
        let host = match self.authority.rsplit_once('@') {
            Some((_, host)) => host,
            None => &self.authority,
        };
        let name = host.split(':').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.parse::<IpAddr>().is_err() && !host.starts_with('[');
        is_name.then_some(name)
    }

    /// The client.
    pub fn peer(&self) -> Peer {
        Peer::Inet(SocketAddr::new(self.from, CLIENT_PORT))
    }

    /// The method and the whole URL.
    pub fn shown(&self) -> String {
        let scheme = match (self.authority.is_empty(), self.tls) {
            (true, _) => "",
            (_, true) => "https://",
            (_, false) => "http://",
        };
        format!("{} {scheme}{}{}", self.method, self.authority, self.target)
    }

    /// The request line without the version.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// The head as a client sends it. The host of the URL is its Host field, unless there is another one.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} HTTP/1.1\r\n", self.line());
        let named = |(name, _): &(String, String)| name.eq_ignore_ascii_case("host");
        if !self.fields.iter().any(named) {
            let host = match self.authority.rsplit_once('@') {
                Some((_, host)) => host,
                None => &self.authority,
            };
            let host = if host.is_empty() { "localhost" } else { host };
            head.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_becomes_a_request() {
        let q = Question::parse("POST https://Shop.example:8443/a?b#c").unwrap();
        assert_eq!((q.port(), q.tls, q.ip()), ((8443, true), true, None));
        let head = String::from_utf8(q.head()).unwrap();
        assert_eq!(
            head,
            "POST /a?b HTTP/1.1\r\nHost: Shop.example:8443\r\n\r\n"
        );
        for (text, target, port) in [
            ("http://x", "/", (80, false)),
            ("GET http://x?a=1", "/?a=1", (80, false)),
            ("GET /path", "/path", (80, false)),
            ("HEAD http://[::1]:81/", "/", (81, true)),
            ("HEAD http://[::1]/", "/", (80, false)),
        ] {
            let q = Question::parse(text).unwrap();
            assert_eq!((q.target.as_str(), q.port()), (target, port), "{text}");
        }
        let ip = |text: &str| Question::parse(text).unwrap().ip().map(|ip| ip.to_string());
        assert_eq!(ip("http://[::1]:81/").as_deref(), Some("::1"));
        assert_eq!(ip("http://10.0.0.1/").as_deref(), Some("10.0.0.1"));
        assert_eq!(ip("http://localhost:1/").as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in ["", "GET", "GET ftp://x/", "GET shop.example/"] {
            assert!(Question::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_asked(text in "(GET )?(https?://)?[a-é:/?#@\\[\\]0-9. ]{0,20}") {
            if let Ok(q) = Question::parse(&text) {
                let _ = (q.port(), q.ip(), q.server_name(), q.shown());
                prop_assert!(q.head().ends_with(b"\r\n\r\n"));
            }
        }
    }

    #[test]
    fn fields_may_replace_the_host() {
        let mut q = Question::parse("http://10.0.0.1/").unwrap();
        q.add_field("Host: shop.example").unwrap();
        q.add_field("Cookie:a=b").unwrap();
        let head = String::from_utf8(q.head()).unwrap();
        assert!(head.ends_with("Host: shop.example\r\nCookie: a=b\r\n\r\n"));
        assert!(!head.contains("10.0.0.1"));
        assert!(q.add_field("nothing").is_err() && q.set_from("nobody").is_err());
    }
}
