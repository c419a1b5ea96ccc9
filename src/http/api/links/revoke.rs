//! `DELETE /api/v1/videos/{id}/links/{link}`.

use crate::catalogue::Catalogue;
use crate::http::api::videos::id;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::extract::State;
use axum::http::StatusCode;

/// Revokes a link: it opens nothing from now on, and who watches by it is cut off within seconds.
#[utoipa::path(
    delete,
    path = "/api/v1/videos/{id}/links/{link}",
    operation_id = "revokeShareLink",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(
        ("id" = String, Path, description = "The video's id"),
        ("link" = String, Path, description = "The link's id")
    ),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem)
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Segments((video, link)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    let link = link.parse().map_err(|_| Problem::not_found("link"))?;
    catalogue.revoke_link(&id(&video)?, &link, clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
