//! Rules on values: what can't work is refused, what is unwise is said.

use super::Config;
use super::units::Span;
use media::caption::language::Language;
use media::caption::vocabulary::Vocabulary;
use pipelines::encoder::Choice;
use std::time::Duration;

/// What can't work, as (key, sentence).
pub(super) fn errors(config: &Config) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    let live = &config.live;
    let mut within = |key, span: Span, from: Span, to: Span| {
        if span < from || span > to {
            wrong.push((key, format!("must lie between {from} and {to}")));
        }
    };
    // A day: a timeline's index and its URLs are made for that.
    let day = Span::hours(24);
    within("live.grace", live.grace, Span::secs(0), day);
    within("live.min_length", live.min_length, Span::secs(0), day);
    within("live.dvr_window", live.dvr_window, Span::secs(60), day);
    // Every live's TARGETDURATION is twice its segment target: above 3 s, players without low latency would be half a minute behind.
    within("live.segment_target", live.segment_target, Span::secs(1), Span::secs(3));
    within("live.takeover_after", live.takeover_after, Span::secs(1), Span::secs(60));
    within("rtmp.handshake_timeout", config.rtmp.handshake_timeout, Span::secs(1), Span::secs(120));
    within("rtmp.idle_timeout", config.rtmp.idle_timeout, Span::secs(5), Span::secs(3_600));
    // Shorter parts cost more in requests and headers than they save. Longer ones are on the disk too late: see the sentence.
    let (shortest, longest) = (Span::millis(100), Span::millis(900));
    if live.part_target < shortest || live.part_target > longest {
        let why = "a part is written when it is whole, and a crash may cost at most a second";
        wrong.push(("live.part_target", format!("must lie between {shortest} and {longest}: {why}")));
    }
    if live.part_target.0 * 2 > live.segment_target.0 {
        wrong.push(("live.part_target", "must be at most half of live.segment_target".to_owned()));
    }
    if config.http.tls_certificate.path().is_some() != config.http.tls_key.path().is_some() {
        wrong.push(("http.tls_key", "and http.tls_certificate go together".to_owned()));
    }
    let site = &config.http.public_url;
    if !site.is_empty() && !is_site(site) {
        wrong.push((
            "http.public_url",
            "must be https://HOST or http://HOST, perhaps with a port, and nothing after it".to_owned(),
        ));
    }
    if !config.http.embed_ancestors.iter().all(|source| source == "*" || is_origin(source)) {
        wrong.push(("http.embed_ancestors", "must be like \"https://HOST\", \"https://*.DOMAIN\" or \"*\"".to_owned()));
    }
    if !config.http.tools.iter().all(|source| source.starts_with("https://") && is_origin(source)) {
        wrong.push(("http.tools", "must be like \"https://HOST\" or \"https://*.DOMAIN\"".to_owned()));
    }
    if !config.http.contact.is_empty() && !is_contact(&config.http.contact) {
        wrong.push(("http.contact", "must be a mail address or https://…".to_owned()));
    }
    if !config.smtp.url.reveal().is_empty() {
        if site.is_empty() {
            wrong.push(("smtp.url", "needs http.public_url: mails lead back to the site".to_owned()));
        }
        if !config.smtp.from.contains('@') {
            wrong.push(("smtp.from", "must be an address such as \"Amphi <amphi@example.org>\"".to_owned()));
        }
    }
    let renditions = &config.renditions;
    wrong.extend(renditions.preset().err());
    if !Choice::NAMES.contains(&config.engine.encoder.as_str()) {
        wrong.push(("engine.encoder", format!("must be one of: {}", Choice::NAMES.join(", "))));
    }
    if !(1..=100).contains(&renditions.cpu_percent) {
        wrong.push(("renditions.cpu_percent", "must lie between 1 and 100".to_owned()));
    }
    for (key, number) in [
        ("rtmp.max_connections", config.rtmp.max_connections),
        ("rtmp.max_connections_per_address", config.rtmp.max_connections_per_address),
        ("rtmp.max_refusals_per_minute", config.rtmp.max_refusals_per_minute),
        ("http.new_viewers", config.http.new_viewers),
    ] {
        if number == 0 {
            wrong.push((key, "must be at least 1".to_owned()));
        }
    }
    for (key, size, from, to) in [
        ("rtmp.max_message", config.rtmp.max_message.0, 64 << 10, 64 << 20),
        ("rtmp.max_bytes_before_publish", config.rtmp.max_bytes_before_publish.0, 8 << 10, 1 << 20),
    ] {
        if size < from || size > to {
            wrong.push((key, format!("must lie between {} KiB and {} KiB", from >> 10, to >> 10)));
        }
    }
    if !config.captions.languages.iter().all(|tag| Language::new(tag).is_some()) {
        wrong.push(("captions.languages", "must be tags such as \"fr\" or \"en-us\"".to_owned()));
    }
    if let Err(refused) = Vocabulary::of_lines(config.captions.vocabulary.iter().map(String::as_str)) {
        wrong.push(("captions.vocabulary", format!("has what can't be taken: {refused}")));
    }
    for (key, number, most) in [("jobs.at_once", config.jobs.at_once, 64), ("jobs.niceness", config.jobs.niceness, 19)]
    {
        if number > most {
            wrong.push((key, format!("must be at most {most}")));
        }
    }
    if config.data_dir.as_os_str().is_empty() {
        wrong.push(("data_dir", "must name a folder".to_owned()));
    }
    if tracing_subscriber::EnvFilter::try_new(&config.log.filter).is_err() {
        wrong.push(("log.filter", "must look like \"info\" or \"info,amphi::live=debug\"".to_owned()));
    }
    wrong
}

/// A scheme and a host, and nothing that would have to be cut off.
fn is_site(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        let plain = url.username().is_empty() && url.password().is_none() && url.path() == "/" && !text.ends_with('/');
        matches!(url.scheme(), "https" | "http") && url.host().is_some() && plain && url.query().is_none()
    })
}

/// A scheme, a host, perhaps with `*.` before it and a port after it, as a policy of browsers names a site.
pub(crate) fn is_origin(text: &str) -> bool {
    let plain = text.replacen("://*.", "://", 1);
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, ':' | '/' | '.' | '-');
    plain.chars().all(good) && is_site(&plain)
}

/// A mail address, or the https address of a page to write on.
pub(crate) fn is_contact(text: &str) -> bool {
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    plain && (text.contains('@') || text.starts_with("https://"))
}

/// What is unwise, as (key, sentence).
pub(super) fn warnings(config: &Config) -> Vec<(&'static str, String)> {
    let mut unwise = Vec::new();
    let mut warn = |when: bool, key, sentence: &str| {
        if when {
            unwise.push((key, sentence.to_owned()));
        }
    };
    let live = &config.live;
    warn(
        live.grace.0 > Duration::from_secs(600),
        "live.grace",
        "viewers look at a waiting page for this long after a live that is really over",
    );
    warn(
        live.part_target.0 < Duration::from_millis(250),
        "live.part_target",
        "each viewer makes a request per part: this doubles the load for little",
    );
    warn(
        live.dvr_window.0 > Duration::from_secs(12 * 3_600),
        "live.dvr_window",
        "a newcomer's first playlist grows with it",
    );
    warn(
        config.http.tls_key.path().is_none() && !config.http.listen.ip().is_loopback(),
        "http.listen",
        "plain HTTP is open to the network: set http.tls_certificate and http.tls_key, or put a TLS proxy in front",
    );
    warn(
        config.http.listen == config.rtmp.listen && config.http.listen.port() != 0,
        "rtmp.listen",
        "is the same as http.listen",
    );
    warn(config.data_dir.is_relative(), "data_dir", "is relative: it depends on where the server is started");
    unwise
}
