//! How captions look in time and space: lines, widths, reading speed, pauses. Numbers with where they come from.
//!
//! Sources: *Arcom*: Charte relative à la qualité du sous-titrage (CSA 2011): 2 lines recorded, reading time 12 characters
//! in 1 s, 20 in 2 s, 36 in 3 s, 60 in 4 s. *BBC*: Subtitle Guidelines: lines of 37, 0.3 s a word, no gap or one of at least
//! 1 s, not more than 1.5 s off the speech. All as collected in `speech.md`.

use super::language::Language;

/// How lines are broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A line is filled before the next begins, so that words already shown stay where they are while the cue grows.
    Growing,
    /// Lines of one cue are about equally long, and a cue ends where the sense does. For cues that are read as a whole.
    Balanced,
}

/// The rules for one use in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptionStyle {
    /// Most lines of a cue; at least 1.
    pub max_lines: usize,
    /// Columns of a line (see [`columns`](super::columns)); a longer word stands alone in its line.
    pub width: usize,
    /// Columns a second that people read with ease: a cue stays so long if there is room.
    pub reading_speed: u32,
    /// Columns a second beyond which nobody follows: a cue never has more than can be read at this in `max_micros`.
    pub hard_reading_speed: u32,
    /// A cue is not shorter, if there is room. Microseconds, as all below.
    pub min_micros: i64,
    /// A cue takes no more words after this.
    pub max_micros: i64,
    /// Between a cue and the next.
    pub gap_micros: i64,
    /// A longer gap stays, a shorter one is closed by showing the first cue longer.
    pub close_gap_micros: i64,
    /// A cue begins at most so long after its first word, to give its predecessor its time.
    pub max_delay_micros: i64,
    /// A pause that ends a cue, and a sentence.
    pub sentence_pause_micros: i64,
    /// A pause that is a comma when a clause follows.
    pub comma_pause_micros: i64,
    /// Capitals, full stops and commas are made by rule: for engines that give none.
    pub punctuate: bool,
    /// How lines are broken.
    pub flow: Flow,
}

/// `speech.md`: full stop at a pause of more than 0.7 s, comma from 0.3 s.
const SENTENCE_PAUSE_MICROS: i64 = 700_000;
const COMMA_PAUSE_MICROS: i64 = 300_000;
/// BBC: gaps below 1.5 s are closed, and no caption is more than 1.5 s later than its speech.
const BBC_OFF_MICROS: i64 = 1_500_000;
/// Arcom's 60 characters in 4 s.
const FRENCH_SPEED: u32 = 15;
/// Arcom's 12 in 1 s with its tolerance of 20 % is 14.4; beyond 20 only the gist is read.
const FRENCH_HARD_SPEED: u32 = 20;
/// BBC's 160 to 180 words a minute are 15 to 17 columns a second in English.
const ENGLISH_SPEED: u32 = 17;
const ENGLISH_HARD_SPEED: u32 = 20;
/// Two frames at 25 fps: two cues are seen as two.
const TWO_FRAMES_MICROS: i64 = 80_000;

impl CaptionStyle {
    /// French, live: two lines of 37 that grow.
    pub const FR_LIVE: Self = Self {
        max_lines: 2,
        width: 37,
        reading_speed: FRENCH_SPEED,
        hard_reading_speed: FRENCH_HARD_SPEED,
        min_micros: 1_200_000,
        max_micros: 6_000_000,
        gap_micros: 0,
        close_gap_micros: BBC_OFF_MICROS,
        max_delay_micros: BBC_OFF_MICROS,
        sentence_pause_micros: SENTENCE_PAUSE_MICROS,
        comma_pause_micros: COMMA_PAUSE_MICROS,
        punctuate: true,
        flow: Flow::Growing,
    };
    /// English, live: as French, read faster.
    pub const EN_LIVE: Self =
        Self { reading_speed: ENGLISH_SPEED, hard_reading_speed: ENGLISH_HARD_SPEED, ..Self::FR_LIVE };
    /// French, recorded: two lines of 40 (38 to 42), at least 1 s and at most 7 s.
    pub const FR_VOD: Self = Self {
        width: 40,
        min_micros: 1_000_000,
        max_micros: 7_000_000,
        gap_micros: TWO_FRAMES_MICROS,
        max_delay_micros: 500_000,
        punctuate: false,
        flow: Flow::Balanced,
        ..Self::FR_LIVE
    };
    /// English, recorded: lines of 42.
    pub const EN_VOD: Self =
        Self { width: 42, reading_speed: ENGLISH_SPEED, hard_reading_speed: ENGLISH_HARD_SPEED, ..Self::FR_VOD };

    /// For a live in this language. Languages without a preset of their own are shown as French is: its numbers are
    /// the more careful ones.
    #[must_use]
    pub fn live(language: &Language) -> Self {
        if language.is_english() { Self::EN_LIVE } else { Self::FR_LIVE }
    }

    /// For a recording in this language. `punctuate`: the words come from an engine without punctuation.
    #[must_use]
    pub fn recorded(language: &Language, punctuate: bool) -> Self {
        let style = if language.is_english() { Self::EN_VOD } else { Self::FR_VOD };
        Self { punctuate, ..style }
    }

    /// How long so many columns take to be read with ease, and at least `min_micros`.
    #[must_use]
    pub fn reading_micros(&self, columns: usize) -> i64 {
        let columns = i64::try_from(columns).unwrap_or(i64::MAX);
        (columns.saturating_mul(1_000_000) / i64::from(self.reading_speed.max(1))).max(self.min_micros)
    }

    /// Most columns that can be read in a cue's longest time.
    #[must_use]
    pub fn max_columns(&self) -> usize {
        let most = i64::from(self.hard_reading_speed).saturating_mul(self.max_micros) / 1_000_000;
        usize::try_from(most).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cue_can_be_read_in_its_longest_time() {
        for style in [CaptionStyle::FR_LIVE, CaptionStyle::EN_LIVE, CaptionStyle::FR_VOD, CaptionStyle::EN_VOD] {
            assert!(style.reading_micros(style.width * style.max_lines) <= style.max_micros, "{style:?}");
            assert!(style.width * style.max_lines <= style.max_columns());
            assert!(style.comma_pause_micros < style.sentence_pause_micros);
            assert_eq!(style.reading_micros(1), style.min_micros);
        }
    }

    #[test]
    fn each_language_has_its_style() {
        let [fr, en, ko] = ["fr", "en-US", "ko"].map(|t| Language::new(t).unwrap());
        assert_eq!(CaptionStyle::live(&fr), CaptionStyle::FR_LIVE);
        assert_eq!(CaptionStyle::live(&en), CaptionStyle::EN_LIVE);
        assert_eq!(CaptionStyle::live(&ko), CaptionStyle::FR_LIVE);
        assert_eq!(CaptionStyle::recorded(&en, true), CaptionStyle { punctuate: true, ..CaptionStyle::EN_VOD });
    }
}
