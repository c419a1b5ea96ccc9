//! SIGHUP: what can change without touching a live on air is read again and put in force.
//!
//! Promises: a configuration that is wrong changes nothing and says all that is wrong in it; what needs a restart is named, again at every
//! reload, until there was one; no value is logged, as it may be a secret.

use crate::config::{self, Config, Loaded, Sources};
use crate::http::tls::Tls;
use crate::lifecycle::Reloads;
use crate::live::Handle;
use crate::telemetry::LogFilter;
use std::sync::Arc;
use tokio::sync::watch;

/// The settings that a reload puts in force. Everything else is built into sockets, files or playlists that are in use.
const RELOADED: [&str; 9] = [
    "live.grace",
    "live.min_length",
    "live.takeover_after",
    "rtmp.max_refusals_per_minute",
    "captions.enabled",
    "captions.languages",
    "captions.models",
    "captions.vocabulary",
    "log.filter",
];

/// What a reload reads and changes.
#[derive(Debug)]
pub(super) struct Reload {
    /// In force.
    pub(super) config: Config,
    /// The same file, environment and command line as at the start.
    pub(super) sources: Sources,
    pub(super) filter: LogFilter,
    pub(super) lives: Handle,
    pub(super) captions: watch::Sender<config::Captions>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Reload {
    /// Does what each SIGHUP asks for.
    pub(super) async fn keep(mut self, mut reloads: Reloads) {
        while let Some(reload) = reloads.recv().await {
            self.certificate();
            match config::load(self.sources.clone()) {
                Ok(loaded) => self.settings(loaded),
                // One line: the log's reader is a machine as often as a person.
                Err(error) => tracing::error!(
                    problems = error.problems.join("; "),
                    "the configuration is wrong; the settings in force stay"
                ),
            }
            drop(reload);
        }
    }

    fn certificate(&self) {
        match self.tls.as_ref().map(|tls| tls.reload()) {
            Some(Ok(())) => tracing::info!("the certificate was read again"),
            Some(Err(error)) => tracing::error!(%error, "the certificate can't be reloaded; the old one stays"),
            None => {}
        }
    }

    fn settings(&mut self, Loaded { config: read, warnings }: Loaded) {
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let (changed, waiting) = split(self.config.differences(&read));
        if changed.iter().any(|key| key == "log.filter")
            && let Err(error) = self.filter.set(&read.log.filter)
        {
            tracing::error!(%error, "the log filter stays");
            return;
        }
        take(&mut self.config, read);
        self.lives.set_terms(super::terms(&self.config));
        // Also when nothing of it has changed: then it is looked which models there are.
        self.captions.send_replace(self.config.captions.clone());
        tracing::info!(changed = changed.join(" "), "the configuration was read again");
        if !waiting.is_empty() {
            tracing::warn!(settings = waiting.join(" "), "changed in the configuration, in force after a restart");
        }
    }
}

/// The settings that change now, and those that wait for a restart.
fn split(differences: Vec<String>) -> (Vec<String>, Vec<String>) {
    differences.into_iter().partition(|key| RELOADED.contains(&key.as_str()))
}

/// Takes what [`RELOADED`] names, and nothing else.
fn take(config: &mut Config, read: Config) {
    config.live.grace = read.live.grace;
    config.live.min_length = read.live.min_length;
    config.live.takeover_after = read.live.takeover_after;
    config.rtmp.max_refusals_per_minute = read.rtmp.max_refusals_per_minute;
    config.captions = read.captions;
    config.log.filter = read.log.filter;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_what_the_list_names_and_the_rest_waits() {
        let mut config = Config::default();
        let mut read = Config::default();
        let second = "1s".parse().unwrap();
        (read.live.grace, read.live.min_length, read.live.takeover_after) = (second, second, second);
        (read.live.dvr_window, read.rtmp.idle_timeout) = (second, second);
        read.rtmp.max_refusals_per_minute = 1;
        read.captions.enabled = false;
        read.captions.languages.clear();
        for list in [&mut read.captions.models, &mut read.captions.vocabulary] {
            list.push("other".to_owned());
        }
        read.log.filter = "debug".to_owned();
        read.catalogue.url = "sqlite:elsewhere".parse().unwrap();
        let waiting = ["rtmp.idle_timeout", "live.dvr_window", "catalogue.url"];
        let (changed, waits) = split(config.differences(&read));
        assert_eq!((changed.len(), waits.as_slice()), (RELOADED.len(), &waiting.map(str::to_owned)[..]));
        take(&mut config, read.clone());
        assert_eq!(config.differences(&read), waiting);
    }
}
