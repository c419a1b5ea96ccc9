//! `GET /api/v1/videos`.

use super::Video;
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::id::BroadcasterId;
use crate::catalogue::video::{MAX_PAGE, VideoFilter};
use crate::http::gate::visitor::Visitor;
use crate::http::input::{Search, parsed};
use crate::http::problem::Problem;
use crate::http::shown;
use crate::policy::object::{Kind, LivePart};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A screen of a list.
const DEFAULT_LIMIT: usize = 50;

/// Which videos.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Only of the broadcaster with this slug.
    broadcaster: Option<String>,
    /// At most this many: 1 to 200, 50 by default.
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of videos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VideoList)]
pub(crate) struct Answer {
    /// Newest first.
    items: Vec<Video>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// Videos that are complete, listed and for who asks, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/videos",
    operation_id = "listVideos",
    tag = "videos",
    params(Wish),
    responses(
        (status = OK, body = Answer),
        (status = BAD_REQUEST, body = Problem),
        (status = NOT_FOUND, body = Problem, description = "There is no such broadcaster"),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A parameter can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(layout): State<Layout>,
    visitor: Visitor,
    Search(wish): Search<Wish>,
) -> Result<Json<Answer>, Problem> {
    let limit = match wish.limit.as_deref().map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => limit,
        Some(_) => return Err(Problem::invalid("limit", format!("must lie between 1 and {MAX_PAGE}"))),
    };
    let filter = VideoFilter {
        broadcaster: match wish.broadcaster {
            Some(slug) => {
                Some(known(&catalogue, &visitor, &slug).await.map_err(|problem| problem.field("broadcaster"))?)
            }
            None => None,
        },
        listed_only: true,
        limit,
        cursor: wish.cursor.map(|cursor| parsed("cursor", &cursor)).transpose()?,
    };
    let page = shown::videos(&catalogue, &visitor, filter).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    let mut items = Vec::with_capacity(page.items.len());
    for stored in &page.items {
        items.push(Video::of(stored, &layout).await);
    }
    Ok(Json(Answer { items, next }))
}

/// A broadcaster that who asks may know of.
async fn known(catalogue: &Catalogue, visitor: &Visitor, slug: &str) -> Result<BroadcasterId, Problem> {
    let not_found = || Problem::not_found("broadcaster");
    let slug = slug.parse().map_err(|_| not_found())?;
    let found = catalogue.broadcaster_state(&slug).await?;
    let (id, state) = found.ok_or_else(not_found)?;
    if visitor.may_know_of(Kind::Live(LivePart::Record), id.as_str(), &state) { Ok(id) } else { Err(not_found()) }
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use serde_json::json;

    #[tokio::test]
    async fn lists_a_broadcasters_videos_with_the_fields_of_the_contract() {
        let api = Api::new().await;
        let (a, b) = (api.hall("a").await, api.hall("b").await);
        let video = api.video(&a, "Été 1", true).await;
        api.video(&a, "Too short", false).await;
        api.video(&b, "Elsewhere", true).await;
        let id = video.id.as_str();
        let (status, answer) = api.get("/api/v1/videos?broadcaster=a").await;
        assert_eq!(status, 200);
        let expected = json!({"items": [{
            "id": id, "title": "Été 1", "broadcaster": "a", "state": "ended", "listed": true,
            "started_at": "2026-09-21T14:13:20.000Z", "ended_at": "2026-09-21T14:13:50.000Z", "duration_ms": 30_000,
            "hls_url": format!("/videos/{id}/master.m3u8"), "page_url": format!("/videos/{id}-ete-1"), "poster_url": null,
            "captions": []
        }], "next": null});
        assert_eq!(answer, expected);
    }

    #[tokio::test]
    async fn pages_follow_each_other() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        for n in 0..5 {
            api.video(&hall, &format!("{n}"), true).await;
        }
        let (mut path, mut seen) = ("/api/v1/videos?limit=2".to_owned(), Vec::new());
        loop {
            let (_, answer) = api.get(&path).await;
            let ids = answer["items"].as_array().unwrap().iter();
            seen.extend(ids.map(|item| item["id"].as_str().unwrap().to_owned()));
            let Some(next) = answer["next"].as_str() else { break };
            path = format!("/api/v1/videos?limit=2&cursor={next}");
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5);
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_named() {
        let api = Api::new().await;
        for (query, status, field) in [
            ("limit=0", 422, Some("limit")),
            ("limit=201", 422, Some("limit")),
            ("limit=x", 422, Some("limit")),
            ("cursor=x", 422, Some("cursor")),
            ("broadcaster=none", 404, Some("broadcaster")),
            ("broadcasters=a", 400, None),
        ] {
            let (got, problem) = api.get(&format!("/api/v1/videos?{query}")).await;
            assert_eq!((got, problem["field"].as_str()), (status, field), "{query}: {problem}");
        }
    }
}
