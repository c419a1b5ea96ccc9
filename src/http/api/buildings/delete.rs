//! `DELETE /api/v1/buildings/{id}`.

use super::id;
use crate::catalogue::{Catalogue, Error};
use crate::http::input::Segments;
use crate::http::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;

/// Removes a building in which nothing is: no broadcaster, and no operator is limited to it.
#[utoipa::path(
    delete,
    path = "/api/v1/buildings/{id}",
    operation_id = "deleteBuilding",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "Something is in it; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    Segments(text): Segments<String>,
) -> Result<StatusCode, Problem> {
    let id = id(&text)?;
    match catalogue.remove_building(&id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(Error::Conflict(_)) => {
            let inside = catalogue.inside_building(&id).await?.named();
            let detail = format!("Move what is in it first, and limit nobody to it: {inside}.");
            Err(Problem::new(StatusCode::CONFLICT).detail(detail))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::access::AccessChange;
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn one_with_a_broadcaster_stays_until_that_is_moved() {
        let api = Api::new().await;
        let hall = api.hall("hall").await;
        let north = api.catalogue.add_building("North", NOW).await.unwrap();
        let put = async |building| {
            let change = AccessChange { building: Some(building), ..AccessChange::default() };
            api.catalogue.change_broadcaster_access(&hall.id, change).await.unwrap();
        };
        put(Some(north.id.clone())).await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let path = format!("/api/v1/buildings/{}", north.id);
        let (status, problem) = api.send("DELETE", &path, Some(&token), None).await;
        assert_eq!(status, 409);
        assert!(problem["detail"].as_str().unwrap().ends_with("limit nobody to it: hall."), "{problem}");
        assert!(api.catalogue.audit_log(1).await.unwrap().is_empty(), "nothing was done");
        put(None).await;
        assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 204);
        assert_eq!(api.catalogue.audit_log(1).await.unwrap()[0].act, "building.remove");
        assert_eq!(api.send("DELETE", &path, Some(&token), None).await.0, 404);
        assert!(api.catalogue.buildings().await.unwrap().is_empty());
    }
}
