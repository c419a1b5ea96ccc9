//! Who asks: what a request carries, and what it is worth.

use super::Stopped;
use super::cookie::{Cookies, pairs};
use super::facts::Facts;
use super::pass::Signer;
use crate::catalogue::Catalogue;
use crate::catalogue::audit::Actor;
use crate::catalogue::secret::{ApiToken, LinkToken};
use crate::catalogue::session::Session;
use crate::http::problem::Problem;
use crate::policy::object::{Action, Kind, Object};
use crate::policy::state::State;
use crate::policy::who::{Identity, Person, Proof, Token, Who};
use crate::policy::{self, Decision, Refusal};
use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use media::time::WallTime;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Proofs of one request that are looked at.
const MAX_PROOFS: usize = 32;
/// A link's cookie is forgotten by the browser after this; the link itself has an end of its own.
const LINK_COOKIE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A person who is signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// By this session.
    pub session: Session,
    /// What the policy has to know.
    pub standing: Person,
    /// As others see the person.
    pub name: String,
}

/// Who asks. Handlers take it as an argument: the gate has put it there.
#[derive(Clone, Debug)]
pub struct Visitor(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    tenant: String,
    person: Option<Arc<SignedIn>>,
    token: Option<Token>,
    proofs: Vec<Proof>,
    now: WallTime,
    address: IpAddr,
    credentials: Credentials,
    pass_url: Option<String>,
    browser: Option<String>,
    /// The browser has said so itself.
    kept: bool,
    /// What was asked for, and how it stands.
    asked: Option<(Arc<str>, Arc<State>)>,
}

impl Inner {
    fn nobody(tenant: String, address: IpAddr, now: WallTime) -> Self {
        let (person, token, proofs, credentials, pass_url) = (None, None, Vec::new(), Credentials::default(), None);
        Self {
            tenant,
            person,
            token,
            proofs,
            now,
            address,
            credentials,
            pass_url,
            browser: None,
            kept: false,
            asked: None,
        }
    }
}

/// What they carried, to look again later.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The session's cookie.
    pub(super) session: Option<String>,
    headers: HeaderMap,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// As headers of a request.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl Visitor {
    /// Whoever has a pass: nobody need know who.
    pub(super) fn passed(tenant: String, now: WallTime) -> Self {
        Self(Arc::new(Inner::nobody(tenant, IpAddr::V4(Ipv4Addr::UNSPECIFIED), now)))
    }

    /// Takes a link that the address names; the cookie that remembers it.
    pub(super) async fn take_link(
        &mut self,
        catalogue: &Catalogue,
        cookies: &Cookies,
        token: &str,
        id: &str,
    ) -> Option<HeaderValue> {
        let proof = catalogue.find_link(&LinkToken::new(token.to_owned())).await.ok()??;
        let inner = Arc::make_mut(&mut self.0);
        inner.proofs.push(proof);
        if !self.who().has_link(id) {
            return None;
        }
        cookies.set(&cookies.link_to(id), token, "/", LINK_COOKIE)
    }

    /// For the policy.
    #[must_use]
    pub fn who(&self) -> Who<'_> {
        let identity = match (&self.0.token, &self.0.person) {
            (Some(token), _) => Identity::Token(token),
            (None, Some(person)) => Identity::Person(&person.standing),
            (None, None) => Identity::Anonymous,
        };
        Who { tenant: &self.0.tenant, identity, proofs: &self.0.proofs, now: self.0.now }
    }

    /// Asks the policy for one object of a list, or for one part of what is shown.
    #[must_use]
    pub fn may(&self, action: Action, kind: Kind, id: &str, state: &State) -> bool {
        policy::decide(&self.who(), &Object { tenant: &self.0.tenant, id, kind }, action, state).is_allowed()
    }

    /// Whether it may be said that there is such a thing, even if this visitor may not have it.
    #[must_use]
    pub fn may_know_of(&self, kind: Kind, id: &str, state: &State) -> bool {
        let object = Object { tenant: &self.0.tenant, id, kind };
        policy::decide(&self.who(), &object, Action::See, state) != Decision::Refused(Refusal::Hidden)
    }

    /// Asks the policy for another part of what the request asked for.
    #[must_use]
    pub fn may_of_it(&self, action: Action, kind: Kind) -> bool {
        self.0.asked.as_ref().is_some_and(|(id, state)| self.may(action, kind, id, state))
    }

    /// Whether everybody may, whoever they are and without any proof: it can be told to other sites.
    #[must_use]
    pub fn anybody_may_of_it(&self, action: Action, kind: Kind) -> bool {
        let who = Who { tenant: &self.0.tenant, identity: Identity::Anonymous, proofs: &[], now: self.0.now };
        self.0.asked.as_ref().is_some_and(|(id, state)| {
            policy::decide(&who, &Object { tenant: &self.0.tenant, id, kind }, action, state).is_allowed()
        })
    }

    pub(super) fn asks_for(&mut self, id: Arc<str>, state: Arc<State>) {
        Arc::make_mut(&mut self.0).asked = Some((id, state));
    }

    /// By what a page's viewers are counted; where nobody is counted, and for programs, there is nothing.
    #[must_use]
    pub fn browser(&self) -> Option<&str> {
        self.0.browser.as_deref()
    }

    /// The same of a browser that has kept what it was told.
    #[must_use]
    pub fn known_browser(&self) -> Option<&str> {
        self.browser().filter(|_| self.0.kept)
    }

    pub(super) fn counts_as(&mut self, browser: String, kept: bool) {
        let inner = Arc::make_mut(&mut self.0);
        (inner.browser, inner.kept) = (Some(browser), kept);
    }

    /// Who is said to have done something, in the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match (&self.0.token, &self.0.person) {
            (Some(token), _) => Actor::Token(token.id.clone()),
            (None, Some(person)) => Actor::Person(person.standing.id.clone()),
            // Nobody who is nobody changes anything.
            (None, None) => Actor::Person(String::new()),
        }
    }

    /// The person, if one is signed in.
    #[must_use]
    pub fn person(&self) -> Option<&SignedIn> {
        self.0.person.as_deref()
    }

    /// The program, if it is one.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.0.token.as_ref()
    }

    /// Where from.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// Whether a browser has said who asks: others' pages could have made it.
    pub(super) fn by_cookie(&self) -> bool {
        self.0.person.is_some()
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// What is shown on this page needs a pass, which is renewed there.
    pub(super) fn needs_pass(&mut self, url: String) {
        Arc::make_mut(&mut self.0).pass_url = Some(url);
    }

    /// Where a pass is renewed, when what is shown needs one.
    #[must_use]
    pub fn pass_url(&self) -> Option<&str> {
        self.0.pass_url.as_deref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Missing only where a router was built without its gate.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

/// What reading a request takes.
pub(super) struct Reading<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) facts: &'a Facts,
    pub(super) signer: &'a Signer,
    pub(super) cookies: &'a Cookies,
}

impl Reading<'_> {
    /// Who asks.
    pub(super) async fn visitor(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        now: WallTime,
    ) -> Result<Visitor, Stopped> {
        let mut inner = Inner::nobody(self.catalogue.tenant().as_str().to_owned(), address, now);
        if let Some(value) = headers.get(AUTHORIZATION) {
            inner.credentials.headers.insert(AUTHORIZATION, value.clone());
            // A program: what a browser would send beside it does not count.
            let shown = value.to_str().ok().and_then(bearer).ok_or(Stopped::BadToken)?;
            let found = self.catalogue.find_token(&ApiToken::new(shown.to_owned()), now).await?;
            let token = found.ok_or(Stopped::BadToken)?;
            inner.token = Some(Token { id: token.id.to_string(), scopes: token.scopes });
            return Ok(Visitor(Arc::new(inner)));
        }
        for value in headers.get_all(COOKIE) {
            inner.credentials.headers.append(COOKIE, value.clone());
        }
        for (name, value) in pairs(headers) {
            if name == self.cookies.session() {
                inner.person = self.facts.person(value, now).await?;
                inner.credentials.session = Some(value.to_owned());
            } else if inner.proofs.len() >= MAX_PROOFS {
                continue;
            } else if let Some(object) = self.cookies.object_of(name, "key") {
                if let Some(version) = self.signer.typed_password(value, object, now) {
                    inner.proofs.push(Proof::Password { object: object.to_owned(), version });
                }
            } else if self.cookies.object_of(name, "link").is_some() {
                inner.proofs.extend(self.catalogue.find_link(&LinkToken::new(value.to_owned())).await?);
            }
        }
        Ok(Visitor(Arc::new(inner)))
    }
}

/// The token of `Bearer TOKEN`; the scheme in any case (RFC 9110 section 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token of `?link=TOKEN`.
pub(super) fn link_in(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("link=")).filter(|token| !token.is_empty())
}
