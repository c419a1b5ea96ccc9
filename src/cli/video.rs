//! `amphi video`.

use super::access::OfVideo;
use super::{Error, table};
use crate::catalogue::Catalogue;
use crate::catalogue::id::VideoId;
use crate::catalogue::slug::Slug;
use crate::catalogue::video::{MAX_PAGE, Video, VideoFilter};
use crate::clock::rfc3339;
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// All videos, newest first, unlisted ones and those being recorded included.
    List {
        /// Only of this broadcaster.
        #[arg(long, value_name = "SLUG")]
        broadcaster: Option<Slug>,
        /// At most this many.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change whom a video is for, and whose it is; what is not said stays.
    Access {
        /// Its id, from `video list`.
        id: VideoId,
        #[command(flatten)]
        change: OfVideo,
    },
}

pub(super) async fn run(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    let (broadcaster, limit, json) = match command {
        Command::List { broadcaster, limit, json } => (broadcaster, limit, json),
        Command::Access { id, change } => {
            change.apply(catalogue, &id).await?;
            return Ok(format!("{id} is changed.\n"));
        }
    };
    let broadcaster = match broadcaster {
        Some(slug) => Some(super::broadcaster::find(catalogue, &slug).await?.id),
        None => None,
    };
    let mut videos: Vec<Video> = Vec::new();
    let mut cursor = None;
    while videos.len() < limit {
        let filter = VideoFilter {
            broadcaster: broadcaster.clone(),
            listed_only: false,
            limit: MAX_PAGE.min(limit - videos.len()),
            cursor,
        };
        let page = catalogue.videos(filter).await?;
        videos.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if json {
        return Ok(table::json(videos.iter().map(object).collect()));
    }
    let rows: Vec<Vec<String>> = videos
        .iter()
        .map(|video| {
            let listed = if video.listed { "listed" } else { "unlisted" };
            vec![
                video.id.to_string(),
                video.state.name().to_owned(),
                listed.to_owned(),
                rfc3339(video.started_at),
                video.duration.map_or_else(|| "-".to_owned(), table::length),
                video.broadcaster.to_string(),
                video.title.clone(),
            ]
        })
        .collect();
    let head = ["ID", "STATE", "LISTED", "STARTED", "LENGTH", "BROADCASTER", "TITLE"];
    Ok(table::columns(&head, &rows, "There are no videos yet."))
}

fn object(video: &Video) -> Value {
    json!({
        "id": video.id.as_str(),
        "broadcaster": video.broadcaster.as_str(),
        "title": video.title,
        "state": video.state.name(),
        "listed": video.listed,
        "started_at": rfc3339(video.started_at),
        "ended_at": video.ended_at.map(rfc3339),
        "duration_ms": video.duration.map(|duration| duration.as_millis()),
        "page_url": video.page_url(),
        "hls_url": video.hls_url(),
    })
}
