//! The socket shell: DESCRIBE, SETUP, PLAY by retina, then its items through the translation onto a feed.
//!
//! Promises: every wait has an end (an answer's, or the stall rule's); what is held in memory is bounded (see `bound`);
//! a failure is returned once, in words without secrets, and nothing here tries again by itself.

#![expect(clippy::disallowed_methods, reason = "the shell keeps its time-outs by the clock")]

use super::bound::{POLLS_PER_ANSWER, POLLS_PER_FRAME, bounded};
use super::session::{Choice, Refused, choose};
use super::source::{Source, Transport};
use super::translate::{ClockJumped, Counts, Sample, Translator};
use super::{Backoff, Error};
use crate::feed::{Item, Publisher};
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::Kind;
use bytes::Bytes;
use futures_util::StreamExt;
use retina::client::{
    Credentials, Demuxed, InitialTimestampPolicy, PlayOptions, Session, SessionGroup, SessionIdPolicy, SessionOptions,
    SetupOptions, TcpTransportOptions, TeardownPolicy, Transport as Carrier, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout, timeout_at};

/// For the name look-up and for each request; the answers of a camera on its network take milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a TEARDOWN is waited for: a device with few client slots should have the old one free before it is called again.
const TEARDOWN_WAIT: Duration = Duration::from_secs(2);
/// Sessions the library still tries to tear down; with more, new ones are left to expire at the server instead.
const MAX_STALE_SESSIONS: usize = 4;
/// A connection that gave media for so long was good: the back-off starts over.
const STEADY_AFTER: Duration = Duration::from_secs(10);
/// As for an RTMP message: far above any lecture's keyframe.
const MAX_FRAME_BYTES: usize = 8 << 20;
/// RTCP BYE (RFC 3550 section 12.1).
const RTCP_BYE: u8 = 203;
/// After the goodbye of one track, the rest of the other is waited for so long.
const BYE_WAIT: Duration = Duration::from_secs(1);

/// One source, to be connected to again and again by one loop (see the module).
pub struct Pull {
    source: Source,
    backoff: Backoff,
    stale: Arc<SessionGroup>,
    /// It flooded us once: don't read on for the answer to a TEARDOWN.
    distrusted: bool,
}

/// A source that gives media. Dropping it ends the session.
pub struct Connected<'a> {
    flow: Flow,
    out: Vec<Item>,
    peer: SocketAddr,
    refused: Vec<Refused>,
    source: &'a Source,
    backoff: &'a mut Backoff,
    stale: &'a SessionGroup,
    distrusted: &'a mut bool,
}

/// Why a contribution ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The reading side asked for it ([`crate::feed::Feed::close`]). Whether to connect again is the caller's decision: whoever ended
    /// a live by hand may want its source back for the next one.
    Closed,
    /// The source said goodbye or closed the connection.
    SourceEnded,
}

impl Pull {
    /// A pull of `source`; `seed` spreads the back-off and should differ between sources and starts.
    #[must_use]
    pub fn new(source: Source, seed: u64) -> Self {
        Self { source, backoff: Backoff::new(seed), stale: Arc::default(), distrusted: false }
    }

    /// What is pulled, fit to be displayed.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How long to wait before the next [`Self::connect`].
    pub fn next_delay(&mut self) -> Duration {
        self.backoff.next_delay()
    }

    /// Connects, sets up H.264 and AAC, plays, and waits for the first frame. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// See [`Error`]; within 5 s for the name, 5 s for each of at most 4 answers, and the stall time for the first frame.
    pub async fn connect(&mut self) -> Result<Connected<'_>, Error> {
        settle(&self.stale).await;
        let opened = self.open().await;
        let outcome = opened.as_ref().map_or_else(Error::name, |_| "connected");
        metrics::counter!("amphi_rtsp_connects_total", "outcome" => outcome).increment(1);
        match opened {
            Ok((flow, out, peer, refused)) => Ok(Connected {
                flow,
                out,
                peer,
                refused,
                source: &self.source,
                backoff: &mut self.backoff,
                stale: &self.stale,
                distrusted: &mut self.distrusted,
            }),
            Err(error) => {
                self.distrusted |= error == Error::Flood;
                if error.needs_a_person() {
                    self.backoff.give_time();
                }
                Err(error)
            }
        }
    }

    async fn open(&self) -> Result<(Flow, Vec<Item>, SocketAddr, Vec<Refused>), Error> {
        let peer = self.resolve().await?;
        let mut session = self.answer(Session::describe(self.source.url().clone(), self.options())).await?;
        let tracks = session.streams().iter().map(|s| (s.media(), s.encoding_name()));
        let Choice { video, audio, refused } = choose(tracks).map_err(Error::NoTrack)?;
        for track in [video, audio].into_iter().flatten() {
            let carrier = match self.source.transport() {
                Transport::Tcp => Carrier::Tcp(TcpTransportOptions::default()),
                Transport::Udp => Carrier::Udp(UdpTransportOptions::default()),
            };
            let options = SetupOptions::default().transport(carrier).frame_format(FrameFormat::MP4);
            self.answer(session.setup(track, options)).await?;
        }
        let options = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive);
        let playing = self.answer(session.play(options)).await?;
        let demuxed = playing.demuxed().map_err(|e| Error::from_retina(&e, &self.source))?;
        let mut flow = Flow::new(demuxed, video, audio, self.source.stall_after());
        let mut out = Vec::new();
        flow.begin(&mut out)?;
        loop {
            match flow.step(&self.source, &mut out).await? {
                Step::Frame => return Ok((flow, out, peer, refused)),
                Step::Other => {}
                Step::Ended => return Err(Error::Protocol("it closed the stream before the first frame".to_owned())),
            }
        }
    }

    /// The address that is dialled first: the protocol library connects by itself and doesn't tell where it ended.
    async fn resolve(&self) -> Result<SocketAddr, Error> {
        let (host, port) = self.source.address();
        let addresses = timeout(ANSWER_TIMEOUT, tokio::net::lookup_host((host.as_str(), port)))
            .await
            .map_err(|_| Error::Timeout(ANSWER_TIMEOUT))?
            .map_err(|e| Error::unreachable(&e, &self.source))?;
        addresses.into_iter().next().ok_or_else(|| Error::Unreachable("the host has no address".to_owned()))
    }

    fn options(&self) -> SessionOptions {
        let credentials = self
            .source
            .credentials()
            .map(|(username, password)| Credentials { username: username.to_owned(), password: password.to_owned() });
        let leave = self.distrusted || self.stale.stale_sessions().num_sessions >= MAX_STALE_SESSIONS;
        SessionOptions::default()
            .creds(credentials)
            .user_agent(concat!("Amphi/", env!("CARGO_PKG_VERSION")).to_owned())
            .session_group(Arc::clone(&self.stale))
            .session_id(SessionIdPolicy::UseFirst)
            .teardown(if leave { TeardownPolicy::Never } else { TeardownPolicy::Auto })
    }

    async fn answer<T>(&self, request: impl Future<Output = Result<T, retina::Error>>) -> Result<T, Error> {
        let mut polls = POLLS_PER_ANSWER;
        timeout(ANSWER_TIMEOUT, bounded(&mut polls, request))
            .await
            .map_err(|_| Error::Timeout(ANSWER_TIMEOUT))??
            .map_err(|e| Error::from_retina(&e, &self.source))
    }
}

impl Connected<'_> {
    /// The source's address (the first one its name resolves to).
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Tracks that are left out, each with what to change at the source; empty when nothing is missed.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Publishes what comes until the source ends or `publisher`'s readers ask for the end.
    ///
    /// # Errors
    /// When the source stalls, breaks or breaks the protocol. What came before is published all the same.
    pub async fn run(mut self, publisher: Publisher) -> Result<End, Error> {
        let ended = self.pump(&publisher).await;
        self.flow.translator.finish(&mut self.out);
        publisher.push(self.out.drain(..));
        drop(publisher);
        *self.distrusted |= ended == Err(Error::Flood);
        drop(self.flow);
        settle(self.stale).await;
        ended
    }

    async fn pump(&mut self, publisher: &Publisher) -> Result<End, Error> {
        let since = Instant::now();
        let mut told = Counts::default();
        loop {
            if !self.out.is_empty() {
                publisher.push(self.out.drain(..));
            }
            let step = tokio::select! {
                biased;
                () = publisher.closed() => return Ok(End::Closed),
                step = self.flow.step(self.source, &mut self.out) => step,
            };
            tell(&mut told, self.flow.translator.counts());
            match step? {
                Step::Ended => return Ok(End::SourceEnded),
                Step::Frame if since.elapsed() >= STEADY_AFTER => self.backoff.reset(),
                Step::Frame | Step::Other => {}
            }
        }
    }
}

/// A playing session and what becomes of its items.
struct Flow {
    demuxed: Demuxed,
    video: Option<usize>,
    audio: Option<usize>,
    translator: Translator,
    /// When the source counts as gone.
    deadline: Instant,
    stall_after: Duration,
    /// Polls left before the next frame must be there.
    polls: u32,
    /// The track that said goodbye first.
    bye: Option<Kind>,
}

enum Step {
    /// A frame of the leading track: the video's, or the audio's where there is no video. (Sound may stop while
    /// pictures go on; pictures that stop while sound goes on are a stall.)
    Frame,
    Other,
    Ended,
}

impl Flow {
    fn new(demuxed: Demuxed, video: Option<usize>, audio: Option<usize>, stall_after: Duration) -> Self {
        let translator = Translator::new(video.is_some());
        let deadline = Instant::now() + stall_after;
        Self { demuxed, video, audio, translator, deadline, stall_after, polls: POLLS_PER_FRAME, bye: None }
    }

    /// Takes the parameters that the description told.
    fn begin(&mut self, out: &mut Vec<Item>) -> Result<(), Error> {
        if let Some(ParametersRef::Audio(audio)) = self.parameters(self.audio) {
            let asc = Bytes::copy_from_slice(audio.extra_data());
            self.translator.audio_parameters(&asc, out)?;
        }
        if let Some(ParametersRef::Video(video)) = self.parameters(self.video) {
            let avcc = Bytes::copy_from_slice(video.extra_data());
            if let Err(error) = self.translator.video_parameters(&avcc) {
                // Cameras put stale ones there; the stream itself brings its own or fails for good.
                tracing::debug!(%error, "parameter sets of the RTSP description ignored");
            }
        }
        Ok(())
    }

    fn parameters(&self, track: Option<usize>) -> Option<ParametersRef<'_>> {
        self.demuxed.streams().get(track?)?.parameters()
    }

    /// Waits for the next item and translates it. Cancel-safe: the wait takes nothing.
    async fn step(&mut self, source: &Source, out: &mut Vec<Item>) -> Result<Step, Error> {
        // Items of the other track must not keep the wait from ending.
        if Instant::now() >= self.deadline {
            return self.silent();
        }
        let Ok(item) = timeout_at(self.deadline, bounded(&mut self.polls, self.demuxed.next())).await else {
            return self.silent();
        };
        let Some(item) = item? else { return Ok(Step::Ended) };
        let step = match item.map_err(|e| Error::from_retina(&e, source))? {
            CodecItem::VideoFrame(frame) => {
                if frame.has_new_parameters()
                    && let Some(ParametersRef::Video(video)) = self.parameters(self.video)
                {
                    let avcc = Bytes::copy_from_slice(video.extra_data());
                    self.translator.video_parameters(&avcc)?;
                }
                let sample = Sample {
                    elapsed: elapsed(frame.timestamp()),
                    received: wall(frame.end_ctx().received_wall()),
                    lost_packets: frame.loss(),
                    payload: Bytes::from(frame.into_data()),
                };
                self.translator.video(sized(sample)?, out)?;
                Step::Frame
            }
            CodecItem::AudioFrame(frame) => {
                let sample = Sample {
                    elapsed: elapsed(frame.timestamp()),
                    received: wall(frame.ctx().received_wall()),
                    lost_packets: frame.loss(),
                    payload: Bytes::copy_from_slice(frame.data()),
                };
                self.translator.audio(sized(sample)?, out)?;
                if self.video.is_none() { Step::Frame } else { Step::Other }
            }
            CodecItem::Rtcp(packets) => {
                let kind = if Some(packets.stream_id()) == self.video { Kind::Video } else { Kind::Audio };
                if let Some(stamp) = packets.rtp_timestamp()
                    && let Some(Ok(Some(report))) = packets.pkts().next().map(retina::rtcp::PacketRef::as_sender_report)
                {
                    let received = wall(packets.ctx().received_wall());
                    self.translator.report(kind, elapsed(stamp), report.ntp_timestamp().0, received);
                }
                if packets.pkts().any(|p| p.payload_type() == RTCP_BYE) { self.goodbye(kind) } else { Step::Other }
            }
            _ => Step::Other,
        };
        if matches!(step, Step::Frame) && self.bye.is_none() {
            self.deadline = Instant::now() + self.stall_after;
            self.polls = POLLS_PER_FRAME;
        }
        Ok(step)
    }

    /// The deadline has come.
    fn silent(&self) -> Result<Step, Error> {
        if self.bye.is_some() { Ok(Step::Ended) } else { Err(Error::Stalled(self.stall_after)) }
    }

    fn goodbye(&mut self, kind: Kind) -> Step {
        let alone = self.video.is_none() || self.audio.is_none();
        let leads = kind == Kind::Video || self.video.is_none();
        match self.bye {
            Some(other) if other != kind => return Step::Ended,
            None if alone => return Step::Ended,
            // Sound may stop while pictures go on.
            None if leads => {
                self.bye = Some(kind);
                self.deadline = self.deadline.min(Instant::now() + BYE_WAIT);
            }
            _ => {}
        }
        Step::Other
    }
}

impl From<ClockJumped> for Error {
    fn from(_: ClockJumped) -> Self {
        Self::ClockJumped
    }
}

/// Waits until the sessions before are torn down at the source, within reason.
async fn settle(stale: &SessionGroup) {
    let mut polls = POLLS_PER_ANSWER;
    // Whether it worked makes no difference to what comes next; `bounded` for the panic if the library's task died.
    let _ = timeout(TEARDOWN_WAIT, bounded(&mut polls, stale.await_teardown())).await;
}

fn sized(sample: Sample) -> Result<Sample, Error> {
    if sample.payload.len() > MAX_FRAME_BYTES { Err(Error::Flood) } else { Ok(sample) }
}

fn elapsed(stamp: retina::Timestamp) -> Timestamp {
    let scale = Timescale::new(stamp.clock_rate().get()).unwrap_or(Timescale::VIDEO);
    Timestamp::new(stamp.elapsed(), scale)
}

/// When the library took the packet from the socket.
fn wall(received: retina::WallTime) -> WallTime {
    let since = SystemTime::from(received).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Adds what is new in `now` to the metrics.
fn tell(told: &mut Counts, now: Counts) {
    if *told == now {
        return;
    }
    metrics::counter!("amphi_rtsp_lost_packets_total").increment(now.lost_packets - told.lost_packets);
    metrics::counter!("amphi_rtsp_restamped_frames_total").increment(now.restamped_frames - told.restamped_frames);
    metrics::counter!("amphi_rtsp_skipped_frames_total").increment(now.skipped_frames - told.skipped_frames);
    *told = now;
}
