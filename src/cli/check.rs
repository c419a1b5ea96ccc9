//! `amphi check`: what is missing on this machine and what to type; with `--media`, what is wrong with the recordings.

use super::Error;
use crate::archive::check::{self, Known};
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::video::VideoState;
use crate::config::{self, Config, Loaded};
use crate::http::tls::Tls;
use crate::jobs;
use crate::models::Models;
use rustix::fs::{Access, access, statvfs};
use serde_json::json;
use std::io::ErrorKind;
use std::path::Path;

/// Below this a live of an hour may not fit (2 Mbit/s are 0.9 GB an hour); the server goes on from memory.
const NEEDED_BYTES: u64 = 1 << 30;

/// Below this a day of lectures may not fit.
const WISE_BYTES: u64 = 20 << 30;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    verdict: Verdict,
    /// What was found and, when something is missing, what to type.
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// Works, and somebody should know.
    Note,
    /// Does not work without.
    Missing,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Missing => "missing",
        }
    }
}

impl Finding {
    fn new(what: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self { what, verdict, text: text.into() }
    }
}

pub(super) async fn run(loaded: Result<Loaded, config::Error>, media: bool, json: bool) -> Result<String, Error> {
    let mut findings = Vec::new();
    let mut engine = None;
    match loaded {
        Err(error) => {
            findings
                .extend(error.problems.into_iter().map(|text| Finding::new("configuration", Verdict::Missing, text)));
        }
        Ok(Loaded { config, warnings }) => {
            if warnings.is_empty() {
                findings.push(Finding::new("configuration", Verdict::Good, "is understood"));
            }
            findings.extend(warnings.into_iter().map(|text| Finding::new("configuration", Verdict::Note, text)));
            findings.push(folder(&config.data_dir));
            findings.push(space(&config.data_dir));
            findings.push(tls(&config));
            findings.push(database(&config).await);
            findings.extend(models(&config, &spoken(&config).await));
            engine = Some(engines(&config));
            if media {
                findings.extend(recordings(&config).await);
            }
        }
    }
    findings.extend(engine);
    let text = if json { as_json(&findings) } else { as_text(&findings) };
    let missing = findings.iter().any(|finding| finding.verdict == Verdict::Missing);
    if missing { Err(Error::Missing(text)) } else { Ok(text) }
}

fn as_text(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{:8}{}: {}\n", finding.verdict.name(), finding.what, finding.text)).collect()
}

fn as_json(findings: &[Finding]) -> String {
    let items = findings
        .iter()
        .map(|finding| json!({"what": finding.what, "verdict": finding.verdict.name(), "text": finding.text}));
    format!("{:#}\n", serde_json::Value::Array(items.collect()))
}

/// The folder itself or the nearest one above it that exists: that is where the missing ones would be made.
fn existing(folder: &Path) -> &Path {
    let named = |folder: &&Path| !folder.as_os_str().is_empty();
    folder.ancestors().filter(named).find(|folder| folder.exists()).unwrap_or(Path::new("."))
}

fn folder(data_dir: &Path) -> Finding {
    let there = existing(data_dir);
    let shown = data_dir.display();
    if !there.is_dir() {
        return Finding::new("data_dir", Verdict::Missing, format!("{} is not a folder", there.display()));
    }
    if access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let text = format!("{shown} can't be written: sudo install -d -o \"$(id -un)\" {shown}");
        return Finding::new("data_dir", Verdict::Missing, text);
    }
    let state = if there == data_dir { "can be written" } else { "will be made at the first start" };
    Finding::new("data_dir", Verdict::Good, format!("{shown} {state}"))
}

fn space(data_dir: &Path) -> Finding {
    let there = existing(data_dir);
    let Ok(disk) = statvfs(there) else {
        return Finding::new("disk", Verdict::Missing, format!("{} can't be looked at", there.display()));
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let text = format!("{} GiB free at {}", free >> 30, there.display());
    match free {
        0..NEEDED_BYTES => Finding::new("disk", Verdict::Missing, format!("{text}: make room for at least 1 GiB")),
        NEEDED_BYTES..WISE_BYTES => Finding::new("disk", Verdict::Note, format!("{text}: an hour takes about 1 GiB")),
        _ => Finding::new("disk", Verdict::Good, text),
    }
}

fn tls(config: &Config) -> Finding {
    let (Some(certificate), Some(key)) = (config.http.tls_certificate.path(), config.http.tls_key.path()) else {
        return match config.rtmp.tls_listen.0 {
            None => Finding::new("TLS", Verdict::Note, "not set: plain HTTP and RTMP"),
            Some(_) => {
                let text = "rtmp.tls_listen needs a certificate: set http.tls_certificate and http.tls_key";
                Finding::new("TLS", Verdict::Missing, text)
            }
        };
    };
    for (setting, file) in [("http.tls_certificate", certificate), ("http.tls_key", key)] {
        if let Err(error) = std::fs::File::open(file) {
            let shown = file.display();
            let advice = match error.kind() {
                ErrorKind::NotFound => format!("correct {setting}, or put the PEM file there"),
                // On the service's machine that is its user; here it is whoever asks.
                ErrorKind::PermissionDenied => {
                    format!("sudo setfacl -m u:\"$(id -un)\":r {shown}, and x on its folders")
                }
                _ => format!("look at {setting}"),
            };
            return Finding::new("TLS", Verdict::Missing, format!("{shown}: {error}: {advice}"));
        }
    }
    match Tls::load(certificate.to_owned(), key.to_owned()) {
        Ok(_) => Finding::new("TLS", Verdict::Good, "certificate and key can be read and belong together"),
        Err(error) => {
            let advice = "http.tls_certificate takes the chain with the server's own certificate first, http.tls_key its key, both as PEM";
            Finding::new("TLS", Verdict::Missing, format!("{error}: {advice}"))
        }
    }
}

/// What decodes and encodes. The server does without, and says what it can't do then.
fn engines(config: &Config) -> Finding {
    match jobs::missing(config) {
        None => Finding::new("engine", Verdict::Good, "is there: renditions, captions, posters and previews are made"),
        Some(why) => Finding::new(
            "engine",
            Verdict::Note,
            format!("{why}. Until then viewers get the source only, and posters and previews wait"),
        ),
    }
}

async fn database(config: &Config) -> Finding {
    let address = config.catalogue_address();
    if let Some(path) = address.strip_prefix("sqlite:")
        && !Path::new(path).exists()
    {
        return Finding::new("catalogue", Verdict::Good, format!("{path} will be made at the first start"));
    }
    let pending = match Catalogue::open(&address).await {
        Ok(catalogue) => {
            let pending = catalogue.pending_migrations().await;
            catalogue.close().await;
            pending
        }
        Err(error) => Err(error),
    };
    match pending {
        Ok(0) => Finding::new("catalogue", Verdict::Good, "is reached and up to date"),
        Ok(n) => {
            Finding::new("catalogue", Verdict::Note, format!("{n} migrations wait for the next start: amphi migrate"))
        }
        Err(error) => {
            let advice = match address.strip_prefix("sqlite:") {
                Some(path) => format!("is it a catalogue, and yours to write? ls -l {path}"),
                None => {
                    "is PostgreSQL running there (pg_isready), and are user, password and name in catalogue.url right?"
                        .to_owned()
                }
            };
            Finding::new("catalogue", Verdict::Missing, format!("{error}: {advice}"))
        }
    }
}

/// The languages that lives are captioned in: the setting's, and those of broadcasters. Where the catalogue does not answer, the setting's.
async fn spoken(config: &Config) -> Vec<String> {
    let mut spoken = config.captions.languages.clone();
    let address = config.catalogue_address();
    if address.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists()) {
        return spoken;
    }
    if let Ok(catalogue) = Catalogue::open(&address).await {
        let mut broadcasters = Vec::new();
        for theirs in every(&catalogue).await.unwrap_or_default() {
            broadcasters.extend(theirs.broadcasters().await.unwrap_or_default());
        }
        for language in broadcasters.into_iter().flat_map(|b| b.captions.languages.unwrap_or_default()) {
            if !spoken.iter().any(|tag| tag.eq_ignore_ascii_case(language.tag())) {
                spoken.push(language.tag().to_owned());
            }
        }
        catalogue.close().await;
    }
    spoken
}

/// Each tenant's; of a schema from before there was more than one, the default tenant's.
async fn every(catalogue: &Catalogue) -> Result<Vec<Catalogue>, crate::catalogue::Error> {
    if catalogue.pending_migrations().await? > 0 {
        return Ok(vec![catalogue.clone()]);
    }
    Ok(catalogue.tenants().await?.into_iter().map(|listed| catalogue.of(listed.tenant)).collect())
}

/// Whether the languages that are spoken have their models. A live goes on without.
fn models(config: &Config, spoken: &[String]) -> Vec<Finding> {
    if !config.captions.enabled {
        return vec![Finding::new("models", Verdict::Good, "not needed: captions.enabled is false")];
    }
    let models = Models::of(config);
    let installed = models.installed();
    let finding = |language: &String| match models.chosen(&installed, language) {
        Some(record) => Finding::new("models", Verdict::Good, format!("{language} has {}", record.name)),
        None => {
            let advice = Models::advice(language);
            Finding::new("models", Verdict::Note, format!("{language} has none, so lives have no captions: {advice}"))
        }
    };
    let mut findings: Vec<Finding> = spoken.iter().map(finding).collect();
    for name in config.captions.models.iter().filter(|name| installed.iter().all(|record| record.name != **name)) {
        let text = format!("captions.models names {name}, which is not installed: amphi models install {name}");
        findings.push(Finding::new("models", Verdict::Note, text));
    }
    findings
}

/// Every recording against the catalogue, both ways, down to the bytes.
async fn recordings(config: &Config) -> Vec<Finding> {
    let folder = config.folder("media");
    let known = match known(config).await {
        Ok(known) => known,
        Err(error) => return vec![Finding::new("media", Verdict::Missing, format!("can't be compared: {error}"))],
    };
    if known.is_empty() && !folder.exists() {
        return vec![Finding::new("media", Verdict::Good, "there are no recordings yet")];
    }
    let (layout, videos) = (Layout::new(folder), known.len());
    let compared = tokio::task::spawn_blocking(move || check::check(&layout, &known)).await;
    let Ok(found) = compared else {
        return vec![Finding::new("media", Verdict::Missing, "the comparison broke off")];
    };
    if found.is_empty() {
        let text = format!("{videos} {} as written", if videos == 1 { "recording is" } else { "recordings are" });
        return vec![Finding::new("media", Verdict::Good, text)];
    }
    found.iter().map(|finding| Finding::new("media", Verdict::Missing, finding.to_string())).collect()
}

/// What the catalogue says must be on the disk. Where there is no catalogue yet, nothing; none is made.
async fn known(config: &Config) -> Result<Vec<Known>, crate::catalogue::Error> {
    let address = config.catalogue_address();
    if address.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists()) {
        return Ok(Vec::new());
    }
    let catalogue = Catalogue::open(&address).await?;
    let mut videos = Vec::new();
    for theirs in every(&catalogue).await? {
        videos.extend(theirs.all_videos().await?);
    }
    catalogue.close().await;
    Ok(videos.into_iter().map(|(id, state)| Known { id: id.to_string(), ended: state == VideoState::Ended }).collect())
}
