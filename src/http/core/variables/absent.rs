//! Variables of what no connection and no answer has yet: HTTP/3, a cache. They
//! say what nginx says of a plain connection and of an answer that no cache has seen, so that log formats and
//! conditions which name them hold.

use crate::http::request::Request;
use crate::http::variable::Variable;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("http3", empty),
    Variable::new("upstream_cache_etag", none),
    Variable::new("upstream_cache_last_modified", none),
    Variable::new("upstream_cache_status", none),
];

/// Not found: `-` in a log.
fn none(_: &Request, _: &mut Vec<u8>) -> bool {
    false
}

/// Found, and empty.
fn empty(_: &Request, _: &mut Vec<u8>) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    #[test]
    fn formats_may_name_them() {
        let http = |text: &str| first_complaint(&format!("events {{}} http {{ {text} }}"));
        let format = "log_format f '$ssl_protocol/$ssl_cipher $http2 $upstream_cache_status';";
        assert_eq!(http(format), "");
        let server = "server { set $http3 a; }";
        assert_eq!(http(server), "the duplicate \"http3\" variable");
    }
}
