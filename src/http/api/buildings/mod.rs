//! Buildings as the API shows them: where broadcasters are, and what operators can be limited to.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod update;

use crate::catalogue::building as stored;
use crate::catalogue::id::BuildingId;
use crate::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A building.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Building {
    /// Opaque.
    id: String,
    title: String,
}

impl Building {
    fn new(stored: &stored::Building) -> Self {
        Self { id: stored.id.to_string(), title: stored.title.clone() }
    }
}

/// What people call it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BuildingWish)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// 1 to 200 characters; no two have the same.
    title: String,
}

/// The id that a path names; what can't be one is not there either.
fn id(text: &str) -> Result<BuildingId, Problem> {
    text.parse().map_err(|_| Problem::not_found("building"))
}
