//! `GET /api/v1/broadcasters`.

use super::Broadcaster;
use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster as stored;
use crate::http::gate::visitor::Visitor;
use crate::http::problem::Problem;
use crate::http::shown;
use crate::live;
use crate::policy::object::{Action, Kind, LivePart};
use crate::policy::state::State as Standing;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// All that the one who asks is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BroadcasterList)]
pub(crate) struct Answer {
    /// By slug.
    items: Vec<Broadcaster>,
}

/// All broadcasters that are for who asks.
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
    visitor: Visitor,
) -> Result<Json<Answer>, Problem> {
    let stored = shown::broadcasters(&catalogue, &visitor).await?;
    let show = |(broadcaster, state): &(stored::Broadcaster, Standing)| {
        let shown = Broadcaster::of(broadcaster, &live);
        let figures = visitor.may(Action::See, Kind::Live(LivePart::Health), broadcaster.id.as_str(), state);
        if figures { shown } else { shown.without_figures() }
    };
    Ok(Json(Answer { items: stored.iter().map(show).collect() }))
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
