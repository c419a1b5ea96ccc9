//! What operators and technicians work with: the live wall, each broadcaster with its settings and keys, jobs, and the audit log. All of it can be read
//! and done without JavaScript; with it, figures follow by one stream of events.
//!
//! Whoever is limited to buildings sees and changes what is there: the gate asks the policy for a broadcaster's own addresses, and lists ask it row by
//! row.
//!
//! - `tile`: what is said of a broadcaster; `wall`: all of them; `hall`: one; `settings`, `about`, `contribution`, `rights` and `keys`: what can be changed of it; `removal`;
//! - `buildings`: where they are;
//! - `rounds`: what streams of events tell;
//! - `jobs` and `log`: work in the background (`progress`: how far it is), and who did what; `machine`: disk, models and engines (`vitals`: as they are now).

mod about;
mod buildings;
mod contribution;
mod hall;
mod jobs;
mod keys;
mod log;
mod machine;
mod progress;
mod removal;
mod rights;
mod rounds;
mod settings;
mod tile;
mod vitals;
mod wall;

use super::form::MAX_FORM_BYTES;
use super::people::{message, see};
use super::{ErrorPage, Reader};
use crate::archive::layout::Layout;
use crate::catalogue::broadcaster::{Broadcaster, BroadcasterChange};
use crate::catalogue::{Catalogue, Error};
use crate::http::accounts::Accounts;
use crate::http::assets::Assets;
use crate::http::state::Clock;
use crate::lifecycle::Tasks;
use crate::live;
use crate::live::status::{State, Status};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use rounds::Rounds;
use tile::Tile;

/// A description of 10,000 characters and 30 speakers of 200, each of which may be twelve bytes in a form, and the rest.
const MAX_ABOUT_BYTES: usize = 240 << 10;

/// A vocabulary of 64 KiB, each byte of which may be three in a form, and the rest.
const MAX_NAMES_BYTES: usize = 200 << 10;

/// What these pages work with. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Desk {
    catalogue: Catalogue,
    lives: live::Handle,
    clock: Clock,
    tasks: Tasks,
    wall: Rounds<wall::Round>,
    progress: Rounds<progress::Round>,
    vitals: Rounds<vitals::Round>,
}

impl Desk {
    /// Over the catalogue of `accounts` and its lives.
    #[must_use]
    pub fn new(accounts: &Accounts, lives: live::Handle, tasks: Tasks) -> Self {
        Self {
            catalogue: accounts.catalogue().clone(),
            lives,
            clock: accounts.clock(),
            tasks,
            wall: Rounds::default(),
            progress: Rounds::default(),
            vitals: Rounds::default(),
        }
    }

    /// What is to be said of a broadcaster, to somebody who looks at it now.
    fn tile(&self, slug: &str, title: &str, status: Option<&Status>) -> Tile {
        let still = status.filter(|status| status.state == State::OnAir).and_then(|_| self.lives.still_now(slug));
        let tile = Tile::new(slug, title, status, self.lives.pull_finding(slug).as_ref());
        Tile { picture_ms: still.map(|still| still.at.millis()), ..tile }
    }

    /// Changes a broadcaster: its page again, or the one that says why not.
    async fn change(&self, reader: &Reader<'_>, slug: &str, change: BroadcasterChange) -> Response {
        let changed = async {
            let id = self.hall(slug).await?.id;
            self.catalogue.update_broadcaster(&id, change).await
        };
        match changed.await {
            Ok(_) => see(&format!("/operate/{slug}")),
            Err(error) => refused(reader, &error),
        }
    }

    async fn hall(&self, slug: &str) -> Result<Broadcaster, Error> {
        let missing = Error::NotFound("broadcaster");
        let Ok(slug) = slug.parse() else { return Err(missing) };
        self.catalogue.broadcaster_by_slug(&slug).await?.ok_or(missing)
    }
}

/// The routes; each has its line in the gate's table.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Assets: FromRef<S>,
    Desk: FromRef<S>,
    Layout: FromRef<S>,
{
    Router::new()
        .route("/operate", get(wall::page))
        .route("/operate/_/events", get(wall::events))
        .route("/operate/_/jobs", get(jobs::page))
        .route("/operate/_/jobs/events", get(progress::events))
        .route("/operate/_/jobs/{id}/retry", post(jobs::retry))
        .route("/operate/_/jobs/{id}/cancel", post(jobs::cancel))
        .route("/operate/_/log", get(log::page))
        .route("/operate/_/machine", get(machine::page))
        .route("/operate/_/machine/events", get(vitals::events))
        .route("/operate/_/new", get(settings::new).post(settings::add))
        .route("/operate/_/buildings", post(buildings::add))
        .route("/operate/_/buildings/{id}", get(buildings::page).post(buildings::rename))
        .route("/operate/_/buildings/{id}/remove", post(buildings::remove))
        .route("/operate/{slug}", get(hall::page))
        .route("/operate/{slug}/end", post(hall::end))
        .route("/operate/{slug}/recording", post(hall::record))
        .route("/operate/{slug}/engine", post(hall::retry_engine))
        .route("/operate/{slug}/settings", post(settings::change))
        .route("/operate/{slug}/about", post(about::change).layer(DefaultBodyLimit::max(MAX_ABOUT_BYTES)))
        .route("/operate/{slug}/contribution", post(contribution::change))
        .route("/operate/{slug}/names", post(contribution::change_names).layer(DefaultBodyLimit::max(MAX_NAMES_BYTES)))
        .route("/operate/{slug}/building", post(settings::move_to))
        .route("/operate/{slug}/rights", get(rights::page).post(rights::send))
        .route("/operate/{slug}/remove", get(removal::page).post(removal::send))
        .route("/operate/{slug}/keys/add", post(keys::add))
        .route("/operate/{slug}/keys/rotate", post(keys::rotate))
        .route("/operate/{slug}/keys/revoke", post(keys::revoke))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
}

/// The page for what the catalogue refused.
fn refused(reader: &Reader<'_>, error: &Error) -> Response {
    match error {
        Error::NotFound(_) => ErrorPage::NotFound.render_for(reader),
        Error::Conflict(_) => message(reader, StatusCode::CONFLICT, "operate-conflict", "operate-conflict-more"),
        Error::Taken(_) => message(reader, StatusCode::CONFLICT, "operate-taken", "operate-taken-more"),
        Error::Invalid { .. } => {
            message(reader, StatusCode::UNPROCESSABLE_ENTITY, "operate-invalid", "operate-invalid-more")
        }
        error => {
            tracing::error!(%error, "an operator's page can't be made");
            ErrorPage::Failed.render_for(reader)
        }
    }
}

#[cfg(test)]
mod tests;
