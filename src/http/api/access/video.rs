//! `GET` and `PATCH /api/v1/videos/{id}/access`.

use super::{audience, detail, parts, password, visibility};
use crate::catalogue::Catalogue;
use crate::catalogue::access::AccessChange;
use crate::catalogue::id::{PersonId, VideoId};
use crate::http::api::videos::id;
use crate::http::gate::Noted;
use crate::http::input::{Body, Segments, parsed, present};
use crate::http::problem::Problem;
use crate::policy::state;
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Whom a video is for, and whose it is.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = VideoAccess)]
pub(crate) struct Access {
    /// `public`, `unlisted`, `signed_in`, `groups`, `password` or `draft`.
    visibility: &'static str,
    /// For `groups`: who is in one of these, by id.
    groups: Vec<String>,
    /// For `groups`: whoever is one of these, such as `student`.
    affiliations: Vec<String>,
    has_password: bool,
    /// People, by id.
    owners: Vec<String>,
    /// Whether who may watch it may take it away whole.
    downloadable: bool,
}

impl Access {
    fn new(state: &state::State) -> Self {
        let (groups, affiliations) = parts(state);
        Self {
            visibility: state.visibility.name(),
            groups,
            affiliations,
            has_password: state.password_version.is_some(),
            owners: state.owners.iter().cloned().collect(),
            downloadable: state.downloadable,
        }
    }
}

/// What to change; what is not there stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = VideoAccessChange)]
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
    /// People, by id; replaces all.
    owners: Option<Vec<String>>,
    downloadable: Option<bool>,
}

async fn find(catalogue: &Catalogue, id: &VideoId) -> Result<state::State, Problem> {
    catalogue.video_state(id).await?.ok_or_else(|| Problem::not_found("video"))
}

/// Whom a video is for, and whose it is.
#[utoipa::path(
    get,
    path = "/api/v1/videos/{id}/access",
    operation_id = "getVideoAccess",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = Access),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem)
    )
)]
pub(crate) async fn get(
    State(catalogue): State<Catalogue>,
    Segments(text): Segments<String>,
) -> Result<Json<Access>, Problem> {
    Ok(Json(Access::new(&find(&catalogue, &id(&text)?).await?)))
}

/// Changes it. Who may not watch any more is cut off within seconds.
#[utoipa::path(
    patch,
    path = "/api/v1/videos/{id}/access",
    operation_id = "updateVideoAccess",
    tag = "videos",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    request_body = Wish,
    responses(
        (status = OK, body = Access),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem, description = "There is no such video, group or person"),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn update(
    State(catalogue): State<Catalogue>,
    Segments(text): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<(Extension<Noted>, Json<Access>), Problem> {
    let owners =
        |ids: Vec<String>| ids.iter().map(|id| parsed("owners", id)).collect::<Result<BTreeSet<PersonId>, _>>();
    let change = AccessChange {
        visibility: visibility(wish.visibility)?,
        audience: audience(wish.groups, wish.affiliations),
        password: password(wish.password).await?,
        owners: wish.owners.map(owners).transpose()?,
        downloadable: wish.downloadable,
        ..AccessChange::default()
    };
    let id = id(&text)?;
    let before = find(&catalogue, &id).await?;
    catalogue.change_video_access(&id, change).await?;
    let after = find(&catalogue, &id).await?;
    Ok((Extension(Noted(detail(&before, &after))), Json(Access::new(&after))))
}

#[cfg(test)]
mod tests {
    use crate::catalogue::identity::NewPerson;
    use crate::catalogue::secret::Password;
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;
    use crate::policy::who::Role;
    use serde_json::json;

    #[tokio::test]
    async fn is_changed_and_holds_at_once() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "x", true).await;
        let hash = Password::random().unwrap().hash().unwrap();
        let zoe = api.catalogue.add_person(NewPerson::new("zoe", Role::Viewer), &hash, NOW).await.unwrap();
        let token = api.token(Scope::VideosWrite).await;
        let path = format!("/api/v1/videos/{}/access", video.id);
        let body = json!({"visibility": "password", "password": "sésame", "owners": [zoe.id.as_str()]}).to_string();
        let (status, shown) = api.send("PATCH", &path, Some(&token), Some(&body)).await;
        assert_eq!((status, &shown["has_password"], &shown["owners"][0]), (200, &json!(true), &json!(zoe.id.as_str())));
        assert!(!shown.to_string().contains("argon2"));
        assert_eq!(api.get(&format!("/api/v1/videos/{}", video.id)).await.0, 401);
        assert_eq!(api.get("/api/v1/videos").await.1["items"], json!([]));
        let (status, _) =
            api.send("PATCH", &path, Some(&token), Some(r#"{"visibility":"draft","password":null}"#)).await;
        assert_eq!(status, 200);
        assert_eq!(api.get(&format!("/api/v1/videos/{}", video.id)).await.0, 404, "a draft is not there");
        assert_eq!(api.get(&path).await.0, 404);
        let (status, problem) = api.send("PATCH", &path, Some(&token), Some(r#"{"owners":["zoe"]}"#)).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("owners")));
        let (status, _) = api.send("PATCH", &path, Some(&token), Some(r#"{"owners":["aaaaaaaaaaaaaaaa"]}"#)).await;
        assert_eq!(status, 404);
        let other = api.token(Scope::VideosRead).await;
        assert_eq!(api.send("GET", &path, Some(&other), None).await.0, 403);
        assert_eq!(api.send("GET", &format!("/api/v1/videos/{}", video.id), Some(&other), None).await.0, 200);
    }
}
