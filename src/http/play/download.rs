//! `/videos/{id}/download/{rendition}.mp4`: a video to take away, as one MP4 file with ranges, so that a download that broke off goes on. It is put together while it
//! is sent, from the segments that there are.

use super::respond::Asked;
use super::{Play, not_found, problem};
use crate::archive;
use crate::archive::layout::Layout;
use crate::archive::load::load;
use crate::archive::progressive::{Assembled, Reading};
use crate::catalogue::details::Cut;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::Video;
use crate::http::input::Segments;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_RANGE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use futures_util::stream;
use media::rendition::RenditionId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Put together at once: each reads the heads of a whole recording.
const AT_ONCE: usize = 2;
/// Whoever waits longer for a turn is told to come again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Memory for heads of files, which are asked for by range after range: some twenty hours.
const CACHE_BYTES: u64 = 64 << 20;
const CACHED_FILES: usize = 64;
/// Read and handed over at once, for each who downloads.
const BLOCK_BYTES: u64 = 256 << 10;
/// Of a file's name, in characters.
const MAX_NAME: usize = 100;

/// Files that are being downloaded. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub struct Downloads(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    made: Cache<Version, Arc<Assembled>, ByBytes>,
    turns: Semaphore,
}

/// One state of one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Version {
    id: VideoId,
    rendition: RenditionId,
    /// An index only grows.
    index_bytes: u64,
    cut_ms: (Option<u64>, Option<u64>),
}

impl Version {
    /// A file of the same name may be another one tomorrow.
    fn tag(&self) -> String {
        let ms = |ms: Option<u64>| ms.map_or_else(String::new, |ms| ms.to_string());
        let (from, until) = self.cut_ms;
        format!("\"{:x}-{}-{}-{}\"", self.index_bytes, self.rendition.name(), ms(from), ms(until))
    }
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Version, Arc<Assembled>> for ByBytes {
    fn weight(&self, _: &Version, made: &Arc<Assembled>) -> u64 {
        made.weight() + 256
    }
}

impl Default for Downloads {
    fn default() -> Self {
        let made = Cache::with_weighter(CACHED_FILES, CACHE_BYTES, ByBytes);
        Self(Arc::new(Inner { made, turns: Semaphore::new(AT_ONCE) }))
    }
}

impl Downloads {
    /// The file; `None`: there is no such rendition.
    async fn of(&self, layout: &Layout, version: &Version, cut: Cut) -> Result<Option<Arc<Assembled>>, Failure> {
        if let Some(made) = self.0.made.get(version) {
            return Ok(Some(made));
        }
        let turn = tokio::time::timeout(PATIENCE, self.0.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(Failure::Busy) };
        // Whoever came first may have made it meanwhile.
        if let Some(made) = self.0.made.get(version) {
            return Ok(Some(made));
        }
        let (layout, id, rendition) = (layout.clone(), version.id.to_string(), version.rendition);
        let make = move || {
            let loaded = load(&layout, &id)?.cut((cut.start, cut.end));
            Assembled::of(&layout, &id, &loaded, rendition)
        };
        let made = tokio::task::spawn_blocking(make).await.map_err(|_| archive::Error::Closed)??;
        let Some(made) = made.map(Arc::new) else { return Ok(None) };
        self.0.made.insert(version.clone(), Arc::clone(&made));
        Ok(Some(made))
    }
}

enum Failure {
    Busy,
    Archive(archive::Error),
}

impl From<archive::Error> for Failure {
    fn from(error: archive::Error) -> Self {
        Self::Archive(error)
    }
}

/// The file that is named.
pub(super) async fn handler(
    State(play): State<Play>,
    Segments((id, file)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let other = |answer: Response<super::Payload>| answer.map(super::Payload::into_body);
    let missing =
        || other(not_found("There is no such file: a download is RENDITION.mp4, such as source.mp4 or 720p.mp4."));
    let Some(rendition) = file.strip_suffix(".mp4").and_then(RenditionId::from_name) else { return missing() };
    let video = match play.videos.finished(&id).await {
        Ok(Some(video)) => video,
        Ok(None) => return other(not_found("There is no such video.")),
        Err(answer) => return answer,
    };
    let layout = play.videos.layout().clone();
    let index_bytes = match tokio::fs::metadata(layout.index(video.id.as_str())).await {
        Ok(of) => of.len(),
        Err(_) => return missing(),
    };
    let ms = |at: Option<Duration>| at.map(|at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
    let cut_ms = (ms(video.cut.start), ms(video.cut.end));
    let version = Version { id: video.id.clone(), rendition, index_bytes, cut_ms };
    match play.downloads.of(&layout, &version, video.cut).await {
        Ok(Some(made)) => send(&made, &layout, &video, &version, &headers),
        Ok(None) => missing(),
        Err(Failure::Busy) => {
            let why = "Too many downloads are being prepared; ask again in a minute.";
            other(problem(StatusCode::SERVICE_UNAVAILABLE, why))
        }
        Err(Failure::Archive(error)) => {
            tracing::error!(video = %video.id, %error, "a video can't be made into one file");
            other(problem(StatusCode::INTERNAL_SERVER_ERROR, "This video's media can't be read from disk."))
        }
    }
}

fn send(made: &Arc<Assembled>, layout: &Layout, video: &Video, version: &Version, asked: &HeaderMap) -> Response<Body> {
    let tag = version.tag();
    // A range of another state would be put behind bytes that it does not belong to.
    let same = asked.get(IF_RANGE).is_none_or(|value| value.as_bytes() == tag.as_bytes());
    let mut headers = HeaderMap::new();
    let asked = if same { Asked::of(asked) } else { Asked::Whole };
    let (status, range) = asked.answer(made.total(), &mut headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let name = disposition(&video.title, &video.slug.to_string(), version.rendition);
    for (header, text) in [(CONTENT_DISPOSITION, name), (ETAG, tag)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header, value);
        }
    }
    let mut response = Response::new(body(made, layout, &video.id, range));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

/// Blocks, each read when the last one was taken.
fn body(made: &Arc<Assembled>, layout: &Layout, id: &VideoId, range: Range<u64>) -> Body {
    let begin = (Arc::clone(made), layout.clone(), id.to_string(), Reading::default(), range);
    let blocks = stream::try_unfold(begin, |(made, layout, id, mut reading, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let read = move || {
            let most = usize::try_from((range.end - range.start).min(BLOCK_BYTES)).unwrap_or(0);
            let block: Result<Bytes, archive::Error> = reading.read(&made, &layout, &id, range.start, most);
            block.map(|block| (block, (made, layout, id, reading, range)))
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|_| archive::Error::Closed)?;
        let (block, (made, layout, id, reading, range)) = read.inspect_err(|error| {
            tracing::error!(%error, "a download broke off");
        })?;
        let rest = range.start + block.len() as u64..range.end;
        Ok::<_, archive::Error>(Some((block, (made, layout, id, reading, rest))))
    });
    Body::from_stream(blocks)
}

/// Named after the title, for browsers of today and of old (RFC 6266 section 5).
fn disposition(title: &str, slug: &str, rendition: RenditionId) -> String {
    let name: String =
        title.chars().filter(|c| !c.is_control() && !"/\\:*?\"<>|".contains(*c)).take(MAX_NAME).collect();
    let mut encoded = String::new();
    for byte in format!("{} ({}).mp4", name.trim(), rendition.name()).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{slug}-{}.mp4\"; filename*=UTF-8''{encoded}", rendition.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_title_and_nothing_in_it_is_a_header_or_a_path() {
        let told = disposition("Séries/de \"Fourier\"\r\n", "series-de-fourier", RenditionId::Rung(720));
        assert_eq!(
            told,
            "attachment; filename=\"series-de-fourier-720p.mp4\"; filename*=UTF-8''S%C3%A9riesde%20Fourier%20%28720p%29.mp4"
        );
    }
}
