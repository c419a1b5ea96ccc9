//! `GET /api/v1/lives`.

use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster::Broadcaster;
use crate::clock::rfc3339;
use crate::http::api::broadcasters::{hls_url, page_url, state_name};
use crate::http::gate::visitor::Visitor;
use crate::http::problem::Problem;
use crate::http::shown;
use crate::live;
use crate::live::status::{State as Stands, Status};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What is on air.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiveList)]
pub(crate) struct Answer {
    /// By the broadcaster's slug.
    items: Vec<Live>,
}

/// A live.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct Live {
    /// The broadcaster's slug.
    broadcaster: String,
    /// The broadcaster's title.
    title: String,
    /// `on_air`, or `dropped` while its contribution is awaited.
    state: &'static str,
    /// RFC 3339, UTC.
    started_at: Option<String>,
    /// The video that is being recorded.
    video_id: Option<String>,
    viewers: u64,
    page_url: String,
    hls_url: String,
}

/// All lives that who asks can join.
#[utoipa::path(
    get,
    path = "/api/v1/lives",
    operation_id = "listLives",
    tag = "lives",
    responses((status = OK, body = Answer))
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(live): State<live::Handle>,
    visitor: Visitor,
) -> Result<Json<Answer>, Problem> {
    let broadcasters = shown::broadcasters(&catalogue, &visitor).await?;
    let broadcasters: Vec<Broadcaster> = broadcasters.into_iter().map(|(broadcaster, _)| broadcaster).collect();
    Ok(Json(Answer { items: lives(&broadcasters, &live.statuses()) }))
}

/// Those that can be joined, of broadcasters that this tenant has.
fn lives(broadcasters: &[Broadcaster], statuses: &[(String, Arc<Status>)]) -> Vec<Live> {
    broadcasters
        .iter()
        .filter_map(|broadcaster| {
            let slug = broadcaster.slug.as_str();
            let (_, status) = statuses.iter().find(|(of, _)| of == slug)?;
            matches!(status.state, Stands::OnAir | Stands::Dropped).then(|| Live {
                broadcaster: slug.to_owned(),
                title: broadcaster.title.clone(),
                state: state_name(status.state),
                started_at: status.started_at.map(rfc3339),
                video_id: status.video_id.clone(),
                viewers: status.viewers,
                page_url: page_url(slug),
                hls_url: hls_url(slug),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::api::support::{Api, NOW};
    use serde_json::json;

    fn status(state: Stands) -> Status {
        Status { state, started_at: Some(NOW), viewers: 2, ..Status::starting() }
    }

    #[tokio::test]
    async fn nothing_on_air_is_an_empty_list() {
        let api = Api::new().await;
        api.hall("a").await;
        assert_eq!(api.get("/api/v1/lives").await, (200, json!({"items": []})));
    }

    #[tokio::test]
    async fn only_what_can_be_joined_is_listed() {
        let api = Api::new().await;
        api.lives.show("removed", status(Stands::OnAir));
        for (slug, state) in [
            ("a", Stands::Idle),
            ("b", Stands::Starting),
            ("c", Stands::OnAir),
            ("d", Stands::Dropped),
            ("e", Stands::Ended),
        ] {
            api.hall(slug).await;
            api.lives.show(slug, status(state));
        }
        let (_, found) = api.get("/api/v1/lives").await;
        let found = found["items"].as_array().unwrap();
        let shown: Vec<_> =
            found.iter().map(|live| json!([live["broadcaster"], live["state"], live["viewers"]])).collect();
        assert_eq!(shown, [json!(["c", "on_air", 2]), json!(["d", "dropped", 2])]);
        assert_eq!(found[0]["hls_url"], "/live/c/master.m3u8");
    }
}
