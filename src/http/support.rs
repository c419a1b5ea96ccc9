//! For tests of the whole site: every route with its gate on a fresh catalogue, asked without a socket, and a browser that keeps cookies.

use super::accounts::Accounts;
use super::assets::Assets;
use super::gate::{self, Gate};
use super::health::{Health, Report};
use super::pages::events::EventSlots;
use super::pages::operate::Desk;
use super::pages::place::Place;
use super::pages::source::Source;
use super::pages::watched::Views;
use super::play::pictures::Pictures;
use super::play::{Downloads, Play, Videos};
use super::router::{self, site};
use super::security::Policies;
use super::state::{Clock, Parts};
use crate::archive::layout::Layout;
use crate::archive::read::Reader;
use crate::catalogue::Catalogue;
use crate::catalogue::access::AccessChange;
use crate::catalogue::broadcaster::{Broadcaster, NewBroadcaster};
use crate::catalogue::identity::NewPerson;
use crate::catalogue::person::Person;
use crate::catalogue::secret::PasswordHash;
use crate::catalogue::video::{Finished, NewVideo, Video};
use crate::lifecycle::Tasks;
use crate::live;
use crate::mail::{Mailer, Post};
use crate::policy::scope::Scope;
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use crate::search::Search;
use crate::search::keeper::Keeper;
use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use media::time::WallTime;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// What clocks say first: 2026-09-21T14:13:20Z.
const FIRST_S: i64 = 1_790_000_000;

/// The one site that may show our players.
pub(super) const EMBEDDER: &str = "https://moodle.example";

/// The sites whose pages may stand beside a live.
pub(super) const TOOLS: [&str; 2] = ["https://chat.example", "https://*.meet.example"];

thread_local! {
    /// A test runs on one thread, and so do its handlers.
    static NOW_S: Cell<i64> = const { Cell::new(FIRST_S) };
}

/// What the clock says.
pub(super) fn now() -> WallTime {
    WallTime::from_micros(NOW_S.get() * 1_000_000)
}

/// Lets time pass.
pub(super) fn pass(seconds: i64) {
    NOW_S.set(NOW_S.get() + seconds);
}

fn place() -> Place {
    Place::default()
        .shown_by(&[EMBEDDER.to_owned()])
        .beside(TOOLS.map(str::to_owned).into())
        .written_to("help@tv.example".to_owned())
}

/// The site and what stands behind it.
pub(super) struct World {
    pub(super) catalogue: Catalogue,
    pub(super) gate: Gate,
    pub(super) lives: live::Handle,
    pub(super) layout: Layout,
    pub(super) search: Search,
    pub(super) views: Views,
    router: Router,
    // Gone with the value.
    _folder: tempfile::TempDir,
}

/// What was answered, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    /// The name, value and attributes of a cookie that is set.
    pub(super) fn cookie(&self, name: &str) -> Option<(String, String)> {
        self.headers.get_all(SET_COOKIE).iter().find_map(|line| {
            let (pair, attributes) = line.to_str().ok()?.split_once("; ")?;
            let (known, value) = pair.split_once('=')?;
            (known == name).then(|| (value.to_owned(), attributes.to_owned()))
        })
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl World {
    /// Nothing is believed for longer than a question: tests change the catalogue behind the gate's back.
    pub(super) async fn new() -> Self {
        Self::believing(Duration::ZERO).await
    }

    /// One that believes things for so long.
    pub(super) async fn believing(believed_for: Duration) -> Self {
        Self::made(believed_for, None).await
    }

    /// One that writes mails, and where they lead to.
    pub(super) async fn writing(mailer: Mailer, site: &str) -> Self {
        Self::made(Duration::ZERO, Some(Post { mailer, site: site.to_owned() })).await
    }

    async fn made(believed_for: Duration, post: Option<Post>) -> Self {
        NOW_S.set(FIRST_S);
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path().join("catalogue.sqlite").to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let (lives, layout) =
            (live::Handle::idle(catalogue.clone(), folder.path()), Layout::new(folder.path().join("media")));
        let (clock, assets, tasks) = (Clock(now), Assets::unhashed(), Tasks::default());
        let gate = Gate::believing(catalogue.clone(), clock, assets.clone(), gate::Settings::default(), believed_for);
        gate.take_keys().await.unwrap();
        let accounts = Accounts::new(catalogue.clone(), clock, gate.clone(), tasks.clone(), watch::channel(post).1);
        let (videos, reader) = (Videos::new(catalogue.clone(), layout.clone()), Reader::new(layout.clone()));
        let search = Search::new(folder.path(), catalogue.tenant().as_str());
        let pages = Source::new(catalogue.clone(), lives.clone(), layout.clone(), tasks.clone()).reached_at(place());
        let views = pages.views().clone();
        let whole = router::Site {
            parts: Parts {
                catalogue: catalogue.clone(),
                live: lives.clone(),
                layout: layout.clone(),
                search: search.clone(),
                clock,
            },
            play: Play { lives: lives.clone(), videos, downloads: Downloads::default(), reader, gate: gate.clone() },
            pictures: Pictures { catalogue: catalogue.clone(), layout: layout.clone() },
            desk: Desk::new(&accounts, lives.clone(), tasks),
            pages,
            assets,
            events: EventSlots::new(64),
            accounts,
            policies: Policies::new(&[EMBEDDER.to_owned()], &TOOLS.map(str::to_owned)),
        };
        let health = Health {
            report: watch::channel(Report::default()).1,
            stopping: CancellationToken::new(),
            metrics: Some(PrometheusBuilder::new().build_recorder().handle()),
        };
        Self { catalogue, gate, lives, layout, search, views, router: site(whole, health), _folder: folder }
    }

    /// Makes all videos that there are findable.
    pub(super) async fn index(&self) {
        let opened = Keeper::open(self.search.clone(), self.catalogue.clone(), self.layout.clone()).await;
        opened.unwrap().refresh().await.unwrap();
    }

    pub(super) async fn hall(&self, slug: &str) -> Broadcaster {
        let new = NewBroadcaster::new(slug.parse().unwrap(), format!("Hall {slug}"));
        self.catalogue.add_broadcaster(new, now()).await.unwrap()
    }

    /// A finished video of thirty seconds, without a byte on disk.
    pub(super) async fn video(&self, hall: &Broadcaster, title: &str) -> Video {
        let new = NewVideo {
            broadcaster_id: hall.id.clone(),
            title: Some(title.to_owned()),
            started_at: now(),
            first_msn: 0,
            first_discontinuity: 0,
        };
        let video = self.catalogue.begin_video(new).await.unwrap();
        let finished = Finished {
            ended_at: now().plus_micros(30_000_000),
            duration: Duration::from_secs(30),
            listed: true,
            ladder: false,
            next_msn: 1,
            next_discontinuity: 0,
        };
        self.catalogue.finish_video(&video.id, finished).await.unwrap()
    }

    /// Somebody whose password nobody knows.
    pub(super) async fn person(&self, login: &str, role: Role) -> Person {
        self.catalogue.add_person(NewPerson::new(login, role), &PasswordHash::of_nobody(), now()).await.unwrap()
    }

    /// A browser in which somebody is signed in, without the form.
    pub(super) async fn browser_of(&self, person: &Person) -> Browser<'_> {
        let (_, token) = self.catalogue.begin_session(&person.id, "test", now()).await.unwrap();
        let mut browser = self.browser();
        browser.cookies.insert(self.gate.cookies().session().to_owned(), token.reveal().to_owned());
        browser
    }

    /// One in which nobody is.
    pub(super) fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookies: BTreeMap::new() }
    }

    pub(super) async fn show_video_to(&self, video: &Video, visibility: Visibility) {
        let change = AccessChange { visibility: Some(visibility), ..AccessChange::default() };
        self.catalogue.change_video_access(&video.id, change).await.unwrap();
    }

    /// A token with one scope.
    pub(super) async fn token(&self, scope: Scope) -> String {
        let (_, token) = self.catalogue.add_token("test", &BTreeSet::from([scope]), None, now()).await.unwrap();
        token.reveal().to_owned()
    }

    /// The answer to a request, to be read as it comes.
    pub(super) async fn open(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The answer to a request. Of a stream of events the begin is enough.
    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let streams = head.headers.get("content-type").is_some_and(|value| value == "text/event-stream");
        let bytes = if streams { Vec::new() } else { body.collect().await.unwrap().to_bytes().to_vec() };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: head.status.as_u16(), headers: head.headers, text }
    }
}

/// Keeps cookies, and says of requests that change something that they come from its own site, as browsers do.
#[derive(Clone)]
pub(super) struct Browser<'a> {
    world: &'a World,
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// Sends a form of the page that was read last: its hidden word is that of the cookie.
    pub(super) async fn post(&mut self, path: &str, fields: &str) -> Answer {
        let word = self.cookies.get("amphi-form").cloned().unwrap_or_default();
        self.send("POST", path, &[("sec-fetch-site", "same-origin")], &format!("{fields}&form={word}")).await
    }

    /// Sends a form of its own kind as it is.
    pub(super) async fn send_bytes(&mut self, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", kind)];
        self.send_body("POST", path, &headers, Body::from(body)).await
    }

    pub(super) async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let kind = (!body.is_empty()).then_some(("content-type", kind));
        let headers: Vec<(&str, &str)> = kind.into_iter().chain(headers.iter().copied()).collect();
        self.send_body(method, path, &headers, Body::from(body.to_owned())).await
    }

    async fn send_body(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(path).header("host", "tv.example");
        if !headers.iter().any(|(name, _)| *name == "accept-language") {
            request = request.header("accept-language", "en");
        }
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.world.ask(request.body(body).unwrap()).await;
        for line in answer.headers.get_all(SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if line.to_str().unwrap().contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}
