//! What an operator should know of a live, in sentences: what it is, and what to do.

use super::handle::Context;
use super::production::Production;
use super::status::{Contribution, Finding, Level};
use std::time::Duration;

/// A GOP above the target means cuts on other frames, slow joins and coarse seeking.
const LONG_GOP_MS: u64 = 4_100;

/// Silence that viewers notice: they have about two seconds in reserve.
const SILENT_MS: u64 = 2_500;
/// Below this share of real time viewers run out of pictures within a minute.
const STARVED_PERCENT: u64 = 90;

/// All of it, worst first.
pub(super) fn findings(
    production: &Production,
    context: &Context,
    on_line: Option<&Contribution>,
    on_air: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |level, code, message: String| findings.push(Finding { level, code, message });
    if let Some(trouble) = context.archive.trouble() {
        let advice =
            if trouble.full { "Free space in the data directory" } else { "Look at the data directory's disk" };
        say(
            Level::Error,
            trouble.code(),
            format!(
                "The recording can't be written: {}. {advice}; the live goes on and what is missing is marked as a gap.",
                trouble.text
            ),
        );
    }
    if let Some(why) = production.unrecorded() {
        say(Level::Error, "not_recorded", format!("This live is not recorded: {why}."));
    }
    if on_air && !production.is_to_be_recorded() {
        say(
            Level::Notice,
            "recording_off",
            "This live is not being recorded. What is shown now can't be watched later, unless recording is started."
                .into(),
        );
    }
    if on_air && on_line.is_none() {
        say(Level::Error, "no_contribution", "The contribution is gone; the timeline waits for its return.".into());
    }
    if let Some(c) = on_line {
        #[expect(clippy::cast_precision_loss, reason = "shown in seconds")]
        let (silent_s, pace) = (c.silent_ms as f64 / 1_000.0, c.pace_permille.unwrap_or(1_000) / 10);
        if c.silent_ms >= SILENT_MS {
            say(
                Level::Error,
                "silent",
                format!(
                    "Nothing has come for {silent_s:.0} s, though the connection stands. Look at the encoder and its network."
                ),
            );
        } else if pace < STARVED_PERCENT {
            say(
                Level::Error,
                "starved",
                format!(
                    "Only {pace} % of what is shown arrives: viewers' pictures stop. The encoder or its network is too slow; lower its bitrate, \
                     or look what else uses its line."
                ),
            );
        }
        if c.dropped_frames > 0 {
            say(
                Level::Warning,
                "dropped_frames",
                format!("{} frames could not be used: they came too late or without a keyframe.", c.dropped_frames),
            );
        }
        if c.timestamp_jumps > 0 {
            say(
                Level::Warning,
                "timestamp_jumps",
                format!("{} timestamps were wrong and were repaired.", c.timestamp_jumps),
            );
        }
        if let Some(ms) = c.keyframe_interval_ms.filter(|ms| *ms > LONG_GOP_MS) {
            say(
                Level::Warning,
                "keyframe_interval",
                format!(
                    "A keyframe comes every {:.1} s. Set the encoder to 2 s, so that viewers join and seek well.",
                    Duration::from_millis(ms).as_secs_f64()
                ),
            );
        }
        if c.audio.is_none() {
            say(Level::Notice, "no_audio", "The contribution has no sound.".into());
        }
    }
    findings.extend(production.transcoding().findings());
    findings.extend(production.captioning().findings());
    findings.sort_by_key(|f| std::cmp::Reverse(f.level));
    findings
}
