//! `/recordings-to-claim`: recordings of halls that wait for whose they are. Contributors say that one is theirs, operators say whose it is, and whoever
//! was given one is written to. What was claimed by mistake is given back.

use super::found;
use crate::catalogue::id::VideoId;
use crate::catalogue::person::Person;
use crate::catalogue::video::{MAX_PAGE, Video};
use crate::catalogue::{Catalogue, Error};
use crate::http::accounts::Accounts;
use crate::http::gate::Noted;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{message, not_ours, see};
use crate::http::pages::{ErrorPage, Reader};
use crate::policy::object::{Action, Kind, VideoPart};
use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;

struct Line {
    video: Video,
    /// Title of the broadcaster that it was recorded from.
    from: String,
    may_claim: bool,
    /// Says whose it is, and sees its pictures.
    may_attribute: bool,
}

impl Line {
    fn length(&self) -> String {
        found::shown_length(&self.video)
    }
}

#[derive(Template)]
#[template(path = "recordings-to-claim.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    lines: Vec<Line>,
    /// There are more than are shown.
    more: bool,
    /// Key of what was done; empty: nothing.
    done: &'static str,
    /// Key of what can't be done, in the form of this video.
    trouble: Option<(VideoId, &'static str)>,
    /// What was typed there.
    typed: &'a str,
}

impl Page<'_> {
    fn trouble_of(&self, video: &Video) -> Option<&'static str> {
        self.trouble.as_ref().filter(|(id, _)| *id == video.id).map(|(_, key)| *key)
    }
}

/// `GET /recordings-to-claim`.
pub(super) async fn page(asking: Asking, RawQuery(query): RawQuery) -> Response {
    let reader = asking.reader();
    let done = match query.as_deref() {
        Some("attributed") => "claim-attributed",
        Some("given-back") => "claim-given-back",
        _ => "",
    };
    show(asking.accounts.catalogue(), &reader, StatusCode::OK, done, None, "").await
}

async fn show(
    catalogue: &Catalogue,
    reader: &Reader<'_>,
    status: StatusCode,
    done: &'static str,
    trouble: Option<(VideoId, &'static str)>,
    typed: &str,
) -> Response {
    let (lines, more) = match waiting(catalogue, reader.visitor).await {
        Ok(found) => found,
        Err(error) => return refused(reader, &error),
    };
    let form = FormPage::new(reader);
    let page = Page { frame: form.frame(), token: form.token(), lines, more, done, trouble, typed };
    form.respond(status, &page)
}

/// Those that this visitor may claim or give to somebody.
async fn waiting(catalogue: &Catalogue, visitor: &Visitor) -> Result<(Vec<Line>, bool), Error> {
    let page = catalogue.videos_to_claim(MAX_PAGE).await?;
    let ids: Vec<VideoId> = page.items.iter().map(|video| video.id.clone()).collect();
    let states = catalogue.video_states(&ids).await?;
    let halls = found::titles(catalogue).await?;
    let line = |video: Video| {
        let state = states.get(&video.id)?;
        let may = |action, part| visitor.may(action, Kind::Video(part), video.id.as_str(), state);
        let (may_claim, may_attribute) =
            (may(Action::Claim, VideoPart::Record), may(Action::Change, VideoPart::Rights));
        let from = halls.get(&video.broadcaster_id).cloned().unwrap_or_default();
        (may_claim || may_attribute).then_some(Line { video, from, may_claim, may_attribute })
    };
    Ok((page.items.into_iter().filter_map(line).collect(), page.next.is_some()))
}

fn refused(reader: &Reader<'_>, error: &Error) -> Response {
    match error {
        // Somebody was quicker.
        Error::Conflict(_) => message(reader, StatusCode::CONFLICT, "claim-gone", "claim-gone-more"),
        error => *found::broken(reader, error),
    }
}

/// `POST /videos/{id}/claim`.
pub(super) async fn claim(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<IgnoredAny>) -> Response {
    let reader = asking.reader();
    let (Some(_), Some(signed_in)) = (sent, asking.visitor.person()) else { return not_ours(&reader) };
    let Ok(id) = id.parse() else { return ErrorPage::NotFound.render_for(&reader) };
    match asking.accounts.catalogue().claim_video(&id, &signed_in.session.person_id).await {
        Ok(()) => see(&format!("/my-videos?done=claim&video={id}")),
        Err(error) => refused(&reader, &error),
    }
}

/// Whose it is.
#[derive(Deserialize)]
pub(super) struct Owner {
    who: String,
}

/// `POST /videos/{id}/attribute`.
pub(super) async fn attribute(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<Owner>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let Ok(id) = id.parse() else { return ErrorPage::NotFound.render_for(&reader) };
    let catalogue = asking.accounts.catalogue();
    let given = async {
        let Some(person) = catalogue.person_named(sent.who.trim()).await? else { return Ok(None) };
        catalogue.claim_video(&id, &person.id).await?;
        let title = catalogue.video(&id).await?.map_or_else(String::new, |video| video.title);
        Ok::<_, Error>(Some((person, title)))
    };
    match given.await {
        Ok(Some((person, title))) => {
            let detail = person.login.clone().unwrap_or_else(|| person.name.clone());
            tell(&asking.accounts, &reader, person, &title, &id);
            Noted(detail).on(see("/recordings-to-claim?attributed"))
        }
        // Nobody of this name, or nobody who may sign in.
        Ok(None) | Err(Error::NotFound("person")) => {
            let trouble = Some((id, "claim-nobody"));
            show(catalogue, &reader, StatusCode::UNPROCESSABLE_ENTITY, "", trouble, &sent.who).await
        }
        Err(error) => refused(&reader, &error),
    }
}

/// Writes to whom it was given.
fn tell(accounts: &Accounts, reader: &Reader<'_>, person: Person, title: &str, id: &VideoId) {
    let texts = reader.texts();
    let (title, path) = (title.to_owned(), format!("/videos/{id}/edit"));
    accounts.write_to(person, move |name, site| {
        let lines = [
            texts.with("mail-hello", "name", name),
            texts.with("mail-given", "title", title.as_str()),
            format!("{site}{path}"),
            texts.get("mail-given-more"),
        ];
        (texts.with("mail-given-subject", "title", title.as_str()), lines.join("\n\n"))
    });
}

/// `POST /videos/{id}/give-back`.
pub(super) async fn give_back(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<IgnoredAny>) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let Ok(id) = id.parse() else { return ErrorPage::NotFound.render_for(&reader) };
    match asking.accounts.catalogue().give_back_video(&id).await {
        Ok(()) => see("/recordings-to-claim?given-back"),
        Err(error) => refused(&reader, &error),
    }
}
