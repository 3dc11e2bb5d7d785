//! Groups of servers that requests are passed to, and the exchange with one of them.

pub mod conf;
pub mod pool;
pub mod state;
