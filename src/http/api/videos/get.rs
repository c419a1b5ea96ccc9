//! `GET /api/v1/videos/{id}`.

use super::id;
use super::said::DescribedVideo;
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;

/// One video, listed or not.
#[utoipa::path(
    get,
    path = "/api/v1/videos/{id}",
    operation_id = "getVideo",
    tag = "videos",
    params(("id" = String, Path, description = "Its id")),
    responses((status = OK, body = DescribedVideo), (status = NOT_FOUND, body = Problem))
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(layout): State<Layout>,
    Segments(text): Segments<String>,
) -> Result<Json<DescribedVideo>, Problem> {
    let stored = catalogue.video(&id(&text)?).await?.ok_or_else(|| Problem::not_found("video"))?;
    Ok(Json(DescribedVideo::of(&stored, &catalogue, &layout).await?))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;

    #[tokio::test]
    async fn an_unlisted_one_is_there_for_who_knows_its_id() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "Short", false).await;
        let (status, shown) = api.get(&format!("/api/v1/videos/{}", video.id)).await;
        assert_eq!((status, shown["title"].as_str(), shown["listed"].as_bool()), (200, Some("Short"), Some(false)));
        for id in ["aaaaaaaaaaaaaaaa", "1", "..%2f.."] {
            assert_eq!(api.get(&format!("/api/v1/videos/{id}")).await.0, 404);
        }
    }
}
