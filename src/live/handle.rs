//! All lives of a tenant: who is on air, and the door for contributions, viewers and operators.
//!
//! Cheap to clone. Holds no lock while it waits. A broadcaster has a `Channel` while a live of its is on air, waits or has just
//! ended; its director (one task) owns everything that changes.

use super::admission::Admission;
use super::admit::Gate;
use super::captioning::Captioning;
use super::captions::{Captions, Offer};
use super::director::{Command, Director};
use super::presence::Presence;
use super::previews::Previews;
use super::status::{Finding, Status};
use super::still::Stills;
use super::timeline::Timeline;
use super::transcode::{Renditions, Transcoding};
use crate::archive::writer::Archive;
use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster::Broadcaster;
use crate::lifecycle::Tasks;
use media::feed::Publisher;
use media::ingest::{Protocol, Refusal};
use media::segment::Rules;
use pipelines::ladder::Preset;
use pipelines::ladder::cost::Budget;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that wait for one director: more than its encoders and operators send at once.
const COMMANDS: usize = 32;
/// A director that ends while a command is on its way is replaced; twice in a row does not happen.
const TRIES: usize = 3;

/// What lives are made by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Lengths of segments and parts.
    pub rules: Rules,
    /// How far back viewers can go.
    pub dvr_window: Duration,
    /// What they begin with; [`Handle::set_terms`] changes it.
    pub terms: Terms,
    /// What an engine makes of them.
    pub renditions: Renditions,
    /// What engines may use of the machine.
    pub budget: Budget,
    /// What they are captioned with.
    pub captions: Captions,
}

/// What can change while lives are on air, because nothing that viewers already have depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a live waits for its contribution, unless its broadcaster says otherwise.
    pub grace: Duration,
    /// Shorter recordings are not listed.
    pub min_length: Duration,
    /// An encoder that has been silent for this long can be replaced by another.
    pub takeover_after: Duration,
    /// Refused attempts to publish per address and minute.
    pub refusals_per_minute: u32,
}

/// What a director works with.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub catalogue: Catalogue,
    pub archive: Archive,
    pub settings: Settings,
    terms: Arc<RwLock<Terms>>,
    pub tasks: Tasks,
    pub numbers: Numbers,
    admission: Admission,
    pub presence: Presence,
}

/// Where each broadcaster's next live begins at the earliest (media sequence number, discontinuity), as far as this process knows:
/// for lives that the catalogue did not hear of. One entry for each slug that was on air.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers(Arc<Mutex<HashMap<String, (u64, u64)>>>);

impl Numbers {
    /// A live used what is below `next`.
    pub(super) fn raise(&self, slug: &str, next: (u64, u64)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(slug.to_owned()).or_default();
        *known = (known.0.max(next.0), known.1.max(next.1));
    }

    /// (0, 0) when nothing is known.
    pub(super) fn next(&self, slug: &str) -> (u64, u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(slug).copied().unwrap_or_default()
    }
}

impl Context {
    /// As they are now.
    pub(super) fn terms(&self) -> Terms {
        *self.terms.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a broadcaster is called in figures, which are those of all tenants: by its slug, and whose it is where that is not clear.
    pub(super) fn label(&self, slug: &str) -> String {
        match self.catalogue.tenant() {
            tenant if tenant.is_default() => slug.to_owned(),
            tenant => format!("{}/{slug}", tenant.as_str()),
        }
    }

    /// For a live of this broadcaster.
    pub(super) fn captioning(&self, broadcaster: &Broadcaster) -> Captioning {
        let (captions, settings) = (self.settings.captions.clone(), broadcaster.captions.clone());
        Captioning::new(&self.label(broadcaster.slug.as_str()), captions, self.admission.clone(), settings)
    }

    /// For a live of this broadcaster.
    pub(super) fn transcoding(&self, broadcaster: &Broadcaster) -> Transcoding {
        let mut renditions = self.settings.renditions.clone();
        // A name that a later version knows is none here.
        if let Some(preset) = broadcaster.preset.as_deref().and_then(Preset::named) {
            renditions.preset = preset;
        }
        Transcoding::new(&self.label(broadcaster.slug.as_str()), renditions, self.admission.clone(), self.tasks.clone())
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    context: Context,
    /// One for all tenants: an address that guesses keys does not say whose.
    gate: Arc<Gate>,
    channels: RwLock<HashMap<String, Arc<Channel>>>,
    /// What is wrong with the pull of a broadcaster (by slug) at the moment.
    pull_findings: RwLock<HashMap<String, Finding>>,
    stills: Stills,
    previews: Previews,
    /// Grows when a channel comes or goes.
    changes: watch::Sender<u64>,
}

/// A broadcaster's live, as others see it.
#[derive(Debug)]
pub(super) struct Channel {
    pub slug: String,
    pub status: watch::Sender<Arc<Status>>,
    pub timeline: RwLock<Option<Arc<Timeline>>>,
    pub commands: mpsc::Sender<Command>,
}

/// Nothing of this broadcaster is on air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is on air here")]
pub struct NotOnAir;

/// A live can't be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecorded {
    /// There is none.
    #[error(transparent)]
    NotOnAir(#[from] NotOnAir),
    /// The disk or the catalogue refuses.
    #[error("{0}")]
    Refused(String),
}

impl Handle {
    /// With nothing on air.
    #[must_use]
    pub fn new(catalogue: Catalogue, archive: Archive, settings: Settings, tasks: Tasks) -> Self {
        let gate = Arc::new(Gate::new(settings.terms.refusals_per_minute));
        let terms = Arc::new(RwLock::new(settings.terms));
        let admission = Admission::new(settings.budget);
        let (numbers, presence) = (Numbers::default(), Presence::default());
        let context = Context { catalogue, archive, settings, terms, tasks, numbers, admission, presence };
        Self::over(context, gate)
    }

    /// Those of another tenant on the same machine. What the machine has is shared: its cores, engines and disk, what is counted of addresses
    /// that guess keys, and the terms. What a slug says here is another thing there.
    #[must_use]
    pub fn beside(&self, catalogue: Catalogue) -> Self {
        let (numbers, presence) = (Numbers::default(), Presence::default());
        let context = Context { catalogue, numbers, presence, ..self.shared.context.clone() };
        Self::over(context, Arc::clone(&self.shared.gate))
    }

    fn over(context: Context, gate: Arc<Gate>) -> Self {
        let (changes, _) = watch::channel(0);
        let (channels, pull_findings) = (RwLock::default(), RwLock::default());
        let (stills, previews) = (Stills::default(), Previews::default());
        Self { shared: Arc::new(Shared { context, gate, channels, pull_findings, stills, previews, changes }) }
    }

    /// Puts other terms in force, for all tenants and also for what is on air: the grace from its next drop on, the length when it ends.
    pub fn set_terms(&self, terms: Terms) {
        let mut held = self.shared.context.terms.write().unwrap_or_else(PoisonError::into_inner);
        if held.refusals_per_minute != terms.refusals_per_minute {
            self.shared.gate.set(terms.refusals_per_minute);
        }
        *held = terms;
    }

    pub(super) fn context(&self) -> &Context {
        &self.shared.context
    }

    /// Whose lives they are.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.shared.context.catalogue
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.shared.gate
    }

    pub(super) fn pull_findings(&self) -> &RwLock<HashMap<String, Finding>> {
        &self.shared.pull_findings
    }

    pub(super) fn stills(&self) -> &Stills {
        &self.shared.stills
    }

    pub(super) fn kept_previews(&self) -> &Previews {
        &self.shared.previews
    }

    /// What lives are captioned with now.
    #[must_use]
    pub fn captions(&self) -> Arc<Offer> {
        self.shared.context.settings.captions.offered()
    }

    /// Who looks at pages of lives.
    #[must_use]
    pub fn presence(&self) -> &Presence {
        &self.shared.context.presence
    }

    /// The live of a broadcaster; `None` when nothing is on air, waits or has just ended.
    #[must_use]
    pub fn status(&self, slug: &str) -> Option<Arc<Status>> {
        self.channel(slug).map(|c| c.status.borrow().clone())
    }

    /// All of them, by slug.
    #[must_use]
    pub fn statuses(&self) -> Vec<(String, Arc<Status>)> {
        let channels = self.shared.channels.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = channels.values().map(|c| (c.slug.clone(), c.status.borrow().clone())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// What viewers play.
    #[must_use]
    pub fn timeline(&self, slug: &str) -> Option<Arc<Timeline>> {
        let channel = self.channel(slug)?;
        channel.timeline.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To be told of every change of a broadcaster's live, from the next one on.
    #[must_use]
    pub fn watch(&self, slug: &str) -> Watch {
        let channel = self.channel(slug).map(|c| c.status.subscribe());
        Watch { handle: self.clone(), slug: slug.to_owned(), channel, changes: self.shared.changes.subscribe() }
    }

    /// Ends a live now: its recording becomes a video, its contribution is closed. Returns when the video is there.
    ///
    /// # Errors
    /// When there is none.
    pub async fn end(&self, slug: &str) -> Result<(), NotOnAir> {
        if self.ask(slug, |done| Command::End { done }).await? { Ok(()) } else { Err(NotOnAir) }
    }

    /// Asks the director of a live; who ends before it answers has none.
    async fn ask<T>(&self, slug: &str, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, NotOnAir> {
        let channel = self.channel(slug).ok_or(NotOnAir)?;
        let (done, answer) = oneshot::channel();
        channel.commands.send(command(done)).await.map_err(|_| NotOnAir)?;
        answer.await.map_err(|_| NotOnAir)
    }

    /// Records a live from now on, as a video of its own; or no more: what was recorded becomes a video within seconds, and viewers watch on.
    /// What is so already stays so.
    ///
    /// # Errors
    /// When there is no live, or nothing can be recorded.
    pub async fn record(&self, slug: &str, on: bool) -> Result<(), Unrecorded> {
        self.ask(slug, |done| Command::Record { on, done }).await?
    }

    /// Tries a live's engines again that were given up or missing.
    ///
    /// # Errors
    /// When there is no live.
    pub async fn retry_engines(&self, slug: &str) -> Result<(), NotOnAir> {
        if self.ask(slug, |done| Command::Retry { done }).await? { Ok(()) } else { Err(NotOnAir) }
    }

    /// Somebody who may publish wants to.
    ///
    /// # Errors
    /// When another contribution is on air, or the server stops.
    pub async fn contribute(
        &self,
        broadcaster: &Broadcaster,
        protocol: Protocol,
        peer: SocketAddr,
    ) -> Result<Publisher, Refusal> {
        for _ in 0..TRIES {
            let channel = self.open(broadcaster, None);
            let (answer, verdict) = oneshot::channel();
            let command = Command::Contribute { broadcaster: Box::new(broadcaster.clone()), protocol, peer, answer };
            if channel.commands.send(command).await.is_ok()
                && let Ok(verdict) = verdict.await
            {
                return verdict;
            }
        }
        Err(Refusal::Unavailable)
    }

    /// The broadcaster's channel, made (with its director) when there is none that listens.
    pub(super) fn open(&self, broadcaster: &Broadcaster, found: Option<super::director::Found>) -> Arc<Channel> {
        let slug = broadcaster.slug.as_str();
        let mut channels = self.shared.channels.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(slug).filter(|c| !c.commands.is_closed()) {
            return Arc::clone(channel);
        }
        let (sender, commands) = mpsc::channel(COMMANDS);
        let (status, _) = watch::channel(Arc::new(Status::starting()));
        let channel =
            Arc::new(Channel { slug: slug.to_owned(), status, timeline: RwLock::new(None), commands: sender });
        let context = self.shared.context.clone();
        let director = Director::new(context, Arc::clone(&channel), commands, broadcaster.clone(), found);
        channels.insert(slug.to_owned(), Arc::clone(&channel));
        drop(channels);
        let (handle, own) = (self.clone(), Arc::clone(&channel));
        self.shared.context.tasks.spawn("live", async move {
            director.run().await;
            handle.forget(&own);
        });
        self.shared.changes.send_modify(|n| *n += 1);
        channel
    }

    fn forget(&self, own: &Arc<Channel>) {
        let mut channels = self.shared.channels.write().unwrap_or_else(PoisonError::into_inner);
        if channels.get(&own.slug).is_some_and(|c| Arc::ptr_eq(c, own)) {
            channels.remove(&own.slug);
        }
        drop(channels);
        self.shared.changes.send_modify(|n| *n += 1);
    }

    /// A channel without a director, for tests.
    #[cfg(test)]
    pub(super) fn insert(&self, channel: Channel) {
        let mut channels = self.shared.channels.write().unwrap_or_else(PoisonError::into_inner);
        channels.insert(channel.slug.clone(), Arc::new(channel));
        drop(channels);
        self.shared.changes.send_modify(|n| *n += 1);
    }

    pub(super) fn channel(&self, slug: &str) -> Option<Arc<Channel>> {
        self.shared.channels.read().unwrap_or_else(PoisonError::into_inner).get(slug).cloned()
    }
}

/// Tells of changes; see [`Handle::watch`].
#[derive(Debug)]
pub struct Watch {
    handle: Handle,
    slug: String,
    channel: Option<watch::Receiver<Arc<Status>>>,
    changes: watch::Receiver<u64>,
}

impl Watch {
    /// What is now.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Status>> {
        self.handle.status(&self.slug)
    }

    /// Waits for a change and says what is then; `None`: nothing on air. Cancel-safe.
    pub async fn changed(&mut self) -> Option<Arc<Status>> {
        let in_channel = async {
            match &mut self.channel {
                Some(channel) => channel.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let lives_on = tokio::select! {
            ok = in_channel => ok,
            // The handle that this watch holds keeps the sender.
            _ = self.changes.changed() => false,
        };
        if !lives_on {
            self.channel = self.handle.channel(&self.slug).map(|c| c.status.subscribe());
        }
        self.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_lives_that_the_catalogue_never_heard_of_are_not_used_again() {
        let numbers = Numbers::default();
        let director = numbers.clone();
        director.raise("hall", (40, 3));
        director.raise("hall", (12, 5));
        assert_eq!((numbers.next("hall"), numbers.next("other")), ((40, 5), (0, 0)));
    }
}
