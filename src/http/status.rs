//! Status lines and the built-in error pages, in nginx's words.

use bytes::Bytes;

/// Code and reason phrase as the status line has them; `None` where nginx sends the code alone.
pub fn line(status: u16) -> Option<&'static str> {
    Some(match status {
        200 => "200 OK",
        201 => "201 Created",
        202 => "202 Accepted",
        204 => "204 No Content",
        206 => "206 Partial Content",
        301 => "301 Moved Permanently",
        302 => "302 Moved Temporarily",
        401 => "401 Unauthorized",
        303 | 307 | 308 | 400..=416 | 421 | 429 | 500..=505 | 507 => title(status)?,
        304 => "304 Not Modified",
        _ => return None,
    })
}

/// Appends the status line's code and reason: `200 OK`, or `299 ` where there is no reason.
pub fn write_line(status: u16, out: &mut Vec<u8>) {
    match line(status) {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        None => {
            let [hundreds, tens, ones] =
                [status / 100 % 10, status / 10 % 10, status % 10].map(|n| b'0' + n as u8);
            out.extend([hundreds, tens, ones, b' ']);
        }
    }
}

/// The status that the client sees: nginx's own codes below 498 are told as 400.
pub fn sent(status: u16) -> u16 {
    if matches!(status, 494..=497) {
        400
    } else {
        status
    }
}

/// The built-in page: heading, and `token` (`nginx/1.31.5` there) under the line. `None` for a status without one.
/// `pad` asks for the comment that made old browsers show the page; it is added to errors only (`msie_padding`).
pub fn page(status: u16, token: &[u8], pad: bool) -> Option<Bytes> {
    let (title, note) = match status {
        494 => (
            "400 Request Header Or Cookie Too Large",
            Some("Request Header Or Cookie Too Large"),
        ),
        495 => (
            "400 The SSL certificate error",
            Some("The SSL certificate error"),
        ),
        496 => (
            "400 No required SSL certificate was sent",
            Some("No required SSL certificate was sent"),
        ),
        497 => (
            "400 The plain HTTP request was sent to HTTPS port",
            Some("The plain HTTP request was sent to HTTPS port"),
        ),
        498 => (title(404)?, None),
        _ => (title(status)?, None),
    };
    let heading = if note.is_some() {
        "400 Bad Request"
    } else {
        title
    };
    let mut page = Vec::with_capacity(768);
    let mut add = |parts: &[&[u8]]| parts.iter().for_each(|part| page.extend_from_slice(part));
    add(&[
        b"<html>\r\n<head><title>",
        title.as_bytes(),
        b"</title></head>\r\n<body>\r\n",
    ]);
    add(&[b"<center><h1>", heading.as_bytes(), b"</h1></center>\r\n"]);
    if let Some(note) = note {
        add(&[b"<center>", note.as_bytes(), b"</center>\r\n"]);
    }
    add(&[
        b"<hr><center>",
        token,
        b"</center>\r\n</body>\r\n</html>\r\n",
    ]);
    if pad && status >= 400 {
        (0..6).for_each(|_| add(&[PADDING]));
    }
    Some(Bytes::from(page))
}

const PADDING: &[u8] = b"<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";

/// All built-in pages with one token, made once: a request only takes a reference.
#[derive(Clone, Debug, Default)]
pub struct Pages(Vec<(Option<Bytes>, Option<Bytes>)>);

/// Statuses that may have a page.
const PAGES: std::ops::Range<u16> = 300..510;

impl Pages {
    /// Makes them.
    pub fn new(token: &[u8]) -> Self {
        Pages(
            PAGES
                .map(|status| (page(status, token, false), page(status, token, true)))
                .collect(),
        )
    }

    /// What [`page`] gives.
    pub fn get(&self, status: u16, pad: bool) -> Option<Bytes> {
        let (plain, padded) = self.0.get(usize::from(status.checked_sub(PAGES.start)?))?;
        if pad { padded.clone() } else { plain.clone() }
    }
}

/// Code and phrase as the pages have them, which differ from the status line's for 302 and 401.
fn title(status: u16) -> Option<&'static str> {
    Some(match status {
        301 => "301 Moved Permanently",
        302 => "302 Found",
        303 => "303 See Other",
        307 => "307 Temporary Redirect",
        308 => "308 Permanent Redirect",
        400 => "400 Bad Request",
        401 => "401 Authorization Required",
        402 => "402 Payment Required",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        405 => "405 Not Allowed",
        406 => "406 Not Acceptable",
        407 => "407 Proxy Authentication Required",
        408 => "408 Request Time-out",
        409 => "409 Conflict",
        410 => "410 Gone",
        411 => "411 Length Required",
        412 => "412 Precondition Failed",
        413 => "413 Request Entity Too Large",
        414 => "414 Request-URI Too Large",
        415 => "415 Unsupported Media Type",
        416 => "416 Requested Range Not Satisfiable",
        421 => "421 Misdirected Request",
        429 => "429 Too Many Requests",
        500 => "500 Internal Server Error",
        501 => "501 Not Implemented",
        502 => "502 Bad Gateway",
        503 => "503 Service Temporarily Unavailable",
        504 => "504 Gateway Time-out",
        505 => "505 HTTP Version Not Supported",
        507 => "507 Insufficient Storage",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let of = |status| {
            let mut out = Vec::new();
            write_line(status, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of(200), "200 OK");
        assert_eq!(of(302), "302 Moved Temporarily");
        assert_eq!(of(401), "401 Unauthorized");
        assert_eq!(of(404), "404 Not Found");
        for status in [
            203, 205, 207, 300, 305, 417, 418, 426, 451, 506, 508, 599, 999,
        ] {
            assert_eq!(of(status), format!("{status} "));
        }
        assert_eq!(sent(494), 400);
    }

    #[test]
    fn pages() {
        let all = Pages::new(b"goodgate");
        let plain = all.get(404, false).unwrap();
        assert_eq!(
            &plain[..],
            b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n\
              <center><h1>404 Not Found</h1></center>\r\n<hr><center>goodgate</center>\r\n</body>\r\n</html>\r\n"
        );
        assert_eq!(all.get(404, true).unwrap().len(), plain.len() + 402);
        assert_eq!(all.get(302, true), all.get(302, false));
        let large = String::from_utf8(all.get(494, false).unwrap().to_vec()).unwrap();
        assert!(large.contains("<title>400 Request Header Or Cookie Too Large</title>"));
        assert!(large.contains(
            "<h1>400 Bad Request</h1></center>\r\n<center>Request Header Or Cookie Too Large<"
        ));
        for status in [0, 200, 204, 300, 304, 417, 426, 499, 506, 510, 65535] {
            assert_eq!(all.get(status, false), None);
        }
    }
}
