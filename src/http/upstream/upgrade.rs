//! upgrade
pub async fn tunnel(_req: &mut crate::http::request::Request, _io: &crate::http::h1::io::Io) {}
