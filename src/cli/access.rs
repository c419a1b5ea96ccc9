//! `amphi broadcaster access` and `amphi video access`: whom things are for.

use super::{Error, group, stdin, user};
use crate::catalogue::Catalogue;
use crate::catalogue::access::AccessChange;
use crate::catalogue::audit::Actor;
use crate::catalogue::id::{BroadcasterId, VideoId};
use crate::catalogue::secret::Password;
use crate::clock::now;
use crate::policy::state::Visibility;
use crate::policy::who::Audience;
use clap::Args;
use std::collections::BTreeSet;

/// What both have.
#[derive(Debug, Args)]
pub(super) struct ForWhom {
    /// public, unlisted, signed_in, groups, password or draft.
    #[arg(long)]
    visibility: Option<Visibility>,
    /// For groups: this one, by title; replaces all groups and affiliations. Can be repeated.
    #[arg(long = "group", value_name = "TITLE")]
    groups: Vec<String>,
    /// For groups: whoever is this, such as student; replaces all groups and affiliations. Can be repeated.
    #[arg(long = "affiliation", value_name = "NAME")]
    affiliations: Vec<String>,
    /// For password: read it from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
}

/// A broadcaster's.
#[derive(Debug, Args)]
pub(super) struct OfBroadcaster {
    #[command(flatten)]
    access: ForWhom,
    /// The building it is in, by title; "" for none.
    #[arg(long, value_name = "TITLE")]
    building: Option<String>,
    /// Whether who may watch it may also see what its encoder sends.
    #[arg(long, value_name = "true|false")]
    open_figures: Option<bool>,
}

/// A video's.
#[derive(Debug, Args)]
pub(super) struct OfVideo {
    #[command(flatten)]
    access: ForWhom,
    /// Who owns it, by login; replaces all. Can be repeated; "" alone for nobody.
    #[arg(long = "owner", value_name = "LOGIN")]
    owners: Vec<String>,
    /// Whether who may watch it may take it away whole.
    #[arg(long, value_name = "true|false")]
    downloadable: Option<bool>,
}

impl ForWhom {
    async fn change(&self, catalogue: &Catalogue) -> Result<AccessChange, Error> {
        let titles: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let groups = group::groups(catalogue, &titles).await?;
        let groups = groups.iter().map(|id| Audience::Group(id.to_string()));
        let audience: BTreeSet<Audience> =
            groups.chain(self.affiliations.iter().map(|name| Audience::Affiliation(name.clone()))).collect();
        let password = match self.password_stdin {
            true => Some(Some(Password::shared(stdin::line()?)?.hash()?)),
            false => None,
        };
        let visibility = self.visibility;
        let audience = Some(audience).filter(|audience| !audience.is_empty());
        Ok(AccessChange { visibility, audience, password, ..AccessChange::default() })
    }

    fn detail(&self) -> String {
        let visibility = self.visibility.map_or_else(String::new, |visibility| format!("visibility {visibility} "));
        let of = [&self.groups[..], &self.affiliations[..]].concat().join(", ");
        let password = if self.password_stdin { "another password" } else { "" };
        format!("{visibility}{of} {password}").trim().to_owned()
    }
}

impl OfBroadcaster {
    pub(super) async fn apply(&self, catalogue: &Catalogue, id: &BroadcasterId) -> Result<(), Error> {
        let building = match self.building.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(title) => Some(group::buildings(catalogue, &[title]).await?.into_iter().next()),
        };
        let change = AccessChange { building, open_figures: self.open_figures, ..self.access.change(catalogue).await? };
        catalogue.change_broadcaster_access(id, change).await?;
        let detail = self.access.detail();
        Ok(catalogue.note(&Actor::CommandLine, "broadcaster.rights", id.as_str(), &detail, now()).await?)
    }
}

impl OfVideo {
    pub(super) async fn apply(&self, catalogue: &Catalogue, id: &VideoId) -> Result<(), Error> {
        let mut owners = BTreeSet::new();
        for login in self.owners.iter().filter(|login| !login.is_empty()) {
            owners.insert(user::find(catalogue, login).await?.id);
        }
        let owners = Some(owners).filter(|_| !self.owners.is_empty());
        let downloadable = self.downloadable;
        let change = AccessChange { owners, downloadable, ..self.access.change(catalogue).await? };
        catalogue.change_video_access(id, change).await?;
        let detail = self.access.detail();
        Ok(catalogue.note(&Actor::CommandLine, "video.rights", id.as_str(), &detail, now()).await?)
    }
}
