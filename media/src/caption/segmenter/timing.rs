//! When a cue ends, and what its successor has to wait.

use super::{Held, Segmenter, State};
use crate::caption::Cue;
use crate::caption::columns::columns;

/// A cue lasts so long even where there is no room at all. Microseconds.
const SHORTEST_MICROS: i64 = 100_000;
/// What is known of the word after a cue.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// It begins here.
    At(i64),
    /// It begins here or later.
    From(i64),
    /// There is none.
    None,
}

impl Segmenter {
    /// When the cue ends, by what is known of the next word.
    pub(super) fn end(&self, cue: &Held, next: Next) -> i64 {
        let style = &self.style;
        let start = cue.start_micros;
        let lines = self.lines(&cue.words, cue.begins, cue.after);
        let readable = style.reading_micros(lines.iter().map(|l| columns(l)).sum()).min(style.max_micros);
        let wanted = cue.last_end().max(start + readable);
        let mut end = wanted;
        // The next cue may wait for this one, from when it could be shown at all.
        let room_from = |at: i64| at.max(self.settled_micros) + style.max_delay_micros - style.gap_micros;
        match next {
            Next::At(at) => {
                let limit = at - style.gap_micros;
                let closes = limit - wanted < style.close_gap_micros && limit <= start + style.max_micros;
                if limit <= wanted || closes {
                    end = limit;
                }
                if end < start + style.min_micros {
                    end = (start + style.min_micros).min(room_from(at)).max(end);
                }
            }
            // Somewhat longer than it may have to: half of the delay that is allowed.
            Next::From(at) => {
                let limit = at.max(cue.last_end()) + style.max_delay_micros / 2;
                end = end.min(limit).max((start + style.min_micros).min(room_from(at)));
            }
            Next::None => {}
        }
        end.max(start + SHORTEST_MICROS)
    }

    /// The last cue gets its end, for good.
    pub(super) fn finalise(&mut self, next: Next, out: &mut Vec<Cue>) {
        let Some(cue) = self.cues.back() else { return };
        let mut end = self.end(cue, next);
        let mut start = cue.start_micros;
        if end <= self.settled_micros {
            // It comes late: the segments at its time are out. It is shown at the beginning of the next.
            start = start.max(self.settled_micros);
            end = self.settled_micros + self.style.min_micros;
        }
        self.free_micros = end + self.style.gap_micros;
        if let Some(cue) = self.cues.back_mut() {
            (cue.start_micros, cue.end_micros) = (start, end);
            cue.state = State::Final;
        }
        self.publish_last(out);
    }
}
