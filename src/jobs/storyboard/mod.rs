//! A finished video's poster and storyboard: `poster.jpg`, `storyboard.jpg` (many small pictures on a sheet) and `storyboard.vtt` (which is
//! shown when), in the folder of its media.
//!
//! **Promises.** Only keyframes are read, some hundred at most whatever the video's length, each by its range of bytes; an engine decodes
//! them. A keyframe that can't be read or decoded is left out. A video without pictures has none of the files, and that is no failure.
//! Files appear whole, the list of previews after the sheet that it names; the catalogue is told last. What is cut away is in none of them.
//!
//! - `keyframes`: the recording's; `choice`: which of them; `sheet`: many pictures on one; `files`: written and named.

mod choice;
mod files;
mod keyframes;
mod sheet;

pub use files::Picture;

use super::work::{Failure, Progress, Workshop};
use crate::catalogue::details::Cut;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::VideoState;
use crate::clock::now;
use crate::live::picture::jpeg;
use bytes::Bytes;
use choice::{Candidate, Look};
use keyframes::Spot;
use media::track::Parameters;
use pipelines::client::thumbnail::{self, Keyframe, pictures};
use pipelines::message::thumbnail::PictureSize;
use sheet::Sheet;
use std::fmt::Display;
use std::time::Duration;
use tokio::sync::mpsc;

/// Of a preview: what a player's bar has room for.
const TILE_WIDTH_PX: u32 = 160;
/// A video that is taller than twice its width has black beside it.
const TILE_HEIGHT_MAX_PX: u32 = 320;
/// Of a poster: a page's player on most screens.
const POSTER_WIDTH_PX: u32 = 1280;
/// Previews are small and seen for a moment; a poster is looked at.
const SHEET_QUALITY: u8 = 72;
const POSTER_QUALITY: u8 = 82;
/// Keyframes that are read before the engine takes them.
const KEYFRAMES_AHEAD: usize = 2;

fn failed(why: impl Display) -> Failure {
    Failure::Failed(why.to_string())
}

/// Times that a video's cut or poster may change while its pictures are made; the next change has a job of its own.
const MOST_CHANGES: usize = 5;

/// What a video is to be pictured by.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Wish {
    /// Only what is shown is pictured.
    cut: Cut,
    /// Of the whole recording; `None`: the best.
    poster_at: Option<Duration>,
}

impl Wish {
    /// `None`: it was deleted.
    async fn of(shop: &Workshop, id: &VideoId) -> Result<Option<Self>, Failure> {
        match shop.catalogue.video(id).await.map_err(failed)? {
            Some(video) if video.state == VideoState::Ended => {}
            Some(_) => return Err(failed("the video is still being recorded")),
            None => return Ok(None),
        }
        let details = shop.catalogue.details(id).await.map_err(failed)?;
        Ok(details.map(|details| Self { cut: details.cut, poster_at: details.poster_at }))
    }
}

/// Makes both, again if they are there.
pub(super) async fn make(shop: &Workshop, id: &VideoId, progress: &Progress) -> Result<(), Failure> {
    let mut wish = Wish::of(shop, id).await?;
    for _ in 0..MOST_CHANGES {
        let Some(wanted) = wish else {
            tracing::info!(video = %id, "the video was deleted: it gets no poster");
            return Ok(());
        };
        if !pictures_of(shop, id, wanted, progress).await? {
            return Ok(());
        }
        // What was changed meanwhile has no job of its own while this one runs.
        wish = Wish::of(shop, id).await?;
        if wish == Some(wanted) {
            return shop.catalogue.video_pictured(id, now()).await.map_err(failed);
        }
    }
    Err(failed("its cut or its poster changed again and again"))
}

/// Writes the files; whether there is something to be seen.
async fn pictures_of(shop: &Workshop, id: &VideoId, wish: Wish, progress: &Progress) -> Result<bool, Failure> {
    let (layout, name) = (shop.archive.layout().clone(), id.to_string());
    let (mut spots, length_micros) = blocking(move || keyframes::find(&layout, &name)).await?.map_err(failed)?;
    spots.retain(|spot| wish.cut.shown(micros(spot.at_micros)).is_some());
    let times: Vec<i64> = spots.iter().map(|spot| spot.at_micros).collect();
    let shown: Vec<Spot> = choice::tiles(&times, length_micros).into_iter().map(|n| spots[n].clone()).collect();
    let Some(tile) = shown.first().and_then(|spot| PictureSize::of(&spot.parameters, TILE_WIDTH_PX)) else {
        tracing::info!(video = %id, "the video has no keyframes: it gets no poster");
        return Ok(false);
    };
    let tile = PictureSize::nearest(tile.width_px(), tile.height_px().min(TILE_HEIGHT_MAX_PX));
    // The poster and the files are two more steps.
    let steps = shown.len() + 2;

    let mut sheet = Sheet::new(tile, shown.len());
    let mut seen: Vec<(usize, Candidate)> = Vec::new();
    decode(shop, id, tile, &shown, |n, rgb| {
        sheet.put(n, &rgb);
        if let Some(spot) = shown.get(n) {
            let (at_micros, pixels, bytes) = (spot.at_micros, pixels(&spot.parameters), spot.length);
            seen.push((n, Candidate { at_micros, pixels, bytes, look: Look::of(&rgb) }));
        }
        progress.tell(n + 1, steps);
    })
    .await?;

    // The picture that is to be seen at a moment is that of the keyframe before it; where that is cut away, the first one.
    let wanted = wish.poster_at.map(|at| spots.iter().rev().find(|spot| micros(spot.at_micros) <= at));
    let wanted = wanted.and_then(|found| found.or(spots.first()));
    let candidates: Vec<Candidate> = seen.iter().map(|(_, candidate)| *candidate).collect();
    let best = || choice::poster(&candidates, length_micros).map(|n| &shown[seen[n].0]);
    let best = wanted.or_else(best).ok_or_else(|| failed("none of its keyframes could be decoded"))?;
    let size = PictureSize::of(&best.parameters, POSTER_WIDTH_PX).ok_or_else(|| failed("sound has no pictures"))?;
    let mut poster = None;
    decode(shop, id, size, std::slice::from_ref(best), |_, rgb| poster = Some(rgb)).await?;
    let poster = poster.ok_or_else(|| failed("the poster's keyframe could not be decoded"))?;
    progress.tell(steps - 1, steps);

    let (layout, name) = (shop.archive.layout().clone(), id.to_string());
    let times: Vec<i64> = shown.iter().map(|spot| spot.at_micros).collect();
    blocking(move || {
        let (width, height) = sheet.size_px();
        let webvtt = sheet.webvtt(&Picture::Sheet.url(&name), &times, length_micros);
        let files = [
            (Picture::Poster, jpeg(&poster, size.width_px() as usize, size.height_px() as usize, POSTER_QUALITY)?),
            (Picture::Sheet, jpeg(sheet.rgb(), width, height, SHEET_QUALITY)?),
            (Picture::Previews, webvtt.into_bytes()),
        ];
        for (picture, bytes) in files {
            picture.write(&layout, &name, &bytes).map_err(|e| format!("{}: {e}", picture.file_name()))?;
        }
        Ok::<(), String>(())
    })
    .await?
    .map_err(failed)?;
    Ok(true)
}

/// Of the recording.
fn micros(at_micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(at_micros).unwrap_or(0))
}

fn pixels(parameters: &Parameters) -> u64 {
    match parameters {
        Parameters::Video(h264) => u64::from(h264.width()) * u64::from(h264.height()),
        Parameters::Audio(_) => 0,
    }
}

/// Has an engine decode keyframes to pictures of `size`, and gives each with its place in `spots`, in order.
async fn decode(
    shop: &Workshop,
    id: &VideoId,
    size: PictureSize,
    spots: &[Spot],
    mut made: impl FnMut(usize, Bytes),
) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel(KEYFRAMES_AHEAD);
    let feed = async move {
        for (number, spot) in (0_u32..).zip(spots) {
            let (layout, name, spot) = (shop.archive.layout().clone(), id.to_string(), spot.clone());
            let parameters = spot.parameters.clone();
            let payload = match blocking(move || keyframes::read(&layout, &name, &spot)).await? {
                Ok(Some(payload)) => payload,
                Ok(None) => {
                    tracing::warn!(video = %id, number, "a keyframe is no fragment: it is left out");
                    continue;
                }
                Err(error) => {
                    tracing::warn!(video = %id, number, %error, "a keyframe can't be read: it is left out");
                    continue;
                }
            };
            // The engine's end is gone: its own answer says why.
            if sender.send(Keyframe { number, parameters, payload }).await.is_err() {
                break;
            }
        }
        Ok::<(), Failure>(())
    };
    let pictures = pictures(&shop.engine, size, receiver, |picture| made(picture.number as usize, picture.rgb));
    let (fed, made) = tokio::join!(feed, pictures);
    made.map_err(|error| match error {
        thumbnail::Error::Unready(why) => Failure::Unready(why),
        thumbnail::Error::Failed(why) => Failure::Failed(why),
    })?;
    fed
}

/// Beside the runtime's workers, waited for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|_| failed("a step broke off"))
}
