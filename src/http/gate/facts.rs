//! How things stand with what is asked for, and who the people are who ask: looked up in the catalogue, and believed for some seconds,
//! so that a thousand viewers who ask eight times a second cost the database nothing.
//!
//! Half that time before it ends, one of those who ask goes and looks again; the others go on with what is known.

use super::visitor::{Credentials, SignedIn};
use super::{Names, Stopped};
use crate::catalogue::Catalogue;
use crate::catalogue::id::{JobId, VideoId};
use crate::catalogue::secret::SessionToken;
use crate::catalogue::slug::Slug;
use crate::policy::object::{Action, Kind, LivePart, Object};
use crate::policy::state::State;
use crate::policy::who::{Identity, Who};
use crate::policy::{self};
use media::time::WallTime;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Broadcasters, videos and people that are kept: more than are watched, or sign in, within seconds.
const KEPT: usize = 4_096;

/// What is known of one object.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The broadcaster's or video's; empty when there is none.
    pub(super) id: Arc<str>,
    pub(super) state: Arc<State>,
    /// Everybody may watch it: a cache on the way may keep it.
    pub(super) open: bool,
    since: Instant,
    looking: Arc<AtomicBool>,
}

impl Known {
    pub(super) fn of(id: String, state: State, tenant: &str) -> Self {
        let anybody = Who { tenant, identity: Identity::Anonymous, proofs: &[], now: WallTime::from_micros(0) };
        // Broadcasters and videos are watched by the same rule; what is deleted, by nobody.
        let object = Object { tenant, id: &id, kind: Kind::Live(LivePart::Page) };
        let open = policy::decide(&anybody, &object, Action::See, &state).is_allowed();
        Self { id: id.into(), state: Arc::new(state), open, since: Instant::now(), looking: Arc::default() }
    }

    /// Of what there is not, or not yet.
    pub(super) fn nothing() -> Self {
        let (since, looking) = (Instant::now(), Arc::default());
        Self { id: "".into(), state: Arc::new(State::absent()), open: false, since, looking }
    }

    /// Whether it can still be believed, and nobody is needed to look again.
    fn is_fresh(&self, believed_for: Duration) -> bool {
        let age = self.since.elapsed();
        age < believed_for && (age < believed_for / 2 || self.looking.load(Ordering::Relaxed))
    }

    /// The same; the first one who is told no early is the one who looks.
    fn holds(&self, believed_for: Duration) -> bool {
        let age = self.since.elapsed();
        age < believed_for && (age < believed_for / 2 || self.looking.swap(true, Ordering::Relaxed))
    }
}

#[derive(Clone, Debug)]
struct KnownPerson {
    person: Option<Arc<SignedIn>>,
    since: Instant,
}

#[derive(Debug)]
pub(super) struct Facts {
    catalogue: Catalogue,
    tenant: String,
    believed_for: Duration,
    lives: Cache<Arc<str>, Known>,
    videos: Cache<Arc<str>, Known>,
    people: Cache<[u8; 32], KnownPerson>,
}

impl Facts {
    pub(super) fn new(catalogue: Catalogue, tenant: String, believed_for: Duration) -> Self {
        let (lives, videos, people) = (Cache::new(KEPT), Cache::new(KEPT), Cache::new(KEPT));
        Self { catalogue, tenant, believed_for, lives, videos, people }
    }

    /// The broadcaster of a slug, if something is believed of it now and nobody has to look.
    pub(super) fn live_at_once(&self, slug: &str) -> Option<Known> {
        self.lives.get(slug).filter(|known| known.is_fresh(self.believed_for))
    }

    /// The broadcaster of a slug. What does not exist is not remembered: it may in a moment.
    pub(super) async fn live(&self, slug: &str) -> Result<Known, Stopped> {
        if let Some(known) = self.lives.get(slug).filter(|known| known.holds(self.believed_for)) {
            return Ok(known);
        }
        let Ok(name) = slug.parse::<Slug>() else { return Ok(Known::nothing()) };
        let Some((id, state)) = self.catalogue.broadcaster_state(&name).await? else {
            self.lives.remove(slug);
            return Ok(Known::nothing());
        };
        let known = Known::of(id.to_string(), state, &self.tenant);
        self.lives.insert(slug.into(), known.clone());
        Ok(known)
    }

    /// The video of an id, deleted or not.
    pub(super) async fn video(&self, id: &str) -> Result<Known, Stopped> {
        if let Some(known) = self.videos.get(id).filter(|known| known.holds(self.believed_for)) {
            return Ok(known);
        }
        let Ok(name) = id.parse::<VideoId>() else { return Ok(Known::nothing()) };
        let Some(state) = self.catalogue.video_state(&name).await? else {
            self.videos.remove(id);
            return Ok(Known::nothing());
        };
        let known = Known::of(id.to_owned(), state, &self.tenant);
        self.videos.insert(id.into(), known.clone());
        Ok(known)
    }

    /// A job stands where its video stands.
    pub(super) async fn job(&self, id: &str) -> Result<Known, Stopped> {
        let Ok(name) = id.parse::<JobId>() else { return Ok(Known::nothing()) };
        let Some(job) = self.catalogue.job(&name).await? else { return Ok(Known::nothing()) };
        self.video(job.video_id.as_str()).await
    }

    /// Who is signed in with this cookie.
    pub(super) async fn person(&self, token: &str, now: WallTime) -> Result<Option<Arc<SignedIn>>, Stopped> {
        let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.people.get(&key).filter(|known| known.since.elapsed() < self.believed_for) {
            return Ok(known.person);
        }
        let session = self.catalogue.find_session(&SessionToken::new(token.to_owned()), now).await?;
        let mut person = None;
        if let Some(session) = session
            && let Some(known) = self.catalogue.person(&session.person_id).await?
            && let Some(standing) = self.catalogue.standing_of(&known).await?
        {
            person = Some(Arc::new(SignedIn { session, standing, name: known.name }));
        }
        if person.is_some() {
            self.people.insert(key, KnownPerson { person: person.clone(), since: Instant::now() });
        } else {
            self.people.remove(&key);
        }
        Ok(person)
    }

    /// Something was changed: what was believed of it is forgotten.
    pub(super) fn forget(&self, kind: Kind, names: &Names, id: &str) {
        match kind {
            Kind::Live(_) => {
                self.lives.remove(names.get("slug"));
            }
            Kind::Video(_) => {
                self.videos.remove(id);
            }
            _ => {}
        }
    }

    /// The session has changed or ended.
    pub(super) fn forget_person(&self, credentials: &Credentials) {
        if let Some(token) = &credentials.session {
            self.people.remove(&<[u8; 32]>::from(Sha256::digest(token.as_bytes())));
        }
    }
}
