//! What pages with forms are asked with: who reads, what the page is made with, and where people are looked up. One argument of a handler.

use super::Reader;
use crate::http::accounts::Accounts;
use crate::http::assets::Assets;
use crate::http::gate::visitor::Visitor;
use crate::http::problem::Problem;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

/// See the module.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) accounts: Accounts,
    pub(super) assets: Assets,
    pub(super) visitor: Visitor,
    pub(super) headers: HeaderMap,
}

impl Asking {
    /// For whom the page is made.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader::new(&self.headers, &self.assets, &self.visitor, self.accounts.gate().cookies())
    }
}

impl<S> FromRequestParts<S> for Asking
where
    S: Send + Sync,
    Accounts: FromRef<S>,
    Assets: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            accounts: Accounts::from_ref(state),
            assets: Assets::from_ref(state),
            visitor: Visitor::from_request_parts(parts, state).await?,
            headers: parts.headers.clone(),
        })
    }
}
