//! Reads the configuration from its sources.

use super::units::Listen;
use super::{Config, check};
use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use toml::de::{DeTable, DeValue};

/// A configuration has a hundred lines; more than this is another file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Variables that begin with it are settings, all of them.
const PREFIX: &str = "AMPHI_";

/// Where settings come from, weakest first after the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file, which must exist.
    pub file: Option<PathBuf>,
    /// The environment; what does not begin with `AMPHI_` is ignored.
    pub env: Vec<(String, String)>,
    /// The command line.
    pub overrides: Overrides,
    /// `--dev`: the folder `data` and loopback by default, and loopback in any case.
    pub dev: bool,
}

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--http`.
    pub http: Option<Listen>,
    /// `--rtmp`.
    pub rtmp: Option<Listen>,
}

/// The configuration and what is unwise in it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All settings.
    pub config: Config,
    /// Sentences, each with its key.
    pub warnings: Vec<String>,
}

/// Everything that is wrong, a sentence each, with file and line or the variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// At least one.
    pub problems: Vec<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong:")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A value that somebody set.
struct Setting {
    path: String,
    value: Value,
    /// "FILE:LINE" or the variable's name.
    origin: String,
}

/// Reads all sources, refuses what is unknown or can't work, and says what is unwise.
///
/// # Errors
/// All problems at once; no value is repeated that may be a secret.
pub fn load(sources: Sources) -> Result<Loaded, Error> {
    let mut settings = Vec::new();
    if let Some(file) = &sources.file {
        settings = from_file(file).map_err(|problem| Error { problems: vec![problem] })?;
    }
    settings.extend(from_env(&sources.env));

    complete_addresses(&mut settings, sources.dev);
    let mut problems = refuse_unknown(&mut settings);
    let mut config = extract(&mut settings, sources.dev, &mut problems);
    let mut warnings = apply(&mut config, &sources);
    for (key, sentence) in check::errors(&config) {
        problems.push(match settings.iter().rfind(|setting| setting.path == key) {
            Some(setting) => format!("{}: {key} {sentence}", setting.origin),
            None => format!("{key} {sentence}"),
        });
    }
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    let unwise = check::warnings(&config).into_iter().filter(|(key, _)| !(sources.dev && *key == "data_dir"));
    warnings.extend(unwise.map(|(key, sentence)| format!("{key}: {sentence}")));
    Ok(Loaded { config, warnings })
}

fn from_file(file: &PathBuf) -> Result<Vec<Setting>, String> {
    let name = file.display();
    let length = std::fs::metadata(file).map_err(|error| format!("{name}: {error}"))?.len();
    if length > MAX_FILE_BYTES {
        return Err(format!("{name}: is larger than {MAX_FILE_BYTES} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    // The parser's own text would repeat the line, which may hold a secret.
    let spanned = DeTable::parse(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        format!("{name}:{line}: {}", error.message())
    })?;
    let mut lines = BTreeMap::new();
    lines_of(spanned.get_ref(), "", &text, &mut lines);
    let data = figment::Provider::data(&Toml::string(&text)).map_err(|_| format!("{name}: is not TOML"))?;
    let mut settings = Vec::new();
    for dict in data.into_values() {
        flatten(dict, "", &mut |path, value| {
            let line = lines.get(&path).copied().unwrap_or(1);
            settings.push(Setting { path, value, origin: format!("{name}:{line}") });
        });
    }
    Ok(settings)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The line of every key, by dotted path. The parser bounds the depth.
fn lines_of(table: &DeTable<'_>, prefix: &str, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table.iter() {
        let path = joined(prefix, key.get_ref());
        if let DeValue::Table(table) = value.get_ref() {
            lines_of(table, &path, text, lines);
        }
        lines.insert(path, line_of(text, key.span().start));
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// Every leaf; an empty table is one, so that an empty unknown section is seen.
fn flatten(dict: Dict, prefix: &str, found: &mut impl FnMut(String, Value)) {
    for (key, value) in dict {
        let path = joined(prefix, &key);
        match value {
            Value::Dict(_, dict) if !dict.is_empty() => flatten(dict, &path, found),
            value => found(path, value),
        }
    }
}

/// `AMPHI_SECTION__KEY`. A setting whose default is text takes the variable as it is; others take it as TOML would.
fn from_env(env: &[(String, String)]) -> Vec<Setting> {
    let keys = Config::keys();
    let named = env.iter().filter_map(|(name, text)| Some((name, name.strip_prefix(PREFIX)?, text)));
    named
        .map(|(name, rest, text)| {
            let path = rest.to_lowercase().replace("__", ".");
            let is_text = keys.iter().find(|key| key.path == path).is_none_or(|key| key.default.is_str());
            let value =
                if is_text { Value::from(text.as_str()) } else { text.parse().unwrap_or_else(|never| match never {}) };
            Setting { path, value, origin: name.clone() }
        })
        .collect()
}

/// `:PORT` listens on the default's address.
fn complete_addresses(settings: &mut [Setting], dev: bool) {
    let defaults = defaults(dev);
    for setting in settings {
        let otherwise = match setting.path.as_str() {
            "http.listen" => defaults.http.listen.ip(),
            "rtmp.listen" | "rtmp.tls_listen" => defaults.rtmp.listen.ip(),
            _ => continue,
        };
        // What is no address at all is refused where settings become types.
        if let Some(Ok(listen @ Listen::Port(_))) = setting.value.as_str().map(str::parse) {
            setting.value = Value::from(listen.on(otherwise).to_string());
        }
    }
}

fn defaults(dev: bool) -> Config {
    if dev { Config::dev() } else { Config::default() }
}

/// Takes unknown settings out and says for each what may have been meant.
fn refuse_unknown(settings: &mut Vec<Setting>) -> Vec<String> {
    let known: Vec<String> = Config::keys().into_iter().map(|key| key.path).collect();
    let sections: Vec<&str> = Config::sections().into_iter().map(|(name, _)| name).collect();
    let mut problems = Vec::new();
    settings.retain(|setting| {
        // A section without anything in it is no harm.
        let empty_section = sections.contains(&setting.path.as_str());
        if known.contains(&setting.path) || (empty_section && setting.value.as_dict().is_some()) {
            return !empty_section;
        }
        // The name is theirs, of any length: enough of it to be found.
        let shown: String = setting.path.chars().take(80).collect();
        let nearest = nearest(&setting.path, &known);
        let meant = if setting.origin.starts_with(PREFIX) && !setting.origin.contains(':') {
            format!("{PREFIX}{}", nearest.to_uppercase().replace('.', "__"))
        } else {
            nearest.to_owned()
        };
        problems.push(format!("{}: there is no setting {shown}; did you mean {meant}?", setting.origin));
        false
    });
    problems
}

/// The known key that is nearest: as a whole, or by its last word when that stands in the wrong section.
fn nearest<'a>(unknown: &str, known: &'a [String]) -> &'a str {
    let last = |path: &'a str| path.rsplit('.').next().unwrap_or(path);
    let unknown: String = unknown.chars().take(80).collect();
    let word = unknown.rsplit('.').next().unwrap_or(&unknown);
    let distance = |key: &'a str| {
        let whole = strsim::damerau_levenshtein(key, &unknown);
        // Another section is a mistake too.
        whole.min(strsim::damerau_levenshtein(last(key), word) + 2)
    };
    known.iter().map(String::as_str).min_by_key(|key| distance(key)).unwrap_or_default()
}

/// The settings as types. What can't be read is said and left out, so that all such problems are found.
fn extract(settings: &mut Vec<Setting>, dev: bool, problems: &mut Vec<String>) -> Config {
    let defaults = defaults(dev);
    loop {
        let mut figment = Figment::from(Serialized::defaults(&defaults));
        for setting in settings.iter() {
            figment = figment.merge(Serialized::default(&setting.path, &setting.value));
        }
        let error = match figment.extract::<Config>() {
            Ok(config) => return config,
            Err(error) => error,
        };
        let path = error.path.join(".");
        let guilty = settings.iter().rposition(|setting| setting.path == path);
        let origin = guilty.map_or_else(String::new, |n| format!("{}: ", settings[n].origin));
        problems.push(format!("{origin}{path}: {}", error.kind));
        match guilty {
            Some(n) => drop(settings.remove(n)),
            // Nobody set it: nothing that could be left out.
            None => return defaults,
        }
    }
}

/// The command line, and `--dev`'s promise to stay on loopback.
fn apply(config: &mut Config, sources: &Sources) -> Vec<String> {
    let Overrides { data_dir, http, rtmp } = &sources.overrides;
    if let Some(data_dir) = data_dir {
        config.data_dir.clone_from(data_dir);
    }
    for (typed, address) in [(http, &mut config.http.listen), (rtmp, &mut config.rtmp.listen)] {
        *address = typed.map_or(*address, |typed| typed.on(address.ip()));
    }
    let mut warnings = Vec::new();
    let listened = [("http.listen", Some(&mut config.http.listen)), ("rtmp.listen", Some(&mut config.rtmp.listen))];
    let by_tls = ("rtmp.tls_listen", config.rtmp.tls_listen.0.as_mut());
    for (key, address) in listened.into_iter().chain([by_tls]) {
        let Some(address) = address else { continue };
        if sources.dev && !address.ip().is_loopback() {
            // Everybody knows the key of --dev.
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
            warnings.push(format!("{key}: --dev listens on {address} only"));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::units::{Size, Span};

    fn with(text: &str, env: &[(&str, &str)]) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("amphi.toml");
        std::fs::write(&file, text).unwrap();
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources { file: Some(file), env, overrides: Overrides::default(), dev: false };
        load(sources).map_err(|error| {
            error
                .to_string()
                .replace(&format!("{}/", folder.path().display()), "")
                .lines()
                .skip(1)
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    #[test]
    fn the_environment_overrides_the_file_and_the_file_the_defaults() {
        let text =
            "data_dir = '/srv/a'\n[live]\ngrace = \"27s\"\npart_target = \"333ms\"\n[rtmp]\nmax_message = '4 MiB'\n";
        let env = [
            ("AMPHI_LIVE__GRACE", "0s"),
            ("AMPHI_CAPTIONS__ENABLED", "false"),
            ("AMPHI_RTMP__MAX_CONNECTIONS", "12"),
            ("AMPHI_HTTP__LISTEN", "[::1]:0"),
            ("AMPHI_DATA_DIR", "1234"),
            ("AMPHI_CATALOGUE__URL", ""),
            ("AMPHITHEATRE", "is somebody else's"),
        ];
        let config = with(text, &env).unwrap().config;
        assert_eq!(config.live.grace, Span::secs(0));
        assert_eq!(config.live.part_target, Span::millis(333));
        assert_eq!(config.live.segment_target, Span::secs(2));
        assert_eq!((config.rtmp.max_message, config.rtmp.max_connections), (Size::mib(4), 12));
        assert_eq!(config.http.listen.to_string(), "[::1]:0");
        assert_eq!(config.data_dir, PathBuf::from("1234"), "text stays text");
        assert!(!config.captions.enabled);
        assert_eq!(config.catalogue_address(), "sqlite:1234/db/catalogue.sqlite");
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_named() {
        let text = "grace = '1s'\n[live]\nmin_lenght = '1s'\n[rtpm]\nlisten = 'x'\n[nonsense]\n";
        let wrong = with(text, &[("AMPHI_LIVE__GRACES", "1s"), ("AMPHI_HTTP_LISTEN", "x")]).unwrap_err();
        for line in [
            "amphi.toml:1: there is no setting grace; did you mean live.grace?",
            "amphi.toml:3: there is no setting live.min_lenght; did you mean live.min_length?",
            "amphi.toml:5: there is no setting rtpm.listen; did you mean rtmp.listen?",
            "amphi.toml:6: there is no setting nonsense; did you mean ",
            "AMPHI_LIVE__GRACES: there is no setting live.graces; did you mean AMPHI_LIVE__GRACE?",
            "AMPHI_HTTP_LISTEN: there is no setting http_listen; did you mean AMPHI_HTTP__LISTEN?",
        ] {
            assert!(wrong.contains(line), "{line}\nin\n{wrong}");
        }
        assert_eq!(wrong.lines().count(), 6);
    }

    #[test]
    fn bad_values_are_all_named_with_their_place_and_what_was_expected() {
        let text =
            "[live]\ngrace = 60\ndvr_window = '6'\n[log]\nformat = 'xml'\n[catalogue]\nurl = 'mysql://u:hunter2@h'\n";
        let env = [
            ("AMPHI_RTMP__MAX_CONNECTIONS", "many"),
            ("AMPHI_LIVE__PART_TARGET", "5s"),
            ("AMPHI_CAPTIONS__VOCABULARY", "[\"Lille\", \"= Rennes\"]"),
        ];
        let wrong = with(text, &env).unwrap_err();
        for part in [
            "amphi.toml:2: live.grace: ",
            "amphi.toml:3: live.dvr_window: expected a length of time with its unit, such as \"27s\"",
            "amphi.toml:5: log.format: ",
            "amphi.toml:7: catalogue.url: expected \"\", postgres://",
            "AMPHI_RTMP__MAX_CONNECTIONS: rtmp.max_connections: ",
            "AMPHI_LIVE__PART_TARGET: live.part_target must lie between 100ms and 900ms: a part is written when it is whole",
            "AMPHI_CAPTIONS__VOCABULARY: captions.vocabulary has what can't be taken: line 2 (\"= Rennes\"): ",
        ] {
            assert!(wrong.contains(part), "{part}\nin\n{wrong}");
        }
        assert!(!wrong.contains("hunter2"), "{wrong}");
    }

    #[test]
    fn a_file_that_is_not_toml_is_named_with_its_line_and_not_quoted() {
        let wrong = with("[catalogue]\nurl = \"postgres://u:hunter2@h/n\n", &[]).unwrap_err();
        assert!(wrong.contains("amphi.toml:2: ") && !wrong.contains("hunter2"), "{wrong}");
        let deep = format!("a = {}", "[".repeat(100_000));
        assert!(with(&deep, &[]).is_err());
        let missing = load(Sources { file: Some("/nonexistent/amphi.toml".into()), ..Sources::default() }).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/amphi.toml: "), "{missing}");
    }

    #[test]
    fn dev_stays_on_loopback_whatever_is_said() {
        let config = load(Sources { dev: true, ..Sources::default() }).unwrap();
        assert_eq!(config.warnings, [""; 0]);
        assert_eq!(config.config, Config::dev());
        let http = "0.0.0.0:0".parse().ok();
        let env = vec![
            ("AMPHI_RTMP__LISTEN".to_owned(), "0.0.0.0:1935".to_owned()),
            ("AMPHI_RTMP__TLS_LISTEN".to_owned(), "0.0.0.0:1936".to_owned()),
        ];
        let overrides = Overrides { http, data_dir: Some("/x".into()), ..Overrides::default() };
        let loaded = load(Sources { file: None, env, overrides, dev: true }).unwrap();
        assert_eq!(loaded.config.http.listen.to_string(), "127.0.0.1:0");
        assert_eq!(loaded.config.rtmp.listen.to_string(), "127.0.0.1:1935");
        assert_eq!(loaded.config.rtmp.tls_listen.to_string(), "127.0.0.1:1936");
        assert_eq!(loaded.config.data_dir, PathBuf::from("/x"));
        assert_eq!(loaded.warnings.len(), 3, "{:?}", loaded.warnings);
    }

    #[test]
    fn a_port_alone_listens_on_the_default_or_configured_address() {
        let text = "[http]\nlisten = ':80'\n[rtmp]\nlisten = '192.0.2.1:1935'\ntls_listen = ':1936'\n";
        let config = with(text, &[]).unwrap().config;
        assert_eq!(
            (config.http.listen.to_string(), config.rtmp.tls_listen.to_string()),
            ("0.0.0.0:80".to_owned(), "0.0.0.0:1936".to_owned())
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("amphi.toml");
        std::fs::write(&file, text).unwrap();
        let overrides = Overrides { http: ":0".parse().ok(), rtmp: ":0".parse().ok(), data_dir: None };
        let typed = load(Sources { file: Some(file), overrides: overrides.clone(), ..Sources::default() }).unwrap();
        assert_eq!(typed.config.http.listen.to_string(), "0.0.0.0:0");
        assert_eq!(typed.config.rtmp.listen.to_string(), "192.0.2.1:0", "the configured address stays");
        let dev = load(Sources { overrides, dev: true, ..Sources::default() }).unwrap();
        assert_eq!((dev.config.http.listen.to_string(), dev.warnings.len()), ("127.0.0.1:0".to_owned(), 0));
        let env = vec![("AMPHI_HTTP__LISTEN".to_owned(), ":8081".to_owned())];
        let dev = load(Sources { env, dev: true, ..Sources::default() }).unwrap();
        assert_eq!((dev.config.http.listen.to_string(), dev.warnings.len()), ("127.0.0.1:8081".to_owned(), 0));
    }

    #[test]
    fn what_is_unwise_is_said() {
        let text = "[live]\ngrace = '11 min'\npart_target = '200ms'\n";
        let warnings = with(text, &[]).unwrap().warnings.join("\n");
        for key in ["live.grace: ", "live.part_target: ", "http.listen: "] {
            assert!(warnings.contains(key), "{warnings}");
        }
        let wrong =
            with("[http]\ntls_key = '/k'\n[live]\npart_target = '600ms'\nsegment_target = '1s'\n", &[]).unwrap_err();
        assert!(wrong.contains("amphi.toml:2: http.tls_key and http.tls_certificate go together"), "{wrong}");
        assert!(wrong.contains("amphi.toml:4: live.part_target must be at most half"), "{wrong}");
    }
}
