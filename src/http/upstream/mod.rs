//! Groups of servers that requests are passed to, and the exchange with one of them.

pub mod bad_answer;
pub mod conf;
pub mod head;
pub mod pool;
pub mod state;
