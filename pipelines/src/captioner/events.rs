//! What a session tells the server: a queue with a bound. Whoever puts never waits: one server task that sleeps must not stop all lives.
//!
//! Of what stands only for a moment (hypotheses that are not final, counts) the oldest goes first, then the oldest of the rest.

use super::Event;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Ten hypotheses come a second.
const MOST: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Events {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Event>,
    ended: bool,
    dropped: u64,
    /// Whoever asked last and found nothing.
    reader: Option<Waker>,
}

impl Inner {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, event: Event) {
        let mut inner = self.lock();
        if inner.ended {
            return;
        }
        if let Event::Stats(_) = event {
            inner.queue.retain(|e| !matches!(e, Event::Stats(_)));
        }
        if inner.queue.len() >= MOST {
            let passing = |e: &Event| match e {
                Event::Hypothesis { hypothesis, .. } => !hypothesis.is_final(),
                Event::Stats(_) => true,
                _ => false,
            };
            let at = inner.queue.iter().position(passing).unwrap_or(0);
            inner.queue.remove(at);
            inner.dropped += 1;
        }
        inner.queue.push_back(event);
        inner.wake();
    }

    /// Nothing follows.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        inner.ended = true;
        inner.wake();
    }

    /// The next; `None` at the end. For one task: who asked last is woken.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut inner = self.lock();
        if let Some(event) = inner.queue.pop_front() {
            return Poll::Ready(Some(event));
        }
        if inner.ended {
            return Poll::Ready(None);
        }
        inner.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::caption::word::{Confidence, Hypothesis, Word};
    use std::future::poll_fn;

    fn said(n: i64, is_final: bool) -> Event {
        let word = Word::new(&n.to_string(), n, n, Confidence::FULL).unwrap();
        Event::Hypothesis { hypothesis: Hypothesis::new(vec![word], is_final).unwrap(), heard_until_micros: n }
    }

    #[tokio::test]
    async fn a_server_that_sleeps_keeps_every_final() {
        let events = Events::default();
        for n in 0..2_000 {
            events.put(said(n, n % 20 == 0));
        }
        events.end();
        events.put(said(0, true));
        let (mut finals, mut all) = (Vec::new(), 0u64);
        while let Some(event) = poll_fn(|cx| events.poll_next(cx)).await {
            all += 1;
            if let Event::Hypothesis { hypothesis, heard_until_micros } = event
                && hypothesis.is_final()
            {
                finals.push(heard_until_micros);
            }
        }
        assert_eq!(finals, (0..2_000).step_by(20).collect::<Vec<_>>());
        assert_eq!(all + events.dropped(), 2_000);
    }

    #[tokio::test]
    async fn who_waits_for_several_is_woken_by_any() {
        let both = [Events::default(), Events::default()];
        let first = poll_fn(|cx| match both.iter().map(|events| events.poll_next(cx)).find(Poll::is_ready) {
            Some(ready) => ready,
            None => Poll::Pending,
        });
        let tell = async {
            tokio::task::yield_now().await;
            both[1].end();
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(5), async { tokio::join!(first, tell).0 });
        assert!(waited.await.expect("it is woken").is_none());
    }
}
