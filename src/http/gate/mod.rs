//! The gate: before any handler runs, who asks is found out, what they ask for is looked up, and the policy is asked. Every route passes
//! here; one that has no line in the table of `table.rs` is refused.
//!
//! **Promises.** A changed right holds for what is asked [`BELIEVED_FOR`] later at the latest, and for media that a pass opened
//! a pass's life after that: below ten seconds together. What is not for everybody is never answered so that a cache on the way
//! could give it to others. Refusals say what the policy says and nothing more. What a stranger sends is not even read.
//!
//! - `table.rs`: which route is which object and action;
//! - [`visitor`]: who asks; `facts.rs`: how things stand, believed for some seconds;
//! - `pass.rs`: what opens media without a question; [`refusal`]: what is answered instead;
//! - `browser.rs`: by what viewers are counted; `origin.rs`: whether our own page asks; [`cookie`]: names and attributes; [`address`]: who is behind a proxy.

pub mod address;
mod browser;
pub mod cookie;
mod facts;
mod origin;
mod pass;
pub mod refusal;
mod stream;
mod table;
#[cfg(test)]
mod tests;
pub mod visitor;

use super::assets::Assets;
use super::problem::Problem;
use super::server::ClientAddress;
use super::state::Clock;
use crate::catalogue::{self, Catalogue};
use crate::lifecycle::Tasks;
use crate::policy::object::{Action, Kind, LivePart, Object, VideoPart};
use crate::policy::state::State;
use crate::policy::who::{Identity, Who};
use crate::policy::{Decision, Refusal, decide};
use address::Proxies;
use axum::Router;
use axum::extract::{FromRequestParts as _, MatchedPath, RawPathParams, Request, State as Part};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use browser::{Counting, Newcomers};
use cookie::Cookies;
use facts::{Facts, Known};
use pass::Signer;
use refusal::Surface;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use table::{Door, Rule};
use visitor::{Reading, Visitor};

pub use browser::NEW_VIEWERS;

/// How long what was looked up is believed.
pub const BELIEVED_FOR: Duration = Duration::from_secs(3);

/// For who may keep it: the browser of who asked, and not for longer than a right is believed.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, max-age=5");
/// The same of what is stale sooner, such as a playlist that was not asked for by number.
const PRIVATE_BRIEF: HeaderValue = HeaderValue::from_static("private, max-age=1");

/// How the gate is set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether browsers reach this server by https: cookies are then sent by nothing else.
    pub secure: bool,
    /// Whose word is taken for who asks.
    pub proxies: Proxies,
    /// Whether `/metrics` is for everybody who reaches this server.
    pub open_metrics: bool,
    /// Browsers that are counted for the first time within ten minutes, from one address.
    pub new_viewers: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let (secure, proxies, open_metrics) = (false, Proxies::default(), false);
        Self { secure, proxies, open_metrics, new_viewers: NEW_VIEWERS }
    }
}

/// See the module. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalogue: Catalogue,
    clock: Clock,
    assets: Assets,
    tenant: String,
    facts: Facts,
    signer: Signer,
    newcomers: Newcomers,
    cookies: Cookies,
    settings: Settings,
}

/// What a request for media can be told without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtOnce {
    /// It is for everybody.
    Open,
    /// It is not, and the request carries a pass.
    Passed,
    /// Somebody has to look.
    Ask,
}

/// What a door leads to.
struct Found {
    kind: Kind,
    known: Known,
    /// Begins with `/live/…` or `/videos/…`: the folder of its media.
    folder: Option<String>,
}

impl Gate {
    /// Over one tenant's catalogue.
    #[must_use]
    pub fn new(catalogue: Catalogue, clock: Clock, assets: Assets, settings: Settings) -> Self {
        Self::believing(catalogue, clock, assets, settings, BELIEVED_FOR)
    }

    /// The same with another time for which things are believed.
    #[must_use]
    pub fn believing(
        catalogue: Catalogue,
        clock: Clock,
        assets: Assets,
        settings: Settings,
        believed_for: Duration,
    ) -> Self {
        let tenant = catalogue.tenant().as_str().to_owned();
        let facts = Facts::new(catalogue.clone(), tenant.clone(), believed_for);
        let cookies = Cookies::new(settings.secure);
        let signer = Signer::new(tenant.clone());
        let newcomers = Newcomers::new(settings.new_viewers);
        Self(Arc::new(Inner { catalogue, clock, assets, tenant, facts, signer, newcomers, cookies, settings }))
    }

    /// Puts the gate before all routes of a router.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.layer(from_fn_with_state(self.clone(), check))
    }

    /// Takes the signing keys from the catalogue: before the first pass is signed.
    ///
    /// # Errors
    /// The catalogue's.
    pub async fn take_keys(&self) -> Result<(), catalogue::Error> {
        self.0.signer.take(&self.0.catalogue.signing_keys(self.0.clock.now()).await?);
        Ok(())
    }

    /// Takes new keys as they come, and forgets what has expired in the catalogue, until the server stops.
    pub async fn keep(self, tasks: Tasks) {
        let mut ticks = tokio::time::interval(Duration::from_secs(60));
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = tasks.soft_stopped() => return,
            }
            let kept = async {
                self.take_keys().await?;
                self.0.catalogue.forget_expired(self.0.clock.now()).await
            };
            if let Err(error) = kept.await {
                tracing::warn!(%error, "signing keys and sessions can't be kept up; trying again");
            }
        }
    }

    /// What a request for a live's media can be told at once: hundreds of them come each second.
    #[must_use]
    pub fn at_once(&self, slug: &str, headers: &HeaderMap) -> AtOnce {
        match self.0.facts.live_at_once(slug) {
            Some(known) if known.open => AtOnce::Open,
            Some(known) if self.carries_pass("live", &known.id, headers) => AtOnce::Passed,
            _ => AtOnce::Ask,
        }
    }

    fn carries_pass(&self, of: &'static str, id: &str, headers: &HeaderMap) -> bool {
        let pass = self.0.cookies.find(headers, self.0.cookies.pass());
        pass.is_some_and(|pass| self.0.signer.opens(pass, of, id, self.0.clock.now()))
    }

    /// Cookies of this server.
    #[must_use]
    pub fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    /// Who really asks, as far as proxies that are trusted tell.
    fn address(&self, parts: &Parts) -> IpAddr {
        let peer = parts.extensions.get::<ClientAddress>().map(|peer| peer.address.ip());
        self.0.settings.proxies.behind(peer, &parts.headers)
    }

    /// Signs that somebody has typed the password of a broadcaster (`live`) or a video (`video`): a cookie.
    #[must_use]
    pub fn password_cookie(&self, id: &str, version: u64) -> Option<HeaderValue> {
        let value = self.0.signer.password(id, version, self.0.clock.now())?;
        self.0.cookies.set(&self.0.cookies.password_of(id), &value, "/", Signer::PASSWORD_LIFE)
    }

    /// Somebody has changed something of themselves: what was believed of them is forgotten.
    pub fn forget_visitor(&self, visitor: &Visitor) {
        self.0.facts.forget_person(visitor.credentials());
    }

    async fn visitor(&self, headers: &HeaderMap, address: IpAddr) -> Result<Visitor, Stopped> {
        let now = self.0.clock.now();
        let reading = Reading {
            catalogue: &self.0.catalogue,
            facts: &self.0.facts,
            signer: &self.0.signer,
            cookies: &self.0.cookies,
        };
        reading.visitor(headers, address, now).await
    }

    /// The object behind a door, and how things stand with it.
    async fn find(&self, door: Door, names: &Names) -> Result<Found, Stopped> {
        let facts = &self.0.facts;
        let nothing = |kind| Found { kind, known: Known::nothing(), folder: None };
        Ok(match door {
            Door::Plain(kind) => nothing(kind),
            Door::Metrics => {
                let state = State { open_figures: self.0.settings.open_metrics, ..State::default() };
                Found { known: Known::of(String::new(), state, &self.0.tenant), ..nothing(Kind::ServerMetrics) }
            }
            Door::Live(part) | Door::UnlockLive(part) => {
                let slug = names.get("slug");
                let known = facts.live(slug).await?;
                Found { kind: Kind::Live(part), known, folder: Some(format!("/live/{slug}")) }
            }
            Door::LiveFile => {
                let slug = names.get("slug");
                let part = match (names.get("rendition").starts_with("captions-"), names.get("file").ends_with(".m3u8"))
                {
                    (_, true) => LivePart::Playlist,
                    (true, false) => LivePart::Caption,
                    (false, false) => LivePart::Segment,
                };
                let known = facts.live(slug).await?;
                Found { kind: Kind::Live(part), known, folder: Some(format!("/live/{slug}")) }
            }
            Door::Video(part) | Door::UnlockVideo(part) => {
                // `/videos/{id}-{slug}`, or the id alone.
                let name = names.get("name");
                let id = if name.is_empty() { names.get("id") } else { name.split('-').next().unwrap_or_default() };
                let known = facts.video(id).await?;
                Found { kind: Kind::Video(part), known, folder: Some(format!("/videos/{id}")) }
            }
            Door::VideoFile => {
                let id = names.get("id");
                let part = match (names.get("rendition").starts_with("captions"), names.get("file").ends_with(".m3u8"))
                {
                    (_, true) => VideoPart::Playlist,
                    (true, false) => VideoPart::Caption,
                    (false, false) => VideoPart::Segment,
                };
                let known = facts.video(id).await?;
                Found { kind: Kind::Video(part), known, folder: Some(format!("/videos/{id}")) }
            }
            Door::Job => Found { known: facts.job(names.get("id")).await?, ..nothing(Kind::Jobs) },
        })
    }

    fn ask(&self, who: &Who<'_>, found: &Found, action: Action) -> Decision {
        let id = match (found.kind, who.identity) {
            // One's own; there is no address for another's.
            (Kind::Account, Identity::Person(person)) => &person.id,
            _ => found.known.id.as_ref(),
        };
        decide(who, &Object { tenant: &self.0.tenant, id, kind: found.kind }, action, &found.known.state)
    }

    /// Whether a visitor who was let in would be let in now. `None`: can't be said.
    async fn again(&self, visitor: &Visitor, rule: Rule, names: &Names) -> Option<bool> {
        let found = self.find(rule.door, names).await.ok()?;
        if found.known.open {
            return Some(true);
        }
        let visitor = self.visitor(visitor.credentials().headers(), visitor.address()).await.ok()?;
        Some(self.ask(&visitor.who(), &found, rule.action).is_allowed())
    }
}

/// The router's middleware.
async fn check(Part(gate): Part<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    // HTTP/2 says it elsewhere.
    if let (false, Some(authority)) = (parts.headers.contains_key(HOST), parts.uri.authority())
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(HOST, host);
    }
    let path = parts.extensions.get::<MatchedPath>().cloned();
    let rule = match &path {
        // A CORS preflight carries nothing and gets nothing.
        _ if parts.method == Method::OPTIONS => None,
        // No route: the page that says so.
        None => None,
        Some(path) => match table::rule(&parts.method, path.as_str()) {
            Ok(rule) => Some(rule),
            Err(refused) => return refused.into_response(),
        },
    };
    let Some(rule) = rule else {
        return match gate.visitor(&parts.headers, gate.address(&parts)).await {
            Ok(visitor) => {
                parts.extensions.insert(visitor);
                next.run(Request::from_parts(parts, body)).await
            }
            Err(stopped) => stopped.answer(),
        };
    };
    match gate.admit(&mut parts, rule).await {
        Ok(admitted) => {
            let response = next.run(Request::from_parts(parts, body)).await;
            gate.after(response, rule, admitted).await
        }
        Err(response) => *response,
    }
}

/// Who was let in, and to what.
struct Admitted {
    visitor: Visitor,
    found: Found,
    names: Names,
    /// Cookies to set: a pass, and what the browser is counted by.
    cookies: [Option<HeaderValue>; 2],
}

impl Gate {
    async fn admit(&self, parts: &mut Parts, rule: Rule) -> Result<Admitted, Box<Response>> {
        let Ok(params) = RawPathParams::from_request_parts(parts, &()).await else {
            return Err(Box::new(refusal::plain(Problem::new(StatusCode::NOT_FOUND))));
        };
        let names = Names::of(&params);
        let found = self.find(rule.door, &names).await.map_err(|stopped| Box::new(stopped.answer()))?;
        let of = match found.kind {
            Kind::Live(_) => "live",
            _ => "video",
        };
        // The router's way for a video's segments, which come one after the other for each viewer.
        let passed = rule.surface == Surface::Media
            && !found.known.open
            // A stream of events is looked at again while it lasts: it has to be known whose it is.
            && !matches!(found.kind, Kind::Live(LivePart::Page))
            && found.known.state.exists
            && self.carries_pass(of, &found.known.id, &parts.headers);
        if passed {
            let visitor = Visitor::passed(self.0.tenant.clone(), self.0.clock.now());
            return Ok(Admitted { visitor, found, names, cookies: [None, None] });
        }
        let visitor = self.visitor(&parts.headers, self.address(parts)).await;
        let mut visitor = visitor.map_err(|stopped| Box::new(stopped.answer()))?;
        let mut link_cookie = None;
        if let (Kind::Video(VideoPart::Page), Some(token)) = (found.kind, visitor::link_in(parts.uri.query())) {
            link_cookie = visitor.take_link(&self.0.catalogue, &self.0.cookies, token, &found.known.id).await;
        }
        let decision = self.ask(&visitor.who(), &found, rule.action);
        let unlocking = matches!(rule.door, Door::UnlockLive(_) | Door::UnlockVideo(_));
        let allowed = decision.is_allowed() || (unlocking && decision == Decision::Refused(Refusal::Password));
        if !allowed {
            let Decision::Refused(refusal) = decision else {
                return Err(Box::new(StatusCode::NOT_FOUND.into_response()));
            };
            let to = refusal::To {
                parts,
                visitor: &visitor,
                assets: &self.0.assets,
                cookies: &self.0.cookies,
                folder: found.folder.as_deref(),
            };
            return Err(Box::new(refusal::answer(refusal, rule.surface, &to)));
        }
        if !rule.method.is_safe() && visitor.by_cookie() && !origin::is_ours(&parts.headers) {
            let why = "The request does not come from a page of this site.";
            return Err(Box::new(refusal::plain(Problem::new(StatusCode::FORBIDDEN).detail(why))));
        }
        if let Some(cookie) = link_cookie {
            // The address without the link: it is in no history and in nobody's copy of the address.
            return Err(Box::new(refusal::move_on(parts.uri.path(), cookie)));
        }
        let shown = matches!(rule.surface, Surface::Media | Surface::Page | Surface::Embed) && !found.known.open;
        let mut pass = None;
        // A page, or the media itself: who may have the one may have the other.
        if let (true, false, Some(folder)) = (shown, unlocking, &found.folder) {
            pass = self
                .0
                .signer
                .pass(of, &found.known.id, self.0.clock.now())
                .and_then(|value| self.0.cookies.set(self.0.cookies.pass(), &value, folder, Signer::PASS_LIFE));
            visitor.needs_pass(format!("{folder}/pass"));
        }
        let mut counted = None;
        let Inner { cookies, signer, newcomers, .. } = &*self.0;
        if browser::is_counted(found.kind)
            && let Some((browser, cookie)) =
                (Counting { cookies, signer, newcomers }).of(&parts.headers, visitor.address(), self.0.clock.now())
        {
            visitor.counts_as(browser, cookie.is_none());
            counted = cookie;
        }
        visitor.asks_for(Arc::clone(&found.known.id), Arc::clone(&found.known.state));
        parts.extensions.insert(visitor.clone());
        Ok(Admitted { visitor, found, names, cookies: [pass, counted] })
    }

    /// What has to be added to an answer.
    async fn after(&self, mut response: Response, rule: Rule, admitted: Admitted) -> Response {
        let Admitted { visitor, found, names, cookies } = admitted;
        // A form that was taken leads to the page that shows it.
        let done = response.status().is_success() || response.status() == StatusCode::SEE_OTHER;
        if rule.action.writes() && done {
            self.0.facts.forget(found.kind, &names, &found.known.id);
            let noted = response.extensions_mut().remove::<Noted>();
            self.note(noted, rule, &visitor, &found, &names).await;
        }
        let headers = response.headers_mut();
        for cookie in cookies.into_iter().flatten() {
            headers.append(SET_COOKIE, cookie);
        }
        if rule.surface == Surface::Media && !found.known.open {
            private(&mut response);
        }
        let streams = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == "text/event-stream");
        if streams { stream::while_allowed(response, self.clone(), visitor, rule, names) } else { response }
    }
}

/// For people, of what a request changed: stands in an answer's extensions, and goes to the audit log.
#[derive(Clone, Debug)]
pub struct Noted(pub String);

impl Noted {
    /// The answer with it.
    #[must_use]
    pub fn on(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

impl Gate {
    /// What was changed goes to the audit log. Nobody is told that it failed: what was done is done.
    async fn note(&self, noted: Option<Noted>, rule: Rule, visitor: &Visitor, found: &Found, names: &Names) {
        // What one does to one's own account is one's own affair.
        let Some(act) = table::act(found.kind, rule) else { return };
        let named = || names.0.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ");
        let noted = noted.map_or_else(named, |noted| noted.0);
        // What has no state of its own is named by its address.
        let object = if found.known.id.is_empty() { names.get("id") } else { &found.known.id };
        let now = self.0.clock.now();
        if let Err(error) = self.0.catalogue.note(&visitor.actor(), act, object, &noted, now).await {
            tracing::error!(%error, act, "what was done can't be noted in the audit log");
        }
    }
}

/// Not for caches that others use.
pub fn private<B>(response: &mut axum::http::Response<B>) {
    let good = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    let brief = headers.get(CACHE_CONTROL).is_none_or(|kept| kept == "public, max-age=1");
    let cache = match (good, brief) {
        (true, false) => PRIVATE,
        (true, true) => PRIVATE_BRIEF,
        (false, _) => HeaderValue::from_static("no-store"),
    };
    headers.insert(CACHE_CONTROL, cache);
}

/// The names in a path, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    fn of(params: &RawPathParams) -> Self {
        Self(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Why nothing can be decided.
#[derive(Debug)]
pub enum Stopped {
    /// The catalogue does not answer.
    Failed,
    /// A token that is not known (any more).
    BadToken,
}

impl From<catalogue::Error> for Stopped {
    fn from(error: catalogue::Error) -> Self {
        tracing::error!(%error, "the catalogue can't say who may do what");
        Self::Failed
    }
}

impl Stopped {
    fn answer(self) -> Response {
        refusal::plain(match self {
            Self::Failed => Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail("The catalogue does not answer."),
            Self::BadToken => Problem::unauthorized(),
        })
    }
}
