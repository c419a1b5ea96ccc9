//! Which site a request is for: tenants share sockets, and the host that a request names says whose it is.
//!
//! **Promises.** One site answers all of a request, chosen before anything else is looked at. Names are compared exactly, without case and
//! port; a request that names none of them is the default tenant's. Where there is one tenant nothing is looked up.

use crate::catalogue::host::Host;
use crate::http::play::Play;
use axum::Router;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};
use std::collections::HashMap;
use std::sync::Arc;

/// What answers for a tenant.
#[derive(Clone, Debug)]
pub struct Door {
    /// All routes.
    pub router: Router,
    /// What is answered beside them, see [`Play::hot`].
    pub play: Option<Play>,
}

/// The tenants' sites. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Doors {
    default: Door,
    others: Arc<HashMap<Host, Door>>,
}

impl Doors {
    /// One site, whatever is asked for.
    #[must_use]
    pub fn one(default: Door) -> Self {
        Self { default, others: Arc::default() }
    }

    /// The same, and others for who names them.
    #[must_use]
    pub fn and(self, others: HashMap<Host, Door>) -> Self {
        Self { others: Arc::new(others), ..self }
    }

    /// Whose a request is. What `Host` says is believed before the address, as everywhere else: HTTP/2 has it in the address alone.
    pub(super) fn of(&self, uri: &Uri, headers: &HeaderMap) -> &Door {
        if self.others.is_empty() {
            return &self.default;
        }
        let named = match headers.get(HOST) {
            Some(host) => host.to_str().ok(),
            None => uri.authority().map(axum::http::uri::Authority::as_str),
        };
        named.and_then(Host::asked).and_then(|host| self.others.get(&host)).unwrap_or(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{HeaderValue, Request};
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    fn door(name: &'static str) -> Door {
        Door { router: Router::new().route("/", get(async move || name)), play: None }
    }

    async fn answers(doors: &Doors, address: &str, host: Option<&'static str>) -> String {
        let headers = host.map(|host| (HOST, HeaderValue::from_static(host)));
        let door = doors.of(&address.parse().unwrap(), &HeaderMap::from_iter(headers)).clone();
        let response = door.router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_host_says_whose_a_request_is() {
        let others = ["b.example", "[::1]"].map(|host| (host.parse().unwrap(), door("b")));
        let doors = Doors::one(door("a")).and(others.into_iter().collect());
        for host in ["b.example", "B.Example:8080", "b.example.", "[::1]:1"] {
            assert_eq!(answers(&doors, "/", Some(host)).await, "b", "{host}");
        }
        for host in ["a.example", "x.b.example", "b.example.evil", "b.example:x", "b.example@a", "", "b.example, a"] {
            assert_eq!(answers(&doors, "/", Some(host)).await, "a", "{host}");
        }
        assert_eq!(answers(&doors, "/", None).await, "a");
        assert_eq!(answers(&doors, "https://b.example/", None).await, "b");
        assert_eq!(answers(&doors, "https://b.example/", Some("a.example")).await, "a", "as the gate has it");
        assert_eq!(answers(&Doors::one(door("a")), "https://b.example/", None).await, "a");
    }
}
