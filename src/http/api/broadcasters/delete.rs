//! `DELETE /api/v1/broadcasters/{slug}`.

use super::find;
use crate::catalogue::Catalogue;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::http::state::Clock;
use crate::live;
use axum::extract::State;
use axum::http::StatusCode;

/// Removes a broadcaster and its keys; its videos stay.
#[utoipa::path(
    delete,
    path = "/api/v1/broadcasters/{slug}",
    operation_id = "deleteBroadcaster",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("slug" = String, Path, description = "Its name in URLs")),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is on air")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(live): State<live::Handle>,
    State(clock): State<Clock>,
    Segments(slug): Segments<String>,
) -> Result<StatusCode, Problem> {
    let stored = find(&catalogue, &slug).await?;
    if live.status(&slug).is_some_and(|live| live.state.is_busy()) {
        return Err(Problem::new(StatusCode::CONFLICT).detail("It is on air: end the live first."));
    }
    catalogue.remove_broadcaster(&stored.id, clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn removes_it_and_keeps_its_videos() {
        let api = Api::new().await;
        let hall = api.hall("hall").await;
        let video = api.video(&hall, "Lecture", true).await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let path = "/api/v1/broadcasters/hall";
        assert_eq!(api.send("DELETE", path, Some(&token), None).await.0, 204);
        assert_eq!(api.get(path).await.0, 404);
        assert_eq!(api.send("DELETE", path, Some(&token), None).await.0, 404);
        assert_eq!(api.get(&format!("/api/v1/videos/{}", video.id)).await.0, 200);
    }
}
