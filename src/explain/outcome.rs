//! What comes of a request: what expectations are compared with.

use super::Place;

/// What a request would get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The address that the request comes by, as the configuration names it.
    pub listen: String,
    /// The names of the server.
    pub server_names: Vec<String>,
    /// How the server was found: `exact`, `*.name`, `name.*`, `regex`, `default_server`, `first`.
    pub server_by: &'static str,
    /// Where the server is configured.
    pub server_at: Option<Place>,
    /// The location whose settings hold at the end, as written: `= /x`. None: the server's own.
    pub location: Option<String>,
    /// Its name without the modifier.
    pub location_name: Option<String>,
    /// Where it is configured.
    pub location_at: Option<Place>,
    /// The path at the end, after all rewrites.
    pub uri: String,
    /// The query at the end.
    pub args: String,
    /// The status of the answer. None: an upstream decides; for the fields of the answer 200 is assumed.
    pub status: Option<u16>,
    /// Whether the connection is closed without an answer.
    pub no_answer: bool,
    /// What makes the answer: the name of a directive or module.
    pub handler: Option<&'static str>,
    /// The file that is sent.
    pub file: Option<String>,
    /// The request that an upstream gets.
    pub upstream: Option<Passed>,
    /// `Location` of the answer.
    pub redirect: Option<String>,
    /// The header fields of the answer, without those that differ each time; of an upstream's answer those that
    /// `add_header` adds.
    pub fields: Vec<(String, String)>,
}

/// A request to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The group's name, or the address in its place.
    pub group: String,
    /// Servers in the order in which they are tried.
    pub peers: Vec<String>,
    /// Scheme, group and URI.
    pub url: String,
    /// The URI alone.
    pub uri: String,
    /// The request line; empty for protocols that have none.
    pub line: String,
    /// Header fields, or the parameters of FastCGI and its like.
    pub fields: Vec<(String, String)>,
}
