//! Settings that are changed while a live is on air: those of captions reach it within seconds, whoever changed them (the API, the command line,
//! another server on the same catalogue). All others are for the next live.

use super::director::Command;
use super::handle::Handle;
use crate::catalogue::captions::CaptionSettings;
use std::collections::HashMap;
use std::time::Duration;

/// How often the catalogue is asked: a name that is spelled wrong on the screen is right this soon.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Handle {
    /// Tells lives what has changed. Here and not in their directors, as a catalogue that is slow to answer must not hold up a live. Until the
    /// soft stop.
    pub async fn keep_captions(&self) {
        let mut told: HashMap<String, CaptionSettings> = HashMap::new();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stop = self.context().tasks.soft().clone();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let slugs: Vec<String> =
                self.statuses().into_iter().filter(|(_, s)| s.state.is_busy()).map(|(slug, _)| slug).collect();
            told.retain(|slug, _| slugs.contains(slug));
            for slug in slugs {
                self.tell_captions(slug, &mut told).await;
            }
        }
    }

    async fn tell_captions(&self, slug: String, told: &mut HashMap<String, CaptionSettings>) {
        let Ok(name) = slug.parse() else { return };
        let settings = match self.context().catalogue.broadcaster_by_slug(&name).await {
            Ok(Some(broadcaster)) => broadcaster.captions,
            // Removed while it was on air: it goes on as it is.
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(broadcaster = %slug, %error, "the catalogue can't say how the live is to be captioned; it goes on as it is");
                return;
            }
        };
        if told.get(&slug) == Some(&settings) {
            return;
        }
        // A queue that is full is tried again with the next look.
        if let Some(channel) = self.channel(&slug)
            && channel.commands.try_send(Command::Captions(Box::new(settings.clone()))).is_ok()
        {
            told.insert(slug, settings);
        }
    }
}
