//! Master and worker process: starting, signals, reloading, ending.

pub mod system;
