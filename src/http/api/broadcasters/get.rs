//! `GET /api/v1/broadcasters/{slug}`.

use super::{Broadcaster, find};
use crate::catalogue::Catalogue;
use crate::http::gate::visitor::Visitor;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::live;
use crate::policy::object::{Action, Kind, LivePart};
use axum::Json;
use axum::extract::State;

/// One broadcaster and what is known of its live.
#[utoipa::path(
    get,
    path = "/api/v1/broadcasters/{slug}",
    operation_id = "getBroadcaster",
    tag = "broadcasters",
    params(("slug" = String, Path, description = "Its name in URLs")),
    responses((status = OK, body = Broadcaster), (status = NOT_FOUND, body = Problem))
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(live): State<live::Handle>,
    visitor: Visitor,
    Segments(slug): Segments<String>,
) -> Result<Json<Broadcaster>, Problem> {
    let stored = find(&catalogue, &slug).await?;
    let shown = Broadcaster::of(&stored, &live);
    let figures = visitor.may_of_it(Action::See, Kind::Live(LivePart::Health));
    Ok(Json(if figures { shown } else { shown.without_figures() }))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use serde_json::json;

    #[tokio::test]
    async fn shows_one_that_is_not_on_air() {
        let api = Api::new().await;
        api.hall("hall").await;
        let (status, shown) = api.get("/api/v1/broadcasters/hall").await;
        assert_eq!(status, 200);
        assert_eq!((&shown["on_air"], &shown["contribution"]), (&json!(false), &json!(null)));
        assert_eq!((&shown["renditions"], &shown["viewers"]), (&json!([]), &json!(0)));
    }

    #[tokio::test]
    async fn an_unknown_one_is_a_problem_document() {
        let api = Api::new().await;
        for slug in ["unknown", "%2e%2e", "No%20Slug", "%FF"] {
            let (status, problem) = api.get(&format!("/api/v1/broadcasters/{slug}")).await;
            assert_eq!((status, &problem["title"]), (404, &json!("Not Found")), "{slug}");
            assert_eq!(problem["type"], "about:blank");
        }
    }
}
