//! `/live/{slug}`: a broadcaster's live in whatever state it is; `?at=2026-11-27T10:15:00Z`: from that moment on.
//!
//! A moment is one of the clock, and so the address is good for ever: what was on air then is in the live that goes on, where the player looks for
//! it, or in the video that it has become, where the browser is sent.

use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::LiveView;
use super::outside::{self, HEIGHT, Outside, WIDTH};
use super::source::{self, Source};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::http::security::Framing;
use crate::live::status::State as LiveState;
use crate::policy::object::{Action, Kind, LivePart};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use media::time::WallTime;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: LiveView,
    /// The address of the player alone, and the code that shows it.
    embed: String,
    embed_code: String,
    outside: Option<Outside>,
    /// The page, for other places.
    address: String,
    /// A moment was asked for that can be watched nowhere.
    missed: bool,
}

/// What an address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    /// A moment, as RFC 3339 writes it.
    #[serde(default)]
    at: String,
}

impl Wish {
    /// `None`: none, or none that can be read.
    fn moment(&self) -> Option<WallTime> {
        let at: Timestamp = self.at.parse().ok()?;
        Some(WallTime::from_micros(at.as_microsecond()))
    }
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(slug): Path<String>,
    wish: Result<Query<Wish>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let site = source.place().site(&headers);
    let at = wish.ok().and_then(|Query(wish)| wish.moment());
    if let Some(at) = at {
        match source::moment(&source, &slug, at, &visitor).await {
            Ok(Some(video)) => {
                return Redirect::temporary(&format!("{}?at={}", video.url(), outside::date(at))).into_response();
            }
            Ok(None) => {}
            Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
        }
    }
    let view = match source::live(&source, &site, &slug, &visitor).await {
        Ok(Some(view)) => view,
        Ok(None) => return ErrorPage::NotFound.render(&headers, &assets, &visitor),
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    let frame = Frame::new(&headers, &assets, Entry::Live).seen_by(&visitor);
    let embed = format!("{site}{}", view.embed_url());
    let embed_code = outside::code(&embed, &view.title, (WIDTH, HEIGHT));
    let outside = Outside::of_live(&site, &view, visitor.anybody_may_of_it(Action::See, Kind::Live(LivePart::Page)));
    let address = format!("{site}{}", view.url());
    // While a live goes on, the player knows.
    let missed = at.is_some() && !matches!(view.state, LiveState::OnAir | LiveState::Dropped);
    let beside = view.tool.as_ref().map(|tool| Framing::Shows(tool.origin.clone()));
    let mut response =
        respond(StatusCode::OK, &Page { frame, view, embed, embed_code, outside, address, missed }).into_response();
    if let Some(beside) = beside {
        response.extensions_mut().insert(beside);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::super::markdown::Html;
    use super::*;
    use crate::http::support::{Answer, World, now};
    use crate::live::status::{State, Status};
    use crate::policy::state::Visibility;
    use crate::policy::who::Role;

    #[test]
    fn a_moment_is_one_of_the_clock() {
        let of = |at: &str| Wish { at: at.to_owned() }.moment().map(WallTime::millis);
        assert_eq!(of("2026-11-27T10:15:00Z"), Some(1_795_774_500_000));
        assert_eq!(of("2026-11-27T10:15:00.250+01:00"), Some(1_795_770_900_250));
        for other in ["", "12", "2026-11-27", "now", "2026-13-27T10:15:00Z", "<script>"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_moment_leads_to_the_video_that_has_it_if_the_reader_may_be_told_of_it() {
        let world = World::new().await;
        let hall = world.hall("hall").await;
        let video = world.video(&hall, "Cours").await;
        let (begin, ask) = (now(), async |path: &str| world.browser().get(path).await);
        let moment = |s: i64| format!("/live/hall?at={}", outside::date(begin.plus_micros(s * 1_000_000)));
        let missed = |answer: &Answer| answer.status == 200 && answer.text.contains(" data-missed>");
        world.show_video_to(&video, Visibility::Public).await;

        let sent_on = ask(&moment(12)).await;
        assert_eq!(
            (sent_on.status, sent_on.header("location")),
            (307, format!("{}?at=2026-09-21T14:13:32Z", video.page_url()).as_str())
        );
        // The second that it begins in.
        assert_eq!(
            ask("/live/hall?at=2026-09-21T14:13:19.5Z").await.header("location"),
            format!("{}?at=2026-09-21T14:13:19Z", video.page_url())
        );
        // Before it, after it, and what is no moment.
        assert!(missed(&ask(&moment(-5)).await) && missed(&ask(&moment(31)).await));
        for path in ["/live/hall", "/live/hall?at=soon", "/live/hall?at=", "/live/hall?at=1&at=2"] {
            let answer = ask(path).await;
            assert!(answer.status == 200 && !answer.text.contains(" data-missed"), "{path}");
        }
        assert_eq!(ask("/live/none?at=2026-09-21T14:13:32Z").await.status, 404);

        // Who may not see it is told as of one that there is not; nobody is told of one that is for who knows its address.
        for visibility in [Visibility::SignedIn, Visibility::Draft, Visibility::Unlisted] {
            world.show_video_to(&video, visibility).await;
            let answer = ask(&moment(12)).await;
            assert!(missed(&answer) && !answer.text.contains(video.id.as_str()), "{visibility}");
        }
        let marie = world.person("marie", Role::Viewer).await;
        world.show_video_to(&video, Visibility::SignedIn).await;
        assert_eq!(world.browser_of(&marie).await.get(&moment(12)).await.status, 307);

        // A live that goes on has its own moments; those before are in the video.
        world.show_video_to(&video, Visibility::Public).await;
        let started_at = Some(begin.plus_micros(60_000_000));
        world.lives.show("hall", Status { state: State::OnAir, started_at, ..Status::starting() });
        let shown = ask(&moment(70)).await;
        assert!(shown.status == 200 && !shown.text.contains(" data-missed"));
        assert_eq!(ask(&moment(12)).await.status, 307);
    }

    #[test]
    fn a_description_is_shown_as_it_was_written() {
        let view = LiveView {
            slug: "demo".into(),
            title: "Amphi".into(),
            summary: String::new(),
            description: Html::of_markdown("Cours de <l’UFR>.\n\n*Entrée libre.*"),
            speakers: Vec::new(),
            licence: None,
            tool: None,
            state: State::Idle,
            started_at: None,
            viewers: 0,
            renditions_version: 0,
            video: None,
            recent: Vec::new(),
        };
        let assets = Assets::unhashed();
        let frame = Frame::new(&HeaderMap::new(), &assets, Entry::Live);
        let (embed, embed_code, outside, address) = (String::new(), String::new(), None, String::new());
        let page = Page { frame, view, embed, embed_code, outside, address, missed: false }.render().unwrap();
        assert!(page.contains("<p>Cours de &lt;l’UFR&gt;.</p>\n<p><em>Entrée libre.</em></p>"), "{page}");
    }
}
