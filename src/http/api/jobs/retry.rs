//! `POST /api/v1/jobs/{id}/retry`.

use super::{Job, id};
use crate::catalogue::Catalogue;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::Json;
use axum::extract::State;

/// Has a job tried again now, from the beginning: one that failed, was cancelled or done, or one that waits after a failure.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/retry",
    operation_id = "retryJob",
    tag = "jobs",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = Job),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It runs, or another job does the same")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Segments(text): Segments<String>,
) -> Result<Json<Job>, Problem> {
    Ok(Json(Job::new(&catalogue.retry_job(&id(&text)?, clock.now()).await?)))
}

#[cfg(test)]
mod tests {
    use crate::catalogue::job::JobKind;
    use crate::catalogue::lease::Owner;
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn one_that_failed_waits_again() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        api.video(&hall, "x", true).await;
        let token = api.token(Scope::VideosWrite).await;
        let later = NOW.plus_micros(60_000_000);
        let me = Owner::random().unwrap();
        let job = api.catalogue.claim_job(JobKind::ALL, &me, later, later).await.unwrap().unwrap();
        let path = format!("/api/v1/jobs/{}/retry", job.id);
        assert_eq!(api.send("POST", &path, Some(&token), None).await.0, 409, "it runs");
        api.catalogue.fail_job(&job.id, &me, "no room", None, later).await.unwrap();
        let (status, shown) = api.send("POST", &path, Some(&token), None).await;
        assert_eq!((status, shown["state"].as_str(), shown["error"].is_null()), (200, Some("queued"), true));
        assert_eq!(shown["not_before"], "2026-09-21T14:13:20.000Z");
        assert_eq!(api.send("POST", "/api/v1/jobs/x/retry", Some(&token), None).await.0, 404);
    }
}
