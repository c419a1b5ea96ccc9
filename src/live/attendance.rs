//! Viewers by the minute: the most that each live had, kept in the catalogue once a minute for all lives together.

use super::handle::Handle;
use super::status::{State, Status};
use crate::catalogue::slug::Slug;
use crate::clock;
use media::time::WallTime;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often lives are looked at; as often as their status is made.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const MINUTE_MICROS: i64 = 60_000_000;

/// The minute that runs.
#[derive(Debug, Default)]
struct Minute {
    at: WallTime,
    most: BTreeMap<String, u64>,
}

impl Minute {
    /// Takes what is now; gives the minute before when it is over and anything was on air in it.
    fn see(&mut self, statuses: &[(String, Arc<Status>)], now: WallTime) -> Option<Self> {
        let micros = now.micros();
        let at = WallTime::from_micros(micros - micros.rem_euclid(MINUTE_MICROS));
        let over = (at != self.at).then(|| std::mem::replace(self, Self { at, most: BTreeMap::new() }));
        for (slug, status) in statuses.iter().filter(|(_, s)| matches!(s.state, State::OnAir | State::Dropped)) {
            let most = self.most.entry(slug.clone()).or_default();
            *most = status.viewers.max(*most);
        }
        over.filter(|minute| !minute.most.is_empty())
    }
}

impl Handle {
    /// Keeps the curve of every live's viewers, until the soft stop; then what there is of the last minute.
    pub async fn keep_attendance(&self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stop = self.context().tasks.soft().clone();
        let mut minute = Minute::default();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => break,
            }
            if let Some(over) = minute.see(&self.statuses(), clock::now()) {
                self.keep_minute(over).await;
            }
        }
        if !minute.most.is_empty() {
            self.keep_minute(minute).await;
        }
    }

    async fn keep_minute(&self, minute: Minute) {
        let lives: Vec<(Slug, u64)> =
            minute.most.into_iter().filter_map(|(slug, viewers)| Some((slug.parse().ok()?, viewers))).collect();
        if let Err(error) = self.context().catalogue.add_viewer_minute(minute.at, &lives).await {
            tracing::warn!(%error, "a minute of the curve of viewers can't be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_given_once_it_is_over_with_the_most_of_each_live() {
        let at = |seconds: i64| WallTime::from_micros(600_000_000 + seconds * 1_000_000);
        let status = |state, viewers| Arc::new(Status { state, viewers, ..Status::starting() });
        let lives = |a, b| vec![("a".to_owned(), status(State::OnAir, a)), ("b".to_owned(), status(State::Idle, b))];
        let mut minute = Minute::default();
        assert!(minute.see(&lives(3, 1), at(1)).is_none());
        assert!(minute.see(&lives(9, 1), at(30)).is_none());
        assert!(minute.see(&lives(2, 1), at(59)).is_none());
        let over = minute.see(&lives(4, 1), at(61)).unwrap();
        assert_eq!((over.at, over.most), (at(0), BTreeMap::from([("a".to_owned(), 9)])));
        let over = minute.see(&[], at(125)).unwrap();
        assert_eq!((over.at, over.most["a"]), (at(60), 4));
        assert!(minute.see(&[], at(185)).is_none(), "nothing was on air");
    }
}
