//! `/operate/_/log`: who changed what that others depend on, newest first, a page at a time; of one person or one kind of act, if wished. For
//! administrators.

use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::audit::{Actor, AuditFilter, Entry as Noted};
use crate::catalogue::id::EntryId;
use crate::http::assets::Entry;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::Choice;
use crate::http::pages::frame::{Frame, respond};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::collections::HashMap;
use url::form_urlencoded::Serializer;

/// Entries of a page.
const ENTRIES: usize = 100;

#[derive(Template)]
#[template(path = "operate-log.html")]
struct Page<'a> {
    frame: Frame<'a>,
    entries: Vec<Line>,
    acts: Vec<Choice>,
    /// As it was typed.
    who: String,
    /// Nobody is called so.
    unknown: bool,
    /// Where older ones are; `None`: there are none.
    older: Option<String>,
    /// It does not begin with the newest.
    later: bool,
}

/// An entry in the table.
struct Line {
    entry: Noted,
    /// The person's name or the token's id; empty: somebody at the command line.
    who: String,
    /// Key of what comes before it.
    actor: &'static str,
}

/// Which entries somebody wants.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    /// Those that are listed after this one.
    #[serde(default)]
    before: String,
    /// A login, a mail address or an id; empty: everybody.
    #[serde(default)]
    who: String,
    /// Empty: all of them.
    #[serde(default)]
    act: String,
}

/// `GET /operate/_/log`.
pub(super) async fn page(State(desk): State<Desk>, asking: Asking, Query(wish): Query<Wish>) -> Response {
    match shown(&desk, &asking, wish).await {
        Ok(response) => response,
        Err(error) => refused(&asking.reader(), &error),
    }
}

async fn shown(desk: &Desk, asking: &Asking, wish: Wish) -> Result<Response, Error> {
    let who = wish.who.trim().to_owned();
    let person = match who.as_str() {
        "" => None,
        who => desk.catalogue.person_named(who).await?.map(|person| person.id),
    };
    let unknown = person.is_none() && !who.is_empty();
    let before: Option<EntryId> = match wish.before.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| Error::NotFound("entry"))?),
    };
    let later = before.is_some();
    let act = Some(wish.act).filter(|act| !act.is_empty());
    let acts = desk.catalogue.audited_acts().await?.into_iter();
    let acts =
        acts.map(|name| Choice { chosen: act.as_ref() == Some(&name), text: name.clone(), value: name }).collect();
    // One more than are shown tells whether there are older ones.
    let filter = AuditFilter { before, person, act: act.clone(), limit: ENTRIES + 1 };
    let mut entries = if unknown { Vec::new() } else { desk.catalogue.audit_entries(&filter).await? };
    let more = entries.len() > ENTRIES;
    entries.truncate(ENTRIES);
    let older = entries.last().filter(|_| more).map(|last| {
        let mut query = Serializer::new(String::new());
        query.append_pair("before", last.id.as_str());
        for (name, value) in [("who", who.as_str()), ("act", act.as_deref().unwrap_or_default())] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/operate/_/log?{}", query.finish())
    });
    let entries = lines(desk, entries).await?;
    let frame = Frame::new(&asking.headers, &asking.assets, Entry::Operate).seen_by(&asking.visitor);
    let page = Page { frame, entries, acts, who, unknown, older, later };
    Ok(respond(StatusCode::OK, &page).into_response())
}

/// With the names of who did it: of those on the page, each looked up once.
async fn lines(desk: &Desk, entries: Vec<Noted>) -> Result<Vec<Line>, Error> {
    let mut names: HashMap<String, String> = HashMap::new();
    for entry in &entries {
        let Actor::Person(id) = &entry.actor else { continue };
        if names.contains_key(id) {
            continue;
        }
        let found = match id.parse() {
            Ok(id) => desk.catalogue.person(&id).await?,
            Err(_) => None,
        };
        names.insert(id.clone(), found.map_or_else(|| id.clone(), |person| person.name));
    }
    let line = |entry: Noted| {
        let (actor, who) = match &entry.actor {
            Actor::Person(id) => ("log-person", names.get(id).unwrap_or(id).clone()),
            Actor::Token(id) => ("log-token", id.clone()),
            Actor::CommandLine => ("log-command-line", String::new()),
        };
        Line { entry, who, actor }
    };
    Ok(entries.into_iter().map(line).collect())
}
