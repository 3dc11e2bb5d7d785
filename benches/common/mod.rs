//! What the measurements share: a stopwatch, and configurations from memory.

#![allow(
    dead_code,
    clippy::expect_used,
    reason = "each file of measurements has a part of it in use; what cannot be set up cannot be measured"
)]

use goodgate::config::source::Files;
use goodgate::cycle::{self, Cycle, Options};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs something for a while and prints what one run takes: the least of many batches, since whatever else the
/// machine does can only add to it.
pub fn measure(name: &str, mut run: impl FnMut()) -> f64 {
    let batch = batch(&mut run);
    let (mut least, start) = (Duration::MAX, Instant::now());
    while start.elapsed() < Duration::from_millis(500) {
        least = least.min(time(batch, &mut run));
    }
    let one = least.as_secs_f64() / f64::from(batch);
    println!("{name:<48} {:>12}", words(one));
    one
}

/// So many runs that looking at the clock does not count.
fn batch(run: &mut impl FnMut()) -> u32 {
    let mut batch = 1;
    while time(batch, run) < Duration::from_millis(2) && batch < 1 << 20 {
        batch *= 2;
    }
    batch
}

fn time(runs: u32, run: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        run();
    }
    start.elapsed()
}

fn words(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.1} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s => format!("{:.2} ms", s * 1e3),
    }
}

/// Loads a text as `/nginx.conf`. It must be right.
pub fn load(text: &str) -> Arc<Cycle> {
    let options = Options {
        prefix: "/".into(),
        conf_file: "/nginx.conf".into(),
        conf_prefix: "/".into(),
        error_log: "/dev/null".into(),
        globals: None,
        superuser: false,
        test: false,
    };
    let loaded = cycle::load(&options, Rc::new(One(text.to_owned())));
    let messages: Vec<_> = loaded.diagnostics.iter().map(|d| &d.message).collect();
    loaded.cycle.ok_or(messages).expect("a right configuration")
}

/// A configuration in memory.
pub struct One(pub String);

impl Files for One {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }

    fn glob(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}
