//! Futures that end early or later than they would. It has no clock.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Polls `future` at most `polls` times, then drops it: `None` where that came before its end.
pub async fn at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits for one poll: a point at which a caller may drop the future.
pub async fn tick() {
    let mut waited = false;
    poll_fn(move |context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_future_ends_after_its_polls() {
        let three = || async {
            tick().await;
            tick().await;
            7
        };
        assert_eq!(block_on(at_most(0, three())), None);
        assert_eq!(block_on(at_most(2, three())), None);
        assert_eq!(block_on(at_most(3, three())), Some(7));
    }
}
