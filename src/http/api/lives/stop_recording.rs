//! `POST /api/v1/broadcasters/{slug}/recording/stop`.

use crate::catalogue::Catalogue;
use crate::http::api::broadcasters::find;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::live;
use axum::extract::State;
use axum::http::StatusCode;

/// Records a broadcaster's live no more: what was recorded is a video within seconds, and viewers watch on. What is shown from then on can't be
/// watched later, and not be rewound to.
#[utoipa::path(
    post,
    path = "/api/v1/broadcasters/{slug}/recording/stop",
    operation_id = "stopRecording",
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
    live.record(&slug, false).await?;
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
        for act in ["start", "stop"] {
            let path = |slug| format!("/api/v1/broadcasters/{slug}/recording/{act}");
            assert_eq!(api.send("POST", &path("hall"), Some(&token), None).await.0, 409);
            assert_eq!(api.send("POST", &path("none"), Some(&token), None).await.0, 404);
            assert_eq!(api.send("POST", &path("hall"), None, None).await.0, 401);
        }
    }
}
