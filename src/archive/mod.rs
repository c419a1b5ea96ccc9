//! Recordings on disk: written as the live is made, read back for rewinding and as videos.
//!
//! `DATA_DIR/media/<video id>/` holds one `index` (`media::segment::index`) and few media files, `<rendition>-<n>.mp4`: a new one
//! at a discontinuity and every hour, each a playable fragmented MP4. Never a file per segment.
//!
//! **Promises.** Bytes are written before anyone is told of them, so `kill -9` loses nothing that was told. They are synced in
//! groups every half second, so a power cut loses less than a second. A file that ends anywhere is opened safely. A full disk
//! costs the recording what does not fit, marked as gaps, and the live nothing. While the index on the disk lacks something that
//! viewers were told (the disk is full or hangs), the recording's folder lacks its file `whole`: the next start then does not go on
//! with it, because it does not know which numbers were used. What is made of a finished recording (renditions that its live lacked) is
//! appended to the same index: a segment that comes again takes the place of a gap.
//!
//! - [`layout`]: names of files; [`writer`]: the one thread that appends, and its [`writer::Recording`] handles;
//! - `recording`: one recording's files; [`load`]: index → what playlists list; [`recover`]: after a crash;
//! - [`read`]: slices of media files, the hot ones from memory; [`keyframe`]: pictures that can be decoded by themselves; [`cut`]: which part of it is shown; [`progressive`]: all of it as one file; [`whole`]: small files beside it; [`captions`]: what a machine heard; [`edited`] and [`rewrite`]: what people made of it; [`transcript`]: both, on the recording's time; [`room`]: how much fits; [`check`]: the fsck behind `amphi check --media`.

pub mod captions;
pub mod check;
pub mod cut;
pub mod edited;
pub mod keyframe;
pub mod layout;
pub mod load;
pub mod progressive;
pub mod read;
mod recording;
pub mod recover;
pub mod rewrite;
pub mod room;
pub mod transcript;
pub mod whole;
pub mod writer;

use std::path::Path;
use std::{fmt, io};

/// Something about a recording's files failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The index says nothing usable.
    #[error("{path}: {detail}")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        detail: String,
    },
    /// The writer is gone: the server is stopping.
    #[error("the archive is closed")]
    Closed,
}

impl Error {
    /// There is no room: somebody can make some.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::Io { path: path.display().to_string(), source }
}

fn damaged(path: &Path, detail: impl fmt::Display) -> Error {
    Error::Damaged { path: path.display().to_string(), detail: detail.to_string() }
}
