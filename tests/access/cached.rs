//! Behind an HTTP cache that keeps whatever it may: what is not for everybody is never given to others, whoever asked for it first.

use super::{Browser, add, all, complete, doors, recording};
use crate::support::engine::built;
use crate::support::http::get;
use crate::support::peers::{Peer, wait_until};
use crate::support::server::Server;
use crate::support::stream::{Clip, SOON, amphi, token, url, wait_videos, write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// nginx with a cache, in front of a server.
struct Cache {
    at: SocketAddr,
    nginx: Peer,
    // Gone with the value.
    _folder: TempDir,
}

impl Cache {
    /// The key is the address that was asked for, without cookies, as in any cache that many share; how long is what the server says.
    fn start(server: &Server) -> Self {
        let folder = tempfile::Builder::new().prefix("amphi-cache-").tempdir().unwrap();
        // Workers of an nginx that root started are somebody else.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, settings(folder.path(), at, server.http())).unwrap();
        let log = folder.path().join("start.log");
        let nginx = Peer::start("nginx", ["-c", file.to_str().unwrap(), "-e", log.to_str().unwrap()]);
        let cache = Self { at, nginx, _folder: folder };
        assert!(wait_until(SOON, || TcpStream::connect(at).is_ok()), "{}", cache.nginx.log());
        cache
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // The workers of a master that is killed outright outlive it.
        self.nginx.terminate();
        let _ = wait_until(SOON, || TcpStream::connect(self.at).is_err());
    }
}

fn settings(folder: &Path, at: SocketAddr, server: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         proxy_cache_path {folder}/cache keys_zone=all:1m use_temp_path=off;\n\
         server {{ listen {at}; location / {{\n\
           proxy_pass http://{server}; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $http_host;\n\
           proxy_cache all; proxy_cache_key $scheme$host$request_uri; add_header x-cache $upstream_cache_status always;\n\
         }} }} }}\n"
    )
}

/// What nginx says of an answer.
fn came_from(browser: &mut Browser, door: &str) -> (u16, String) {
    let answer = browser.get(door);
    (answer.status, answer.header("x-cache").unwrap_or_default().to_owned())
}

#[test]
fn a_cache_in_front_gives_nobody_what_is_not_theirs() {
    built();
    let server = recording(&[("AMPHI_JOBS__AT_ONCE", "1")]);
    let clip = Clip::new("320x180", 8);
    clip.push(&url(&server, "demo", "demo")).finish(SOON);
    let id = wait_videos(&server, "demo", 1)[0]["id"].as_str().unwrap().to_owned();
    let password = add(&server, "marie", "viewer");
    let cache = Cache::start(&server);
    let mut stranger = Browser::at(cache.at);

    // What is for everybody is kept for everybody: this is a cache.
    let master = stranger.get(&format!("/videos/{id}/master.m3u8")).text();
    let list = master.lines().find(|line| line.ends_with(".m3u8") && !line.starts_with('#')).unwrap();
    let list = format!("/videos/{id}/{list}");
    let text = stranger.get(&list).text();
    let segment = text.lines().find(|line| !line.starts_with('#') && !line.is_empty()).unwrap();
    let segment = format!("{}/{segment}", list.rsplit_once('/').unwrap().0);
    assert_eq!(came_from(&mut stranger, &segment), (200, "MISS".to_owned()));
    assert_eq!(came_from(&mut Browser::at(cache.at), &segment), (200, "HIT".to_owned()));

    // Another video, which the cache has never seen open.
    clip.push(&url(&server, "demo", "demo")).finish(SOON);
    let videos = wait_videos(&server, "demo", 2);
    let other = videos[1]["id"].as_str().unwrap();
    complete(&server, other);
    let token = token(&server);
    let title = "Zyzzyva";
    let named =
        write(&server, "PATCH", &format!("/api/v1/videos/{other}"), &token, &format!(r#"{{"title":"{title}"}}"#));
    assert_eq!(named.status, 200, "{}", named.text());
    amphi(&server, &["video", "access", other, "--visibility", "signed_in"]);
    let path = format!("/videos/{other}/master.m3u8");
    assert!(wait_until(super::CUT, || get(server.http(), &path).status == 401), "the change is not known");

    let mut marie = Browser::at(cache.at).signed_in("marie", &password);
    let open = doors(&mut marie, other);
    assert!(open.len() >= 12, "{open:?}");
    for _ in 0..2 {
        all(&mut marie, &open, 200, "who is signed in");
        all(&mut stranger, &open, 401, "a stranger after her");
    }
    for door in &open {
        let (status, from) = came_from(&mut marie, door);
        assert!(status == 200 && from != "HIT", "{door} came from the cache: {from}");
    }
    for list in ["/", "/live/demo", "/api/v1/videos", "/api/v1/videos?broadcaster=demo"] {
        assert!(list == "/live/demo" || marie.get(list).text().contains(other), "she is shown it by {list}");
        let text = stranger.get(list).text();
        assert!(!text.contains(other) && !text.contains(title), "a stranger is shown it by {list}: {text}");
    }
    assert!(marie.get("/account").text().contains("marie"));
    assert_eq!(stranger.get("/account").status, 401);

    // The other way round: a refusal is not kept for who may.
    let path = format!("/api/v1/videos/{other}/access");
    assert_eq!(write(&server, "PATCH", &path, &token, r#"{"visibility":"draft"}"#).status, 200);
    let made = write(&server, "POST", &format!("/api/v1/videos/{other}/links"), &token, r#"{"label":"jury","days":1}"#);
    let link = made.json()["url"].as_str().unwrap().to_owned();
    all(&mut stranger, &open, 404, "a stranger");
    let mut jury = Browser::at(cache.at);
    assert_eq!(jury.get(&link).status, 303, "{link}");
    // A missing thing may be kept missing for a second.
    let opens = wait_until(SOON, || open.iter().all(|door| jury.get(door).status == 200));
    assert!(opens, "who has the link");
    all(&mut stranger, &open, 404, "a stranger after them");
    assert_eq!(Browser::at(cache.at).get(&link).header("x-cache"), Some("MISS"), "a link is worth nothing in a cache");
}
