//! How a picture must be turned before it is shown: the display orientation that a phone's encoder writes into its stream (ITU-T H.264
//! annex D, SEI payload 47) instead of turning the pictures themselves.
//!
//! Promises: reading looks at [`MAX_SEI_BYTES`] of a NAL unit at most, allocates nothing, and takes what is no message for none. Only
//! quarter turns and mirrors are known; a camera that is held askew is taken for the nearest of them.

/// Payload type of the message (table of D.1.1).
const DISPLAY_ORIENTATION: u32 = 47;
/// NAL units of SEI are some hundred bytes: the message that is looked for stands behind an encoder's name and settings at most.
const MAX_SEI_BYTES: usize = 16 << 10;

/// What to do with a decoded picture: mirror it, then turn it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Orientation {
    mirrored: bool,
    quarters: u8,
}

impl Orientation {
    /// Nothing to do.
    pub const UPRIGHT: Self = Self { mirrored: false, quarters: 0 };

    /// Mirrored left to right first, then turned by so many quarters anticlockwise.
    #[must_use]
    pub fn new(mirrored: bool, quarters: u8) -> Self {
        Self { mirrored, quarters: quarters % 4 }
    }

    /// Whether left and right change places before the turn.
    #[must_use]
    pub fn is_mirrored(self) -> bool {
        self.mirrored
    }

    /// Quarters of a turn anticlockwise, 0 to 3.
    #[must_use]
    pub fn quarters(self) -> u8 {
        self.quarters
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_upright(self) -> bool {
        self == Self::UPRIGHT
    }

    /// Width and height as shown of a decoded picture of this size.
    #[must_use]
    pub fn shown<T>(self, (width, height): (T, T)) -> (T, T) {
        if self.quarters % 2 == 1 { (height, width) } else { (width, height) }
    }

    /// As it is kept: 0 to 7.
    #[must_use]
    pub fn code(self) -> u8 {
        u8::from(self.mirrored) << 2 | self.quarters
    }

    /// The one that is kept as `code`.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        if code < 8 { Some(Self { mirrored: code & 4 != 0, quarters: code & 3 }) } else { None }
    }

    /// What the SEI in `nal` (its header byte included) says, if it says anything of it.
    #[must_use]
    pub fn from_sei(nal: &[u8]) -> Option<Self> {
        let mut bytes = Unescaped { bytes: nal.get(1..nal.len().min(MAX_SEI_BYTES))?, zeros: 0 };
        loop {
            let kind = number(&mut bytes)?;
            let length = number(&mut bytes)?;
            if kind == DISPLAY_ORIENTATION {
                return Self::read([bytes.next()?, bytes.next()?, bytes.next()?]);
            }
            for _ in 0..length {
                bytes.next()?;
            }
        }
    }

    /// From `display_orientation_cancel_flag` u(1), `hor_flip` u(1), `ver_flip` u(1), `anticlockwise_rotation` u(16); the rest says for how
    /// long, and a keyframe that says nothing ends it.
    fn read([a, b, c]: [u8; 3]) -> Option<Self> {
        if a & 0x80 != 0 {
            return Some(Self::UPRIGHT);
        }
        let (across, upside_down) = (a & 0x40 != 0, a & 0x20 != 0);
        let turn = u32::from(a & 0x1F) << 11 | u32::from(b) << 3 | u32::from(c) >> 5;
        // In units of 1/65536 of a turn, to the nearest quarter. Both flips are half a turn; one of them is a mirror, with half a turn
        // when it is the vertical one.
        let quarters = (turn + (1 << 13)) >> 14;
        let quarters = u8::try_from(quarters % 4).ok()? + if upside_down { 2 } else { 0 };
        Some(Self::new(across != upside_down, quarters))
    }
}

/// A payload's type or length: bytes of 255, then the rest.
fn number(bytes: &mut Unescaped<'_>) -> Option<u32> {
    let mut sum = 0;
    loop {
        let byte = bytes.next()?;
        sum += u32::from(byte);
        if byte != 0xFF {
            return Some(sum);
        }
    }
}

/// The bytes of a NAL unit without those that only keep start codes away (7.4.1.1).
struct Unescaped<'a> {
    bytes: &'a [u8],
    zeros: u8,
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (mut byte, mut rest) = self.bytes.split_first()?;
        if self.zeros >= 2 && *byte == 3 {
            self.zeros = 0;
            (byte, rest) = rest.split_first()?;
        }
        self.bytes = rest;
        self.zeros = if *byte == 0 { self.zeros + 1 } else { 0 };
        self.zeros = self.zeros.min(2);
        Some(*byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ffmpeg's `h264_metadata=display_orientation=insert` writes it: flags, 16 bits of turn, the period, and the stop bit.
    fn message(across: bool, upside_down: bool, turn: u16) -> Vec<u8> {
        let bits = u32::from(across) << 30 | u32::from(upside_down) << 29 | u32::from(turn) << 13 | 0b010 << 10;
        let [a, b, c, d] = bits.to_be_bytes();
        vec![47, 4, a, b, c, d]
    }

    fn nal(messages: &[&[u8]]) -> Vec<u8> {
        let mut escaped = vec![6];
        let mut zeros = 0;
        for byte in messages.concat().into_iter().chain([0x80]) {
            if zeros == 2 && byte <= 3 {
                escaped.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            escaped.push(byte);
        }
        escaped
    }

    #[test]
    fn turns_and_mirrors_are_read_from_among_other_messages() {
        let table = [
            (false, false, 0x0000, Orientation::UPRIGHT),
            (false, false, 0x4000, Orientation::new(false, 1)),
            (false, false, 0x8000, Orientation::new(false, 2)),
            (false, false, 0xC000, Orientation::new(false, 3)),
            (true, false, 0x0000, Orientation::new(true, 0)),
            (false, true, 0x0000, Orientation::new(true, 2)),
            (true, true, 0x4000, Orientation::new(false, 3)),
            // Held askew.
            (false, false, 0x4123, Orientation::new(false, 1)),
            (false, false, 0xFFFF, Orientation::UPRIGHT),
        ];
        let settings = [&[5u8, 0xFF, 0xFF, 0x10][..], &[0; 2 * 255 + 16]].concat();
        for (across, upside_down, turn, wanted) in table {
            let message = message(across, upside_down, turn);
            for messages in [&[&message[..]][..], &[&settings, &message], &[&[6, 1, 0xC4], &message, &[1, 0]]] {
                assert_eq!(Orientation::from_sei(&nal(messages)), Some(wanted), "{across} {upside_down} {turn:x}");
            }
        }
        assert_eq!(Orientation::from_sei(&nal(&[&[47, 1, 0x80, 0, 0]])), Some(Orientation::UPRIGHT), "cancelled");
        assert_eq!(Orientation::from_sei(&nal(&[&settings])), None);
    }

    #[test]
    fn whatever_the_bytes_are_reading_ends_without_a_panic() {
        let whole = nal(&[&[5, 3, 0, 0, 0], &message(true, false, 0x4000)]);
        for end in 0..whole.len() - 2 {
            assert_eq!(Orientation::from_sei(&whole[..end]), None, "{end} bytes");
        }
        assert_eq!(Orientation::from_sei(&vec![0xFF; 8 << 20]), None);
        let mut far = vec![6];
        far.extend([[5, 0xFE].to_vec(), vec![1; 254]].concat().repeat(100));
        far.extend(message(false, false, 0x4000));
        assert_eq!(Orientation::from_sei(&far), None, "further than anybody looks");
    }

    #[test]
    fn codes_lead_back_and_sides_change_places_at_odd_quarters() {
        for code in 0..8 {
            assert_eq!(Orientation::from_code(code).unwrap().code(), code);
        }
        assert_eq!(Orientation::from_code(8), None);
        let shown = |quarters| Orientation::new(true, quarters).shown((640, 360));
        assert_eq!([0, 1, 2, 3].map(shown), [(640, 360), (360, 640), (640, 360), (360, 640)]);
    }
}
