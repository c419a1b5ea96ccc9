//! Start-up: every part assembled in order. The order is the point of this file.
//!
//! 1. The folders and the catalogue, because everything else reads them.
//! 2. The archive's writer, because a live that goes on writes at once.
//! 3. The lives that the last stop interrupted, before anybody can begin a new one in their place.
//! 4. The sockets, all of them before any is served: a taken port fails the start and leaves nothing half open.
//! 5. The addresses, told when they answer.

mod captions;
mod reload;
mod tenant;
mod tenants;

use crate::archive::writer::{Archive, Writer, archive};
use crate::catalogue::{self, Catalogue};
use crate::clock;
use crate::config::{Config, Format, Sources};
use crate::http::assets::Assets;
use crate::http::gate;
use crate::http::gate::address::Proxies;
use crate::http::health::{Health, Report};
use crate::http::play::Downloads;
use crate::http::tls::Tls;
use crate::http::{server, tls};
use crate::jobs::Jobs;
use crate::lifecycle::{Reloads, Tasks};
use crate::live::status::{Finding, Level};
use crate::live::{Captions, Greeting, Handle, Renditions, Settings, Terms};
use crate::mail;
use crate::telemetry::{self, LogFormat};
use media::ingest::rtmp::listen::{Limits, Listener};
use media::segment::Rules;
use pipelines::client;
use pipelines::encoder::Choice;
use pipelines::ladder::cost::Budget;
use reload::Reload;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tenant::Machine;
use tenants::Tenants;
use tokio::sync::watch;

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No catalogue.
    #[error(transparent)]
    Catalogue(#[from] catalogue::Error),
    /// No logs or metrics.
    #[error(transparent)]
    Telemetry(#[from] telemetry::Error),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// How mails are sent.
    #[error(transparent)]
    Mail(#[from] mail::Error),
    /// A folder or file.
    #[error("{path}: {source}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// RTMPS without a certificate.
    #[error("rtmp.tls_listen needs http.tls_certificate and http.tls_key")]
    NoCertificate,
    /// A port.
    #[error("{what} can't listen on {address}: {source}")]
    Listen {
        /// `http`, `rtmp` or `rtmps`.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Where a started server is.
#[derive(Clone, Copy, Debug)]
struct Addresses {
    http: SocketAddr,
    rtmp: SocketAddr,
    rtmps: Option<SocketAddr>,
    tls: bool,
}

/// Assembles a server from `config`, as it was read from `sources`; its tasks live on in `tasks`. Under `--dev` the broadcaster `demo` and
/// an administrator are made if absent.
///
/// # Errors
/// What can't be opened.
pub async fn start(config: Config, sources: Sources, tasks: Tasks, reloads: Reloads) -> Result<(), Error> {
    let dev = sources.dev;
    let format = match config.log.format {
        Format::Text => LogFormat::Text,
        Format::Json => LogFormat::Json,
    };
    let filter = telemetry::install_logs(format, &config.log.filter)?;
    let metrics = telemetry::install_metrics()?;

    let (media, run) = (config.folder("media"), config.folder("run"));
    for folder in [&media, &run] {
        std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: folder.clone(), source })?;
    }
    let catalogue = Catalogue::open(&config.catalogue_address()).await?;
    catalogue.migrate().await?;
    let password = if dev { catalogue.add_demo(clock::now()).await? } else { None };

    let (archive, writer) = archive(media);
    tasks.spawn_essential("archive writer", write(writer));
    tasks.spawn(
        "archive sync",
        until_stopped(tasks.clone(), {
            let archive = archive.clone();
            async move {
                if let Err(error) = archive.keep_syncing().await {
                    tracing::error!(%error, "recordings are not synced");
                }
            }
        }),
    );

    let (captions, caption_keeper, caption_settings) = captions::captions(&config, &tasks);
    let listed = catalogue.tenants().await?;
    let lives = Handle::new(catalogue.clone(), archive.clone(), settings(&config, captions), tasks.clone());
    // The first one is the default tenant.
    let others: Vec<_> = listed.iter().skip(1).map(|t| lives.beside(catalogue.of(t.tenant.clone()))).collect();
    let mut waiting = 0;
    for lives in std::iter::once(&lives).chain(&others) {
        waiting += lives.resume_interrupted().await?;
    }
    if waiting > 0 {
        tracing::info!(lives = waiting, "lives that the last stop interrupted wait for their contributions");
    }

    let tls = match (config.http.tls_certificate.path(), config.http.tls_key.path()) {
        (Some(certificate), Some(key)) => Some(Arc::new(Tls::load(certificate.to_owned(), key.to_owned())?)),
        _ => None,
    };
    let listen = |what, address| move |source| Error::Listen { what, address, source };
    let http = server::bind(config.http.listen).map_err(listen("http", config.http.listen))?;
    let rtmp = Listener::bind(config.rtmp.listen, limits(&config)).await.map_err(listen("rtmp", config.rtmp.listen))?;
    let rtmps = match (config.rtmp.tls_listen.0, &tls) {
        (Some(address), Some(tls)) => {
            let tls = Arc::clone(tls);
            let bound = Listener::bind(address, limits(&config)).await;
            let at = |listener: Listener| listener.local_addr().map(|address| (listener, address));
            let (listener, address) = bound.and_then(at).map_err(listen("rtmps", address))?;
            let greeting: Greeting = Arc::new(move || tls.current());
            Some((listener, address, greeting))
        }
        (Some(_), None) => return Err(Error::NoCertificate),
        (None, _) => None,
    };
    let addresses = Addresses {
        http: http.local_addr().map_err(listen("http", config.http.listen))?,
        rtmp: rtmp.local_addr().map_err(listen("rtmp", config.rtmp.listen))?,
        rtmps: rtmps.as_ref().map(|(_, address, _)| *address),
        tls: tls.is_some(),
    };

    let jobs = Jobs::new(&archive, &config, &tasks);
    let (ready, report) = watch::channel(Report::default());
    let machine = Machine {
        config: config.clone(),
        archive: archive.clone(),
        health: Health { report, stopping: tasks.soft().clone(), metrics: Some(metrics.clone()) },
        assets: Assets::embedded(),
        downloads: Downloads::default(),
        mailer: tenant::mailer(&config)?,
        jobs: jobs.clone(),
        tasks: tasks.clone(),
    };
    let tenants = Tenants::begin(machine, listed, lives.clone(), others).await?;
    // Looked at before anybody is told where to ask.
    ready.send_replace(look(&catalogue, &archive, &jobs).await);
    tasks.spawn("metrics upkeep", until_stopped(tasks.clone(), telemetry::upkeep(metrics)));
    let (sites, doors) = (tenants.sites(), tenants.doors());
    tasks.spawn_essential("http", server::serve(http, tls.clone(), sites, server::Limits::default(), tasks.clone()));
    if let Some((listener, _, greeting)) = rtmps {
        let doors = doors.clone();
        tasks.spawn_essential("rtmps listener", async move { doors.listen_rtmp(listener, Some(greeting)).await });
    }
    tasks.spawn_essential("rtmp listener", async move { doors.listen_rtmp(rtmp, None).await });
    tasks.spawn("tenants", until_stopped(tasks.clone(), tenants.keep()));
    tasks.spawn("caption models", until_stopped(tasks.clone(), caption_keeper.keep()));
    tasks.spawn("health", until_stopped(tasks.clone(), watch_health(ready, catalogue, archive, jobs)));

    let path = run.join("addresses.json");
    publish(&path, addresses)?;
    tasks.spawn("addresses", withdraw(path, tasks.clone()));
    tell(addresses, dev, password.as_ref().map(|p| p.reveal()));
    let reload = Reload { config, sources, filter, lives, captions: caption_settings, tls };
    tasks.spawn("reload", until_stopped(tasks.clone(), reload.keep(reloads)));
    Ok(())
}

/// The writer has a thread of its own: a disk can block for seconds.
async fn write(writer: Writer) {
    if let Err(error) = tokio::task::spawn_blocking(move || writer.run()).await {
        tracing::error!(%error, "the archive's writer failed");
    }
}

async fn until_stopped(tasks: Tasks, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = tasks.soft_stopped() => {}
    }
}

/// Looks every few seconds whether database and disk answer; `/readyz` says what was found last.
async fn watch_health(ready: watch::Sender<Report>, catalogue: Catalogue, archive: Archive, jobs: Jobs) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        ready.send_replace(look(&catalogue, &archive, &jobs).await);
    }
}

/// Whether database and disk answer, and what does not get done.
async fn look(catalogue: &Catalogue, archive: &Archive, jobs: &Jobs) -> Report {
    let mut findings = Vec::new();
    let catalogue_answers = catalogue.ping().await;
    if let Err(error) = &catalogue_answers {
        let message = format!("The catalogue does not answer: {error}.");
        findings.push(Finding { level: Level::Error, code: "catalogue", message });
    }
    if let Some(trouble) = archive.trouble() {
        let message = format!("Recordings can't be written: {}.", trouble.text);
        findings.push(Finding { level: Level::Error, code: trouble.code(), message });
    }
    if let Some(why) = jobs.obstacle() {
        let message = format!("Posters, previews and missing renditions of finished videos wait: {why}.");
        findings.push(Finding { level: Level::Notice, code: "jobs_wait", message });
    }
    Report { ready: catalogue_answers.is_ok(), findings }
}

fn gate_settings(config: &Config) -> gate::Settings {
    gate::Settings {
        secure: config.http.tls_certificate.path().is_some() || config.http.public_url.starts_with("https://"),
        proxies: Proxies(config.http.proxies.clone()),
        open_metrics: config.http.open_metrics,
        new_viewers: config.http.new_viewers,
    }
}

fn settings(config: &Config, captions: Captions) -> Settings {
    let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
    let live = &config.live;
    Settings {
        rules: Rules::new(micros(live.segment_target.into()), micros(live.part_target.into())),
        dvr_window: live.dvr_window.into(),
        terms: terms(config),
        renditions: Renditions {
            enabled: config.renditions.enabled,
            completed: crate::jobs::completes_renditions(config),
            // What is wrong was refused when the configuration was read.
            preset: config.renditions.preset().unwrap_or_default(),
            engine: client::Settings {
                program: config.engine.program.path().map(Into::into),
                // As above.
                encoder: Choice::from_name(&config.engine.encoder).unwrap_or_default(),
                ..client::Settings::default()
            },
        },
        captions,
        budget: Budget { cores: processors(), share: f64::from(config.renditions.cpu_percent) / 100.0 },
    }
}

/// As many as this process may use.
fn processors() -> f64 {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// What can change while lives are on air.
fn terms(config: &Config) -> Terms {
    Terms {
        grace: config.live.grace.into(),
        min_length: config.live.min_length.into(),
        takeover_after: config.live.takeover_after.into(),
        refusals_per_minute: config.rtmp.max_refusals_per_minute,
    }
}

fn limits(config: &Config) -> Limits {
    let rtmp = &config.rtmp;
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    Limits {
        connections: rtmp.max_connections as usize,
        connections_per_address: rtmp.max_connections_per_address as usize,
        handshake_time: rtmp.handshake_timeout.into(),
        idle_time: rtmp.idle_timeout.into(),
        before_publish_bytes: bytes(rtmp.max_bytes_before_publish.into()),
        message_bytes: bytes(rtmp.max_message.into()),
    }
}

/// Writes the addresses so that a reader sees all or nothing.
fn publish(path: &Path, addresses: Addresses) -> Result<(), Error> {
    let folder = |source| Error::Folder { path: path.to_owned(), source };
    let mut json = serde_json::json!({ "http": addresses.http.to_string(), "rtmp": addresses.rtmp.to_string() });
    if let Some(rtmps) = addresses.rtmps {
        json["rtmps"] = rtmps.to_string().into();
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, format!("{json}\n")).map_err(folder)?;
    std::fs::rename(&partial, path).map_err(folder)
}

/// Nobody is to ask, with a token, whoever listens there after this server.
async fn withdraw(path: PathBuf, tasks: Tasks) {
    tasks.soft_stopped().await;
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::warn!(path = %path.display(), %error, "the addresses can't be removed");
    }
}

/// What a person at the terminal needs next.
fn tell(addresses: Addresses, dev: bool, password: Option<&str>) {
    let Addresses { http, rtmp, rtmps, tls } = addresses;
    let scheme = if tls { "https" } else { "http" };
    println!("Pages:   {scheme}://{http}/");
    println!("RTMP:    rtmp://{rtmp}/live   stream key: <broadcaster>?key=<stream key>");
    if let Some(rtmps) = rtmps {
        println!("RTMPS:   rtmps://{rtmps}/live");
    }
    if dev {
        println!();
        println!("Watch:   {scheme}://{http}/live/demo");
        println!("OBS:     server rtmp://{rtmp}/live   stream key demo?key=demo");
        println!(
            "Push:    ffmpeg -re -f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \\"
        );
        println!(
            "           -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 60 -c:a aac -f flv 'rtmp://{rtmp}/live/demo?key=demo'"
        );
    }
    if let Some(password) = password {
        println!("Sign in: {} with the password {password} (shown this once)", catalogue::demo::ADMINISTRATOR);
    }
}
