//! Finished segments, fetched over and over: Amphi against nginx with the same files.

use super::hls::connection::{Ask, Connection, split_url};
use super::hls::multivariant::{self, Kind};
use super::hls::parse::media_playlist;
use super::hls::rules::{Breaches, resolve};
use super::peers::process::{Error, Peer, Usage, accepts, free_port};
use bytes::Bytes;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Enough to keep a server busy on loopback, few enough for two cores.
const CLIENTS: usize = 16;
/// Segments that are asked for in turn: the newest, which no origin drops while they are measured.
const SEGMENTS: usize = 5;

/// What one server gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    /// Payload per second.
    pub bytes_per_second: f64,
    /// Payload per second of the server's CPU.
    pub bytes_per_cpu_second: f64,
}

/// Measures a server's segments, then nginx's with copies of them; (server, nginx). `same`: the server must give the same
/// bytes every time, as any cache supposes. Amphi and nginx are held to that; multimux was seen to give a segment now
/// as one fragment and now as its parts.
pub(crate) async fn compare(
    url: &str,
    pid: u32,
    scratch: &Path,
    length: Duration,
    same: bool,
) -> Result<(Throughput, Throughput), Error> {
    let (host, path) = split_url(url)?;
    let segments = segments(&host, &path).await?;
    let ours = measure(&host, &segments, pid, length, same).await?;
    let root = scratch.join("root");
    for (path, bytes) in &segments {
        let file = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().ok_or("a segment at the root")?)?;
        fs::write(file, bytes)?;
    }
    let port = free_port()?;
    let mut nginx = nginx(scratch, &root, port)?;
    nginx.until(Duration::from_secs(10), || accepts(port).then_some(()))?;
    let theirs = measure(&format!("127.0.0.1:{port}"), &segments, nginx.pid(), length, true).await?;
    Ok((ours, theirs))
}

fn nginx(scratch: &Path, root: &Path, port: u16) -> Result<Peer, Error> {
    let at = scratch.display();
    let config = format!(
        "daemon off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/nginx-error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path {at}/body;\n\
         proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
         server {{ listen 127.0.0.1:{port}; root {}; }} }}\n",
        root.display()
    );
    let file = scratch.join("static.conf");
    fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg(scratch.join("nginx-start.log"));
    // Workers of a root-started nginx must be able to read the scratch directory.
    if let Ok(mode) = fs::metadata(scratch) {
        use std::os::unix::fs::PermissionsExt;
        let mut mode = mode.permissions();
        mode.set_mode(0o755);
        fs::set_permissions(scratch, mode)?;
    }
    Peer::start(&mut command, &scratch.join("nginx.log"), "apt install nginx-light")
}

async fn segments(host: &str, path: &str) -> Result<Vec<(String, Bytes)>, Error> {
    let limit = Duration::from_secs(10);
    let mut connection = Connection::new(host);
    let master = connection.get(path, Ask::default(), limit).await?.text().ok_or("no text")?;
    let listed = multivariant::renditions(path, &master, &mut Breaches::default());
    let video = listed.iter().find(|one| one.kind == Kind::Video).ok_or("no video rendition")?;
    let text = connection.get(&video.path, Ask::default(), limit).await?.text().ok_or("no text")?;
    let list = media_playlist(&text)?;
    let mut found = Vec::new();
    for segment in list.segments.iter().rev().filter(|segment| segment.range.is_none()).take(SEGMENTS) {
        let path = resolve(&video.path, &segment.uri);
        let answer = connection.get(&path, Ask::default(), limit).await?;
        if answer.status == 200 {
            found.push((path.split('?').next().unwrap_or_default().to_owned(), answer.body));
        }
    }
    if found.is_empty() { Err("no finished segment to fetch".into()) } else { Ok(found) }
}

async fn measure(
    host: &str,
    segments: &[(String, Bytes)],
    pid: u32,
    length: Duration,
    same: bool,
) -> Result<Throughput, Error> {
    let digest = |(path, bytes): &(String, Bytes)| (path.clone(), (bytes.len(), crc32fast::hash(bytes)));
    let digests: Vec<(String, (usize, u32))> = segments.iter().map(digest).collect();
    let digests = &digests;
    let ask = Ask { digest_only: true, ..Ask::default() };
    let before = Usage::of(pid)?;
    let start = Instant::now();
    let client = |number: usize| async move {
        let mut connection = Connection::new(host);
        let mut bytes = 0_u64;
        for (path, digest) in digests.iter().cycle().skip(number) {
            if start.elapsed() >= length {
                break;
            }
            let answer = connection.get(path, ask, Duration::from_secs(10)).await.map_err(|e| e.to_string())?;
            if answer.status != 200 || (same && (answer.length, answer.crc) != *digest) {
                let was = digest.0;
                return Err(format!(
                    "{path} at {host}: status {}, {} bytes where {was} were",
                    answer.status, answer.length
                ));
            }
            bytes += answer.length as u64;
        }
        Ok::<u64, String>(bytes)
    };
    let bytes: u64 = futures_util::future::try_join_all((0..CLIENTS).map(client)).await?.into_iter().sum();
    let seconds = start.elapsed().as_secs_f64();
    let cpu = (Usage::of(pid)?.cpu_seconds - before.cpu_seconds).max(0.01);
    Ok(Throughput { bytes_per_second: bytes as f64 / seconds, bytes_per_cpu_second: bytes as f64 / cpu })
}
