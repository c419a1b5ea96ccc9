//! What a broadcaster says of itself beside its title, who is heard in its lives and what others may do with them, the page beside its live, and whose
//! its recordings are.

use super::{Desk, refused};
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::credits::CreditsChange;
use crate::catalogue::recordings::{BroadcasterDetailsChange, Recordings, ToolPlace};
use crate::catalogue::{Catalogue, Error};
use crate::http::pages::asking::Asking;
use crate::http::pages::form::Fields;
use crate::http::pages::people::{message, not_ours, see};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

/// As a form shows it, and as it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    /// Markdown.
    pub(super) description: String,
    /// A line each.
    pub(super) speakers: String,
    /// Empty: none is given.
    pub(super) licence: String,
    /// Empty: no page.
    pub(super) tool_url: String,
    /// `beside` or `below`; empty: as it is.
    #[serde(default)]
    pub(super) tool_place: String,
    /// `kept` or `to_claim`.
    pub(super) recordings: String,
    /// Login or mail address of whose recordings are kept; empty: nobody.
    pub(super) owner: String,
}

impl About {
    pub(super) async fn of(catalogue: &Catalogue, hall: &Broadcaster) -> Result<Self, Error> {
        let details = catalogue.broadcaster_details(&hall.id).await?.ok_or(Error::NotFound("broadcaster"))?;
        let owner = match &details.owner {
            Some(id) => catalogue.person(id).await?,
            None => None,
        };
        Ok(Self {
            description: details.description,
            speakers: hall.credits.speakers.join("\n"),
            licence: hall.credits.licence.clone(),
            tool_url: details.tool_url.unwrap_or_default(),
            tool_place: details.tool_place.name().to_owned(),
            recordings: details.recordings.name().to_owned(),
            owner: owner.map_or_else(String::new, |person| {
                person.login.or(person.mail).unwrap_or_else(|| person.id.to_string())
            }),
        })
    }

    /// Whether recordings wait to be claimed.
    pub(super) fn to_claim(&self) -> bool {
        self.recordings == Recordings::ToClaim.name()
    }

    /// Whether the page stands below the live.
    pub(super) fn tool_below(&self) -> bool {
        self.tool_place == ToolPlace::Below.name()
    }

    async fn read(self, catalogue: &Catalogue) -> Result<BroadcasterDetailsChange, Error> {
        let nobody = Error::Invalid { field: "owner", reason: "must be somebody's login or mail address" };
        let owner = match self.owner.trim() {
            "" => None,
            who => Some(catalogue.person_named(who).await?.ok_or(nobody)?),
        };
        let invalid = |reason| Error::Invalid { field: "recordings", reason };
        let place = match self.tool_place.as_str() {
            "" => None,
            name => Some(name.parse().map_err(|reason| Error::Invalid { field: "tool_place", reason })?),
        };
        let filled = |name: &&str| !name.trim().is_empty();
        Ok(BroadcasterDetailsChange {
            description: Some(self.description),
            credits: CreditsChange {
                speakers: Some(self.speakers.lines().filter(filled).map(str::to_owned).collect()),
                licence: Some(self.licence),
            },
            tool_url: Some(Some(self.tool_url).filter(|url| !url.trim().is_empty())),
            tool_place: place,
            recordings: Some(self.recordings.parse().map_err(invalid)?),
            owner: Some(owner.map(|person| person.id)),
        })
    }
}

/// Key of what is said of speakers or a licence that can't be taken.
fn credits_key(error: &Error) -> Option<&'static str> {
    match error {
        Error::Invalid { field: "speakers", .. } => Some("edit-bad-speakers"),
        Error::Invalid { field: "licence", .. } => Some("edit-bad-licence"),
        _ => None,
    }
}

/// `POST /operate/{slug}/about`.
pub(super) async fn change(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<About>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let changed = async {
        let id = desk.hall(&slug).await?.id;
        desk.catalogue.change_broadcaster_details(&id, sent.read(&desk.catalogue).await?).await
    };
    match changed.await {
        Ok(_) => see(&format!("/operate/{slug}")),
        Err(error) => match credits_key(&error) {
            Some(key) => message(&reader, StatusCode::UNPROCESSABLE_ENTITY, "operate-invalid", key),
            None => refused(&reader, &error),
        },
    }
}
