//! The OpenAPI description: its head, and what is the same for all endpoints.

use axum::http::StatusCode;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Response};
use utoipa::{Modify, OpenApi as Derive};

/// The head; the endpoints come from the router's table.
#[derive(Derive)]
#[openapi(
    info(title = "Amphi", description = "Broadcasters, lives and videos."),
    modifiers(&Bearer),
    tags(
        (name = "broadcasters", description = "Places that can be on air, their stream keys, and the buildings that they are in."),
        (name = "lives", description = "What is on air."),
        (name = "videos", description = "What was on air."),
        (name = "jobs", description = "Work in the background for videos: posters and previews."),
    )
)]
pub(super) struct Description;

/// The security scheme that the writing endpoints name.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token from `amphi token create`."))
            .build();
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// As JSON. What every endpoint would have to repeat is added here: a response's description is required, and errors
/// are problem documents.
pub(super) fn text(mut openapi: OpenApi) -> String {
    for operation in openapi.paths.paths.values_mut().flat_map(operations) {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                complete(status, response);
            }
        }
    }
    // Made of text and numbers only: it can always be written.
    openapi.to_pretty_json().map(|json| json + "\n").unwrap_or_default()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn complete(status: &str, response: &mut Response) {
    let status = status.parse().unwrap_or(StatusCode::OK);
    if response.description.is_empty() {
        status.canonical_reason().unwrap_or_default().clone_into(&mut response.description);
    }
    if status.is_client_error()
        && let Some(content) = response.content.shift_remove("application/json")
    {
        response.content.insert("application/problem+json".to_owned(), content);
    }
}
