//! `PATCH /api/v1/videos/{id}`.

use super::{Video, id};
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::video::VideoChange;
use crate::http::input::{Body, Segments};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change; what is not there stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = VideoChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// 1 to 200 characters.
    title: Option<String>,
    /// Whether it appears in lists.
    listed: Option<bool>,
}

/// Changes a video.
#[utoipa::path(
    patch,
    path = "/api/v1/videos/{id}",
    operation_id = "updateVideo",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    request_body = Wish,
    responses(
        (status = OK, body = Video),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(layout): State<Layout>,
    Segments(text): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<Json<Video>, Problem> {
    let change = VideoChange { title: wish.title, listed: wish.listed };
    let stored = catalogue.update_video(&id(&text)?, change).await?;
    Ok(Json(Video::of(&stored, &layout).await))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn a_new_title_gives_a_new_page_address() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "Old", false).await;
        let token = api.token(Scope::VideosWrite).await;
        let path = format!("/api/v1/videos/{}", video.id);
        let (status, shown) = api.send("PATCH", &path, Some(&token), Some(r#"{"title":"Naïve","listed":true}"#)).await;
        assert_eq!((status, shown["listed"].as_bool()), (200, Some(true)));
        assert_eq!(shown["page_url"], format!("/videos/{}-naive", video.id));
        let (status, problem) = api.send("PATCH", &path, Some(&token), Some(r#"{"title":" "}"#)).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("title")));
        let (status, problem) = api.send("PATCH", &path, Some(&token), Some(r#"{"listed":1}"#)).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("listed")));
        let other = api.token(Scope::LivesWrite).await;
        assert_eq!(api.send("PATCH", &path, Some(&other), Some("{}")).await.0, 403);
        let none = "/api/v1/videos/aaaaaaaaaaaaaaaa";
        assert_eq!(api.send("PATCH", none, Some(&token), Some("{}")).await.0, 404);
    }
}
