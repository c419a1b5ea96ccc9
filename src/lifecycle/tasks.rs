//! Tasks with names, an owner, and a two-stage end.
//!
//! Promises: a task spawned here ends at the latest when the hard stop comes (at its next await); its panic never goes unheard;
//! [`Tasks::drain`] returns only when all have ended or the last deadline has passed.

use futures_util::FutureExt;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Spawns tasks, knows which are running, and ends them. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    tracker: TaskTracker,
    soft: CancellationToken,
    hard: CancellationToken,
    failed: AtomicBool,
    /// How many of each name are running: what the log names when a stop takes too long. Names are literals, so it stays small.
    running: Mutex<BTreeMap<&'static str, usize>>,
}

/// How [`Tasks::drain`] ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Drained {
    /// All tasks ended by themselves.
    InTime,
    /// The hard stop was needed; these were running when it came, with their numbers.
    Forced {
        /// Name and number, by name.
        left: Vec<(&'static str, usize)>,
    },
}

impl Tasks {
    /// Spawns a task that may end whenever it likes. A panic ends this task only (one viewer's, one encoder's).
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name, false, future);
    }

    /// Spawns a task without which the server is useless (a listener, the recorder's clock): when it ends or panics before the soft
    /// stop, the process stops softly and fails, so that the service manager starts a fresh one.
    pub fn spawn_essential<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start(name, true, future);
    }

    fn start<F>(&self, name: &'static str, essential: bool, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        let entry = Entry::new(Arc::clone(&self.shared), name);
        // Boxed, so that a connection's future is held once: each move into another future would reserve its size again.
        let future = Box::pin(future);
        self.shared.tracker.spawn(async move {
            let _entry = entry;
            let outcome = {
                let guarded = AssertUnwindSafe(future).catch_unwind();
                tokio::select! {
                    outcome = guarded => outcome,
                    () = tasks.shared.hard.cancelled() => return,
                }
            };
            if let Err(panic) = &outcome {
                metrics::counter!("amphi_task_panics_total", "task" => name).increment(1);
                tracing::error!(task = name, panic = panic_text(panic.as_ref()), "a task panicked");
            }
            if essential && !tasks.shared.soft.is_cancelled() {
                tracing::error!(task = name, "an essential task ended; the server stops");
                tasks.fail();
            }
        });
    }

    /// Fires at the soft stop: finish what is running and take nothing new.
    #[must_use]
    pub fn soft(&self) -> &CancellationToken {
        &self.shared.soft
    }

    /// Fires at the hard stop: leave everything.
    #[must_use]
    pub fn hard(&self) -> &CancellationToken {
        &self.shared.hard
    }

    /// Waits for the soft stop.
    pub async fn soft_stopped(&self) {
        self.shared.soft.cancelled().await;
    }

    /// Begins the soft stop and makes the process end with a failure.
    pub fn fail(&self) {
        self.shared.failed.store(true, Ordering::Relaxed);
        self.shared.soft.cancel();
    }

    /// Whether [`Tasks::fail`] was called.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// What is running now, by name.
    #[must_use]
    pub fn running(&self) -> Vec<(&'static str, usize)> {
        let running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().map(|(name, count)| (*name, *count)).collect()
    }

    /// Stops softly now, hard when `hurry` is ready or `soft` has passed, and gives up `hard` later.
    pub async fn drain(&self, hurry: impl Future<Output = ()>, soft: Duration, hard: Duration) -> Drained {
        self.shared.soft.cancel();
        self.shared.tracker.close();
        tokio::select! {
            () = self.shared.tracker.wait() => return Drained::InTime,
            () = hurry => {}
            () = tokio::time::sleep(soft) => {}
        }
        let left = self.running();
        self.shared.hard.cancel();
        // Whether they end now or not: the caller leaves either way, and `left` already says who was late.
        let _ = tokio::time::timeout(hard, self.shared.tracker.wait()).await;
        Drained::Forced { left }
    }

    /// Returns when a runtime worker has run an empty task.
    #[expect(clippy::disallowed_methods, reason = "the watchdog's proof that workers answer; not a task of the server")]
    pub(super) async fn probe(&self) {
        if tokio::spawn(std::future::ready(())).await.is_err() {
            // Only a runtime that is shutting down drops an empty task; then the watchdog should bite.
            std::future::pending::<()>().await;
        }
    }
}

/// A running task's line in [`Shared::running`]; leaves with the task, however it ends.
struct Entry {
    shared: Arc<Shared>,
    name: &'static str,
}

impl Entry {
    fn new(shared: Arc<Shared>, name: &'static str) -> Self {
        *shared.running.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Self { shared, name }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_task_that_listens_to_the_soft_stop_ends_in_time() {
        let tasks = Tasks::default();
        let inner = tasks.clone();
        tasks.spawn_essential("listener", async move { inner.soft_stopped().await });
        assert_eq!(tasks.running(), [("listener", 1)]);
        assert_eq!(tasks.drain(pending(), LONG, LONG).await, Drained::InTime);
        assert!(!tasks.failed(), "ending after the soft stop is what was asked");
        assert_eq!(tasks.running(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deaf_task_is_dropped_at_the_deadline_and_named() {
        let tasks = Tasks::default();
        tasks.spawn("deaf", pending());
        tasks.spawn("deaf", pending());
        assert_eq!(tasks.drain(pending(), SHORT, LONG).await, Drained::Forced { left: vec![("deaf", 2)] });
        assert_eq!(tasks.running(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hurry_ends_the_soft_stage() {
        let tasks = Tasks::default();
        tasks.spawn("deaf", pending());
        let began = tokio::time::Instant::now();
        let drained = tasks.drain(std::future::ready(()), LONG, LONG).await;
        assert!(matches!(drained, Drained::Forced { .. }));
        assert!(began.elapsed() < LONG);
    }

    #[tokio::test]
    async fn an_essential_task_that_returns_early_fails_the_server() {
        let tasks = Tasks::default();
        tasks.spawn_essential("listener", async {});
        tasks.soft_stopped().await;
        assert!(tasks.failed());
    }

    #[tokio::test]
    async fn an_essential_task_that_panics_fails_the_server() {
        let tasks = Tasks::default();
        tasks.spawn_essential("listener", async { panic!("boom") });
        tasks.soft_stopped().await;
        assert!(tasks.failed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_an_ordinary_task_stays_in_it() {
        let tasks = Tasks::default();
        tasks.spawn("viewer", async { panic!("boom") });
        tokio::time::sleep(SHORT).await;
        assert_eq!(tasks.running(), []);
        assert!(!tasks.failed() && !tasks.soft().is_cancelled());
    }
}
