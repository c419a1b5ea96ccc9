//! Follows every rendition of a live by blocking reload, as a player does, and judges what comes: the playlists by
//! [`super::rules`], the media here. The thin IO part of the judge; it keeps a transcript, so a verdict can be repeated.

use super::connection::{Answer, Ask, Connection, FetchError, split_url, wall_ms};
use super::fmp4::{self, Track};
use super::media::{
    DURATION, HEAD, HINT_EQUAL, I_FRAME, MEDIA, MEDIA_CORS, PARTS_EQUAL, RANGE, REACHABLE, TEXT, i_frame, judge_runs,
    judge_text,
};
use super::multivariant::{self, Kind, Rendition};
use super::parse::media_playlist;
use super::playlist::{MediaPlaylist, Position};
use super::rules::{Breach, Breaches, Exchange, Settings, check, resolve};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longer than any origin may hold a request (3 target durations of 4 s), shorter than a test's patience.
const LIMIT: Duration = Duration::from_secs(20);
/// Complete segments behind the edge that a newcomer looks at, so that a live of hours is not fetched whole.
const BEHIND: usize = 4;
/// HEAD and ranges are tried on this many segments of a rendition; the code behind them is the same for all.
const PROBED: u64 = 3;
/// Every so many reloads ask for a delta; the others keep the full list to compare with.
const DELTA_EVERY: u64 = 3;
/// I-frames that are looked at when the reader ends.
const I_FRAMES: usize = 8;

/// How to follow.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Stop after this time, or when all renditions ended.
    pub length: Duration,
    /// For the rules.
    pub settings: Settings,
    /// An ffmpeg binary that decodes I-frames.
    pub ffmpeg: String,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Broken rules.
    pub breaches: Vec<Breach>,
    /// The transcript.
    pub exchanges: Vec<Exchange>,
    /// What the multivariant playlist offers.
    pub renditions: Vec<Rendition>,
    /// Parts fetched and looked into.
    pub parts: u64,
    /// Segments fetched and compared.
    pub segments: u64,
    /// I-frames decoded.
    pub i_frames: u64,
    /// All renditions said ENDLIST.
    pub ended: bool,
}

/// Follows the live or video of a multivariant playlist's URL; errors only when that can't be fetched.
pub(crate) async fn follow(url: &str, options: &Options) -> Result<Outcome, FetchError> {
    let (host, path) = split_url(url)?;
    let mut connection = Connection::new(&host);
    let answer = connection.get(&path, Ask { gzip: true, ..Ask::default() }, LIMIT).await?;
    let mut out = Breaches::default();
    if answer.status != 200 {
        return Err(FetchError::Io { url: url.to_owned(), what: format!("status {}", answer.status) });
    }
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let renditions = multivariant::renditions(&path, &answer.text().unwrap_or_default(), &mut out);
    let until = Instant::now() + options.length;
    let followers = renditions.iter().map(|rendition| Follower::new(&host, rendition).run(until, options));
    let mut outcome = Outcome { ended: !renditions.is_empty(), renditions: renditions.clone(), ..Outcome::default() };
    for follower in futures_util::future::join_all(followers).await {
        outcome.parts += follower.parts_seen;
        outcome.segments += follower.segments_seen;
        outcome.i_frames += follower.i_frames;
        outcome.ended &= follower.ended;
        outcome.exchanges.extend(follower.exchanges);
        outcome.breaches.extend(follower.out.into_vec());
    }
    outcome.breaches.extend(check(&outcome.exchanges, &options.settings));
    outcome.breaches.extend(out.into_vec());
    Ok(outcome)
}

/// Where decoding stands: the init segment in force and each track's next decode time.
#[derive(Default)]
struct Decoding {
    init: Option<(String, Vec<Track>)>,
    due: BTreeMap<u32, u64>,
}

struct Follower {
    rendition: Rendition,
    playlists: Connection,
    media: Connection,
    hinting: Connection,
    out: Breaches,
    exchanges: Vec<Exchange>,
    done: Option<Position>,
    bytes: BTreeMap<Position, Bytes>,
    hinted: Option<(String, Bytes)>,
    decoding: Decoding,
    parts_seen: u64,
    segments_seen: u64,
    i_frames: u64,
    ended: bool,
}

impl Follower {
    fn new(host: &str, rendition: &Rendition) -> Self {
        Self {
            rendition: rendition.clone(),
            playlists: Connection::new(host),
            media: Connection::new(host),
            hinting: Connection::new(host),
            out: Breaches::default(),
            exchanges: Vec::new(),
            done: None,
            bytes: BTreeMap::new(),
            hinted: None,
            decoding: Decoding::default(),
            parts_seen: 0,
            segments_seen: 0,
            i_frames: 0,
            ended: false,
        }
    }

    async fn run(mut self, until: Instant, options: &Options) -> Self {
        let mut last: Option<MediaPlaylist> = None;
        let mut round = 0_u64;
        while Instant::now() < until && !self.ended {
            let waits =
                last.as_ref().is_some_and(|list| list.server_control.as_ref().is_some_and(|c| c.can_block_reload));
            let query = match last.as_ref().and_then(MediaPlaylist::next) {
                Some((msn, part)) if waits => {
                    let skip = if round % DELTA_EVERY == DELTA_EVERY - 1 { "&_HLS_skip=YES" } else { "" };
                    format!("_HLS_msn={msn}&_HLS_part={part}{skip}")
                }
                _ => String::new(),
            };
            if query.is_empty() && last.is_some() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let hint = last.as_ref().and_then(|list| list.hints.iter().find(|hint| hint.part && hint.start.is_none()));
            let hint = hint.filter(|_| round % 4 == 1).map(|hint| resolve(&self.rendition.path, &hint.uri));
            let Some(list) = self.reload(&query, hint).await else {
                tokio::time::sleep(Duration::from_millis(500)).await;
                if last.is_some() && self.exchanges.last().is_some_and(|one| one.status == 404) {
                    break;
                }
                continue;
            };
            if round == 2 && waits {
                self.ask_wrongly(&list).await;
            }
            match self.rendition.kind {
                Kind::Video | Kind::Audio => self.take(&list).await,
                Kind::Subtitles => self.take_text(&list).await,
                Kind::IFrames => {}
            }
            self.ended = list.ended;
            last = Some(list);
            round += 1;
        }
        if self.rendition.kind == Kind::IFrames
            && let Some(list) = last
        {
            self.decode_i_frames(&list, &options.ffmpeg).await;
        }
        self
    }

    /// One request for the playlist, and at the same time one for the hinted part.
    async fn reload(&mut self, query: &str, hint: Option<String>) -> Option<MediaPlaylist> {
        let path = self.rendition.path.clone();
        let asked_ms = wall_ms();
        let ask = Ask { gzip: true, ..Ask::default() };
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let playlist = self.playlists.get(&target, ask, LIMIT);
        let answer = if let Some(hint) = hint {
            let (answer, part) = tokio::join!(playlist, self.hinting.get(&hint, Ask::default(), LIMIT));
            match part {
                Ok(part) if part.status == 200 => self.hinted = Some((hint, part.body)),
                // At the end of a live the hinted part never comes.
                Ok(part) if part.status == 404 => {}
                other => self.out.note(HINT_EQUAL, &path, format!("{hint}: {:?}", other.map(|part| part.status))),
            }
            answer
        } else {
            playlist.await
        };
        match answer {
            Ok(answer) => self.keep(answer, asked_ms, query),
            Err(error) => {
                self.out.note(REACHABLE, &path, error.to_string());
                None
            }
        }
    }

    fn keep(&mut self, answer: Answer, asked_ms: i64, query: &str) -> Option<MediaPlaylist> {
        let text = answer.text().unwrap_or_default();
        let parsed = if answer.status == 200 { media_playlist(&text).ok() } else { None };
        self.exchanges.push(Exchange {
            asked_ms,
            received_ms: wall_ms(),
            path: self.rendition.path.clone(),
            query: query.to_owned(),
            status: answer.status,
            headers: answer.headers,
            text,
        });
        parsed
    }

    async fn ask_wrongly(&mut self, list: &MediaPlaylist) {
        let far = list.next().map_or(0, |next| next.0) + 10;
        for query in ["_HLS_part=0".to_owned(), format!("_HLS_msn={far}")] {
            self.reload(&query, None).await;
        }
    }

    /// Fetches what is new in a list, in order.
    async fn take(&mut self, list: &MediaPlaylist) {
        let first = list.segments.len().saturating_sub(BEHIND);
        let done = *self.done.get_or_insert(list.segments.get(first).map_or((0, 0), |segment| (segment.head.msn, 0)));
        let mut at = done;
        for parent in list.parents() {
            if parent.msn < done.0 {
                continue;
            }
            if parent.discontinuity && (parent.msn, 0) >= done {
                self.decoding.due.clear();
            }
            if let Some(map) = &parent.map {
                self.init(&map.uri).await;
            }
            for (index, part) in parent.parts.iter().enumerate() {
                let position = (parent.msn, index as u64);
                if position >= done && !part.gap {
                    self.part(position, part).await;
                    at = at.max((parent.msn, index as u64 + 1));
                }
            }
            if let Some(segment) = list.segments.iter().find(|segment| segment.head.msn == parent.msn)
                && !parent.gap
            {
                self.segment(segment).await;
                at = (parent.msn + 1, 0);
            }
        }
        self.done = Some(at);
        self.bytes.retain(|position, _| *position >= (at.0.saturating_sub(1), 0));
    }

    /// Fetches the captions that are new in a list, in order.
    async fn take_text(&mut self, list: &MediaPlaylist) {
        let first = list.segments.len().saturating_sub(BEHIND);
        let done = self.done.unwrap_or(list.segments.get(first).map_or((0, 0), |segment| (segment.head.msn, 0)));
        for segment in list.segments.iter().filter(|segment| (segment.head.msn, 0) >= done) {
            let Some(answer) = self.fetch(&segment.uri, segment.range).await else { continue };
            self.segments_seen += 1;
            if let Err(what) = judge_text(&answer) {
                self.out.note(TEXT, &self.rendition.path, format!("{}: {what}", segment.uri));
            }
            if self.segments_seen <= PROBED {
                self.probe(&segment.uri, &answer.body).await;
            }
        }
        self.done = list.next().or(Some(done));
    }

    async fn init(&mut self, uri: &str) {
        if self.decoding.init.as_ref().is_some_and(|(known, _)| known == uri) {
            return;
        }
        let Some(answer) = self.fetch(uri, None).await else { return };
        match fmp4::init(&answer.body) {
            Ok(tracks) => self.decoding.init = Some((uri.to_owned(), tracks)),
            Err(what) => self.out.note(MEDIA, &self.rendition.path, format!("{uri}: {what}")),
        }
        self.decoding.due.clear();
    }

    async fn fetch(&mut self, uri: &str, range: Option<(u64, Option<u64>)>) -> Option<Answer> {
        let path = resolve(&self.rendition.path, uri);
        let range = range.map(|(length, start)| (start.unwrap_or(0), start.unwrap_or(0) + length.saturating_sub(1)));
        let expected = if range.is_some() { 206 } else { 200 };
        match self.media.get(&path, Ask { range, ..Ask::default() }, LIMIT).await {
            Ok(answer) if answer.status == expected => {
                if answer.header("access-control-allow-origin").is_none() {
                    self.out.note(MEDIA_CORS, &self.rendition.path, uri.to_owned());
                }
                Some(answer)
            }
            other => {
                self.out.note(REACHABLE, &self.rendition.path, format!("{uri}: {:?}", other.map(|one| one.status)));
                None
            }
        }
    }

    async fn part(&mut self, position: Position, part: &super::playlist::Part) {
        let Some(answer) = self.fetch(&part.uri, part.range).await else { return };
        self.parts_seen += 1;
        let path = self.rendition.path.clone();
        if let Some((uri, bytes)) = self.hinted.take_if(|(uri, _)| *uri == resolve(&path, &part.uri))
            && bytes != answer.body
        {
            self.out.note(HINT_EQUAL, &path, format!("{uri}: {} bytes, {}", bytes.len(), answer.body.len()));
        }
        let (_, tracks) = self.decoding.init.get_or_insert_default();
        match fmp4::runs(&answer.body, tracks, false) {
            Ok(runs) => {
                let longest_ns = judge_runs(&runs, tracks, &mut self.decoding.due, part.independent, |row, what| {
                    self.out.note(row, &path, format!("{position:?}: {what}"));
                });
                // One tick of the slowest usual timescale and the rounding of five decimals.
                if longest_ns.abs_diff(part.duration_ns) > 1_100_000 {
                    let what = format!("{position:?}: {} ns listed, {longest_ns} ns inside", part.duration_ns);
                    self.out.note(DURATION, &path, what);
                }
            }
            Err(what) => self.out.note(MEDIA, &path, format!("{}: {what}", part.uri)),
        }
        self.bytes.insert(position, answer.body);
    }

    async fn segment(&mut self, segment: &super::playlist::Segment) {
        let Some(answer) = self.fetch(&segment.uri, segment.range).await else { return };
        self.segments_seen += 1;
        let (msn, path) = (segment.head.msn, self.rendition.path.clone());
        let parts: Vec<&Bytes> = self.bytes.range((msn, 0)..(msn + 1, 0)).map(|(_, bytes)| bytes).collect();
        if !parts.is_empty() && parts.len() == segment.head.parts.len() {
            let joined: Vec<u8> = parts.iter().flat_map(|bytes| bytes.iter().copied()).collect();
            if joined != answer.body {
                self.out.note(PARTS_EQUAL, &path, format!("msn {msn}: {} bytes, {}", joined.len(), answer.body.len()));
            }
        }
        if parts.is_empty() {
            let (_, tracks) = self.decoding.init.get_or_insert_default();
            match fmp4::runs(&answer.body, tracks, false) {
                Ok(runs) => {
                    judge_runs(&runs, tracks, &mut self.decoding.due, false, |row, what| {
                        self.out.note(row, &path, format!("msn {msn}: {what}"));
                    });
                }
                Err(what) => self.out.note(MEDIA, &path, format!("{}: {what}", segment.uri)),
            }
        }
        if self.segments_seen <= PROBED && segment.range.is_none() {
            self.probe(&segment.uri, &answer.body).await;
        }
    }

    async fn probe(&mut self, uri: &str, whole: &Bytes) {
        let path = resolve(&self.rendition.path, uri);
        let length = whole.len() as u64;
        match self.media.get(&path, Ask { head: true, ..Ask::default() }, LIMIT).await {
            Ok(one)
                if one.status == 200
                    && one.body.is_empty()
                    && one.header("content-length") == Some(&length.to_string()) => {}
            other => self.out.note(
                HEAD,
                &self.rendition.path,
                format!("{uri}: {:?}", other.map(|one| (one.status, one.headers))),
            ),
        }
        let middle = (length / 3, length / 2);
        let expected = format!("bytes {}-{}/{length}", middle.0, middle.1);
        let slice = whole.slice(whole.len() / 3..=whole.len() / 2);
        match self.media.get(&path, Ask { range: Some(middle), ..Ask::default() }, LIMIT).await {
            Ok(one) if one.status == 206 && one.body == slice && one.header("content-range") == Some(&expected) => {}
            other => self.out.note(
                RANGE,
                &self.rendition.path,
                format!("{uri}: {:?}", other.map(|one| (one.status, one.headers))),
            ),
        }
        match self.media.get(&path, Ask { range: Some((length, length + 9)), ..Ask::default() }, LIMIT).await {
            Ok(one) if one.status == 416 => {}
            other => {
                self.out.note(RANGE, &self.rendition.path, format!("{uri} beyond: {:?}", other.map(|one| one.status)));
            }
        }
    }

    async fn decode_i_frames(&mut self, list: &MediaPlaylist, ffmpeg: &str) {
        let first = list.segments.len().saturating_sub(I_FRAMES);
        for segment in &list.segments[first..] {
            if let Some(map) = &segment.head.map {
                self.init(&map.uri).await;
            }
            let Some(answer) = self.fetch(&segment.uri, segment.range).await else { continue };
            let (_, tracks) = self.decoding.init.clone().unwrap_or_default();
            match i_frame(&answer.body, segment.range.is_some(), &tracks, ffmpeg).await {
                Ok(()) => self.i_frames += 1,
                Err(what) => self.out.note(I_FRAME, &self.rendition.path, format!("{}: {what}", segment.uri)),
            }
        }
    }
}
