//! The life of the process: the runtime, the signals, and who owns which task.
//!
//! Promises:
//! - Every task has a name and an owner ([`Tasks`]) that waits for it. Nothing else in the server spawns.
//! - A panic in a task is logged and counted. An essential task that ends before it was asked to ends the process with a failure.
//! - Stopping has two stages: the first SIGTERM or SIGINT is *soft* (finish what is running), a second one or the deadline is
//!   *hard* (every task is dropped at its next await). What is still there after that is named in the log.
//! - systemd is told READY, RELOADING, STOPPING, and WATCHDOG only while the runtime's workers answer.

mod tasks;

pub use tasks::{Drained, Tasks};

use sd_notify::NotifyState;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// How long stopping may take. systemd's `TimeoutStopSec` must be longer than the sum.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the soft stop to the hard one.
    pub soft: Duration,
    /// From the hard stop to giving up on what is left.
    pub hard: Duration,
}

impl Default for Deadlines {
    /// 20 s: a viewer's blocked reload is answered at once and a recorder's last sync takes far less; a proxy's rolling restart
    /// commonly waits 30 s. 5 s: a dropped task only has destructors left to run.
    fn default() -> Self {
        Self { soft: Duration::from_secs(20), hard: Duration::from_secs(5) }
    }
}

/// One SIGHUP. systemd hears READY again when it is dropped.
#[derive(Debug)]
pub struct Reload {
    _done: oneshot::Sender<()>,
}

/// SIGHUPs in order; those that come while one is being worked on fall together into one.
pub type Reloads = mpsc::Receiver<Reload>;

/// Runs a server until it is told to stop: `start` assembles it and returns when it is ready to serve; its tasks live on in [`Tasks`].
///
/// Fails when `start` fails, an essential task ends early, or the hard stop was needed. A stop during `start` abandons it.
pub fn run<E, F, Fut>(deadlines: Deadlines, start: F) -> ExitCode
where
    E: Display,
    F: FnOnce(Tasks, Reloads) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("amphi").build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime can't be built");
            return ExitCode::FAILURE;
        }
    };
    let good = runtime.block_on(live(deadlines, start));
    // A blocking call (a file sync on a dead disk) can't be cancelled; it must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn live<E, F, Fut>(deadlines: Deadlines, start: F) -> bool
where
    E: Display,
    F: FnOnce(Tasks, Reloads) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signal handlers can't be installed");
            return false;
        }
    };
    let tasks = Tasks::default();
    // One waiting request is enough: a second SIGHUP before the first was taken asks for the same thing.
    let (reload_sender, reloads) = mpsc::channel(1);
    tokio::select! {
        started = start(tasks.clone(), reloads) => match started {
            Ok(()) => {
                tell(&[NotifyState::Ready]);
                serve(&tasks, &mut signals, &reload_sender).await;
            }
            Err(error) => {
                tracing::error!("can't start: {error}");
                tasks.fail();
            }
        },
        name = signals.stop.next() => tracing::info!(signal = name, "stopping before the start was complete"),
    }
    tell(&[NotifyState::Stopping]);
    stop(&tasks, &mut signals, deadlines).await
}

/// From READY to the first reason to stop.
async fn serve(tasks: &Tasks, signals: &mut Signals, reload_sender: &mpsc::Sender<Reload>) {
    let mut reloading: Option<oneshot::Receiver<()>> = None;
    // Half the interval systemd allows, as sd_watchdog_enabled(3) advises. Without a watchdog the branch is off.
    let watchdog = sd_notify::watchdog_enabled().map(|period| period / 2);
    let mut ticks = tokio::time::interval(watchdog.unwrap_or(Duration::from_secs(3600)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            name = signals.stop.next() => {
                tracing::info!(signal = name, "stopping; a second signal stops at once");
                return;
            }
            () = tasks.soft_stopped() => {
                tracing::info!("stopping");
                return;
            }
            _ = signals.hangup.recv() => {
                let (done, finished) = oneshot::channel();
                match reload_sender.try_send(Reload { _done: done }) {
                    Ok(()) => {
                        tracing::info!("reloading");
                        let mut states = vec![NotifyState::Reloading];
                        states.extend(NotifyState::monotonic_usec_now());
                        tell(&states);
                        reloading = Some(finished);
                    }
                    Err(_) => tracing::info!("a reload is already waiting, or this process reloads nothing"),
                }
            }
            () = finished(&mut reloading) => {
                reloading = None;
                tell(&[NotifyState::Ready]);
            }
            _ = ticks.tick(), if watchdog.is_some() => {
                // The signal loop runs on its own thread: only a worker's answer proves that connections are served.
                if tokio::time::timeout(ticks.period(), tasks.probe()).await.is_ok() {
                    tell(&[NotifyState::Watchdog]);
                } else {
                    tracing::error!("no runtime worker answered the watchdog");
                }
            }
        }
    }
}

async fn stop(tasks: &Tasks, signals: &mut Signals, deadlines: Deadlines) -> bool {
    let hurry = async {
        let name = signals.stop.next().await;
        tracing::warn!(signal = name, "second signal: stopping at once");
    };
    match tasks.drain(hurry, deadlines.soft, deadlines.hard).await {
        Drained::InTime => !tasks.failed(),
        Drained::Forced { left } => {
            tracing::error!(?left, "tasks did not end in time and were dropped");
            false
        }
    }
}

async fn finished(reloading: &mut Option<oneshot::Receiver<()>>) {
    match reloading {
        // An error only says that the sender was dropped, which is how a reload ends.
        Some(done) => drop(done.await),
        None => std::future::pending().await,
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Without NOTIFY_SOCKET this does nothing; with it, a failure only matters to systemd, which then acts on its own time-outs.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd can't be told");
    }
}

struct Signals {
    stop: StopSignals,
    hangup: Signal,
}

struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { stop: StopSignals { terminate, interrupt }, hangup: signal(SignalKind::hangup())? })
    }
}

impl StopSignals {
    /// The name of the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests;
