//! Bearer tokens (RFC 6750): who may write.

use super::problem::Problem;
use super::state::Clock;
use crate::catalogue::Catalogue;
use crate::catalogue::secret::ApiToken;
use crate::catalogue::token::Scope;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::marker::PhantomData;

/// A scope as a type, so that a handler's signature says what it needs.
pub trait Needs: Send + Sync {
    /// The scope.
    const SCOPE: Scope;
}

/// `broadcasters:write`.
#[derive(Debug)]
pub struct Broadcasters;

/// `lives:write`.
#[derive(Debug)]
pub struct Lives;

/// `videos:write`.
#[derive(Debug)]
pub struct Videos;

impl Needs for Broadcasters {
    const SCOPE: Scope = Scope::BroadcastersWrite;
}

impl Needs for Lives {
    const SCOPE: Scope = Scope::LivesWrite;
}

impl Needs for Videos {
    const SCOPE: Scope = Scope::VideosWrite;
}

/// Proof that the request carries a token that may write `N`. Comes before the body among a handler's arguments: what a
/// stranger sends is not even read.
#[derive(Debug)]
pub struct MayWrite<N: Needs>(PhantomData<N>);

impl<N: Needs, S> FromRequestParts<S> for MayWrite<N>
where
    S: Send + Sync,
    Catalogue: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let shown = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        let token = ApiToken::new(shown.ok_or_else(Problem::unauthorized)?.to_owned());
        let now = Clock::from_ref(state).now();
        let known = Catalogue::from_ref(state).find_token(&token, now).await?.ok_or_else(Problem::unauthorized)?;
        if known.scopes.contains(&N::SCOPE) { Ok(Self(PhantomData)) } else { Err(Problem::forbidden(N::SCOPE)) }
    }
}

/// The token of `Bearer TOKEN`; the scheme in any case (RFC 9110 section 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
