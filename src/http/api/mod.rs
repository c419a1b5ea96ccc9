//! `/api/v1`: broadcasters and their keys, buildings, lives, videos, the search, jobs.
//!
//! An endpoint is a file: what it takes, its description, its handler, its tests. All of them stand in [`router`]'s
//! table, from which the OpenAPI description comes too. Who may do what is the gate's affair: handlers are asked by who may.
//!
//! **To add an endpoint:** `<noun>/<verb>.rs`, its line in the table here, and its line in the gate's.

pub(super) mod access;
mod broadcasters;
mod buildings;
mod description;
mod jobs;
mod keys;
mod links;
mod lives;
mod search;
#[cfg(test)]
mod support;
mod videos;

use super::problem::no_such_method;
use super::state::Clock;
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::live;
use crate::search::Search;
use axum::extract::FromRef;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, middleware};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where the description is.
const OPENAPI: &str = "/api/v1/openapi.json";

/// The table.
fn table<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Catalogue: FromRef<S>,
    Layout: FromRef<S>,
    Search: FromRef<S>,
    live::Handle: FromRef<S>,
    Clock: FromRef<S>,
{
    OpenApiRouter::with_openapi(description::Description::openapi())
        .routes(routes!(broadcasters::list::handler, broadcasters::create::handler))
        .routes(routes!(broadcasters::get::handler, broadcasters::update::handler, broadcasters::delete::handler))
        .routes(routes!(broadcasters::page::get, broadcasters::page::update))
        .routes(routes!(access::broadcaster::get, access::broadcaster::update))
        .routes(routes!(buildings::list::handler, buildings::create::handler))
        .routes(routes!(buildings::update::handler, buildings::delete::handler))
        .routes(routes!(jobs::list::handler))
        .routes(routes!(jobs::retry::handler))
        .routes(routes!(jobs::cancel::handler))
        .routes(routes!(keys::list::handler, keys::create::handler))
        .routes(routes!(keys::rotate::handler))
        .routes(routes!(keys::revoke::handler))
        .routes(routes!(lives::end::handler))
        .routes(routes!(lives::retry::handler))
        .routes(routes!(lives::start_recording::handler))
        .routes(routes!(lives::stop_recording::handler))
        .routes(routes!(lives::list::handler))
        .routes(routes!(search::get::handler))
        .routes(routes!(videos::list::handler))
        .routes(routes!(videos::get::handler, videos::update::handler, videos::delete::handler))
        .routes(routes!(videos::cut::handler))
        .routes(routes!(videos::captions::put, videos::captions::delete))
        .routes(routes!(videos::restore::handler))
        .routes(routes!(access::video::get, access::video::update))
        .routes(routes!(links::list::handler, links::create::handler))
        .routes(routes!(links::revoke::handler))
}

/// All of `/api/v1` for a state that has the parts. Without a fallback, so that it can be merged.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Catalogue: FromRef<S>,
    Layout: FromRef<S>,
    Search: FromRef<S>,
    live::Handle: FromRef<S>,
    Clock: FromRef<S>,
{
    let (router, openapi) = table::<S>().split_for_parts();
    let description = description::text(openapi);
    let describe = get(|| async move { ([(CONTENT_TYPE, "application/json")], description) });
    router
        .route(OPENAPI, describe)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::map_response(never_stored))
}

/// Answers change with every second of a live, and some hold a secret: nobody may keep them.
async fn never_stored(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The OpenAPI description, as `amphi openapi` prints it.
#[must_use]
pub fn openapi() -> String {
    description::text(table::<super::state::Parts>().into_openapi())
}

#[cfg(test)]
mod tests {
    use super::support::Api;
    use serde_json::Value;

    #[tokio::test]
    async fn every_operation_is_described_and_every_writing_one_names_the_token() {
        let api = Api::new().await;
        let hall = api.hall("hall").await;
        let video = api.video(&hall, "x", true).await;
        let (status, described) = api.get("/api/v1/openapi.json").await;
        assert_eq!(status, 200);
        assert_eq!(described, serde_json::from_str::<Value>(&super::openapi()).unwrap());
        let mut operations = Vec::new();
        for (path, item) in described["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                operations.push(operation["operationId"].as_str().unwrap().to_owned());
                for (status, response) in operation["responses"].as_object().unwrap() {
                    assert!(response["description"].is_string(), "{method} {path} {status}");
                    let problem = response["content"]["application/problem+json"].is_object();
                    assert_eq!(problem, status.starts_with('4'), "{method} {path} {status}");
                }
                let open = |path: &str| {
                    !["/keys", "/jobs", "/access", "/links", "/buildings"].iter().any(|end| path.ends_with(end))
                };
                let reads = method == "get" && open(path);
                assert_eq!(operation["security"].is_array(), !reads, "{method} {path}");
                // Without a token nothing is done, whatever is sent.
                if !reads {
                    let path = path.replace("{slug}", "hall").replace("{link}", "aaaaaaaaaaaaaaaa");
                    let path = path.replace("/videos/{id}", &format!("/videos/{}", video.id));
                    let path = path.replace("{id}", "aaaaaaaaaaaaaaaa");
                    let (status, problem) = api.send(method, &path, None, Some("{nonsense")).await;
                    assert_eq!((status, &problem["status"]), (401, &Value::from(401)), "{method} {path}");
                }
            }
        }
        operations.sort();
        operations.dedup();
        assert_eq!(operations.len(), 39, "{operations:?}");
        let schemas = &described["components"]["schemas"];
        assert!(schemas["Video"]["properties"]["hls_url"].is_object(), "one name, one schema");
        assert!(schemas["ContributionVideo"]["properties"]["frame_rate"].is_object());
    }

    #[tokio::test]
    async fn methods_that_do_not_exist_are_problems_too() {
        let (status, problem) = Api::new().await.send("PUT", "/api/v1/videos", None, None).await;
        assert_eq!((status, problem["title"].as_str()), (405, Some("Method Not Allowed")));
    }
}
