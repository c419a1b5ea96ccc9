//! What a broadcaster says of itself beside its title, and whose its recordings are.
//!
//! **Promises.** A recording is claimed once: of two who claim it at once, one is told that it is gone. What was claimed is its owner's
//! alone to give away.

use super::credits::CreditsChange;
use super::id::{BroadcasterId, PersonId, VideoId};
use super::video::{Page, Video, VideoFilter};
use super::{Catalogue, Error, details};
use std::fmt;
use std::str::FromStr;

/// What becomes of a broadcaster's recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Recordings {
    /// They are its owner's, if it has one.
    #[default]
    Kept,
    /// Whose they are is said afterwards, by contributors or by operators.
    ToClaim,
}

impl Recordings {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Kept, Self::ToClaim];

    /// As the API and the catalogue call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::ToClaim => "to_claim",
        }
    }
}

impl fmt::Display for Recordings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Recordings {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|rule| rule.name() == text).ok_or("must be kept or to_claim")
    }
}

/// Where another site's page stands with a live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ToolPlace {
    /// Beside the player; below it in narrow windows.
    #[default]
    Beside,
    /// Below the player.
    Below,
}

impl ToolPlace {
    /// As the API and the catalogue call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Beside => "beside",
            Self::Below => "below",
        }
    }
}

impl FromStr for ToolPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Beside, Self::Below].into_iter().find(|place| place.name() == text).ok_or("must be beside or below")
    }
}

/// What a broadcaster says of itself, and what becomes of its recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BroadcasterDetails {
    /// Markdown.
    pub description: String,
    /// An external page with the live: `https://…`.
    pub tool_url: Option<String>,
    /// Where that page stands.
    pub tool_place: ToolPlace,
    /// What becomes of its recordings.
    pub recordings: Recordings,
    /// Whose they are when they are kept.
    pub owner: Option<PersonId>,
}

/// What to change; `None` leaves as is, the inner `None` empties.
#[derive(Clone, Debug, Default)]
pub struct BroadcasterDetailsChange {
    /// At most 10,000 characters.
    pub description: Option<String>,
    /// See [`Broadcaster::credits`](super::broadcaster::Broadcaster::credits).
    pub credits: CreditsChange,
    /// `https://`, at most 2,000 bytes, without credentials.
    pub tool_url: Option<Option<String>>,
    /// See [`BroadcasterDetails::tool_place`].
    pub tool_place: Option<ToolPlace>,
    /// See [`BroadcasterDetails::recordings`]; for what is recorded from now on.
    pub recordings: Option<Recordings>,
    /// See [`BroadcasterDetails::owner`]; for what is recorded from now on.
    pub owner: Option<Option<PersonId>>,
}

/// Of a tool's address, in bytes.
const MAX_TOOL_URL: usize = 2_000;

fn tool_url(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let bad = |b: u8| !b.is_ascii_graphic() || b"\"'<>\\`".contains(&b);
    if host.is_empty() || host.contains('@') || text.len() > MAX_TOOL_URL || text.bytes().any(bad) {
        return Err(Error::invalid("tool_url", "must look like https://HOST/PATH"));
    }
    Ok(text.to_owned())
}

impl Catalogue {
    /// What a broadcaster says of itself; `None`: there is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn broadcaster_details(&self, id: &BroadcasterId) -> Result<Option<BroadcasterDetails>, Error> {
        let statement = self
            .statement(
                "SELECT description, tool_url, tool_place, recordings, owner_id FROM broadcasters \
                 WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL",
            )
            .bind(id.as_str());
        let Some(row) = self.database.row(statement).await? else { return Ok(None) };
        Ok(Some(BroadcasterDetails {
            description: row.text("description")?,
            tool_url: row.maybe_text("tool_url")?,
            tool_place: row.text("tool_place")?.parse().unwrap_or_default(),
            // By a rule of a later version they are nobody's: the insertion asks for 'kept'.
            recordings: row.text("recordings")?.parse().unwrap_or_default(),
            owner: row.maybe_text("owner_id")?.and_then(|id| id.parse().ok()),
        }))
    }

    /// Changes what a broadcaster says of itself and answers what it is now. What was recorded keeps what it has.
    ///
    /// # Errors
    /// `NotFound` for it or the owner; `Invalid`, `Database`.
    pub async fn change_broadcaster_details(
        &self,
        id: &BroadcasterId,
        change: BroadcasterDetailsChange,
    ) -> Result<BroadcasterDetails, Error> {
        let mut statement = self.statement("UPDATE broadcasters SET tenant_id = $1");
        if let Some(text) = &change.description {
            statement = statement.push_bind(", description = ", details::markdown("description", text)?);
        }
        if let Some(url) = &change.tool_url {
            statement = statement.push_bind(", tool_url = ", url.as_deref().map(tool_url).transpose()?);
        }
        if let Some(place) = change.tool_place {
            statement = statement.push_bind(", tool_place = ", place.name());
        }
        if let Some(rule) = change.recordings {
            statement = statement.push_bind(", recordings = ", rule.name());
        }
        if let Some(owner) = &change.owner {
            if let Some(owner) = owner {
                self.person(owner).await?.ok_or(Error::NotFound("person"))?;
            }
            statement = statement.push_bind(", owner_id = ", owner.as_ref().map(ToString::to_string));
        }
        let statement = change.credits.push(statement)?;
        let statement = statement.push_bind(" WHERE tenant_id = $1 AND deleted_ms IS NULL AND id = ", id.as_str());
        if self.database.execute(statement).await? == 0 {
            return Err(Error::NotFound("broadcaster"));
        }
        self.broadcaster_details(id).await?.ok_or(Error::NotFound("broadcaster"))
    }

    /// Recordings that wait for who says that they are theirs, newest first. Whom one is shown to is the policy's to say.
    ///
    /// # Errors
    /// `Database`.
    pub async fn videos_to_claim(&self, limit: usize) -> Result<Page<Video>, Error> {
        self.videos_of(VideoFilter { broadcaster: None, listed_only: false, limit, cursor: None }, Whose::Nobody).await
    }

    /// How many recordings a broadcaster has that are not deleted.
    ///
    /// # Errors
    /// `Database`.
    pub async fn recordings_of(&self, id: &BroadcasterId) -> Result<u64, Error> {
        let statement = self.statement(
            "SELECT COUNT(*) AS videos FROM videos \
             WHERE tenant_id = $1 AND broadcaster_id = $2 AND deleted_ms IS NULL",
        );
        match self.database.row(statement.bind(id.as_str())).await? {
            Some(row) => row.unsigned("videos"),
            None => Ok(0),
        }
    }

    /// A person's own videos, newest first; with `deleted`, those that were deleted softly instead.
    ///
    /// # Errors
    /// `Database`.
    pub async fn videos_owned(
        &self,
        person: &PersonId,
        deleted: bool,
        filter: VideoFilter,
    ) -> Result<Page<Video>, Error> {
        self.videos_of(filter, Whose::Person { id: person.as_str(), deleted }).await
    }

    /// It is this person's from now on, and does not wait any more.
    ///
    /// # Errors
    /// `NotFound` for the video or the person; `Conflict`: it does not wait to be claimed, or is still being recorded; `Database`.
    pub async fn claim_video(&self, id: &VideoId, person: &PersonId) -> Result<(), Error> {
        let taken = self
            .statement(
                "UPDATE videos SET claimable = FALSE \
                 WHERE tenant_id = $1 AND id = $2 AND claimable AND deleted_ms IS NULL AND state <> 'live'",
            )
            .bind(id.as_str());
        let owned = self
            .statement(
                "INSERT INTO video_owners (tenant_id, video_id, person_id) \
                 SELECT tenant_id, $2, id FROM people WHERE tenant_id = $1 AND id = $3 AND disabled_ms IS NULL",
            )
            .bind(id.as_str())
            .bind(person.as_str());
        let mut tx = self.database.begin().await?;
        if tx.execute(taken).await? == 0 {
            drop(tx);
            return Err(match self.video(id).await? {
                Some(_) => Error::Conflict("the recording does not wait for an owner (any more)"),
                None => Error::NotFound("video"),
            });
        }
        if tx.execute(owned).await? == 0 {
            return Err(Error::NotFound("person"));
        }
        tx.commit().await
    }

    /// It is nobody's again, and waits for whose it is.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while it is being recorded; `Database`.
    pub async fn give_back_video(&self, id: &VideoId) -> Result<(), Error> {
        let waits = self
            .statement(
                "UPDATE videos SET claimable = TRUE \
                 WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL AND state <> 'live'",
            )
            .bind(id.as_str());
        let nobodys =
            self.statement("DELETE FROM video_owners WHERE tenant_id = $1 AND video_id = $2").bind(id.as_str());
        let mut tx = self.database.begin().await?;
        if tx.execute(waits).await? == 0 {
            drop(tx);
            return Err(match self.video(id).await? {
                Some(_) => Error::Conflict("the recording goes on: it is given back when the live has ended"),
                None => Error::NotFound("video"),
            });
        }
        tx.execute(nobodys).await?;
        tx.commit().await
    }
}

/// Whose videos.
pub(super) enum Whose<'a> {
    /// That wait for an owner.
    Nobody,
    /// A person's.
    Person {
        id: &'a str,
        /// Those that were deleted instead of those that were not.
        deleted: bool,
    },
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_tools_address_is_a_plain_https_one() {
        for good in ["https://chat.example.org/room?layout=embedded", "https://h", " https://h:8443/#a "] {
            assert_eq!(tool_url(good).unwrap(), good.trim());
        }
        let long = format!("https://h/{}", "x".repeat(MAX_TOOL_URL));
        for bad in [
            "",
            "https://",
            "http://h",
            "javascript:alert(1)",
            "https://u:p@h/",
            "https://h/\"x",
            "https://h/a b",
            &long,
        ] {
            assert!(tool_url(bad).is_err(), "{bad}");
        }
    }
}
