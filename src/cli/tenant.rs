//! `amphi tenant`: the institutions that share a server, each reached by names of its own.

use super::{Error, table};
use crate::catalogue::Catalogue;
use crate::catalogue::audit::Actor;
use crate::catalogue::host::Host;
use crate::catalogue::look::{Logo, LookChange, MAX_LOGO_BYTES};
use crate::catalogue::tenant::{Listed, Neighbours};
use crate::clock::now;
use crate::config::check::is_origin;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add one. A server that runs serves it within seconds; people and broadcasters are added with --tenant.
    Add {
        /// What the institution is called.
        name: String,
        /// By which name browsers reach it, such as tv.example.org. Can be repeated: mails and shared addresses have the first one.
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<Host>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// All of them. Names that lead to none lead to the first one.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change one; what is not said stays.
    Set {
        /// Its id, or a name that leads to it.
        #[arg(value_name = "TENANT")]
        which: String,
        #[command(flatten)]
        change: Box<Change>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// By which names browsers reach it, all of them: within seconds, and one that is left out leads to it no more. Can be repeated.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<Host>,
    /// What the institution is called.
    #[arg(long)]
    name: Option<String>,
    /// Colour of links and buttons on light pages, such as #2450d8; "" for the one that comes with the product.
    #[arg(long, value_name = "COLOUR")]
    accent_light: Option<String>,
    /// The same on dark pages.
    #[arg(long, value_name = "COLOUR")]
    accent_dark: Option<String>,
    /// A language that pages are offered in, en or fr; the first one is for readers of none. Can be repeated.
    #[arg(long = "language", value_name = "TAG")]
    languages: Vec<String>,
    /// One line below every page; "" for the one that comes with the product.
    #[arg(long)]
    footer: Option<String>,
    /// Whom people write to who can't use the site, a mail address or https://…; "" for http.contact of the configuration.
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
    /// A site whose pages may show the players, as in http.embed_ancestors; "server" alone for those of the configuration, "none" alone for
    /// none. Can be repeated.
    #[arg(long = "embedder", value_name = "SITE")]
    embedders: Vec<String>,
    /// A site whose pages may stand beside a live; the same.
    #[arg(long = "tool", value_name = "SITE")]
    tools: Vec<String>,
    /// A PNG, JPEG or WebP picture of at most 64 KiB for the head of every page; "" for the product's.
    #[arg(long, value_name = "FILE")]
    logo: Option<PathBuf>,
}

impl Change {
    fn look(&self) -> Result<LookChange, Error> {
        let accent = |said: &Option<String>| match said.as_deref() {
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(text) => match text.parse() {
                Ok(colour) => Ok(Some(Some(colour))),
                Err(error) => Err(Error::Other(format!("{text}: {error}"))),
            },
        };
        let logo = match &self.logo {
            None => None,
            Some(file) if file.as_os_str().is_empty() => Some(None),
            Some(file) => Some(Some(read(file)?)),
        };
        Ok(LookChange {
            name: self.name.clone(),
            accent_light: accent(&self.accent_light)?,
            accent_dark: accent(&self.accent_dark)?,
            languages: (!self.languages.is_empty()).then(|| self.languages.clone()),
            footer: self.footer.clone(),
            contact: self.contact.clone(),
            logo,
        })
    }
}

/// What is said of sites; `None`: nothing.
fn sites(said: &[String]) -> Result<Option<Option<Vec<String>>>, Error> {
    match said.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        ["server"] => Ok(Some(None)),
        ["none"] => Ok(Some(Some(Vec::new()))),
        _ => match said.iter().find(|site| !is_origin(site)) {
            Some(bad) => Err(Error::Other(format!("{bad}: a site is like https://HOST or https://*.DOMAIN"))),
            None => Ok(Some(Some(said.to_vec()))),
        },
    }
}

/// Never more of a file than a logo may have, and a byte.
fn read(file: &Path) -> Result<Logo, Error> {
    let mut bytes = Vec::new();
    let opened = File::open(file).and_then(|file| file.take(MAX_LOGO_BYTES as u64 + 1).read_to_end(&mut bytes));
    opened.map_err(|error| Error::Other(format!("{}: {error}", file.display())))?;
    Ok(Logo::new(bytes)?)
}

pub(super) async fn run(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::Add { name, hosts, json } => {
            let tenant = catalogue.add_tenant(&name, &hosts, now()).await?;
            let listed = find(catalogue, tenant.as_str()).await?;
            catalogue.of(tenant).note(&Actor::CommandLine, "tenant.add", "", &listed.name, now()).await?;
            if json {
                return Ok(format!("{:#}\n", object(&listed)));
            }
            Ok(format!(
                "Added {} as {}; a server that runs serves it within seconds.\n",
                listed.name,
                listed.tenant.as_str()
            ))
        }
        Command::List { json } => {
            let all = catalogue.tenants().await?;
            if json {
                return Ok(table::json(all.iter().map(object).collect()));
            }
            let rows: Vec<Vec<String>> = all.iter().map(row).collect();
            Ok(table::columns(&["ID", "HOSTS", "NAME"], &rows, "There is none."))
        }
        Command::Set { which, change } => {
            let listed = find(catalogue, &which).await?;
            let theirs = catalogue.of(listed.tenant);
            let (embedders, tools) = (sites(&change.embedders)?, sites(&change.tools)?);
            theirs.change_look(change.look()?, now()).await?;
            if embedders.is_some() || tools.is_some() {
                let Neighbours { embedders: shown_by, tools: beside } = listed.neighbours;
                let neighbours =
                    Neighbours { embedders: embedders.unwrap_or(shown_by), tools: tools.unwrap_or(beside) };
                theirs.set_neighbours(&neighbours).await?;
            }
            let reached = match &*change.hosts {
                [] => String::new(),
                hosts => {
                    theirs.set_hosts(hosts).await?;
                    format!(
                        " A server that runs answers to {} within seconds, and to no other name for it.",
                        spaced(hosts)
                    )
                }
            };
            theirs.note(&Actor::CommandLine, "site.change", "", &spaced(&change.hosts), now()).await?;
            Ok(format!("{} is changed.{reached}\n", listed.name))
        }
    }
}

/// The one with this id, or to which this name leads.
pub(super) async fn find(catalogue: &Catalogue, said: &str) -> Result<Listed, Error> {
    let named = |listed: &Listed| listed.hosts.iter().any(|host| host.as_str().eq_ignore_ascii_case(said));
    let mut all = catalogue.tenants().await?.into_iter();
    let found = all.find(|listed| listed.tenant.as_str() == said || named(listed));
    found.ok_or_else(|| Error::Other(format!("there is no tenant {said}: amphi tenant list")))
}

fn spaced(hosts: &[Host]) -> String {
    hosts.iter().map(Host::as_str).collect::<Vec<_>>().join(" ")
}

fn row(listed: &Listed) -> Vec<String> {
    vec![listed.tenant.as_str().to_owned(), spaced(&listed.hosts), listed.name.clone()]
}

fn object(listed: &Listed) -> Value {
    let hosts: Vec<&str> = listed.hosts.iter().map(Host::as_str).collect();
    json!({"id": listed.tenant.as_str(), "name": listed.name, "hosts": hosts})
}
