//! `/live/{slug}`: a broadcaster's live in whatever state it is.

use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::LiveView;
use super::source::{self, Source};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: LiveView,
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Response {
    let view = match source::live(&source, &slug, &visitor).await {
        Ok(Some(view)) => view,
        Ok(None) => return ErrorPage::NotFound.render(&headers, &assets, &visitor),
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    let frame = Frame::new(&headers, &assets, Entry::Live).seen_by(&visitor);
    respond(StatusCode::OK, &Page { frame, view }).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::status::State;

    #[test]
    fn a_description_is_shown_as_it_was_written() {
        let view = LiveView {
            slug: "demo".into(),
            title: "Amphi".into(),
            description: Some("Cours de <l’UFR>.\nEntrée libre.".into()),
            state: State::Idle,
            started_at: None,
            viewers: 0,
            renditions_version: 0,
            video: None,
            recent: Vec::new(),
        };
        let assets = Assets::unhashed();
        let page = Page { frame: Frame::new(&HeaderMap::new(), &assets, Entry::Live), view }.render().unwrap();
        assert!(page.contains("<p class=\"description\">Cours de &#60;l’UFR&#62;.\nEntrée libre.</p>"), "{page}");
    }
}
