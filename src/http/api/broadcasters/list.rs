//! `GET /api/v1/broadcasters`.

use super::Broadcaster;
use crate::catalogue::Catalogue;
use crate::http::problem::Problem;
use crate::live;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BroadcasterList)]
pub(crate) struct Answer {
    /// By slug.
    items: Vec<Broadcaster>,
}

/// All broadcasters.
#[utoipa::path(
    get,
    path = "/api/v1/broadcasters",
    operation_id = "listBroadcasters",
    tag = "broadcasters",
    responses((status = OK, body = Answer))
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(live): State<live::Handle>,
) -> Result<Json<Answer>, Problem> {
    let stored = catalogue.broadcasters().await?;
    let items = stored.iter().map(|broadcaster| Broadcaster::of(broadcaster, &live)).collect();
    Ok(Json(Answer { items }))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;

    #[tokio::test]
    async fn lists_all_by_slug() {
        let api = Api::new().await;
        api.hall("b").await;
        api.hall("a").await;
        let (status, answer) = api.get("/api/v1/broadcasters").await;
        assert_eq!(status, 200);
        let slugs: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| item["slug"].as_str()).collect();
        assert_eq!(slugs, [Some("a"), Some("b")]);
    }
}
