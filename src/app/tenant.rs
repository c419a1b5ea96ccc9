//! What each tenant has of its own, put together: its site, and the tasks that look after it.
//!
//! Built once, at the start: a tenant that is added later, or reached by another name, is there after the next. What the machine has
//! (sockets, engines, the disk's writer, figures) is the server's, and all tenants share it.

use super::{Error, gate_settings};
use crate::archive::read::Reader;
use crate::archive::writer::Archive;
use crate::catalogue::tenant::Listed;
use crate::clock;
use crate::config::Config;
use crate::http::accounts::Accounts;
use crate::http::assets::Assets;
use crate::http::gate::Gate;
use crate::http::health::Health;
use crate::http::look::Shown;
use crate::http::pages::events::EventSlots;
use crate::http::pages::operate::Desk;
use crate::http::pages::place::Place;
use crate::http::pages::source::Source;
use crate::http::play::pictures::Pictures;
use crate::http::play::{Downloads, Play, Videos};
use crate::http::router::{Site, site};
use crate::http::security::Policies;
use crate::http::server::Door;
use crate::http::state::{Clock, Parts};
use crate::lifecycle::Tasks;
use crate::live::Handle;
use crate::mail::{Mailer, Post};
use crate::search::{self, Search};
use url::Url;

/// What all tenants' sites are made with.
pub(super) struct Machine<'a> {
    pub(super) config: &'a Config,
    pub(super) archive: &'a Archive,
    pub(super) health: Health,
    pub(super) assets: Assets,
    pub(super) downloads: Downloads,
    pub(super) tasks: &'a Tasks,
}

impl Machine<'_> {
    /// A tenant's site, and its tasks begun.
    pub(super) async fn site(&self, listed: &Listed, lives: &Handle, post: Option<Post>) -> Result<Door, Error> {
        let Self { config, archive, tasks, .. } = self;
        let (catalogue, layout) = (lives.catalogue().clone(), archive.layout().clone());
        let shown = Shown::default();
        shown.take(&catalogue).await?;
        let assets = self.assets.shown_as(shown.clone());
        let public_url = public_url(config, listed);
        let search = Search::new(&config.data_dir, catalogue.tenant().as_str());
        let gate = Gate::new(catalogue.clone(), Clock(clock::now), assets.clone(), gate_settings(config));
        gate.take_keys().await?;
        let accounts = Accounts::new(catalogue.clone(), Clock(clock::now), gate.clone(), (*tasks).clone(), post);
        let (videos, reader) = (Videos::new(catalogue.clone(), layout.clone()), Reader::new(layout.clone()));
        let downloads = self.downloads.clone();
        let play = Play { lives: lives.clone(), videos, downloads, reader, gate: gate.clone() };
        let pages = Source::new(catalogue.clone(), lives.clone(), layout.clone(), (*tasks).clone()).reached_at(place(
            config,
            listed,
            &public_url,
        ));
        tasks.spawn("views", pages.views().clone().keep(catalogue.clone(), (*tasks).clone()));
        let parts = Parts {
            catalogue: catalogue.clone(),
            live: lives.clone(),
            layout: layout.clone(),
            search: search.clone(),
            clock: Clock(clock::now),
        };
        let mut health = self.health.clone();
        health.metrics = health.metrics.filter(|_| catalogue.tenant().is_default());
        let router = site(
            Site {
                parts,
                play: play.clone(),
                pictures: Pictures { catalogue: catalogue.clone(), layout: layout.clone() },
                pages,
                desk: Desk::new(&accounts, lives.clone(), (*tasks).clone()),
                assets,
                events: EventSlots::default(),
                accounts,
                policies: Policies::new(embedders(config, listed)),
            },
            health,
        );
        tasks.spawn("look", shown.keep(catalogue.clone(), (*tasks).clone()));
        tasks.spawn("gate", gate.keep((*tasks).clone()));
        tasks.spawn("search", search::keeper::keep(search, catalogue, layout, (*tasks).clone()));
        self.look_after(lives);
        Ok(Door { router, play: Some(play) })
    }

    /// What goes on about a tenant's lives.
    fn look_after(&self, lives: &Handle) {
        let (pulling, captions, attendance) = (lives.clone(), lives.clone(), lives.clone());
        self.tasks.spawn_essential("rtsp pulls", async move { pulling.keep_pulling().await });
        self.tasks.spawn("caption settings", async move { captions.keep_captions().await });
        self.tasks.spawn("attendance", async move { attendance.keep_attendance().await });
    }
}

/// Where people reach a tenant: the setting, under the tenant's own name. Empty: as they say themselves.
fn public_url(config: &Config, listed: &Listed) -> String {
    let setting = config.http.public_url.as_str();
    if listed.tenant.is_default() {
        return setting.to_owned();
    }
    let named = Url::parse(setting).ok().zip(listed.hosts.first()).and_then(|(mut url, host)| {
        url.set_host(Some(host.as_str())).ok()?;
        Some(url.as_str().trim_end_matches('/').to_owned())
    });
    named.unwrap_or_default()
}

/// Sites whose pages may show its players: its own, or those of the setting.
fn embedders<'a>(config: &'a Config, listed: &'a Listed) -> &'a [String] {
    listed.neighbours.embedders.as_deref().unwrap_or(&config.http.embed_ancestors)
}

fn place(config: &Config, listed: &Listed, public_url: &str) -> Place {
    Place::new(public_url, gate_settings(config).secure)
        .shown_by(embedders(config, listed))
        .beside(listed.neighbours.tools.as_ref().unwrap_or(&config.http.tools).clone())
        .written_to(config.http.contact.clone())
}

/// How people are written to, and where mails lead to. A tenant without a name can't be led to.
pub(super) fn post(config: &Config, listed: &Listed) -> Result<Option<Post>, Error> {
    let (url, site) = (config.smtp.url.reveal(), public_url(config, listed));
    if url.is_empty() || site.is_empty() {
        return Ok(None);
    }
    Ok(Some(Post { mailer: Mailer::new(url, &config.smtp.from)?, site }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Tenant;
    use crate::catalogue::tenant::Neighbours;

    #[test]
    fn a_tenants_addresses_are_the_setting_under_its_own_name() {
        let mut config = Config::default();
        let listed = |tenant: &Tenant, hosts: &[&str]| Listed {
            tenant: tenant.clone(),
            name: String::new(),
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            neighbours: Neighbours::default(),
        };
        let (default, other) = (Tenant::default(), Tenant::other("b"));
        assert_eq!(public_url(&config, &listed(&other, &["b.example"])), "", "as who asks says");
        config.http.public_url = "https://tv.example:8443".to_owned();
        assert_eq!(public_url(&config, &listed(&default, &["a.example"])), "https://tv.example:8443");
        assert_eq!(public_url(&config, &listed(&other, &["b.example", "c.example"])), "https://b.example:8443");
        assert_eq!(public_url(&config, &listed(&other, &[])), "");
    }

    #[test]
    fn a_tenants_neighbours_are_its_own_or_those_of_the_setting() {
        let mut config = Config::default();
        config.http.embed_ancestors = vec!["https://moodle.example".to_owned()];
        let mut listed = Listed {
            tenant: Tenant::other("b"),
            name: String::new(),
            hosts: Vec::new(),
            neighbours: Neighbours::default(),
        };
        assert_eq!(embedders(&config, &listed), ["https://moodle.example"]);
        listed.neighbours.embedders = Some(Vec::new());
        assert!(embedders(&config, &listed).is_empty(), "none is something, too");
        listed.neighbours.tools = Some(vec!["https://chat.b.example".to_owned()]);
        assert_eq!(place(&config, &listed, "").tools(), ["https://chat.b.example"]);
    }
}
