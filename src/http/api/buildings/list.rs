//! `GET /api/v1/buildings`.

use super::Building;
use crate::catalogue::Catalogue;
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// Buildings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BuildingList)]
pub(crate) struct Answer {
    /// By title.
    items: Vec<Building>,
}

/// All buildings, by title.
#[utoipa::path(
    get,
    path = "/api/v1/buildings",
    operation_id = "listBuildings",
    tag = "broadcasters",
    security(("token" = ["broadcasters:read"])),
    responses(
        (status = OK, body = Answer),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem)
    )
)]
pub(crate) async fn handler(State(catalogue): State<Catalogue>) -> Result<Json<Answer>, Problem> {
    Ok(Json(Answer { items: catalogue.buildings().await?.iter().map(Building::new).collect() }))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;
    use serde_json::json;

    #[tokio::test]
    async fn lists_all_by_title_to_who_may_read_broadcasters() {
        let api = Api::new().await;
        let south = api.catalogue.add_building("South", NOW).await.unwrap();
        let north = api.catalogue.add_building("North", NOW).await.unwrap();
        let token = api.token(Scope::BroadcastersRead).await;
        let (status, answer) = api.send("GET", "/api/v1/buildings", Some(&token), None).await;
        let expected = json!({"items": [{"id": north.id.as_str(), "title": "North"},
                                        {"id": south.id.as_str(), "title": "South"}]});
        assert_eq!((status, answer), (200, expected));
        let other = api.token(Scope::VideosWrite).await;
        assert_eq!(api.send("GET", "/api/v1/buildings", Some(&other), None).await.0, 403);
        assert_eq!(api.get("/api/v1/buildings").await.0, 401);
    }
}
