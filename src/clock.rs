//! The system's clock, for the edges of the server only: everything inside is told what time it is.

use jiff::Timestamp;
use media::time::WallTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now. Before 1970 it is 1970.
#[must_use]
pub fn now() -> WallTime {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    WallTime::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// RFC 3339 in UTC with milliseconds, such as `2026-11-23T08:30:00.000Z`. Saturates where the year would not be printable.
#[must_use]
pub fn rfc3339(time: WallTime) -> String {
    let at = Timestamp::from_millisecond(time.millis()).unwrap_or_default();
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(WallTime::from_micros(1_790_000_000_120_999)), "2026-09-21T14:13:20.120Z");
        assert_eq!(rfc3339(WallTime::from_micros(0)), "1970-01-01T00:00:00.000Z");
        assert!(rfc3339(WallTime::from_micros(i64::MAX)).ends_with('Z'));
    }
}
