//! `/search?q=`: what was found. A form that is sent by GET: it works without JavaScript, and its address can be kept.

#[cfg(test)]
mod tests;

use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::length;
use crate::catalogue::Catalogue;
use crate::http::assets::{Assets, Entry};
use crate::http::found::{self, Found, Hit, MAX_PAGES, NotLooked};
use crate::http::gate::visitor::Visitor;
use crate::search::question::{MAX_LENGTH, Question};
use crate::search::{Passage, Search};
use askama::Template;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use std::collections::HashMap;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
    Catalogue: FromRef<S>,
    Search: FromRef<S>,
{
    Router::new().route("/search", get(page))
}

/// What the address says. What can't be read of it is as if it were not there: people type addresses.
#[derive(Debug, Default, Deserialize)]
struct Wish {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: View,
}

/// What is shown.
#[derive(Debug, Default)]
struct View {
    /// As it was typed, cut.
    typed: String,
    /// Something was looked for.
    asked: bool,
    results: Vec<Card>,
    page: usize,
    more: bool,
    /// The index is being made.
    incomplete: bool,
    /// It could not be looked for now.
    busy: bool,
}

#[derive(Debug)]
struct Card {
    hit: Hit,
    broadcaster: String,
}

impl View {
    fn url(&self, page: usize) -> String {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &self.typed)
            .append_pair("page", &page.to_string())
            .finish();
        format!("/search?{query}")
    }

    fn previous_url(&self) -> String {
        self.url(self.page.saturating_sub(1))
    }

    fn next_url(&self) -> String {
        self.url(self.page + 1)
    }
}

impl Card {
    fn url(&self) -> String {
        self.hit.video.page_url()
    }

    fn length(&self) -> String {
        length(self.hit.video.shown_ms().unwrap_or(0))
    }

    fn url_at(&self, passage: &Passage) -> String {
        format!("{}?t={}", self.hit.video.page_url(), passage.at.as_secs())
    }

    fn time_of(&self, passage: &Passage) -> String {
        length(u64::try_from(passage.at.as_millis()).unwrap_or(u64::MAX))
    }
}

async fn page(
    State(assets): State<Assets>,
    State(catalogue): State<Catalogue>,
    State(search): State<Search>,
    visitor: Visitor,
    wish: Result<Query<Wish>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Wish { q, page } = wish.map(|Query(wish)| wish).unwrap_or_default();
    let mut view = View {
        typed: q.chars().take(MAX_LENGTH).collect(),
        page: page.parse().unwrap_or(1).clamp(1, MAX_PAGES),
        ..View::default()
    };
    let mut status = StatusCode::OK;
    if let Some(question) = Question::read(&view.typed) {
        view.asked = true;
        match look(&search, &catalogue, &visitor, &question, view.page).await {
            Ok((results, more)) => (view.results, view.more) = (results, more),
            Err(NotLooked::Unanswered(_)) => (view.busy, status) = (true, StatusCode::SERVICE_UNAVAILABLE),
            Err(NotLooked::Catalogue(error)) => {
                tracing::error!(%error, "a page can't be made");
                return ErrorPage::Failed.render(&headers, &assets, &visitor);
            }
        }
        view.incomplete = !view.busy && !search.is_whole();
    }
    let frame = Frame::new(&headers, &assets, Entry::Site).seen_by(&visitor);
    respond(status, &Page { frame, view }).into_response()
}

async fn look(
    search: &Search,
    catalogue: &Catalogue,
    visitor: &Visitor,
    question: &Question,
    page: usize,
) -> Result<(Vec<Card>, bool), NotLooked> {
    let Found { hits, more } = found::found(search, catalogue, visitor, question, page).await?;
    // A video may be shown whose broadcaster is not: its name is on the video's page all the same.
    let titles: HashMap<_, _> = catalogue.broadcasters().await?.into_iter().map(|b| (b.slug, b.title)).collect();
    let card = |hit: Hit| {
        let broadcaster = titles.get(&hit.video.broadcaster).cloned().unwrap_or_default();
        Card { hit, broadcaster }
    };
    Ok((hits.into_iter().map(card).collect(), more))
}
