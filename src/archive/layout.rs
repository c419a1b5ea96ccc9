//! Where a recording's files are.

use media::caption::language::Language;
use media::rendition::RenditionId;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of all media. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Layout {
    media: Arc<Path>,
}

impl Layout {
    /// `media`: `DATA_DIR/media`.
    #[must_use]
    pub fn new(media: PathBuf) -> Self {
        Self { media: media.into() }
    }

    /// `DATA_DIR/media`.
    #[must_use]
    pub fn media(&self) -> &Path {
        &self.media
    }

    /// The folder of a video. `id` is one of the catalogue's: letters and digits, never a path.
    #[must_use]
    pub fn folder(&self, id: &str) -> PathBuf {
        self.media.join(id)
    }

    /// Its index.
    #[must_use]
    pub fn index(&self, id: &str) -> PathBuf {
        self.folder(id).join("index")
    }

    /// A file that is there while the index of a live has all that viewers were told: to say no, it is removed, which a full disk
    /// lets one do too.
    #[must_use]
    pub fn whole(&self, id: &str) -> PathBuf {
        self.folder(id).join("whole")
    }

    /// What was said, in a language: the words and cues as they came.
    #[must_use]
    pub fn captions(&self, id: &str, language: &Language) -> PathBuf {
        self.folder(id).join(format!("captions-{}", language.tag()))
    }

    /// The same as people wrote or mended it.
    #[must_use]
    pub fn edited(&self, id: &str, language: &Language) -> PathBuf {
        self.folder(id).join(format!("edited-{}.vtt", language.tag()))
    }

    /// One of its media files.
    #[must_use]
    pub fn file(&self, id: &str, rendition: RenditionId, number: u16) -> PathBuf {
        self.folder(id).join(format!("{}-{number}.mp4", rendition.name()))
    }
}
