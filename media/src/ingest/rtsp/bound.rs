//! How much a server may send without giving what was asked for.
//!
//! retina reads a message of any length into memory before it looks at it, and offers no limit. What can be limited from
//! outside is how often and how long it may read: about one read per poll (tokio's cooperative budget is used up to a
//! rest before each poll) and a number of polls per answer or frame. A read takes at most what the kernel holds, a few
//! packets on a network and at most some megabytes from a sender on the same machine. It also panics on some nonsense
//! in debug builds (sums of lost packets that overflow); a panic ends the session here, not the task.

use super::Error;
use futures_util::FutureExt;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use tokio::task::coop;

/// tokio gives a task 128 operations per poll; what remains after these is the number of reads one poll may make.
/// Two, because the timer of the wait around it may take one.
const SPENT_PER_POLL: u32 = 128 - 2;
/// An answer is a few kilobytes in a few packets; with authentication there are two.
pub(super) const POLLS_PER_ANSWER: u32 = 32;
/// A keyframe of 3 MB arrives in about 2,000 Ethernet packets, each of which may wake us.
pub(super) const POLLS_PER_FRAME: u32 = 2048;

/// Runs `work` while `polls` last, which it counts down.
///
/// # Errors
/// [`Error::Flood`] when they are used up, [`Error::Internal`] when `work` panicked. `work` is gone then.
pub(super) async fn bounded<T>(polls: &mut u32, work: impl Future<Output = T>) -> Result<T, Error> {
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    poll_fn(|cx| {
        let Some(left) = polls.checked_sub(1) else {
            return Poll::Ready(Err(Error::Flood));
        };
        *polls = left;
        for _ in 0..SPENT_PER_POLL {
            match coop::poll_proceed(cx) {
                Poll::Ready(unit) => unit.made_progress(),
                // Others in this task have used the budget: the reads in `work` will wait for the next one too.
                Poll::Pending => break,
            }
        }
        work.as_mut().poll(cx).map(|done| done.map_err(|_| Error::Internal))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn polls_run_out_and_panics_are_caught() {
        let mut polls = 10;
        assert_eq!(bounded(&mut polls, async { 5 }).await, Ok(5));
        assert_eq!(polls, 9);
        let endless = async {
            loop {
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(bounded::<()>(&mut polls, endless).await, Err(Error::Flood));
        let panics = async { assert!(std::hint::black_box(false), "wanted by this test") };
        assert_eq!(bounded(&mut 10, panics).await, Err(Error::Internal));
    }

    #[tokio::test]
    async fn few_operations_fit_in_one_poll() {
        let (mut operations, mut polls) = (0, 3);
        let busy = poll_fn(|cx| {
            while let Poll::Ready(unit) = coop::poll_proceed(cx) {
                unit.made_progress();
                operations += 1;
            }
            Poll::<()>::Pending
        });
        assert_eq!(bounded(&mut polls, busy).await, Err(Error::Flood));
        assert!((1..=12).contains(&operations), "{operations} operations in 3 polls");
    }
}
