//! Contributions that we fetch: one task per broadcaster with an RTSP URL, whatever the number of viewers.
//!
//! A task goes on until its URL is changed or the server stops. One that ends by itself all the same is begun again.

use super::handle::Handle;
use super::status::{Finding, Level};
use crate::catalogue::broadcaster::{Broadcaster, RtspTransport};
use crate::clock;
use media::ingest::Protocol;
use media::ingest::rtsp::{End, Pull, Refused, Source, Transport};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::sync::PoisonError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the catalogue is asked which broadcasters are pulled: a changed URL is in use this soon.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looks between two beginnings of a pull that ends by itself, at most: half a minute, as between two tries of a source.
const MOST_LOOKS: u32 = 6;

/// A pull that was begun.
struct Begun {
    broadcaster: Broadcaster,
    cancel: CancellationToken,
    end: Ending,
}

/// Whether a pull's task is over, and when it is to be begun again.
struct Ending {
    /// Cancelled when the task is over, by whatever.
    over: CancellationToken,
    /// How often it was begun again, and how many looks are waited until it is the next time.
    again: u32,
    looks_left: u32,
}

impl Begun {
    fn is_of(&self, broadcaster: &Broadcaster) -> bool {
        self.broadcaster.rtsp_url == broadcaster.rtsp_url
            && self.broadcaster.rtsp_transport == broadcaster.rtsp_transport
    }
}

impl Ending {
    fn new(again: u32) -> Self {
        Self { over: CancellationToken::new(), again, looks_left: again.min(MOST_LOOKS) }
    }

    /// Whether it is over and was so for long enough; to be asked at each look.
    fn is_due_again(&mut self) -> bool {
        if !self.over.is_cancelled() {
            return false;
        }
        let due = self.looks_left == 0;
        self.looks_left = self.looks_left.saturating_sub(1);
        due
    }
}

impl Handle {
    /// What an operator should know of a broadcaster that is pulled and can't be: said here because there may be no live that could.
    #[must_use]
    pub fn pull_finding(&self, slug: &str) -> Option<Finding> {
        self.pull_findings().read().unwrap_or_else(PoisonError::into_inner).get(slug).cloned()
    }

    fn note_pull(&self, slug: &str, finding: Option<Finding>) {
        let mut findings = self.pull_findings().write().unwrap_or_else(PoisonError::into_inner);
        match finding {
            Some(finding) => drop(findings.insert(slug.to_owned(), finding)),
            None => drop(findings.remove(slug)),
        }
    }

    /// Pulls every broadcaster that has an RTSP URL, and follows changes of them. Until the soft stop.
    pub async fn keep_pulling(&self) {
        let mut pulls: HashMap<String, Begun> = HashMap::new();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stop = self.context().tasks.soft().clone();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let wanted = match self.context().catalogue.broadcasters().await {
                Ok(all) => all.into_iter().filter(|b| b.rtsp_url.is_some()),
                Err(error) => {
                    tracing::warn!(%error, "the catalogue can't say what to pull; what is pulled goes on");
                    continue;
                }
            };
            let wanted: HashMap<String, Broadcaster> = wanted.map(|b| (b.id.to_string(), b)).collect();
            pulls.retain(|id, begun| {
                let same = wanted.get(id).is_some_and(|broadcaster| begun.is_of(broadcaster));
                if !same {
                    begun.cancel.cancel();
                    self.note_pull(begun.broadcaster.slug.as_str(), None);
                }
                same
            });
            for (id, broadcaster) in wanted {
                match pulls.entry(id) {
                    Entry::Vacant(unknown) => drop(unknown.insert(self.begin_pull(broadcaster, 0))),
                    Entry::Occupied(mut known) => {
                        if known.get_mut().end.is_due_again() {
                            let again = known.get().end.again.saturating_add(1);
                            tracing::warn!(broadcaster = %broadcaster.slug, again, "RTSP pull was over and is begun again");
                            known.insert(self.begin_pull(broadcaster, again));
                        }
                    }
                }
            }
        }
    }

    fn begin_pull(&self, broadcaster: Broadcaster, again: u32) -> Begun {
        let (cancel, end) = (self.context().tasks.soft().child_token(), Ending::new(again));
        let (handle, over) = (self.clone(), end.over.clone());
        let begun = Begun { broadcaster: broadcaster.clone(), cancel: cancel.clone(), end };
        self.context().tasks.spawn("rtsp pull", async move {
            // Dropped by a panic too.
            let _over = over.drop_guard();
            tokio::select! {
                // First, so that a pull that was given up says nothing more.
                biased;
                () = cancel.cancelled() => {}
                () = handle.pull(broadcaster) => {}
            }
        });
        begun
    }

    async fn pull(&self, broadcaster: Broadcaster) {
        let Some(url) = &broadcaster.rtsp_url else { return };
        let source = match Source::parse(url.reveal().as_str()) {
            Ok(source) => source,
            Err(error) => {
                tracing::error!(broadcaster = %broadcaster.slug, %error, "the RTSP URL can't be used");
                self.note_pull(broadcaster.slug.as_str(), Some(not_pulled(&error)));
                return;
            }
        };
        let transport = match broadcaster.rtsp_transport {
            RtspTransport::Tcp => Transport::Tcp,
            RtspTransport::Udp => Transport::Udp,
        };
        // Halls that lost power together must not come back together.
        let seed = clock::now().micros().unsigned_abs();
        let mut pull = Pull::new(source.with_transport(transport), seed);
        loop {
            match pull.connect().await {
                Ok(connected) => match self.contribute(&broadcaster, Protocol::Rtsp, connected.peer()).await {
                    Ok(publisher) => {
                        let left_out = left_out(connected.refused());
                        if let Some(finding) = &left_out {
                            tracing::warn!(broadcaster = %broadcaster.slug, "{}", finding.message);
                        }
                        self.note_pull(broadcaster.slug.as_str(), left_out);
                        match connected.run(publisher).await {
                            Ok(End::Closed) => {
                                tracing::info!(broadcaster = %broadcaster.slug, "RTSP pull ended by hand; it begins again");
                            }
                            Ok(End::SourceEnded) => {
                                tracing::info!(broadcaster = %broadcaster.slug, "the RTSP source ended the stream");
                            }
                            Err(error) => {
                                tracing::warn!(broadcaster = %broadcaster.slug, %error, "RTSP pull broke off");
                                self.note_pull(broadcaster.slug.as_str(), Some(not_pulled(&error)));
                            }
                        }
                    }
                    Err(refusal) => {
                        tracing::warn!(broadcaster = %broadcaster.slug, reason = refusal.name(), "RTSP pull refused");
                        self.note_pull(broadcaster.slug.as_str(), Some(not_pulled(&refusal)));
                    }
                },
                Err(error) => {
                    tracing::warn!(broadcaster = %broadcaster.slug, %error, source = %pull.source(), "RTSP pull failed");
                    self.note_pull(broadcaster.slug.as_str(), Some(not_pulled(&error)));
                }
            }
            tokio::time::sleep(pull.next_delay()).await;
        }
    }
}

/// `why` carries no secret: the errors of a pull are made to be shown.
fn not_pulled(why: &impl Display) -> Finding {
    let message = format!("The RTSP source can't be pulled: {why}. It is tried again.");
    Finding { level: Level::Error, code: "rtsp_pull", message }
}

/// Tracks that viewers miss while the rest is on air.
fn left_out(refused: &[Refused]) -> Option<Finding> {
    let tracks: Vec<String> = refused.iter().map(ToString::to_string).collect();
    let message = format!("Part of the RTSP source is left out: {}.", tracks.join("; "));
    (!tracks.is_empty()).then_some(Finding { level: Level::Warning, code: "rtsp_tracks", message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_that_ends_by_itself_is_begun_again_ever_later() {
        for (again, looks) in [(0, 1), (1, 2), (5, 6), (6, 7), (1000, 7)] {
            let mut end = Ending::new(again);
            assert!((0..100).all(|_| !end.is_due_again()), "while it goes on");
            end.over.cancel();
            assert_eq!((1..100).find(|_| end.is_due_again()), Some(looks), "begun again {again} times before");
        }
    }
}
