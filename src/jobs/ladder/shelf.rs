//! What was made, added to the recording it was made of: whole segments only, each rendition's one after the other.

use super::plan::lead;
use crate::archive::load::Loaded;
use crate::archive::recover::filler;
use crate::archive::writer::Recording;
use crate::jobs::work::Failure;
use media::rendition::RenditionId;
use media::segment::Event;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The disk is busy with lives, which come first.
const BUSY: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug)]
pub(super) struct Shelf {
    recording: Recording,
    loaded: Arc<Loaded>,
    /// The number after the last segment that each rendition has.
    next: BTreeMap<RenditionId, u64>,
}

impl Shelf {
    pub(super) fn new(recording: Recording, loaded: Arc<Loaded>) -> Self {
        let ends = loaded.tracks.iter().filter_map(|(id, track)| Some((*id, track.segments.last()?.msn + 1)));
        Self { recording, next: ends.collect(), loaded }
    }

    /// Adds events; returns when the disk has taken them.
    pub(super) async fn put(&mut self, events: Vec<Event>) -> Result<(), Failure> {
        let mut all = Vec::with_capacity(events.len());
        for event in events {
            if let Event::SegmentStart(start) = &event {
                self.fill(start.rendition, start.msn, &mut all);
                let next = self.next.entry(start.rendition).or_default();
                *next = (*next).max(start.msn + 1);
            }
            all.push(event);
        }
        self.append(all).await
    }

    /// Gives every rendition the segments that it lacks at its end.
    pub(super) async fn complete(&mut self) -> Result<(), Failure> {
        let Some(end) = lead(&self.loaded).and_then(|(_, lead)| Some(lead.segments.last()?.msn + 1)) else {
            return Ok(());
        };
        let mut all = Vec::new();
        for id in self.next.keys().copied().collect::<Vec<_>>() {
            self.fill(id, end, &mut all);
            self.next.insert(id, end);
        }
        self.append(all).await
    }

    /// Renditions that are not to be kept.
    pub(super) async fn remove(&mut self, renditions: &[RenditionId]) -> Result<(), Failure> {
        self.next.retain(|id, _| !renditions.contains(id));
        self.recording.remove(renditions.to_vec()).await.map_err(|e| Failure::Failed(e.to_string()))
    }

    /// Syncs everything.
    pub(super) async fn close(self) -> Result<(), Failure> {
        self.recording.finish().await.map_err(|e| Failure::Failed(e.to_string()))
    }

    /// What stands in the place of segments before `until` that a rendition does not have: it lists all that the source lists.
    fn fill(&self, id: RenditionId, until: u64, out: &mut Vec<Event>) {
        let Some((_, lead)) = lead(&self.loaded) else { return };
        let from = self.next.get(&id).copied().unwrap_or(0);
        let track = self.loaded.tracks.get(&id).cloned().unwrap_or_default();
        let missing = lead.segments.iter().filter(|s| (from..until).contains(&s.msn));
        out.extend(missing.flat_map(|missing| filler(id, &track, missing)));
    }

    async fn append(&self, events: Vec<Event>) -> Result<(), Failure> {
        if events.is_empty() {
            return Ok(());
        }
        let filled = |event: &Event| match event {
            Event::Part(part) if !part.bytes.is_empty() => Some((part.rendition, part.msn)),
            _ => None,
        };
        let written: Vec<_> = events.iter().filter_map(filled).collect();
        let events = Arc::new(events);
        let appended = loop {
            match self.recording.append(Arc::clone(&events)) {
                Some(appended) => break appended,
                None => tokio::time::sleep(BUSY).await,
            }
        };
        let answer = appended.await.map_err(|_| Failure::Failed("the archive is closed".to_owned()))?;
        let refused = |(id, msn): &(RenditionId, u64)| {
            let of = |stored: &&crate::archive::writer::Stored| (stored.rendition, stored.msn) == (*id, *msn);
            answer.stored.iter().find(of).is_some_and(|stored| stored.location.is_none())
        };
        if !answer.indexed || written.iter().any(refused) {
            return Err(Failure::Failed("the disk does not take what was made".to_owned()));
        }
        Ok(())
    }
}
