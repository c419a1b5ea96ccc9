//! What any HTTP client may rely on, shown on a real live: headers, ranges, caching, CORS, held and refused reloads, the stop.

use crate::support::http::{Answer, Ask, ask, get, try_ask};
use crate::support::peers::{Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{Clip, SOON, playlist, token, url, wait_on_air, wait_state, wait_videos, write};
use rustix::process::Signal;
use std::time::{Duration, Instant};

const LIVE: &str = "/live/demo/source/media.m3u8";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// A live of the demo broadcaster with some finished segments.
fn on_air() -> (Server, Clip, Peer) {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__MIN_LENGTH", "0s")]));
    let clip = Clip::new("320x180", 20);
    let encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert!(wait_until(SOON, || playlist(&server, LIVE).segments.len() >= 2));
    (server, clip, encoder)
}

fn with(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(server.http(), path, &Ask { method, headers, body: "" })
}

/// All but the time of the answer.
fn lasting(answer: &Answer) -> Vec<(String, String)> {
    answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect()
}

fn unzipped(answer: &Answer) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut text).unwrap();
    text
}

#[test]
fn media_and_playlists_keep_the_rules_of_http() {
    let (server, _clip, _encoder) = on_air();
    let list = playlist(&server, LIVE);
    let segment = format!("/live/demo/source/{}", list.segments[0].uri);
    let init = format!("/live/demo/source/{}", list.segments[0].head.map.as_ref().unwrap().uri);
    for path in [&segment, &init] {
        ranges(&server, path);
        let whole = get(server.http(), path);
        assert_eq!(whole.header("cache-control"), Some(IMMUTABLE), "{path}");
        assert_eq!(whole.header("content-type"), Some("video/mp4"));
        assert_eq!(whole.header("content-encoding"), None, "media is compressed already");
    }
    let last = list.segments.last().unwrap().head.msn;
    let caching = [
        ("/live/demo/master.m3u8".to_owned(), "public, max-age=1"),
        (LIVE.to_owned(), "public, max-age=1"),
        // Six target durations: it says the same to all who ask by this number.
        (format!("{LIVE}?_HLS_msn={last}"), "public, max-age=24"),
        ("/live/demo/source/iframes.m3u8".to_owned(), "public, max-age=1"),
        ("/live/demo/source/999999.m4s".to_owned(), "public, max-age=1"),
    ];
    for (path, expected) in &caching {
        let answer = get(server.http(), path);
        assert_eq!(answer.header("cache-control"), Some(*expected), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        if answer.status == 200 {
            assert_eq!(answer.header("content-type"), Some(PLAYLIST), "{path}");
        }
    }
    for path in [LIVE, "/live/demo/source/0.m4s", "/live/demo/master.m3u8", "/videos/aaaaaaaaaaaaaaaa/master.m3u8"] {
        let origin = [("origin", "https://lms.example"), ("access-control-request-method", "GET")];
        let answer = with(&server, "OPTIONS", path, &origin);
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("access-control-allow-methods").unwrap().contains("GET"));
        assert!(answer.header("access-control-allow-headers").unwrap().contains("range"));
        let answer = with(&server, "POST", path, &[]);
        assert_eq!(answer.status, 405, "{path}: {:?}", answer.headers);
    }

    // The list of a video stands still, so that answers can be compared byte for byte.
    let token = token(&server);
    assert_eq!(write(&server, "POST", "/api/v1/broadcasters/demo/end", &token, "").status, 204);
    let video = wait_videos(&server, "demo", 1).remove(0);
    let id = video["id"].as_str().unwrap();
    let over = get(server.http(), LIVE);
    assert!(over.text().contains("#EXT-X-ENDLIST") && !over.text().contains("PRELOAD-HINT"), "{}", over.text());
    for path in [format!("/videos/{id}/source/media.m3u8"), format!("/videos/{id}/audio/media.m3u8"), LIVE.to_owned()] {
        let plain = get(server.http(), &path);
        let gzip = with(&server, "GET", &path, &[("accept-encoding", "br, gzip;q=0.5")]);
        assert_eq!((gzip.header("content-encoding"), plain.header("content-encoding")), (Some("gzip"), None), "{path}");
        assert!(gzip.header("vary").is_some_and(|vary| vary.eq_ignore_ascii_case("accept-encoding")), "{path}");
        assert_eq!(unzipped(&gzip), plain.text(), "{path}");
        for headers in [&[][..], &[("accept-encoding", "gzip")][..]] {
            let (head, whole) = (with(&server, "HEAD", &path, headers), with(&server, "GET", &path, headers));
            assert_eq!((head.status, lasting(&head)), (200, lasting(&whole)), "{path}");
            assert!(head.body.is_empty() && !whole.body.is_empty());
        }
    }
    assert_eq!(
        get(server.http(), &format!("/videos/{id}/source/media.m3u8")).header("cache-control"),
        Some("public, max-age=60")
    );
    // From the disk now, by both roads: the same bytes and headers as ever.
    let video_segment = segment.replace("/live/demo", &format!("/videos/{id}"));
    ranges(&server, &video_segment);
    assert_eq!(get(server.http(), &video_segment).body, get(server.http(), &segment).body);
}

fn ranges(server: &Server, path: &str) {
    let whole = get(server.http(), path);
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, Some("bytes")), "{path}");
    let total = whole.body.len();
    let head = with(server, "HEAD", path, &[]);
    assert_eq!((head.status, lasting(&head), head.body.len()), (200, lasting(&whole), 0), "{path}");
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-99", 10, 100),
        ("bytes=100-", 100, total),
        ("bytes=-50", total - 50, total),
        ("bytes=7-99999999999", 7, total),
        ("bytes=-99999999999", 0, total),
    ] {
        let part = with(server, "GET", path, &[("range", range)]);
        assert_eq!((part.status, &part.body[..]), (206, &whole.body[from..to]), "{path} {range}");
        assert_eq!(part.header("content-range"), Some(&*format!("bytes {from}-{}/{total}", to - 1)), "{path} {range}");
        assert_eq!(part.header("content-length"), Some(&*(to - from).to_string()));
    }
    for range in [format!("bytes={total}-"), "bytes=-0".to_owned(), format!("bytes={}-{}", total + 5, total + 9)] {
        let none = with(server, "GET", path, &[("range", &range)]);
        assert_eq!((none.status, none.body.len()), (416, 0), "{path} {range}");
        assert_eq!(none.header("content-range"), Some(&*format!("bytes */{total}")), "{path} {range}");
    }
    for range in ["bytes=9-2", "bytes=a-b", "seconds=0-1", "bytes=0-1,4-5", "bytes", "bytes=18446744073709551616-"] {
        let all = with(server, "GET", path, &[("range", range)]);
        assert_eq!((all.status, all.body.len()), (200, total), "{path} {range}");
    }
}

#[test]
fn reloads_are_held_until_they_are_true_and_refused_when_they_never_can_be() {
    let (server, _clip, encoder) = on_air();
    let listed = |msn: u64, part: u64, answer: &Answer| {
        let list = crate::support::hls::parse::media_playlist(&answer.text()).unwrap();
        list.next() > Some((msn, part))
    };
    for rendition in ["source", "audio"] {
        let path = format!("/live/demo/{rendition}/media.m3u8");
        let next = || playlist(&server, &path).next().unwrap();
        // What is there is given at once; what is not is waited for.
        let (msn, part) = next();
        for (query, wanted) in [
            (format!("_HLS_msn={msn}&_HLS_part={part}"), (msn, part)),
            (format!("_HLS_msn={}&_HLS_part=0", msn + 1), (msn + 1, 0)),
            // Without a part: never a stale list.
            (format!("_HLS_msn={}", msn + 2), (msn + 2, 0)),
            // Beyond the last part of a segment: the first part of the next.
            (format!("_HLS_msn={}&_HLS_part=40", msn + 2), (msn + 3, 0)),
            (format!("_HLS_msn={}&_HLS_part=0&_HLS_skip=YES", msn + 3), (msn + 3, 0)),
        ] {
            let answer = get(server.http(), &format!("{path}?{query}"));
            assert_eq!(answer.status, 200, "{query}: {}", answer.text());
            assert!(listed(wanted.0, wanted.1, &answer), "{query}: {}", answer.text());
        }
        let answer = get(server.http(), &format!("{path}?_HLS_msn={msn}&_HLS_part=0"));
        assert!(
            answer.status == 200 && answer.took < Duration::from_secs(1),
            "it has long been there: {:?}",
            answer.took
        );

        let far = next().0 + 9;
        for query in [
            "_HLS_part=1".to_owned(),
            format!("_HLS_msn={far}"),
            format!("_HLS_msn={far}&_HLS_part=0"),
            "_HLS_msn=x".to_owned(),
            "_HLS_msn=-1".to_owned(),
            "_HLS_msn=".to_owned(),
            "_HLS_msn=99999999999999999999".to_owned(),
            format!("_HLS_msn={msn}&_HLS_part=1.5"),
            "_HLS_skip=NO".to_owned(),
        ] {
            let answer = get(server.http(), &format!("{path}?{query}"));
            assert!(answer.status == 400 && answer.is_problem(), "{query}: {} {}", answer.status, answer.text());
            assert!(answer.took < Duration::from_secs(2), "{query}");
        }
        // Unknown directives and queries are other people's affair.
        assert_eq!(get(server.http(), &format!("{path}?token=a%20b&_HLS_foo=1")).status, 200);

        // The hinted part is held and is the part; the one after it is not there.
        let hint = playlist(&server, &path).hints.remove(0).uri;
        let hinted = get(server.http(), &format!("/live/demo/{rendition}/{hint}"));
        assert_eq!(hinted.status, 200, "{hint}");
        assert_eq!(get(server.http(), &format!("/live/demo/{rendition}/{hint}")).body, hinted.body);
        assert_eq!(hinted.header("cache-control"), Some(IMMUTABLE));
        let beyond = get(server.http(), &format!("/live/demo/{rendition}/{}.7.m4s", next().0 + 1));
        assert!(beyond.status == 404 && beyond.is_problem() && beyond.took < Duration::from_secs(2));
    }

    // A contribution that stalls: viewers are not kept for ever, and told to come back.
    encoder.signal(Signal::STOP);
    let stalled = playlist(&server, LIVE).next().unwrap();
    let answer = get(server.http(), &format!("{LIVE}?_HLS_msn={}&_HLS_part=0", stalled.0 + 1));
    assert!(answer.status == 503 && answer.is_problem(), "{} {}", answer.status, answer.text());
    assert_eq!((answer.header("retry-after"), answer.header("access-control-allow-origin")), (Some("1"), Some("*")));
    assert!(answer.took < Duration::from_secs(12), "three target durations: {:?}", answer.took);
}

#[test]
fn what_is_not_there_is_a_problem_document() {
    let server = Server::start(Options::default());
    for path in [
        "/live/demo/master.m3u8",
        "/live/demo/source/media.m3u8",
        "/live/demo/source/0.m4s",
        "/live/nowhere/master.m3u8",
        "/live/nowhere/source/media.m3u8?_HLS_msn=1",
        "/live/%ff%fe/master.m3u8",
        "/live/..%2f..%2fetc/master.m3u8",
        "/videos/aaaaaaaaaaaaaaaa/master.m3u8",
        "/videos/..%2fdb/source/media.m3u8",
        "/api/v1/broadcasters/nowhere",
        "/api/v1/videos/aaaaaaaaaaaaaaaa",
    ] {
        let answer = get(server.http(), path);
        assert!(answer.status == 404 && answer.is_problem(), "{path}: {} {:?}", answer.status, answer.text());
    }
    for page in ["/live/nowhere", "/videos/aaaaaaaaaaaaaaaa-x", "/nowhere", "/live", "/assets/none.js"] {
        let answer = get(server.http(), page);
        assert_eq!(answer.status, 404, "{page}");
        assert!(answer.header("content-security-policy").is_some(), "{page}");
    }
    assert!(!server.log().contains("panic"), "{}", server.log());
}

#[test]
fn a_stop_answers_waiting_viewers_at_once_and_leaves_the_live_to_the_next_start() {
    let (mut server, clip, encoder) = on_air();
    let before = crate::support::stream::broadcaster(&server, "demo");
    // Nothing new comes, so that all of them would wait for 8 s.
    encoder.signal(Signal::STOP);
    let (msn, part) = playlist(&server, LIVE).next().unwrap();
    let http = server.http();
    let (viewers, stopped, took, status) = std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..30)
            .map(|n| {
                let path = match n % 3 {
                    0 => format!("{LIVE}?_HLS_msn={}", msn + 1),
                    1 => format!("/live/demo/source/{msn}.{part}.m4s"),
                    _ => format!("/live/demo/audio/media.m3u8?_HLS_msn={}", msn + 1),
                };
                scope.spawn(move || (try_ask(http, &path, &Ask::default()), Instant::now()))
            })
            .collect();
        assert!(
            wait_until(SOON, || crate::support::stream::broadcaster(&server, "demo")["viewers"].as_u64() >= Some(10))
        );
        let stopped = Instant::now();
        let status = server.stop();
        let took = stopped.elapsed();
        (waiting.into_iter().map(|w| w.join().unwrap()).collect::<Vec<_>>(), stopped, took, status)
    });
    assert!(status.success(), "{status}\n{}", server.log());
    assert!(took < Duration::from_secs(5), "{took:?}");
    for (answer, at) in viewers {
        let answer = answer.unwrap();
        // The last part of the contribution may just be what somebody waited for.
        assert!(matches!(answer.status, 200 | 404 | 503), "{} {}", answer.status, answer.text());
        assert!(answer.status != 503 || answer.header("retry-after").is_some());
        assert!(at.saturating_duration_since(stopped) < Duration::from_secs(2));
    }
    drop(encoder);
    server.restart();
    let listed = playlist(&server, LIVE);
    assert!(!listed.ended && listed.segments.len() >= 2, "the live is still there");
    let _encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_state(&server, "demo", "on_air");
    let goes_on = || playlist(&server, LIVE).segments.last().unwrap().head.msn > msn + 2;
    assert!(wait_until(SOON, goes_on), "{}", get(server.http(), LIVE).text());
    assert_eq!(crate::support::stream::broadcaster(&server, "demo")["video_id"], before["video_id"]);
}

/// One connection of HTTP/2 over TLS, as a browser has.
struct Browser {
    sender: hyper::client::conn::http2::SendRequest<http_body_util::Empty<bytes::Bytes>>,
    authority: String,
}

impl Browser {
    /// The connection, and what must be polled for anything to move on it.
    async fn connect(
        server: &Server,
        trusted: rustls::pki_types::CertificateDer<'static>,
    ) -> (Self, impl Future<Output = Result<(), hyper::Error>>) {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let socket = tokio::net::TcpStream::connect(server.http()).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        let stream = connector.connect("localhost".try_into().unwrap(), socket).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the server prefers HTTP/2");
        let (sender, connection) = hyper::client::conn::http2::handshake(
            hyper_util::rt::TokioExecutor::new(),
            hyper_util::rt::TokioIo::new(stream),
        )
        .await
        .unwrap();
        (Self { sender, authority: format!("localhost:{}", server.http().port()) }, connection)
    }

    async fn get(&self, path: &str) -> Answer {
        use http_body_util::BodyExt;
        let began = Instant::now();
        let request = http::Request::get(format!("https://{}{path}", self.authority));
        let request = request.body(http_body_util::Empty::new()).unwrap();
        let response = self.sender.clone().send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Answer { status, headers, body, took: began.elapsed() }
    }

    async fn list(&self, path: &str) -> crate::support::hls::playlist::MediaPlaylist {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        crate::support::hls::parse::media_playlist(&answer.text()).unwrap()
    }

    async fn until(&self, path: &str, mut so: impl FnMut(&Answer) -> bool) {
        let began = Instant::now();
        while !so(&self.get(path).await) {
            assert!(began.elapsed() < SOON, "{path}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn over_tls_one_connection_of_http2_holds_reloads_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = Server::start(Options::with(&[
        ("AMPHI_HTTP__TLS_CERTIFICATE", certificate.to_str().unwrap()),
        ("AMPHI_HTTP__TLS_KEY", key.to_str().unwrap()),
    ]));
    assert!(wait_until(SOON, || server.log().contains("https://")), "{}", server.log());
    let clip = Clip::new("320x180", 20);
    let _encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    let (browser, connection) = Browser::connect(&server, made.cert.der().clone()).await;
    let watch = async {
        browser.until("/live/demo/master.m3u8", |answer| answer.status == 200).await;
        browser.until(LIVE, |answer| answer.text().matches("#EXTINF").count() >= 2).await;
        for round in 0..4 {
            let (video, audio) = (browser.list(LIVE).await, browser.list("/live/demo/audio/media.m3u8").await);
            let ((vm, vp), (am, ap)) = (video.next().unwrap(), audio.next().unwrap());
            let paths = [
                format!("{LIVE}?_HLS_msn={vm}&_HLS_part={vp}&_HLS_skip=YES"),
                format!("/live/demo/audio/media.m3u8?_HLS_msn={am}&_HLS_part={ap}"),
                format!("/live/demo/source/{}", video.hints[0].uri),
                format!("/live/demo/audio/{}", audio.hints[0].uri),
                format!("{LIVE}?_HLS_msn={}", vm + 1),
                format!("/live/demo/audio/media.m3u8?_HLS_msn={}", am + 1),
            ];
            let held = futures_util::future::join_all(paths.iter().map(|path| browser.get(path)));
            // What is there does not stand in the queue behind what is not.
            let ready = async {
                let answer = browser.get(&format!("/live/demo/source/{}", video.segments[0].uri)).await;
                (answer.status, answer.took)
            };
            let (held, (status, took)) = tokio::join!(held, ready);
            for (path, answer) in paths.iter().zip(&held) {
                assert_eq!(answer.status, 200, "round {round} {path}: {}", answer.text());
                assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
                assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
                assert_eq!(answer.header("connection"), None, "{path}");
            }
            let longest = held.iter().map(|answer| answer.took).max().unwrap();
            assert_eq!(status, 200);
            assert!(took < longest, "{took:?} beside {longest:?}");
        }
    };
    tokio::select! {
        () = watch => {}
        ended = connection => panic!("the connection ended: {ended:?}"),
    }
}
