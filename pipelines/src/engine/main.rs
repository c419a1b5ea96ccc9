//! `amphi-engine`: the only program that links GStreamer and libvosk. The server starts it as a child and speaks to it over stdin and stdout in the
//! words of [`pipelines::message`]; stderr is for people.
//!
//! Three roles, one a process: the renditions of one live, the captions of all lives (`--captions`), or pictures of keyframes (`--thumbnails`).
//!
//! - [`run`]: renditions, from the first message to the last;
//! - [`caption`]: the same for captions;
//! - [`bridge`]: the only place where GStreamer's types meet ours;
//! - [`plugins`]: loads what is needed, and says which package is missing;
//! - [`sandbox`]: what hostile media could still reach if a decoder fell to it: nothing (but the device of an encoder in hardware);
//! - [`probe`]: which encoder can be trusted; a process of its own with `--probe NAME`;
//! - [`transcode`]: pictures and sound to renditions;
//! - [`thumbnail`]: keyframes to small pictures.

mod bridge;
mod caption;
mod channel;
mod plugins;
mod probe;
mod run;
mod sandbox;
mod thumbnail;
mod transcode;

use pipelines::encoder::{Choice, Encoder};
use std::process::ExitCode;

/// What the command line says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) niceness: Option<u8>,
    pub(crate) encoder: Choice,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).without_time().with_target(false).init();
    let argument = |name: &str| std::env::args().skip_while(|arg| arg != name).nth(1);
    let arguments = Arguments {
        memory_bytes: argument("--memory-bytes").and_then(|n| n.parse().ok()),
        niceness: argument("--niceness").and_then(|n| n.parse().ok()),
        encoder: argument("--encoder").and_then(|name| Choice::from_name(&name)).unwrap_or_default(),
    };
    let role = |name: &str| std::env::args().any(|arg| arg == name);
    if role("--captions") {
        caption::run(arguments)
    } else if role("--thumbnails") {
        thumbnail::run(arguments)
    } else if role("--probe") {
        probe::run(arguments, argument("--probe").and_then(|name| Encoder::from_name(&name)))
    } else {
        run::run(arguments)
    }
}

/// What comes before the first byte of media: bound to the server and its limits, plugins loaded, the sandbox closed but for what an encoder
/// needs, if there is one.
pub(crate) fn enclose(
    arguments: Arguments,
    needed: &[plugins::Plugin],
    encoder: Option<Encoder>,
) -> Result<(), String> {
    sandbox::bind_to_parent(arguments.memory_bytes, arguments.niceness)?;
    plugins::load(needed)?;
    if let Some(encoder) = encoder {
        plugins::load(&[transcode::encoder::element_of(encoder).1])?;
    }
    sandbox::enter(&encoder.map(sandbox::needs_of).unwrap_or_default());
    Ok(())
}
