//! `POST /api/v1/buildings`.

use super::{Building, Wish};
use crate::catalogue::Catalogue;
use crate::http::gate::Noted;
use crate::http::input::Body;
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};

/// One more building, without broadcasters.
#[utoipa::path(
    post,
    path = "/api/v1/buildings",
    operation_id = "createBuilding",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    request_body = Wish,
    responses(
        (status = CREATED, body = Building),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = CONFLICT, body = Problem, description = "Another one is called so"),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Body(wish): Body<Wish>,
) -> Result<(StatusCode, Extension<Noted>, Json<Building>), Problem> {
    let added = catalogue.add_building(&wish.title, clock.now()).await?;
    let noted = Noted(format!("{} {}", added.id, added.title));
    Ok((StatusCode::CREATED, Extension(noted), Json(Building::new(&added))))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn no_two_are_called_the_same() {
        let api = Api::new().await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let add = async |body| api.send("POST", "/api/v1/buildings", Some(&token), Some(body)).await;
        let (status, added) = add(r#"{"title":"North"}"#).await;
        assert_eq!((status, added["title"].as_str()), (201, Some("North")));
        assert_eq!(api.catalogue.audit_log(1).await.unwrap()[0].act, "building.add");
        let (status, problem) = add(r#"{"title":"North"}"#).await;
        assert_eq!((status, problem["field"].as_str()), (409, Some("building")));
        let (status, problem) = add(r#"{"title":""}"#).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("title")));
        let reads = api.token(Scope::BroadcastersRead).await;
        assert_eq!(api.send("POST", "/api/v1/buildings", Some(&reads), Some(r#"{"title":"x"}"#)).await.0, 403);
    }
}
