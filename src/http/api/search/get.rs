//! `GET /api/v1/search`.

use crate::catalogue::Catalogue;
use crate::clock::rfc3339;
use crate::http::found::{self, Found, Hit, MAX_PAGES, NotLooked};
use crate::http::gate::visitor::Visitor;
use crate::http::input;
use crate::http::problem::Problem;
use crate::search::question::{MAX_LENGTH, Question};
use crate::search::{Passage, Search};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Words, all of which have to be met; in quotation marks one after the other. Accents, capitals and endings do not matter, and the last
    /// word may be unfinished. At most 200 characters.
    q: String,
    /// From 1 to 10, 1 by default.
    page: Option<String>,
}

/// A page of what was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchResults)]
pub(crate) struct Answer {
    /// The best first, at most 20.
    items: Vec<Item>,
    /// The next page's number; null on the last. How many there are in all is not counted.
    next: Option<usize>,
    /// False while the index is being made: more may be found later.
    complete: bool,
}

/// A video that was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchResult)]
struct Item {
    /// The video's.
    id: String,
    title: String,
    /// The slug of the broadcaster whose live it was.
    broadcaster: String,
    /// RFC 3339, UTC.
    started_at: String,
    /// Of what is shown.
    duration_ms: Option<u64>,
    page_url: String,
    /// A picture of it; null while there is none (yet).
    poster_url: Option<String>,
    /// Where it is said, in order of time; at most 3.
    passages: Vec<Place>,
}

/// A place in a transcript.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchPassage)]
struct Place {
    /// From the beginning of the video.
    at_ms: u64,
    /// BCP 47.
    language: String,
    text: String,
    /// The video's page, at that second.
    page_url: String,
}

/// Looks for videos by what is said of them and in them. Only what who asks may find is found.
#[utoipa::path(
    get,
    path = "/api/v1/search",
    operation_id = "search",
    tag = "videos",
    params(Wish),
    responses(
        (status = OK, body = Answer),
        (status = BAD_REQUEST, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A parameter can't be taken; it is named"),
        (status = SERVICE_UNAVAILABLE, body = Problem, description = "Too many search, or the index is not ready; try again")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(search): State<Search>,
    visitor: Visitor,
    input::Search(wish): input::Search<Wish>,
) -> Result<Json<Answer>, Problem> {
    let page = match wish.page.as_deref().map(str::parse) {
        None => 1,
        Some(Ok(page)) if (1..=MAX_PAGES).contains(&page) => page,
        Some(_) => return Err(Problem::invalid("page", format!("must lie between 1 and {MAX_PAGES}"))),
    };
    if wish.q.chars().nth(MAX_LENGTH).is_some() {
        return Err(Problem::invalid("q", format!("must be at most {MAX_LENGTH} characters")));
    }
    let Some(question) = Question::read(&wish.q) else {
        return Err(Problem::invalid("q", "must hold a word"));
    };
    let Found { hits, more } =
        found::found(&search, &catalogue, &visitor, &question, page).await.map_err(|error| match error {
            NotLooked::Catalogue(error) => error.into(),
            NotLooked::Unanswered(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                .detail("The search can't answer now. Try again in a moment."),
        })?;
    let items = hits.iter().map(Item::of).collect();
    Ok(Json(Answer { items, next: more.then_some(page + 1), complete: search.is_whole() }))
}

impl Item {
    fn of(hit: &Hit) -> Self {
        let video = &hit.video;
        Self {
            id: video.id.to_string(),
            title: video.title.clone(),
            broadcaster: video.broadcaster.to_string(),
            started_at: rfc3339(video.started_at),
            duration_ms: video.shown_ms(),
            page_url: video.page_url(),
            poster_url: video.poster_url(),
            passages: hit.passages.iter().map(|passage| Place::of(passage, &video.page_url())).collect(),
        }
    }
}

impl Place {
    fn of(passage: &Passage, page_url: &str) -> Self {
        Self {
            at_ms: u64::try_from(passage.at.as_millis()).unwrap_or(u64::MAX),
            language: passage.language.clone(),
            text: passage.pieces.iter().map(|piece| piece.text.as_str()).collect(),
            page_url: format!("{page_url}?t={}", passage.at.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;

    #[tokio::test]
    async fn finds_by_a_title_with_the_fields_of_the_contract() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        let video = api.video(&hall, "Équations différentielles", true).await;
        api.video(&hall, "Équation trop courte", false).await;
        api.index().await;
        let (status, answer) = api.get("/api/v1/search?q=equation").await;
        assert_eq!(status, 200, "{answer}");
        let id = video.id.as_str();
        let expected = serde_json::json!({"items": [{
            "id": id, "title": "Équations différentielles", "broadcaster": "a", "started_at": "2026-09-21T14:13:20.000Z",
            "duration_ms": 30_000, "page_url": format!("/videos/{id}-equations-differentielles"), "poster_url": null, "passages": []
        }], "next": null, "complete": true});
        assert_eq!(answer, expected);
        let (_, answer) = api.get("/api/v1/search?q=rien").await;
        assert_eq!(answer["items"], serde_json::json!([]));
    }

    #[tokio::test]
    async fn pages_follow_each_other_and_what_cannot_be_taken_is_named() {
        let api = Api::new().await;
        let hall = api.hall("a").await;
        for n in 0..25 {
            api.video(&hall, &format!("Cours {n}"), true).await;
        }
        assert_eq!(api.get("/api/v1/search?q=cours").await.0, 503, "there is no index yet");
        api.index().await;
        let mut seen = std::collections::BTreeSet::new();
        for (page, count, next) in [(1, 20, Some(2)), (2, 5, None)] {
            let (_, answer) = api.get(&format!("/api/v1/search?q=cours&page={page}")).await;
            let items = answer["items"].as_array().unwrap();
            assert_eq!((items.len(), answer["next"].as_u64()), (count, next));
            seen.extend(items.iter().map(|item| item["id"].to_string()));
        }
        assert_eq!(seen.len(), 25);
        let long = "x".repeat(201);
        for (query, status, field) in [
            ("", 400, None),
            ("q=x&limit=3", 400, None),
            ("q=%22+%22", 422, Some("q")),
            (format!("q={long}").as_str(), 422, Some("q")),
            ("q=x&page=0", 422, Some("page")),
            ("q=x&page=11", 422, Some("page")),
        ] {
            let (got, problem) = api.get(&format!("/api/v1/search?{query}")).await;
            assert_eq!((got, problem["field"].as_str()), (status, field), "{query}: {problem}");
        }
    }
}
