//! Links that open a draft, as the API shows and makes them.

pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;

use crate::catalogue::link as stored;
use crate::catalogue::secret::LinkToken;
use crate::clock::rfc3339;
use serde::Serialize;
use utoipa::ToSchema;

/// A link; its address only when it is made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareLink)]
pub(crate) struct Link {
    /// Names it without being it.
    id: String,
    /// For whom it is.
    label: String,
    /// The address to give away, only now.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    created_at: String,
    /// Opens nothing from then on.
    expires_at: String,
    revoked_at: Option<String>,
}

impl Link {
    fn new(stored: &stored::Link) -> Self {
        Self {
            id: stored.id.to_string(),
            label: stored.label.clone(),
            url: None,
            created_at: rfc3339(stored.created_at),
            expires_at: rfc3339(stored.expires_at),
            revoked_at: stored.revoked_at.map(rfc3339),
        }
    }

    fn just_made(stored: &stored::Link, video: &str, token: &LinkToken) -> Self {
        Self { url: Some(format!("/videos/{video}?link={}", token.reveal())), ..Self::new(stored) }
    }
}
