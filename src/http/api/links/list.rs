//! `GET /api/v1/videos/{id}/links`.

use super::Link;
use crate::catalogue::Catalogue;
use crate::http::api::videos::id;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A video's links.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareLinkList)]
pub(crate) struct Answer {
    /// Newest first.
    items: Vec<Link>,
}

/// The links to a draft, without their addresses; revoked and expired ones included.
#[utoipa::path(
    get,
    path = "/api/v1/videos/{id}/links",
    operation_id = "listShareLinks",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "The video's id")),
    responses(
        (status = OK, body = Answer),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem)
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    Segments(text): Segments<String>,
) -> Result<Json<Answer>, Problem> {
    let links = catalogue.links(&id(&text)?).await?;
    Ok(Json(Answer { items: links.iter().map(Link::new).collect() }))
}
