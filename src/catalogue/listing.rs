//! Videos as readers narrow and order them: those that are complete and appear in lists, some at a time.
//!
//! **Promises.** A page is read along an index from where the last one ended, however far that is: never by counting what lies before. What
//! narrows is a value, never text of a statement.

use super::details::VideoKind;
use super::id::BroadcasterId;
use super::statement::Statement;
use super::video::{self, Cursor, MAX_PAGE, Page, Readers, Video};
use super::{Catalogue, Error};
use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use media::caption::language::Language;
use media::time::WallTime;

/// Which videos, and in which order. What is `None` narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// What sort of thing they are.
    pub kind: Option<VideoKind>,
    /// Whose timeline they are spans of.
    pub broadcaster: Option<BroadcasterId>,
    /// Of what is said; its regions are meant, too.
    pub language: Option<Language>,
    /// In which they were recorded, in UTC.
    pub year: Option<i16>,
    /// In lower case.
    pub tag: Option<String>,
    /// In which order.
    pub order: Order,
    /// How many at most; 1 to [`MAX_PAGE`], others are brought there.
    pub limit: usize,
    /// What [`Page::next`] said in the same order.
    pub after: Option<Cursor>,
}

/// By the time of the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// First and first-not milliseconds of a year in UTC; `None`: no year that anything was recorded in.
fn year_ms(year: i16) -> Option<(i64, i64)> {
    if !(1_970..=9_000).contains(&year) {
        return None;
    }
    let begin = |year| Some(date(year, 1, 1).to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
    Some((begin(year)?, begin(year + 1)?))
}

/// In UTC.
fn year_of(at: WallTime) -> i16 {
    Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_zoned(TimeZone::UTC).year()
}

impl Catalogue {
    /// Those that may be for somebody. The policy has the last word: this only spares it to look at all.
    ///
    /// # Errors
    /// `Database`.
    pub async fn listed(&self, listing: &Listing, readers: Readers<'_>) -> Result<Page<Video>, Error> {
        let limit = listing.limit.clamp(1, MAX_PAGE);
        let Some(statement) = self.listing(listing, readers) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        // One more than asked tells whether there is a next page.
        let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let rows = self.database.rows(statement.push_bind(" LIMIT ", most)).await?;
        Ok(video::page_of(rows.iter().map(video::model).collect::<Result<_, _>>()?, limit))
    }

    /// Without its end; `None`: nothing can be found.
    pub(super) fn listing(&self, listing: &Listing, readers: Readers<'_>) -> Option<Statement> {
        let mut statement = self.for_readers(readers).push(" AND v.state = 'ended' AND v.listed = TRUE");
        if let Some(kind) = listing.kind {
            statement = statement.push_bind(" AND v.kind = ", kind.name());
        }
        if let Some(broadcaster) = &listing.broadcaster {
            statement = statement.push_bind(" AND v.broadcaster_id = ", broadcaster.as_str());
        }
        if let Some(language) = &listing.language {
            // A tag has no letter that LIKE takes for another.
            let tag = language.tag().to_ascii_lowercase();
            statement = statement
                .push_bind(" AND (lower(v.language) = ", tag.as_str())
                .push_bind(" OR lower(v.language) LIKE ", format!("{tag}-%"))
                .push(")");
        }
        if let Some(tag) = &listing.tag {
            statement = statement
                .push(" AND v.id IN (SELECT t.video_id FROM video_tags t WHERE t.tenant_id = $1")
                .push_bind(" AND t.tag = ", tag.as_str())
                .push(")");
        }
        if let Some(year) = listing.year {
            let (from, to) = year_ms(year)?;
            statement = statement.push_bind(" AND v.started_ms >= ", from).push_bind(" AND v.started_ms < ", to);
        }
        let (before, order) = match listing.order {
            Order::Newest => (" AND (v.started_ms, v.id) < (", " ORDER BY v.started_ms DESC, v.id DESC"),
            Order::Oldest => (" AND (v.started_ms, v.id) > (", " ORDER BY v.started_ms, v.id"),
        };
        if let Some(after) = &listing.after {
            statement = statement.push_bind(before, after.started_ms).push_bind(", ", after.id.as_str()).push(")");
        }
        Some(statement.push(order))
    }

    /// The first and the last year, in UTC, of what may be for somebody; `None`: there is nothing.
    ///
    /// # Errors
    /// `Database`.
    pub async fn years(&self, readers: Readers<'_>) -> Result<Option<(i16, i16)>, Error> {
        let mut years = Vec::with_capacity(2);
        for order in [Order::Oldest, Order::Newest] {
            let one = Listing { order, limit: 1, ..Listing::default() };
            years.extend(self.listed(&one, readers).await?.items.first().map(|video| year_of(video.started_at)));
        }
        Ok(years.first().copied().zip(years.last().copied()))
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_year_ends_where_the_next_begins() {
        let (from, to) = year_ms(2026).unwrap();
        assert_eq!((from, to), (1_767_225_600_000, 1_798_761_600_000));
        assert_eq!(year_ms(2027).unwrap().0, to);
        assert_eq!(year_of(WallTime::from_micros(from * 1_000)), 2026);
        assert_eq!(year_of(WallTime::from_micros((to - 1) * 1_000)), 2026);
        for never in [i16::MIN, 0, 1_969, 9_001, i16::MAX] {
            assert_eq!(year_ms(never), None, "{never}");
        }
    }
}
