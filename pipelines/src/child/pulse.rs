//! Whether an engine is silent. Told when something comes; asked now and then.

use std::time::{Duration, Instant};

/// Of one engine.
#[derive(Debug)]
pub(crate) struct Pulse {
    ready: bool,
    heard: Instant,
}

impl Pulse {
    /// It starts.
    pub(crate) fn new(now: Instant) -> Self {
        Self { ready: false, heard: now }
    }

    /// It is ready: from here on it speaks some times a second.
    pub(crate) fn ready(&mut self, now: Instant) {
        self.ready = true;
        self.heard = now;
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    /// It spoke.
    pub(crate) fn beat(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Why it must be ended: not ready within `ready_within` of its last word, or silent for longer than `silence` since.
    pub(crate) fn complaint(&self, ready_within: Duration, silence: Duration, now: Instant) -> Option<String> {
        let since = now.saturating_duration_since(self.heard);
        match self.ready {
            false => (since > ready_within).then(|| format!("not ready after {ready_within:?}")),
            true => (since > silence).then(|| format!("silent for {since:?}")),
        }
    }
}
