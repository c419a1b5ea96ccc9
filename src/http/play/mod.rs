//! Playlists and media over HTTP: the origin's answers, waited for, with headers.
//!
//! Routes: `/live/{slug}/master.m3u8`, `/live/{slug}/{rendition}/{file}`, and the same under `/videos/{id}`; `/live/{slug}/picture.jpg`, `previews.json`, `previews/{file}` and `captions/{file}` beside it, `/videos/{id}/download/{file}`. GET and HEAD, byte ranges,
//! gzip for playlists, CORS for players on other sites. Caching follows Apple's LL-HLS server rules: what was asked for by number never
//! changes and can be kept; a playlist without a number is stale at once.
//!
//! **Promises.** A waiting viewer holds a channel receiver and little else; nobody waits longer than `MAX_WAIT`; text and bytes are shared,
//! never copied per viewer.
//!
//! A live's files are asked for eight times a second by every viewer, so [`Play::hot`] answers them beside the router; what it leaves, the
//! routes here answer with the same code.

mod captions;
mod download;
mod file;
mod live_previews;
pub mod pictures;
mod previews;
mod respond;
mod said;
mod still;
mod videos;

pub use download::Downloads;
pub use file::Payload;
pub(super) use respond::public;
pub use videos::Videos;

use crate::archive::read::Reader;
use crate::http::gate::{self, AtOnce, Gate};
use crate::http::input::Segments;
use crate::http::problem::Problem;
use crate::live::Handle;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, RawQuery, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::get;
use file::{NoQuestion, Question};
use std::future::Future;

/// What playing needs.
#[derive(Clone, Debug)]
pub struct Play {
    /// Lives on air.
    pub lives: Handle,
    /// Finished ones.
    pub videos: Videos,
    /// Those that are taken away.
    pub downloads: Downloads,
    /// Their bytes on disk.
    pub reader: Reader,
    /// Who may have them.
    pub gate: Gate,
}

impl Play {
    /// The answer to a request for a file of a live on air; `None`: the router's affair. Holds nothing of the request.
    pub fn hot(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<impl Future<Output = Response<Payload>> + Send + use<>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let (slug, rest) = uri.path().strip_prefix("/live/")?.split_once('/')?;
        let (rendition, file) = rest.split_once('/')?;
        let admitted = self.gate.at_once(slug, headers);
        if admitted == AtOnce::Ask {
            return None;
        }
        let timeline = self.lives.timeline(slug)?;
        let question = Question::read(timeline, (rendition, file), uri.query(), headers, false).ok()?;
        let reader = self.reader.clone();
        Some(async move {
            let mut response = question.answer(&reader).await;
            if admitted == AtOnce::Passed {
                gate::private(&mut response);
            }
            response
        })
    }
}

/// The routes, for any state that has a [`Play`].
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Play: FromRef<S>,
{
    Router::new()
        .route("/live/{slug}/master.m3u8", get(live_master).options(respond::preflight))
        .route("/live/{slug}/{rendition}/{file}", get(live_file).options(respond::preflight))
        .route("/live/{slug}/pass", get(pass))
        .route("/live/{slug}/picture.jpg", get(still::handler).options(respond::preflight))
        .route("/live/{slug}/previews.json", get(live_previews::list).options(respond::preflight))
        .route("/live/{slug}/previews/{file}", get(live_previews::picture).options(respond::preflight))
        .route("/live/{slug}/captions/{file}", get(said::handler).options(respond::preflight))
        .route("/videos/{id}/pass", get(pass))
        .route("/videos/{id}/master.m3u8", get(video_master).options(respond::preflight))
        .route("/videos/{id}/download/{file}", get(download::handler))
        .route("/videos/{id}/captions/{file}", get(captions::handler).options(respond::preflight))
        .route("/videos/{id}/{rendition}/{file}", get(video_file).options(respond::preflight))
}

/// Nothing but the cookie that the gate adds. Players ask for it every few seconds, where what they play is not for everybody.
async fn pass() -> Response<Body> {
    respond::public(StatusCode::NO_CONTENT.into_response())
}

async fn live_master(State(play): State<Play>, Segments(slug): Segments<String>, headers: HeaderMap) -> Response<Body> {
    let text = play.lives.timeline(&slug).and_then(|t| t.multivariant());
    let answer = match text {
        Some(text) => respond::multivariant(text, respond::accepts_gzip(&headers)).map(Payload::from),
        None => not_found("Nothing is on air here."),
    };
    answer.map(Payload::into_body)
}

async fn live_file(
    State(play): State<Play>,
    Segments((slug, rendition, file)): Segments<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let answer = match play.lives.timeline(&slug) {
        Some(timeline) => {
            let question = Question::read(timeline, (&rendition, &file), query.as_deref(), &headers, false);
            answered(&play, question).await
        }
        None => not_found("Nothing is on air here."),
    };
    answer.map(Payload::into_body)
}

async fn video_master(State(play): State<Play>, Segments(id): Segments<String>, headers: HeaderMap) -> Response<Body> {
    let answer = match play.videos.timeline(&id).await {
        Ok(Some(timeline)) => match timeline.multivariant() {
            Some(text) => respond::multivariant(text, respond::accepts_gzip(&headers)).map(Payload::from),
            None => not_found("This video has nothing to play."),
        },
        Ok(None) => not_found("There is no such video."),
        Err(answer) => return answer,
    };
    answer.map(Payload::into_body)
}

async fn video_file(
    State(play): State<Play>,
    Segments((id, rendition, file)): Segments<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let answer = match play.videos.timeline(&id).await {
        Ok(Some(timeline)) => {
            let question = Question::read(timeline, (&rendition, &file), query.as_deref(), &headers, true);
            answered(&play, question).await
        }
        Ok(None) => not_found("There is no such video."),
        Err(answer) => return answer,
    };
    answer.map(Payload::into_body)
}

async fn answered(play: &Play, question: Result<Question, NoQuestion>) -> Response<Payload> {
    match question {
        Ok(question) => question.answer(&play.reader).await,
        Err(none) => none.answer(),
    }
}

fn not_found(detail: &'static str) -> Response<Payload> {
    problem(StatusCode::NOT_FOUND, detail)
}

fn problem(status: StatusCode, detail: &str) -> Response<Payload> {
    respond::public(Problem::new(status).detail(detail).into_response()).map(Payload::Other)
}
