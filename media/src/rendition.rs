//! Which rendition something belongs to. A small value that says all: it is in events, in the index, in file names and in URLs, and means
//! the same after a restart and when the ladder is planned anew.

use crate::track::Kind;

/// One quality of a live or a video. In the order in which the leading one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RenditionId {
    /// Pictures as the contribution sent them.
    Source,
    /// Sound as the contribution sent it.
    Audio,
    /// Pictures that an engine made: their short side in pixels, as in `720p`. At least [`Self::LEAST_SIDE_PX`].
    Rung(u16),
    /// Sound that an engine made because players do not take the source's: AAC-LC of one or two channels.
    Stereo,
}

impl RenditionId {
    /// Smallest short side of a rung: a macroblock.
    pub const LEAST_SIDE_PX: u16 = 16;

    /// Pictures or sound.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Source | Self::Rung(_) => Kind::Video,
            Self::Audio | Self::Stereo => Kind::Audio,
        }
    }

    /// What is passed through of a kind.
    #[must_use]
    pub fn passed_through(kind: Kind) -> Self {
        match kind {
            Kind::Video => Self::Source,
            Kind::Audio => Self::Audio,
        }
    }

    /// Whether an engine makes it.
    #[must_use]
    pub fn is_encoded(self) -> bool {
        matches!(self, Self::Rung(_) | Self::Stereo)
    }

    /// What it is called, in files and in URLs: letters and digits.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Source => "source".to_owned(),
            Self::Audio => "audio".to_owned(),
            Self::Rung(side) => format!("{side}p"),
            Self::Stereo => "stereo".to_owned(),
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "source" => Some(Self::Source),
            "audio" => Some(Self::Audio),
            "stereo" => Some(Self::Stereo),
            _ => {
                let digits = name.strip_suffix('p').filter(|d| d.starts_with(|c: char| ('1'..='9').contains(&c)))?;
                Self::from_code(digits.parse().ok()?).filter(|id| matches!(id, Self::Rung(_)))
            }
        }
    }

    /// As it is kept: 0 to 2, or a rung's short side.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Source => 0,
            Self::Audio => 1,
            Self::Stereo => 2,
            Self::Rung(side) => side,
        }
    }

    /// The one that is kept as `code`.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        match code {
            0 => Some(Self::Source),
            1 => Some(Self::Audio),
            2 => Some(Self::Stereo),
            side if side >= Self::LEAST_SIDE_PX => Some(Self::Rung(side)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_and_nothing_else_is_one() {
        for id in [
            RenditionId::Source,
            RenditionId::Audio,
            RenditionId::Stereo,
            RenditionId::Rung(720),
            RenditionId::Rung(65_535),
        ] {
            assert_eq!(RenditionId::from_name(&id.name()), Some(id));
            assert_eq!(RenditionId::from_code(id.code()), Some(id));
        }
        for name in ["", "p", "0p", "2p", "15p", "0720p", "+720p", "65536p", "720", "720pp", "Source", "../source"] {
            assert_eq!(RenditionId::from_name(name), None, "{name}");
        }
        assert_eq!(RenditionId::from_code(3), None);
    }
}
