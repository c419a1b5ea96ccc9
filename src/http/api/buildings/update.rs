//! `PATCH /api/v1/buildings/{id}`.

use super::{Building, Wish, id};
use crate::catalogue::Catalogue;
use crate::http::gate::Noted;
use crate::http::input::{Body, Segments};
use crate::http::problem::Problem;
use axum::extract::State;
use axum::{Extension, Json};

/// Gives a building another name; whoever and whatever is in it stays.
#[utoipa::path(
    patch,
    path = "/api/v1/buildings/{id}",
    operation_id = "updateBuilding",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("id" = String, Path, description = "Its id")),
    request_body = Wish,
    responses(
        (status = OK, body = Building),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "Another one is called so"),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    Segments(text): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<(Extension<Noted>, Json<Building>), Problem> {
    let renamed = catalogue.rename_building(&id(&text)?, &wish.title).await?;
    Ok((Extension(Noted(renamed.title.clone())), Json(Building::new(&renamed))))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn it_is_called_otherwise_and_what_cannot_be_is_named() {
        let api = Api::new().await;
        let north = api.catalogue.add_building("North", NOW).await.unwrap();
        api.catalogue.add_building("South", NOW).await.unwrap();
        let token = api.token(Scope::BroadcastersWrite).await;
        let path = format!("/api/v1/buildings/{}", north.id);
        let (status, shown) = api.send("PATCH", &path, Some(&token), Some(r#"{"title":"North wing"}"#)).await;
        assert_eq!((status, shown["title"].as_str()), (200, Some("North wing")));
        let entry = api.catalogue.audit_log(1).await.unwrap().remove(0);
        assert_eq!((entry.act.as_str(), entry.object_id.as_str()), ("building.change", north.id.as_str()));
        for (body, status) in [(r#"{"title":"South"}"#, 409), (r#"{"title":""}"#, 422), (r#"{"name":"x"}"#, 422)] {
            assert_eq!(api.send("PATCH", &path, Some(&token), Some(body)).await.0, status, "{body}");
        }
        let gone = "/api/v1/buildings/aaaaaaaaaaaaaaaa";
        assert_eq!(api.send("PATCH", gone, Some(&token), Some(r#"{"title":"x"}"#)).await.0, 404);
    }
}
