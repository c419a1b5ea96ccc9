//! `POST /api/v1/jobs/{id}/cancel`.

use super::{Job, id};
use crate::catalogue::Catalogue;
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::http::state::Clock;
use axum::Json;
use axum::extract::State;

/// Cancels a job that waits or runs.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/cancel",
    operation_id = "cancelJob",
    tag = "jobs",
    security(("token" = ["videos:write"])),
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, body = Job),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = CONFLICT, body = Problem, description = "It is finished")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Segments(text): Segments<String>,
) -> Result<Json<Job>, Problem> {
    Ok(Json(Job::new(&catalogue.cancel_job(&id(&text)?, clock.now()).await?)))
}

#[cfg(test)]
mod tests {
    use crate::catalogue::job::{JobFilter, JobKind};
    use crate::catalogue::lease::Owner;
    use crate::http::api::support::{Api, NOW};
    use crate::policy::scope::Scope;

    #[tokio::test]
    async fn one_that_waits_is_never_begun() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        api.video(&hall, "x", true).await;
        let token = api.token(Scope::VideosWrite).await;
        let id = api.catalogue.jobs(JobFilter { state: None, limit: 1 }).await.unwrap()[0].id.clone();
        let path = format!("/api/v1/jobs/{id}/cancel");
        let (status, shown) = api.send("POST", &path, Some(&token), None).await;
        assert_eq!((status, shown["state"].as_str()), (200, Some("cancelled")));
        assert_eq!(shown["finished_at"], "2026-09-21T14:13:20.000Z");
        assert_eq!(api.send("POST", &path, Some(&token), None).await.0, 409);
        let later = NOW.plus_micros(600_000_000);
        let me = Owner::random().unwrap();
        assert_eq!(api.catalogue.claim_job(JobKind::ALL, &me, later, later).await.unwrap(), None);
        assert_eq!(api.send("POST", "/api/v1/jobs/aaaaaaaaaaaaaaaa/cancel", Some(&token), None).await.0, 404);
    }
}
