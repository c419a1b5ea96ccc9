//! For the endpoints' tests: the API on a fresh SQLite catalogue, asked without a socket.

use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster::{Broadcaster, NewBroadcaster};
use crate::catalogue::video::{Finished, NewVideo, Video};
use crate::http::assets::Assets;
use crate::http::gate::{self, Gate};
use crate::http::state::{Clock, Parts};
use crate::live;
use crate::policy::scope::Scope;
use crate::search::Search;
use crate::search::keeper::Keeper;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use media::time::WallTime;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tower::ServiceExt as _;

/// What the clock says: 2026-09-21T14:13:20Z.
pub(super) const NOW: WallTime = WallTime::from_micros(1_790_000_000_000_000);

pub(super) struct Api {
    pub(super) catalogue: Catalogue,
    pub(super) lives: live::Handle,
    search: Search,
    router: axum::Router,
    // Gone with the value.
    _folder: tempfile::TempDir,
}

impl Api {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        let catalogue = Catalogue::open(path.to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let lives = live::Handle::idle(catalogue.clone(), folder.path());
        let search = Search::new(folder.path(), catalogue.tenant().as_str());
        let parts = Parts {
            catalogue: catalogue.clone(),
            live: lives.clone(),
            layout: Layout::new(folder.path().join("media")),
            search: search.clone(),
            clock: Clock(|| NOW),
        };
        // Nothing is believed for longer than a question: tests change the catalogue behind its back.
        let (assets, settings) = (Assets::unbuilt(), gate::Settings::default());
        let gate = Gate::believing(catalogue.clone(), Clock(|| NOW), assets, settings, Duration::ZERO);
        let router = gate.guard(super::router::<Parts>().with_state(parts));
        Self { catalogue, lives, search, router, _folder: folder }
    }

    /// Where recordings are.
    pub(super) fn layout(&self) -> Layout {
        Layout::new(self._folder.path().join("media"))
    }

    /// Makes all videos that there are findable.
    pub(super) async fn index(&self) {
        let opened = Keeper::open(self.search.clone(), self.catalogue.clone(), self.layout()).await;
        opened.unwrap().refresh().await.unwrap();
    }

    pub(super) async fn hall(&self, slug: &str) -> Broadcaster {
        let new = NewBroadcaster::new(slug.parse().unwrap(), format!("Hall {slug}"));
        self.catalogue.add_broadcaster(new, NOW).await.unwrap()
    }

    pub(super) async fn video(&self, broadcaster: &Broadcaster, title: &str, listed: bool) -> Video {
        let new = NewVideo {
            broadcaster_id: broadcaster.id.clone(),
            title: Some(title.to_owned()),
            started_at: NOW,
            first_msn: 0,
            first_discontinuity: 0,
        };
        let video = self.catalogue.begin_video(new).await.unwrap();
        let finished = Finished {
            ended_at: NOW.plus_micros(30_000_000),
            duration: Duration::from_millis(30_000),
            listed,
            ladder: false,
            next_msn: 15,
            next_discontinuity: 0,
        };
        self.catalogue.finish_video(&video.id, finished).await.unwrap()
    }

    /// A token with one scope.
    pub(super) async fn token(&self, scope: Scope) -> String {
        let (_, token) = self.catalogue.add_token("test", &BTreeSet::from([scope]), None, NOW).await.unwrap();
        token.reveal().to_owned()
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, None, None).await
    }

    /// Status and JSON (null for an empty body). Every error must be a problem document and nothing may be stored.
    pub(super) async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> (u16, Value) {
        let (status, headers, body) = self.ask(method, path, token, body).await;
        let expected = if status >= 400 { "application/problem+json" } else { "application/json" };
        if !body.is_null() {
            assert_eq!(headers["content-type"], expected, "{method} {path}");
        }
        assert_eq!(headers["cache-control"], "no-store");
        (status, body)
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> (u16, HeaderMap, Value) {
        let mut request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json; charset=utf-8");
        }
        let request = request.body(Body::from(body.unwrap_or_default().to_owned())).unwrap();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        let json = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (head.status.as_u16(), head.headers, json)
    }
}
