//! `PUT` and `DELETE /api/v1/videos/{id}/captions/{language}`: captions that people wrote or mended.

use super::id;
use crate::archive::layout::Layout;
use crate::catalogue::video::{Video, VideoState};
use crate::catalogue::{Catalogue, Error};
use crate::http::captioning::{self, Failed, Wish};
use crate::http::input::Segments;
use crate::http::problem::Problem;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use media::caption::import::{self, MAX_FILE_BYTES};
use media::caption::language::Language;

/// A finished video, and the language that is meant.
async fn find(catalogue: &Catalogue, text: &str, language: &str) -> Result<(Video, Language), Problem> {
    let language = Language::new(language).ok_or_else(|| Problem::invalid("language", "must be a tag such as fr"))?;
    let video = catalogue.video(&id(text)?).await?.ok_or(Error::NotFound("video"))?;
    if video.state == VideoState::Live {
        return Err(Error::Conflict("the video is still being recorded: its captions come by themselves").into());
    }
    Ok((video, language))
}

fn failed(_: Failed) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR).detail("The captions can't be written to disk.")
}

/// Puts a WebVTT or SubRip file in the place of the captions of a language. Its times are those of what is shown. Viewers see it within seconds.
#[utoipa::path(
    put,
    path = "/api/v1/videos/{id}/captions/{language}",
    operation_id = "putVideoCaptions",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(
        ("id" = String, Path, description = "Its id"),
        ("language" = String, Path, description = "BCP 47, such as fr")
    ),
    request_body(content = String, content_type = "text/vtt", description = "WebVTT or SubRip, at most 2 MiB"),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is still being recorded"),
        (status = PAYLOAD_TOO_LARGE, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "The file can't be read; the line is named")
    )
)]
pub(crate) async fn put(
    State(catalogue): State<Catalogue>,
    State(layout): State<Layout>,
    Segments((text, language)): Segments<(String, String)>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let (video, language) = find(&catalogue, &text, &language).await?;
    let sent = to_bytes(body, MAX_FILE_BYTES).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("At most {MAX_FILE_BYTES} bytes are read."))
    })?;
    let sent = std::str::from_utf8(&sent).map_err(|_| Problem::invalid("captions", "must be UTF-8"))?;
    let captions = import::read(sent).map_err(|error| Problem::invalid("captions", error))?;
    if captions.is_empty() {
        return Err(Problem::invalid("captions", "must have a caption; to hide a language, DELETE it"));
    }
    captioning::change(&catalogue, &layout, &video, language, Wish::Replace(captions)).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The language is not shown any more. What a machine heard is kept: `PUT` puts captions back.
#[utoipa::path(
    delete,
    path = "/api/v1/videos/{id}/captions/{language}",
    operation_id = "deleteVideoCaptions",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(
        ("id" = String, Path, description = "Its id"),
        ("language" = String, Path, description = "BCP 47, such as fr")
    ),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is still being recorded")
    )
)]
pub(crate) async fn delete(
    State(catalogue): State<Catalogue>,
    State(layout): State<Layout>,
    Segments((text, language)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (video, language) = find(&catalogue, &text, &language).await?;
    captioning::change(&catalogue, &layout, &video, language, Wish::Hide).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::archive::transcript::tests::say;
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn a_file_takes_the_place_of_what_the_machine_heard_and_is_taken_away_again() {
        let api = Api::new().await;
        let video = api.video(&api.hall("a").await, "x", true).await;
        say(&api.layout(), video.id.as_str(), "fr", &[(2, "bonjour à tous")]);
        let token = api.token(Scope::VideosWrite).await;
        let path = format!("/api/v1/videos/{}/captions/fr", video.id);
        let machine = |shown: &serde_json::Value| shown["captions"][0]["machine_generated"].as_bool();
        let of = format!("/api/v1/videos/{}", video.id);
        assert_eq!(machine(&api.get(&of).await.1), Some(true));
        let file = "WEBVTT\n\n00:02.000 --> 00:04.000\nBonjour à toutes et à tous.\n";
        assert_eq!(api.send("PUT", &path, Some(&token), Some(file)).await.0, 204);
        assert_eq!(machine(&api.get(&of).await.1), Some(false));
        let (status, problem) = api.send("PUT", &path, Some(&token), Some("WEBVTT\n\nbonjour\n")).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("captions")));
        assert!(problem.to_string().contains("line 3"), "{problem}");
        assert_eq!(api.send("PUT", &path, Some(&token), Some("WEBVTT\n")).await.0, 422);
        assert_eq!(machine(&api.get(&of).await.1), Some(false), "as it was");
        assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 204);
        assert_eq!(api.get(&of).await.1["captions"], serde_json::json!([]));
        let other = format!("/api/v1/videos/{}/captions/!", video.id);
        assert_eq!(api.send("DELETE", &other, Some(&token), None).await.0, 422);
        let reads = api.token(Scope::VideosRead).await;
        assert_eq!(api.send("PUT", &path, Some(&reads), Some(file)).await.0, 403);
    }
}
