//! `amphi-engine`: the only program that links GStreamer. The server starts it as a child and speaks to it over stdin and stdout in the
//! words of [`pipelines::message`]; stderr is for people.
//!
//! - [`run`]: from the first message to the last;
//! - [`bridge`]: the only place where GStreamer's types meet ours;
//! - [`plugins`]: loads what is needed, and says which package is missing;
//! - [`sandbox`]: what hostile media could still reach if a decoder fell to it: nothing;
//! - [`transcode`]: pictures and sound to renditions;
//! - [`thumbnail`]: keyframes to small pictures, when the first argument is `thumbnails`.

#![forbid(unsafe_code)]

mod bridge;
mod channel;
mod plugins;
mod run;
mod sandbox;
mod thumbnail;
mod transcode;

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).without_time().with_target(false).init();
    if std::env::args().nth(1).as_deref() == Some(thumbnail::ROLE) { thumbnail::run() } else { run::run() }
}
