//! How a tenant's pages look: kept in memory, given to every page, and told to browsers by `/theme.css` and `/logo`.
//!
//! **Promises.** No page waits for the catalogue to know it. A change on this site shows at once, one by the command line or another node
//! within seconds. Accents are variables of a sheet of their own: nothing stands in pages that the policy would have to allow.

use super::assets::Assets;
use crate::catalogue::colour::Colour;
use crate::catalogue::look::Look;
use crate::catalogue::{self, Catalogue};
use crate::http::known::is_known;
use crate::lifecycle::Tasks;
use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How often it is looked whether it was changed elsewhere.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Addresses say which version they are of; who asks without is not wrong for long.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600, must-revalidate");

/// What a tenant looks like now. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Shown(Arc<RwLock<Arc<Look>>>);

impl Shown {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Arc<Look> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes it from the tenant's catalogue.
    ///
    /// # Errors
    /// The catalogue's; then it stays.
    pub async fn take(&self, catalogue: &Catalogue) -> Result<(), catalogue::Error> {
        let look = Arc::new(catalogue.look().await?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = look;
        Ok(())
    }

    /// Takes what was changed elsewhere, until the server stops.
    pub async fn keep(self, catalogue: Catalogue, tasks: Tasks) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = tasks.soft_stopped() => return,
            }
            let taken = async {
                if catalogue.look_changed_at().await? != self.now().changed_at {
                    self.take(&catalogue).await?;
                }
                Ok::<_, catalogue::Error>(())
            };
            if let Err(error) = taken.await {
                tracing::warn!(%error, "what pages look like can't be read; it stays");
            }
        }
    }
}

/// Where the accents are; `None`: there are none beside the style sheet's.
pub(super) fn theme_url(look: &Look) -> Option<String> {
    (look.accent_light.is_some() || look.accent_dark.is_some())
        .then(|| format!("/theme.css?v={}", look.changed_at.millis()))
}

/// Where the logo is; `None`: there is none beside the product's.
pub(super) fn logo_url(look: &Look) -> Option<String> {
    look.logo.as_ref().map(|_| format!("/logo?v={}", look.changed_at.millis()))
}

/// `/theme.css`, `/logo`.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
{
    Router::new().route("/theme.css", get(theme)).route("/logo", get(logo))
}

async fn theme(State(assets): State<Assets>, asked: HeaderMap) -> Response {
    let look = assets.shown().now();
    answer(&asked, &look, "text/css; charset=utf-8", sheet(&look).into_bytes())
}

async fn logo(State(assets): State<Assets>, asked: HeaderMap) -> Response {
    let look = assets.shown().now();
    match &look.logo {
        Some(logo) => answer(&asked, &look, logo.media_type(), logo.bytes().to_vec()),
        None => (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response(),
    }
}

/// The variables of `site.css` that an accent changes.
fn sheet(look: &Look) -> String {
    let half = |scheme: &str, accent: Option<Colour>| {
        accent.map_or_else(String::new, |accent| {
            let ink = accent.ink();
            format!(
                "@media (prefers-color-scheme: {scheme}) {{ :root {{ --brand: {accent}; --brand-ink: {ink}; }} }}\n"
            )
        })
    };
    half("light", look.accent_light) + &half("dark", look.accent_dark)
}

fn answer(asked: &HeaderMap, look: &Look, media_type: &'static str, body: Vec<u8>) -> Response {
    let tag = format!("\"{}\"", look.changed_at.millis());
    let fresh = is_known(asked, &tag);
    let mut response = if fresh { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, KEPT);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if !fresh {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_the_accents_that_were_said_and_an_ink_that_can_be_read_on_them() {
        let mut look = Look::default();
        assert_eq!((sheet(&look), theme_url(&look)), (String::new(), None));
        look.accent_dark = Some("#ffd000".parse().unwrap());
        let dark = "@media (prefers-color-scheme: dark) { :root { --brand: #ffd000; --brand-ink: #000000; } }\n";
        assert_eq!((sheet(&look).as_str(), theme_url(&look).as_deref()), (dark, Some("/theme.css?v=0")));
        look.accent_light = Some("#7a0019".parse().unwrap());
        let light = "@media (prefers-color-scheme: light) { :root { --brand: #7a0019; --brand-ink: #ffffff; } }\n";
        assert_eq!(sheet(&look), format!("{light}{dark}"));
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let look = Look::default();
        let asked = |tag: &'static str| HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(tag))]);
        let status = |tag| answer(&asked(tag), &look, "image/png", Vec::new()).status();
        assert_eq!((status("\"1\""), status("\"7\", W/\"0\"")), (StatusCode::OK, StatusCode::NOT_MODIFIED));
    }
}
