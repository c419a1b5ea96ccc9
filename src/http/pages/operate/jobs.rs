//! `/operate/_/jobs`: work in the background, of the buildings where the operator works, with what can be done about it.

use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::id::VideoId;
use crate::catalogue::job::{Job, JobFilter, JobState, MAX_JOBS};
use crate::http::assets::Entry;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{not_ours, see};
use crate::policy::object::{Action, Kind};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::IgnoredAny;

#[derive(Template)]
#[template(path = "operate-jobs.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    jobs: Vec<Line>,
}

/// A job in the table.
struct Line {
    job: Job,
    /// Of its video; empty when that is gone.
    title: String,
    may_change: bool,
}

impl Line {
    fn kind_key(&self) -> String {
        format!("job-kind-{}", self.job.kind)
    }

    fn state_key(&self) -> String {
        format!("job-state-{}", self.job.state)
    }

    fn percent(&self) -> u32 {
        self.job.progress_permille / 10
    }

    fn runs(&self) -> bool {
        self.job.state == JobState::Running
    }

    fn may_cancel(&self) -> bool {
        self.may_change && matches!(self.job.state, JobState::Queued | JobState::Running)
    }

    fn may_retry(&self) -> bool {
        self.may_change && matches!(self.job.state, JobState::Failed | JobState::Cancelled)
    }
}

/// `GET /operate/_/jobs`.
pub(super) async fn page(State(desk): State<Desk>, asking: Asking) -> Response {
    let reader = asking.reader();
    let jobs = match lines(&desk, &asking.visitor).await {
        Ok(jobs) => jobs,
        Err(error) => return refused(&reader, &error),
    };
    let form = FormPage::new(&reader);
    let page = Page { frame: form.frame_loading(Entry::Operate), token: form.token(), jobs };
    form.respond(StatusCode::OK, &page)
}

async fn lines(desk: &Desk, visitor: &Visitor) -> Result<Vec<Line>, Error> {
    let jobs = desk.catalogue.jobs(JobFilter { state: None, limit: MAX_JOBS }).await?;
    let ids: Vec<VideoId> = jobs.iter().map(|job| job.video_id.clone()).collect();
    let states = desk.catalogue.video_states(&ids).await?;
    let mut lines = Vec::new();
    for job in jobs {
        let Some(state) = states.get(&job.video_id) else { continue };
        if !visitor.may(Action::Find, Kind::Jobs, job.id.as_str(), state) {
            continue;
        }
        let title = desk.catalogue.video(&job.video_id).await?.map_or_else(String::new, |video| video.title);
        let may_change = visitor.may(Action::Change, Kind::Jobs, job.id.as_str(), state);
        lines.push(Line { job, title, may_change });
    }
    Ok(lines)
}

/// `POST /operate/_/jobs/{id}/retry`.
pub(super) async fn retry(
    State(desk): State<Desk>,
    asking: Asking,
    Path(id): Path<String>,
    Fields(sent): Fields<IgnoredAny>,
) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let Ok(id) = id.parse() else { return refused(&reader, &Error::NotFound("job")) };
    match desk.catalogue.retry_job(&id, desk.clock.now()).await {
        Ok(_) => see("/operate/_/jobs"),
        Err(error) => refused(&reader, &error),
    }
}

/// `POST /operate/_/jobs/{id}/cancel`.
pub(super) async fn cancel(
    State(desk): State<Desk>,
    asking: Asking,
    Path(id): Path<String>,
    Fields(sent): Fields<IgnoredAny>,
) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let Ok(id) = id.parse() else { return refused(&reader, &Error::NotFound("job")) };
    match desk.catalogue.cancel_job(&id, desk.clock.now()).await {
        Ok(_) => see("/operate/_/jobs"),
        Err(error) => refused(&reader, &error),
    }
}
