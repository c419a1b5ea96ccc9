//! `/my-videos`: a person's own videos, as a table or as pictures, those that were deleted among them; and the form that does one thing to many.
//!
//! **Promises.** Each video that is to be changed is asked of the policy by itself, and what was done stands in the audit log under it. What can't be
//! done to one does not keep the others from it: how many were changed is said.

use super::found;
use super::many::{self, Act, Unread};
use crate::catalogue::id::{PersonId, VideoId};
use crate::catalogue::video::{Cursor, Video, VideoFilter, VideoState};
use crate::catalogue::{Catalogue, Error};
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Choice, Fields, FormPage, Pair, all, said};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{failed, not_ours, see};
use crate::http::pages::texts::Texts;
use crate::http::pages::visibility;
use crate::policy::state::Visibility;
use askama::Template;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Of one page.
const ON_A_PAGE: usize = 50;

/// Key of what is said when no video is chosen.
const NONE_CHOSEN: &str = "mine-none-chosen";

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

/// The form as it came back, when it can't be done.
#[derive(Debug, Default)]
struct Sent {
    act: String,
    word: String,
    all: bool,
    chosen: BTreeSet<String>,
    /// Key of why.
    trouble: &'static str,
}

struct Line {
    video: Video,
    /// Its box is ticked.
    chosen: bool,
    /// Title of the broadcaster that it was recorded from; empty for none.
    from: String,
    visibility: &'static str,
    /// Key of what is to be said of its state; empty: nothing.
    state: &'static str,
    views: u64,
}

impl Line {
    fn length(&self) -> String {
        found::shown_length(&self.video)
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
    /// Where the page begins, for who sends its form; empty: at the begin.
    after: &'a str,
    acts: Vec<Choice>,
    sent: &'a Sent,
    /// What was done, in the reader's words; empty: nothing.
    said: String,
    /// What can't be done, in the reader's words; empty: nothing.
    trouble: String,
    /// One that was claimed can be given back.
    claimed: Option<VideoId>,
    /// The same list from its begin, when this is no begin.
    first_url: Option<String>,
    next_url: Option<String>,
}

impl Page<'_> {
    /// Whether what can't be done is the word's fault.
    fn is_about_word(&self) -> bool {
        !matches!(self.sent.trouble, "" | NONE_CHOSEN)
    }
}

/// `GET /my-videos`.
pub(super) async fn page(asking: Asking, wish: Result<Query<Wish>, QueryRejection>) -> Response {
    let reader = asking.reader();
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    shown(&asking, &reader, &wish, &Sent::default()).await
}

async fn shown(asking: &Asking, reader: &Reader<'_>, wish: &Wish, sent: &Sent) -> Response {
    let Some(person) = asking.visitor.person().map(|signed_in| &signed_in.session.person_id) else {
        return failed(reader);
    };
    let page = show(asking.accounts.catalogue(), reader, person, wish, sent).await;
    page.unwrap_or_else(|error| *found::broken(reader, &error))
}

async fn show(
    catalogue: &Catalogue,
    reader: &Reader<'_>,
    person: &PersonId,
    wish: &Wish,
    sent: &Sent,
) -> Result<Response, Error> {
    let texts = reader.texts();
    let (deleted, grid) = (wish.show == "deleted", wish.view == "grid");
    let cursor: Option<Cursor> = wish.after.parse().ok();
    let begins = cursor.is_none();
    let filter = VideoFilter { broadcaster: None, listed_only: false, limit: ON_A_PAGE, cursor };
    let page = catalogue.videos_owned(person, deleted, filter).await?;
    let mut lines = lines(catalogue, page.items).await?;
    lines.iter_mut().for_each(|line| line.chosen = sent.chosen.contains(line.video.id.as_str()));
    let groups = if deleted { Vec::new() } else { catalogue.groups().await? };
    let acts = many::offered(deleted, &groups, texts).into_iter();
    let form = FormPage::new(reader);
    let page = Page {
        frame: form.frame(),
        token: form.token(),
        lines,
        deleted,
        grid,
        after: &wish.after,
        acts: acts.map(|(value, text)| Choice { chosen: value == sent.act, value, text }).collect(),
        sent,
        said: done(wish, texts),
        trouble: if sent.trouble.is_empty() { String::new() } else { texts.get(sent.trouble) },
        claimed: (wish.done == "claim").then(|| wish.video.parse().ok()).flatten(),
        first_url: (!begins).then(|| url(deleted, grid, None)),
        next_url: page.next.map(|next| url(deleted, grid, Some(&next))),
    };
    let status = if sent.trouble.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(form.respond(status, &page))
}

async fn lines(catalogue: &Catalogue, videos: Vec<Video>) -> Result<Vec<Line>, Error> {
    let ids: Vec<VideoId> = videos.iter().map(|video| video.id.clone()).collect();
    let (states, views) = (catalogue.video_states(&ids).await?, catalogue.views(&ids).await?);
    let halls = found::titles(catalogue).await?;
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
            chosen: false,
            video,
        }
    };
    Ok(videos.into_iter().map(line).collect())
}

/// What the page says was done.
fn done(wish: &Wish, texts: &Texts) -> String {
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
pub(super) async fn send(asking: Asking, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let first = |name| said(&sent, name);
    // All of the page, or those that were chosen.
    let chosen = if first("all").is_empty() { "video" } else { "shown" };
    let chosen: Vec<VideoId> = all(&sent, chosen).take(ON_A_PAGE).filter_map(|id| id.parse().ok()).collect();
    let act = match Act::read(first("act"), first("word"), asking.accounts.catalogue()).await {
        Ok(_) if chosen.is_empty() => return again(&asking, &reader, &sent, NONE_CHOSEN).await,
        Ok(act) => act,
        Err(Unread::Word(key)) => return again(&asking, &reader, &sent, key).await,
        Err(Unread::Catalogue(error)) => return *found::broken(&reader, &error),
    };
    let mut changed = 0;
    for id in &chosen {
        changed += u64::from(many::apply(&asking.accounts, &asking.visitor, id, &act).await);
    }
    let done = if act == Act::Delete { "delete" } else { "change" };
    let back = url(act == Act::Restore, first("view") == "grid", None);
    let join = if back.contains('?') { '&' } else { '?' };
    see(&format!("{back}{join}done={done}&changed={changed}&asked={}", chosen.len()))
}

/// The page that a form came from, with what it said, and why it can't be done.
async fn again(asking: &Asking, reader: &Reader<'_>, sent: &[Pair], trouble: &'static str) -> Response {
    let text = |name| said(sent, name).to_owned();
    let wish = Wish { show: text("show"), view: text("view"), after: text("after"), ..Wish::default() };
    let sent = Sent {
        act: text("act"),
        word: text("word"),
        all: !said(sent, "all").is_empty(),
        chosen: all(sent, "video").take(ON_A_PAGE).map(str::to_owned).collect(),
        trouble,
    };
    shown(asking, reader, &wish, &sent).await
}
