//! One question about a rendition's file, from the request to the answer.
//!
//! Thousands of viewers wait here at once, so what waits is small: what a question needs is read from the request, and the request is gone
//! before the waiting begins.

use super::respond::{self, Asked, Cache, Content};
use super::{not_found, problem};
use crate::archive::read::Reader;
use crate::http::problem::Problem;
use crate::live::caption_list::CaptionList;
use crate::live::timeline::{Rendition, Timeline};
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use media::origin::answer::{Answer, answer};
use media::origin::playlist::Snapshot;
use media::origin::request::{BadRequest, Request};
use media::rendition::RenditionId;
use media::track::Kind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Nobody is kept waiting longer: hls.js gives up on a first byte after 10 s, and RFC 8216bis section 6.2.5.2 wants an answer within three
/// target durations (12 s by default).
const MAX_WAIT: Duration = Duration::from_secs(8);

/// What an answer carries: playlists and media as shared bytes, problem documents as anything else.
#[derive(Debug)]
pub enum Payload {
    /// Playlists and media; empty when they are sent.
    Shared(Bytes),
    /// The rest.
    Other(Body),
}

/// What is asked, and of what.
#[derive(Debug)]
pub(super) struct Question {
    timeline: Arc<Timeline>,
    of: Of,
    request: Request,
    gzip: bool,
    asked: Asked,
    /// Of a finished video.
    finished: bool,
}

/// What has the file.
#[derive(Debug)]
enum Of {
    Rendition(Arc<Rendition>),
    Captions(Arc<CaptionList>),
}

impl Of {
    fn find(timeline: &Timeline, name: &str) -> Option<Self> {
        if let Some(id) = RenditionId::from_name(name) {
            return timeline.rendition(id).map(Self::Rendition);
        }
        timeline.captions().iter().find(|c| c.name() == name).cloned().map(Self::Captions)
    }

    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        match self {
            Self::Rendition(rendition) => rendition.watch(),
            Self::Captions(captions) => captions.watch(),
        }
    }

    /// Its folder.
    fn name(&self) -> String {
        match self {
            Self::Rendition(rendition) => rendition.id.name(),
            Self::Captions(captions) => captions.name(),
        }
    }

    fn content(&self) -> Content {
        match self {
            Self::Rendition(rendition) => Content::Media(rendition.id.kind()),
            Self::Captions(_) => Content::Captions,
        }
    }
}

/// Why a request asks nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoQuestion {
    File,
    Rendition,
    Bad(BadRequest),
}

impl NoQuestion {
    pub(super) fn answer(self) -> Response<Payload> {
        match self {
            Self::File => not_found("There is no such file."),
            Self::Rendition => not_found("There is no such rendition."),
            Self::Bad(bad) => problem(StatusCode::BAD_REQUEST, &bad.to_string()),
        }
    }
}

impl Question {
    /// Reads it from a request for `file` of `rendition`.
    ///
    /// # Errors
    /// When there is nothing to ask.
    pub(super) fn read(
        timeline: Arc<Timeline>,
        (rendition, file): (&str, &str),
        query: Option<&str>,
        headers: &HeaderMap,
        finished: bool,
    ) -> Result<Self, NoQuestion> {
        let request = match Request::parse(file, query.unwrap_or_default()) {
            Ok(Some(request)) => request,
            Ok(None) => return Err(NoQuestion::File),
            Err(bad) => return Err(NoQuestion::Bad(bad)),
        };
        let Some(of) = Of::find(&timeline, rendition) else { return Err(NoQuestion::Rendition) };
        let gzip = matches!(request, Request::Playlist(_) | Request::Iframes) && respond::accepts_gzip(headers);
        Ok(Self { timeline, of, request, gzip, asked: Asked::of(headers), finished })
    }

    /// Answers it, when it is time.
    pub(super) async fn answer(self, reader: &Reader) -> Response<Payload> {
        let mut watch = self.of.watch();
        let deadline = Instant::now() + MAX_WAIT;
        let mut waits = None;
        loop {
            // The snapshot is not held while waiting: a slow viewer must not keep old versions alive.
            let snapshot = watch.borrow_and_update().clone();
            match answer(&snapshot, self.request) {
                Answer::Wait => {}
                Answer::Playlist { delta, blocking } => {
                    let reports = || self.timeline.reports(&self.of.name());
                    let text = if delta { snapshot.delta(reports) } else { snapshot.full(reports) };
                    return respond::playlist(text, self.cache(blocking), self.gzip).map(Payload::from);
                }
                Answer::Iframes => {
                    let text = snapshot.iframes();
                    return respond::playlist(text, self.cache(false), self.gzip).map(Payload::from);
                }
                Answer::Ram(bytes) => {
                    return respond::media(self.of.content(), &bytes, self.asked).map(Payload::from);
                }
                // Boxed: reading from the disk is the larger future, and who waits for a part should not pay for it.
                other => return Box::pin(self.bytes(reader, other)).await,
            }
            drop(snapshot);
            if waits.is_none() && matches!(self.request, Request::Playlist(_)) && self.counts_viewers() {
                waits = Some(self.timeline.audience.waits());
            }
            match timeout_at(deadline, watch.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return not_found("This live is over."),
                Err(_) => return self.too_late(),
            }
        }
    }

    async fn bytes(&self, reader: &Reader, answer: Answer) -> Response<Payload> {
        // Captions are in memory, all of them.
        let Of::Rendition(rendition) = &self.of else { return not_found("There is no such segment, or no longer.") };
        let bytes = match answer {
            Answer::Disk { location, bytes } => {
                let Some(id) = self.request.msn().and_then(|msn| self.timeline.folder(msn)) else {
                    return not_found("There is no such segment, or no longer.");
                };
                match reader.read(&id, rendition.id, location, bytes).await {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        tracing::error!(video = %id, %error, "media can't be read");
                        return problem(StatusCode::INTERNAL_SERVER_ERROR, "This piece can't be read from disk.");
                    }
                }
            }
            Answer::Init(n) => match rendition.init(n) {
                Some(bytes) => bytes,
                None => return not_found("There is no such initialisation segment."),
            },
            Answer::Bad(bad) => return problem(StatusCode::BAD_REQUEST, &bad.to_string()),
            _ => return not_found("There is no such segment, or no longer."),
        };
        respond::media(self.of.content(), &bytes, self.asked).map(Payload::from)
    }

    /// Each viewer waits for one playlist of pictures at a time, or of sound where there are none.
    fn counts_viewers(&self) -> bool {
        match &self.of {
            Of::Rendition(rendition) => rendition.id.kind() == Kind::Video || !self.timeline.has_video(),
            Of::Captions(_) => false,
        }
    }

    fn cache(&self, blocking: bool) -> Cache {
        match (self.finished, blocking) {
            (true, _) => Cache::Video,
            (false, true) => Cache::Numbered,
            (false, false) => Cache::Brief,
        }
    }

    /// The wait was too long: the contribution is gone, or stalls.
    fn too_late(&self) -> Response<Payload> {
        match self.request {
            Request::Playlist(_) => {
                let problem =
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail("Nothing new arrived in time; ask again.");
                respond::retry(problem.into_response()).map(Payload::Other)
            }
            _ => not_found("This part did not come."),
        }
    }
}

impl Payload {
    /// For a router, which wants one type of body.
    pub(super) fn into_body(self) -> Body {
        match self {
            Self::Shared(bytes) => Body::from(bytes),
            Self::Other(body) => body,
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl http_body::Body for Payload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Shared(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Shared(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Other(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Shared(bytes) => bytes.is_empty(),
            Self::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Shared(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Other(body) => body.size_hint(),
        }
    }
}
