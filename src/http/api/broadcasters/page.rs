//! `GET` and `PATCH /api/v1/broadcasters/{slug}/page`: what its page says beside its title, speakers and licence (which are
//! the broadcaster's own), and what stands beside its live.

use super::find;
use crate::catalogue::Catalogue;
use crate::catalogue::recordings::{BroadcasterDetails, BroadcasterDetailsChange};
use crate::http::input::{Body, Segments, parsed, present};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a broadcaster's page shows beside title, speakers and licence, which are the broadcaster's own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BroadcasterPage)]
pub(crate) struct Page {
    /// Markdown; empty for none.
    description: String,
    /// A page of another site that stands beside the live, such as a chat; shown only if the server's setting `http.tools` names its site.
    tool_url: Option<String>,
    /// Where that stands: `beside` the player (in narrow windows below it), or `below` it.
    tool_place: &'static str,
}

impl Page {
    fn new(details: BroadcasterDetails) -> Self {
        Self { description: details.description, tool_url: details.tool_url, tool_place: details.tool_place.name() }
    }
}

/// What to change; what is not there stays, `null` empties.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BroadcasterPageChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Markdown, at most 10,000 characters.
    description: Option<String>,
    /// `https://`, at most 2,000 bytes, without credentials; null: nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    tool_url: Option<Option<String>>,
    /// `beside` or `below`.
    tool_place: Option<String>,
}

/// What its page shows beside its live.
#[utoipa::path(
    get,
    path = "/api/v1/broadcasters/{slug}/page",
    operation_id = "getBroadcasterPage",
    tag = "broadcasters",
    params(("slug" = String, Path, description = "Its name in URLs")),
    responses((status = OK, body = Page), (status = NOT_FOUND, body = Problem))
)]
pub(crate) async fn get(
    State(catalogue): State<Catalogue>,
    Segments(slug): Segments<String>,
) -> Result<Json<Page>, Problem> {
    let id = find(&catalogue, &slug).await?.id;
    let details = catalogue.broadcaster_details(&id).await?;
    details.map(|details| Json(Page::new(details))).ok_or_else(|| Problem::not_found("broadcaster"))
}

/// Changes it. Pages that are open have it when they are loaded again.
#[utoipa::path(
    patch,
    path = "/api/v1/broadcasters/{slug}/page",
    operation_id = "updateBroadcasterPage",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("slug" = String, Path, description = "Its name in URLs")),
    request_body = Wish,
    responses(
        (status = OK, body = Page),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn update(
    State(catalogue): State<Catalogue>,
    Segments(slug): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<Json<Page>, Problem> {
    let id = find(&catalogue, &slug).await?.id;
    let change = BroadcasterDetailsChange {
        description: wish.description,
        tool_url: wish.tool_url,
        tool_place: wish.tool_place.map(|name| parsed("tool_place", &name)).transpose()?,
        ..BroadcasterDetailsChange::default()
    };
    Ok(Json(Page::new(catalogue.change_broadcaster_details(&id, change).await?)))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;
    use serde_json::Value;

    #[tokio::test]
    async fn says_what_the_page_shows_and_takes_addresses_that_are_safe() {
        let api = Api::new().await;
        api.hall("hall").await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let path = "/api/v1/broadcasters/hall/page";
        let patch = async |body| api.send("PATCH", path, Some(&token), Some(body)).await;
        let (status, shown) = patch(r#"{"description":"**Ici**","tool_url":"https://chat.example/room"}"#).await;
        assert_eq!((status, shown["tool_url"].as_str()), (200, Some("https://chat.example/room")));
        assert_eq!(shown["tool_place"], "beside");
        let (_, shown) = patch(r#"{"tool_place":"below"}"#).await;
        assert_eq!((shown["tool_place"].as_str(), shown["tool_url"].is_string()), (Some("below"), true));
        let (status, problem) = patch(r#"{"tool_place":"above"}"#).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("tool_place")));
        let (_, shown) = patch(r#"{"tool_url":null}"#).await;
        assert_eq!(shown["tool_place"], "below", "it stays");
        assert_eq!((shown["description"].as_str(), &shown["tool_url"]), (Some("**Ici**"), &Value::Null));
        let (status, shown) = api.get(path).await;
        assert_eq!((status, shown["description"].as_str()), (200, Some("**Ici**")));
        for bad in ["http://chat.example", "javascript:alert(1)", "https://u:p@chat.example/", ""] {
            let body = format!(r#"{{"tool_url":"{bad}"}}"#);
            let (status, problem) = api.send("PATCH", path, Some(&token), Some(&body)).await;
            assert_eq!((status, problem["field"].as_str()), (422, Some("tool_url")), "{bad}");
        }
        assert_eq!(api.get("/api/v1/broadcasters/none/page").await.0, 404);
    }
}
