//! Which encoder makes the pictures of renditions, and who chooses.

/// An encoder of H.264 that an engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoder {
    /// In software: everywhere, and what the others are measured by. The default.
    X264,
    /// NVIDIA's.
    Nvenc,
    /// Intel's, by its own library.
    Qsv,
    /// Those of Intel, AMD and others by VA-API.
    Va,
    /// Another one in software. Nobody needs it beside x264; what is said of encoders that are not x264 is tested with it.
    OpenH264,
}

impl Encoder {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::X264, Self::Nvenc, Self::Qsv, Self::Va, Self::OpenH264];

    /// In settings, arguments, logs and health.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X264 => "x264",
            Self::Nvenc => "nvenc",
            Self::Qsv => "qsv",
            Self::Va => "va",
            Self::OpenH264 => "openh264",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoder| encoder.name() == name)
    }
}

/// Who chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The engine: the first hardware that it finds and that encodes a test picture as it must, else x264.
    #[default]
    Auto,
    /// The operator. When it can't be used, x264 encodes, and health says why.
    This(Encoder),
}

impl Choice {
    /// What the setting can be, in the order in which it is offered.
    pub const NAMES: [&'static str; 5] = ["auto", "x264", "va", "nvenc", "qsv"];

    /// As an argument of the engine.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::This(encoder) => encoder.name(),
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "auto" { Some(Self::Auto) } else { Encoder::from_name(name).map(Self::This) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_every_one_that_is_offered_is_known() {
        for encoder in Encoder::ALL {
            assert_eq!(Choice::from_name(encoder.name()), Some(Choice::This(encoder)));
        }
        assert!(Choice::NAMES.iter().all(|name| Choice::from_name(name).is_some_and(|choice| choice.name() == *name)));
        assert_eq!((Choice::from_name("auto"), Choice::from_name("h265")), (Some(Choice::Auto), None));
    }
}
