//! Real sockets, with clients by hand or by hyper's own client halves.

use super::*;
use axum::Router;
use axum::extract::Extension;
use axum::routing::{get, post};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const QUICK: Limits = Limits {
    max_connections: 64,
    header_timeout: Duration::from_millis(400),
    idle_timeout: Duration::from_millis(800),
    max_header_bytes: 8 << 10,
};

fn router() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route(
            "/who",
            get(async |Extension(peer): Extension<ClientAddress>| format!("{} {}", peer.address.ip(), peer.tls)),
        )
        .route("/blocked", get(std::future::pending::<()>))
        .route("/large", get(async || vec![0_u8; 64 << 20]))
        .route(
            "/slow",
            post(async || {
                tokio::time::sleep(Duration::from_millis(700)).await;
                "done"
            }),
        )
}

fn start(limits: Limits, tls: Option<Arc<Tls>>) -> (SocketAddr, Tasks) {
    let tasks = Tasks::default();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn_essential(
        "http",
        serve(listener, tls, Doors::one(Arc::new(Door { router: router(), play: None })), limits, tasks.clone()),
    );
    (address, tasks)
}

async fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Reads up to the end of a header and returns it with what came along.
async fn head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads until the server closes; panics when it doesn't within 5 s.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is a close, too.
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut all)).await.expect("still open");
    String::from_utf8_lossy(&all).into_owned()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn keep_alive_carries_several_requests() {
    let (address, _tasks) = start(QUICK, None);
    let mut stream = send(address, GET).await;
    assert!(head(&mut stream).await.ends_with("hello"));
    stream.write_all(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(head(&mut stream).await.ends_with("127.0.0.1 false"));
}

#[tokio::test]
async fn silence_half_a_header_and_rest_are_ended_in_time() {
    let (address, tasks) = start(QUICK, None);
    for opening in [&b""[..], b"P", b"GET / HT", b"PRI * HTTP/2.0\r\n\r\nSM", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", GET]
    {
        let began = Instant::now();
        let mut stream = send(address, opening).await;
        until_closed(&mut stream).await;
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(350), "{:?} after {took:?}", String::from_utf8_lossy(opening));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(tasks.running(), [("http", 1)], "nothing stays behind");
}

#[tokio::test]
async fn a_trickled_header_gets_no_more_time() {
    let (address, _tasks) = start(QUICK, None);
    let mut stream = send(address, b"GET / HTTP/1.1\r\n").await;
    let began = Instant::now();
    while stream.write_all(b"a: b\r\n").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(3), "slow-loris is still served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_dropped() {
    let (address, tasks) = start(QUICK, None);
    let _stream = send(address, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(tasks.running().len(), 2, "{:?}", tasks.running());
    let began = Instant::now();
    while tasks.running().len() > 1 {
        assert!(began.elapsed() < Duration::from_secs(10), "still holding the answer for a dead reader");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_blocked_request_outlives_the_idle_time_out() {
    let (address, _tasks) = start(QUICK, None);
    let mut stream = send(address, b"GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let waited = tokio::time::timeout(Duration::from_millis(1500), stream.read_u8()).await;
    assert!(waited.is_err(), "neither answered nor closed");
}

#[tokio::test]
async fn large_headers_are_refused() {
    let (address, _tasks) = start(QUICK, None);
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: ".to_vec();
    request.resize(request.len() + (9 << 10), b'x');
    let mut stream = send(address, &request).await;
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn beyond_the_limit_connections_get_a_503_and_places_come_back() {
    let (address, _tasks) = start(Limits { max_connections: 2, header_timeout: Duration::from_secs(5), ..QUICK }, None);
    let mut first = send(address, GET).await;
    let mut second = send(address, GET).await;
    head(&mut first).await;
    head(&mut second).await;
    let mut third = TcpStream::connect(address).await.unwrap();
    assert!(until_closed(&mut third).await.starts_with("HTTP/1.1 503"));
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut fourth = send(address, GET).await;
    assert!(head(&mut fourth).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_soft_stop_answers_the_blocked_finishes_the_working_and_closes_the_idle() {
    let (address, tasks) = start(Limits { header_timeout: Duration::from_secs(60), ..QUICK }, None);
    let mut idle = send(address, GET).await;
    head(&mut idle).await;
    let mut silent = send(address, b"").await;
    let mut blocked = send(address, b"GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut working = send(address, b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    let drained = tasks.drain(std::future::pending(), Duration::from_secs(10), Duration::from_secs(1)).await;
    assert_eq!(drained, crate::lifecycle::Drained::InTime);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let answer = until_closed(&mut blocked).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 2"), "{answer}");
    let answer = until_closed(&mut working).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert_eq!(until_closed(&mut idle).await, "");
    assert_eq!(until_closed(&mut silent).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[test]
fn a_vanished_client_is_told_from_a_full_table() {
    // EMFILE, ENFILE, ENOBUFS, ENOMEM; ECONNABORTED, ECONNRESET (errno(3), Linux).
    for (code, one_connection) in [(24, false), (23, false), (105, false), (12, false), (103, true), (104, true)] {
        let error = io::Error::from_raw_os_error(code);
        assert_eq!(concerns_one_connection(&error), one_connection, "{error}");
    }
}

const STARVED: &str = "AMPHI_TEST_STARVED_SERVER";

/// The server is this test binary as a child that may open few files.
#[tokio::test]
async fn running_out_of_descriptors_is_not_the_end() {
    use std::io::{BufRead, Write};
    if std::env::var_os(STARVED).is_some() {
        let few = rustix::process::Rlimit { current: Some(40), maximum: Some(40) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
        let (address, _tasks) = start(Limits { header_timeout: Duration::from_secs(60), ..QUICK }, None);
        writeln!(io::stderr(), "child: {address}").unwrap();
        return std::future::pending().await;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "http::server::tests::running_out_of_descriptors_is_not_the_end", "--nocapture"])
        .env(STARVED, "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let address: SocketAddr = io::BufReader::new(child.stderr.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("child: ").map(|address| address.parse().unwrap()))
        .unwrap();
    let mut crowd = Vec::new();
    for _ in 0..60 {
        // Above the child's 40 descriptors, below its backlog: the kernel completes these without the server.
        crowd.push(send(address, b"").await);
    }
    let mut late = send(address, GET).await;
    let unanswered = tokio::time::timeout(Duration::from_millis(500), late.read_u8()).await;
    drop(crowd);
    let answer = tokio::time::timeout(Duration::from_secs(5), head(&mut late)).await;
    // Killed and waited for whatever came.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(unanswered.is_err(), "the child did have a descriptor to spare: the test tests nothing");
    assert!(answer.expect("still not accepting").starts_with("HTTP/1.1 200"));
}

/// An HTTP/2 client's one request over any stream: status, version, body.
async fn ask_h2<S>(stream: S, path: &str) -> (u16, axum::http::Version, String)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    use http_body_util::BodyExt;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    let talk = async {
        let request = axum::http::Request::get(format!("http://localhost{path}")).body(String::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        let (status, version) = (response.status().as_u16(), response.version());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, version, String::from_utf8(body.to_vec()).unwrap())
    };
    let mut talk = std::pin::pin!(talk);
    tokio::select! {
        answer = &mut talk => answer,
        // The connection may end once the answer is here (GOAWAY); the answer is then ready, too.
        ended = connection => tokio::time::timeout(Duration::from_secs(1), talk)
            .await
            .unwrap_or_else(|_| panic!("the connection ended first: {ended:?}")),
    }
}

#[tokio::test]
async fn http2_works_in_clear_by_prior_knowledge() {
    let (address, _tasks) = start(QUICK, None);
    let answer = ask_h2(TcpStream::connect(address).await.unwrap(), "/who").await;
    assert_eq!(answer, (200, axum::http::Version::HTTP_2, "127.0.0.1 false".into()));
}

#[tokio::test]
async fn the_soft_stop_answers_a_blocked_http2_stream() {
    let (address, tasks) = start(QUICK, None);
    let stream = TcpStream::connect(address).await.unwrap();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(tasks.running().contains(&("http stream", 1)), "{:?}", tasks.running());
        tasks.drain(std::future::pending(), Duration::from_secs(10), Duration::from_secs(1)).await
    };
    let (answer, drained) = tokio::join!(ask_h2(stream, "/blocked"), stop);
    assert_eq!(answer.0, 503);
    assert_eq!(drained, crate::lifecycle::Drained::InTime);
}

#[tokio::test]
async fn tls_offers_h2_and_http1_by_alpn() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key, trusted) = crate::http::tls::tests::files(dir.path());
    let (address, tasks) = start(QUICK, Some(Arc::new(Tls::load(certificate, key).unwrap())));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    for (offered, expected) in [(vec!["h2", "http/1.1"], "h2"), (vec!["http/1.1"], "http/1.1")] {
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let tcp = TcpStream::connect(address).await.unwrap();
        let mut stream = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(expected.as_bytes()));
        if expected == "h2" {
            assert_eq!(ask_h2(stream, "/who").await.2, "127.0.0.1 true");
        } else {
            stream.write_all(b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            assert!(text.ends_with("127.0.0.1 true"), "{text}");
        }
    }
    // A client that never shakes hands is let go.
    until_closed(&mut send(address, b"").await).await;
    assert!(tasks.running().iter().all(|(name, _)| *name != "http stream"));
}

/// The budget of a viewer is 30 kB with two connections. Both ends of the connections live in this process, so the clients' share
/// (some hundred bytes each) is counted, too.
#[tokio::test]
async fn hundreds_of_resting_connections_cost_little() {
    let limits = Limits { max_connections: 2_000, ..Limits::default() };
    let (address, _tasks) = start(limits, None);
    let connect = async |count: usize| {
        let mut clients = Vec::new();
        for _ in 0..count {
            let mut stream = send(address, GET).await;
            head(&mut stream).await;
            clients.push(stream);
        }
        clients
    };
    let _warm = connect(50).await;
    let mut least = u64::MAX;
    let mut open = Vec::new();
    // Other tests of this process may take memory meanwhile; the smallest of three is ours.
    for _ in 0..3 {
        let before = crate::telemetry::resident_bytes().unwrap();
        let clients = connect(300).await;
        let each = crate::telemetry::resident_bytes().unwrap().saturating_sub(before) / 300;
        println!("{each} bytes per resting connection");
        least = least.min(each);
        open.push(clients);
    }
    assert!((1_000..=14_000).contains(&least), "{least} bytes per resting connection");
}
