//! For the tests of those who look at lives: a server with nothing on air, on which a live can be shown in any state.

use super::captions::Captions;
use super::handle::{Channel, Handle, Settings, Terms};
use super::said;
use super::status::Status;
use super::timeline::Timeline;
use super::transcode::Renditions;
use crate::archive::writer::archive;
use crate::catalogue::Catalogue;
use crate::lifecycle::Tasks;
use media::segment::Rules;
use pipelines::client;
use pipelines::ladder::{Preset, cost::Budget};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

impl Handle {
    /// Nothing is on air and nobody writes recordings.
    pub(crate) fn idle(catalogue: Catalogue, folder: &Path) -> Self {
        let settings = Settings {
            rules: Rules::new(2_000_000, 500_000),
            dvr_window: Duration::from_secs(6 * 3600),
            terms: Terms {
                grace: Duration::from_secs(60),
                min_length: Duration::from_secs(10),
                takeover_after: Duration::from_secs(3),
                refusals_per_minute: 10,
            },
            renditions: Renditions {
                enabled: false,
                completed: false,
                preset: Preset::default(),
                engine: client::Settings::default(),
            },
            budget: Budget { cores: 1.0, share: 0.5 },
            captions: Captions::off(),
        };
        let (archive, _nobody) = archive(folder.join("media"));
        Self::new(catalogue, archive, settings, Tasks::default())
    }

    /// Shows a live as it would look, without a director behind it: everybody who watches is told.
    pub(crate) fn show(&self, slug: &str, status: Status) {
        if let Some(channel) = self.channel(slug) {
            channel.status.send_replace(Arc::new(status));
            return;
        }
        let (status, _) = watch::channel(Arc::new(status));
        let (commands, _nobody) = mpsc::channel(1);
        self.insert(Channel { slug: slug.to_owned(), status, timeline: None.into(), commands });
    }

    /// Something was said in a live that is shown: three cues in French.
    pub(crate) fn say(&self, slug: &str) {
        let timeline = Arc::new(Timeline::new());
        said::tests::say(&timeline);
        if let Some(channel) = self.channel(slug) {
            *channel.timeline.write().unwrap_or_else(PoisonError::into_inner) = Some(timeline);
        }
    }
}
