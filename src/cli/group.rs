//! `amphi group` and `amphi building`: what rights refer to by title.

use super::{Error, table};
use crate::catalogue::Catalogue;
use crate::catalogue::id::{BuildingId, GroupId};
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
pub(super) async fn run_buildings(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::Add { title } => Ok(format!("Added {}.\n", catalogue.add_building(&title, now()).await?.title)),
        Command::List { json } => {
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
