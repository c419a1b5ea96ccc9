//! The runner on a real catalogue, with work that does what a test tells it to.

use super::*;
use crate::catalogue::broadcaster::NewBroadcaster;
use crate::catalogue::id::VideoId;
use crate::catalogue::job::{JobFilter, JobState};
use crate::catalogue::video::{Finished, NewVideo};
use crate::lifecycle::Drained;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio::sync::mpsc;

/// More than enough, for what should come soon.
const LONG: Duration = Duration::from_secs(20);

const QUICK: Timing = Timing {
    lease: Duration::from_millis(600),
    look_every: Duration::from_millis(20),
    poll: Duration::from_millis(10),
    sulk: Duration::from_millis(200),
    limit: LONG,
};

/// What the next attempt does; without a plan it is done at once.
enum Plan {
    Fail(&'static str),
    Unready(&'static str),
    /// Until it is dropped.
    Hang,
    Panic,
}

struct Scripted {
    plans: Mutex<VecDeque<Plan>>,
    obstacle: Mutex<Option<String>>,
    begun: mpsc::Sender<VideoId>,
    dropped: AtomicU32,
    at_once: AtomicU32,
    most_at_once: AtomicU32,
}

struct Dropped<'a>(&'a Scripted);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Relaxed);
        self.0.at_once.fetch_sub(1, Relaxed);
    }
}

impl Work for Arc<Scripted> {
    fn obstacle(&self, _: JobKind) -> Option<String> {
        lock(&self.obstacle).clone()
    }

    async fn run(&self, job: &Job, progress: &Progress) -> Result<(), Failure> {
        let _dropped = Dropped(self);
        let now = self.at_once.fetch_add(1, Relaxed) + 1;
        self.most_at_once.fetch_max(now, Relaxed);
        progress.tell(1, 2);
        self.begun.send(job.video_id.clone()).await.unwrap();
        let plan = lock(&self.plans).pop_front();
        match plan {
            None => Ok(()),
            Some(Plan::Fail(why)) => Err(Failure::Failed(why.into())),
            Some(Plan::Unready(why)) => Err(Failure::Unready(why.into())),
            Some(Plan::Hang) => std::future::pending().await,
            Some(Plan::Panic) => panic!("as planned"),
        }
    }
}

struct World {
    catalogue: Catalogue,
    work: Arc<Scripted>,
    begun: mpsc::Receiver<VideoId>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(plans: impl IntoIterator<Item = Plan>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path().join("c.sqlite").to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let (sender, begun) = mpsc::channel(64);
        let work = Arc::new(Scripted {
            plans: Mutex::new(plans.into_iter().collect()),
            obstacle: Mutex::default(),
            begun: sender,
            dropped: AtomicU32::default(),
            at_once: AtomicU32::default(),
            most_at_once: AtomicU32::default(),
        });
        Self { catalogue, work, begun, _folder: folder }
    }

    /// A complete video, and with it its job.
    async fn video(&self, slug: &str) -> VideoId {
        let new = NewBroadcaster::new(slug.parse().unwrap(), slug.to_owned());
        let hall = self.catalogue.add_broadcaster(new, now()).await.unwrap();
        let (started_at, first_msn, first_discontinuity) = (now(), 0, 0);
        let new = NewVideo { broadcaster_id: hall.id, title: None, started_at, first_msn, first_discontinuity };
        let id = self.catalogue.begin_video(new).await.unwrap().id;
        let duration = Duration::from_secs(10);
        let finished =
            Finished { ended_at: now(), duration, listed: true, ladder: false, next_msn: 1, next_discontinuity: 1 };
        self.catalogue.finish_video(&id, finished).await.unwrap();
        id
    }

    /// Runs until the tasks are told to stop.
    fn start(&self, places: usize, timing: Timing) -> (Tasks, watch::Receiver<Option<String>>) {
        let tasks = Tasks::default();
        let (catalogue, work) = (self.catalogue.clone(), Arc::clone(&self.work));
        let places = Arc::new(Semaphore::new(places));
        let (runner, waiting) = Runner::new(catalogue, work, JobKind::ALL, tasks.clone(), places, timing).unwrap();
        tasks.spawn_essential("jobs", runner.run());
        (tasks, waiting)
    }

    async fn begun(&mut self) -> VideoId {
        tokio::time::timeout(LONG, self.begun.recv()).await.expect("a job begins").unwrap()
    }

    async fn jobs(&self) -> Vec<Job> {
        self.catalogue.jobs(JobFilter { state: None, limit: 200 }).await.unwrap()
    }

    /// Waits until the only job is as wanted.
    async fn until(&self, wanted: impl Fn(&Job) -> bool) -> Job {
        let began = Instant::now();
        loop {
            let job = self.jobs().await.remove(0);
            if wanted(&job) {
                return job;
            }
            assert!(began.elapsed() < LONG, "{job:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn stop(tasks: &Tasks) {
    assert_eq!(tasks.drain(std::future::pending(), LONG, LONG).await, Drained::InTime);
    assert!(!tasks.failed());
}

#[tokio::test]
async fn jobs_are_done_and_never_more_at_once_than_allowed() {
    let mut world = World::new([]).await;
    for n in 0..5 {
        world.video(&format!("hall-{n}")).await;
    }
    let (tasks, _) = world.start(2, QUICK);
    for _ in 0..5 {
        world.begun().await;
    }
    let began = Instant::now();
    while world.jobs().await.iter().any(|job| job.state != JobState::Done) {
        assert!(began.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(world.jobs().await.iter().all(|job| (job.attempts, job.progress_permille) == (1, 1_000)));
    assert!(world.work.most_at_once.load(Relaxed) <= 2);
    stop(&tasks).await;
}

#[tokio::test]
async fn a_failure_is_kept_and_tried_again_after_a_while() {
    let mut world = World::new([Plan::Fail("the disk is full")]).await;
    world.video("hall").await;
    let (tasks, _) = world.start(1, QUICK);
    world.begun().await;
    let job = world.until(|job| job.state == JobState::Queued && job.attempts == 1).await;
    assert_eq!(job.error.as_deref(), Some("the disk is full"));
    assert!(job.not_before.since(now()) > Duration::from_secs(8), "about ten seconds later");
    // Somebody does not want to wait.
    world.catalogue.retry_job(&job.id, now()).await.unwrap();
    world.begun().await;
    assert_eq!(world.until(|job| job.state == JobState::Done).await.error, None);
    stop(&tasks).await;
}

#[tokio::test]
async fn a_cancelled_job_is_dropped_within_a_second() {
    let mut world = World::new([Plan::Hang]).await;
    world.video("hall").await;
    // The times of the real one.
    let (tasks, _) = world.start(1, Timing { poll: QUICK.poll, ..Timing::default() });
    world.begun().await;
    let job = world.jobs().await.remove(0);
    assert_eq!(job.state, JobState::Running);
    let began = Instant::now();
    world.catalogue.cancel_job(&job.id, now()).await.unwrap();
    while world.work.dropped.load(Relaxed) == 0 {
        assert!(began.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(world.jobs().await[0].state, JobState::Cancelled);
    stop(&tasks).await;
    assert_eq!(world.jobs().await[0].state, JobState::Cancelled, "it stays so");
}

#[tokio::test]
async fn a_long_job_keeps_its_lease_and_tells_its_progress() {
    let mut world = World::new([Plan::Hang]).await;
    world.video("hall").await;
    let (tasks, _) = world.start(1, QUICK);
    world.begun().await;
    world.until(|job| job.progress_permille == 500).await;
    // Another runner looks for longer than the lease.
    let (others, _) = world.start(1, QUICK);
    tokio::time::sleep(QUICK.lease * 3).await;
    assert_eq!(world.until(|job| job.state == JobState::Running).await.attempts, 1);
    stop(&others).await;
    stop(&tasks).await;
}

#[tokio::test]
async fn a_stop_puts_back_what_runs_and_the_next_start_does_it_at_once() {
    let mut world = World::new([Plan::Hang]).await;
    world.video("hall").await;
    let (tasks, _) = world.start(1, QUICK);
    world.begun().await;
    stop(&tasks).await;
    let job = world.jobs().await.remove(0);
    assert_eq!((job.state, job.attempts, job.error), (JobState::Queued, 0, None));
    let (tasks, _) = world.start(1, QUICK);
    world.begun().await;
    assert_eq!(world.until(|job| job.state == JobState::Done).await.attempts, 1);
    stop(&tasks).await;
}

#[tokio::test]
async fn a_job_whose_server_died_is_done_when_its_lease_has_passed() {
    let mut world = World::new([]).await;
    world.video("hall").await;
    let dead = Owner::random().unwrap();
    let lease = now().plus_micros(300_000);
    world.catalogue.claim_job(JobKind::ALL, &dead, lease, now()).await.unwrap().unwrap();
    let (tasks, _) = world.start(1, QUICK);
    world.begun().await;
    assert!(now() >= lease, "not before");
    assert_eq!(world.until(|job| job.state == JobState::Done).await.attempts, 2);
    stop(&tasks).await;
}

#[tokio::test]
async fn a_job_that_ends_the_server_each_time_is_given_up() {
    let world = World::new([]).await;
    world.video("hall").await;
    for _ in 0..MAX_ATTEMPTS {
        let dead = Owner::random().unwrap();
        world.catalogue.claim_job(JobKind::ALL, &dead, now(), now()).await.unwrap().unwrap();
    }
    let (tasks, _) = world.start(1, QUICK);
    let job = world.until(|job| job.state == JobState::Failed).await;
    assert_eq!(job.error.as_deref(), Some("the server ended while it ran, 5 times"));
    stop(&tasks).await;
}

#[tokio::test]
async fn a_panic_costs_one_attempt_and_not_the_runner() {
    let mut world = World::new([Plan::Panic]).await;
    world.video("hall").await;
    let (tasks, _) = world.start(1, QUICK);
    world.begun().await;
    world.begun().await;
    assert_eq!(world.until(|job| job.state == JobState::Done).await.attempts, 2);
    stop(&tasks).await;
}

#[tokio::test]
async fn without_what_they_need_jobs_wait_and_it_is_said_why() {
    let mut world = World::new([Plan::Unready("no decoder")]).await;
    lock(&world.work.obstacle).replace("the engine is missing".into());
    let (tasks, mut waiting) = world.start(1, QUICK);
    tokio::time::sleep(QUICK.poll * 5).await;
    assert_eq!(*waiting.borrow(), None, "nothing waits");
    world.video("hall").await;
    let said = tokio::time::timeout(LONG, waiting.wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert_eq!(said.as_deref(), Some("the engine is missing"));
    assert_eq!((world.jobs().await[0].state, world.jobs().await[0].attempts), (JobState::Queued, 0));

    // It is there now, but not whole; later it is.
    lock(&world.work.obstacle).take();
    world.begun().await;
    let began = Instant::now();
    let job = world.until(|job| job.error.is_some()).await;
    assert_eq!((job.state, job.attempts, job.error.as_deref()), (JobState::Queued, 0, Some("no decoder")));
    let no_decoder = |why: &Option<String>| why.as_deref() == Some("no decoder");
    tokio::time::timeout(LONG, waiting.wait_for(no_decoder)).await.unwrap().unwrap();
    world.begun().await;
    assert!(began.elapsed() >= QUICK.sulk, "not at once");
    world.until(|job| job.state == JobState::Done).await;
    tokio::time::timeout(LONG, waiting.wait_for(Option::is_none)).await.unwrap().unwrap();
    stop(&tasks).await;
}

#[tokio::test]
async fn what_takes_too_long_is_dropped_and_failed() {
    let mut world = World::new([Plan::Hang]).await;
    world.video("hall").await;
    let (tasks, _) = world.start(1, Timing { limit: Duration::from_millis(100), ..QUICK });
    world.begun().await;
    let job = world.until(|job| job.error.is_some()).await;
    assert_eq!((job.state, job.error.as_deref()), (JobState::Queued, Some("not done after 100ms")));
    stop(&tasks).await;
}
