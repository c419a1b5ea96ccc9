//! `/videos`: all that is for the reader, narrowed by what the address says, some at a time. The form that narrows is sent by GET: it works
//! without JavaScript, and its address can be kept.

#[cfg(test)]
mod tests;

use super::error::{ErrorPage, Failure};
use super::frame::{Frame, respond};
use super::model::VideoCard;
use super::source::{Source, card, failed};
use super::texts::Texts;
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::details::{MAX_TAG, VideoKind};
use crate::catalogue::listing::{Listing, Order};
use crate::catalogue::slug::Slug;
use crate::catalogue::video::Cursor;
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::http::shown;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use media::caption::language::Language;
use serde::Deserialize;
use std::collections::HashMap;

/// Divides by two, three and four: rows of cards are full.
const ON_A_PAGE: usize = 24;
/// Years that are offered, the last ones.
const MAX_YEARS: i16 = 40;
/// Languages that are offered: those of most lectures here. Others can be asked for by the address.
const LANGUAGES: [&str; 8] = ["fr", "en", "de", "es", "it", "pt", "ar", "zh"];

/// What the address says. What can't be read of it is as if it were not there: people type addresses.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    year: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    order: String,
    #[serde(default)]
    after: String,
}

/// A line of a list to choose from.
struct Choice {
    value: String,
    label: String,
    /// What its words are in, when that is not the page's language.
    language: Option<String>,
    chosen: bool,
}

/// What is shown.
struct View {
    kinds: Vec<Choice>,
    broadcasters: Vec<Choice>,
    languages: Vec<Choice>,
    years: Vec<Choice>,
    orders: Vec<Choice>,
    /// As it is narrowed by one that a page led to.
    tag: Option<String>,
    /// Something narrows.
    narrowed: bool,
    videos: Vec<VideoCard>,
    /// The same from its begin, when this is no begin.
    first_url: Option<String>,
    next_url: Option<String>,
}

#[derive(Template)]
#[template(path = "videos.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: View,
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    wish: Result<Query<Wish>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    let frame = Frame::new(&headers, &assets, Entry::Site).seen_by(&visitor);
    let Ok(view) = view(&source, &visitor, &wish, frame.t).await else {
        return ErrorPage::Failed.render(&headers, &assets, &visitor);
    };
    respond(StatusCode::OK, &Page { frame, view }).into_response()
}

async fn view(source: &Source, visitor: &Visitor, wish: &Wish, t: &Texts) -> Result<View, Failure> {
    let catalogue = source.catalogue();
    // A video may be shown whose broadcaster is not.
    let all = catalogue.broadcasters().await.map_err(|e| failed(&e))?;
    let titles: HashMap<Slug, String> = all.iter().map(|b| (b.slug.clone(), b.title.clone())).collect();
    let offered = shown::among(catalogue, visitor, all).await.map_err(|e| failed(&e))?;
    let mut offered: Vec<Broadcaster> = offered.into_iter().map(|(broadcaster, _)| broadcaster).collect();
    offered.sort_by(|a, b| a.title.cmp(&b.title));

    let listing = wish.listing(&offered);
    let page = shown::listed(catalogue, visitor, &listing).await.map_err(|e| failed(&e))?;
    let years = catalogue.years(shown::readers(visitor)).await.map_err(|e| failed(&e))?;
    let title = |slug: &Slug| titles.get(slug).cloned().unwrap_or_default();
    Ok(View {
        kinds: kinds(listing.kind, t),
        broadcasters: broadcasters(&offered, &listing, t),
        languages: languages(listing.language.as_ref(), t),
        years: years_offered(years, listing.year, t),
        orders: orders(listing.order, t),
        narrowed: listing.kind.is_some()
            || listing.broadcaster.is_some()
            || listing.language.is_some()
            || listing.year.is_some()
            || listing.tag.is_some(),
        videos: page.items.iter().map(|video| card(video, title(&video.broadcaster))).collect(),
        first_url: listing.after.is_some().then(|| url(&listing, &offered, None)),
        next_url: page.next.map(|next| url(&listing, &offered, Some(&next))),
        tag: listing.tag,
    })
}

impl Wish {
    fn listing(&self, offered: &[Broadcaster]) -> Listing {
        let tag = self.tag.trim().to_lowercase();
        let from = offered.iter().find(|broadcaster| broadcaster.slug.as_str() == self.from);
        Listing {
            kind: self.kind.parse().ok(),
            broadcaster: from.map(|broadcaster| broadcaster.id.clone()),
            language: Language::new(&self.language),
            year: self.year.parse().ok().filter(|year| (1_970..=9_000).contains(year)),
            tag: (!tag.is_empty() && tag.chars().nth(MAX_TAG).is_none()).then_some(tag),
            order: if self.order == "oldest" { Order::Oldest } else { Order::Newest },
            limit: ON_A_PAGE,
            after: self.after.parse().ok(),
        }
    }
}

/// The address of a page of the same list.
fn url(listing: &Listing, offered: &[Broadcaster], after: Option<&Cursor>) -> String {
    let from = listing.broadcaster.as_ref().and_then(|id| offered.iter().find(|broadcaster| broadcaster.id == *id));
    let pairs = [
        ("kind", listing.kind.map(|kind| kind.name().to_owned())),
        ("from", from.map(|broadcaster| broadcaster.slug.to_string())),
        ("language", listing.language.as_ref().map(|language| language.tag().to_owned())),
        ("year", listing.year.map(|year| year.to_string())),
        ("tag", listing.tag.clone()),
        ("order", (listing.order == Order::Oldest).then(|| "oldest".to_owned())),
        ("after", after.map(ToString::to_string)),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    let query = query.finish();
    if query.is_empty() { "/videos".to_owned() } else { format!("/videos?{query}") }
}

fn choice(value: impl Into<String>, label: impl Into<String>, chosen: bool) -> Choice {
    Choice { value: value.into(), label: label.into(), language: None, chosen }
}

fn all(t: &Texts, chosen: bool) -> Choice {
    choice("", t.get("videos-all"), chosen)
}

fn kinds(chosen: Option<VideoKind>, t: &Texts) -> Vec<Choice> {
    let each = VideoKind::ALL
        .into_iter()
        .map(|kind| choice(kind.name(), t.get(&format!("video-kind-{kind}")), chosen == Some(kind)));
    std::iter::once(all(t, chosen.is_none())).chain(each).collect()
}

fn broadcasters(offered: &[Broadcaster], listing: &Listing, t: &Texts) -> Vec<Choice> {
    let each = offered.iter().map(|broadcaster| {
        let chosen = listing.broadcaster.as_ref() == Some(&broadcaster.id);
        choice(broadcaster.slug.as_str(), broadcaster.title.as_str(), chosen)
    });
    std::iter::once(all(t, listing.broadcaster.is_none())).chain(each).collect()
}

fn languages(chosen: Option<&Language>, t: &Texts) -> Vec<Choice> {
    let mut offered: Vec<Language> = LANGUAGES.into_iter().filter_map(Language::new).collect();
    if let Some(other) = chosen.filter(|chosen| !offered.contains(chosen)) {
        offered.push(other.clone());
    }
    let each = offered.into_iter().map(|language| Choice {
        value: language.tag().to_owned(),
        label: language.name().to_owned(),
        chosen: chosen == Some(&language),
        language: Some(language.tag().to_owned()),
    });
    std::iter::once(all(t, chosen.is_none())).chain(each).collect()
}

fn years_offered(years: Option<(i16, i16)>, chosen: Option<i16>, t: &Texts) -> Vec<Choice> {
    let mut offered: Vec<i16> =
        years.map_or_else(Vec::new, |(first, last)| (first.max(last.saturating_sub(MAX_YEARS))..=last).rev().collect());
    offered.extend(chosen.filter(|chosen| !offered.contains(chosen)));
    let each = offered.into_iter().map(|year| choice(year.to_string(), year.to_string(), chosen == Some(year)));
    std::iter::once(all(t, chosen.is_none())).chain(each).collect()
}

fn orders(chosen: Order, t: &Texts) -> Vec<Choice> {
    [("", Order::Newest, "videos-newest"), ("oldest", Order::Oldest, "videos-oldest")]
        .into_iter()
        .map(|(value, order, label)| choice(value, t.get(label), chosen == order))
        .collect()
}
