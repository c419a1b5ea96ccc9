//! Which site a request is for: tenants share sockets, and the host that a request names says whose it is.
//!
//! **Promises.** One site answers all of a request, chosen before anything else is looked at. Names are compared exactly, without case and
//! port; a request that names none of them is the default tenant's. Where there is one tenant nothing is looked up. Which sites there are
//! can change at any time: from the next request on, of connections that are open too; what is being answered is answered by who began.

use crate::catalogue::host::Host;
use crate::http::play::Play;
use axum::Router;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// What answers for a tenant.
#[derive(Clone, Debug)]
pub struct Door {
    /// All routes.
    pub router: Router,
    /// What is answered beside them, see [`Play::hot`].
    pub play: Option<Play>,
}

/// The tenants' sites. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub struct Doors(Arc<RwLock<Sites>>);

#[derive(Debug)]
struct Sites {
    default: Arc<Door>,
    others: HashMap<Host, Arc<Door>>,
}

impl Doors {
    /// One site, whatever is asked for.
    #[must_use]
    pub fn one(default: Arc<Door>) -> Self {
        Self(Arc::new(RwLock::new(Sites { default, others: HashMap::new() })))
    }

    /// From now on these: one, and others for who names them.
    pub fn set(&self, default: Arc<Door>, others: HashMap<Host, Arc<Door>>) {
        let sites = Sites { default, others };
        let before = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), sites);
        // A site is large, and nobody should wait until the last of one is gone.
        drop(before);
    }

    /// Whose a request is. What `Host` says is believed before the address, as everywhere else: HTTP/2 has it in the address alone.
    pub(super) fn of(&self, uri: &Uri, headers: &HeaderMap) -> Arc<Door> {
        let sites = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if sites.others.is_empty() {
            return Arc::clone(&sites.default);
        }
        let named = match headers.get(HOST) {
            Some(host) => host.to_str().ok(),
            None => uri.authority().map(axum::http::uri::Authority::as_str),
        };
        let other = named.and_then(Host::asked).and_then(|host| sites.others.get(&host));
        Arc::clone(other.unwrap_or(&sites.default))
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

    fn door(name: &'static str) -> Arc<Door> {
        Arc::new(Door { router: Router::new().route("/", get(async move || name)), play: None })
    }

    fn named(hosts: &[&str], door: &Arc<Door>) -> HashMap<Host, Arc<Door>> {
        hosts.iter().map(|host| (host.parse().unwrap(), Arc::clone(door))).collect()
    }

    async fn answers(doors: &Doors, address: &str, host: Option<&'static str>) -> String {
        let headers = host.map(|host| (HOST, HeaderValue::from_static(host)));
        let door = doors.of(&address.parse().unwrap(), &HeaderMap::from_iter(headers));
        let response = door.router.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_host_says_whose_a_request_is() {
        let doors = Doors::one(door("a"));
        doors.set(door("a"), named(&["b.example", "[::1]"], &door("b")));
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

    #[tokio::test]
    async fn sites_come_change_and_go_from_the_next_request_on() {
        let doors = Doors::one(door("a"));
        let shared = doors.clone();
        assert_eq!(answers(&shared, "/", Some("b.example")).await, "a");
        doors.set(door("a"), named(&["b.example"], &door("b")));
        assert_eq!(answers(&shared, "/", Some("b.example")).await, "b");
        // What a request was given stays its own.
        let begun = shared.of(&"https://b.example/".parse().unwrap(), &HeaderMap::new());
        doors.set(door("another a"), named(&["tv.b.example"], &door("another b")));
        assert_eq!(answers(&shared, "/", Some("b.example")).await, "another a", "a name that nobody has any more");
        assert_eq!(answers(&shared, "/", Some("tv.b.example")).await, "another b");
        let response = begun.router.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "b");
    }
}
