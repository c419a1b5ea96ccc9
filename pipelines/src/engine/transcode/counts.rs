//! What the pipelines count, and when it is told.

use pipelines::message::Stats;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Shared by all threads of the engine.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) pictures_in: AtomicU64,
    pub(crate) decoded: AtomicU64,
    pub(crate) encoded: AtomicU64,
    pub(crate) shed: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) waiting: AtomicU32,
    pub(crate) media_micros: AtomicU64,
}

impl Counts {
    /// As a message, `now` being told from when the engine `started`.
    pub(crate) fn stats(&self, started: Instant, now: Instant) -> Stats {
        Stats {
            pictures_in: self.pictures_in.load(Relaxed),
            decoded: self.decoded.load(Relaxed),
            encoded: self.encoded.load(Relaxed),
            shed: self.shed.load(Relaxed),
            refused: self.refused.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            media_micros: self.media_micros.load(Relaxed),
            cpu_micros: cpu_micros(),
            wall_micros: u64::try_from(now.saturating_duration_since(started).as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// Time of processors that all threads used.
pub(crate) fn cpu_micros() -> u64 {
    micros_of(rustix::time::ClockId::ProcessCPUTime)
}

/// Time of processors that this thread used.
pub(crate) fn thread_cpu_micros() -> u64 {
    micros_of(rustix::time::ClockId::ThreadCPUTime)
}

fn micros_of(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000);
    u64::try_from(micros).unwrap_or(0)
}
