//! What handlers may take: a part each, never the whole.

use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::live;
use crate::search::Search;
use axum::extract::FromRef;
use media::time::WallTime;

/// Where handlers read the time; a test brings its own.
#[derive(Clone, Copy, Debug)]
pub struct Clock(pub fn() -> WallTime);

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(self) -> WallTime {
        (self.0)()
    }
}

/// The parts together, as the router holds them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The database.
    pub catalogue: Catalogue,
    /// What is on air.
    pub live: live::Handle,
    /// Where recordings are.
    pub layout: Layout,
    /// What finds videos.
    pub search: Search,
    /// The time.
    pub clock: Clock,
}

impl FromRef<Parts> for Catalogue {
    fn from_ref(parts: &Parts) -> Self {
        parts.catalogue.clone()
    }
}

impl FromRef<Parts> for live::Handle {
    fn from_ref(parts: &Parts) -> Self {
        parts.live.clone()
    }
}

impl FromRef<Parts> for Layout {
    fn from_ref(parts: &Parts) -> Self {
        parts.layout.clone()
    }
}

impl FromRef<Parts> for Search {
    fn from_ref(parts: &Parts) -> Self {
        parts.search.clone()
    }
}

impl FromRef<Parts> for Clock {
    fn from_ref(parts: &Parts) -> Self {
        parts.clock
    }
}
