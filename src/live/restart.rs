//! Lives that the server's stop interrupted: their recordings are put in order and wait for their contributions.
//!
//! What an operator had said of recording holds: one that was stopped is completed, and the contribution's return is not recorded.
//!
//! Numbers never go back. Viewers are told of media before it is on a disk that is full or hangs, so an index that is not
//! [whole](crate::archive::layout::Layout::whole) does not know the last numbers. Such a recording is completed as it is, and the next
//! contribution begins a new one beyond every number that time allowed. A jump between two lives costs nothing; within one,
//! each missing number would have to be listed as a gap, and nobody knows how many there are.

use super::director::Found;
use super::handle::Handle;
use crate::archive::load::Loaded;
use crate::archive::{captions, recover};
use crate::catalogue::video::{Finished, Video};
use crate::clock::now;
use std::time::Duration;

/// Segments are hardly ever shorter: they end at keyframes from twice this on, or for a reason that takes longer to repeat.
const LEAST_SEGMENT: Duration = Duration::from_secs(1);
/// Short ones at drops and changes, over a whole live.
const MORE_SEGMENTS: u64 = 64;

impl Handle {
    /// Goes on with every unfinished live. To be called once, before listeners open. Gives how many there are.
    ///
    /// # Errors
    /// When the catalogue does not answer.
    pub async fn resume_interrupted(&self) -> Result<usize, crate::catalogue::Error> {
        let catalogue = &self.context().catalogue;
        let mut resumed = 0;
        let unfinished = catalogue.unfinished_videos().await?;
        for video in &unfinished {
            // Of a live that was killed while one recording ended and another began, the last one goes on.
            let is_last = unfinished
                .iter()
                .all(|other| other.broadcaster_id != video.broadcaster_id || other.first_msn <= video.first_msn);
            let broadcaster = catalogue.broadcaster(&video.broadcaster_id).await?;
            let archive = &self.context().archive;
            let recovered = recover::recover(archive, video.id.as_str()).await;
            let whole = archive.layout().whole(video.id.as_str()).exists();
            match (recovered, broadcaster) {
                (Ok((loaded, recording)), Some(broadcaster))
                    if !loaded.ended && whole && is_last && broadcaster.record_now != Some(false) =>
                {
                    tracing::info!(broadcaster = %broadcaster.slug, video = %video.id, "the live waits for its contribution");
                    let mut captions =
                        captions::read_all(archive.layout(), video.id.as_str()).unwrap_or_else(|error| {
                            tracing::error!(video = %video.id, %error, "what was said so far can't be read");
                            Vec::new()
                        });
                    captions.retain(|kept| !kept.words.is_empty());
                    self.open(&broadcaster, Some(Found { video: video.clone(), loaded, recording, captions }));
                    resumed += 1;
                }
                (Ok((loaded, recording)), _) => {
                    if !whole {
                        tracing::warn!(video = %video.id, "the disk had not taken all of the live: its next contribution begins a new video");
                    }
                    if !loaded.ended
                        && let Err(error) = recording.finish().await
                    {
                        tracing::error!(video = %video.id, %error, "the recording can't be completed on disk");
                    }
                    self.finish(video, Some(&loaded), whole).await?;
                }
                (Err(error), _) => {
                    tracing::error!(video = %video.id, %error, "the recording can't be opened; it is kept unlisted");
                    self.finish(video, None, false).await?;
                }
            }
        }
        self.forget_said().await?;
        Ok(resumed)
    }

    /// What was said of recording lives that nothing is known of any more holds until they would be over.
    async fn forget_said(&self) -> Result<(), crate::catalogue::Error> {
        for broadcaster in self.context().catalogue.broadcasters().await? {
            let slug = broadcaster.slug.as_str();
            if broadcaster.record_now.is_none() || self.channel(slug).is_some() {
                continue;
            }
            let (handle, grace) = (self.clone(), broadcaster.grace.unwrap_or(self.context().terms().grace));
            let stop = self.context().tasks.soft().clone();
            self.context().tasks.spawn("record_now", async move {
                tokio::select! {
                    () = tokio::time::sleep(grace) => {}
                    () = stop.cancelled() => return,
                }
                // One that came back forgets it at its end.
                if handle.channel(broadcaster.slug.as_str()).is_none()
                    && let Err(error) = handle.context().catalogue.set_record_now(&broadcaster.id, None).await
                {
                    tracing::error!(broadcaster = %broadcaster.slug, %error, "whether its next live is recorded can't be said");
                }
            });
        }
        Ok(())
    }

    async fn finish(&self, video: &Video, loaded: Option<&Loaded>, whole: bool) -> Result<(), crate::catalogue::Error> {
        let micros = loaded.map_or(0, Loaded::duration_micros);
        let duration = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        let ended_at = loaded.map_or(video.started_at, Loaded::ended_at);
        // Without the end of its index nobody knows what viewers have seen. They are told numbers that are too high rather than one
        // again.
        let most = if whole { 0 } else { now().since(ended_at).as_secs() / LEAST_SEGMENT.as_secs() + MORE_SEGMENTS };
        let listed = duration >= self.context().terms().min_length;
        let finished = Finished {
            ended_at,
            duration,
            listed,
            ladder: listed && loaded.is_some() && self.context().settings.renditions.completed,
            next_msn: loaded.map_or(video.first_msn, Loaded::next_msn) + most,
            next_discontinuity: loaded.map_or(video.first_discontinuity, Loaded::next_discontinuity) + most,
        };
        self.context().catalogue.finish_video(&video.id, finished).await?;
        Ok(())
    }
}
