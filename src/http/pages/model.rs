//! What the pages show, as plain data: made by [`super::source`], read by the templates.

use super::markdown::Html;
use super::tool::Tool;
use super::video::about::{About, Licence};
use crate::archive::transcript::Offered;
use crate::live::status::State;
use media::caption::language::Language;
use media::time::WallTime;

/// `/`.
#[derive(Clone, Debug, Default)]
pub struct HomeView {
    /// On air, dropped and starting lives, longest on air first.
    pub on_air: Vec<LiveCard>,
    /// Newest first.
    pub recent: Vec<VideoCard>,
    /// Watched most often first; empty while nothing was.
    pub most_viewed: Vec<VideoCard>,
}

/// A live in a list.
#[derive(Clone, Debug)]
pub struct LiveCard {
    /// The broadcaster's.
    pub slug: String,
    /// The broadcaster's.
    pub title: String,
    /// Where it stands.
    pub state: State,
    /// In the last seconds.
    pub viewers: u64,
}

impl LiveCard {
    /// Key of the badge's text.
    #[must_use]
    pub fn label_key(&self) -> &'static str {
        match self.state {
            State::Starting => "starting-short",
            State::Dropped => "dropped-short",
            State::Idle | State::OnAir | State::Ended => "live",
        }
    }

    /// Whether a picture of it is worth asking for.
    #[must_use]
    pub fn has_pictures(&self) -> bool {
        self.state == State::OnAir
    }
}

/// A video in a list.
#[derive(Clone, Debug)]
pub struct VideoCard {
    /// The video's opaque id, without `-`.
    pub id: String,
    /// Made from the title.
    pub slug: String,
    /// As written by its owner.
    pub title: String,
    /// Title of the broadcaster that it was recorded from; empty for none.
    pub broadcaster: String,
    /// Begin of the recording.
    pub recorded_at: WallTime,
    /// Milliseconds.
    pub duration_ms: u64,
    /// A picture on this server.
    pub poster_url: Option<String>,
}

impl VideoCard {
    /// The page's address.
    #[must_use]
    pub fn url(&self) -> String {
        video_url(&self.id, &self.slug)
    }

    /// Such as `1:02:03`.
    #[must_use]
    pub fn length(&self) -> String {
        length(self.duration_ms)
    }
}

/// `/live/<slug>`.
#[derive(Clone, Debug)]
pub struct LiveView {
    /// The broadcaster's.
    pub slug: String,
    /// The broadcaster's.
    pub title: String,
    /// The broadcaster's.
    pub description: Option<Html>,
    /// Its first words; empty for none.
    pub summary: String,
    /// Who is heard, in the order in which they are named.
    pub speakers: Vec<String>,
    /// What others may do with it.
    pub licence: Option<Licence>,
    /// What stands beside the live, or below it.
    pub tool: Option<Tool>,
    /// Where the timeline stands.
    pub state: State,
    /// Begin of this live.
    pub started_at: Option<WallTime>,
    /// In the last seconds.
    pub viewers: u64,
    /// Another number whenever the multivariant playlist lists something else.
    pub renditions_version: u64,
    /// The finished recording, while the state is [`State::Ended`].
    pub video: Option<VideoLink>,
    /// Earlier videos of this broadcaster, newest first.
    pub recent: Vec<VideoCard>,
}

/// Where a video is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoLink {
    /// The video's opaque id, without `-`.
    pub id: String,
    /// Made from the title.
    pub slug: String,
}

impl VideoLink {
    /// The page's address.
    #[must_use]
    pub fn url(&self) -> String {
        video_url(&self.id, &self.slug)
    }
}

/// What the player on the live page begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerSource {
    /// `live` or `video`.
    pub kind: &'static str,
    /// A multivariant playlist.
    pub url: String,
    /// Whether it plays by itself.
    pub autoplay: bool,
}

impl LiveView {
    /// This page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("/live/{}", self.slug)
    }

    /// The live's multivariant playlist.
    #[must_use]
    pub fn playlist_url(&self) -> String {
        format!("/live/{}/master.m3u8", self.slug)
    }

    /// What it looks like now: a picture on this server, while it is on air.
    #[must_use]
    pub fn picture_url(&self) -> Option<String> {
        (self.state == State::OnAir).then(|| format!("/live/{}/picture.jpg", self.slug))
    }

    /// The list of its previews.
    #[must_use]
    pub fn previews_url(&self) -> String {
        format!("/live/{}/previews.json", self.slug)
    }

    /// The player alone, for other sites.
    #[must_use]
    pub fn embed_url(&self) -> String {
        format!("/embed/live/{}", self.slug)
    }

    /// The stream of states.
    #[must_use]
    pub fn events_url(&self) -> String {
        format!("/live/{}/events", self.slug)
    }

    /// As in the stream of states.
    #[must_use]
    pub fn state_name(&self) -> &'static str {
        state_name(self.state)
    }

    /// The finished video's page, or the home page while there is none.
    #[must_use]
    pub fn video_page_url(&self) -> String {
        self.video.as_ref().map_or_else(|| "/".to_owned(), VideoLink::url)
    }

    /// What can be played now.
    #[must_use]
    pub fn source(&self) -> Option<PlayerSource> {
        match (self.state, &self.video) {
            (State::OnAir | State::Dropped, _) => {
                Some(PlayerSource { kind: "live", url: self.playlist_url(), autoplay: true })
            }
            (State::Ended, Some(video)) => {
                Some(PlayerSource { kind: "video", url: video_playlist_url(&video.id), autoplay: false })
            }
            _ => None,
        }
    }
}

/// `/videos/<id>-<slug>`.
#[derive(Clone, Debug)]
pub struct VideoView {
    /// The video's opaque id, without `-`.
    pub id: String,
    /// Made from the title.
    pub slug: String,
    /// As written by its owner.
    pub title: String,
    /// What else is said of it.
    pub about: About,
    /// Where it was recorded from.
    pub broadcaster: Option<BroadcasterLink>,
    /// Begin of the recording.
    pub recorded_at: WallTime,
    /// Milliseconds.
    pub duration_ms: u64,
    /// A picture on this server.
    pub poster_url: Option<String>,
    /// Previews for the player's bar: a WebVTT file on this server.
    pub storyboard_url: Option<String>,
    /// Languages that it has a transcript in.
    pub captions: Vec<Offered>,
    /// How often it was watched.
    pub views: u64,
}

/// A broadcaster's name and place.
#[derive(Clone, Debug)]
pub struct BroadcasterLink {
    /// In URLs.
    pub slug: String,
    /// For people.
    pub title: String,
    /// Lists show it to this visitor: others are not told its address.
    pub listed: bool,
}

impl VideoView {
    /// The canonical address.
    #[must_use]
    pub fn url(&self) -> String {
        video_url(&self.id, &self.slug)
    }

    /// The video's multivariant playlist.
    #[must_use]
    pub fn playlist_url(&self) -> String {
        video_playlist_url(&self.id)
    }

    /// Such as `1:02:03`.
    #[must_use]
    pub fn length(&self) -> String {
        length(self.duration_ms)
    }

    /// Where it is said that it has begun to play.
    #[must_use]
    pub fn watched_url(&self) -> String {
        format!("/videos/{}/watched", self.id)
    }

    /// The player alone, for other sites.
    #[must_use]
    pub fn embed_url(&self) -> String {
        format!("/embed/videos/{}", self.id)
    }

    /// The chapters, for the player, if there are any.
    #[must_use]
    pub fn chapters_url(&self) -> Option<String> {
        (!self.about.chapters.is_empty()).then(|| format!("/videos/{}/chapters.vtt", self.id))
    }

    /// Whether a machine wrote some of its captions.
    #[must_use]
    pub fn by_machine(&self) -> bool {
        self.captions.iter().any(|offered| offered.by_machine)
    }

    /// What was said, as a file: `txt`, `vtt` or `srt`.
    #[must_use]
    pub fn captions_url(&self, language: &Language, form: &str) -> String {
        format!("/videos/{}/captions/{}.{form}", self.id, language.tag())
    }
}

/// The name of a state in the page's `data-state` and in the stream of states.
#[must_use]
pub fn state_name(state: State) -> &'static str {
    match state {
        State::Idle => "idle",
        State::Starting => "starting",
        State::OnAir => "on_air",
        State::Dropped => "dropped",
        State::Ended => "ended",
    }
}

fn video_url(id: &str, slug: &str) -> String {
    if slug.is_empty() { format!("/videos/{id}") } else { format!("/videos/{id}-{slug}") }
}

fn video_playlist_url(id: &str) -> String {
    format!("/videos/{id}/master.m3u8")
}

/// Such as `1:02:03`.
pub(super) fn length(duration_ms: u64) -> String {
    let seconds = duration_ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_like_clocks() {
        for (ms, text) in [(0, "0:00"), (999, "0:00"), (61_000, "1:01"), (3_600_000, "1:00:00"), (3_723_500, "1:02:03")]
        {
            assert_eq!(length(ms), text);
        }
    }
}
