//! Broadcasters: the named, permanent places that can be on air.

use super::captions::{CaptionChange, CaptionSettings};
use super::credits::{Credits, CreditsChange};
use super::database::Row;
use super::id::BroadcasterId;
use super::rtsp_url::RtspUrl;
use super::slug::{self, Slug};
use super::statement::{Statement, int};
use super::{Catalogue, Error, taken};
use crate::policy::state::Visibility;
use media::time::WallTime;
use std::str::FromStr;
use std::time::Duration;

/// A broadcaster as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcaster {
    /// Names it for ever.
    pub id: BroadcasterId,
    /// Names it in URLs; unique among those that are not removed; never changes.
    pub slug: Slug,
    /// What people call it.
    pub title: String,
    /// Pulled from there when set.
    pub rtsp_url: Option<RtspUrl>,
    /// How RTP travels when pulled.
    pub rtsp_transport: RtspTransport,
    /// How long its timeline waits for its contribution to return; `None`: the setting `live.grace`.
    pub grace: Option<Duration>,
    /// The name of the preset of its renditions; `None`: the setting `renditions.preset`.
    pub preset: Option<String>,
    /// What its lives are captioned with.
    pub captions: CaptionSettings,
    /// Who is heard in its lives, and what others may do with them.
    pub credits: Credits,
    /// When its lives are recorded.
    pub record_start: RecordStart,
    /// What an operator has said of the live that is on air: whether it is recorded.
    pub record_now: Option<bool>,
    /// Since when it exists.
    pub created_at: WallTime,
    /// Media sequence number at which its next live begins at the earliest.
    pub next_msn: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE` at which its next live begins at the earliest.
    pub next_discontinuity: u64,
}

/// How RTP travels when pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RtspTransport {
    /// Interleaved in the RTSP connection: passes firewalls and loses nothing.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

impl RtspTransport {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl FromStr for RtspTransport {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            _ => Err("must be tcp or udp"),
        }
    }
}

impl Broadcaster {
    /// Whether a live that begins now is recorded.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.record_now.unwrap_or(self.record_start == RecordStart::Automatic)
    }
}

/// When lives are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RecordStart {
    /// From their beginning.
    #[default]
    Automatic,
    /// When an operator says so.
    ByHand,
}

impl RecordStart {
    /// As the API and the catalogue call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::ByHand => "by_hand",
        }
    }
}

impl FromStr for RecordStart {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "automatic" => Ok(Self::Automatic),
            "by_hand" => Ok(Self::ByHand),
            _ => Err("must be automatic or by_hand"),
        }
    }
}

/// What a new broadcaster needs.
#[derive(Clone, Debug)]
pub struct NewBroadcaster {
    /// See [`Broadcaster::slug`].
    pub slug: Slug,
    /// 1 to 200 characters.
    pub title: String,
    /// See [`Broadcaster::rtsp_url`].
    pub rtsp_url: Option<RtspUrl>,
    /// See [`Broadcaster::rtsp_transport`].
    pub rtsp_transport: RtspTransport,
    /// See [`Broadcaster::grace`]; at most a day.
    pub grace: Option<Duration>,
    /// See [`Broadcaster::preset`].
    pub preset: Option<String>,
    /// Whom its lives are for, and what is recorded of them.
    pub visibility: Visibility,
    /// See [`Broadcaster::captions`].
    pub captions: CaptionSettings,
    /// See [`Broadcaster::credits`].
    pub credits: Credits,
    /// See [`Broadcaster::record_start`].
    pub record_start: RecordStart,
}

impl NewBroadcaster {
    /// One that waits for a publisher, for everybody.
    #[must_use]
    pub fn new(slug: Slug, title: impl Into<String>) -> Self {
        Self {
            slug,
            title: title.into(),
            rtsp_url: None,
            rtsp_transport: RtspTransport::default(),
            grace: None,
            preset: None,
            visibility: Visibility::Public,
            captions: CaptionSettings::default(),
            credits: Credits::default(),
            record_start: RecordStart::default(),
        }
    }
}

/// What to change; `None` leaves as is, the inner `None` empties.
#[derive(Clone, Debug, Default)]
pub struct BroadcasterChange {
    /// 1 to 200 characters.
    pub title: Option<String>,
    /// See [`Broadcaster::rtsp_url`].
    pub rtsp_url: Option<Option<RtspUrl>>,
    /// See [`Broadcaster::rtsp_transport`].
    pub rtsp_transport: Option<RtspTransport>,
    /// See [`Broadcaster::grace`]; at most a day.
    pub grace: Option<Option<Duration>>,
    /// See [`Broadcaster::preset`].
    pub preset: Option<Option<String>>,
    /// See [`Broadcaster::captions`].
    pub captions: CaptionChange,
    /// See [`Broadcaster::credits`].
    pub credits: CreditsChange,
    /// See [`Broadcaster::record_start`]; from its next live on.
    pub record_start: Option<RecordStart>,
}

/// A timeline that waits for longer holds memory for nobody.
const MAX_GRACE: Duration = Duration::from_secs(24 * 3_600);

const SELECT: &str = "SELECT id, slug, title, rtsp_url, rtsp_transport, grace_ms, preset, \
     caption_languages, vocabulary, vocabulary_exclusive, speakers, licence, record_start, record_now, created_ms, next_msn, next_discontinuity FROM broadcasters \
     WHERE tenant_id = $1 AND deleted_ms IS NULL";

fn model(row: &Row) -> Result<Broadcaster, Error> {
    Ok(Broadcaster {
        id: row.parsed("id")?,
        slug: row.parsed("slug")?,
        title: row.text("title")?,
        rtsp_url: match row.maybe_text("rtsp_url")? {
            Some(url) => {
                Some(url.parse().map_err(|_| Error::Unreadable {
                    column: "rtsp_url",
                    reason: "it is not an RTSP URL".to_owned(),
                })?)
            }
            None => None,
        },
        rtsp_transport: row.parsed("rtsp_transport")?,
        grace: row.maybe_duration("grace_ms")?,
        preset: row.maybe_text("preset")?,
        captions: CaptionSettings::of(row)?,
        credits: Credits::of(row)?,
        record_start: row.parsed("record_start")?,
        record_now: row.maybe_text("record_now")?.map(|now| now == "on"),
        created_at: row.time("created_ms")?,
        next_msn: row.unsigned("next_msn")?,
        next_discontinuity: row.unsigned("next_discontinuity")?,
    })
}

fn url_text(url: Option<&RtspUrl>) -> Option<String> {
    url.map(|url| url.reveal().to_string())
}

fn grace_ms(grace: Option<Duration>) -> Result<Option<i64>, Error> {
    match grace {
        None => Ok(None),
        Some(grace) if grace <= MAX_GRACE => {
            int("grace_ms", u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)).map(Some)
        }
        Some(_) => Err(Error::invalid("grace_ms", "must be at most a day")),
    }
}

impl Catalogue {
    /// All that are not removed, by slug.
    ///
    /// # Errors
    /// `Database`.
    pub async fn broadcasters(&self) -> Result<Vec<Broadcaster>, Error> {
        self.database.rows(self.statement(SELECT).push(" ORDER BY slug")).await?.iter().map(model).collect()
    }

    /// The one in URLs.
    ///
    /// # Errors
    /// `Database`.
    pub async fn broadcaster_by_slug(&self, slug: &Slug) -> Result<Option<Broadcaster>, Error> {
        self.one(self.statement(SELECT).push_bind(" AND slug = ", slug.as_str())).await
    }

    /// The one with this id.
    ///
    /// # Errors
    /// `Database`.
    pub async fn broadcaster(&self, id: &BroadcasterId) -> Result<Option<Broadcaster>, Error> {
        self.one(self.statement(SELECT).push_bind(" AND id = ", id.as_str())).await
    }

    async fn one(&self, statement: Statement) -> Result<Option<Broadcaster>, Error> {
        self.database.row(statement).await?.as_ref().map(model).transpose()
    }

    /// A new one. When its slug was a removed one's, its timeline goes on from there.
    ///
    /// # Errors
    /// `Taken("slug")`, `Invalid`, `Database`.
    pub async fn add_broadcaster(&self, new: NewBroadcaster, now: WallTime) -> Result<Broadcaster, Error> {
        let id = BroadcasterId::random()?;
        let statement = self
            .statement(
                "INSERT INTO broadcasters (tenant_id, id, slug, title, rtsp_url, rtsp_transport, grace_ms, preset, \
                 created_ms, visibility, record_start, caption_languages, vocabulary, vocabulary_exclusive, \
                 speakers, licence, open_figures, \
                 next_msn, next_discontinuity) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, TRUE, \
                 COALESCE(MAX(next_msn), 0), COALESCE(MAX(next_discontinuity), 0) \
                 FROM broadcasters WHERE tenant_id = $1 AND slug = $3",
            )
            .bind(id.as_str())
            .bind(new.slug.as_str())
            .bind(slug::title("title", &new.title)?)
            .bind(url_text(new.rtsp_url.as_ref()))
            .bind(new.rtsp_transport.name())
            .bind(grace_ms(new.grace)?)
            .bind(new.preset)
            .bind(now.millis())
            .bind(new.visibility.name())
            .bind(new.record_start.name());
        let statement = new.credits.bind(new.captions.bind(statement)?)?;
        taken(self.database.execute(statement).await, "slug")?;
        self.broadcaster(&id).await?.ok_or(Error::NotFound("broadcaster"))
    }

    /// Changes it and answers what it is now. A live on air goes on with what it began with, but for its captions.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Database`.
    pub async fn update_broadcaster(
        &self,
        id: &BroadcasterId,
        change: BroadcasterChange,
    ) -> Result<Broadcaster, Error> {
        let renamed = change.title.is_some();
        // Setting what is set is harmless and makes every change an UPDATE, which says whether it was found.
        let mut statement = self.statement("UPDATE broadcasters SET tenant_id = $1");
        if let Some(title) = change.title {
            statement = statement.push_bind(", title = ", slug::title("title", &title)?);
        }
        if let Some(url) = change.rtsp_url {
            statement = statement.push_bind(", rtsp_url = ", url_text(url.as_ref()));
        }
        if let Some(transport) = change.rtsp_transport {
            statement = statement.push_bind(", rtsp_transport = ", transport.name());
        }
        if let Some(grace) = change.grace {
            statement = statement.push_bind(", grace_ms = ", grace_ms(grace)?);
        }
        if let Some(preset) = change.preset {
            statement = statement.push_bind(", preset = ", preset);
        }
        if let Some(start) = change.record_start {
            statement = statement.push_bind(", record_start = ", start.name());
        }
        let statement = change.credits.push(change.captions.push(statement)?)?;
        let statement = statement.push_bind(" WHERE tenant_id = $1 AND deleted_ms IS NULL AND id = ", id.as_str());
        if self.database.execute(statement).await? == 0 {
            return Err(Error::NotFound("broadcaster"));
        }
        if renamed {
            self.changes.everything(&self.tenant);
        }
        self.broadcaster(id).await?.ok_or(Error::NotFound("broadcaster"))
    }

    /// An operator has said whether the live that is on air is recorded; `None`: it is over.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn set_record_now(&self, id: &BroadcasterId, record_now: Option<bool>) -> Result<(), Error> {
        let statement = self
            .statement(
                "UPDATE broadcasters SET record_now = $3 WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL",
            )
            .bind(id.as_str())
            .bind(record_now.map(|on| if on { "on" } else { "off" }.to_owned()));
        match self.database.execute(statement).await? {
            0 => Err(Error::NotFound("broadcaster")),
            _ => Ok(()),
        }
    }

    /// Its next live begins at these numbers (segment, discontinuity) at the earliest; they never go back.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Database`.
    pub async fn raise_numbers(&self, id: &BroadcasterId, next: (u64, u64)) -> Result<(), Error> {
        let statement = self.raised(next)?.push_bind(" AND id = ", id.as_str());
        match self.database.execute(statement).await? {
            0 => Err(Error::NotFound("broadcaster")),
            _ => Ok(()),
        }
    }

    /// The same of whichever broadcasters of the tenant the rest of the statement names.
    pub(super) fn raised(&self, (next_msn, next_discontinuity): (u64, u64)) -> Result<Statement, Error> {
        let statement = self.statement(
            "UPDATE broadcasters SET \
             next_msn = CASE WHEN next_msn < $2 THEN $2 ELSE next_msn END, \
             next_discontinuity = CASE WHEN next_discontinuity < $3 THEN $3 ELSE next_discontinuity END \
             WHERE tenant_id = $1",
        );
        Ok(statement.bind(int("next_msn", next_msn)?).bind(int("next_discontinuity", next_discontinuity)?))
    }

    /// Removes it softly, and its keys for good; its videos stay. Its slug is free again.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn remove_broadcaster(&self, id: &BroadcasterId, now: WallTime) -> Result<(), Error> {
        let mut tx = self.database.begin().await?;
        let removed = tx
            .execute(
                self.statement(
                    "UPDATE broadcasters SET deleted_ms = $3 WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL",
                )
                .bind(id.as_str())
                .bind(now.millis()),
            )
            .await?;
        if removed == 0 {
            return Err(Error::NotFound("broadcaster"));
        }
        tx.execute(self.revoke_all(id, now)).await?;
        tx.commit().await
    }

    /// Revokes every key of a broadcaster.
    pub(super) fn revoke_all(&self, id: &BroadcasterId, now: WallTime) -> Statement {
        self.statement(
            "UPDATE stream_keys SET revoked_ms = $3 \
             WHERE tenant_id = $1 AND broadcaster_id = $2 AND revoked_ms IS NULL",
        )
        .bind(id.as_str())
        .bind(now.millis())
    }
}
