//! Who keeps the index up to date.
//!
//! The catalogue says which videos were changed; they are looked at `SOON` after, and once more `LATER`, when captions have come. What
//! nobody said (the server was down, another node did it) is found by comparing all videos with what the index was made from: at the start,
//! and every `EVERYTHING`. So nothing has to be remembered, and a crash loses nothing.

use super::entry::{Entry, print};
use super::index::Writer;
use super::{Error, Search};
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::changes::Told;
use crate::catalogue::id::VideoId;
use crate::catalogue::indexed::Indexed;
use crate::lifecycle::Tasks;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Changes come together.
const SOON: Duration = Duration::from_secs(1);
/// When the last words of a live are on the disk.
const LATER: Duration = Duration::from_secs(30);
/// How often all videos are compared.
const EVERYTHING: Duration = Duration::from_secs(15 * 60);
/// How often somebody may have asked for another index.
const LOOK: Duration = Duration::from_secs(2);
/// An index that can't be read is made anew once in this time.
const HEAL_AFTER: Duration = Duration::from_secs(3_600);
/// After a failure.
const AGAIN: Duration = Duration::from_secs(30);
/// Videos that are looked at at once.
const PAGE: usize = 100;
/// Videos that are made findable at once, while many come.
const COMMIT: usize = 1_000;

/// See the module.
#[derive(Debug)]
pub struct Keeper {
    search: Search,
    catalogue: Catalogue,
    layout: Layout,
    writer: Arc<Mutex<Writer>>,
    /// Entries since the last commit.
    waiting: usize,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Videos that there are.
    pub videos: usize,
    /// Of them, those that were indexed because they were new or different.
    pub indexed: usize,
    /// Those that were taken out.
    pub removed: usize,
}

impl Keeper {
    /// Opens the index, or begins one, and lets it be searched in. Blocking work is done beside.
    ///
    /// # Errors
    /// `Busy`, `Folder`.
    pub async fn open(search: Search, catalogue: Catalogue, layout: Layout) -> Result<Self, Error> {
        let folder = search.0.folder.clone();
        let writer = blocking(move || Writer::open(&folder)).await?;
        let this = Self { search, catalogue, layout, writer: Arc::new(Mutex::new(writer)), waiting: 0 };
        // What was left may be half of it.
        this.search.0.whole.store(false, Relaxed);
        this.offer();
        Ok(this)
    }

    fn offer(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.search.0.damaged.store(false, Relaxed);
        self.search.use_index(Some(writer.index().clone()));
    }

    /// Throws the index away and makes it anew from what there is.
    ///
    /// # Errors
    /// `Folder`, `Catalogue`.
    pub async fn rebuild(self) -> Result<(Self, Compared), Error> {
        self.anew(Duration::ZERO).await
    }

    /// See [`Self::compare`] for `rest`.
    async fn anew(self, rest: Duration) -> Result<(Self, Compared), Error> {
        let Self { search, catalogue, layout, writer, .. } = self;
        search.use_index(None);
        // Gives the lock back.
        drop(writer);
        let folder = search.0.folder.clone();
        let writer = blocking(move || Writer::anew(&folder)).await?;
        let mut this = Self { search, catalogue, layout, writer: Arc::new(Mutex::new(writer)), waiting: 0 };
        this.search.0.whole.store(false, Relaxed);
        this.offer();
        let compared = this.compare(rest).await?;
        Ok((this, compared))
    }

    /// Compares all videos with what is indexed, and indexes what is different. Rests `rest` times as long as a page took after each.
    async fn compare(&mut self, rest: Duration) -> Result<Compared, Error> {
        let mut compared = Compared::default();
        let mut after: Option<VideoId> = None;
        loop {
            let began = Instant::now();
            let page = self.catalogue.indexed(after.as_ref(), PAGE).await?;
            let until = (page.len() == PAGE).then(|| page.last().map(|video| video.id.clone())).flatten();
            compared.videos += page.len();
            let (indexed, removed) = self.take(page, after.as_ref(), until.as_ref()).await?;
            compared.indexed += indexed;
            compared.removed += removed;
            let Some(until) = until else { break };
            after = Some(until);
            if !rest.is_zero() {
                sleep(began.elapsed().min(rest)).await;
            }
        }
        self.commit().await?;
        self.search.0.whole.store(true, Relaxed);
        Ok(compared)
    }

    /// Indexes those of `page` that are different, and takes out what is indexed between `after` and `until` and is not in it.
    async fn take(
        &mut self,
        page: Vec<Indexed>,
        after: Option<&VideoId>,
        until: Option<&VideoId>,
    ) -> Result<(usize, usize), Error> {
        let (writer, layout) = (Arc::clone(&self.writer), self.layout.clone());
        let (after, until) = (after.map(ToString::to_string).unwrap_or_default(), until.map(ToString::to_string));
        let (indexed, removed) = blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let mut known = writer.index().known(&after, until.as_deref())?;
            let mut indexed = 0;
            for video in page {
                let print = print(&video, &layout);
                if known.remove(video.id.as_str()) != Some(print) {
                    writer.put(&Entry::of(video, print, &layout))?;
                    indexed += 1;
                }
            }
            for id in known.keys() {
                writer.remove(id)?;
            }
            Ok((indexed, known.len()))
        })
        .await?;
        metrics::counter!("amphi_search_indexed_total").increment(indexed as u64);
        self.waiting += indexed + removed;
        if self.waiting >= COMMIT {
            self.commit().await?;
        }
        Ok((indexed, removed))
    }

    /// Looks at some videos.
    ///
    /// # Errors
    /// `Catalogue`, `Damaged`.
    pub async fn look_at(&mut self, ids: &BTreeSet<VideoId>) -> Result<(), Error> {
        for id in ids {
            let found = self.catalogue.indexed_one(id).await?;
            // Only this one lies between itself and what is just before it.
            let before = just_before(id);
            let (writer, layout, id) = (Arc::clone(&self.writer), self.layout.clone(), id.to_string());
            blocking(move || {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                let known = writer.index().known(&before, Some(&id))?.remove(&id);
                match found {
                    Some(video) => {
                        let print = print(&video, &layout);
                        if known != Some(print) {
                            writer.put(&Entry::of(video, print, &layout))?;
                        }
                    }
                    None if known.is_some() => writer.remove(&id)?,
                    None => {}
                }
                Ok(())
            })
            .await?;
        }
        self.commit().await
    }

    async fn commit(&mut self) -> Result<(), Error> {
        self.waiting = 0;
        let writer = Arc::clone(&self.writer);
        blocking(move || writer.lock().unwrap_or_else(PoisonError::into_inner).commit()).await
    }

    /// Compares all videos now, as at a start.
    ///
    /// # Errors
    /// `Catalogue`, `Damaged`.
    pub async fn refresh(&mut self) -> Result<Compared, Error> {
        self.compare(Duration::ZERO).await
    }

    /// Until something fails, or another index is asked for.
    async fn run(mut self) -> Result<(), Error> {
        let changes = self.catalogue.changes();
        let rest = Duration::from_secs(1);
        let compared = self.compare(rest).await?;
        tracing::info!(videos = compared.videos, indexed = compared.indexed, "the search knows all videos");
        let mut next = Instant::now() + EVERYTHING;
        let mut healed: Option<Instant> = None;
        let mut again: Vec<(Instant, BTreeSet<VideoId>)> = Vec::new();
        loop {
            let told = timeout(LOOK, changes.told(self.catalogue.tenant())).await.ok();
            let wish = self.search.wish();
            let damaged = self.search.0.damaged.swap(false, Relaxed);
            // One that is damaged again and again is not what is wrong.
            if (damaged && healed.is_none_or(|at| at.elapsed() > HEAL_AFTER)) || wish.exists() {
                healed = Some(Instant::now());
                let (this, compared) = self.anew(rest).await?;
                self = this;
                // What can't be removed is asked for again and again, and is said each time.
                if let Err(error) = std::fs::remove_file(&wish)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    tracing::error!(path = %wish.display(), %error, "a wish for another index can't be removed");
                }
                tracing::info!(videos = compared.videos, "the index of the search was made anew");
                continue;
            }
            let now = Instant::now();
            match told {
                Some(Told::Everything) => next = now,
                Some(Told::Videos(mut ids)) => {
                    sleep(SOON).await;
                    match changes.told_already(self.catalogue.tenant()) {
                        Some(Told::Videos(more)) => ids.extend(more),
                        Some(Told::Everything) => next = now,
                        None => {}
                    }
                    self.look_at(&ids).await?;
                    again.push((now + LATER, ids));
                }
                None => {}
            }
            while again.first().is_some_and(|(at, _)| *at <= now) {
                let (_, ids) = again.remove(0);
                self.look_at(&ids).await?;
            }
            if next <= now {
                self.compare(rest).await?;
                next = Instant::now() + EVERYTHING;
            }
        }
    }
}

/// Keeps the index until the server stops. What goes wrong is said and tried again; the server goes on without a search.
pub async fn keep(search: Search, catalogue: Catalogue, layout: Layout, tasks: Tasks) {
    let work = async {
        loop {
            let kept = async { Keeper::open(search.clone(), catalogue.clone(), layout.clone()).await?.run().await };
            if let Err(error) = kept.await {
                tracing::error!(%error, "the search is not kept up to date; trying again");
            }
            sleep(AGAIN).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = tasks.soft_stopped() => {}
    }
}

/// Asks the server that keeps the index to make it anew; it looks every `LOOK`.
///
/// # Errors
/// `Folder`.
pub fn ask_for_another(search: &Search) -> Result<(), Error> {
    let path = search.wish();
    std::fs::write(&path, "").map_err(|source| Error::Folder { path, source })
}

/// The text that comes before an id and after all others that do.
fn just_before(id: &VideoId) -> String {
    let mut text = id.to_string();
    // What is cut off is longer than none of its length: ids all have one length.
    text.pop();
    text
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::Damaged("its keeper failed".to_owned())))
}
