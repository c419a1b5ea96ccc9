//! Videos: the kept spans of timelines.

use super::access::among;
use super::database::Row;
use super::details::Cut;
use super::id::{BroadcasterId, VideoId};
use super::job::JobKind;
use super::recordings::Whose;
use super::slug::{self, Slug};
use super::statement::{Statement, int};
use super::{Catalogue, Error};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use media::time::WallTime;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A video as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// Names it for ever, in URLs and as the folder of its media.
    pub id: VideoId,
    /// Whose timeline it is a span of.
    pub broadcaster_id: BroadcasterId,
    /// That broadcaster's slug.
    pub broadcaster: Slug,
    /// What people call it.
    pub title: String,
    /// From the title; decorates its URL.
    pub slug: Slug,
    /// Being recorded, or complete.
    pub state: VideoState,
    /// Appears in lists.
    pub listed: bool,
    /// When its first picture or sound was taken.
    pub started_at: WallTime,
    /// When its last one was; `None` while live.
    pub ended_at: Option<WallTime>,
    /// Of what can be played; `None` while live.
    pub duration: Option<Duration>,
    /// Media sequence number of its first segment on the broadcaster's timeline.
    pub first_msn: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE` of its first segment.
    pub first_discontinuity: u64,
    /// When its poster and storyboard were made; `None`: there are none (yet).
    pub pictured_at: Option<WallTime>,
    /// Which part of it is shown.
    pub cut: Cut,
}

impl Video {
    /// How long what is shown of it lasts; `None` while live.
    #[must_use]
    pub fn shown(&self) -> Option<Duration> {
        let duration = self.duration?;
        Some(self.cut.end.unwrap_or(duration).saturating_sub(self.cut.start.unwrap_or_default()))
    }

    /// The same in milliseconds.
    #[must_use]
    pub fn shown_ms(&self) -> Option<u64> {
        self.shown().map(|shown| u64::try_from(shown.as_millis()).unwrap_or(u64::MAX))
    }

    /// `/videos/<id>-<slug>`.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("/videos/{}-{}", self.id, self.slug)
    }

    /// `/videos/<id>/master.m3u8`.
    #[must_use]
    pub fn hls_url(&self) -> String {
        format!("/videos/{}/master.m3u8", self.id)
    }

    /// `/videos/<id>/poster.jpg`, once there is one.
    #[must_use]
    pub fn poster_url(&self) -> Option<String> {
        self.pictured_at.map(|_| format!("/videos/{}/poster.jpg", self.id))
    }

    /// `/videos/<id>/storyboard.vtt`, once there is one.
    #[must_use]
    pub fn storyboard_url(&self) -> Option<String> {
        self.pictured_at.map(|_| format!("/videos/{}/storyboard.vtt", self.id))
    }
}

/// Where a video stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoState {
    /// Being recorded.
    Live,
    /// Complete.
    Ended,
}

impl VideoState {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }
}

impl FromStr for VideoState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "live" => Ok(Self::Live),
            "ended" => Ok(Self::Ended),
            _ => Err("it is a state of a later version"),
        }
    }
}

/// A recording begins.
#[derive(Clone, Debug)]
pub struct NewVideo {
    /// Whose timeline.
    pub broadcaster_id: BroadcasterId,
    /// 1 to 200 characters; `None`: `<broadcaster's title>, <date in UTC>`.
    pub title: Option<String>,
    /// See [`Video::started_at`].
    pub started_at: WallTime,
    /// See [`Video::first_msn`].
    pub first_msn: u64,
    /// See [`Video::first_discontinuity`].
    pub first_discontinuity: u64,
}

/// For whom a list of videos is.
#[derive(Clone, Copy, Debug)]
pub enum Readers<'a> {
    /// Who may see all of them.
    All,
    /// Anybody.
    Anybody,
    /// The person with this id.
    Person(&'a str),
}

/// A recording is complete.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// See [`Video::ended_at`].
    pub ended_at: WallTime,
    /// See [`Video::duration`]; kept to the millisecond.
    pub duration: Duration,
    /// See [`Video::listed`].
    pub listed: bool,
    /// Its renditions are to be brought to what is configured, in the background.
    pub ladder: bool,
    /// Where the broadcaster's next live begins; a lower number than what is stored is ignored.
    pub next_msn: u64,
    /// The same for discontinuities.
    pub next_discontinuity: u64,
}

/// What to change; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct VideoChange {
    /// 1 to 200 characters; its slug follows.
    pub title: Option<String>,
    /// See [`Video::listed`].
    pub listed: Option<bool>,
}

impl VideoChange {
    /// Adds what it sets to an `UPDATE videos SET …`.
    pub(super) fn pushed(self, mut statement: Statement) -> Result<Statement, Error> {
        if let Some(title) = self.title {
            let title = slug::title("title", &title)?;
            let slug = slug_of(&title);
            statement = statement.push_bind(", title = ", title).push_bind(", slug = ", slug);
        }
        if let Some(listed) = self.listed {
            statement = statement.push_bind(", listed = ", listed);
        }
        Ok(statement)
    }
}

/// Which videos.
#[derive(Clone, Debug)]
pub struct VideoFilter {
    /// Only this broadcaster's.
    pub broadcaster: Option<BroadcasterId>,
    /// Only complete ones that appear in lists; otherwise also those being recorded and the unlisted.
    pub listed_only: bool,
    /// How many at most; 1 to [`MAX_PAGE`], others are brought there.
    pub limit: usize,
    /// What [`Page::next`] said.
    pub cursor: Option<Cursor>,
}

/// More on a page makes no reader happier.
pub const MAX_PAGE: usize = 200;

/// Where the next page begins: after this video. Opaque in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) started_ms: i64,
    pub(super) id: VideoId,
}

impl Cursor {
    /// Behind it comes the newest of the videos that began at `at` or before.
    #[must_use]
    pub fn at(at: WallTime) -> Option<Self> {
        // Before the least id of the next millisecond.
        "2222222222222222".parse().ok().map(|id| Self { started_ms: at.millis() + 1, id })
    }
}

/// Not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be what `next` said")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.started_ms, self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (started_ms, id) = text.split_once('.').ok_or(NotACursor)?;
        Ok(Self { started_ms: started_ms.parse().map_err(|_| NotACursor)?, id: id.parse().map_err(|_| NotACursor)? })
    }
}

/// Some of many.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

const SELECT: &str = "SELECT v.id, v.broadcaster_id, b.slug AS broadcaster, v.title, v.slug, v.state, v.listed, \
     v.started_ms, v.ended_ms, v.duration_ms, v.first_msn, v.first_discontinuity, v.pictured_ms, v.cut_start_ms, v.cut_end_ms FROM videos v \
     JOIN broadcasters b ON b.tenant_id = v.tenant_id AND b.id = v.broadcaster_id \
     WHERE v.tenant_id = $1 AND v.deleted_ms IS NULL";

const SELECT_DELETED: &str = "SELECT v.id, v.broadcaster_id, b.slug AS broadcaster, v.title, v.slug, v.state, v.listed, \
     v.started_ms, v.ended_ms, v.duration_ms, v.first_msn, v.first_discontinuity, v.pictured_ms, v.cut_start_ms, v.cut_end_ms FROM videos v \
     JOIN broadcasters b ON b.tenant_id = v.tenant_id AND b.id = v.broadcaster_id \
     WHERE v.tenant_id = $1 AND v.deleted_ms IS NOT NULL";

pub(super) fn model(row: &Row) -> Result<Video, Error> {
    Ok(Video {
        id: row.parsed("id")?,
        broadcaster_id: row.parsed("broadcaster_id")?,
        broadcaster: row.parsed("broadcaster")?,
        title: row.text("title")?,
        slug: row.parsed("slug")?,
        state: row.parsed("state")?,
        listed: row.flag("listed")?,
        started_at: row.time("started_ms")?,
        ended_at: row.maybe_time("ended_ms")?,
        duration: row.maybe_duration("duration_ms")?,
        first_msn: row.unsigned("first_msn")?,
        first_discontinuity: row.unsigned("first_discontinuity")?,
        pictured_at: row.maybe_time("pictured_ms")?,
        cut: Cut::of(row)?,
    })
}

/// A page of what was read with one more than `limit`, which tells whether there is a next page.
pub(super) fn page_of(mut items: Vec<Video>, limit: usize) -> Page<Video> {
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    let next = last.map(|video| Cursor { started_ms: video.started_at.millis(), id: video.id.clone() });
    Page { items, next }
}

/// The slug of a title that may hold nothing that fits into one ("???").
fn slug_of(title: &str) -> String {
    Slug::from_title(title).map_or_else(|| "video".to_owned(), |slug| slug.to_string())
}

/// `<broadcaster's title>, <date>`, the date in UTC; the broadcaster's title gives way when both are too long.
fn default_title(broadcaster: &str, started_at: WallTime) -> String {
    let date = Timestamp::from_millisecond(started_at.millis()).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    let room = broadcaster.chars().take(180).collect::<String>();
    format!("{room}, {date}")
}

impl Catalogue {
    /// A recording begins: a video that is live and not listed yet, for whom its broadcaster is now, with its speakers and licence, and whose its
    /// rule says.
    ///
    /// # Errors
    /// `NotFound` without such a broadcaster, `Invalid`, `Database`.
    pub async fn begin_video(&self, new: NewVideo) -> Result<Video, Error> {
        let broadcaster = self.broadcaster(&new.broadcaster_id).await?.ok_or(Error::NotFound("broadcaster"))?;
        let title = match &new.title {
            Some(title) => slug::title("title", title)?,
            None => default_title(&broadcaster.title, new.started_at),
        };
        let id = VideoId::random()?;
        let statement = self
            .statement(
                "INSERT INTO videos (tenant_id, id, broadcaster_id, title, slug, state, listed, created_ms, started_ms, \
                 first_msn, first_discontinuity, visibility, password_hash, password_version, claimable) \
                 SELECT tenant_id, $2, id, $4, $5, 'live', FALSE, $6, $6, $7, $8, visibility, password_hash, \
                 password_version, recordings = 'to_claim' \
                 FROM broadcasters WHERE tenant_id = $1 AND id = $3",
            )
            .bind(id.as_str())
            .bind(broadcaster.id.as_str())
            .bind(title.as_str())
            .bind(slug_of(&title))
            .bind(new.started_at.millis())
            .bind(int("first_msn", new.first_msn)?)
            .bind(int("first_discontinuity", new.first_discontinuity)?);
        let audience = self
            .statement(
                "INSERT INTO audiences (tenant_id, object_id, part, value) \
                 SELECT tenant_id, $2, part, value FROM audiences WHERE tenant_id = $1 AND object_id = $3",
            )
            .bind(id.as_str())
            .bind(broadcaster.id.as_str());
        let owner = self
            .statement(
                "INSERT INTO video_owners (tenant_id, video_id, person_id) \
                 SELECT p.tenant_id, $2, p.id FROM broadcasters b JOIN people p ON p.tenant_id = b.tenant_id AND p.id = b.owner_id \
                 WHERE b.tenant_id = $1 AND b.id = $3 AND b.recordings = 'kept'",
            )
            .bind(id.as_str())
            .bind(broadcaster.id.as_str());
        let mut tx = self.database.begin().await?;
        tx.execute(statement).await?;
        tx.execute(audience).await?;
        tx.execute(owner).await?;
        self.take_over_credits(&mut tx, &broadcaster.id, &id).await?;
        tx.commit().await?;
        self.video(&id).await?.ok_or(Error::NotFound("video"))
    }

    /// A recording is complete, its broadcaster's timeline goes on after it, and what is to be made of it is queued: all or nothing. May be
    /// called again with better figures (after a crash, say); the timeline never goes back.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Database`.
    pub async fn finish_video(&self, id: &VideoId, finished: Finished) -> Result<Video, Error> {
        let duration_ms = int("duration_ms", u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX))?;
        let raised = self
            .raised((finished.next_msn, finished.next_discontinuity))?
            .push_bind(" AND id = (SELECT broadcaster_id FROM videos WHERE tenant_id = $1 AND id = ", id.as_str())
            .push(")");
        let told = self.video_state(id).await?.is_some_and(|state| !state.owners.is_empty() || state.claimable);
        let mut tx = self.database.begin().await?;
        let found = tx
            .execute(
                self.statement(
                    "UPDATE videos SET state = 'ended', ended_ms = $3, duration_ms = $4, listed = $5 \
                     WHERE tenant_id = $1 AND id = $2",
                )
                .bind(id.as_str())
                .bind(finished.ended_at.millis())
                .bind(duration_ms)
                .bind(finished.listed),
            )
            .await?;
        if found == 0 {
            return Err(Error::NotFound("video"));
        }
        tx.execute(raised).await?;
        self.add_job_in(&mut tx, JobKind::Storyboard, id, finished.ended_at).await?;
        if finished.ladder {
            self.add_job_in(&mut tx, JobKind::Ladder, id, finished.ended_at).await?;
        }
        // What is too short to be listed is no news.
        if finished.listed && told {
            self.add_job_in(&mut tx, JobKind::Notice, id, finished.ended_at).await?;
        }
        tx.commit().await?;
        self.changes.video(&self.tenant, id);
        self.video(id).await?.ok_or(Error::NotFound("video"))
    }

    /// Its poster and storyboard are there (again).
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn video_pictured(&self, id: &VideoId, now: WallTime) -> Result<(), Error> {
        let statement = self
            .statement("UPDATE videos SET pictured_ms = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(id.as_str())
            .bind(now.millis());
        match self.database.execute(statement).await? {
            0 => Err(Error::NotFound("video")),
            _ => Ok(()),
        }
    }

    /// Those whose recording was never said to be complete, oldest first: at start-up, what a crash left.
    ///
    /// # Errors
    /// `Database`.
    pub async fn unfinished_videos(&self) -> Result<Vec<Video>, Error> {
        let statement = self.statement(SELECT).push(" AND v.state = 'live' ORDER BY v.started_ms, v.id");
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// All there are, those that were deleted softly too: whose media must be on the disk. Oldest first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn all_videos(&self) -> Result<Vec<(VideoId, VideoState)>, Error> {
        let statement = self.statement("SELECT id, state FROM videos WHERE tenant_id = $1 ORDER BY started_ms, id");
        let rows = self.database.rows(statement).await?;
        rows.iter().map(|row| Ok((row.parsed("id")?, row.parsed("state")?))).collect()
    }

    /// The one with this id, unless deleted.
    ///
    /// # Errors
    /// `Database`.
    pub async fn video(&self, id: &VideoId) -> Result<Option<Video>, Error> {
        let statement = self.statement(SELECT).push_bind(" AND v.id = ", id.as_str());
        self.database.row(statement).await?.as_ref().map(model).transpose()
    }

    /// Newest first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn videos(&self, filter: VideoFilter) -> Result<Page<Video>, Error> {
        self.videos_for(filter, Readers::All).await
    }

    /// Those that may be for somebody, newest first. The policy has the last word: this only spares it to look at all.
    ///
    /// # Errors
    /// `Database`.
    pub async fn videos_for(&self, filter: VideoFilter, readers: Readers<'_>) -> Result<Page<Video>, Error> {
        self.page(filter, self.for_readers(readers)).await
    }

    pub(super) fn for_readers(&self, readers: Readers<'_>) -> Statement {
        self.whose_visibility(readers, "v.visibility")
    }

    /// Those of these that are complete and may be for somebody. Without statistics SQLite would go through all that are public, or complete,
    /// rather than look up the few that are named: what is no column has no index.
    pub(super) fn complete_among(&self, ids: &[VideoId], readers: Readers<'_>) -> Statement {
        let statement = self.whose_visibility(readers, "COALESCE(v.visibility, '')");
        let statement = statement.push(" AND COALESCE(v.state, '') = 'ended'");
        among(statement, " AND v.id", ids.iter().map(VideoId::as_str))
    }

    fn whose_visibility(&self, readers: Readers<'_>, visibility: &'static str) -> Statement {
        match readers {
            Readers::All => self.statement(SELECT),
            Readers::Anybody => self.statement(SELECT).push(" AND ").push(visibility).push(" = 'public'"),
            Readers::Person(id) => self
                .statement(SELECT)
                .push(" AND (")
                .push(visibility)
                .push(" IN ('public', 'signed_in') OR v.id IN (SELECT o.video_id FROM video_owners o ")
                .push_bind("WHERE o.tenant_id = $1 AND o.person_id = ", id)
                .push(") OR (v.visibility = 'groups' AND EXISTS (SELECT 1 FROM audiences a WHERE a.tenant_id = $1 ")
                .push("AND a.object_id = v.id AND ((a.part = 'group' AND a.value IN (SELECT m.group_id FROM memberships m ")
                .push_bind("WHERE m.tenant_id = $1 AND m.person_id = ", id)
                .push(")) OR (a.part = 'affiliation' AND a.value IN (SELECT f.affiliation FROM affiliations f ")
                .push_bind("WHERE f.tenant_id = $1 AND f.person_id = ", id)
                .push("))))))"),
        }
    }

    /// Those of these that are complete, appear in lists, and may be for somebody; in no order.
    ///
    /// # Errors
    /// `Database`.
    pub async fn listed_among(&self, ids: &[VideoId], readers: Readers<'_>) -> Result<Vec<Video>, Error> {
        let statement = self.complete_among(ids, readers).push(" AND v.listed = TRUE");
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// Those that are one person's, or wait for an owner, newest first.
    pub(super) async fn videos_of(&self, filter: VideoFilter, whose: Whose<'_>) -> Result<Page<Video>, Error> {
        let statement = match whose {
            Whose::Nobody => self.statement(SELECT).push(" AND v.claimable AND v.state = 'ended'"),
            Whose::Person { id, deleted } => self
                .statement(if deleted { SELECT_DELETED } else { SELECT })
                .push(" AND v.id IN (SELECT o.video_id FROM video_owners o ")
                .push_bind("WHERE o.tenant_id = $1 AND o.person_id = ", id)
                .push(")"),
        };
        self.page(filter, statement).await
    }

    async fn page(&self, filter: VideoFilter, mut statement: Statement) -> Result<Page<Video>, Error> {
        if let Some(broadcaster) = &filter.broadcaster {
            statement = statement.push_bind(" AND v.broadcaster_id = ", broadcaster.as_str());
        }
        if filter.listed_only {
            statement = statement.push(" AND v.state = 'ended' AND v.listed = TRUE");
        }
        if let Some(after) = &filter.cursor {
            statement = statement
                .push_bind(" AND (v.started_ms, v.id) < (", after.started_ms)
                .push_bind(", ", after.id.as_str())
                .push(")");
        }
        let limit = filter.limit.clamp(1, MAX_PAGE);
        // One more than asked tells whether there is a next page.
        let statement = statement
            .push(" ORDER BY v.started_ms DESC, v.id DESC")
            .push_bind(" LIMIT ", i64::try_from(limit + 1).unwrap_or(i64::MAX));
        let items = self.database.rows(statement).await?.iter().map(model).collect::<Result<_, _>>()?;
        Ok(page_of(items, limit))
    }

    /// Deletes it softly: its media stays until somebody purges it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while it is being recorded; `Database`.
    pub async fn delete_video(&self, id: &VideoId, now: WallTime) -> Result<(), Error> {
        let statement = self
            .statement(
                "UPDATE videos SET deleted_ms = $3 \
                 WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL AND state <> 'live'",
            )
            .bind(id.as_str())
            .bind(now.millis());
        if self.database.execute(statement).await? > 0 {
            self.changes.video(&self.tenant, id);
            return Ok(());
        }
        match self.video(id).await? {
            Some(_) => Err(Error::Conflict("the video is still being recorded: end the live first")),
            None => Err(Error::NotFound("video")),
        }
    }

    /// Takes a deletion back. Restoring what is not deleted changes nothing.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn restore_video(&self, id: &VideoId) -> Result<Video, Error> {
        let statement = self
            .statement(
                "UPDATE videos SET deleted_ms = NULL WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NOT NULL",
            )
            .bind(id.as_str());
        let was_deleted = self.database.execute(statement).await? > 0;
        if was_deleted {
            self.changes.video(&self.tenant, id);
        }
        let video = self.video(id).await?.ok_or(Error::NotFound("video"))?;
        if let Some(ended_at) = video.ended_at.filter(|_| was_deleted) {
            // Its jobs may have found it deleted. A ladder that lacks nothing is done at once.
            if video.pictured_at.is_none() {
                self.add_job(JobKind::Storyboard, id, ended_at).await?;
            }
            self.add_job(JobKind::Ladder, id, ended_at).await?;
        }
        Ok(video)
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_default_title_is_the_room_and_the_day() {
        let at = WallTime::from_micros(1_790_000_000_000_000);
        assert_eq!(default_title("Amphi 3", at), "Amphi 3, 2026-09-21");
        assert!(slug::title("title", &default_title(&"é".repeat(200), at)).is_ok());
        assert_eq!(slug_of("?!"), "video");
    }

    #[test]
    fn a_cursor_survives_text() {
        let cursor = Cursor { started_ms: -5, id: VideoId::random().unwrap() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", ".", "1.", "1.short", "x.aaaaaaaaaaaaaaaa", "99999999999999999999.aaaaaaaaaaaaaaaa"] {
            assert_eq!(bad.parse::<Cursor>(), Err(NotACursor), "{bad}");
        }
    }
}
