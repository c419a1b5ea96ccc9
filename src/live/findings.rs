//! What an operator should know of a live, in sentences: what it is, and what to do.

use super::handle::Context;
use super::production::Production;
use super::status::{Contribution, Finding, Level};
use std::time::Duration;

/// A GOP above the target means cuts on other frames, slow joins and coarse seeking.
const LONG_GOP_MS: u64 = 4_100;

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
    if on_air && on_line.is_none() {
        say(Level::Error, "no_contribution", "The contribution is gone; the timeline waits for its return.".into());
    }
    if let Some(c) = on_line {
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
