//! `/operate/{slug}/rights`: whom a broadcaster's lives are for, with groups, affiliations and a password, as `/videos/{id}/rights` has them
//! for a video. Where it is stands on its own page.

use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::access::AccessChange;
use crate::catalogue::broadcaster::Broadcaster;
use crate::http::api::access::detail;
use crate::http::assets::Entry;
use crate::http::gate::Noted;
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage, Pair, said};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{not_ours, see};
use crate::http::pages::visibility::{self, Whom};
use crate::policy::state::State as Standing;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

#[derive(Template)]
#[template(path = "operate-rights.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    hall: &'a Broadcaster,
    whom: Whom,
    open_figures: bool,
    saved: bool,
    /// Key of what can't be taken; empty: nothing.
    trouble: &'static str,
}

impl Page<'_> {
    /// The field that can't be taken; empty: none.
    fn wrong(&self) -> &'static str {
        visibility::field(self.trouble)
    }
}

async fn found(desk: &Desk, slug: &str) -> Result<(Broadcaster, Standing), Error> {
    let hall = desk.hall(slug).await?;
    let (_, standing) = desk.catalogue.broadcaster_state(&hall.slug).await?.ok_or(Error::NotFound("broadcaster"))?;
    Ok((hall, standing))
}

async fn show(
    desk: &Desk,
    reader: &Reader<'_>,
    slug: &str,
    saved: bool,
    trouble: &'static str,
) -> Result<Response, Error> {
    let (hall, standing) = found(desk, slug).await?;
    let whom = Whom::of(&desk.catalogue, reader.texts(), &standing, "visibility-draft").await?;
    let form = FormPage::new(reader);
    let page = Page {
        frame: form.frame_loading(Entry::Operate),
        token: form.token(),
        hall: &hall,
        whom,
        open_figures: standing.open_figures,
        saved,
        trouble,
    };
    let status = if trouble.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(form.respond(status, &page))
}

/// `GET /operate/{slug}/rights`.
pub(super) async fn page(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let reader = asking.reader();
    let shown = show(&desk, &reader, &slug, query.as_deref() == Some("saved"), "").await;
    shown.unwrap_or_else(|error| refused(&reader, &error))
}

/// `POST /operate/{slug}/rights`. Who may not watch any more is cut off within seconds.
pub(super) async fn send(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<Vec<Pair>>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let read = visibility::read(&sent, &asking.accounts).await;
    let changed = async {
        let change = match read {
            Ok(change) => change,
            Err(trouble) => return show(&desk, &reader, &slug, false, trouble).await,
        };
        let change = AccessChange { open_figures: Some(!said(&sent, "open_figures").is_empty()), ..change };
        let (hall, before) = found(&desk, &slug).await?;
        if let Err(error) = desk.catalogue.change_broadcaster_access(&hall.id, change).await {
            let trouble = visibility::trouble(&error).ok_or(error)?;
            return show(&desk, &reader, &slug, false, trouble).await;
        }
        let (_, after) = found(&desk, &slug).await?;
        Ok(Noted(detail(&before, &after)).on(see(&format!("/operate/{slug}/rights?saved"))))
    };
    changed.await.unwrap_or_else(|error| refused(&reader, &error))
}
