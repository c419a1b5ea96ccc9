//! `/videos/{id}/captions/{language}.{form}`: what was said in a video, to take away. `vtt` and `srt` for players, `txt` to read, `jsonl` for
//! words with times and confidence. Times count from the video's beginning.

use super::respond;
use super::{Play, not_found, problem};
use crate::archive::load::load;
use crate::archive::transcript::{self, Position, Transcript};
use crate::http::input::Segments;
use crate::live::subtitles;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode};
use media::caption::Cue;
use media::caption::export;
use media::caption::language::Language;
use media::caption::style::CaptionStyle;
use media::caption::webvtt;

/// What a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Webvtt,
    Subrip,
    Text,
    Words,
}

impl Form {
    pub(super) fn from_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "vtt" => Self::Webvtt,
            "srt" => Self::Subrip,
            "txt" => Self::Text,
            "jsonl" => Self::Words,
            _ => return None,
        })
    }

    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Webvtt => "text/vtt; charset=utf-8",
            Self::Subrip => "application/x-subrip; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Words => "application/jsonl; charset=utf-8",
        })
    }

    /// `position` is that of what is shown. `None`: nobody knows when each word was said.
    fn write(self, said: &Transcript, position: &Position) -> Option<String> {
        let time = |micros| position.at(micros);
        Some(match (self, &said.kept) {
            (Self::Webvtt, _) => webvtt::file(&said.cues, time),
            (Self::Subrip, _) => export::srt(&said.cues, time),
            (Self::Text, Some(kept)) if said.edited.is_none() => {
                let style = CaptionStyle::recorded(&kept.language, true);
                export::text(&kept.words, &style, &kept.language, &kept.names.glossary())
            }
            // As they wrote it: where a paragraph ends is not known.
            (Self::Text, _) => as_written(&said.cues),
            (Self::Words, Some(kept)) => export::json_lines(&kept.words, time),
            (Self::Words, None) => return None,
        })
    }
}

/// A line for each cue.
pub(super) fn as_written<'a>(cues: impl IntoIterator<Item = &'a Cue>) -> String {
    cues.into_iter().map(|cue| cue.lines.join(" ") + "\n").collect()
}

/// The file that is named.
pub(super) async fn handler(
    State(play): State<Play>,
    Segments((id, file)): Segments<(String, String)>,
) -> Response<Body> {
    let wanted =
        file.rsplit_once('.').and_then(|(tag, suffix)| Some((Language::new(tag)?, Form::from_suffix(suffix)?)));
    let Some((language, form)) = wanted else {
        let what = "There is no such file: captions are LANGUAGE.vtt, .srt, .txt or .jsonl.";
        return not_found(what).map(super::Payload::into_body);
    };
    let timeline = match play.videos.timeline(&id).await {
        Ok(Some(timeline)) => timeline,
        Ok(None) => return not_found("There is no such video.").map(super::Payload::into_body),
        Err(answer) => return answer,
    };
    let (layout, video_id) = (play.videos.layout().clone(), id.clone());
    let made = tokio::task::spawn_blocking(move || {
        let whole = load(&layout, &video_id)?;
        let (whole, shown) = (Position::of(whole.lead_segments()), subtitles::position(&timeline));
        let all = transcript::all(&layout, &video_id, &whole, &shown)?;
        let said = all.into_iter().find(|transcript| transcript.language == language);
        Ok::<_, crate::archive::Error>(said.and_then(|said| form.write(&said, &shown)))
    });
    match made.await {
        Ok(Ok(Some(text))) => respond::document(form.content_type(), text.into()).map(Body::from),
        Ok(Ok(None)) => not_found("This video has no captions in this language.").map(super::Payload::into_body),
        Ok(Err(error)) => {
            tracing::error!(video = %id, %error, "captions can't be read");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "These captions can't be read from disk.")
                .map(super::Payload::into_body)
        }
        Err(error) => {
            tracing::error!(video = %id, %error, "captions can't be made");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "These captions can't be made.").map(super::Payload::into_body)
        }
    }
}
