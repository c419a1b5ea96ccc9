//! Jobs: one runner has each, and none is lost.

use super::super::id::{JobId, VideoId};
use super::super::job::{Job, JobFilter, JobKind, JobState};
use super::super::lease::Owner;
use super::super::video::{Finished, NewVideo};
use super::{Catalogue, Tenant, at, hall};
use crate::catalogue::Error;
use std::collections::BTreeSet;
use std::time::Duration;

const ALL: JobFilter = JobFilter { state: None, limit: 200 };

/// A complete video that ended at 20 s, and with it its job.
async fn video(catalogue: &Catalogue, slug: &str) -> VideoId {
    let hall = hall(catalogue, slug).await;
    let new = NewVideo {
        broadcaster_id: hall.id.clone(),
        title: None,
        started_at: at(1_000),
        first_msn: 0,
        first_discontinuity: 0,
    };
    let video = catalogue.begin_video(new).await.unwrap();
    let duration = Duration::from_secs(19);
    let finished =
        Finished { ended_at: at(20_000), duration, listed: true, ladder: false, next_msn: 9, next_discontinuity: 1 };
    catalogue.finish_video(&video.id, finished).await.unwrap().id
}

async fn only(catalogue: &Catalogue) -> Job {
    let jobs = catalogue.jobs(ALL).await.unwrap();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.into_iter().next().unwrap()
}

async fn claim(catalogue: &Catalogue, owner: &Owner, until_ms: i64, now_ms: i64) -> Option<Job> {
    catalogue.claim_job(JobKind::ALL, owner, at(until_ms), at(now_ms)).await.unwrap()
}

pub(super) async fn a_complete_video_has_one_and_it_is_done_once(catalogue: Catalogue) {
    let id = video(&catalogue, "a").await;
    let job = only(&catalogue).await;
    assert_eq!((job.kind, job.state, job.attempts), (JobKind::Storyboard, JobState::Queued, 0));
    assert_eq!((&job.video_id, job.created_at, job.not_before), (&id, at(20_000), at(20_000)));
    assert_eq!(catalogue.queued_jobs(at(19_999)).await.unwrap(), (1, 0));
    assert_eq!(catalogue.queued_jobs(at(20_000)).await.unwrap(), (1, 1));
    assert_eq!(catalogue.add_job(JobKind::Storyboard, &id, at(1)).await.unwrap(), None, "one is waiting");

    let (me, other) = (Owner::random().unwrap(), Owner::random().unwrap());
    assert_eq!(claim(&catalogue, &me, 40_000, 19_999).await, None, "not its turn");
    assert_eq!(catalogue.claim_job(&[], &me, at(40_000), at(30_000)).await.unwrap(), None);
    let mine = claim(&catalogue, &me, 40_000, 30_000).await.unwrap();
    assert_eq!((mine.state, mine.attempts, mine.started_at), (JobState::Running, 1, Some(at(30_000))));
    assert_eq!(claim(&catalogue, &other, 50_000, 30_001).await, None, "it is mine");
    assert_eq!(catalogue.add_job(JobKind::Storyboard, &id, at(1)).await.unwrap(), None, "one is running");

    assert!(catalogue.renew_job(&mine.id, &me, at(60_000), 400).await.unwrap());
    assert!(!catalogue.renew_job(&mine.id, &other, at(90_000), 900).await.unwrap());
    assert_eq!(only(&catalogue).await.progress_permille, 400);
    assert_eq!(claim(&catalogue, &other, 70_000, 59_999).await, None, "the renewal counts");
    assert!(catalogue.has_job(&mine.id, &me).await.unwrap() && !catalogue.has_job(&mine.id, &other).await.unwrap());
    assert!(!catalogue.finish_job(&mine.id, &other, at(59_000)).await.unwrap());
    assert!(catalogue.finish_job(&mine.id, &me, at(59_000)).await.unwrap());
    let done = only(&catalogue).await;
    assert_eq!((done.state, done.finished_at, done.progress_permille), (JobState::Done, Some(at(59_000)), 1_000));
    assert!(!catalogue.has_job(&mine.id, &me).await.unwrap());
    assert_eq!(claim(&catalogue, &other, 90_000, 80_000).await, None, "done");
    assert!(catalogue.add_job(JobKind::Storyboard, &id, at(2)).await.unwrap().is_some(), "once more, then");
    let nobody = catalogue.add_job(JobKind::Storyboard, &VideoId::random().unwrap(), at(2)).await;
    assert!(matches!(nobody, Err(Error::NotFound("video"))));
}

pub(super) async fn a_lease_that_has_passed_is_claimed_again(catalogue: Catalogue) {
    video(&catalogue, "a").await;
    let (dead, next) = (Owner::random().unwrap(), Owner::random().unwrap());
    let job = claim(&catalogue, &dead, 40_000, 30_000).await.unwrap();
    catalogue.renew_job(&job.id, &dead, at(45_000), 700).await.unwrap();
    assert_eq!(claim(&catalogue, &next, 60_000, 44_999).await, None);
    let again = claim(&catalogue, &next, 60_000, 45_000).await.unwrap();
    assert_eq!((&again.id, again.attempts, again.progress_permille), (&job.id, 2, 0));
    // The first one was only slow.
    assert!(!catalogue.has_job(&job.id, &dead).await.unwrap());
    assert!(!catalogue.renew_job(&job.id, &dead, at(99_000), 800).await.unwrap());
    assert!(!catalogue.finish_job(&job.id, &dead, at(46_000)).await.unwrap());
    assert!(!catalogue.fail_job(&job.id, &dead, "x", None, at(46_000)).await.unwrap());
    assert!(!catalogue.put_job_back(&job.id, &dead, None, at(46_000)).await.unwrap());
    assert_eq!(only(&catalogue).await, again);
}

pub(super) async fn a_failure_waits_and_is_given_up_and_can_be_tried_again(catalogue: Catalogue) {
    video(&catalogue, "a").await;
    let me = Owner::random().unwrap();
    let job = claim(&catalogue, &me, 40_000, 30_000).await.unwrap();
    let conflict = catalogue.retry_job(&job.id, at(31_000)).await;
    assert!(matches!(conflict, Err(Error::Conflict(_))), "it runs");
    assert!(catalogue.fail_job(&job.id, &me, "no decoder", Some(at(90_000)), at(31_000)).await.unwrap());
    let waiting = only(&catalogue).await;
    assert_eq!((waiting.state, waiting.attempts, waiting.finished_at), (JobState::Queued, 1, None));
    assert_eq!((waiting.error.as_deref(), waiting.not_before), (Some("no decoder"), at(90_000)));
    assert_eq!(claim(&catalogue, &me, 99_000, 89_999).await, None);
    assert_eq!(catalogue.retry_job(&job.id, at(50_000)).await.unwrap().not_before, at(50_000), "no need to wait");

    let job = claim(&catalogue, &me, 60_000, 50_000).await.unwrap();
    assert!(catalogue.fail_job(&job.id, &me, "still none", None, at(51_000)).await.unwrap());
    let failed = only(&catalogue).await;
    assert_eq!((failed.state, failed.finished_at), (JobState::Failed, Some(at(51_000))));
    assert_eq!(claim(&catalogue, &me, 999_000, 900_000).await, None, "given up");
    let again = catalogue.retry_job(&job.id, at(70_000)).await.unwrap();
    assert_eq!((again.state, again.attempts, again.error, again.finished_at), (JobState::Queued, 0, None, None));

    let job = claim(&catalogue, &me, 80_000, 70_000).await.unwrap();
    assert!(catalogue.put_job_back(&job.id, &me, Some("no engine"), at(75_000)).await.unwrap());
    let back = only(&catalogue).await;
    assert_eq!((back.state, back.attempts, back.error.as_deref()), (JobState::Queued, 0, Some("no engine")));
    assert_eq!(claim(&catalogue, &me, 80_000, 74_999).await, None);
    assert!(claim(&catalogue, &me, 80_000, 75_000).await.is_some());
}

pub(super) async fn cancelling_takes_it_from_whoever_runs_it(catalogue: Catalogue) {
    let id = video(&catalogue, "a").await;
    let me = Owner::random().unwrap();
    let job = claim(&catalogue, &me, 40_000, 30_000).await.unwrap();
    let cancelled = catalogue.cancel_job(&job.id, at(31_000)).await.unwrap();
    assert_eq!((cancelled.state, cancelled.finished_at), (JobState::Cancelled, Some(at(31_000))));
    assert!(
        !catalogue.has_job(&job.id, &me).await.unwrap() && !catalogue.finish_job(&job.id, &me, at(1)).await.unwrap()
    );
    assert!(matches!(catalogue.cancel_job(&job.id, at(32_000)).await, Err(Error::Conflict(_))));
    assert_eq!(claim(&catalogue, &me, 99_000, 90_000).await, None);
    let nobody = JobId::random().unwrap();
    assert!(matches!(catalogue.cancel_job(&nobody, at(1)).await, Err(Error::NotFound("job"))));
    assert!(matches!(catalogue.retry_job(&nobody, at(1)).await, Err(Error::NotFound("job"))));

    // With a new one waiting, the old one would be a second.
    let new = catalogue.add_job(JobKind::Storyboard, &id, at(33_000)).await.unwrap().unwrap();
    assert!(matches!(
        catalogue.retry_job(&job.id, at(34_000)).await,
        Err(Error::Conflict("another job does the same"))
    ));
    catalogue.cancel_job(&new, at(35_000)).await.unwrap();
    assert_eq!(catalogue.retry_job(&job.id, at(36_000)).await.unwrap().state, JobState::Queued);
    let queued = JobFilter { state: Some(JobState::Queued), limit: 1 };
    assert_eq!(catalogue.jobs(queued).await.unwrap().iter().map(|j| &j.id).collect::<Vec<_>>(), [&job.id]);
    assert_eq!(catalogue.jobs(ALL).await.unwrap().len(), 2);
    assert_eq!(catalogue.jobs(JobFilter { state: None, limit: 1 }).await.unwrap()[0].id, new, "newest first");
}

pub(super) async fn runners_at_once_get_different_ones(catalogue: Catalogue) {
    for n in 0..6 {
        video(&catalogue, &format!("hall-{n}")).await;
    }
    let work = (0..12).map(|_| {
        let catalogue = catalogue.clone();
        async move {
            let me = Owner::random().unwrap();
            claim(&catalogue, &me, 60_000, 30_000).await.map(|job| job.id)
        }
    });
    let got = futures_util::future::join_all(work).await;
    let ids: Vec<JobId> = got.into_iter().flatten().collect();
    assert_eq!(ids.len(), 6, "each was claimed");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 6, "by one");
}

pub(super) async fn videos_from_before_are_queued_a_few_at_a_time(catalogue: Catalogue) {
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(video(&catalogue, &format!("hall-{n}")).await);
    }
    assert_eq!(catalogue.queue_missing_storyboards(9, at(30_000)).await.unwrap(), 0, "each has its job");
    let forget = catalogue.statement("DELETE FROM jobs WHERE tenant_id = $1");
    assert_eq!(catalogue.database.execute(forget).await.unwrap(), 5);
    catalogue.video_pictured(&ids[0], at(1)).await.unwrap();
    catalogue.delete_video(&ids[1], at(2)).await.unwrap();
    assert_eq!(catalogue.queue_missing_storyboards(2, at(30_000)).await.unwrap(), 2);
    assert_eq!(catalogue.queue_missing_storyboards(2, at(30_000)).await.unwrap(), 1);
    assert_eq!(catalogue.queue_missing_storyboards(2, at(30_000)).await.unwrap(), 0);
    let queued: BTreeSet<_> = catalogue.jobs(ALL).await.unwrap().into_iter().map(|job| job.video_id).collect();
    assert_eq!(queued, ids[2..].iter().cloned().collect());
    // What failed for good is not tried again at every start.
    let me = Owner::random().unwrap();
    let job = claim(&catalogue, &me, 50_000, 40_000).await.unwrap();
    catalogue.fail_job(&job.id, &me, "x", None, at(41_000)).await.unwrap();
    assert_eq!(catalogue.queue_missing_storyboards(2, at(50_000)).await.unwrap(), 0);

    let shown = catalogue.video(&ids[0]).await.unwrap().unwrap();
    assert_eq!(shown.pictured_at, Some(at(1)));
    assert_eq!(shown.poster_url(), Some(format!("/videos/{}/poster.jpg", ids[0])));
    assert_eq!(catalogue.video(&ids[2]).await.unwrap().unwrap().poster_url(), None);
}

pub(super) async fn a_restored_video_gets_what_it_missed_while_it_was_deleted(catalogue: Catalogue) {
    let id = video(&catalogue, "a").await;
    catalogue.delete_video(&id, at(21_000)).await.unwrap();
    let me = Owner::random().unwrap();
    let job = claim(&catalogue, &me, 40_000, 30_000).await.unwrap();
    catalogue.finish_job(&job.id, &me, at(31_000)).await.unwrap();
    catalogue.restore_video(&id).await.unwrap();
    let mut kinds = Vec::new();
    while let Some(again) = claim(&catalogue, &me, 60_000, 50_000).await {
        assert_eq!(again.video_id, id);
        kinds.push(again.kind);
        catalogue.finish_job(&again.id, &me, at(51_000)).await.unwrap();
    }
    kinds.sort_by_key(|kind| kind.name());
    assert_eq!(kinds, [JobKind::Ladder, JobKind::Storyboard]);
    catalogue.video_pictured(&id, at(51_000)).await.unwrap();
    catalogue.restore_video(&id).await.unwrap();
    assert_eq!(claim(&catalogue, &me, 90_000, 80_000).await, None, "it was not deleted");
}

pub(super) async fn another_tenant_sees_and_claims_none(ours: Catalogue) {
    let id = video(&ours, "a").await;
    let theirs = ours.of(Tenant::other("elsewhere"));
    let job = only(&ours).await;
    let thief = Owner::random().unwrap();
    assert_eq!(claim(&theirs, &thief, 90_000, 50_000).await, None);
    assert!(theirs.jobs(ALL).await.unwrap().is_empty() && theirs.job(&job.id).await.unwrap().is_none());
    assert_eq!(theirs.queued_jobs(at(50_000)).await.unwrap(), (0, 0));
    assert!(theirs.cancel_job(&job.id, at(1)).await.is_err() && theirs.retry_job(&job.id, at(1)).await.is_err());
    assert!(theirs.add_job(JobKind::Storyboard, &id, at(1)).await.is_err());
    assert!(theirs.video_pictured(&id, at(1)).await.is_err());
    let me = Owner::random().unwrap();
    let mine = claim(&ours, &me, 90_000, 50_000).await.unwrap();
    assert!(!theirs.finish_job(&mine.id, &me, at(1)).await.unwrap());
    assert!(!theirs.renew_job(&mine.id, &me, at(99_000), 1).await.unwrap());
    assert!(!theirs.has_job(&mine.id, &me).await.unwrap());
    assert_eq!(only(&ours).await, mine);
}
