//! `/videos/{id}/download`: what of a video can be taken away, with sizes. For who may.

use crate::archive::load::{Loaded, load};
use crate::archive::transcript::{self, Offered};
use crate::archive::{self, progressive};
use crate::catalogue::id::VideoId;
use crate::catalogue::video::{Video, VideoState};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::http::pages::ErrorPage;
use crate::http::pages::frame::{Frame, respond};
use crate::http::pages::source::Source;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use media::rendition::RenditionId;
use media::track::{Kind, Parameters};

/// A file that can be had.
struct File {
    name: String,
    kind: Kind,
    source: bool,
    /// `1280 × 720`; empty: sound.
    size: String,
    bytes: u64,
}

impl File {
    fn megabytes(&self) -> u64 {
        self.bytes.div_ceil(1_000_000)
    }

    fn is_sound(&self) -> bool {
        self.kind == Kind::Audio
    }
}

#[derive(Template)]
#[template(path = "video-download.html")]
struct Page<'a> {
    frame: Frame<'a>,
    video: Video,
    files: Vec<File>,
    captions: Vec<Offered>,
}

/// The page.
pub(in crate::http::pages) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(id) = id.parse::<VideoId>() else { return ErrorPage::NotFound.render(&headers, &assets, &visitor) };
    let video = match source.catalogue().video(&id).await {
        Ok(Some(video)) if video.state == VideoState::Ended => video,
        Ok(_) => return ErrorPage::NotFound.render(&headers, &assets, &visitor),
        Err(error) => {
            tracing::error!(%error, "a video's downloads can't be shown");
            return ErrorPage::Failed.render(&headers, &assets, &visitor);
        }
    };
    let (folder, cut) = (source.layout().clone(), video.cut);
    let read = tokio::task::spawn_blocking(move || {
        Ok::<_, archive::Error>(load(&folder, id.as_str())?.cut((cut.start, cut.end)))
    });
    let files = match read.await {
        Ok(Ok(loaded)) => files(&loaded),
        // Its media are not there: nothing can be had.
        Ok(Err(error)) => {
            tracing::error!(video = %video.id, %error, "a video's downloads can't be listed");
            Vec::new()
        }
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    let captions = transcript::offered(source.layout(), video.id.as_str()).await;
    let frame = Frame::new(&headers, &assets, Entry::Site).seen_by(&visitor);
    respond(StatusCode::OK, &Page { frame, video, files, captions }).into_response()
}

/// Pictures from the largest to the smallest, then sound.
fn files(loaded: &Loaded) -> Vec<File> {
    let bytes = |id: &RenditionId| {
        loaded.tracks.get(id).map_or(0, |track| track.segments.iter().map(|segment| u64::from(segment.bytes)).sum())
    };
    let file = |id: &RenditionId| {
        let of = progressive::renditions(loaded, *id);
        let (parameters, _) = loaded.tracks.get(id)?.inits.last()?;
        let side = match parameters {
            Parameters::Video(h264) => format!("{} × {}", h264.width(), h264.height()),
            Parameters::Audio(_) => String::new(),
        };
        (!of.is_empty()).then(|| File {
            name: id.name(),
            kind: id.kind(),
            source: matches!(id, RenditionId::Source | RenditionId::Audio),
            size: side,
            bytes: of.iter().map(bytes).sum::<u64>(),
        })
    };
    let mut files: Vec<File> = loaded.tracks.keys().filter_map(file).collect();
    files.sort_by_key(|file| (file.kind, std::cmp::Reverse(file.bytes)));
    files
}
