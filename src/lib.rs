//! The server: policy, persistence, HTTP and the life of the process. `media` holds what happens to the bytes.
//!
//! - [`cli`]: the command line, a file per command;
//! - [`app`]: start-up, in order;
//! - [`live`]: a broadcaster on air, from the first byte to the finished video;
//! - [`archive`]: recordings on disk;
//! - [`catalogue`]: the database of broadcasters, videos and people;
//! - [`http`]: what viewers, scripts and operators ask; the only module that names axum;
//! - [`jobs`]: work in the background for finished videos;
//! - [`models`]: speech models: installed, verified, found by language;
//! - [`mail`]: mails to people;
//! - [`policy`]: who may do what;
//! - [`search`]: videos found by what is said of them and in them; the only module that names tantivy;
//! - [`config`]: the settings;
//! - [`clock`]: what time it is, for those who may ask;
//! - [`lifecycle`]: signals, tasks, start and stop; the only module that spawns;
//! - [`telemetry`]: logs and metrics.

pub mod app;
pub mod archive;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
pub mod jobs;
pub mod lifecycle;
pub mod live;
pub mod mail;
pub mod models;
pub mod policy;
pub mod search;
pub mod telemetry;
