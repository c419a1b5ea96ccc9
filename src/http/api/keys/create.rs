//! `POST /api/v1/broadcasters/{slug}/keys`.

use super::{Key, Wish};
use crate::catalogue::Catalogue;
use crate::http::api::broadcasters::find;
use crate::http::input::{Body, Segments};
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// One more stream key. It is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/v1/broadcasters/{slug}/keys",
    operation_id = "createStreamKey",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("slug" = String, Path, description = "The broadcaster's name in URLs")),
    request_body = Wish,
    responses(
        (status = CREATED, body = Key),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Segments(slug): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<(StatusCode, Json<Key>), Problem> {
    let id = find(&catalogue, &slug).await?.id;
    let (stored, key) = catalogue.add_key(&id, wish.label(), clock.now()).await?;
    Ok((StatusCode::CREATED, Json(Key::just_made(&stored, &key))))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;
    use media::ingest::StreamKey;

    #[tokio::test]
    async fn the_key_that_is_answered_opens_the_broadcaster() {
        let api = Api::new().await;
        api.hall("hall").await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let path = "/api/v1/broadcasters/hall/keys";
        let (status, made) = api.send("POST", path, Some(&token), Some(r#"{"label":"OBS"}"#)).await;
        assert_eq!((status, made["label"].as_str()), (201, Some("OBS")));
        let key = StreamKey::new(made["key"].as_str().unwrap().to_owned());
        assert!(api.catalogue.find_by_key(Some("hall"), &key, NOW).await.unwrap().is_some());
        assert_eq!(api.send("POST", path, Some(&token), None).await.0, 201, "a label is made up");
        let (status, problem) = api.send("POST", path, Some(&token), Some(r#"{"label":""}"#)).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("label")));
        assert_eq!(api.send("POST", "/api/v1/broadcasters/none/keys", Some(&token), None).await.0, 404);
    }
}
