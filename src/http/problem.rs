//! Problem documents (RFC 9457): every error of the API is one.

use crate::catalogue;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status and `detail` say it all (RFC 9457 section 4.2.1).
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The field of the body or the query that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip)]
    www_authenticate: Option<&'static str>,
}

impl Problem {
    /// A problem of which there is nothing more to say.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: None,
            field: None,
            www_authenticate: None,
        }
    }

    /// With a sentence for a person.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With the name of the field that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    fn challenge(mut self, challenge: &'static str) -> Self {
        self.www_authenticate = Some(challenge);
        self
    }

    /// 422 for a field whose value can't be taken.
    #[must_use]
    pub fn invalid(field: impl Into<String>, detail: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail.to_string()).field(field)
    }

    /// 404 for something that is named in the URL.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND).detail(format!("There is no such {what}."))
    }

    /// 401: no token, or one that is not known (any more).
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED)
            .detail("Send a token: Authorization: Bearer amphi_…")
            .challenge("Bearer realm=\"amphi\"")
    }

    /// 403: a good token that may not do this.
    #[must_use]
    pub fn forbidden(scope: crate::policy::scope::Scope) -> Self {
        Self::new(StatusCode::FORBIDDEN)
            .detail(format!("The token lacks the scope {scope}."))
            .challenge("Bearer realm=\"amphi\", error=\"insufficient_scope\"")
    }
}

/// For routers' fallbacks.
pub async fn no_such_page() -> Problem {
    Problem::new(StatusCode::NOT_FOUND)
}

/// For routers' fallbacks when the path is known; `Allow` is the router's to add.
pub async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A struct of numbers and text can always be written.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(challenge) = self.www_authenticate {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

impl From<catalogue::Error> for Problem {
    fn from(error: catalogue::Error) -> Self {
        match error {
            catalogue::Error::NotFound(what) => Self::not_found(what),
            catalogue::Error::Taken(what) => {
                Self::new(StatusCode::CONFLICT).detail(format!("This {what} is already taken.")).field(what)
            }
            catalogue::Error::Conflict(why) => Self::new(StatusCode::CONFLICT).detail(why),
            catalogue::Error::Invalid { field, reason } => Self::invalid(field, reason),
            // Handled here, so logged here; what the database said is not for strangers.
            error => {
                tracing::error!(%error, "a request failed at the catalogue");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}
