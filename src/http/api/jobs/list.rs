//! `GET /api/v1/jobs`.

use super::Job;
use crate::catalogue::Catalogue;
use crate::catalogue::id::VideoId;
use crate::catalogue::job::{JobFilter, MAX_JOBS};
use crate::http::gate::visitor::Visitor;
use crate::http::input::{Search, parsed};
use crate::http::problem::Problem;
use crate::policy::object::{Action, Kind};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A screen of a list.
const DEFAULT_LIMIT: usize = 50;

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Only those that are `queued`, `running`, `done`, `failed` or `cancelled`.
    state: Option<String>,
    /// At most this many: 1 to 200, 50 by default.
    limit: Option<String>,
}

/// Background jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobList)]
pub(crate) struct Answer {
    /// Newest first.
    items: Vec<Job>,
}

/// Background jobs, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    operation_id = "listJobs",
    tag = "jobs",
    security(("token" = ["videos:write"])),
    params(Wish),
    responses(
        (status = OK, body = Answer),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A parameter can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    visitor: Visitor,
    Search(wish): Search<Wish>,
) -> Result<Json<Answer>, Problem> {
    let limit = match wish.limit.as_deref().map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_JOBS).contains(&limit) => limit,
        Some(_) => return Err(Problem::invalid("limit", format!("must lie between 1 and {MAX_JOBS}"))),
    };
    let state = wish.state.map(|state| parsed("state", &state)).transpose()?;
    let mut jobs = catalogue.jobs(JobFilter { state, limit }).await?;
    let videos: Vec<VideoId> = jobs.iter().map(|job| job.video_id.clone()).collect();
    let states = catalogue.video_states(&videos).await?;
    jobs.retain(|job| {
        let found = states.get(&job.video_id);
        found.is_some_and(|state| visitor.may(Action::Find, Kind::Jobs, job.video_id.as_str(), state))
    });
    Ok(Json(Answer { items: jobs.iter().map(Job::new).collect() }))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;
    use serde_json::json;

    #[tokio::test]
    async fn a_finished_video_has_one() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "x", true).await;
        let token = api.token(Scope::VideosWrite).await;
        let (status, answer) = api.send("GET", "/api/v1/jobs?state=queued", Some(&token), None).await;
        assert_eq!((status, answer["items"].as_array().unwrap().len()), (200, 1));
        let expected = json!({
            "id": answer["items"][0]["id"], "kind": "storyboard", "video_id": video.id.as_str(), "state": "queued",
            "attempts": 0, "progress_permille": 0, "error": null, "not_before": "2026-09-21T14:13:50.000Z",
            "created_at": "2026-09-21T14:13:50.000Z", "started_at": null, "finished_at": null
        });
        assert_eq!(answer["items"][0], expected);
        let (_, none) = api.send("GET", "/api/v1/jobs?state=running&limit=1", Some(&token), None).await;
        assert_eq!(none, json!({"items": []}));
        for (query, field) in [("state=new", "state"), ("limit=0", "limit"), ("limit=201", "limit")] {
            let (status, problem) = api.send("GET", &format!("/api/v1/jobs?{query}"), Some(&token), None).await;
            assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{query}");
        }
        let other = api.token(Scope::LivesWrite).await;
        assert_eq!(api.send("GET", "/api/v1/jobs", Some(&other), None).await.0, 403);
    }
}
