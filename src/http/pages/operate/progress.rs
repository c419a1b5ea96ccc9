//! `/operate/_/jobs/events`: jobs as they wait, run and end, for the page of the jobs. As on the wall: one task looks once a second while somebody
//! follows, and each operator gets the jobs that the policy lets them have.

use super::Desk;
use super::rounds::{self, CATALOGUE_EVERY, Follower, message};
use crate::catalogue::Error;
use crate::catalogue::id::{JobId, VideoId};
use crate::catalogue::job::{Job, JobFilter, MAX_JOBS};
use crate::http::gate::visitor::Visitor;
use crate::policy::object::{Action, Kind};
use crate::policy::state::State as Standing;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// Of what is followed here, in logs.
const NAME: &str = "jobs of the operators' page";

/// One look at the newest jobs.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Grows by one.
    number: u64,
    /// Newest first.
    jobs: Vec<Shown>,
}

/// A job with its video's title and how things stand with that.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) job: Job,
    /// Empty: the video is gone.
    pub(super) title: String,
    pub(super) standing: Arc<Standing>,
    /// As the stream tells it.
    told: Bytes,
    /// Not as in the look before.
    changed: bool,
}

impl Shown {
    /// Whether somebody is shown it.
    pub(super) fn is_for(&self, visitor: &Visitor) -> bool {
        visitor.may(Action::Find, Kind::Jobs, self.job.id.as_str(), &self.standing)
    }
}

fn told(job: &Job, title: &str) -> Bytes {
    let object = json!({
        "id": job.id.as_str(),
        "kind": job.kind.name(),
        "title": title,
        "state": job.state.name(),
        "percent": job.progress_permille / 10,
        "error": job.error,
        "created_ms": job.created_at.millis(),
    });
    object.to_string().into()
}

/// Titles and standings of videos, by id.
type Videos = BTreeMap<VideoId, (String, Arc<Standing>)>;

async fn videos(desk: &Desk, jobs: &[Job]) -> Result<Videos, Error> {
    let ids: BTreeSet<VideoId> = jobs.iter().map(|job| job.video_id.clone()).collect();
    let states = desk.catalogue.video_states(&ids.into_iter().collect::<Vec<_>>()).await?;
    let mut videos = BTreeMap::new();
    for (id, state) in states {
        let title = desk.catalogue.video(&id).await?.map_or_else(String::new, |video| video.title);
        videos.insert(id, (title, Arc::new(state)));
    }
    Ok(videos)
}

/// The newest jobs as they are now, after `before`. What is known of their videos is taken from there, but for every some looks and where there is
/// a new one.
pub(super) async fn look(desk: &Desk, before: &Round) -> Result<Round, Error> {
    let number = before.number + 1;
    let jobs = desk.catalogue.jobs(JobFilter { state: None, limit: MAX_JOBS }).await?;
    let known: BTreeMap<&JobId, &Shown> = before.jobs.iter().map(|shown| (&shown.job.id, shown)).collect();
    let fresh = number.is_multiple_of(CATALOGUE_EVERY) || jobs.iter().any(|job| !known.contains_key(&job.id));
    let videos = match fresh {
        true => videos(desk, &jobs).await?,
        false => {
            let of = |shown: &&Shown| (shown.job.video_id.clone(), (shown.title.clone(), Arc::clone(&shown.standing)));
            known.values().map(of).collect()
        }
    };
    let jobs = jobs.into_iter().filter_map(|job| {
        let (title, standing) = videos.get(&job.video_id)?.clone();
        let told = told(&job, &title);
        let changed = known.get(&job.id).is_none_or(|shown| shown.told != told);
        Some(Shown { job, title, standing, told, changed })
    });
    Ok(Round { number, jobs: jobs.collect() })
}

/// The newest jobs, for a page.
pub(super) async fn jobs(desk: &Desk) -> Result<Vec<Shown>, Error> {
    Ok(look(desk, &Round::default()).await?.jobs)
}

/// Looks until nobody else does.
async fn keep(desk: Desk, sender: watch::Sender<Arc<Round>>) {
    let mut ticks = rounds::ticks();
    while desk.progress.goes_on(&mut ticks, &desk, &sender).await {
        let before = Arc::clone(&sender.borrow());
        match look(&desk, &before).await {
            Ok(round) => drop(sender.send_replace(Arc::new(round))),
            Err(error) => tracing::warn!(%error, "jobs can't be looked at; trying again"),
        }
    }
}

struct Stream {
    visitor: Visitor,
    told: Option<u64>,
    /// Those that were theirs to see.
    saw: BTreeSet<JobId>,
}

impl Follower for Stream {
    type Round = Round;

    fn number(round: &Round) -> u64 {
        round.number
    }

    fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    fn message(&mut self, round: &Round) -> Option<Bytes> {
        let mine: Vec<&Shown> = round.jobs.iter().filter(|shown| shown.is_for(&self.visitor)).collect();
        let sees: BTreeSet<JobId> = mine.iter().map(|shown| shown.job.id.clone()).collect();
        let follows = self.told.is_some_and(|told| told + 1 == round.number) && self.saw.is_subset(&sees);
        self.told = Some(round.number);
        let saw = std::mem::replace(&mut self.saw, sees);
        let new = |shown: &&&Shown| !follows || shown.changed || !saw.contains(&shown.job.id);
        let objects: Vec<&Bytes> = mine.iter().filter(new).map(|shown| &shown.told).collect();
        (!follows || !objects.is_empty()).then(|| message(if follows { "some" } else { "all" }, &objects))
    }
}

/// `GET /operate/_/jobs/events`.
pub(super) async fn events(State(desk): State<Desk>, visitor: Visitor) -> Response {
    let first = async || Ok((look(&desk, &Round::default()).await?, ()));
    let rounds = desk.progress.follow(&desk, NAME, first, |desk, (), sender| keep(desk, sender)).await;
    let stream = Stream { visitor, told: None, saw: BTreeSet::new() };
    rounds::events(desk, NAME, rounds, stream)
}
