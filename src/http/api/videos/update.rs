//! `PATCH /api/v1/videos/{id}`.

use super::id;
use super::said::{DescribedVideo, Wish};
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::http::input::{Body, Segments};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;

/// Changes a video and what is said of it, all or nothing.
#[utoipa::path(
    patch,
    path = "/api/v1/videos/{id}",
    operation_id = "updateVideo",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    request_body = Wish,
    responses(
        (status = OK, body = DescribedVideo),
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
) -> Result<Json<DescribedVideo>, Problem> {
    let id = id(&text)?;
    catalogue.change_details(&id, wish.change()?).await?;
    let stored = catalogue.video(&id).await?.ok_or_else(|| Problem::not_found("video"))?;
    Ok(Json(DescribedVideo::of(&stored, &catalogue, &layout).await?))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;
    use serde_json::{Value, json};

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

    #[tokio::test]
    async fn what_is_said_of_it_is_changed_and_shown_all_or_nothing() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "Old", true).await;
        let token = api.token(Scope::VideosWrite).await;
        let path = format!("/api/v1/videos/{}", video.id);
        let wish = r#"{"description":"*Un*","language":"fr","kind":"seminar","licence":"CC-BY-4.0","tags":["Algèbre"],
            "speakers":["Émilie","Jo"],"chapters":[{"start_ms":12000,"title":"Suite"},{"start_ms":0,"title":"Début"}]}"#;
        let (status, shown) = api.send("PATCH", &path, Some(&token), Some(wish)).await;
        assert_eq!(status, 200, "{shown}");
        for (field, value) in [
            ("title", json!("Old")),
            ("description", json!("*Un*")),
            ("language", json!("fr")),
            ("kind", json!("seminar")),
            ("licence", json!("CC-BY-4.0")),
            ("tags", json!(["algèbre"])),
            ("speakers", json!(["Émilie", "Jo"])),
            ("chapters", json!([{"start_ms": 0, "title": "Début"}, {"start_ms": 12000, "title": "Suite"}])),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
        assert_eq!(api.get(&path).await.1, shown);
        for (wish, field) in [
            (r#"{"title":"New","licence":"a b"}"#, "licence"),
            (r#"{"title":" ","kind":"other"}"#, "title"),
            (r#"{"language":"!"}"#, "language"),
            (r#"{"kind":"film"}"#, "kind"),
            (r#"{"title":"New","chapters":[{"start_ms":30000,"title":"After"}]}"#, "chapters"),
            (r#"{"tags":["a,b"]}"#, "tags"),
        ] {
            let (status, problem) = api.send("PATCH", &path, Some(&token), Some(wish)).await;
            assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{wish}");
            assert_eq!(api.get(&path).await.1, shown, "{wish}");
        }
        let (_, emptied) = api.send("PATCH", &path, Some(&token), Some(r#"{"language":null,"tags":[]}"#)).await;
        assert_eq!(
            (&emptied["language"], &emptied["tags"], &emptied["kind"]),
            (&Value::Null, &json!([]), &json!("seminar"))
        );
    }
}
