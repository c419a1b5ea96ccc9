//! Which videos were changed: told to who keeps something that is made from them, while the server runs.
//!
//! **Promises.** Bounded: from `MOST` on it is said that anything may have changed. What nobody listens to is forgotten when the process
//! ends, and so is what another process changes: who listens compares at the start, and from time to time.

use super::Catalogue;
use super::id::VideoId;
use super::tenant::Tenant;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Videos that are told one by one.
const MOST: usize = 1_000;

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What these are, or what is said of them.
    Videos(BTreeSet<VideoId>),
    /// Any of them.
    Everything,
}

/// What is told of all tenants. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    told: Mutex<HashMap<Tenant, Told>>,
    more: Notify,
}

impl Changes {
    /// A video was finished, changed, deleted or restored.
    pub(super) fn video(&self, tenant: &Tenant, id: &VideoId) {
        self.tell(tenant, |told| match told {
            Told::Videos(ids) if ids.len() < MOST => {
                ids.insert(id.clone());
            }
            told => *told = Told::Everything,
        });
    }

    /// Many were, such as all of a broadcaster.
    pub(super) fn everything(&self, tenant: &Tenant) {
        self.tell(tenant, |told| *told = Told::Everything);
    }

    fn tell(&self, tenant: &Tenant, what: impl FnOnce(&mut Told)) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        what(told.entry(tenant.clone()).or_insert_with(|| Told::Videos(BTreeSet::new())));
        drop(told);
        self.0.more.notify_waiters();
    }

    /// What was told since it was taken last; `None`: nothing.
    #[must_use]
    pub fn told_already(&self, tenant: &Tenant) -> Option<Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant)
    }

    /// The same, waited for.
    pub async fn told(&self, tenant: &Tenant) -> Told {
        loop {
            // Begun before looking, so that nothing falls between.
            let more = self.0.more.notified();
            if let Some(told) = self.told_already(tenant) {
                return told;
            }
            more.await;
        }
    }
}

impl Catalogue {
    /// Captions of a video, which the catalogue does not hold, were changed.
    pub fn captions_changed(&self, id: &VideoId) {
        self.changes.video(&self.tenant, id);
    }

    /// What is told of changes.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.changes.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_tenant_is_told_its_own_and_from_some_number_on_only_that_there_are_many() {
        let (changes, ours, theirs) = (Changes::default(), Tenant::default(), Tenant::other("theirs"));
        let id = VideoId::random().unwrap();
        changes.video(&ours, &id);
        changes.video(&ours, &id);
        assert_eq!(changes.told_already(&theirs), None);
        assert_eq!(changes.told(&ours).await, Told::Videos(BTreeSet::from([id])));
        assert_eq!(changes.told_already(&ours), None);
        for _ in 0..=MOST {
            changes.video(&ours, &VideoId::random().unwrap());
        }
        assert_eq!(changes.told(&ours).await, Told::Everything);
        let waits = changes.told(&theirs);
        tokio::pin!(waits);
        assert!(futures_util::poll!(&mut waits).is_pending());
        changes.everything(&ours);
        assert!(futures_util::poll!(&mut waits).is_pending());
        changes.everything(&theirs);
        assert_eq!(waits.await, Told::Everything);
    }
}
