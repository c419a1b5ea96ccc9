//! How wide text is on a screen: 1 column for most characters, 2 for ideographs, Hangul and emoji, 0 for marks that sit on
//! another character. After Unicode's East Asian Width (UAX 11) and the blocks of combining marks, not character by
//! character: captions need to know what fits, not where a cursor stands.

/// Columns of a text.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

fn char_columns(c: char) -> usize {
    if c < '\u{300}' {
        return usize::from(!c.is_control());
    }
    match u32::from(c) {
        // Combining marks: Latin and Greek, Cyrillic, Hebrew, Arabic, Devanagari and its relatives, Thai, Lao; joiners,
        // variation selectors, emoji modifiers.
        0x300..=0x36F
        | 0x483..=0x489
        | 0x591..=0x5BD
        | 0x610..=0x61A
        | 0x64B..=0x65F
        | 0x670
        | 0x93C
        | 0x941..=0x948
        | 0x94D
        | 0xE31
        | 0xE34..=0xE3A
        | 0xE47..=0xE4E
        | 0xEB1
        | 0xEB4..=0xEBC
        | 0xEC8..=0xECD
        // The vowels and finals of Hangul written letter by letter: the initial has the width.
        | 0x1160..=0x11FF
        | 0x1AB0..=0x1AFF
        | 0x1DC0..=0x1DFF
        | 0x200B..=0x200F
        | 0x2060..=0x2064
        | 0x20D0..=0x20FF
        | 0x3099..=0x309A
        | 0xFE00..=0xFE0F
        | 0xFE20..=0xFE2F
        | 0xFEFF
        | 0x1F3FB..=0x1F3FF
        | 0xE0100..=0xE01EF => 0,
        // Hangul initials, CJK and its punctuation, kana, Hangul, full-width forms, emoji.
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0x33FF
        | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xA000..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F680..=0x1F6FF
        | 0x1F900..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn wide_text_counts_double_and_marks_nothing() {
        assert_eq!(columns("bonjour"), 7);
        assert_eq!(columns("été"), 3);
        assert_eq!(columns("e\u{301}te\u{301}"), 3);
        assert_eq!(columns("서울 수업"), 9);
        assert_eq!(columns("\u{1109}\u{1165}"), 2, "a syllable in letters");
        assert_eq!(columns("日本語、"), 8);
        assert_eq!(columns("ไทย"), 3);
        assert_eq!(columns("👍🏽"), 2);
    }
}
