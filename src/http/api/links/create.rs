//! `POST /api/v1/videos/{id}/links`.

use super::Link;
use crate::catalogue::Catalogue;
use crate::http::api::videos::id;
use crate::http::input::{Body, Segments};
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A new link.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewShareLink)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// For whom it is; 1 to 200 characters.
    label: String,
    /// How long it opens the draft: 1 to 366.
    days: u16,
}

const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// One more link. Its address is in this answer and nowhere else. It opens the video as long as it is a draft.
#[utoipa::path(
    post,
    path = "/api/v1/videos/{id}/links",
    operation_id = "createShareLink",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "The video's id")),
    request_body = Wish,
    responses(
        (status = CREATED, body = Link),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Segments(text): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<(StatusCode, Json<Link>), Problem> {
    if !(1..=366).contains(&wish.days) {
        return Err(Problem::invalid("days", "must lie between 1 and 366"));
    }
    let now = clock.now();
    let ends = now.plus_micros(i64::from(wish.days) * DAY_MICROS);
    let (stored, token) = catalogue.add_link(&id(&text)?, &wish.label, ends, now).await?;
    Ok((StatusCode::CREATED, Json(Link::just_made(&stored, &text, &token))))
}

#[cfg(test)]
mod tests {
    use crate::catalogue::access::AccessChange;
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;
    use crate::policy::state::Visibility;
    use serde_json::Value;

    #[tokio::test]
    async fn a_link_is_made_listed_without_its_address_and_revoked() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "x", true).await;
        let draft = AccessChange { visibility: Some(Visibility::Draft), ..AccessChange::default() };
        api.catalogue.change_video_access(&video.id, draft).await.unwrap();
        let token = api.token(Scope::VideosWrite).await;
        let path = format!("/api/v1/videos/{}/links", video.id);
        let (status, made) = api.send("POST", &path, Some(&token), Some(r#"{"label":"jury","days":7}"#)).await;
        assert_eq!((status, made["label"].as_str()), (201, Some("jury")));
        let url = made["url"].as_str().unwrap();
        let secret = url.strip_prefix(&format!("/videos/{}?link=", video.id)).unwrap();
        let (_, listed) = api.send("GET", &path, Some(&token), None).await;
        assert_eq!(listed["items"][0]["id"], made["id"]);
        assert!(!listed.to_string().contains(secret));
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        assert_eq!(api.send("DELETE", &one, Some(&token), None).await.0, 204);
        let (_, listed) = api.send("GET", &path, Some(&token), None).await;
        assert_ne!(listed["items"][0]["revoked_at"], Value::Null);
        assert_eq!(api.send("DELETE", &format!("{path}/aaaaaaaaaaaaaaaa"), Some(&token), None).await.0, 404);
        assert_eq!(api.send("DELETE", &format!("{path}/x"), Some(&token), None).await.0, 404);
        for (body, field) in [(r#"{"label":"x","days":0}"#, "days"), (r#"{"label":"","days":1}"#, "label")] {
            let (status, problem) = api.send("POST", &path, Some(&token), Some(body)).await;
            assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{body}");
        }
        assert_eq!(api.get(&path).await.0, 404, "a stranger does not know of the draft");
    }
}
