//! The search: an index beside the catalogue, over what people say of videos and over what is said in them. The only module that names tantivy.
//!
//! `DATA_DIR/db/search/<tenant>/` holds it. Nothing in it is worth keeping: it is made from the catalogue and the archive, and made anew when
//! it is missing, of another version, damaged, or when somebody asks for it (`amphi search rebuild`).
//!
//! **Promises.** What is changed is found some seconds later, and what was changed while nobody looked (a crash, another node) is found by
//! comparing, at every start and from time to time. A transaction that is cut short, by `kill -9` too, leaves what was there before. What is
//! answered are ids: whether somebody may see them, and what their titles are now, the catalogue and the policy say. Questions are bounded,
//! and no more than a few are looked at at once. Indexing rests as long as it works, so that it takes half a core at most.
//!
//! - `words`: text as words, stemmed and folded; [`question`]: what somebody typed; `find`: one put to the other;
//! - `entry`: what is indexed of a video; `index`: the files;
//! - [`keeper`]: the one who keeps it up to date.

mod entry;
mod find;
mod index;
pub mod keeper;
pub mod question;
#[cfg(test)]
mod tests;
mod words;

use find::Asked;
use index::Index;
use question::{Piece, Question};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Looked at at once. Each takes a core for some milliseconds.
const AT_ONCE: usize = 2;
/// Who waits longer is told to come again.
const PATIENCE: Duration = Duration::from_secs(2);
/// Places of the best that are ever looked at: who has not found it by then asks better.
pub const MOST: usize = 2_000;

/// Why the search can't do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process changes the index.
    #[error("another process keeps the index of the search: the server runs")]
    Busy,
    /// It can't be read.
    #[error("the index of the search is damaged: {0}")]
    Damaged(String),
    /// Its folder can't be written.
    #[error("{path}: {source}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is to be indexed can't be had.
    #[error(transparent)]
    Catalogue(#[from] crate::catalogue::Error),
}

/// Why a question is not answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// There is no index yet, or it is being made anew.
    NotReady,
    /// Too many ask.
    Busy,
}

/// A video that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The video's.
    pub id: String,
    /// Where it stands in that state of the index.
    place: tantivy::DocAddress,
}

/// Where something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// From the beginning of the video as it is shown.
    pub at: Duration,
    /// BCP 47.
    pub language: String,
    /// What is said.
    pub pieces: Vec<Piece>,
}

/// Answers questions. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub struct Search(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    index: RwLock<Option<Index>>,
    places: Arc<Semaphore>,
    /// All videos were compared since the index was opened.
    whole: AtomicBool,
    /// It could not be read: the keeper makes it anew.
    damaged: AtomicBool,
}

impl Search {
    /// The search of one tenant, with nothing in it until its keeper has opened it. `data_dir`: `DATA_DIR`.
    #[must_use]
    pub fn new(data_dir: &Path, tenant: &str) -> Self {
        let mut name = String::with_capacity(tenant.len());
        for byte in tenant.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' => name.push(char::from(byte)),
                // No name of a tenant leads out of the folder, and no two to one.
                byte => name.push_str(&format!("_{byte:02x}")),
            }
        }
        Self(Arc::new(Shared {
            folder: data_dir.join("db").join("search").join(name),
            index: RwLock::new(None),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            whole: AtomicBool::new(false),
            damaged: AtomicBool::new(false),
        }))
    }

    /// Whether all videos are in it as they are: not yet, while it is made, or compared after a start.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.whole.load(Relaxed)
    }

    /// Puts a question to the index as it is now.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub async fn look(&self, question: &Question) -> Result<Looking, Unanswered> {
        let index = self.0.index.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (index, question) = (index.ok_or(Unanswered::NotReady)?, question.clone());
        let asked = self.work(move || Asked::of(&index, question)).await?;
        Ok(Looking { search: self.clone(), asked: Arc::new(asked) })
    }

    async fn work<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let places = Arc::clone(&self.0.places);
        let place = tokio::time::timeout(PATIENCE, places.acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(Unanswered::Busy) };
        let asked = tokio::task::spawn_blocking(move || {
            let answer = what();
            // Given back when the work is done, not when who asked has gone.
            drop(place);
            answer
        });
        // A damaged file may make the library panic.
        let answer = asked.await.unwrap_or_else(|_| Err(Error::Damaged("a question could not be answered".to_owned())));
        answer.map_err(|error| {
            tracing::error!(%error, "the search can't answer");
            self.0.damaged.store(true, Relaxed);
            Unanswered::NotReady
        })
    }

    /// Puts an index in the place of another.
    fn use_index(&self, index: Option<Index>) {
        *self.0.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    /// Somebody asks the server that runs to make it anew.
    fn wish(&self) -> PathBuf {
        self.0.folder.with_extension("rebuild")
    }
}

/// A question that is being answered, from one state of the index whatever becomes of it meanwhile.
#[derive(Debug)]
pub struct Looking {
    search: Search,
    asked: Arc<Asked>,
}

impl Looking {
    /// Videos that meet the question, the best first: at `from..until`, up to [`MOST`]. Nobody has been asked whether they may be seen.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub async fn find(&self, from: usize, until: usize) -> Result<Vec<Hit>, Unanswered> {
        let until = until.min(MOST);
        if from >= until {
            return Ok(Vec::new());
        }
        let asked = Arc::clone(&self.asked);
        self.search.work(move || asked.find(from..until)).await
    }

    /// Where it is said in each of these videos, which somebody may see: at most `most` passages each, in order of time.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub async fn passages(&self, hits: Vec<Hit>, most: usize) -> Result<Vec<Vec<Passage>>, Unanswered> {
        let asked = Arc::clone(&self.asked);
        self.search.work(move || asked.passages(&hits, most)).await
    }
}
