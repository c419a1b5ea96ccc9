//! The pages as a browser gets them: a router with the handlers, asked in process.

use super::events::EventSlots;
use super::source::Source;
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster::{Broadcaster, NewBroadcaster};
use crate::catalogue::details::{Chapter, DetailsChange, VideoKind};
use crate::catalogue::video::{Finished, NewVideo};
use crate::http::assets::{self, Assets};
use crate::http::gate::{self, Gate};
use crate::http::security::{self, Policies};
use crate::http::state::Clock;
use crate::lifecycle::Tasks;
use crate::live;
use crate::live::status::{State, Status};
use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Request, StatusCode};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use http_body_util::BodyExt;
use media::caption::language::Language;
use media::time::WallTime;
use std::path::Path;
use std::time::Duration;
use tower::ServiceExt;

#[derive(Clone)]
struct App {
    source: Source,
    assets: Assets,
    slots: EventSlots,
    gate: Gate,
}

impl FromRef<App> for Source {
    fn from_ref(app: &App) -> Self {
        app.source.clone()
    }
}

impl FromRef<App> for Assets {
    fn from_ref(app: &App) -> Self {
        app.assets.clone()
    }
}

impl FromRef<App> for EventSlots {
    fn from_ref(app: &App) -> Self {
        app.slots.clone()
    }
}

fn at(seconds: i64) -> WallTime {
    WallTime::from_micros(seconds * 1_000_000)
}

const NOVEMBER: i64 = 1_795_000_000;
/// The newest video's page.
const VIDEO_PAGE: &str = "/videos/v1-amphi-emile-borel-23-novembre";
/// The page of one of which all is said.
const LECTURE_PAGE: &str = "/videos/v7-analyse-2-series-de-fourier";

/// A catalogue with two halls and three videos of the first, whose lives are shown as a test likes.
struct World {
    app: App,
    catalogue: Catalogue,
    lives: live::Handle,
    /// The videos' ids, newest first. They are random: pages are read with `v1`, `v7` and `v9` in their place.
    ids: Vec<(String, &'static str)>,
    // Gone with the value.
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        let catalogue = Catalogue::open(path.to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let lives = live::Handle::idle(catalogue.clone(), folder.path());
        let layout = Layout::new(folder.path().join("media"));
        let source = Source::new(catalogue.clone(), lives.clone(), layout.clone(), Tasks::default());
        let (clock, settings) = (Clock(|| at(NOVEMBER)), gate::Settings::default());
        // Nothing is believed for longer than a question: tests change the catalogue behind its back.
        let gate = Gate::believing(catalogue.clone(), clock, Assets::unhashed(), settings, Duration::ZERO);
        let app = App { source, assets: Assets::unhashed(), slots: EventSlots::new(1), gate };
        let mut world = Self { app, catalogue, lives, ids: Vec::new(), _folder: folder };
        let hall = world.hall("demo", "Amphi Émile Borel").await;
        world.hall("b12", "Salle B12 : soutenance de thèse de Mme Lefèvre-Dubois").await;
        for (name, title, day, duration_ms) in [
            ("v1", "Amphi Émile Borel, 23 novembre", 0, 65_000),
            ("v7", "Analyse 2 : séries de Fourier", 1, 5_400_000),
            ("v9", "<script>alert(1)</script> & autres titres", 2, 61_000),
        ] {
            let id = world.video(&hall, title, at(NOVEMBER - day * 86_400), duration_ms).await;
            world.ids.push((id, name));
        }
        world.describe("v7", &layout).await;
        world
    }

    /// All that can be said of a video, in French, and what is said in it in two languages.
    async fn describe(&self, name: &str, layout: &Layout) {
        let chapter = |s: u64, title: &str| Chapter { start: Duration::from_secs(s), title: title.to_owned() };
        let change = DetailsChange {
            description: Some(
                "Deuxième cours du semestre : **convergence** des séries de Fourier.\n\n## Plan\n\n\
                 1. Rappels sur les séries entières\n2. Théorème de Dirichlet\n3. Exemples\n\n\
                 Le [polycopié](https://example.org/poly.pdf) et les exercices : <prof@example.org>."
                    .to_owned(),
            ),
            language: Some(Language::new("fr")),
            kind: Some(VideoKind::Lecture),
            licence: Some("CC-BY-SA-4.0".to_owned()),
            tags: Some(["analyse", "fourier", "licence 3"].map(str::to_owned).to_vec()),
            speakers: Some(vec!["Émilie Dupont".to_owned(), "Jean-Baptiste Lefèvre".to_owned()]),
            chapters: Some(vec![
                chapter(0, "Rappels"),
                chapter(6, "Le théorème de Dirichlet et ses hypothèses"),
                chapter(12, "Exemples"),
            ]),
            ..DetailsChange::default()
        };
        let id = self.id(name);
        self.catalogue.change_details(&id.parse().unwrap(), change).await.unwrap();
        std::fs::create_dir_all(layout.folder(id)).unwrap();
        for tag in ["en", "fr"] {
            std::fs::write(layout.captions(id, &Language::new(tag).unwrap()), "").unwrap();
        }
    }

    async fn hall(&self, slug: &str, title: &str) -> Broadcaster {
        let new = NewBroadcaster::new(slug.parse().unwrap(), title.to_owned());
        self.catalogue.add_broadcaster(new, at(0)).await.unwrap()
    }

    async fn video(&self, hall: &Broadcaster, title: &str, started_at: WallTime, duration_ms: u64) -> String {
        let new = NewVideo {
            broadcaster_id: hall.id.clone(),
            title: Some(title.to_owned()),
            started_at,
            first_msn: 0,
            first_discontinuity: 0,
        };
        let video = self.catalogue.begin_video(new).await.unwrap();
        let duration = Duration::from_millis(duration_ms);
        let ended_at = started_at.plus_micros(i64::try_from(duration.as_micros()).unwrap());
        let finished = Finished { ended_at, duration, listed: true, ladder: false, next_msn: 9, next_discontinuity: 1 };
        self.catalogue.finish_video(&video.id, finished).await.unwrap();
        video.id.to_string()
    }

    /// Shows the live of `demo`; an ended one became the newest video.
    fn show(&self, state: State) {
        let video_id = (state == State::Ended).then(|| self.ids[0].0.clone());
        self.lives.show("demo", Status { state, video_id, started_at: Some(at(NOVEMBER)), ..Status::starting() });
    }

    /// `v1` → its id.
    fn id(&self, name: &str) -> &str {
        self.ids.iter().find(|(_, known)| *known == name).map(|(id, _)| id.as_str()).unwrap()
    }

    /// A page with the videos' names instead of their ids.
    async fn page(&self, path: &str, language: &str) -> String {
        let mut path = path.to_owned();
        for (id, name) in &self.ids {
            path = path.replace(&format!("/videos/{name}"), &format!("/videos/{id}"));
        }
        self.named(text(get(&self.app, &path, language).await).await)
    }

    fn named(&self, text: String) -> String {
        self.ids.iter().fold(text, |text, (id, name)| text.replace(id.as_str(), name))
    }
}

fn router(app: &App) -> Router {
    let router = Router::new()
        .merge(super::routes())
        .merge(super::embed::routes())
        .merge(assets::routes())
        .fallback(super::not_found);
    app.gate
        .guard(router.with_state(app.clone()))
        .layer(map_response_with_state(Policies::new(&[], &[]), security::add_headers))
}

async fn get(app: &App, path: &str, language: &str) -> Response {
    let request = Request::get(path).header("accept-language", language).body(Body::empty()).expect("a request");
    router(app).oneshot(request).await.expect("infallible")
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// `web/tests/pages` holds the pages that the player's tests are played in. They are what the server sends: with
/// `AMPHI_WRITE_PAGES=1` this writes them, without it compares.
#[tokio::test]
async fn pages_of_the_players_tests_are_what_the_server_sends() {
    let world = World::new().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/pages");
    let write = std::env::var_os("AMPHI_WRITE_PAGES").is_some();
    let pages = [
        (VIDEO_PAGE, "video"),
        (LECTURE_PAGE, "lecture"),
        ("/embed/videos/v7", "embed-video"),
        ("/videos?kind=lecture", "videos"),
        ("/none", "error"),
        ("/live/demo", "live"),
        ("/live/demo", "live-on-air"),
        ("/embed/live/demo", "embed-live"),
        ("/", "home"),
    ];
    for (path, name) in pages {
        match name {
            "live" => world.show(State::Idle),
            "live-on-air" => world.show(State::OnAir),
            "home" => {
                let shown = Status { started_at: Some(at(NOVEMBER)), ..Status::starting() };
                world.lives.show("demo", Status { state: State::OnAir, viewers: 128, ..shown.clone() });
                let later = Some(at(NOVEMBER + 60));
                world.lives.show("b12", Status { state: State::Dropped, viewers: 4, started_at: later, ..shown });
            }
            _ => {}
        }
        for language in ["fr", "en"] {
            let page = world.page(path, language).await;
            let file = folder.join(format!("{name}.{language}.html"));
            if write {
                std::fs::write(&file, &page).expect("writing a page");
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(
                kept == page,
                "{} differs: AMPHI_WRITE_PAGES=1 cargo test pages_of_the_players_tests",
                file.display()
            );
        }
    }
}

#[tokio::test]
async fn a_page_is_in_the_readers_language_and_has_the_headers() {
    let world = World::new().await;
    world.show(State::OnAir);
    let french = get(&world.app, "/", "fr-FR,fr;q=0.9").await;
    assert_eq!(french.status(), StatusCode::OK);
    assert_eq!(french.headers()["vary"], "accept-language");
    assert!(french.headers().contains_key("content-security-policy"));
    let french = text(french).await;
    assert!(french.contains("<html lang=\"fr\">") && french.contains("En direct maintenant"));
    assert!(world.page("/", "en").await.contains("On air now"));
}

#[tokio::test]
async fn nothing_inline_nothing_foreign_nothing_unescaped() {
    let world = World::new().await;
    world.hall("evil", "\"><script>alert(1)</script>").await;
    world.lives.show("evil", Status { state: State::OnAir, ..Status::starting() });
    for path in ["/", "/live/demo", "/live/evil", VIDEO_PAGE, "/videos/v9-script-alert-1-script-autres-titres", "/none"]
    {
        let response = get(&world.app, &path.replace("v1", world.id("v1")).replace("v9", world.id("v9")), "fr").await;
        let expected = if path == "/none" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(response.status(), expected, "{path}: {:?}", response.headers().get("location"));
        let page = text(response).await;
        assert!(!page.contains("alert(1)</script>"), "{path}");
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="), "{path}");
        for part in page.split("<script").skip(1) {
            assert!(part.starts_with(" type=\"module\" src=\"/assets/"), "{path}: {part:.60}");
        }
        assert!(!page.contains("=\"http") && !page.contains("=\"//"), "{path}");
    }
}

#[tokio::test]
async fn a_live_page_can_be_read_in_every_state() {
    let world = World::new().await;
    let mut states = vec![];
    for state in [State::Idle, State::Starting, State::OnAir, State::Dropped, State::Ended] {
        world.show(state);
        let page = world.page("/live/demo", "en").await;
        let player =
            page.split("<amphi-player ").nth(1).map(|rest| rest.split('>').next().unwrap_or_default().to_owned());
        let name = page.split("data-state=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        states.push((name.expect("a state"), player));
    }
    let (src, title) = ("src=\"/live/demo/master.m3u8\"", "title=\"Amphi Émile Borel\"");
    let live = format!("kind=\"live\" {src} {title} thumbnails=\"/live/demo/previews.json\" autoplay");
    let video = "kind=\"video\" src=\"/videos/v1/master.m3u8\" title=\"Amphi Émile Borel\"".to_owned();
    let expected = [
        ("idle", None),
        ("starting", None),
        ("on_air", Some(live.clone())),
        ("dropped", Some(live)),
        ("ended", Some(video)),
    ];
    assert_eq!(states, expected.map(|(name, player)| (name.to_owned(), player)));
}

#[tokio::test]
async fn a_broadcaster_that_was_never_on_air_has_a_page() {
    let world = World::new().await;
    let page = world.page("/live/b12", "en").await;
    assert!(page.contains("data-state=\"idle\"") && !page.contains("<amphi-player"), "{page}");
}

#[tokio::test]
async fn another_slug_is_sent_on_with_its_query() {
    let world = World::new().await;
    let v1 = world.id("v1");
    let sent_on = async |path: String| {
        let response = get(&world.app, &path, "fr").await;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT, "{path}");
        world.named(response.headers()["location"].to_str().unwrap().to_owned())
    };
    assert_eq!(sent_on(format!("/videos/{v1}-old-title?t=12")).await, format!("{VIDEO_PAGE}?t=12"));
    assert_eq!(sent_on(format!("/videos/{v1}")).await, VIDEO_PAGE);
    for missing in ["/videos/aaaaaaaaaaaaaaaa-demo", "/videos/nope-demo", "/live/nope", "/nothing", "/videos/%2e%2e"] {
        let response = get(&world.app, missing, "fr").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{missing}");
        assert!(text(response).await.contains("Page introuvable"), "{missing}");
    }
}

#[tokio::test]
async fn a_video_is_not_shown_while_it_is_recorded_nor_once_deleted() {
    let world = World::new().await;
    let hall = world.catalogue.broadcaster_by_slug(&"demo".parse().unwrap()).await.unwrap().unwrap();
    let new = NewVideo {
        broadcaster_id: hall.id,
        title: Some("Still recorded".into()),
        started_at: at(NOVEMBER + 1),
        first_msn: 9,
        first_discontinuity: 1,
    };
    let recorded = world.catalogue.begin_video(new).await.unwrap();
    let v7 = world.id("v7");
    world.catalogue.delete_video(&v7.parse().unwrap(), at(NOVEMBER)).await.unwrap();
    for path in [recorded.page_url(), format!("/videos/{v7}-analyse-2-series-de-fourier")] {
        assert_eq!(get(&world.app, &path, "fr").await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let home = world.page("/", "en").await;
    assert!(home.contains("/videos/v1-") && !home.contains("/videos/v7-") && !home.contains("Still recorded"));
}

/// More than a loaded machine takes to tell of a change.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn states_come_as_events_within_a_bound() {
    let world = World::new().await;
    let app = &world.app;
    let response = get(app, "/live/demo/events", "fr").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(get(app, "/live/demo/events", "fr").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(app, "/live/nope/events", "fr").await.status(), StatusCode::NOT_FOUND);

    let mut body = response.into_body();
    let mut next = async || {
        let frame = tokio::time::timeout(TOLD_WITHIN, body.frame()).await.expect("in time");
        let frame = frame.expect("more").expect("infallible");
        world.named(String::from_utf8(frame.into_data().expect("data").to_vec()).expect("UTF-8"))
    };
    let first = next().await;
    assert!(first.starts_with("retry: 2000\nevent: state\ndata: {\"state\":\"idle\",\"video_id\":null,"), "{first}");
    world.show(State::Starting);
    assert!(next().await.contains("\"state\":\"starting\",\"video_id\":null,"));
    world.show(State::Dropped);
    assert!(next().await.contains("\"state\":\"dropped\",\"video_id\":null,"));
    world.show(State::Ended);
    let message = next().await;
    let expected = format!("\"state\":\"ended\",\"video_id\":\"v1\",\"video_url\":\"{VIDEO_PAGE}\"");
    assert!(message.contains(&expected), "{message}");

    drop(body);
    assert_eq!(get(app, "/live/demo/events", "fr").await.status(), StatusCode::OK, "the slot is free again");
}

#[tokio::test]
async fn without_a_front_end_the_page_says_what_to_type() {
    let world = World::new().await;
    world.show(State::OnAir);
    let app = App { assets: Assets::unbuilt(), ..world.app.clone() };
    let page = text(get(&app, "/", "en").await).await;
    assert!(page.contains("run “make”") && page.contains("On air now"));
}
