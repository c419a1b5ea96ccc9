//! Whom broadcasters and videos are for, as the API shows and changes it. Only to who may change it.

pub(super) mod broadcaster;
pub(super) mod video;

use crate::catalogue::secret::{Password, PasswordHash};
use crate::http::hashing::{Unhashed, in_turn};
use crate::http::input::parsed;
use crate::http::problem::Problem;
use crate::policy::state::{State, Visibility};
use crate::policy::who::Audience;
use axum::http::StatusCode;
use std::collections::BTreeSet;

/// Groups and affiliations, apart.
fn parts(state: &State) -> (Vec<String>, Vec<String>) {
    let (mut groups, mut affiliations) = (Vec::new(), Vec::new());
    for part in &state.audience {
        match part {
            Audience::Group(id) => groups.push(id.clone()),
            Audience::Affiliation(name) => affiliations.push(name.clone()),
        }
    }
    (groups, affiliations)
}

/// What was said of either replaces both, so that nobody stays by accident.
fn audience(groups: Option<Vec<String>>, affiliations: Option<Vec<String>>) -> Option<BTreeSet<Audience>> {
    if groups.is_none() && affiliations.is_none() {
        return None;
    }
    let groups = groups.unwrap_or_default().into_iter().map(Audience::Group);
    Some(groups.chain(affiliations.unwrap_or_default().into_iter().map(Audience::Affiliation)).collect())
}

fn visibility(name: Option<String>) -> Result<Option<Visibility>, Problem> {
    name.map(|name| parsed("visibility", &name)).transpose()
}

/// Hashed in its turn, where it blocks nobody.
async fn password(wish: Option<Option<String>>) -> Result<Option<Option<PasswordHash>>, Problem> {
    let Some(Some(password)) = wish else { return Ok(wish.map(|_| None)) };
    let password = Password::shared(password)?;
    let hashed = in_turn(move || password.hash()).await.map_err(|why| match why {
        Unhashed::Busy => Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail("Too many passwords are being hashed at once; ask again in some seconds."),
        Unhashed::Failed => Problem::new(StatusCode::INTERNAL_SERVER_ERROR),
    })?;
    Ok(Some(Some(hashed?)))
}

/// What has changed, for the audit log.
pub(in crate::http) fn detail(before: &State, after: &State) -> String {
    let mut said = Vec::new();
    if before.visibility != after.visibility {
        said.push(format!("visibility {} → {}", before.visibility, after.visibility));
    }
    if before.audience != after.audience {
        said.push(format!("audience of {} → {}", before.audience.len(), after.audience.len()));
    }
    if before.owners != after.owners {
        said.push(format!("owners {} → {}", before.owners.len(), after.owners.len()));
    }
    if before.password_version != after.password_version {
        said.push("another password".to_owned());
    }
    said.join(", ")
}
