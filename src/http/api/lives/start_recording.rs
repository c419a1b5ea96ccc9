//! `POST /api/v1/broadcasters/{slug}/recording/start`.

use crate::catalogue::Catalogue;
use crate::http::api::broadcasters::find;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::live;
use axum::extract::State;
use axum::http::StatusCode;

/// Records a broadcaster's live from now on, as a video of its own. What is recorded already goes on.
#[utoipa::path(
    post,
    path = "/api/v1/broadcasters/{slug}/recording/start",
    operation_id = "startRecording",
    tag = "lives",
    security(("token" = ["lives:write"])),
    params(("slug" = String, Path, description = "The broadcaster's name in URLs")),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is not on air"),
        (status = SERVICE_UNAVAILABLE, body = Problem, description = "Nothing can be recorded now")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(live): State<live::Handle>,
    Segments(slug): Segments<String>,
) -> Result<StatusCode, Problem> {
    find(&catalogue, &slug).await?;
    live.record(&slug, true).await?;
    Ok(StatusCode::NO_CONTENT)
}
