//! Colours, and whether text in one can be read on the other: WCAG 2.2, 1.4.3.

use std::fmt;
use std::str::FromStr;

/// sRGB, 8 bits each: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

/// Not a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a colour is # and six hexadecimal digits, such as #2450d8")]
pub struct NotAColour;

/// What text of an accent stands on, in a light page and in a dark one: `--ground` and `--card` of the style sheet.
pub const LIGHT: [Colour; 2] = [Colour([0xf6, 0xf7, 0xf9]), Colour([0xff, 0xff, 0xff])];
/// See [`LIGHT`].
pub const DARK: [Colour; 2] = [Colour([0x10, 0x12, 0x17]), Colour([0x19, 0x1c, 0x23])];

/// The least contrast of text of usual size.
pub const LEAST_CONTRAST: f64 = 4.5;

const BLACK: Colour = Colour([0, 0, 0]);
const WHITE: Colour = Colour([0xff, 0xff, 0xff]);

impl Colour {
    /// How well it stands out from another one: 1 (not at all) to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// The same on the ground where it stands out least.
    #[must_use]
    pub fn least_contrast(self, grounds: [Self; 2]) -> f64 {
        self.contrast(grounds[0]).min(self.contrast(grounds[1]))
    }

    /// Black or white, whichever is easier to read on it: always [enough](LEAST_CONTRAST).
    #[must_use]
    pub fn ink(self) -> Self {
        if self.contrast(WHITE) >= self.contrast(BLACK) { WHITE } else { BLACK }
    }

    /// 0 (black) to 1 (white), as the eye has it.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}

impl FromStr for Colour {
    type Err = NotAColour;

    fn from_str(text: &str) -> Result<Self, NotAColour> {
        let digits = text.trim().strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(NotAColour)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAColour);
        }
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| NotAColour);
        Ok(Self([channel(0)?, channel(2)?, channel(4)?]))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        for (one, two, ratio) in [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#ffffff", 1.0),
            ("#777777", "#ffffff", 4.478),
            ("#767676", "#ffffff", 4.542),
            ("#ff0000", "#ffffff", 3.998),
            ("#0000ff", "#ffffff", 8.592),
        ] {
            let (there, back) = (colour(one).contrast(colour(two)), colour(two).contrast(colour(one)));
            assert!((there - ratio).abs() < 0.001 && (there - back).abs() < 1e-9, "{one} on {two}: {there}");
        }
    }

    #[test]
    fn whatever_the_colour_black_or_white_can_be_read_on_it() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let accent = Colour([red, green, blue]);
                    assert!(accent.contrast(accent.ink()) >= LEAST_CONTRAST, "{accent}");
                }
            }
        }
    }

    #[test]
    fn six_digits_are_a_colour_and_nothing_else_is() {
        assert_eq!(colour("#2450D8").to_string(), "#2450d8");
        for bad in ["", "#", "2450d8", "#2450d", "#2450d88", "#24d", "#+450d8", "#2450é", "red", "#2450d8;}", "#24 0d8"]
        {
            assert_eq!(bad.parse::<Colour>(), Err(NotAColour), "{bad}");
        }
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet_whose_own_accents_can_be_read() {
        let sheet = include_str!("../../web/src/styles/site.css");
        let (light, dark) = sheet.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for (half, grounds) in [(light, LIGHT), (dark, DARK)] {
            let variable = |name: &str| {
                let value = half.split_once(&format!("--{name}: ")).unwrap().1.split(';').next().unwrap();
                if value == "#fff" { WHITE } else { colour(value) }
            };
            assert_eq!([variable("ground"), variable("card")], grounds);
            assert!(variable("brand").least_contrast(grounds) >= LEAST_CONTRAST);
        }
    }
}
