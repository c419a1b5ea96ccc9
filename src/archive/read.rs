//! Slices of media files. What many viewers want at once is read once and kept for a while.

use super::layout::Layout;
use super::{Error, at};
use bytes::Bytes;
use media::origin::entry::Location;
use media::rendition::RenditionId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Memory for hot slices, all lives and videos together: a minute of thirty renditions at 2 Mbit/s. The kernel's page cache holds
/// the rest.
const CACHE_BYTES: u64 = 64 << 20;
/// Slices the cache is laid out for.
const CACHE_SLICES: usize = 1024;

/// Reads media files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader {
    layout: Layout,
    hot: Arc<Cache<Slice, Bytes, ByBytes>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Slice {
    id: Arc<str>,
    rendition: RenditionId,
    file: u16,
    offset: u64,
    bytes: u32,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Slice, Bytes> for ByBytes {
    fn weight(&self, _: &Slice, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + 128
    }
}

impl Reader {
    /// Over an archive's files.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout, hot: Arc::new(Cache::with_weighter(CACHE_SLICES, CACHE_BYTES, ByBytes)) }
    }

    /// `bytes` bytes of a media file of video `id`. Many who ask for the same slice wait for one read.
    ///
    /// # Errors
    /// When the file is not there or shorter.
    pub async fn read(
        &self,
        id: &Arc<str>,
        rendition: RenditionId,
        location: Location,
        bytes: u32,
    ) -> Result<Bytes, Error> {
        let slice = Slice { id: Arc::clone(id), rendition, file: location.file, offset: location.offset, bytes };
        let path = self.layout.file(id, rendition, location.file);
        self.hot
            .get_or_insert_async(&slice, async {
                let read = tokio::task::spawn_blocking(move || {
                    let mut buffer = vec![0; bytes as usize];
                    let file = File::open(&path).map_err(at(&path))?;
                    file.read_exact_at(&mut buffer, location.offset).map_err(at(&path))?;
                    Ok(Bytes::from(buffer))
                });
                read.await.map_err(|_| Error::Closed)?
            })
            .await
    }
}
