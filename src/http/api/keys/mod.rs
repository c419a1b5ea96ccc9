//! Stream keys as the API shows them.

pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod rotate;

use crate::catalogue::key as stored;
use crate::clock::rfc3339;
use media::ingest::StreamKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stream key; the key itself only when it is made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamKey)]
pub(super) struct Key {
    /// Names it without being it.
    id: String,
    /// Which box or person has it.
    label: String,
    /// The key, only now.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    created_at: String,
    revoked_at: Option<String>,
    /// To the minute.
    last_used_at: Option<String>,
}

impl Key {
    pub(super) fn new(stored: &stored::Key) -> Self {
        Self {
            id: stored.id.to_string(),
            label: stored.label.clone(),
            key: None,
            created_at: rfc3339(stored.created_at),
            revoked_at: stored.revoked_at.map(rfc3339),
            last_used_at: stored.last_used_at.map(rfc3339),
        }
    }

    pub(super) fn just_made(stored: &stored::Key, key: &StreamKey) -> Self {
        Self { key: Some(key.reveal().to_owned()), ..Self::new(stored) }
    }
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewStreamKey)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Which box or person will have it; 1 to 200 characters.
    label: Option<String>,
}

impl Wish {
    pub(super) fn label(&self) -> &str {
        self.label.as_deref().unwrap_or("made by the API")
    }
}
