//! The turns of a thread's event loop: what is ready at the same time shares what can be shared.

use std::future::poll_fn;
use std::task::Poll;

/// Lets the other tasks of the thread run that are ready.
pub async fn behind_the_others() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
