//! A finished video's renditions: what its live lacked is made from the recorded source, with the same segments, so that the video is
//! adaptive from end to end; or, as configured, those that browsers don't need are taken away.
//!
//! **Promises.** The video can be played meanwhile, as it is. What is made is added to the recording as whole segments, written and synced
//! before it is told; `kill -9` at any moment leaves the recording as it was or with more segments. An attempt goes on where the one
//! before ended. Nothing is left out of what is made, however slow the machine.
//!
//! - `plan`: what is lacking, and from where it can be made; pure; `source`: the recorded frames; `encode`: one engine's work;
//!   `shelf`: to the disk.

mod encode;
mod plan;
#[cfg(test)]
mod plan_test;
mod shelf;
mod source;

pub(crate) use plan::Kept;

use super::work::{Failure, Progress, Workshop};
use crate::archive::layout::Layout;
use crate::archive::recover::reopen;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::{Video, VideoState};
use encode::{Made, encode};
use media::rendition::RenditionId;
use pipelines::client;
use pipelines::ladder::Preset;
use shelf::Shelf;
use source::Recorded;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// Who watches a rendition that is taken away finds its segments for so long: players that load the playlist anew get others.
const STILL_WATCHED: Duration = Duration::from_secs(60);

fn failed(why: impl Display) -> Failure {
    Failure::Failed(why.to_string())
}

/// Brings a finished video's renditions to what is configured.
pub(super) async fn make(shop: &Workshop, id: &VideoId, progress: &Progress) -> Result<(), Failure> {
    let video = match shop.catalogue.video(id).await.map_err(failed)? {
        Some(video) if video.state == VideoState::Ended => video,
        Some(_) => return Err(failed("the video is still being recorded")),
        None => {
            tracing::info!(video = %id, "the video was deleted: its renditions stay as they are");
            return Ok(());
        }
    };
    let Some(kept) = shop.renditions.kept else { return Ok(()) };
    let preset = preset(shop, &video).await?;
    let (loaded, recording) = reopen(&shop.archive, id.as_str()).await.map_err(failed)?;
    let loaded = Arc::new(loaded);
    let plan = plan::plan(&loaded, &preset, kept);
    let Some((lead, _)) = plan::lead(&loaded) else { return Ok(()) };
    let mut shelf = Shelf::new(recording, Arc::clone(&loaded));
    if !plan.runs.is_empty() {
        client::program(&shop.engine).map_err(Failure::Unready)?;
        let recorded = Recorded { layout: shop.archive.layout().clone(), id: id.as_str().into(), loaded, lead };
        tracing::info!(video = %id, segments = plan.segments(), engines = plan.runs.len(), "renditions are completed");
        let mut made = Made { progress, done: 0, all: plan.segments() };
        for run in &plan.runs {
            encode(&shop.engine, &recorded, run, &mut shelf, &mut made).await?;
        }
    }
    shelf.complete().await?;
    if !plan.superfluous.is_empty() {
        shelf.remove(&plan.superfluous).await?;
    }
    shelf.close().await?;
    if kept == Kept::Necessary {
        take_away(shop.archive.layout(), id, !plan.superfluous.is_empty()).await?;
    }
    if !plan.runs.is_empty() {
        verify(shop, id, &preset, kept).await?;
    }
    Ok(())
}

/// The broadcaster's, or the one that is configured.
async fn preset(shop: &Workshop, video: &Video) -> Result<Preset, Failure> {
    let broadcaster = shop.catalogue.broadcaster(&video.broadcaster_id).await.map_err(failed)?;
    let own = broadcaster.and_then(|b| b.preset).as_deref().and_then(Preset::named);
    Ok(own.unwrap_or_else(|| shop.renditions.preset.clone()))
}

/// Removes the files of renditions that the recording no longer lists, also those that an earlier attempt left.
async fn take_away(layout: &Layout, id: &VideoId, watched: bool) -> Result<(), Failure> {
    if watched {
        tokio::time::sleep(STILL_WATCHED).await;
    }
    let (layout, name) = (layout.clone(), id.to_string());
    let removed = tokio::task::spawn_blocking(move || {
        let loaded = crate::archive::load::load(&layout, &name).map_err(|e| e.to_string())?;
        for (id, track) in loaded.tracks.iter().filter(|(id, track)| id.is_encoded() && track.segments.is_empty()) {
            for number in 0..track.next_file {
                remove(&layout, &name, *id, number)?;
            }
        }
        Ok::<_, String>(())
    });
    removed.await.map_err(|_| failed("a step broke off"))?.map_err(failed)
}

fn remove(layout: &Layout, name: &str, id: RenditionId, number: u16) -> Result<(), String> {
    let path = layout.file(name, id, number);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
        _ => Ok(()),
    }
}

/// Whether nothing is a gap any more.
async fn verify(shop: &Workshop, id: &VideoId, preset: &Preset, kept: Kept) -> Result<(), Failure> {
    let (layout, name, preset) = (shop.archive.layout().clone(), id.to_string(), preset.clone());
    let loaded = tokio::task::spawn_blocking(move || crate::archive::load::load(&layout, &name));
    let loaded = loaded.await.map_err(|_| failed("a step broke off"))?.map_err(failed)?;
    let gaps: Vec<_> = plan::gaps(&loaded, &plan::plan(&loaded, &preset, kept));
    match gaps.first() {
        None => Ok(()),
        Some((id, msn)) => Err(failed(format_args!(
            "{} segments could not be made of the recorded source, the first is {msn} of {}",
            gaps.len(),
            id.name()
        ))),
    }
}
