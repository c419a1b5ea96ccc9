//! `amphi models`.

use super::{Error, table};
use crate::clock::now;
use crate::config::Config;
use crate::models::hash::Hash;
use crate::models::install::{Done, Order, Progress, Source};
use crate::models::known::{Entry, KNOWN, Size};
use crate::models::name::Language;
use crate::models::record::Record;
use crate::models::{self, Models};
use clap::Subcommand;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use url::Url;

/// How often a terminal is told how far it is.
const TERMINAL: Duration = Duration::from_millis(200);
/// How often a log is.
const LOG: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What is installed and what can be, with size, licence and published word error rates.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Install one: from its publisher, a mirror, a file or a folder. A download that was cut short goes on where it was.
    Install {
        /// A model's name, or a language (`fr`) for its usual model. A model of your own needs --language, and --from or --mirror.
        name: String,
        /// Take it from this folder of a web server, which has the publisher's files.
        #[arg(long, value_name = "URL", conflicts_with = "from")]
        mirror: Option<Url>,
        /// Take it from this zip, wheel, tar.gz or folder.
        #[arg(long, value_name = "PATH")]
        from: Option<PathBuf>,
        /// Language of a model that is not in the list, such as `fr`.
        #[arg(long, value_name = "TAG")]
        language: Option<Language>,
        /// SHA-256 of the archive, where the list has none.
        #[arg(long, value_name = "HEX")]
        sha256: Option<Hash>,
    },
    /// Compare every file of what is installed with what was installed.
    Verify {
        /// Only these.
        names: Vec<String>,
    },
    /// Remove one. A live that uses it keeps what it has read.
    Remove {
        /// The model's name.
        name: String,
    },
}

impl From<models::Error> for Error {
    fn from(error: models::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// Blocks: nothing else runs in this process.
pub(super) fn run(command: Command, config: &Config) -> Result<String, Error> {
    let models = Models::of(config);
    match command {
        Command::List { json } => Ok(list(&models, json)),
        Command::Install { name, mirror, from, language, sha256 } => {
            let source = match (mirror, from) {
                (Some(url), _) => Source::Mirror(url),
                (None, Some(path)) => Source::From(path),
                (None, None) => Source::Online,
            };
            let order = Order::new(&name, language, source, sha256)?;
            let mut meter = Meter::new(order.name().to_string());
            let done = models.install(&order, now(), &mut |progress| meter.show(&progress));
            meter.end();
            Ok(installed(&done?))
        }
        Command::Verify { names } => verify(&models, &names),
        Command::Remove { name } => {
            let bytes = models.remove(&name)?;
            Ok(format!("{name} is removed: {} are free again.\n", size(bytes)))
        }
    }
}

fn installed(done: &Done) -> String {
    let Done { record, folder, was_there } = done;
    let (name, place) = (&record.name, folder.display());
    if *was_there {
        return format!("{name} is there and whole, in {place}.\n");
    }
    let mut text = format!("{name} is installed in {place}: {}, for {}.\n", size(record.bytes()), record.language);
    match (&record.archive_sha256, record.checked) {
        (Some(_), true) => text.push_str("Its SHA-256 is the expected one.\n"),
        (Some(hash), false) => {
            let _ = writeln!(
                text,
                "Nobody published a SHA-256 of it that Amphi knows, so it could not be compared. It has {hash}: \
                 compare that by another way, or give it as --sha256 on your other servers."
            );
        }
        (None, _) => text
            .push_str("It comes from a folder: there was no SHA-256 to compare. Its files are as they were there.\n"),
    }
    if let Some(licence) = &record.licence {
        let _ = writeln!(text, "Its licence is {licence}.");
    }
    text
}

fn verify(models: &Models, names: &[String]) -> Result<String, Error> {
    let mut installed = models.installed();
    if let Some(unknown) = names.iter().find(|name| !installed.iter().any(|record| record.name == **name)) {
        let nearest = models::known::nearest(unknown, installed.iter().map(|record| record.name.as_str()));
        let meant = nearest.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        return Err(Error::Other(format!("{unknown} is not installed{meant}")));
    }
    installed.retain(|record| names.is_empty() || names.contains(&record.name));
    if installed.is_empty() {
        return Ok("No models are installed.\n".to_owned());
    }
    let (mut text, mut damaged) = (String::new(), false);
    for record in &installed {
        let faults = models.verify(record);
        let bad = faults.iter().any(models::Fault::is_damage);
        damaged |= bad;
        let verdict = if bad { "DAMAGED" } else { "whole" };
        let _ = writeln!(text, "{}: {verdict}, {} files, {}", record.name, record.files.len(), size(record.bytes()));
        for fault in faults {
            let _ = writeln!(text, "  {fault}");
        }
        if bad {
            let _ = writeln!(text, "  again: amphi models install {}", record.name);
        }
    }
    if damaged { Err(Error::Missing(text)) } else { Ok(text) }
}

fn list(models: &Models, as_json: bool) -> String {
    let installed = models.installed();
    let of = |name: &str| installed.iter().find(|record| record.name == name);
    let used = |record: &Record| models.chosen(&installed, &record.language).is_some_and(|chosen| chosen == record);
    let own = installed.iter().filter(|record| KNOWN.iter().all(|entry| entry.name != record.name));
    if as_json {
        let known = KNOWN.iter().map(|entry| object(Some(entry), of(entry.name), of(entry.name).is_some_and(used)));
        return table::json(known.chain(own.map(|record| object(None, Some(record), used(record)))).collect());
    }
    let state = |record: Option<&Record>| match record {
        Some(record) if used(record) => "in use",
        Some(_) => "installed",
        None => "-",
    };
    let row = |name: &str, language: &str, state: &str, size: String, licence: Option<&str>, wer: &str, note: &str| {
        let or = |text: &str| if text.is_empty() { "not published".to_owned() } else { text.to_owned() };
        vec![
            name.to_owned(),
            language.to_owned(),
            state.to_owned(),
            size,
            licence.unwrap_or("not stated").to_owned(),
            or(wer),
            note.to_owned(),
        ]
    };
    let mut rows: Vec<Vec<String>> = KNOWN
        .iter()
        .map(|entry| {
            let about = if matches!(entry.size, Size::About(_)) { "~" } else { "" };
            let size = format!("{about}{}", size(entry.size.bytes()));
            row(entry.name, entry.language, state(of(entry.name)), size, entry.licence, entry.wer, entry.note)
        })
        .collect();
    rows.extend(own.map(|record| {
        let (licence, size) = (record.licence.as_deref(), size(record.bytes()));
        row(&record.name, &record.language, state(Some(record)), size, licence, "", "your own")
    }));
    let head = ["NAME", "LANGUAGE", "STATE", "SIZE", "LICENCE", "WORD ERRORS (%, as published)", "NOTE"];
    table::columns(&head, &rows, "There are no models.")
}

fn object(entry: Option<&Entry>, record: Option<&Record>, used: bool) -> Value {
    let text = |of_entry: Option<&str>, of_record: Option<&String>| {
        of_entry.map(ToOwned::to_owned).or_else(|| of_record.cloned())
    };
    json!({
        "name": text(entry.map(|entry| entry.name), record.map(|record| &record.name)),
        "engine": text(entry.map(|entry| entry.engine), record.map(|record| &record.engine)),
        "language": text(entry.map(|entry| entry.language), record.map(|record| &record.language)),
        "licence": text(entry.and_then(|entry| entry.licence), record.and_then(|record| record.licence.as_ref())),
        "wer": entry.map(|entry| entry.wer).filter(|wer| !wer.is_empty()),
        "archive_bytes": entry.map(|entry| entry.size.bytes()),
        "archive_bytes_exact": entry.map(|entry| matches!(entry.size, Size::Exact(_))),
        "archive_sha256": text(entry.and_then(|entry| entry.sha256), record.and_then(|record| record.archive_sha256.as_ref())),
        "online": entry.is_some_and(|entry| entry.online),
        "note": entry.map(|entry| entry.note),
        "installed": record.map(|record| json!({
            "bytes": record.bytes(),
            "at": record.installed_at,
            "source": record.source,
            "checked": record.checked,
            "in_use": used,
        })),
    })
}

/// In MiB, or GiB from 1 GiB on.
fn size(bytes: u64) -> String {
    let mib = bytes.div_ceil(1 << 20);
    if mib < 1_024 { format!("{mib} MiB") } else { format!("{}.{} GiB", mib >> 10, ((mib & 1_023) * 10) >> 10) }
}

/// Progress on standard error: one line that changes on a terminal, a line now and then in a log.
struct Meter {
    name: String,
    terminal: bool,
    last: Option<Instant>,
    open: bool,
}

impl Meter {
    fn new(name: String) -> Self {
        Self { name, terminal: std::io::stderr().is_terminal(), last: None, open: false }
    }

    fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Fetched { have, total } => {
                let pause = if self.terminal { TERMINAL } else { LOG };
                let whole = *total == Some(*have);
                if !whole && self.last.is_some_and(|last| last.elapsed() < pause) {
                    return;
                }
                self.last = Some(Instant::now());
                let text = match total {
                    Some(total @ 1..) => {
                        format!("{} of {}, {} %", size(*have), size(*total), have.saturating_mul(100) / total)
                    }
                    _ => size(*have),
                };
                self.line(&text, true);
            }
            Progress::Again { why } => self.line(&format!("{why}; trying again"), false),
            Progress::Unpacking => self.line("comparing and unpacking", false),
        }
    }

    fn line(&mut self, text: &str, may_change: bool) {
        let mut to = std::io::stderr().lock();
        // Nobody may be reading; the installation goes on.
        let _ = if self.terminal {
            // Back to the line's beginning, and away with what is there.
            self.open = may_change;
            write!(to, "\r\x1b[K{}: {text}{}", self.name, if may_change { "" } else { "\n" }).and_then(|()| to.flush())
        } else {
            writeln!(to, "{}: {text}", self.name)
        };
    }

    fn end(&mut self) {
        if self.open {
            let _nobody_reads = writeln!(std::io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_people() {
        for (bytes, shown) in [(1, "1 MiB"), (41_205_931, "40 MiB"), (1 << 30, "1.0 GiB"), (1_843 << 20, "1.7 GiB")] {
            assert_eq!(size(bytes), shown);
        }
    }
}
