//! `DELETE /api/v1/broadcasters/{slug}/keys/{id}`.

use crate::catalogue::Catalogue;
use crate::http::api::broadcasters::find;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::extract::State;
use axum::http::StatusCode;

/// Refuses a stream key from now on. A contribution on air is not cut.
#[utoipa::path(
    delete,
    path = "/api/v1/broadcasters/{slug}/keys/{id}",
    operation_id = "revokeStreamKey",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(
        ("slug" = String, Path, description = "The broadcaster's name in URLs"),
        ("id" = String, Path, description = "The key's id")
    ),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem)
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Segments((slug, id)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    let broadcaster = find(&catalogue, &slug).await?.id;
    let id = id.parse().map_err(|_| Problem::not_found("stream key"))?;
    catalogue.revoke_key(&broadcaster, &id, clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn refuses_that_key_and_no_other() {
        let api = Api::new().await;
        let hall = api.hall("hall").await;
        let (info, key) = api.catalogue.add_key(&hall.id, "one", NOW).await.unwrap();
        let (_, other) = api.catalogue.add_key(&hall.id, "two", NOW).await.unwrap();
        let token = api.token(Scope::BroadcastersWrite).await;
        let path = format!("/api/v1/broadcasters/hall/keys/{}", info.id);
        assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 204);
        assert!(api.catalogue.find_by_key(None, &key, NOW).await.unwrap().is_none());
        assert!(api.catalogue.find_by_key(None, &other, NOW).await.unwrap().is_some());
        for id in ["nonsense", "aaaaaaaaaaaaaaaa"] {
            let path = format!("/api/v1/broadcasters/hall/keys/{id}");
            assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 404);
        }
    }
}
