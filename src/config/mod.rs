//! The configuration: one TOML file, every key of which an environment variable can override.
//!
//! **Promises.** Unknown keys are refused, wherever they stand, with the nearest known one named; all that is wrong is
//! said at once, with file and line or the variable's name, and no value is repeated that may be a secret. The sample
//! file is written from the types: it can't be out of date.
//!
//! **To add a setting:** a field in its section's file; then `amphi write-config > config/amphi.toml`. A rule on its
//! value goes to `check.rs`. A section: its file, a field of [`Config`], a line in `sections!` below.
//!
//! Precedence: defaults < file < `AMPHI_SECTION__KEY` < command line.

mod captions;
mod catalogue;
pub(crate) mod check;
mod engine;
mod http;
mod jobs;
mod live;
pub mod load;
mod log;
mod renditions;
mod rtmp;
mod sample;
pub mod section;
mod smtp;
pub mod units;

pub use captions::Captions;
pub use catalogue::Catalogue;
pub use engine::Engine;
pub use http::Http;
pub use jobs::Jobs;
pub use live::Live;
pub use load::{Error, Loaded, Overrides, Sources, load};
pub use log::{Format, Log};
pub use renditions::{Renditions, Videos};
pub use rtmp::Rtmp;
pub use sample::sample;
pub use smtp::Smtp;

use section::{Key, Section};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept: database, media, models, run-time state.
    pub data_dir: PathBuf,
    /// Pages, playlists, media and the API.
    pub http: Http,
    /// Contributions by RTMP.
    pub rtmp: Rtmp,
    /// Lives and what is kept of them.
    pub live: Live,
    /// Qualities that engines make.
    pub renditions: Renditions,
    /// Captions made while it is live.
    pub captions: Captions,
    /// Work in the background.
    pub jobs: Jobs,
    /// The program that decodes and encodes.
    pub engine: Engine,
    /// The database.
    pub catalogue: Catalogue,
    /// Mails.
    pub smtp: Smtp,
    /// What is logged.
    pub log: Log,
}

/// What stands above `data_dir` in the sample file.
const DATA_DIR_DOC: [&str; 2] = [
    " Where everything is kept: db (the catalogue), media (recordings and videos), models, run.",
    " Under --dev: ./data.",
];

/// `sections!(visit)` calls `visit!(name, Type)` for each section in the order of the file.
macro_rules! sections {
    ($visit:ident) => {
        $visit!("http", Http);
        $visit!("rtmp", Rtmp);
        $visit!("live", Live);
        $visit!("renditions", Renditions);
        $visit!("captions", Captions);
        $visit!("jobs", Jobs);
        $visit!("engine", Engine);
        $visit!("catalogue", Catalogue);
        $visit!("smtp", Smtp);
        $visit!("log", Log);
    };
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("/var/lib/amphi"),
            http: Http::default(),
            rtmp: Rtmp::default(),
            live: Live::default(),
            renditions: Renditions::default(),
            captions: Captions::default(),
            jobs: Jobs::default(),
            engine: Engine::default(),
            catalogue: Catalogue::default(),
            smtp: Smtp::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// What holds under `--dev` unless said otherwise: this folder, and loopback only.
    #[must_use]
    pub fn dev() -> Self {
        let mut config = Self { data_dir: PathBuf::from("data"), ..Self::default() };
        config.http.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, config.http.listen.port()));
        config.rtmp.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, config.rtmp.listen.port()));
        config.http.open_metrics = true;
        config
    }

    /// Where [`crate::catalogue::Catalogue::open`] finds the catalogue; may hold a password.
    #[must_use]
    pub fn catalogue_address(&self) -> String {
        match self.catalogue.url.reveal() {
            "" => format!("sqlite:{}", self.data_dir.join("db").join("catalogue.sqlite").display()),
            url => url.to_owned(),
        }
    }

    /// `DATA_DIR/<name>`.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        Path::new(&self.data_dir).join(name)
    }

    /// The settings in which the two differ, by dotted path. Only names: a value may be a secret.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (mine, theirs) = (section::as_toml(self), section::as_toml(other));
        fn at<'a>(table: &'a toml::Value, path: &str) -> Option<&'a toml::Value> {
            path.split('.').try_fold(table, |value, name| value.get(name))
        }
        Self::keys().into_iter().map(|key| key.path).filter(|path| at(&mine, path) != at(&theirs, path)).collect()
    }

    /// Every setting there is, in the order of the sample file.
    #[must_use]
    pub fn keys() -> Vec<Key> {
        let data_dir = section::as_toml(&Self::default().data_dir);
        let mut keys = vec![Key { path: "data_dir".to_owned(), doc: DATA_DIR_DOC.to_vec(), default: data_dir }];
        macro_rules! add {
            ($name:literal, $type:ty) => {
                keys.extend(<$type>::keys($name));
            };
        }
        sections!(add);
        keys
    }

    /// The sections' names and what they are about, in the order of the sample file.
    fn sections() -> Vec<(&'static str, Vec<&'static str>)> {
        let mut sections = Vec::new();
        macro_rules! add {
            ($name:literal, $type:ty) => {
                sections.push(($name, <$type>::about()));
            };
        }
        sections!(add);
        sections
    }
}
