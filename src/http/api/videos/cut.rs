//! `PATCH /api/v1/videos/{id}/cut`: which part of a video is shown.

use super::id;
use crate::archive::layout::Layout;
use crate::catalogue::details::{Cut, DetailsChange};
use crate::catalogue::{Catalogue, Error};
use crate::http::cutting::{self, Unreadable};
use crate::http::input::{Body, Segments, present};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// What to change; what is not there stays, `null` takes that end of the cut back.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = VideoCutChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Shown is what comes after this, in milliseconds of the whole recording; null: from its beginning.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    start_ms: Option<Option<u64>>,
    /// Shown is what comes before this; null: to its end.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    end_ms: Option<Option<u64>>,
}

/// What is shown of a recording: whole segments around what was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VideoCut)]
pub(crate) struct Shown {
    /// Null: from its beginning.
    start_ms: Option<u64>,
    /// Null: to its end.
    end_ms: Option<u64>,
    /// Of what is shown; null while live.
    duration_ms: Option<u64>,
}

fn ms(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

/// Shows a part of a recording, or all of it again. Nothing is made anew, and nothing is lost: playlists list other segments within seconds.
#[utoipa::path(
    patch,
    path = "/api/v1/videos/{id}/cut",
    operation_id = "cutVideo",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    request_body = Wish,
    responses(
        (status = OK, body = Shown),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is still being recorded"),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(layout): State<Layout>,
    Segments(text): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<Json<Shown>, Problem> {
    let id = id(&text)?;
    let video = catalogue.video(&id).await?.ok_or(Error::NotFound("video"))?;
    let time = |asked: Option<Option<u64>>, now| asked.map_or(now, |at| at.map(Duration::from_millis));
    let asked = Cut { start: time(wish.start_ms, video.cut.start), end: time(wish.end_ms, video.cut.end) };
    asked.check(video.duration)?;
    let cut = cutting::around(&layout, &video, asked).await.map_err(|Unreadable| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR).detail("The recording can't be read from disk.")
    })?;
    let details = catalogue.change_details(&id, DetailsChange { cut: Some(cut), ..DetailsChange::default() }).await?;
    let shown = catalogue.video(&id).await?.and_then(|video| video.shown_ms());
    Ok(Json(Shown { start_ms: details.cut.start.map(ms), end_ms: details.cut.end.map(ms), duration_ms: shown }))
}

#[cfg(test)]
mod tests {
    use crate::archive::transcript::tests::say;
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;
    use serde_json::json;

    #[tokio::test]
    async fn a_cut_is_of_whole_segments_and_can_be_taken_back() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "x", true).await;
        say(&api.layout(), video.id.as_str(), "fr", &[]);
        let token = api.token(Scope::VideosWrite).await;
        let (path, cut) = (format!("/api/v1/videos/{}", video.id), format!("/api/v1/videos/{}/cut", video.id));
        let send = async |wish: &str| api.send("PATCH", &cut, Some(&token), Some(wish)).await;
        // Sound alone would do; these pictures have no keyframe that anybody knows of, so it begins where it began.
        let whole = json!({"start_ms": null, "end_ms": 22_000, "duration_ms": 22_000});
        assert_eq!(send(r#"{"start_ms":12500,"end_ms":20500}"#).await, (200, whole));
        assert_eq!(api.get(&path).await.1["duration_ms"], 22_000);
        let (_, undone) = send(r#"{"end_ms":null}"#).await;
        assert_eq!(undone, json!({"start_ms": null, "end_ms": null, "duration_ms": 30_000}));
        for (wish, field) in [
            (r#"{"start_ms":30000}"#, "cut_start_ms"),
            (r#"{"end_ms":30001}"#, "cut_end_ms"),
            (r#"{"start_ms":9000,"end_ms":9500}"#, "cut_end_ms"),
            (r#"{"start_ms":-1}"#, "start_ms"),
        ] {
            let (status, problem) = send(wish).await;
            assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{wish}");
        }
        let none = "/api/v1/videos/aaaaaaaaaaaaaaaa/cut";
        assert_eq!(api.send("PATCH", none, Some(&token), Some("{}")).await.0, 404);
        let other = api.token(Scope::LivesWrite).await;
        assert_eq!(api.send("PATCH", &cut, Some(&other), Some("{}")).await.0, 403);
    }
}
