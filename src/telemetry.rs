//! Logs and metrics: how they are set up, and the one table of the metrics' names.
//!
//! Promises: logs go to stderr and carry no secret (whoever logs keeps that: types that hold one hide it in `Debug`); every metric is
//! named `amphi_*`, in base units, and described in [`METRICS`] (a test reads the sources for names that are missing there).

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use std::time::Duration;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::{EnvFilter, reload};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// Why telemetry can't be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `log.filter` is not a list of `target=level`.
    #[error("log filter {filter:?}: {source}")]
    Filter {
        /// As configured.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The logger is gone, which happens only while the process ends.
    #[error("the log filter can't be changed: {0}")]
    Reload(#[from] reload::Error),
    /// Somebody set a logger before.
    #[error("a logger is already installed")]
    LoggerTaken,
    /// The metrics recorder.
    #[error("metrics: {0}")]
    Metrics(#[from] BuildError),
}

/// The installed logger's filter, to be changed while it runs.
pub struct LogFilter(SetFilter);

// The type behind it depends on the format; whoever changes the filter need not know which it is.
type SetFilter = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

impl std::fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogFilter")
    }
}

impl LogFilter {
    /// Another filter for what is logged from now on.
    ///
    /// # Errors
    /// [`Error::Filter`]; then the old one stays.
    pub fn set(&self, filter: &str) -> Result<(), Error> {
        Ok((self.0)(parse(filter)?)?)
    }
}

fn parse(filter: &str) -> Result<EnvFilter, Error> {
    EnvFilter::try_new(filter).map_err(|source| Error::Filter { filter: filter.to_owned(), source })
}

/// Installs the logger for the whole process. `filter` is a list such as `info,amphi::http=debug` (tracing-subscriber's `EnvFilter`).
///
/// # Errors
/// [`Error::Filter`] and [`Error::LoggerTaken`].
pub fn install_logs(format: LogFormat, filter: &str) -> Result<LogFilter, Error> {
    let lines = tracing_subscriber::fmt().with_env_filter(parse(filter)?).with_writer(std::io::stderr);
    let (installed, set): (_, SetFilter) = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
            let handle = lines.reload_handle();
            (lines.try_init(), Box::new(move |filter| handle.reload(filter)))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let handle = lines.reload_handle();
            (lines.try_init(), Box::new(move |filter| handle.reload(filter)))
        }
    };
    installed.map(|()| LogFilter(set)).map_err(|_taken| Error::LoggerTaken)
}

/// Installs the metrics recorder for the whole process, describes all metrics and says which build this is.
/// Once per process; whoever holds the handle must also run [`upkeep`].
///
/// # Errors
/// [`Error::Metrics`] when a recorder is already there.
pub fn install_metrics() -> Result<PrometheusHandle, Error> {
    let handle = PrometheusBuilder::new().set_buckets(&BUCKETS_SECONDS)?.install_recorder()?;
    describe();
    Ok(handle)
}

/// Empties what histograms have gathered, for ever; without it they grow between scrapes.
pub async fn upkeep(handle: PrometheusHandle) {
    // The exporter's own default: frequent enough that a busy histogram stays at some kilobytes.
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// From a database query (1 ms) over a part's lateness (the goal is 100 ms) to a blocked reload (up to three target durations, 12 s).
const BUCKETS_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 4.0, 12.0];

/// A metric's line in [`METRICS`].
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// `amphi_<what>_<base unit>`, counters with `_total`.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// One sentence; labels in parentheses.
    pub help: &'static str,
}

/// What a metric does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in seconds.
    Histogram,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help }
}
const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, help }
}

/// Every metric of the server and of `media`, by name. To add one: its line here, then `metrics::…!` where it happens.
pub const METRICS: &[Metric] = &[
    counter(
        "amphi_archive_late_writes_total",
        "Batches that viewers were told of before they were written, because the disk was slow.",
    ),
    gauge("amphi_archive_queued_batches", "Batches of media that wait for the disk."),
    counter(
        "amphi_archive_skipped_batches_total",
        "Batches whose media was not recorded because too much waited for the disk: gaps in recordings.",
    ),
    counter("amphi_archive_sync_failures_total", "Syncs that the disk refused."),
    histogram("amphi_archive_sync_seconds", "How long a sync of all recordings took."),
    gauge(
        "amphi_archive_synced_timestamp_seconds",
        "Unix time until which everything recorded is safe from a power cut.",
    ),
    counter("amphi_archive_write_failures_total", "Writes that the disk refused: gaps in recordings."),
    gauge("amphi_build_info", "Always 1; the build is in the labels (version)."),
    gauge(
        "amphi_captions_confidence_ratio",
        "How sure the engine is of the last fifty words, 0 to 1 (broadcaster, language).",
    ),
    counter(
        "amphi_captions_dropped_microseconds_total",
        "Sound that was not heard because the engine was too slow (broadcaster, language).",
    ),
    histogram(
        "amphi_captions_lag_seconds",
        "From the end of the words of a cue to viewers told of them (broadcaster, language).",
    ),
    gauge(
        "amphi_captions_realtime_factor",
        "Seconds that hearing a second of sound takes; over 1 while the engine is too slow, 0 without one (broadcaster, language).",
    ),
    counter(
        "amphi_captions_refused_total",
        "Sessions of captions that engines had no room for when they were wanted (broadcaster, language).",
    ),
    counter(
        "amphi_captions_unheard_microseconds_total",
        "Sound that came while no engine could hear it (broadcaster, language).",
    ),
    counter(
        "amphi_contribution_lagged_frames_total",
        "Frames that the server was too busy to take (broadcaster, protocol).",
    ),
    counter("amphi_contribution_received_bytes_total", "Media received (broadcaster, protocol)."),
    counter(
        "amphi_contribution_received_frames_total",
        "Frames of sound and pictures received (broadcaster, protocol).",
    ),
    counter("amphi_contribution_takeovers_total", "Contributions that replaced a silent one."),
    counter("amphi_contributions_refused_total", "Contributions that may not begin (protocol, reason)."),
    counter("amphi_contributions_total", "Contributions that began (protocol)."),
    gauge("amphi_engine_cores", "Processors that the engine of a live takes, measured over ten seconds (broadcaster)."),
    counter("amphi_engine_dropped_frames_total", "Pictures that were not encoded or came too late (broadcaster)."),
    gauge(
        "amphi_engine_realtime_factor",
        "Seconds of media that the engine decoded per second; under 1 while it is too slow (broadcaster).",
    ),
    counter("amphi_engine_refused_total", "Lives that were passed through because engines had no room (broadcaster)."),
    counter("amphi_engine_restarts_total", "Engines that ended too early and were started again (broadcaster)."),
    counter(
        "amphi_http_accept_errors_total",
        "Connections that the system could not hand over (out of file descriptors, memory).",
    ),
    gauge("amphi_http_connections", "Open HTTP connections."),
    counter(
        "amphi_http_connections_refused_total",
        "HTTP connections closed at once because 20,000 were open (http::server::Limits).",
    ),
    counter("amphi_http_connections_total", "Accepted HTTP connections."),
    counter("amphi_http_requests_total", "Answered HTTP requests (status: the class, such as 2xx)."),
    counter("amphi_http_tls_failures_total", "TLS handshakes that failed or took too long."),
    counter(
        "amphi_http_viewers_uncounted_total",
        "Requests of viewers who are not counted because too many new ones came from their address.",
    ),
    histogram("amphi_job_seconds", "How long attempts at background jobs took (kind)."),
    gauge("amphi_jobs_queued", "Background jobs that wait for their turn."),
    gauge("amphi_jobs_running", "Background jobs that run on this machine."),
    counter(
        "amphi_jobs_total",
        "Attempts at background jobs that ended (kind, outcome: done, retried, failed, cancelled or put_back).",
    ),
    gauge("amphi_live_on_air", "1 while it is on air (broadcaster); the sum is the number of lives."),
    histogram(
        "amphi_live_part_lateness_seconds",
        "From the last frame of a part received to viewers told of it (broadcaster).",
    ),
    counter("amphi_live_parts_total", "Parts made, of all renditions (broadcaster)."),
    counter("amphi_live_previews_failed_total", "Runs of the engine that makes previews of lives on air that failed."),
    counter("amphi_live_previews_total", "Previews made of lives on air."),
    counter("amphi_live_repaired_timestamps_total", "Frames whose time was wrong and was repaired (broadcaster)."),
    counter("amphi_live_stills_failed_total", "Runs of the engine that makes pictures of lives on air that failed."),
    counter(
        "amphi_live_unusable_frames_total",
        "Frames that came too late, without a keyframe, or while the server lagged (broadcaster).",
    ),
    gauge("amphi_live_viewers", "Browsers with its page open, and players without a page (broadcaster)."),
    counter("amphi_mails_total", "Mails to people (result: sent, failed or dropped)."),
    gauge("amphi_process_resident_bytes", "Memory of the server process that is in RAM."),
    counter("amphi_rtmp_accept_errors_total", "RTMP connections that the system could not hand over."),
    gauge("amphi_rtmp_connections", "Open RTMP connections."),
    counter("amphi_rtmp_dropped_frames_total", "Frames that RTMP brought before their configuration, or damaged."),
    counter("amphi_rtmp_failed_total", "RTMP connections that ended in an error (reason)."),
    counter("amphi_rtmp_received_bytes_total", "Bytes read from RTMP connections."),
    counter("amphi_rtmp_refused_total", "RTMP connections and publishes that were refused (reason)."),
    counter("amphi_rtsp_connects_total", "Attempts to pull an RTSP source (outcome)."),
    counter("amphi_rtsp_lost_packets_total", "RTP packets of pulled sources that never came."),
    counter("amphi_rtsp_restamped_frames_total", "Frames of pulled sources whose time was repaired."),
    counter("amphi_rtsp_skipped_frames_total", "Frames of pulled sources that could not be used."),
    counter("amphi_search_indexed_total", "Videos that the search indexed because they were new or different."),
    counter("amphi_sign_ins_total", "Attempts to sign in, and passwords typed (result: accepted, refused or limited)."),
    counter("amphi_task_panics_total", "Tasks that panicked (task)."),
];

fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
    metrics::gauge!("amphi_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Refreshes what is only known by looking, then renders everything in Prometheus' text format 0.0.4.
#[must_use]
pub fn render(handle: &PrometheusHandle) -> String {
    if let Some(bytes) = resident_bytes() {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
        metrics::gauge!("amphi_process_resident_bytes").set(bytes as f64);
    }
    handle.render()
}

/// Resident memory by `/proc/self/statm` (its second field, in pages); `None` where there is no procfs.
pub(crate) fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_follow_the_rules() {
        assert!(METRICS.is_sorted_by(|a, b| a.name < b.name), "sorted, no name twice");
        for metric in METRICS {
            assert!(metric.name.starts_with("amphi_"), "{}", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            assert!(!metric.name.ends_with("_ms"), "{}: base units", metric.name);
        }
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let error = install_logs(LogFormat::Text, "amphi=loud").unwrap_err();
        assert!(error.to_string().contains("amphi=loud"), "{error}");
    }

    #[test]
    fn resident_memory_is_plausible() {
        let bytes = resident_bytes().unwrap();
        assert!((1 << 20..1 << 36).contains(&bytes), "{bytes}");
    }

    #[test]
    fn build_and_memory_are_rendered_with_their_help() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let text = metrics::with_local_recorder(&recorder, || {
            describe();
            render(&handle)
        });
        assert!(text.contains(concat!("amphi_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")), "{text}");
        assert!(text.contains("# HELP amphi_process_resident_bytes Memory"), "{text}");
    }
}
