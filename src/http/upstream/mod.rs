//! Groups of servers that requests are passed to, and the exchange with one of them.
//!
//! (a) groups, peers and balancing: [`conf`], [`peers`], [`balance`]; (b) connections: [`connect`], [`pool`];
//! (c) the exchange: [`exchange`], [`outgoing`], [`incoming`], [`failure`], generic over a protocol's [`codec`];
//! (d) what protocols share of their settings: [`settings`]. The protocols themselves are modules.

pub mod bad_answer;
pub mod balance;
pub mod conf;
pub mod failure;
pub mod head;
pub mod keepalive;
pub mod peers;
pub mod pool;
pub mod server;
pub mod state;
pub mod upgrade;
pub mod variables;
