//! The rules of LL-HLS, as a pure function from a transcript to the list of breaches.
//!
//! `single` judges one playlist by itself, `sequence` the playlists of one rendition one after the other, `siblings`
//! the renditions against each other, `answers` status codes, blocking and headers. Nothing here reads a clock or a
//! socket: the transcript carries wall times.
//!
//! Sources, as named in the table below: "bis" is draft-pantos-hls-rfc8216bis-22, "authoring" Apple's HLS Authoring
//! Specification, "design" this project's own promise where the standards leave room.

mod answers;
#[cfg(test)]
mod examples;
mod sequence;
mod siblings;
mod single;

pub(crate) use siblings::resolve;

use super::parse::media_playlist;
use super::playlist::MediaPlaylist;
use std::collections::BTreeMap;

/// One request for a playlist and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// When the request was sent, milliseconds since 1970.
    pub asked_ms: i64,
    /// When the whole answer was there, milliseconds since 1970.
    pub received_ms: i64,
    /// Absolute path of the playlist without its query: this names the rendition.
    pub path: String,
    /// Query string without `?`; empty when there was none.
    pub query: String,
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub text: String,
}

impl Exchange {
    /// The value of a directive in the query.
    pub(crate) fn directive(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What the checker can't know by itself.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Wall-clock truth: (media sequence number, when its first frame was really made, ms since 1970).
    pub known_starts: Vec<(u64, i64)>,
    /// How far a PROGRAM-DATE-TIME may be from that truth.
    pub pdt_truth_ms: i64,
    /// How far the newest media's date may lie behind the arrival of the blocking answer that first lists it;
    /// `None` for a source that isn't live, whose dates are its own. Covers one frame of waiting, an encoder's delay
    /// that the server can't see, and a loaded machine.
    pub arrival_ms: Option<i64>,
    /// How much later than that captions may come: words are known after they were said, so a segment of text waits for them.
    pub heard_ms: i64,
    /// How far the end of the newest media may be dated after its arrival: the last frame of a part is complete when it arrives,
    /// before it has lasted (a frame at 20 per second). More for an encoder that flushes at its end what it held back until then.
    pub future_ms: i64,
    /// How far the distance of two dates may be from the duration between them.
    pub pdt_step_ms: i64,
    /// How far renditions may disagree about where a segment begins: one AAC frame at 44.1 kHz and rounding.
    pub boundary_ms: i64,
    /// INDEPENDENT=YES excuses a short part. Off: every part of an audio rendition is independent, so the excuse would
    /// let an audio rendition ignore the rule.
    pub independent_parts_may_be_short: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            known_starts: Vec::new(),
            pdt_truth_ms: 300,
            arrival_ms: Some(500),
            heard_ms: 1_500,
            future_ms: 50,
            pdt_step_ms: 50,
            boundary_ms: 24,
            independent_parts_may_be_short: false,
        }
    }
}

/// A rule that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Breach {
    /// Which.
    pub rule: &'static str,
    /// What it asks.
    pub says: &'static str,
    /// Where it is written.
    pub source: &'static str,
    /// Path of the playlist or of the media.
    pub rendition: String,
    /// The first time it was seen, with figures.
    pub detail: String,
    /// How often it was seen.
    pub times: u32,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, says, source, rendition, detail, times } = self;
        write!(f, "{rule} ({says}; {source}) in {rendition}, {times}x, first: {detail}")
    }
}

/// Breaches so far; the same rule in the same rendition is one entry, so that a broken origin can't flood us.
#[derive(Default)]
pub(crate) struct Breaches(BTreeMap<(&'static str, String), Breach>);

impl Breaches {
    /// Notes a breach of a named rule.
    pub(crate) fn note(&mut self, rule: (&'static str, &'static str, &'static str), rendition: &str, detail: String) {
        let (rule, source, says) = rule;
        let fresh = || Breach { rule, says, source, rendition: rendition.to_owned(), detail, times: 0 };
        self.0.entry((rule, rendition.to_owned())).or_insert_with(fresh).times += 1;
    }

    /// All of them, by name of the rule.
    pub(crate) fn into_vec(self) -> Vec<Breach> {
        self.0.into_values().collect()
    }

    fn add(&mut self, rule: Rule, seen: &Seen<'_>, detail: impl std::fmt::Display) {
        let query = &seen.exchange.query;
        self.note(rule.row(), &seen.exchange.path, format!("{detail} [?{query} at {}]", seen.exchange.received_ms));
    }
}

/// An answered playlist that could be read.
struct Seen<'a> {
    exchange: &'a Exchange,
    playlist: MediaPlaylist,
}

/// Writes an enum of rules with the table that explains them.
macro_rules! rules {
    ($($name:ident: $source:literal, $says:literal;)*) => {
        /// Every rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Rule { $(#[doc = $says] $name),* }
        impl Rule {
            /// All rules.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
            /// Name, source, what it says.
            pub(crate) const fn row(self) -> (&'static str, &'static str, &'static str) {
                match self { $(Self::$name => (stringify!($name), $source, $says)),* }
            }
        }
    };
}

rules! {
    Syntax: "bis 4", "a media playlist can be read";
    UnknownTag: "bis 4.1", "no tag that HLS doesn't know";
    Version: "bis 8", "EXT-X-VERSION is high enough for what is used";
    TargetDuration: "bis 4.4.3.1", "EXTINF rounded is at most TARGETDURATION";
    TargetDurationFixed: "bis 4.4.3.1", "TARGETDURATION and PART-TARGET never change on a URL";
    CanBlockReload: "bis 4.4.3.8", "CAN-BLOCK-RELOAD=YES where there are parts";
    PartHoldBack: "authoring 14.3", "PART-HOLD-BACK is there and at least 3 x PART-TARGET";
    HoldBack: "bis 4.4.3.8", "HOLD-BACK is at least 3 x TARGETDURATION";
    CanSkipUntil: "bis 4.4.3.8", "CAN-SKIP-UNTIL is at least 6 x TARGETDURATION";
    PartTooLong: "bis 4.4.4.9", "a part lasts at most PART-TARGET";
    PartTooShort: "bis 4.4.4.9", "a part lasts at least 85 % of PART-TARGET, except the last of its segment and gaps";
    PartSum: "bis 4.4.4.9", "the parts of a segment last as long as the segment";
    PartsOutdated: "bis 6.2.2", "parts are listed only in the last 3 target durations";
    TagAfterPart: "bis 4.4.4.9", "DISCONTINUITY, MAP and PROGRAM-DATE-TIME stand before a segment's first part";
    MapMissing: "bis 3.1.2", "fMP4 has an EXT-X-MAP before its first part or segment";
    IndependentClaim: "bis 4.4.2.1", "with INDEPENDENT-SEGMENTS every segment's first part is INDEPENDENT";
    HintMissing: "bis 4.4.5.3", "a live with parts hints at the next one";
    HintAtEnd: "bis 4.4.5.3", "no hint after the end";
    HintWrong: "bis 4.4.5.3", "the hinted part is the part that comes";
    PdtMissing: "authoring 8.4", "every segment has a PROGRAM-DATE-TIME";
    PdtOrder: "bis 4.4.4.6", "PROGRAM-DATE-TIME strictly increases";
    PdtStep: "bis 4.4.4.6", "PROGRAM-DATE-TIME agrees with the durations between";
    PdtFuture: "design", "PROGRAM-DATE-TIME is never in the future";
    PdtLate: "design", "PROGRAM-DATE-TIME of new media is the wall clock's";
    PdtTruth: "design", "PROGRAM-DATE-TIME is within 300 ms of the truth";
    DiscontinuitySequenceMissing: "authoring 8.17", "DISCONTINUITY-SEQUENCE is there where a DISCONTINUITY is";
    MediaSequenceBack: "bis 6.2.2", "MEDIA-SEQUENCE never goes back";
    DiscontinuitySequence: "bis 4.4.3.3", "DISCONTINUITY-SEQUENCE grows by the discontinuities that left, never else";
    EdgeBack: "bis 6.2.1", "what was listed is still listed later";
    SegmentChanged: "bis 6.2.1", "a listed segment's URI, duration, date, map and discontinuity never change";
    PartChanged: "bis 6.2.1", "a listed part never changes";
    WindowTooShort: "bis 6.2.2", "a live playlist that drops segments keeps 3 target durations";
    EndFinal: "bis 4.4.3.4", "nothing changes after ENDLIST";
    SkipUnasked: "bis 6.2.5.1", "EXT-X-SKIP only when _HLS_skip was asked";
    SkipBoundary: "bis 6.2.5.1", "only segments further from the end than CAN-SKIP-UNTIL are skipped";
    SkipSequence: "bis 6.2.5.1", "a delta has the MEDIA- and DISCONTINUITY-SEQUENCE of the full playlist";
    SkipMerged: "bis 6.2.5.1", "a delta merged with what is known is the full playlist";
    BlockingStale: "bis 6.2.5.2", "a blocking answer lists what was waited for";
    BadRequestOwed: "bis 6.2.5.2", "400 for _HLS_part without _HLS_msn and for an MSN more than 2 ahead";
    BadRequestUnjust: "bis 6.2.5.2", "no 400 for a request that is right";
    ContentType: "bis 4", "playlists are application/vnd.apple.mpegurl";
    Gzip: "authoring 10.1", "playlists are gzipped";
    Vary: "RFC 9110 12.5.5", "what is gzipped on demand varies on Accept-Encoding";
    Cors: "authoring 10", "playlists are readable from any origin";
    CacheControl: "bis appendix B", "max-age: held answers <= 6 x TD, others <= TD/2, 404 <= 1 s";
    SiblingTarget: "authoring 5.6", "all renditions have one TARGETDURATION";
    SiblingRange: "bis 6.2.4", "all renditions list the same segments";
    SiblingDiscontinuity: "bis 6.2.4", "all renditions have the same discontinuities";
    SiblingBoundary: "authoring 8.22", "segments begin at the same time in all renditions";
    ReportMissing: "bis 4.4.5.4", "every other rendition is reported, captions too";
    ReportAbsolute: "bis 4.4.5.4", "a report's URI is relative";
    ReportWrong: "bis 4.4.5.4", "a report is at most one part off, one segment where there are no parts";
}

/// Checks a transcript: playlists of any number of renditions of one live, in any order. I-frame playlists may be among
/// them. Needs answers to have been asked for with `Accept-Encoding: gzip`.
pub(crate) fn check(exchanges: &[Exchange], settings: &Settings) -> Vec<Breach> {
    let mut ordered: Vec<&Exchange> = exchanges.iter().collect();
    ordered.sort_by_key(|exchange| exchange.received_ms);
    let mut out = Breaches::default();
    let mut renditions: BTreeMap<&str, Vec<Seen<'_>>> = BTreeMap::new();
    for &exchange in &ordered {
        if exchange.status != 200 {
            continue;
        }
        match media_playlist(&exchange.text) {
            Ok(playlist) => renditions.entry(&exchange.path).or_default().push(Seen { exchange, playlist }),
            Err(error) => out.note(Rule::Syntax.row(), &exchange.path, format!("{error} [?{}]", exchange.query)),
        }
    }
    for seen in renditions.values() {
        for one in seen {
            single::check(one, settings, &mut out);
        }
        sequence::check(seen, settings, &mut out);
    }
    answers::check(&ordered, &renditions, &mut out);
    siblings::check(&renditions, settings, &mut out);
    out.into_vec()
}
