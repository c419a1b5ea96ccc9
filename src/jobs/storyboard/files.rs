//! The files that a storyboard is: whole or not there, in the folder of the video's media.

use crate::archive::layout::Layout;
use crate::archive::whole;
use std::io;
use std::path::PathBuf;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// A picture for the video, as JPEG.
    Poster,
    /// Many small ones on a sheet, as JPEG.
    Sheet,
    /// Which of those is shown when, as WebVTT.
    Previews,
}

impl Picture {
    /// All.
    pub const ALL: [Self; 3] = [Self::Poster, Self::Sheet, Self::Previews];

    /// In the folder and in URLs.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Poster => "poster.jpg",
            Self::Sheet => "storyboard.jpg",
            Self::Previews => "storyboard.vtt",
        }
    }

    /// RFC 9110 section 8.3.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Poster | Self::Sheet => "image/jpeg",
            Self::Previews => "text/vtt; charset=utf-8",
        }
    }

    /// Where video `id` has it.
    #[must_use]
    pub fn path(self, layout: &Layout, id: &str) -> PathBuf {
        layout.folder(id).join(self.file_name())
    }

    /// Under `/videos`.
    #[must_use]
    pub fn url(self, id: &str) -> String {
        format!("/videos/{id}/{}", self.file_name())
    }

    /// Writes it. Blocking.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn write(self, layout: &Layout, id: &str, bytes: &[u8]) -> io::Result<()> {
        whole::write(&self.path(layout, id), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned());
        assert!(Picture::Poster.write(&layout, "x", b"new").is_err(), "a video without a folder gets none");
        std::fs::create_dir(layout.folder("x")).unwrap();
        std::fs::write(layout.folder("x").join("poster.jpg.partial"), "what a crash left, and longer").unwrap();
        for bytes in [&b"old"[..], b"new"] {
            Picture::Poster.write(&layout, "x", bytes).unwrap();
            assert_eq!(std::fs::read(Picture::Poster.path(&layout, "x")).unwrap(), bytes);
        }
        assert_eq!(std::fs::read_dir(layout.folder("x")).unwrap().count(), 1);
        assert_eq!(Picture::Sheet.url("x"), "/videos/x/storyboard.jpg");
    }
}
