//! The life of one live as a pure state machine: time comes in, decisions come out.

use super::status::State;
use media::time::WallTime;
use std::time::Duration;

/// An ended live's playlists carry ENDLIST for this long before they are gone.
pub const LINGERS: Duration = Duration::from_secs(60);

/// Where a live stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    phase: Phase,
    grace: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A contribution came, nothing is playable yet.
    Starting,
    /// Media flows.
    OnAir,
    /// It stopped at this time.
    Dropped(WallTime),
    /// It ended at this time.
    Ended(WallTime),
}

/// What time demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The grace is over: end the live.
    End,
    /// The ended playlists have been seen: forget them.
    Forget,
}

impl Life {
    /// A contribution came; it waits `grace` for its return once it drops.
    #[must_use]
    pub fn begin(grace: Duration) -> Self {
        Self { phase: Phase::Starting, grace }
    }

    /// A live found unfinished at start: it waits from `now` on.
    #[must_use]
    pub fn found(grace: Duration, now: WallTime) -> Self {
        Self { phase: Phase::Dropped(now), grace }
    }

    /// Something can be played.
    pub fn playable(&mut self) {
        if self.phase == Phase::Starting {
            self.phase = Phase::OnAir;
        }
    }

    /// The contribution is back.
    pub fn returned(&mut self, playable: bool) {
        self.phase = if playable { Phase::OnAir } else { Phase::Starting };
    }

    /// From its next drop on it waits this long.
    pub fn wait(&mut self, grace: Duration) {
        self.grace = grace;
    }

    /// The contribution is gone.
    pub fn dropped(&mut self, now: WallTime) {
        if matches!(self.phase, Phase::Starting | Phase::OnAir) {
            self.phase = Phase::Dropped(now);
        }
    }

    /// The live is over.
    pub fn ended(&mut self, now: WallTime) {
        self.phase = Phase::Ended(now);
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// For status.
    #[must_use]
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Starting => State::Starting,
            Phase::OnAir => State::OnAir,
            Phase::Dropped(_) => State::Dropped,
            Phase::Ended(_) => State::Ended,
        }
    }

    /// What is due next, and in how long from `now` (zero when overdue).
    #[must_use]
    pub fn due(&self, now: WallTime) -> Option<(Due, Duration)> {
        let (due, since, after) = match self.phase {
            Phase::Starting | Phase::OnAir => return None,
            Phase::Dropped(since) => (Due::End, since, self.grace),
            Phase::Ended(since) => (Due::Forget, since, LINGERS),
        };
        Some((due, after.saturating_sub(now.since(since))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_drop_is_forgiven_until_the_grace_is_over() {
        let mut life = Life::begin(Duration::from_secs(60));
        assert_eq!(life.due(at(0)), None);
        life.playable();
        life.dropped(at(10));
        assert_eq!(life.due(at(30)), Some((Due::End, Duration::from_secs(40))));
        life.returned(true);
        assert_eq!((life.state(), life.due(at(500))), (State::OnAir, None));
        life.dropped(at(600));
        assert_eq!(life.due(at(661)), Some((Due::End, Duration::ZERO)));
        life.ended(at(661));
        assert_eq!(life.due(at(661)), Some((Due::Forget, LINGERS)));
    }

    #[test]
    fn another_grace_holds_from_the_next_drop_on() {
        let mut life = Life::begin(Duration::from_secs(60));
        life.playable();
        life.wait(Duration::from_secs(5));
        life.dropped(at(10));
        assert_eq!(life.due(at(10)), Some((Due::End, Duration::from_secs(5))));
    }

    #[test]
    fn without_grace_a_drop_is_the_end() {
        let mut life = Life::begin(Duration::ZERO);
        life.dropped(at(5));
        assert_eq!(life.due(at(5)), Some((Due::End, Duration::ZERO)));
    }
}
