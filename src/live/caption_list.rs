//! The captions of one language on a timeline: the playlist that viewers wait for, and cues for pages as they come.

use super::said::{self, Said};
use bytes::Bytes;
use media::caption::Cue;
use media::caption::language::Language;
use media::origin::playlist::Snapshot;
use media::time::WallTime;
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::{broadcast, watch};

/// The captions of a language, as viewers see them.
#[derive(Debug)]
pub struct CaptionList {
    /// Which.
    pub language: Language,
    /// Behind its name: what people have written anew stands at other addresses, as what is listed never changes.
    version: Option<u64>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    cues: broadcast::Sender<Bytes>,
    /// Of the version that it was asked for last.
    pub(super) said: Mutex<Option<(Weak<Snapshot>, Arc<Said>)>>,
}

impl CaptionList {
    pub(super) fn new(
        language: &Language,
        version: Option<u64>,
        snapshot: Arc<Snapshot>,
        cues: broadcast::Sender<Bytes>,
    ) -> Self {
        let (snapshot, _) = watch::channel(snapshot);
        Self { language: language.clone(), version, snapshot, cues, said: Mutex::default() }
    }

    /// The folder of its playlist: `captions-fr`, or `captions-fr-1f3a…` of what people wrote.
    #[must_use]
    pub fn name(&self) -> String {
        let tag = self.language.tag();
        self.version.map_or_else(|| format!("captions-{tag}"), |version| format!("captions-{tag}-{version:x}"))
    }

    /// The version of now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// To wait for newer versions. The version of now counts as seen.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    pub(super) fn show(&self, snapshot: Arc<Snapshot>) {
        self.snapshot.send_replace(snapshot);
    }

    /// Tells pages of a cue that begins at `date`. Nobody listening is no error.
    pub(super) fn tell(&self, cue: &Cue, date: WallTime) {
        if self.cues.receiver_count() == 0 {
            return;
        }
        // JSON has no line break, so one `data` line holds it.
        let _ = self.cues.send(Bytes::from(format!("event: caption\ndata: {}\n\n", said::event(cue, date))));
    }
}
