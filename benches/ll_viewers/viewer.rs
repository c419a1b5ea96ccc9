//! One viewer: reloads every rendition by blocking and fetches each part as it is listed, as a player at the live edge.
//!
//! One kept connection per rendition by HTTP/1.1, one for all by HTTP/2. What comes is held against what the other viewers got ([`Board`]).

use super::hls::connection::{Answer, FetchError, wall_ms};
use super::hls::multivariant::Rendition;
use super::hls::parse::media_playlist;
use super::hls::playlist::{MediaPlaylist, Position, ms};
use super::hls::rules::resolve;
use super::shared::Shared;
use super::wire::Wire;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Beyond this a request counts as failed: more than an origin may hold one.
const LIMIT: Duration = Duration::from_secs(20);
/// Playlists kept parsed: viewers wait for the same few versions, and parsing is not what is measured.
const KEPT: usize = 64;
/// Kinds of failures that are told apart; the rest is counted together.
const FAILURES: usize = 50;

/// A parsed playlist and when any viewer first had it.
struct Version {
    crc: u32,
    length: usize,
    rendition: usize,
    list: Arc<MediaPlaylist>,
}

/// What one part was, as the first viewer got it.
struct Known {
    listed: Instant,
    content: Option<(u32, usize)>,
}

/// What the parts were, as all threads saw them.
#[derive(Clone, Default)]
pub(crate) struct Parts(Arc<Mutex<HashMap<(usize, Position), Known>>>);

impl Parts {
    fn all(&self) -> MutexGuard<'_, HashMap<(usize, Position), Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the viewers of one thread saw.
#[derive(Default)]
pub(crate) struct Board {
    versions: Vec<Version>,
    parts: Parts,
    /// Received minus first listed to anyone, microseconds.
    pub late_us: Vec<u32>,
    /// Received minus the end of the part by PROGRAM-DATE-TIME, milliseconds.
    pub dated_ms: Vec<i32>,
    /// Answers to requests for playlists.
    pub playlists: u64,
    /// Answers to requests for parts.
    pub fetched: u64,
    /// Payload of both.
    pub bytes: u64,
    /// Connections made.
    pub dials: u64,
    /// What went wrong, how often.
    pub failures: BTreeMap<String, u64>,
    /// Latenesses count from here on, when all viewers are there.
    pub counting: bool,
}

impl Board {
    /// For a thread whose viewers hold what they get against what others got.
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, ..Self::default() }
    }

    /// Adds what the viewers of another thread saw.
    pub(crate) fn add(&mut self, other: Self) {
        self.late_us.extend(other.late_us);
        self.dated_ms.extend(other.dated_ms);
        self.playlists += other.playlists;
        self.fetched += other.fetched;
        self.bytes += other.bytes;
        self.dials += other.dials;
        for (what, times) in other.failures {
            *self.failures.entry(what).or_default() += times;
        }
    }

    fn fail(&mut self, what: String) {
        let known = self.failures.contains_key(&what) || self.failures.len() < FAILURES;
        *self.failures.entry(if known { what } else { "other failures".to_owned() }).or_default() += 1;
    }

    /// A parsed list for a body, parsed once however many viewers got it.
    fn read(&mut self, rendition: usize, answer: &Answer) -> Option<Arc<MediaPlaylist>> {
        let (crc, length) = (answer.crc, answer.length);
        let same = |one: &&Version| (one.crc, one.length, one.rendition) == (crc, length, rendition);
        if let Some(version) = self.versions.iter().rev().find(same) {
            return Some(Arc::clone(&version.list));
        }
        let list =
            match answer.text().ok_or_else(|| "a body that is no text".to_owned()).map(|text| media_playlist(&text)) {
                Ok(Ok(list)) => Arc::new(list),
                Ok(Err(error)) => {
                    self.fail(format!("playlist: {error}"));
                    return None;
                }
                Err(what) => {
                    self.fail(what);
                    return None;
                }
            };
        if self.versions.len() == KEPT {
            self.versions.remove(0);
        }
        let mut parts = self.parts.all();
        for parent in list.parents() {
            for index in 0..parent.parts.len() as u64 {
                let fresh = || Known { listed: answer.received, content: None };
                let known = parts.entry((rendition, (parent.msn, index))).or_insert_with(fresh);
                known.listed = known.listed.min(answer.received);
            }
        }
        let oldest = list.next().map_or(0, |next| next.0.saturating_sub(60));
        parts.retain(|(of, (msn, _)), _| *of != rendition || *msn >= oldest);
        drop(parts);
        self.versions.push(Version { crc, length, rendition, list: Arc::clone(&list) });
        Some(list)
    }

    fn part(&mut self, of: (usize, Position), dated_end_ms: Option<i64>, answer: &Answer) {
        self.fetched += 1;
        self.bytes += answer.length as u64;
        let content = (answer.crc, answer.length);
        if answer.status != 200 || answer.length == 0 {
            return self.fail(format!("part: status {}, {} bytes", answer.status, answer.length));
        }
        let (listed, same) = match self.parts.all().get_mut(&of) {
            Some(known) => (known.listed, *known.content.get_or_insert(content) == content),
            None => return,
        };
        if !same {
            return self.fail("part: not what another viewer got".to_owned());
        }
        if self.counting {
            let late = answer.received.saturating_duration_since(listed).as_micros();
            self.late_us.push(u32::try_from(late).unwrap_or(u32::MAX));
            if let Some(end) = dated_end_ms {
                self.dated_ms.push(i32::try_from(wall_ms() - end).unwrap_or(i32::MAX));
            }
        }
    }
}

/// What a rendition is fetched by.
pub(crate) enum Line {
    /// HTTP/1.1, of its own.
    Own(Wire),
    /// HTTP/2, the viewer's.
    Shared(Shared),
}

impl Line {
    async fn get(&mut self, path: &str, keep: bool) -> Result<Answer, FetchError> {
        match self {
            Self::Own(wire) => wire.get(path, keep, LIMIT).await,
            Self::Shared(shared) => shared.get(path, keep, LIMIT).await,
        }
    }

    async fn dials(&self) -> u64 {
        match self {
            Self::Own(wire) => wire.dials,
            Self::Shared(shared) => shared.take_dials().await,
        }
    }
}

/// Follows one rendition from `begin` to `until`.
pub(crate) async fn follow(
    mut connection: Line,
    (index, rendition): (usize, Rc<Rendition>),
    begin: Instant,
    until: Instant,
    board: Rc<RefCell<Board>>,
) {
    tokio::time::sleep_until(begin.into()).await;
    let mut at: Option<Position> = None;
    let mut query = String::new();
    while Instant::now() < until {
        let target = if query.is_empty() { rendition.path.clone() } else { format!("{}?{query}", rendition.path) };
        let answer = match connection.get(&target, true).await {
            Ok(answer) => answer,
            Err(error) => {
                board.borrow_mut().fail(format!("playlist: {error}").split('?').next().unwrap_or_default().to_owned());
                tokio::time::sleep(Duration::from_millis(500)).await;
                continue;
            }
        };
        let list = {
            let mut board = board.borrow_mut();
            board.playlists += 1;
            board.bytes += answer.length as u64;
            if answer.status == 200 {
                board.read(index, &answer)
            } else {
                board.fail(format!("playlist: status {}", answer.status));
                None
            }
        };
        let Some((list, next)) = list.and_then(|list| list.next().map(|next| (list, next))) else {
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        };
        if list.ended {
            break;
        }
        let from = *at.get_or_insert(next);
        if !query.is_empty() && next <= from {
            board.borrow_mut().fail("playlist: a blocking answer without anything new".to_owned());
        }
        fetch_new(&mut connection, &list, from, (index, &rendition), &board).await;
        at = Some(next.max(from));
        query = format!("_HLS_msn={}&_HLS_part={}", next.0, next.1);
        if list.server_control.as_ref().is_some_and(|control| control.can_skip_until_ns.is_some()) {
            query.push_str("&_HLS_skip=YES");
        }
    }
    let dials = connection.dials().await;
    board.borrow_mut().dials += dials;
}

async fn fetch_new(
    connection: &mut Line,
    list: &MediaPlaylist,
    from: Position,
    (index, rendition): (usize, &Rendition),
    board: &RefCell<Board>,
) {
    if list.parents().next().is_some_and(|oldest| oldest.msn > from.0) {
        board.borrow_mut().fail("playlist: what comes next has left it".to_owned());
    }
    for parent in list.parents().filter(|parent| parent.msn >= from.0) {
        let mut end_ns = 0;
        for (number, part) in parent.parts.iter().enumerate() {
            end_ns += part.duration_ns;
            let position = (parent.msn, number as u64);
            if position < from {
                continue;
            }
            let path = resolve(&rendition.path, &part.uri);
            match connection.get(&path, false).await {
                Ok(answer) => {
                    let end = parent.pdt_ms.map(|start| start + ms(end_ns));
                    board.borrow_mut().part((index, position), end, &answer);
                }
                Err(_) => board.borrow_mut().fail("part: no answer".to_owned()),
            }
        }
    }
}
