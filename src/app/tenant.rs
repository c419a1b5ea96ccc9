//! What one tenant has of its own, put together: its site, and the tasks that look after it.
//!
//! What the machine has (sockets, engines, the disk's writer, figures) is the server's, and all tenants share it. By which name a tenant is
//! reached and which sites are its neighbours can change while it is served, see [`Served::follow`]: its routes are then put together anew over the
//! same parts. Lives, sessions, counts and streams of events are in the parts, so that nobody who watches notices.

use super::{Error, gate_settings};
use crate::archive::read::Reader;
use crate::archive::writer::Archive;
use crate::catalogue::Tenant;
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
use crate::jobs::Jobs;
use crate::lifecycle::Tasks;
use crate::live::Handle;
use crate::mail::{Mailer, Post};
use crate::search::{self, Search};
use std::sync::Arc;
use tokio::sync::watch;
use url::Url;

/// What all tenants are served with.
pub(super) struct Machine {
    pub(super) config: Config,
    pub(super) archive: Archive,
    pub(super) health: Health,
    pub(super) assets: Assets,
    pub(super) downloads: Downloads,
    /// `None`: nobody is written to.
    pub(super) mailer: Option<Mailer>,
    pub(super) jobs: Jobs,
    pub(super) tasks: Tasks,
}

/// A tenant that is served.
pub(super) struct Served {
    lives: Handle,
    /// How it is reached now.
    listed: Listed,
    /// All that its routes stand on but what `listed` says.
    site: Site,
    health: Health,
    post: watch::Sender<Option<Post>>,
    door: Arc<Door>,
}

impl Machine {
    /// A tenant's site, its jobs, and the tasks about it begun. After an error nothing has begun, and it can be tried again.
    pub(super) async fn serve(&self, listed: Listed, lives: Handle) -> Result<Served, Error> {
        let Self { config, archive, tasks, .. } = self;
        let (catalogue, layout) = (lives.catalogue().clone(), archive.layout().clone());
        let shown = Shown::default();
        shown.take(&catalogue).await?;
        let assets = self.assets.shown_as(shown.clone());
        let gate = Gate::new(catalogue.clone(), Clock(clock::now), assets.clone(), gate_settings(config));
        gate.take_keys().await?;
        let (post, posted) = watch::channel(self.post(&listed));
        self.jobs.work_for(&catalogue, &posted)?;
        // Nothing fails and nothing waits from here on.
        let search = Search::new(&config.data_dir, catalogue.tenant().as_str());
        let accounts = Accounts::new(catalogue.clone(), Clock(clock::now), gate.clone(), tasks.clone(), posted);
        let (videos, reader) = (Videos::new(catalogue.clone(), layout.clone()), Reader::new(layout.clone()));
        let downloads = self.downloads.clone();
        let play = Play { lives: lives.clone(), videos, downloads, reader, gate: gate.clone() };
        let pages = Source::new(catalogue.clone(), lives.clone(), layout.clone(), tasks.clone());
        tasks.spawn("views", pages.views().clone().keep(catalogue.clone(), tasks.clone()));
        let parts = Parts {
            catalogue: catalogue.clone(),
            live: lives.clone(),
            layout: layout.clone(),
            search: search.clone(),
            clock: Clock(clock::now),
        };
        let mut health = self.health.clone();
        health.metrics = health.metrics.filter(|_| catalogue.tenant().is_default());
        let site = Site {
            parts,
            play,
            pictures: Pictures { catalogue: catalogue.clone(), layout: layout.clone() },
            pages,
            desk: Desk::new(&accounts, lives.clone(), tasks.clone()),
            assets,
            events: EventSlots::default(),
            accounts,
            policies: Policies::new(&[], &[]),
        };
        tasks.spawn("look", shown.keep(catalogue.clone(), tasks.clone()));
        tasks.spawn("gate", gate.keep(tasks.clone()));
        tasks.spawn("search", search::keeper::keep(search, catalogue, layout, tasks.clone()));
        self.look_after(&lives);
        let door = Arc::new(door(config, &listed, &site, &health));
        Ok(Served { lives, listed, site, health, post, door })
    }

    /// What goes on about a tenant's lives.
    fn look_after(&self, lives: &Handle) {
        let (pulling, captions, attendance) = (lives.clone(), lives.clone(), lives.clone());
        self.tasks.spawn_essential("rtsp pulls", async move { pulling.keep_pulling().await });
        self.tasks.spawn("caption settings", async move { captions.keep_captions().await });
        self.tasks.spawn("attendance", async move { attendance.keep_attendance().await });
    }

    /// How people are written to, and where mails lead to. A tenant without a name can't be led to.
    fn post(&self, listed: &Listed) -> Option<Post> {
        let site = public_url(&self.config, listed);
        let mailer = self.mailer.clone().filter(|_| !site.is_empty())?;
        Some(Post { mailer, site })
    }
}

impl Served {
    /// Whose lives, pages and tasks these are.
    pub(super) fn tenant(&self) -> &Tenant {
        &self.listed.tenant
    }

    /// Its lives.
    pub(super) fn lives(&self) -> &Handle {
        &self.lives
    }

    /// What answers for it now.
    pub(super) fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// How its people are written to.
    #[cfg(test)]
    pub(super) fn post(&self) -> &watch::Sender<Option<Post>> {
        &self.post
    }

    /// Takes what the list says of it now: where it is reached, where mails lead to, which sites are its neighbours. Lives go on, and so
    /// does what is being answered. Whether anything has changed. What it is called and looks like, its pages know by themselves.
    pub(super) fn follow(&mut self, listed: &Listed, machine: &Machine) -> bool {
        let same = self.listed.hosts == listed.hosts && self.listed.neighbours == listed.neighbours;
        if !same {
            self.post.send_replace(machine.post(listed));
            self.door = Arc::new(door(&machine.config, listed, &self.site, &self.health));
        }
        self.listed = listed.clone();
        !same
    }
}

/// The routes over a site's parts, as it is reached now.
fn door(config: &Config, listed: &Listed, parts: &Site, health: &Health) -> Door {
    let place = place(config, listed, &public_url(config, listed));
    let pages = parts.pages.clone().reached_at(place);
    let policies = Policies::new(embedders(config, listed), tools(config, listed));
    let parts = Site { pages, policies, ..parts.clone() };
    let play = Some(parts.play.clone());
    Door { router: site(parts, health.clone()), play }
}

/// How mails are sent; `None`: they are not.
pub(super) fn mailer(config: &Config) -> Result<Option<Mailer>, Error> {
    let url = config.smtp.url.reveal();
    Ok(if url.is_empty() { None } else { Some(Mailer::new(url, &config.smtp.from)?) })
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

/// Sites whose pages may stand beside its lives: its own, or those of the setting.
fn tools<'a>(config: &'a Config, listed: &'a Listed) -> &'a [String] {
    listed.neighbours.tools.as_deref().unwrap_or(&config.http.tools)
}

fn place(config: &Config, listed: &Listed, public_url: &str) -> Place {
    Place::new(public_url, gate_settings(config).secure)
        .shown_by(embedders(config, listed))
        .beside(tools(config, listed).to_vec())
        .written_to(config.http.contact.clone())
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
