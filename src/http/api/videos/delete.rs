//! `DELETE /api/v1/videos/{id}`.

use super::id;
use crate::catalogue::Catalogue;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::extract::State;
use axum::http::StatusCode;

/// Deletes a video softly: it can be restored.
#[utoipa::path(
    delete,
    path = "/api/v1/videos/{id}",
    operation_id = "deleteVideo",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is still being recorded")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Segments(text): Segments<String>,
) -> Result<StatusCode, Problem> {
    catalogue.delete_video(&id(&text)?, clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::catalogue::video::NewVideo;
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn a_deleted_one_is_gone_and_one_on_air_stays() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let token = api.token(Scope::VideosWrite).await;
        let path = format!("/api/v1/videos/{}", api.video(&hall, "x", true).await.id);
        assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 204);
        assert_eq!(api.get(&path).await.0, 404);
        assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 404);

        let new =
            NewVideo { broadcaster_id: hall.id, title: None, started_at: NOW, first_msn: 0, first_discontinuity: 0 };
        let path = format!("/api/v1/videos/{}", api.catalogue.begin_video(new).await.unwrap().id);
        assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 409);
        assert_eq!(api.get(&path).await.1["state"], "live");
    }
}
