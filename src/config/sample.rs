//! The sample file, written from the types.

use super::Config;
use std::fmt::Write as _;

const HEAD: &str = "\
# Amphi's configuration: every setting with its default. Written by `amphi write-config`.
#
# Take the # away from what you change. An environment variable overrides a setting: AMPHI_LIVE__GRACE=\"90s\" is
# live.grace, AMPHI_DATA_DIR is data_dir. `amphi check` says what is wrong.
";

/// A complete file in which every setting stands commented out with its default.
#[must_use]
pub fn sample() -> String {
    let mut text = HEAD.to_owned();
    let sections = Config::sections();
    let mut current = "";
    for key in Config::keys() {
        let (section, name) = key.path.split_once('.').unwrap_or(("", &key.path));
        text.push('\n');
        if let Some((section, about)) = sections.iter().find(|(known, _)| *known == section && *known != current) {
            current = section;
            comment(&mut text, about);
            let _ = writeln!(text, "[{section}]\n");
        }
        comment(&mut text, &key.doc);
        let _ = writeln!(text, "#{name} = {}", key.default);
    }
    text
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(text, "# {}", line.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Sources, load};

    #[test]
    fn the_committed_sample_is_what_the_types_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/amphi.toml");
        let committed = std::fs::read_to_string(path).unwrap();
        assert_eq!(committed, sample(), "run: amphi write-config > config/amphi.toml");
    }

    #[test]
    fn the_sample_gives_the_defaults_with_and_without_its_comments() {
        let folder = tempfile::tempdir().unwrap();
        let uncommented: String = sample()
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '\n']) && !rest.is_empty()))
            .zip(sample().lines())
            .map(|(setting, line)| format!("{}\n", setting.unwrap_or(line)))
            .collect();
        assert_eq!(uncommented.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count(), {
            Config::keys().len()
        });
        for text in [sample(), uncommented] {
            let file = folder.path().join("amphi.toml");
            std::fs::write(&file, text).unwrap();
            let sources = Sources { file: Some(file), env: Vec::new(), overrides: Overrides::default(), dev: false };
            let loaded = load(sources).unwrap();
            assert_eq!(loaded.config, Config::default());
        }
    }

    #[test]
    fn every_setting_is_documented() {
        for key in Config::keys() {
            assert!(key.doc.concat().trim().len() > 10, "{}", key.path);
        }
    }
}
