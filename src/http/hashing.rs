//! Work with passwords, which is made to be slow: on blocking threads and a few at once, for all tenants and doors together, so that no live
//! waits for a guess.

use std::time::Duration;
use tokio::sync::Semaphore;

/// Hashes at once: each takes tens of milliseconds of a core and 19 MiB.
static TURNS: Semaphore = Semaphore::const_new(2);
/// Whoever waits longer for a turn is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unhashed {
    /// Too many wait.
    Busy,
    /// The work broke off; logged here.
    Failed,
}

/// Does it when it is its turn.
pub(super) async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unhashed> {
    let turn = tokio::time::timeout(PATIENCE, TURNS.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(Unhashed::Busy) };
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "hashing broke off");
        Unhashed::Failed
    })
}
