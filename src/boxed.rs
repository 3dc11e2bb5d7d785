//! Futures in boxes, without a copy on the way there.

use std::pin::Pin;

/// What `Box::pin(make())` is, but made in the box. A future of two kilobytes that has not begun consists of a few words;
/// `Box::pin` makes it on the stack and then copies all of it, the unused part included.
#[inline(always)]
pub fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    // The room first: what exists while memory is asked for would have to be dropped if there were none, and for
    // that it would have to lie somewhere else.
    let room = Box::new_uninit();
    Box::into_pin(Box::write(room, make()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn it_is_the_future_that_was_made() {
        let number = 7;
        let mut future = boxed(|| async move { number });
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(7));
    }
}
