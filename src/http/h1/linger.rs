//! Closes a connection so that the client can read the answer: what it still sends is read and thrown away, since
//! unread data would turn the close into a reset that destroys the answer on its way.

use super::io::Io;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Ends our direction, then reads until the client ends its own, at most for `time` (`lingering_time`) and with at most
/// `timeout` (`lingering_timeout`) of silence.
pub async fn linger(io: &Rc<Io>, time: Duration, timeout: Duration) {
    io.stream.shutdown_write();
    let Some(end) = Instant::now().checked_add(time) else {
        return;
    };
    drop(io.take_pending());
    let mut sink = Vec::with_capacity(4096);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        io.read_within(left.min(timeout));
        sink.clear();
        match io.read(&mut sink).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
