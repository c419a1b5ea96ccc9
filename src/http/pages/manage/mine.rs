//! `/my-videos`: a person's own videos, as a table or as pictures, those that were deleted among them; and the form that does one thing to many.
//!
//! **Promises.** Each video that is to be changed is asked of the policy by itself, and what was done stands in the audit log under it. What can't be
//! done to one does not keep the others from it: how many were changed is said.

use super::many::{self, Act};
use crate::catalogue::id::{PersonId, VideoId};
use crate::catalogue::video::{Cursor, Video, VideoFilter, VideoState};
use crate::catalogue::{Catalogue, Error};
use crate::http::accounts::Accounts;
use crate::http::assets::Assets;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::Reader;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::model::length;
use crate::http::pages::people::{failed, not_ours, see};
use crate::http::pages::texts::Texts;
use crate::http::pages::visibility;
use crate::policy::state::Visibility;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::collections::HashMap;

/// Of one page.
const ON_A_PAGE: usize = 50;

/// What the address says. What can't be read of it is as if it were not there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    /// `deleted`: those.
    show: String,
    /// `grid`: pictures.
    view: String,
    after: String,
    /// What was done, and to how many of how many.
    done: String,
    changed: u64,
    asked: u64,
    /// The one that was claimed.
    video: String,
}

struct Line {
    video: Video,
    /// Title of the broadcaster that it was recorded from; empty for none.
    from: String,
    visibility: &'static str,
    /// Key of what is to be said of its state; empty: nothing.
    state: &'static str,
    views: u64,
}

impl Line {
    fn length(&self) -> String {
        self.video.shown_ms().map_or_else(String::new, length)
    }
}

#[derive(Template)]
#[template(path = "my-videos.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    lines: Vec<Line>,
    deleted: bool,
    grid: bool,
    acts: Vec<(String, String)>,
    /// What was done, in the reader's words; empty: nothing.
    said: String,
    /// One that was claimed can be given back.
    claimed: Option<VideoId>,
    /// The same list from its begin, when this is no begin.
    first_url: Option<String>,
    next_url: Option<String>,
}

/// `GET /my-videos`.
pub(super) async fn page(
    State(accounts): State<Accounts>,
    State(assets): State<Assets>,
    visitor: Visitor,
    wish: Result<Query<Wish>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let reader = Reader::new(&headers, &assets, &visitor, accounts.gate().cookies());
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    let Some(person) = visitor.person().map(|signed_in| &signed_in.session.person_id) else { return failed(&reader) };
    match show(accounts.catalogue(), &reader, person, &wish).await {
        Ok(page) => page,
        Err(error) => {
            tracing::error!(%error, "somebody's videos can't be shown");
            failed(&reader)
        }
    }
}

async fn show(catalogue: &Catalogue, reader: &Reader<'_>, person: &PersonId, wish: &Wish) -> Result<Response, Error> {
    let texts = reader.texts();
    let (deleted, grid) = (wish.show == "deleted", wish.view == "grid");
    let cursor: Option<Cursor> = wish.after.parse().ok();
    let begins = cursor.is_none();
    let filter = VideoFilter { broadcaster: None, listed_only: false, limit: ON_A_PAGE, cursor };
    let page = catalogue.videos_owned(person, deleted, filter).await?;
    let lines = lines(catalogue, page.items).await?;
    let form = FormPage::new(reader);
    let page = Page {
        frame: form.frame(),
        token: form.token(),
        lines,
        deleted,
        grid,
        acts: many::offered(deleted).into_iter().map(|act| (act.to_string(), act.text(texts))).collect(),
        said: said(wish, texts),
        claimed: (wish.done == "claim").then(|| wish.video.parse().ok()).flatten(),
        first_url: (!begins).then(|| url(deleted, grid, None)),
        next_url: page.next.map(|next| url(deleted, grid, Some(&next))),
    };
    Ok(form.respond(StatusCode::OK, &page))
}

async fn lines(catalogue: &Catalogue, videos: Vec<Video>) -> Result<Vec<Line>, Error> {
    let ids: Vec<VideoId> = videos.iter().map(|video| video.id.clone()).collect();
    let (states, views) = (catalogue.video_states(&ids).await?, catalogue.views(&ids).await?);
    let halls = catalogue.broadcasters().await?;
    let halls: HashMap<_, _> = halls.into_iter().map(|hall| (hall.id, hall.title)).collect();
    let line = |video: Video| {
        let standing = states.get(&video.id).map_or(Visibility::Draft, |state| state.visibility);
        Line {
            from: halls.get(&video.broadcaster_id).cloned().unwrap_or_default(),
            visibility: visibility::key(standing, "edit-for-draft"),
            state: match (video.state, video.listed) {
                (VideoState::Live, _) => "mine-recorded-now",
                (VideoState::Ended, false) => "mine-short",
                (VideoState::Ended, true) => "",
            },
            views: views.get(&video.id).copied().unwrap_or(0),
            video,
        }
    };
    Ok(videos.into_iter().map(line).collect())
}

/// What the page says was done.
fn said(wish: &Wish, texts: &Texts) -> String {
    let key = match (wish.done.as_str(), wish.changed == wish.asked) {
        ("claim", _) => return texts.get("mine-claimed"),
        ("delete", true) => "mine-deleted",
        ("change", true) => "mine-changed",
        ("delete" | "change", false) => return texts.with("mine-not-all", "count", wish.changed),
        _ => return String::new(),
    };
    texts.with(key, "count", wish.changed)
}

fn url(deleted: bool, grid: bool, after: Option<&Cursor>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if deleted {
        query.append_pair("show", "deleted");
    }
    if grid {
        query.append_pair("view", "grid");
    }
    if let Some(after) = after {
        query.append_pair("after", &after.to_string());
    }
    let query = query.finish();
    if query.is_empty() { "/my-videos".to_owned() } else { format!("/my-videos?{query}") }
}

/// `POST /my-videos`.
pub(super) async fn send(
    State(accounts): State<Accounts>,
    State(assets): State<Assets>,
    visitor: Visitor,
    headers: HeaderMap,
    Fields(sent): Fields<Vec<(String, String)>>,
) -> Response {
    let reader = Reader::new(&headers, &assets, &visitor, accounts.gate().cookies());
    let Some(sent) = sent else { return not_ours(&reader) };
    let all = |name| sent.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str());
    let first = |name| all(name).next().unwrap_or_default();
    let Some(act) = Act::read(first("act"), first("tag")) else {
        return see("/my-videos");
    };
    // All of the page, or those that were chosen.
    let chosen = if first("all").is_empty() { all("video") } else { all("shown") };
    let chosen: Vec<VideoId> = chosen.take(ON_A_PAGE).filter_map(|id| id.parse().ok()).collect();
    let mut changed = 0;
    for id in &chosen {
        changed += u64::from(many::apply(&accounts, &visitor, id, &act).await);
    }
    let done = if act == Act::Delete { "delete" } else { "change" };
    let back = url(act == Act::Restore, first("view") == "grid", None);
    let join = if back.contains('?') { '&' } else { '?' };
    see(&format!("{back}{join}done={done}&changed={changed}&asked={}", chosen.len()))
}
