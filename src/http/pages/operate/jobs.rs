//! `/operate/_/jobs`: work in the background, of the buildings where the operator works, with what can be done about it. It follows by itself where
//! there is JavaScript.

use super::progress::{self, Shown};
use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::job::{Job, JobKind, JobState};
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
    /// What a job that is added later looks like.
    blank: Line,
    /// Keys of texts that scripts put in.
    words: Vec<String>,
}

/// A job in the table.
struct Line {
    /// `None`: one that is added later.
    job: Option<Job>,
    /// Of its video; empty when that is gone.
    title: String,
    may_change: bool,
}

impl Line {
    fn id(&self) -> &str {
        self.job.as_ref().map_or("", |job| job.id.as_str())
    }

    fn kind_key(&self) -> Option<String> {
        self.job.as_ref().map(|job| format!("job-kind-{}", job.kind))
    }

    fn state_key(&self) -> Option<String> {
        self.job.as_ref().map(|job| format!("job-state-{}", job.state))
    }

    fn percent(&self) -> u32 {
        self.job.as_ref().map_or(0, |job| job.progress_permille / 10)
    }

    fn error(&self) -> &str {
        self.job.as_ref().and_then(|job| job.error.as_deref()).unwrap_or_default()
    }

    fn is(&self, states: &[JobState]) -> bool {
        self.job.as_ref().is_some_and(|job| states.contains(&job.state))
    }

    fn runs(&self) -> bool {
        self.is(&[JobState::Running])
    }

    fn may_cancel(&self) -> bool {
        self.is(&[JobState::Queued, JobState::Running])
    }

    fn may_retry(&self) -> bool {
        self.is(&[JobState::Failed, JobState::Cancelled])
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
    let blank = Line { job: None, title: String::new(), may_change: true };
    let frame = form.frame_loading(Entry::Operate);
    let page = Page { frame, token: form.token(), jobs, blank, words: words() };
    form.respond(StatusCode::OK, &page)
}

async fn lines(desk: &Desk, visitor: &Visitor) -> Result<Vec<Line>, Error> {
    let mine = progress::jobs(desk).await?.into_iter().filter(|shown| shown.is_for(visitor));
    let line = |Shown { job, title, standing, .. }: Shown| {
        let may_change = visitor.may(Action::Change, Kind::Jobs, job.id.as_str(), &standing);
        Line { job: Some(job), title, may_change }
    };
    Ok(mine.map(line).collect())
}

/// Keys of what scripts put in.
fn words() -> Vec<String> {
    let kinds = JobKind::ALL.iter().map(|kind| format!("job-kind-{kind}"));
    kinds.chain(JobState::ALL.iter().map(|state| format!("job-state-{state}"))).collect()
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
