//! `/operate/_/log`: who changed what that others depend on, newest first. For administrators.

use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::audit::{Actor, Entry as Noted, MAX_ENTRIES};
use crate::http::assets::Entry;
use crate::http::pages::asking::Asking;
use crate::http::pages::frame::{Frame, respond};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use std::collections::HashMap;

#[derive(Template)]
#[template(path = "operate-log.html")]
struct Page<'a> {
    frame: Frame<'a>,
    entries: Vec<Line>,
}

/// An entry in the table.
struct Line {
    entry: Noted,
    /// The person's name or the token's id; empty: somebody at the command line.
    who: String,
    /// Key of what comes before it.
    actor: &'static str,
}

/// `GET /operate/_/log`.
pub(super) async fn page(State(desk): State<Desk>, asking: Asking) -> Response {
    let entries = match lines(&desk).await {
        Ok(entries) => entries,
        Err(error) => return refused(&asking.reader(), &error),
    };
    let frame = Frame::new(&asking.headers, &asking.assets, Entry::Operate).seen_by(&asking.visitor);
    respond(StatusCode::OK, &Page { frame, entries }).into_response()
}

async fn lines(desk: &Desk) -> Result<Vec<Line>, Error> {
    let people = desk.catalogue.people().await?;
    let names: HashMap<&str, &str> = people.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let entries = desk.catalogue.audit_log(MAX_ENTRIES).await?;
    let line = |entry: Noted| {
        let (actor, who) = match &entry.actor {
            Actor::Person(id) => ("log-person", names.get(id.as_str()).map_or(id.clone(), |name| (*name).to_owned())),
            Actor::Token(id) => ("log-token", id.clone()),
            Actor::CommandLine => ("log-command-line", String::new()),
        };
        Line { entry, who, actor }
    };
    Ok(entries.into_iter().map(line).collect())
}
