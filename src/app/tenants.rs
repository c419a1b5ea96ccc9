//! Which tenants are served: the list of them is followed while the server runs, so that one that is added, or reached by another name, needs
//! no restart, which would interrupt the lives of all.
//!
//! The list is looked at every [`LOOK_EVERY`] and compared whole. Who changes it is another process (the command line, another node, somebody at
//! the database), perhaps on another machine: it knows nobody whom it could signal. The look is one query of a few rows, much less than
//! what each tenant's own tasks ask in that time; and as what is there is compared with what is served, and no count of changes is kept, nothing is
//! missed, whoever wrote it and however often a look failed.
//!
//! **Promises.** What changes of one tenant touches no connection, live or task of another, nor a live or an answer of its own. A name that is
//! no longer listed is no tenant's, and so the default one's, from the next request on. One that can't be served is said once, and tried again at every look;
//! the others go on. Nobody is removed, as there is no such act. No lock is held while something is waited for.

use super::Error;
use super::tenant::{Machine, Served};
use crate::catalogue::Catalogue;
use crate::catalogue::host::Host;
use crate::catalogue::tenant::{Listed, Tenant};
use crate::http::server::Doors as Sites;
use crate::live::{Doors, Handle};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// As often as it is looked what pages look like.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// All tenants.
pub(super) struct Tenants {
    machine: Machine,
    catalogue: Catalogue,
    /// As it was looked at last.
    listed: Vec<Listed>,
    default: Served,
    others: Vec<Served>,
    sites: Sites,
    doors: Doors,
    /// Those of whom it was said that they can't be served.
    waiting: HashSet<Tenant>,
    /// It was said that the list can't be read.
    unread: bool,
}

impl Tenants {
    /// Those that there are at the start, each with its lives, the default one first: `default`, and the rest of the list with `others`.
    ///
    /// # Errors
    /// The first one's that can't be served.
    pub(super) async fn begin(
        machine: Machine,
        listed: Vec<Listed>,
        default: Handle,
        others: Vec<Handle>,
    ) -> Result<Self, Error> {
        let doors = Doors::new(default.clone());
        let catalogue = default.catalogue().clone();
        let mut list = listed.iter();
        let first = list.next().cloned().ok_or(crate::catalogue::Error::NotFound("tenant"))?;
        let default = machine.serve(first, default).await?;
        let mut served = Vec::with_capacity(others.len());
        for (listed, lives) in list.zip(others) {
            let other = machine.serve(listed.clone(), lives).await?;
            doors.open(other.lives().clone());
            served.push(other);
        }
        let sites = Sites::one(Arc::clone(default.door()));
        let (waiting, unread) = (HashSet::new(), false);
        let tenants = Self { machine, catalogue, listed, default, others: served, sites, doors, waiting, unread };
        tenants.show();
        Ok(tenants)
    }

    /// Where browsers come in.
    pub(super) fn sites(&self) -> Sites {
        self.sites.clone()
    }

    /// Where encoders come in.
    pub(super) fn doors(&self) -> Doors {
        self.doors.clone()
    }

    /// Follows the list. Can be dropped at any time.
    pub(super) async fn keep(mut self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        match self.catalogue.tenants().await {
            Ok(listed) => {
                self.unread = false;
                if listed != self.listed || !self.waiting.is_empty() {
                    self.follow(listed).await;
                }
            }
            Err(error) if !self.unread => {
                self.unread = true;
                tracing::error!(%error, "the list of tenants can't be read: those that are served go on, others wait until the catalogue answers");
            }
            Err(_) => {}
        }
    }

    /// Those that are served first: what they are reached by does not wait for one that comes.
    async fn follow(&mut self, listed: Vec<Listed>) {
        self.listed = listed;
        for served in std::iter::once(&mut self.default).chain(&mut self.others) {
            let found = self.listed.iter().find(|listed| listed.tenant == *served.tenant());
            if let Some(listed) = found.filter(|listed| served.follow(listed, &self.machine)) {
                tracing::info!(tenant = listed.tenant.as_str(), hosts = hosts(listed), "a tenant is reached otherwise");
            }
        }
        self.show();
        let before = std::mem::take(&mut self.waiting);
        let known: HashSet<&Tenant> = self.others.iter().chain([&self.default]).map(Served::tenant).collect();
        let come: Vec<Listed> = self.listed.iter().filter(|listed| !known.contains(&listed.tenant)).cloned().collect();
        for listed in come {
            let (tenant, hosts) = (listed.tenant.clone(), hosts(&listed));
            match self.come(listed).await {
                Ok(()) => tracing::info!(tenant = tenant.as_str(), hosts, "a tenant is served from now on"),
                Err(error) => {
                    if !before.contains(&tenant) {
                        tracing::error!(tenant = tenant.as_str(), %error, "a tenant can't be served: it is tried again every few seconds, the others go on; amphi check says what is wrong");
                    }
                    self.waiting.insert(tenant);
                }
            }
        }
    }

    /// Whoever was not there at the start has no live that a stop interrupted: there is nothing to go on with.
    async fn come(&mut self, listed: Listed) -> Result<(), Error> {
        let lives = self.default.lives().beside(self.catalogue.of(listed.tenant.clone()));
        let served = self.machine.serve(listed, lives.clone()).await?;
        self.others.push(served);
        self.doors.open(lives);
        self.show();
        Ok(())
    }

    /// To browsers, what is listed and served.
    fn show(&self) {
        let others = self.others.iter().map(|served| (served.tenant(), Arc::clone(served.door()))).collect();
        self.sites.set(Arc::clone(self.default.door()), by_host(&self.listed, &others));
    }
}

/// Which name leads to which door: as the list says, and to nobody but those who are served. What leads nowhere is the default tenant's, as
/// are its own names.
fn by_host<T: Clone>(listed: &[Listed], others: &HashMap<&Tenant, T>) -> HashMap<Host, T> {
    let there = listed.iter().filter_map(|listed| Some((listed, others.get(&listed.tenant)?)));
    there.flat_map(|(listed, door)| listed.hosts.iter().map(|host| (host.clone(), door.clone()))).collect()
}

fn hosts(listed: &Listed) -> String {
    listed.hosts.iter().map(Host::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::writer::archive;
    use crate::catalogue::tenant::Neighbours;
    use crate::clock::now;
    use crate::config::Config;
    use crate::http::assets::Assets;
    use crate::http::health::{Health, Report};
    use crate::http::play::Downloads;
    use crate::jobs::Jobs;
    use crate::lifecycle::Tasks;
    use crate::mail::Mailer;
    use std::path::Path;
    use tokio::sync::watch;

    fn named(names: &[&str]) -> Vec<Host> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn names_lead_to_those_who_are_served_and_to_nobody_else() {
        let listed = |id: &str, names: &[&str]| Listed {
            tenant: if id == "default" { Tenant::default() } else { Tenant::other(id) },
            name: String::new(),
            hosts: named(names),
            neighbours: Neighbours::default(),
        };
        let list = [
            listed("default", &["a.example"]),
            listed("b", &["b.example", "tv.b.example"]),
            listed("c", &["c.example"]),
            listed("nameless", &[]),
        ];
        let [b, gone, nameless] = ["b", "gone", "nameless"].map(Tenant::other);
        let others = HashMap::from([(&b, 'b'), (&gone, 'g'), (&nameless, 'n')]);
        let mut leads: Vec<_> = by_host(&list, &others).into_iter().collect();
        leads.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
        let leads: Vec<_> = leads.iter().map(|(host, door)| (host.as_str(), *door)).collect();
        assert_eq!(
            leads,
            [("b.example", 'b'), ("tv.b.example", 'b')],
            "c is not served yet, and who is gone has no name"
        );
    }

    async fn catalogue(folder: &Path, name: &str) -> Catalogue {
        let catalogue = Catalogue::open(folder.join(name).to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        catalogue
    }

    /// Those of a fresh catalogue.
    async fn begun(folder: &Path) -> Tenants {
        let mut config = Config { data_dir: folder.to_owned(), ..Config::default() };
        config.http.public_url = "https://tv.example".to_owned();
        let (archive, _writer) = archive(folder.join("media"));
        let tasks = Tasks::default();
        let health =
            Health { report: watch::channel(Report::default()).1, stopping: tasks.soft().clone(), metrics: None };
        let jobs = Jobs::new(&archive, &config, &tasks);
        let mailer = Some(Mailer::new("smtp://mail.example", "Amphi <a@b.example>").unwrap());
        let (assets, downloads) = (Assets::embedded(), Downloads::default());
        let machine = Machine { config, archive, health, assets, downloads, mailer, jobs, tasks };
        let catalogue = catalogue(folder, "catalogue.sqlite").await;
        let listed = catalogue.tenants().await.unwrap();
        Tenants::begin(machine, listed, Handle::idle(catalogue, folder), Vec::new()).await.unwrap()
    }

    /// Where mails of another tenant lead to.
    fn site(tenants: &Tenants, which: usize) -> Option<String> {
        tenants.others[which].post().borrow().as_ref().map(|post| post.site.clone())
    }

    #[tokio::test]
    async fn who_comes_or_is_reached_otherwise_is_noticed_and_nobody_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let mut tenants = begun(folder.path()).await;
        let catalogue = tenants.catalogue.clone();
        assert!(tenants.others.is_empty());
        let b = catalogue.of(catalogue.add_tenant("B", &named(&["b.example"]), now()).await.unwrap());
        tenants.look().await;
        assert_eq!((tenants.others.len(), tenants.doors.all().len()), (1, 2), "pages and encoders");
        assert_eq!(site(&tenants, 0).as_deref(), Some("https://b.example"));

        let c = catalogue.of(catalogue.add_tenant("C", &[], now()).await.unwrap());
        let (default, of_b) = (Arc::clone(tenants.default.door()), Arc::clone(tenants.others[0].door()));
        tenants.look().await;
        assert_eq!((tenants.others[1].tenant(), site(&tenants, 1)), (c.tenant(), None), "it can't be led to");
        let same = |tenants: &Tenants| {
            (Arc::ptr_eq(tenants.default.door(), &default), Arc::ptr_eq(tenants.others[0].door(), &of_b))
        };
        assert_eq!(same(&tenants), (true, true));

        b.set_hosts(&named(&["tv.b.example", "b.example"])).await.unwrap();
        tenants.look().await;
        assert_eq!((same(&tenants), site(&tenants, 0).as_deref()), ((true, false), Some("https://tv.b.example")));
        let sites = Neighbours { tools: Some(vec!["https://chat.example".to_owned()]), embedders: None };
        catalogue.set_neighbours(&sites).await.unwrap();
        tenants.look().await;
        assert_eq!((same(&tenants), tenants.others.len()), ((false, false), 2), "the default one, too");
        assert_eq!(tenants.doors.all().len(), 3, "nobody is let in twice");
    }

    #[tokio::test]
    async fn one_that_cannot_be_served_is_tried_again_and_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let mut tenants = begun(folder.path()).await;
        let whole = tenants.catalogue.clone();
        // The list of one database and the rows of another: what a catalogue looks like that does not answer.
        let without = catalogue(folder.path(), "another.sqlite").await;
        let b = whole.add_tenant("B", &named(&["b.example"]), now()).await.unwrap();
        let listed = whole.tenants().await.unwrap();
        tenants.catalogue = without;
        tenants.follow(listed.clone()).await;
        assert_eq!((tenants.others.len(), tenants.doors.all().len()), (0, 1), "nothing of it is there");
        assert_eq!(tenants.waiting, HashSet::from([b.clone()]));
        assert!(tenants.machine.tasks.running().iter().all(|(name, count)| *name != "views" || *count == 1));

        // The list is the same, and it is looked at all the same.
        tenants.catalogue = whole.clone();
        tenants.look().await;
        assert_eq!((tenants.others.len(), tenants.waiting.len()), (1, 0));
        assert_eq!(tenants.listed, listed);
        tenants.catalogue = catalogue(folder.path(), "another.sqlite").await;
        let c = Listed { tenant: Tenant::other("c"), ..listed[1].clone() };
        whole.of(b).set_hosts(&named(&["tv.b.example"])).await.unwrap();
        let moved = whole.tenants().await.unwrap()[1].clone();
        tenants.follow(vec![listed[0].clone(), c, moved]).await;
        assert_eq!(site(&tenants, 0).as_deref(), Some("https://tv.b.example"), "others go on");
        assert_eq!((tenants.others.len(), tenants.waiting.len()), (1, 1));
    }
}
