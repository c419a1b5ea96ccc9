//! `POST /api/v1/broadcasters/{slug}/retry`.

use crate::catalogue::Catalogue;
use crate::http::api::broadcasters::find;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::live;
use axum::extract::State;
use axum::http::StatusCode;

/// Tries the engines of a live again that were given up or missing, for renditions and captions. Those that run go on.
#[utoipa::path(
    post,
    path = "/api/v1/broadcasters/{slug}/retry",
    operation_id = "retryEngines",
    tag = "lives",
    security(("token" = ["lives:write"])),
    params(("slug" = String, Path, description = "The broadcaster's name in URLs")),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is not on air")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(live): State<live::Handle>,
    Segments(slug): Segments<String>,
) -> Result<StatusCode, Problem> {
    find(&catalogue, &slug).await?;
    live.retry_engines(&slug).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn says_when_nothing_is_on_air() {
        let api = Api::new().await;
        api.hall("hall").await;
        let token = api.token(Scope::LivesWrite).await;
        assert_eq!(api.send("POST", "/api/v1/broadcasters/hall/retry", Some(&token), None).await.0, 409);
        assert_eq!(api.send("POST", "/api/v1/broadcasters/none/retry", Some(&token), None).await.0, 404);
        assert_eq!(api.send("POST", "/api/v1/broadcasters/hall/retry", None, None).await.0, 401);
    }
}
