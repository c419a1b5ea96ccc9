//! What `amphi serve --dev` finds when it starts: a broadcaster to push to and an administrator to sign in as.

use super::access::AccessChange;
use super::broadcaster::NewBroadcaster;
use super::identity::NewPerson;
use super::secret::Password;
use super::{Catalogue, Error};
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use media::ingest::StreamKey;
use media::time::WallTime;

/// Slug and stream key of the broadcaster of `--dev`.
pub const DEMO: &str = "demo";

/// Login of the administrator of `--dev`.
pub const ADMINISTRATOR: &str = "admin";

impl Catalogue {
    /// Makes, if absent, the broadcaster `demo` with the stream key `demo`, for everybody, and the administrator `admin`. Answers the
    /// administrator's password when it was made now: to be printed once. Anybody can publish afterwards: only for
    /// servers that nobody else reaches.
    ///
    /// # Errors
    /// `Database`, `Secret`.
    pub async fn add_demo(&self, now: WallTime) -> Result<Option<Password>, Error> {
        let slug = DEMO.parse().map_err(|_| Error::invalid("slug", "is not one"))?;
        let broadcaster = match self.broadcaster_by_slug(&slug).await? {
            Some(broadcaster) => broadcaster,
            None => {
                let broadcaster = self.add_broadcaster(NewBroadcaster::new(slug, "Demo"), now).await?;
                let open = AccessChange {
                    visibility: Some(Visibility::Public),
                    open_figures: Some(true),
                    ..AccessChange::default()
                };
                self.change_broadcaster_access(&broadcaster.id, open).await?;
                broadcaster
            }
        };
        let key = StreamKey::new(DEMO.to_owned());
        if self.find_by_key(Some(DEMO), &key, now).await?.is_none() {
            self.add_known_key(&broadcaster.id, "made by --dev", &key, now).await?;
        }
        if self.person_by_login(ADMINISTRATOR).await?.is_some() {
            return Ok(None);
        }
        let password = Password::random()?;
        self.add_person(NewPerson::new(ADMINISTRATOR, Role::Administrator), &password.hash()?, now).await?;
        Ok(Some(password))
    }
}
