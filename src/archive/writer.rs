//! The one thread that appends to recordings, and the handles that lives hold.
//!
//! One writer for all lives, so that neither syncs nor wake-ups grow with them. Its queue is bounded; a live whose disk is
//! slower than its media waits a moment for [`Recording::append`] and then goes on without knowing where its bytes are.

use super::Error;
use super::layout::Layout;
pub use super::recording::Stored;
use super::recording::{Files, Resume};
use crate::clock;
use bytes::Bytes;
use media::caption::language::Language;
use media::rendition::RenditionId;
use media::segment::Event;
use media::segment::index::Begin;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Batches waiting for the disk: a second of 500 lives.
const QUEUE: usize = 2048;
/// Media of one recording that waits for the disk: half a minute at 16 Mbit/s. A disk that is further behind hangs, and lives must
/// not fill the memory meanwhile.
const MAX_QUEUED_BYTES: u64 = 64 << 20;
/// How often what was written is synced: a power cut loses this and what one sync takes, together under a second.
const SYNC_EVERY: Duration = Duration::from_millis(500);

/// A note is the change of one folder, in the kernel's memory; a disk that keeps it for longer hangs.
const NOTE_PATIENCE: Duration = Duration::from_millis(250);

/// Hands out recordings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive {
    layout: Layout,
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    dirty: AtomicBool,
    next: AtomicU64,
    /// What the disk said last to which recording, until it has taken a whole segment of it again.
    trouble: Mutex<BTreeMap<u64, Trouble>>,
}

/// What the disk refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// There is no room.
    pub full: bool,
    /// Which file and why.
    pub text: String,
}

impl Trouble {
    /// Its name in findings.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.full { "disk_full" } else { "disk_error" }
    }
}

/// The thread's side.
#[derive(Debug)]
pub struct Writer {
    layout: Layout,
    jobs: mpsc::Receiver<Job>,
    shared: Arc<Shared>,
}

/// One recording being made. Dropping it leaves it as it is: the next start resumes it.
#[derive(Debug)]
pub struct Recording {
    number: u64,
    jobs: mpsc::Sender<Job>,
    /// Media bytes of it that wait for the disk.
    queued_bytes: Arc<AtomicU64>,
}

/// Media bytes on their way to the disk; counted until it is dropped.
#[derive(Debug)]
struct Queued {
    bytes: u64,
    all: Arc<AtomicU64>,
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum Job {
    Create { number: u64, id: String, begin: Begin, done: oneshot::Sender<Result<(), Error>> },
    Resume { number: u64, id: String, resume: Resume, done: oneshot::Sender<Result<(), Error>> },
    Append { number: u64, events: Arc<Vec<Event>>, queued: Queued, done: oneshot::Sender<Written> },
    Caption { number: u64, language: Language, records: Bytes },
    Remove { number: u64, renditions: Vec<RenditionId>, done: oneshot::Sender<Result<(), Error>> },
    Finish { number: u64, done: oneshot::Sender<Result<(), Error>> },
    Drop { number: u64 },
}

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Where the segments that ended with them are.
    pub stored: Vec<Stored>,
    /// The index on the disk has them and all before.
    pub indexed: bool,
    /// The recording takes nothing more: too much waited for the disk.
    pub closed: bool,
}

/// Comes when the disk has taken or refused the events.
pub type Appended = oneshot::Receiver<Written>;

/// The same events with their media left out: the index stays in order, and the recording has a gap there.
#[must_use]
pub fn without_media(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    for event in &mut events {
        if let Event::Part(part) = event {
            part.bytes = Bytes::new();
            part.keyframes.clear();
        }
    }
    events
}

/// An archive over `media` and the writer that somebody must run on a thread of its own.
#[must_use]
pub fn archive(media: PathBuf) -> (Archive, Writer) {
    let (sender, jobs) = mpsc::channel(QUEUE);
    let layout = Layout::new(media);
    let shared = Arc::new(Shared::default());
    (Archive { layout: layout.clone(), jobs: sender, shared: Arc::clone(&shared) }, Writer { layout, jobs, shared })
}

impl Archive {
    /// Names of its files.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What the disk refuses to do at the moment.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).values().next().cloned()
    }

    /// Begins the recording of video `id`.
    ///
    /// # Errors
    /// When its folder or index can't be made.
    pub async fn create(&self, id: &str, begin: Begin) -> Result<Recording, Error> {
        let (id, number) = (id.to_owned(), self.number());
        self.open(number, |done| Job::Create { number, id, begin, done }).await
    }

    /// Goes on with one that [`super::recover`] has put in order.
    ///
    /// # Errors
    /// When its index can't be opened.
    pub(super) async fn resume(&self, id: &str, resume: Resume) -> Result<Recording, Error> {
        let (id, number) = (id.to_owned(), self.number());
        self.open(number, |done| Job::Resume { number, id, resume, done }).await
    }

    /// Notes on the disk whether the index of a live has all that viewers are told; see [`Layout::whole`]. Waits a moment only: a
    /// disk that does not even take this must not hold the live up. Gives whether it was done.
    pub async fn note_whole(&self, id: &str, whole: bool) -> bool {
        let path = self.layout.whole(id);
        let note = tokio::task::spawn_blocking(move || {
            if whole {
                return File::create(&path).map(drop);
            }
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        });
        matches!(tokio::time::timeout(NOTE_PATIENCE, note).await, Ok(Ok(Ok(()))))
    }

    fn number(&self) -> u64 {
        self.shared.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn open(
        &self,
        number: u64,
        job: impl FnOnce(oneshot::Sender<Result<(), Error>>) -> Job,
    ) -> Result<Recording, Error> {
        let (done, opened) = oneshot::channel();
        self.jobs.send(job(done)).await.map_err(|_| Error::Closed)?;
        opened.await.map_err(|_| Error::Closed)??;
        Ok(Recording { number, jobs: self.jobs.clone(), queued_bytes: Arc::default() })
    }

    /// Syncs what was written, every half second, for as long as it is polled. One `syncfs` for all recordings.
    ///
    /// # Errors
    /// When the media folder can't be opened.
    pub async fn keep_syncing(&self) -> Result<(), Error> {
        let path = self.layout.media().to_owned();
        let folder = Arc::new(File::open(&path).map_err(super::at(&path))?);
        let mut ticks = tokio::time::interval(SYNC_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let synced_until = metrics::gauge!("amphi_archive_synced_timestamp_seconds");
        let waiting = metrics::gauge!("amphi_archive_queued_batches");
        loop {
            ticks.tick().await;
            let from = clock::now();
            #[expect(clippy::cast_precision_loss, reason = "at most the queue's length")]
            waiting.set((self.jobs.max_capacity() - self.jobs.capacity()) as f64);
            if self.shared.dirty.swap(false, Ordering::AcqRel) {
                let folder = Arc::clone(&folder);
                let synced = tokio::task::spawn_blocking(move || rustix::fs::syncfs(&*folder)).await;
                metrics::histogram!("amphi_archive_sync_seconds").record(clock::now().since(from));
                if let Ok(Err(error)) = synced {
                    metrics::counter!("amphi_archive_sync_failures_total").increment(1);
                    tracing::error!(%error, "recordings can't be synced to disk");
                    continue;
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "seconds of this century, to the microsecond")]
            synced_until.set(from.micros() as f64 / 1e6);
        }
    }
}

impl Recording {
    /// Queues events; without their media, as gaps, when too much of it waits. `None`: the queue is full, the disk is far behind; they
    /// were not taken.
    #[must_use]
    pub fn append(&self, events: Arc<Vec<Event>>) -> Option<Appended> {
        let (done, appended) = oneshot::channel();
        let (events, queued) = self.within_bounds(events);
        if self.jobs.try_send(Job::Append { number: self.number, events, queued, done }).is_err() {
            metrics::counter!("amphi_archive_skipped_batches_total").increment(1);
            return None;
        }
        Some(appended)
    }

    fn within_bounds(&self, events: Arc<Vec<Event>>) -> (Arc<Vec<Event>>, Queued) {
        let bytes = events.iter().map(|e| if let Event::Part(part) = e { part.bytes.len() as u64 } else { 0 }).sum();
        let waiting = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let queued = Queued { bytes, all: Arc::clone(&self.queued_bytes) };
        if waiting == 0 || waiting + bytes <= MAX_QUEUED_BYTES {
            return (events, queued);
        }
        metrics::counter!("amphi_archive_skipped_batches_total").increment(1);
        (Arc::new(without_media(&events)), Queued { bytes: 0, all: Arc::clone(&self.queued_bytes) })
    }

    /// Queues records of what was said (`media::caption::record`). Gives whether there was room.
    pub fn caption(&self, language: &Language, records: Bytes) -> bool {
        let job = Job::Caption { number: self.number, language: language.clone(), records };
        self.jobs.try_send(job).is_ok()
    }

    /// Renditions of a finished recording are no longer kept; returns when that is on the disk. Their files are still there.
    ///
    /// # Errors
    /// The disk's.
    pub async fn remove(&self, renditions: Vec<RenditionId>) -> Result<(), Error> {
        let (done, removed) = oneshot::channel();
        let job = Job::Remove { number: self.number, renditions, done };
        self.jobs.send(job).await.map_err(|_| Error::Closed)?;
        removed.await.map_err(|_| Error::Closed)?
    }

    /// Marks the recording as complete; returns when that is on the disk.
    ///
    /// # Errors
    /// The disk's.
    pub async fn finish(self) -> Result<(), Error> {
        let (done, finished) = oneshot::channel();
        self.jobs.send(Job::Finish { number: self.number, done }).await.map_err(|_| Error::Closed)?;
        finished.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Best effort: with a full queue the files stay open until the writer ends.
        let _ = self.jobs.try_send(Job::Drop { number: self.number });
    }
}

impl Writer {
    /// Writes until every [`Archive`] and [`Recording`] is dropped. Blocks: give it a thread.
    pub fn run(mut self) {
        let mut open: HashMap<u64, Files> = HashMap::new();
        while let Some(job) = self.jobs.blocking_recv() {
            match job {
                Job::Create { number, id, begin, done } => {
                    let made = Files::create(&self.layout, &id, &begin).map(|files| drop(open.insert(number, files)));
                    self.note(number, &made, &open);
                    let _ = done.send(made);
                }
                Job::Resume { number, id, resume, done } => {
                    let made = Files::resume(&self.layout, &id, resume).map(|files| drop(open.insert(number, files)));
                    self.note(number, &made, &open);
                    let _ = done.send(made);
                }
                Job::Append { number, events, queued, done } => {
                    let mut written = Written::default();
                    if let Some(files) = open.get_mut(&number) {
                        let result;
                        (written.stored, result) = files.append(&events);
                        (written.indexed, written.closed) = (files.is_indexed(), files.is_closed());
                        self.note(number, &result, &open);
                    }
                    self.shared.dirty.store(true, Ordering::Release);
                    drop(queued);
                    let _ = done.send(written);
                }
                Job::Caption { number, language, records } => {
                    if let Some(files) = open.get_mut(&number) {
                        files.caption(&language, &records);
                        self.shared.dirty.store(true, Ordering::Release);
                    }
                }
                Job::Remove { number, renditions, done } => {
                    let of = open.get_mut(&number);
                    let removed = of.map_or(Err(Error::Closed), |files| files.remove(&renditions));
                    self.note(number, &removed, &open);
                    let _ = done.send(removed);
                }
                Job::Finish { number, done } => {
                    let finished = open.get_mut(&number).map_or(Err(Error::Closed), Files::finish);
                    self.note(number, &finished, &open);
                    let _ = done.send(finished);
                }
                Job::Drop { number } => drop(open.remove(&number)),
            }
        }
        for files in open.values_mut() {
            if let Err(error) = files.sync() {
                tracing::error!(%error, "a recording can't be synced at the end");
            }
        }
    }

    /// Tells the log once when the disk begins to refuse, and once when it takes again: after a whole segment, because a full disk
    /// has room for a small part now and then.
    fn note(&self, number: u64, result: &Result<(), Error>, open: &HashMap<u64, Files>) {
        let mut trouble = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Err(error) => {
                metrics::counter!("amphi_archive_write_failures_total").increment(1);
                if trouble.is_empty() {
                    tracing::error!(%error, "recordings can't be written: lives go on from memory, what is not written is marked as a gap");
                }
                trouble.insert(number, Trouble { full: error.is_full(), text: error.to_string() });
            }
            Ok(()) if !trouble.is_empty() && open.get(&number).is_some_and(Files::is_well) => {
                // What was refused to a recording that is no more says nothing about the disk of now.
                trouble.retain(|refused, _| *refused != number && open.contains_key(refused));
                if trouble.is_empty() {
                    tracing::info!("recordings can be written again");
                }
            }
            Ok(()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::segment::Part;
    use media::time::{Timescale, Timestamp};

    fn batch(bytes: usize) -> Arc<Vec<Event>> {
        Arc::new(vec![Event::Part(Part {
            rendition: RenditionId::Source,
            msn: 0,
            number: 0,
            start: Timestamp::from_micros(10_000_000, Timescale::VIDEO),
            samples: 1,
            duration_ticks: 45_000,
            independent: true,
            keyframes: Vec::new(),
            bytes: vec![0; bytes].into(),
        })])
    }

    #[test]
    fn media_beyond_the_budget_is_left_out_until_the_disk_has_caught_up() {
        // Nobody takes from the queue: the disk hangs.
        let (jobs, mut queue) = mpsc::channel(8);
        let recording = Recording { number: 0, jobs, queued_bytes: Arc::default() };
        let mut taken = || match queue.try_recv() {
            Ok(Job::Append { events, .. }) => matches!(&events[0], Event::Part(part) if !part.bytes.is_empty()),
            other => panic!("{other:?}"),
        };
        let half = usize::try_from(MAX_QUEUED_BYTES / 2).unwrap();
        for bytes in [half, half, 1, 0] {
            assert!(recording.append(batch(bytes)).is_some());
        }
        assert_eq!([taken(), taken(), taken(), taken()], [true, true, false, false], "the third is a gap");
        assert!(recording.append(batch(half)).is_some());
        assert!(taken(), "what was written waits no more");
        assert_eq!(recording.queued_bytes.load(Ordering::Relaxed), 0);
    }
}
