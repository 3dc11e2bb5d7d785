//! Groups of servers that requests are passed to, and the exchange with one of them.

pub mod bad_answer;
pub mod conf;
pub mod head;
pub mod pool;
pub mod state;

pub mod upgrade {
    pub async fn tunnel(_req: &mut crate::http::request::Request, _io: &crate::http::h1::io::Io) {}
}
