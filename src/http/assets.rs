//! The built front end (`web/dist`), embedded in the binary; read from the disk in debug builds.
//!
//! Names are hashed by Vite, so that an answer never changes and is kept by browsers for a year; `.vite/manifest.json`,
//! read once at start, says which file a page needs. Without a built front end the pages still work for readers and
//! say what to type.

use super::look::Shown;
use crate::http::known::is_known;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use rust_embed::RustEmbed;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

#[derive(RustEmbed)]
#[folder = "web/dist/"]
struct Dist;

/// Hashed names: kept for a year, never asked for again.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Names that stay while the content may change: asked for again with the `ETag`.
const REVALIDATED: &str = "public, max-age=3600, must-revalidate";
/// Imports are followed no deeper than this; Vite's own graphs are three or four deep.
const MAX_DEPTH: usize = 32;

/// A page's own module beside `site`, which every page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Text only.
    Site,
    /// `/live/<slug>`.
    Live,
    /// `/videos/<id>-<slug>`.
    Video,
    /// `/operate` and what is below it.
    Operate,
    /// `/embed/live/<slug>`.
    EmbedLive,
    /// `/embed/videos/<id>`.
    EmbedVideo,
}

/// What a page loads, as addresses on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Style sheets, in order.
    pub styles: Vec<String>,
    /// Modules, in order.
    pub scripts: Vec<String>,
}

/// The front end, as a tenant shows it. Cheap to clone.
#[derive(Clone)]
pub struct Assets(Arc<Inner>, Shown);

impl fmt::Debug for Assets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assets").field("files", &self.0.files.len()).finish_non_exhaustive()
    }
}

struct Inner {
    files: HashMap<String, File>,
    site: Needs,
    live: Needs,
    video: Needs,
    operate: Needs,
    embed_live: Needs,
    embed_video: Needs,
    built: bool,
}

struct File {
    body: Bytes,
    etag: String,
    content_type: &'static str,
    hashed: bool,
    // Made when first asked for: most files of the player are seldom needed.
    gzip: OnceLock<Option<Bytes>>,
}

#[derive(Deserialize)]
struct Chunk {
    file: String,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "isEntry")]
    is_entry: bool,
    #[serde(default)]
    css: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
}

type Manifest = BTreeMap<String, Chunk>;

impl Assets {
    /// What is embedded. A front end that is not built is no error: [`Assets::is_built`] says so, and it is logged once.
    #[must_use]
    pub fn embedded() -> Self {
        let mut files = HashMap::new();
        let mut manifest = None;
        for name in Dist::iter() {
            let Some(file) = Dist::get(&name) else { continue };
            if name == ".vite/manifest.json" {
                manifest = serde_json::from_slice::<Manifest>(&file.data).ok();
            } else if !name.split('/').any(|part| part.starts_with('.')) {
                let etag = quoted_hex(&file.metadata.sha256_hash()[..12]);
                files.insert(name.to_string(), File::new(&name, Bytes::from(file.data.into_owned()), etag));
            }
        }
        let Some(manifest) = manifest else {
            tracing::error!("front end not built: run make");
            return Self::unbuilt();
        };
        let site = needs(&manifest, &["site"]);
        let live = needs(&manifest, &["site", "live"]);
        let video = needs(&manifest, &["site", "video"]);
        let operate = needs(&manifest, &["site", "operate"]);
        let embed_live = needs(&manifest, &["site", "live", "embed"]);
        let embed_video = needs(&manifest, &["site", "embed"]);
        Self(
            Arc::new(Inner { files, site, live, video, operate, embed_live, embed_video, built: true }),
            Shown::default(),
        )
    }

    /// No front end at all.
    #[must_use]
    pub fn unbuilt() -> Self {
        let (site, live, video, operate, embed_live, embed_video) = Default::default();
        let files = HashMap::new();
        Self(
            Arc::new(Inner { files, site, live, video, operate, embed_live, embed_video, built: false }),
            Shown::default(),
        )
    }

    /// Addresses without hashes and no files: for pages that are compared in tests.
    #[must_use]
    pub fn unhashed() -> Self {
        let script = |name: &str| format!("/assets/{name}.js");
        let sheet = |name: &str| format!("/assets/{name}.css");
        let and = |style: &str, name: &str| Needs {
            styles: vec![sheet("site"), sheet(style)],
            scripts: vec![script("site"), script(name)],
        };
        let with = |name: &str| and("player", name);
        let site = Needs { styles: vec![sheet("site")], scripts: vec![script("site")] };
        let (live, video, embed_video) = (with("live"), with("video"), with("embed"));
        let operate = and("operate", "operate");
        let mut embed_live = live.clone();
        embed_live.scripts.push(script("embed"));
        let files = HashMap::new();
        Self(
            Arc::new(Inner { files, site, live, video, operate, embed_live, embed_video, built: true }),
            Shown::default(),
        )
    }

    /// The same front end, as another tenant shows it.
    #[must_use]
    pub fn shown_as(&self, shown: Shown) -> Self {
        Self(Arc::clone(&self.0), shown)
    }

    /// How it is shown.
    #[must_use]
    pub fn shown(&self) -> &Shown {
        &self.1
    }

    /// Whether there is a front end.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.0.built
    }

    /// What a page loads.
    #[must_use]
    pub fn needs(&self, entry: Entry) -> &Needs {
        match entry {
            Entry::Site => &self.0.site,
            Entry::Live => &self.0.live,
            Entry::Video => &self.0.video,
            Entry::Operate => &self.0.operate,
            Entry::EmbedLive => &self.0.embed_live,
            Entry::EmbedVideo => &self.0.embed_video,
        }
    }
}

impl File {
    fn new(name: &str, body: Bytes, etag: String) -> Self {
        let content_type = match name.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("woff2") => "font/woff2",
            Some("json") => "application/json",
            _ => "application/octet-stream",
        };
        Self { body, etag, content_type, hashed: name.starts_with("assets/"), gzip: OnceLock::new() }
    }

    fn gzip(&self) -> Option<&Bytes> {
        self.gzip
            .get_or_init(|| {
                let text = self.content_type.starts_with("text/") || self.content_type == "image/svg+xml";
                if !text || self.body.len() < 512 {
                    return None;
                }
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(7));
                encoder.write_all(&self.body).ok()?;
                encoder.finish().ok().map(Bytes::from)
            })
            .as_ref()
    }
}

/// Style sheets and modules of these entries, with the sheets of everything that they import, each once.
fn needs(manifest: &Manifest, entries: &[&str]) -> Needs {
    let mut found = Needs::default();
    for wanted in entries {
        let Some((key, chunk)) = manifest.iter().find(|(_, chunk)| chunk.is_entry && chunk.name == *wanted) else {
            tracing::error!(entry = wanted, "the front end has no such entry: run make");
            continue;
        };
        collect_styles(manifest, key, 0, &mut BTreeSet::new(), &mut found.styles);
        found.scripts.push(format!("/{}", chunk.file));
    }
    found
}

fn collect_styles<'a>(
    manifest: &'a Manifest,
    key: &'a str,
    depth: usize,
    seen: &mut BTreeSet<&'a str>,
    styles: &mut Vec<String>,
) {
    let Some(chunk) = manifest.get(key) else { return };
    if depth > MAX_DEPTH || !seen.insert(key) {
        return;
    }
    for import in &chunk.imports {
        collect_styles(manifest, import, depth + 1, seen, styles);
    }
    for sheet in &chunk.css {
        let address = format!("/{sheet}");
        if !styles.contains(&address) {
            styles.push(address);
        }
    }
}

fn quoted_hex(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

/// `/assets/…` and `/favicon.svg`.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
{
    Router::new().route("/assets/{*path}", get(asset)).route("/favicon.svg", get(favicon))
}

async fn asset(State(assets): State<Assets>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    answer(&assets, &format!("assets/{path}"), &headers)
}

async fn favicon(State(assets): State<Assets>, headers: HeaderMap) -> Response {
    answer(&assets, "favicon.svg", &headers)
}

fn answer(assets: &Assets, name: &str, asked: &HeaderMap) -> Response {
    let Some(file) = assets.0.files.get(name) else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response();
    };
    let takes_gzip = header_text(asked, header::ACCEPT_ENCODING).split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.all(|part| !matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    });
    let packed = if takes_gzip { file.gzip() } else { None };
    let cache = if file.hashed { IMMUTABLE } else { REVALIDATED };
    let fresh = is_known(asked, &file.etag);
    let mut response =
        Response::new(if fresh { Body::empty() } else { Body::from(packed.unwrap_or(&file.body).clone()) });
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Weak: the packed and the plain answer share it.
    if let Ok(tag) = HeaderValue::from_str(&format!("W/{}", file.etag)) {
        headers.insert(header::ETAG, tag);
    }
    if !fresh {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
        if packed.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    response
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Manifest {
        serde_json::from_str(text).expect("a manifest")
    }

    const GRAPH: &str = r#"{
        "src/site.ts": {"file":"assets/site-1.js","name":"site","isEntry":true,"css":["assets/site-1.css"]},
        "src/live-page.ts": {"file":"assets/live-2.js","name":"live","isEntry":true,"imports":["_player.js"]},
        "_player.js": {"file":"assets/player-3.js","name":"player","css":["assets/player-3.css"],"imports":["_x.js","src/site.ts"]},
        "_x.js": {"file":"assets/x.js","imports":["_player.js"]}
    }"#;

    #[test]
    fn styles_of_imports_come_once_and_cycles_end() {
        let found = needs(&manifest(GRAPH), &["site", "live"]);
        assert_eq!(found.styles, ["/assets/site-1.css", "/assets/player-3.css"]);
        assert_eq!(found.scripts, ["/assets/site-1.js", "/assets/live-2.js"]);
        assert_eq!(needs(&manifest(GRAPH), &["none"]), Needs::default());
    }

    fn one_file() -> Assets {
        let body = Bytes::from("let a = 1;\n".repeat(200));
        let file = File::new("assets/a-1.js", body, "\"abc\"".into());
        let plain = File::new("favicon.svg", Bytes::from_static(b"<svg/>"), "\"def\"".into());
        let files = HashMap::from([("assets/a-1.js".to_owned(), file), ("favicon.svg".to_owned(), plain)]);
        let (site, live, video, operate, embed_live, embed_video) = Default::default();
        Assets(
            Arc::new(Inner { files, site, live, video, operate, embed_live, embed_video, built: true }),
            Shown::default(),
        )
    }

    fn asked(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().expect("a name"), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn hashed_names_are_kept_and_packed() {
        let response = answer(&one_file(), "assets/a-1.js", &asked(&[("accept-encoding", "br, gzip;q=0.8")]));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.headers()["cache-control"], IMMUTABLE);
        assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8");
        for refusing in ["identity", "gzip;q=0", "gzipped"] {
            let response = answer(&one_file(), "assets/a-1.js", &asked(&[("accept-encoding", refusing)]));
            assert!(!response.headers().contains_key("content-encoding"), "{refusing}");
        }
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let assets = one_file();
        let response = answer(&assets, "favicon.svg", &asked(&[("if-none-match", "\"x\", W/\"def\"")]));
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()["cache-control"], REVALIDATED);
        assert_eq!(answer(&assets, "favicon.svg", &asked(&[("if-none-match", "\"x\"")])).status(), StatusCode::OK);
    }

    #[test]
    fn names_that_are_not_files_are_not_found() {
        for name in ["assets/", "assets/../Cargo.toml", "assets/.vite/manifest.json", ".gitkeep"] {
            assert_eq!(answer(&one_file(), name, &HeaderMap::new()).status(), StatusCode::NOT_FOUND, "{name}");
        }
    }

    #[test]
    fn what_pages_need_is_there() {
        // Without `npm run build` there is nothing to need: pages say so.
        let assets = Assets::embedded();
        for (entry, scripts, styles) in [
            (Entry::Site, 1, 1),
            (Entry::Live, 2, 2),
            (Entry::Video, 2, 2),
            (Entry::EmbedLive, 3, 2),
            (Entry::EmbedVideo, 2, 2),
        ] {
            let needs = assets.needs(entry);
            let expected = if assets.is_built() { (scripts, styles) } else { (0, 0) };
            assert_eq!((needs.scripts.len(), needs.styles.len()), expected, "{entry:?}");
            for address in needs.styles.iter().chain(&needs.scripts) {
                let response = answer(&assets, address.trim_start_matches('/'), &asked(&[("accept-encoding", "gzip")]));
                assert_eq!(response.status(), StatusCode::OK, "{address}");
                assert_eq!(response.headers()["cache-control"], IMMUTABLE, "{address}");
            }
        }
    }
}
