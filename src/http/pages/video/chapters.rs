//! `/videos/{id}/chapters.vtt`: the chapters, for the player's bar. Empty where there are none.

use super::about::{self, Chapter};
use crate::catalogue::id::VideoId;
use crate::catalogue::video::VideoState;
use crate::http::pages::source::{Source, failed};
use crate::http::play;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use media::caption::webvtt::Clock;
use std::fmt::Write as _;
use std::time::Duration;

/// What changes is seen within a minute.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/vtt; charset=utf-8")),
    (CACHE_CONTROL, HeaderValue::from_static("public, max-age=60")),
];

pub(in crate::http::pages) async fn file(State(source): State<Source>, Path(id): Path<String>) -> Response {
    play::public(match text(&source, &id).await {
        Ok(Some(text)) => (HEADERS, text).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error).into_response(),
    })
}

async fn text(source: &Source, id: &str) -> Result<Option<String>, crate::catalogue::Error> {
    let Ok(id) = id.parse::<VideoId>() else { return Ok(None) };
    let video = source.catalogue().video(&id).await?.filter(|video| video.state == VideoState::Ended);
    let (Some(video), Some(details)) = (video, source.catalogue().details(&id).await?) else { return Ok(None) };
    Ok(Some(webvtt(&about::chapters(&details), video.shown().unwrap_or_default())))
}

/// Each until the next.
fn webvtt(chapters: &[Chapter], end: Duration) -> String {
    let mut text = "WEBVTT\n".to_owned();
    for (n, chapter) in chapters.iter().enumerate() {
        let until = chapters.get(n + 1).map_or(end, |next| next.start);
        if until <= chapter.start {
            continue;
        }
        let _infallible = write!(text, "\n{} --> {}\n", clock(chapter.start), clock(until));
        for c in chapter.title.chars() {
            match c {
                '&' => text.push_str("&amp;"),
                '<' => text.push_str("&lt;"),
                '>' => text.push_str("&gt;"),
                c if c.is_control() => text.push(' '),
                c => text.push(c),
            }
        }
        text.push('\n');
    }
    text
}

fn clock(at: Duration) -> Clock {
    Clock(i64::try_from(at.as_micros()).unwrap_or(i64::MAX), '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(ms: u64, title: &str) -> Chapter {
        Chapter { start: Duration::from_millis(ms), title: title.to_owned() }
    }

    #[test]
    fn each_chapter_lasts_until_the_next_and_its_title_ends_nothing() {
        let chapters = [chapter(0, "Un"), chapter(61_500, "a --> b\n\n<c> & d"), chapter(99_000, "gone")];
        assert_eq!(
            webvtt(&chapters, Duration::from_secs(99)),
            "WEBVTT\n\n00:00:00.000 --> 00:01:01.500\nUn\n\n00:01:01.500 --> 00:01:39.000\na --&gt; b  &lt;c&gt; &amp; d\n"
        );
        assert_eq!(webvtt(&[], Duration::ZERO), "WEBVTT\n");
    }
}
