//! Every route, one table.

use super::accounts::Accounts;
use super::assets::{self, Assets};
use super::health::{self, Health};
use super::pages::{self, events::EventSlots, operate::Desk, source::Source};
use super::play::pictures::{self, Pictures};
use super::play::{self, Play};
use super::security::Policies;
use super::state::{Clock, Parts};
use super::{api, look, security};
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::live;
use crate::search::Search;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::map_response_with_state;

/// All parts that handlers take.
#[derive(Clone)]
pub struct Site {
    /// Catalogue, lives, clock.
    pub parts: Parts,
    /// Playlists and media.
    pub play: Play,
    /// Posters and previews.
    pub pictures: Pictures,
    /// What pages show.
    pub pages: Source,
    /// The built front end.
    pub assets: Assets,
    /// Open streams of states.
    pub events: EventSlots,
    /// Who people are. Brings the gate that stands before all routes.
    pub accounts: Accounts,
    /// What operators work with.
    pub desk: Desk,
    /// What some pages may be shown in.
    pub policies: Policies,
}

/// The whole site. Requests for files of a live on air do not come here: the server answers them by [`Play::hot`], with the code of
/// these routes.
pub fn site(site: Site, health: Health) -> Router {
    let gate = site.accounts.gate().clone();
    let policies = site.policies.clone();
    let router = Router::new()
        // /, /live/{slug}, /live/{slug}/events, /videos, /videos/{id}-{slug}
        .merge(pages::routes())
        // /embed/live/{slug}, /embed/videos/{id}, /oembed
        .merge(pages::embed::routes())
        // /search
        .merge(pages::search::routes())
        // /sign-in, /account, /forgotten, …, /live/{slug}/password
        .merge(pages::people::routes())
        // /videos/{id}/edit
        .merge(pages::manage::routes())
        // /operate, /operate/{slug}, …
        .merge(pages::operate::routes())
        // /live/{slug}/master.m3u8, /live/{slug}/{rendition}/{file}, the same under /videos/{id}
        .merge(play::routes())
        // /videos/{id}/poster.jpg, storyboard.jpg, storyboard.vtt
        .merge(pictures::routes())
        // /api/v1/…
        .merge(api::router())
        // /assets/…
        .merge(assets::routes())
        // /theme.css, /logo
        .merge(look::routes())
        .fallback(pages::not_found)
        .with_state(site)
        // /healthz, /readyz, /metrics
        .merge(health::routes(health));
    gate.guard(router).layer(map_response_with_state(policies, security::add_headers))
}

macro_rules! part {
    ($type:ty, $($field:ident).+) => {
        impl FromRef<Site> for $type {
            fn from_ref(site: &Site) -> Self {
                site.$($field).+.clone()
            }
        }
    };
}

part!(Catalogue, parts.catalogue);
part!(live::Handle, parts.live);
part!(Layout, parts.layout);
part!(Search, parts.search);
part!(Clock, parts.clock);
part!(Play, play);
part!(Pictures, pictures);
part!(Source, pages);
part!(Assets, assets);
part!(Accounts, accounts);
part!(EventSlots, events);
part!(Desk, desk);
