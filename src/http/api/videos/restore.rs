//! `POST /api/v1/videos/{id}/restore`.

use super::id;
use super::said::DescribedVideo;
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;

/// Takes a deletion back.
#[utoipa::path(
    post,
    path = "/api/v1/videos/{id}/restore",
    operation_id = "restoreVideo",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = DescribedVideo),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem)
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(layout): State<Layout>,
    Segments(text): Segments<String>,
) -> Result<Json<DescribedVideo>, Problem> {
    let stored = catalogue.restore_video(&id(&text)?).await?;
    Ok(Json(DescribedVideo::of(&stored, &catalogue, &layout).await?))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn a_deleted_one_comes_back_as_it_was() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "x", true).await;
        let token = api.token(Scope::VideosWrite).await;
        let path = format!("/api/v1/videos/{}", video.id);
        let (_, before) = api.get(&path).await;
        api.catalogue.delete_video(&video.id, NOW).await.unwrap();
        let (status, restored) = api.send("POST", &format!("{path}/restore"), Some(&token), None).await;
        assert_eq!((status, &restored), (200, &before));
        assert_eq!(api.get(&path).await.1, before);
        let none = "/api/v1/videos/aaaaaaaaaaaaaaaa/restore";
        assert_eq!(api.send("POST", none, Some(&token), None).await.0, 404);
    }
}
