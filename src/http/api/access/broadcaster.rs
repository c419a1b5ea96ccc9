//! `GET` and `PATCH /api/v1/broadcasters/{slug}/access`.

use super::{audience, detail, parts, password, visibility};
use crate::catalogue::Catalogue;
use crate::catalogue::access::AccessChange;
use crate::http::gate::Noted;
use crate::http::input::{Body, Segments, parsed, present};
use crate::http::problem::Problem;
use crate::policy::state;
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whom a broadcaster's lives are for.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = BroadcasterAccess)]
pub(crate) struct Access {
    /// `public`, `unlisted`, `signed_in`, `groups`, `password` or `draft`.
    visibility: &'static str,
    /// For `groups`: who is in one of these, by id.
    groups: Vec<String>,
    /// For `groups`: whoever is one of these, such as `student`.
    affiliations: Vec<String>,
    has_password: bool,
    /// The building it is in, by id.
    building: Option<String>,
    /// Whether who may watch it may also see what its encoder sends.
    open_figures: bool,
}

impl Access {
    fn new(state: &state::State) -> Self {
        let (groups, affiliations) = parts(state);
        Self {
            visibility: state.visibility.name(),
            groups,
            affiliations,
            has_password: state.password_version.is_some(),
            building: state.building.clone(),
            open_figures: state.open_figures,
        }
    }
}

/// What to change; what is not there stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BroadcasterAccessChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// `public`, `unlisted`, `signed_in`, `groups`, `password` or `draft`.
    visibility: Option<String>,
    /// Replaces groups and affiliations.
    groups: Option<Vec<String>>,
    /// Replaces groups and affiliations.
    affiliations: Option<Vec<String>>,
    /// 6 to 128 characters; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    password: Option<Option<String>>,
    /// A building's id; null: in none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    building: Option<Option<String>>,
    open_figures: Option<bool>,
}

async fn find(
    catalogue: &Catalogue,
    slug: &str,
) -> Result<(crate::catalogue::id::BroadcasterId, state::State), Problem> {
    let not_found = || Problem::not_found("broadcaster");
    let slug = slug.parse().map_err(|_| not_found())?;
    catalogue.broadcaster_state(&slug).await?.ok_or_else(not_found)
}

/// Whom a broadcaster's lives are for, and what is recorded of them from now on.
#[utoipa::path(
    get,
    path = "/api/v1/broadcasters/{slug}/access",
    operation_id = "getBroadcasterAccess",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("slug" = String, Path, description = "Its name in URLs")),
    responses(
        (status = OK, body = Access),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem)
    )
)]
pub(crate) async fn get(
    State(catalogue): State<Catalogue>,
    Segments(slug): Segments<String>,
) -> Result<Json<Access>, Problem> {
    Ok(Json(Access::new(&find(&catalogue, &slug).await?.1)))
}

/// Changes it. Who may not watch any more is cut off within seconds; videos that were recorded keep what they have.
#[utoipa::path(
    patch,
    path = "/api/v1/broadcasters/{slug}/access",
    operation_id = "updateBroadcasterAccess",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("slug" = String, Path, description = "Its name in URLs")),
    request_body = Wish,
    responses(
        (status = OK, body = Access),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem, description = "There is no such broadcaster, group or building"),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn update(
    State(catalogue): State<Catalogue>,
    Segments(slug): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<(Extension<Noted>, Json<Access>), Problem> {
    let building = match wish.building {
        Some(Some(id)) => Some(Some(parsed("building", &id)?)),
        other => other.map(|_| None),
    };
    let change = AccessChange {
        visibility: visibility(wish.visibility)?,
        audience: audience(wish.groups, wish.affiliations),
        password: password(wish.password).await?,
        building,
        open_figures: wish.open_figures,
        ..AccessChange::default()
    };
    let (id, before) = find(&catalogue, &slug).await?;
    catalogue.change_broadcaster_access(&id, change).await?;
    let (_, after) = find(&catalogue, &slug).await?;
    Ok((Extension(Noted(detail(&before, &after))), Json(Access::new(&after))))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;
    use serde_json::json;

    const PATH: &str = "/api/v1/broadcasters/hall/access";

    #[tokio::test]
    async fn is_shown_to_who_may_change_it_and_changed() {
        let api = Api::new().await;
        api.hall("hall").await;
        let group = api.catalogue.add_group("L1", NOW).await.unwrap();
        let token = api.token(Scope::BroadcastersWrite).await;
        let (status, shown) = api.send("GET", PATH, Some(&token), None).await;
        let expected = json!({"visibility": "public", "groups": [], "affiliations": [], "has_password": false,
                              "building": null, "open_figures": true});
        assert_eq!((status, shown), (200, expected));
        let body = json!({"visibility": "groups", "groups": [group.id.as_str()], "open_figures": false}).to_string();
        let (status, shown) = api.send("PATCH", PATH, Some(&token), Some(&body)).await;
        assert_eq!((status, &shown["groups"][0]), (200, &json!(group.id.as_str())));
        assert_eq!(api.get("/api/v1/broadcasters/hall").await.0, 401, "at once");
        let log = api.catalogue.audit_log(9).await.unwrap();
        assert_eq!(log[0].act, "broadcaster.rights");
        assert_eq!(log[0].detail, "visibility public → groups, audience of 0 → 1");
        let (_, shown) = api.send("PATCH", PATH, Some(&token), Some(r#"{"affiliations":["staff"]}"#)).await;
        assert_eq!((&shown["groups"], &shown["affiliations"]), (&json!([]), &json!(["staff"])));
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_named() {
        let api = Api::new().await;
        api.hall("hall").await;
        let token = api.token(Scope::BroadcastersWrite).await;
        for (body, status, field) in [
            (r#"{"visibility":"secret"}"#, 422, Some("visibility")),
            (r#"{"visibility":"password"}"#, 422, Some("password")),
            (r#"{"password":"short"}"#, 422, Some("password")),
            (r#"{"building":"x"}"#, 422, Some("building")),
            (r#"{"affiliations":["a b"]}"#, 422, Some("affiliation")),
            (r#"{"groups":["aaaaaaaaaaaaaaaa"]}"#, 404, None),
            (r#"{"owner":"x"}"#, 422, Some("owner")),
        ] {
            let (got, problem) = api.send("PATCH", PATH, Some(&token), Some(body)).await;
            assert_eq!((got, problem["field"].as_str()), (status, field), "{body}: {problem}");
        }
        let reads = api.token(Scope::BroadcastersRead).await;
        assert_eq!(api.send("GET", PATH, Some(&reads), None).await.0, 403);
        assert_eq!(api.send("GET", PATH, None, None).await.0, 401);
    }
}
