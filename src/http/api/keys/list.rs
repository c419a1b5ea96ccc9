//! `GET /api/v1/broadcasters/{slug}/keys`.

use super::Key;
use crate::catalogue::Catalogue;
use crate::http::api::broadcasters::find;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A broadcaster's keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamKeyList)]
pub(crate) struct Answer {
    /// Newest first.
    items: Vec<Key>,
}

/// A broadcaster's stream keys, without the keys themselves; revoked ones included.
#[utoipa::path(
    get,
    path = "/api/v1/broadcasters/{slug}/keys",
    operation_id = "listStreamKeys",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("slug" = String, Path, description = "The broadcaster's name in URLs")),
    responses(
        (status = OK, body = Answer),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem)
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    Segments(slug): Segments<String>,
) -> Result<Json<Answer>, Problem> {
    let id = find(&catalogue, &slug).await?.id;
    Ok(Json(Answer { items: catalogue.keys(&id).await?.iter().map(Key::new).collect() }))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn lists_them_without_the_keys_themselves() {
        let api = Api::new().await;
        let hall = api.hall("hall").await;
        let (_, key) = api.catalogue.add_key(&hall.id, "box", NOW).await.unwrap();
        let token = api.token(Scope::BroadcastersWrite).await;
        let (status, answer) = api.send("GET", "/api/v1/broadcasters/hall/keys", Some(&token), None).await;
        assert_eq!((status, answer["items"][0]["label"].as_str()), (200, Some("box")));
        assert!(!answer.to_string().contains(key.reveal()));
    }
}
