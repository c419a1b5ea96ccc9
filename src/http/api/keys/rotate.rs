//! `POST /api/v1/broadcasters/{slug}/keys/rotate`.

use super::{Key, Wish};
use crate::catalogue::Catalogue;
use crate::http::api::broadcasters::find;
use crate::http::input::{Body, Segments};
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// A new stream key, and all older ones refused, at once. A contribution on air is not cut.
#[utoipa::path(
    post,
    path = "/api/v1/broadcasters/{slug}/keys/rotate",
    operation_id = "rotateStreamKey",
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
    let (stored, key) = catalogue.rotate_key(&id, wish.label(), clock.now()).await?;
    Ok((StatusCode::CREATED, Json(Key::just_made(&stored, &key))))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn older_keys_are_refused_from_now_on() {
        let api = Api::new().await;
        let hall = api.hall("hall").await;
        let (_, old) = api.catalogue.add_key(&hall.id, "old", NOW).await.unwrap();
        let token = api.token(Scope::BroadcastersWrite).await;
        let (status, made) = api.send("POST", "/api/v1/broadcasters/hall/keys/rotate", Some(&token), None).await;
        assert_eq!(status, 201);
        assert_eq!(made["key"].as_str().unwrap().len(), 32);
        assert!(api.catalogue.find_by_key(None, &old, NOW).await.unwrap().is_none());
    }
}
