//! `amphi group` and `amphi building`: what rights refer to by title.

use super::{Error, table};
use crate::catalogue::audit::Actor;
use crate::catalogue::id::{BuildingId, GroupId};
use crate::catalogue::{self, Catalogue};
use crate::clock::now;
use clap::Subcommand;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add one.
    Add {
        /// What people call it.
        title: String,
    },
    /// All of them.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum BuildingCommand {
    /// Add one.
    Add {
        /// What people call it.
        title: String,
    },
    /// Give it another name; whoever and whatever is in it stays.
    Rename {
        /// What people call it now.
        title: String,
        /// What they are to call it.
        new: String,
    },
    /// Remove it, when no broadcaster is in it and no operator is limited to it.
    Remove {
        /// What people call it.
        title: String,
    },
    /// All of them.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `amphi group`.
pub(super) async fn run(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::Add { title } => Ok(format!("Added {}.\n", catalogue.add_group(&title, now()).await?.title)),
        Command::List { json } => {
            let groups = catalogue.groups().await?.into_iter().map(|group| (group.id.to_string(), group.title));
            Ok(listed(groups.collect(), json, "There are no groups yet: amphi group add TITLE"))
        }
    }
}

/// `amphi building`.
pub(super) async fn run_buildings(command: BuildingCommand, catalogue: &Catalogue) -> Result<String, Error> {
    let note = async |act, id: &BuildingId, said: &str| {
        catalogue.note(&Actor::CommandLine, act, id.as_str(), said, now()).await
    };
    match command {
        BuildingCommand::Add { title } => {
            let added = catalogue.add_building(&title, now()).await?;
            note("building.add", &added.id, &added.title).await?;
            Ok(format!("Added {}.\n", added.title))
        }
        BuildingCommand::Rename { title, new } => {
            let renamed = catalogue.rename_building(&building(catalogue, &title).await?, &new).await?;
            note("building.change", &renamed.id, &renamed.title).await?;
            Ok(format!("{title} is now called {}.\n", renamed.title))
        }
        BuildingCommand::Remove { title } => {
            let id = building(catalogue, &title).await?;
            match catalogue.remove_building(&id).await {
                Err(catalogue::Error::Conflict(why)) => {
                    let inside = catalogue.inside_building(&id).await?.named();
                    return Err(Error::Other(format!("{title} can't be removed: {why}: {inside}")));
                }
                done => done?,
            }
            note("building.remove", &id, &title).await?;
            Ok(format!("{title} is removed.\n"))
        }
        BuildingCommand::List { json } => {
            let buildings = catalogue.buildings().await?.into_iter();
            let buildings = buildings.map(|building| (building.id.to_string(), building.title));
            Ok(listed(buildings.collect(), json, "There are no buildings yet: amphi building add TITLE"))
        }
    }
}

fn listed(items: Vec<(String, String)>, json: bool, empty: &str) -> String {
    if json {
        return table::json(items.iter().map(|(id, title)| json!({"id": id, "title": title})).collect());
    }
    let rows: Vec<Vec<String>> = items.into_iter().map(|(id, title)| vec![id, title]).collect();
    table::columns(&["ID", "TITLE"], &rows, empty)
}

/// The groups with these titles.
pub(super) async fn groups(catalogue: &Catalogue, titles: &[&str]) -> Result<BTreeSet<GroupId>, Error> {
    let known = catalogue.groups().await?.into_iter().map(|group| (group.title, group.id)).collect();
    by_title(&known, titles, "group")
}

async fn building(catalogue: &Catalogue, title: &str) -> Result<BuildingId, Error> {
    let found = buildings(catalogue, &[title]).await?.pop_first();
    found.ok_or_else(|| Error::Other(format!("there is no building {title}")))
}

/// The buildings with these titles.
pub(super) async fn buildings(catalogue: &Catalogue, titles: &[&str]) -> Result<BTreeSet<BuildingId>, Error> {
    let known = catalogue.buildings().await?.into_iter().map(|building| (building.title, building.id)).collect();
    by_title(&known, titles, "building")
}

fn by_title<I: Clone + Ord>(known: &BTreeMap<String, I>, titles: &[&str], what: &str) -> Result<BTreeSet<I>, Error> {
    let find =
        |title: &&str| known.get(*title).cloned().ok_or_else(|| Error::Other(format!("there is no {what} {title}")));
    titles.iter().map(find).collect()
}
