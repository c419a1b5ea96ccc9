//! The command line.
//!
//! Each command is a file that turns its arguments into the text to print, or into an error. Exit codes: 0 done, 1 not
//! done (and why, on standard error), 2 not understood.

mod access;
mod ask;
mod broadcaster;
mod captions;
mod check;
mod group;
mod job;
mod models;
mod open;
mod search;
mod stdin;
mod table;
mod tenant;
mod token;
mod user;
mod video;

use crate::config::units::Listen;
use crate::config::{self, Config, Loaded, Overrides, Sources};
use crate::lifecycle::{self, Deadlines};
use crate::{app, catalogue, http};
use clap::{Args, Parser, Subcommand};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the package puts the configuration; read when it is there and `--config` is not given.
const SYSTEM_CONFIG: &str = "/etc/amphi/amphi.toml";

/// Live streaming with an integrated video catalogue.
#[derive(Debug, Parser)]
#[command(name = "amphi", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Configuration file [default: /etc/amphi/amphi.toml if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Try it out on this machine: ./data, loopback only, the broadcaster `demo` with the key `demo`.
    #[arg(long, global = true)]
    dev: bool,
    /// Whose people, broadcasters and videos: a tenant's id, or a name that leads to it [default: the default tenant].
    #[arg(long, global = true, value_name = "TENANT")]
    tenant: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        /// Address of pages, playlists and the API, or :PORT on the configured address; port 0 takes a free one.
        #[arg(long, value_name = "ADDR")]
        http: Option<Listen>,
        /// Address of RTMP, or :PORT on the configured address; port 0 takes a free one.
        #[arg(long, value_name = "ADDR")]
        rtmp: Option<Listen>,
    },
    /// Encode and caption for a server (comes with renditions and captions).
    Worker,
    /// Say what is missing on this machine and what to type.
    Check {
        /// Also compare every recording on disk with the catalogue, both ways. Reads all media; best while nothing is on air.
        #[arg(long)]
        media: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a commented configuration file.
    WriteConfig,
    /// Print the description of the API.
    Openapi,
    /// Bring the catalogue's schema up to date (serve does it too).
    Migrate,
    /// Videos.
    #[command(subcommand)]
    Video(video::Command),
    /// Background jobs: posters and previews of finished videos.
    #[command(subcommand)]
    Job(job::Command),
    /// The search in titles, descriptions and transcripts.
    #[command(subcommand)]
    Search(search::Command),
    /// People who sign in.
    #[command(subcommand)]
    User(user::Command),
    /// Groups of people whom things are for.
    #[command(subcommand)]
    Group(group::Command),
    /// Where broadcasters are; operators can be limited to some.
    #[command(subcommand)]
    Building(group::BuildingCommand),
    /// API tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Places that can be on air, and their stream keys.
    #[command(subcommand)]
    Broadcaster(broadcaster::Command),
    /// Institutions that share the server.
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Speech models for captions.
    #[command(subcommand)]
    Models(models::Command),
}

impl Command {
    /// Whether it is about what one tenant has.
    fn is_of_a_tenant(&self) -> bool {
        match self {
            Self::Video(_)
            | Self::Job(_)
            | Self::Search(_)
            | Self::User(_)
            | Self::Group(_)
            | Self::Building(_)
            | Self::Token(_)
            | Self::Broadcaster(_) => true,
            Self::Serve { .. }
            | Self::Worker
            | Self::Check { .. }
            | Self::WriteConfig
            | Self::Openapi
            | Self::Migrate
            | Self::Tenant(_)
            | Self::Models(_) => false,
        }
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Catalogue(#[from] catalogue::Error),
    #[error("{0}")]
    Other(String),
    /// The text says what is missing.
    #[error("{0}")]
    Missing(String),
}

/// `amphi`.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let (text, code) = match run(cli, environment()) {
        Ok(done) => done,
        // What is missing is the answer, not an error of the command.
        Err(Error::Missing(text)) => (text, ExitCode::FAILURE),
        Err(error) => {
            eprintln!("amphi: {error}");
            return ExitCode::FAILURE;
        }
    };
    // A reader that has seen enough (`| head`) is no error, and println! would panic.
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("amphi: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// What is not UTF-8 can't be a setting.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn run(cli: Cli, env: Vec<(String, String)>) -> Result<(String, ExitCode), Error> {
    if cli.common.tenant.is_some() && !cli.command.is_of_a_tenant() {
        return Err(Error::Other("this is about all tenants: leave --tenant out".to_owned()));
    }
    let mut overrides = Overrides { data_dir: cli.common.data_dir.clone(), ..Overrides::default() };
    if let Command::Serve { http, rtmp } = &cli.command {
        (overrides.http, overrides.rtmp) = (*http, *rtmp);
    }
    let sources = Sources { file: config_file(&cli.common), env, overrides, dev: cli.common.dev };
    if let Command::Serve { .. } = &cli.command {
        return serve(sources);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Other(format!("no runtime: {error}")))?;
    runtime.block_on(execute(cli.command, sources, cli.common.tenant.as_deref())).map(|text| (text, ExitCode::SUCCESS))
}

/// The server has a runtime of its own, which lifecycle builds and ends.
fn serve(sources: Sources) -> Result<(String, ExitCode), Error> {
    let config = settings(sources.clone())?;
    // Both ring and nothing else are compiled in, but libraries ask for the process's default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let code = lifecycle::run(Deadlines::default(), |tasks, reloads| app::start(config, sources, tasks, reloads));
    Ok((String::new(), code))
}

fn config_file(common: &Common) -> Option<PathBuf> {
    let system = || Some(PathBuf::from(SYSTEM_CONFIG)).filter(|file| !common.dev && Path::new(file).exists());
    common.config.clone().or_else(system)
}

async fn execute(command: Command, sources: Sources, tenant: Option<&str>) -> Result<String, Error> {
    match command {
        Command::WriteConfig => return Ok(config::sample()),
        Command::Openapi => return Ok(http::api::openapi()),
        Command::Worker => return Err(Error::Other("worker comes with renditions and captions".to_owned())),
        Command::Check { media, json } => return check::run(config::load(sources), media, json).await,
        _ => {}
    }
    let config = settings(sources)?;
    let catalogue = || open::catalogue(&config, tenant);
    match command {
        Command::Migrate => open::migrate(&config).await,
        Command::Video(command) => video::run(command, &catalogue().await?).await,
        Command::Job(command) => job::run(command, &catalogue().await?).await,
        Command::Search(command) => search::run(command, &config, &catalogue().await?).await,
        Command::User(command) => user::run(command, &catalogue().await?).await,
        Command::Group(command) => group::run(command, &catalogue().await?).await,
        Command::Building(command) => group::run_buildings(command, &catalogue().await?).await,
        Command::Token(command) => token::run(command, &catalogue().await?).await,
        Command::Broadcaster(command) => broadcaster::run(command, &config, &catalogue().await?).await,
        Command::Tenant(command) => tenant::run(command, &catalogue().await?).await,
        Command::Models(command) => models::run(command, &config),
        _ => Ok(String::new()),
    }
}

/// The settings; what is unwise in them is said.
fn settings(sources: Sources) -> Result<Config, Error> {
    let Loaded { config, warnings } = config::load(sources)?;
    for warning in warnings {
        eprintln!("amphi: warning: {warning}");
    }
    Ok(config)
}

#[cfg(test)]
mod media_tests;
#[cfg(test)]
mod tests;
