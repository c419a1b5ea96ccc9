//! Which route is which object and action. A route that has no line here is refused, whatever its handler does.

use super::refusal::{self, Surface};
use crate::http::problem::Problem;
use crate::policy::object::{Action, Kind, LivePart, VideoPart};
use axum::http::header::{ALLOW, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use std::collections::HashMap;
use std::sync::LazyLock;

/// How the object is found from the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// There is nothing to find: one of its kind, or none yet.
    Plain(Kind),
    /// `/metrics`.
    Metrics,
    /// `{slug}` names a broadcaster.
    Live(LivePart),
    /// The same; the rendition and the file tell which part.
    LiveFile,
    /// The same, and who is asked for its password may come in to type it.
    UnlockLive(LivePart),
    /// `{id}` names a video, or `{name}`, which begins with its id.
    Video(VideoPart),
    /// The same; the rendition and the file tell which part.
    VideoFile,
    /// The same, and who is asked for its password may come in to type it.
    UnlockVideo(VideoPart),
    /// `{id}` names a job.
    Job,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) method: Verb,
    pub(super) path: &'static str,
    pub(super) door: Door,
    pub(super) action: Action,
    pub(super) surface: Surface,
}

/// A method; `Get` is HEAD, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    fn of(method: &Method) -> Option<Self> {
        Some(match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => return None,
        })
    }

    /// Whether it changes nothing.
    pub(super) fn is_safe(self) -> bool {
        self == Self::Get
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET,HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

const fn page(path: &'static str, door: Door) -> Rule {
    Rule { method: Verb::Get, path, door, action: Action::See, surface: Surface::Page }
}

/// A form of a page that everybody who may see its door may send.
const fn form(path: &'static str, door: Door, action: Action) -> Rule {
    Rule { method: Verb::Post, path, door, action, surface: Surface::Page }
}

const fn media(path: &'static str, door: Door) -> Rule {
    Rule { method: Verb::Get, path, door, action: Action::See, surface: Surface::Media }
}

const fn embed(path: &'static str, door: Door) -> Rule {
    Rule { method: Verb::Get, path, door, action: Action::See, surface: Surface::Embed }
}

const fn api(method: Verb, path: &'static str, door: Door, action: Action) -> Rule {
    Rule { method, path, door, action, surface: Surface::Api }
}

const SITE: Door = Door::Plain(Kind::Site);
const ACCOUNT: Door = Door::Plain(Kind::Account);
const DESK: Door = Door::Plain(Kind::OperatorPage);
const BUILDINGS: Door = Door::Plain(Kind::Buildings);
const PEOPLE: Door = Door::Plain(Kind::People);
const HALL: Door = Door::Live(LivePart::Record);
const KEYS: Door = Door::Live(LivePart::Keys);
const VIDEO: Door = Door::Video(VideoPart::Record);
const HALL_RIGHTS: Door = Door::Live(LivePart::Rights);
const RIGHTS: Door = Door::Video(VideoPart::Rights);
const DOWNLOAD: Door = Door::Video(VideoPart::Download);
const PICTURE: Door = Door::Video(VideoPart::Picture);

/// The table.
pub(super) const RULES: &[Rule] = &[
    // Pages.
    page("/", SITE),
    page("/live/{slug}", Door::Live(LivePart::Page)),
    // What it shows is asked for one by one.
    page("/videos", SITE),
    page("/videos/{name}", Door::Video(VideoPart::Page)),
    // Cues are told there.
    media("/live/{slug}/events", Door::Live(LivePart::Page)),
    form("/live/{slug}/password", Door::UnlockLive(LivePart::Page), Action::See),
    form("/videos/{id}/password", Door::UnlockVideo(VideoPart::Page), Action::See),
    // For who may change it: whoever may see its rights.
    page("/videos/{id}/edit", RIGHTS),
    form("/videos/{id}/edit", VIDEO, Action::Change),
    page("/videos/{id}/subtitles", RIGHTS),
    form("/videos/{id}/subtitles", VIDEO, Action::Change),
    page("/videos/{id}/rights", RIGHTS),
    form("/videos/{id}/rights", RIGHTS, Action::Change),
    form("/videos/{id}/links", RIGHTS, Action::Create),
    form("/videos/{id}/links/{link}/revoke", RIGHTS, Action::Delete),
    form("/videos/{id}/delete", VIDEO, Action::Delete),
    form("/videos/{id}/claim", VIDEO, Action::Claim),
    form("/videos/{id}/attribute", RIGHTS, Action::Change),
    form("/videos/{id}/give-back", RIGHTS, Action::Change),
    // One's own; each video that is changed is asked about.
    page("/my-videos", ACCOUNT),
    form("/my-videos", ACCOUNT, Action::Change),
    // What it shows is asked for one by one.
    page("/recordings-to-claim", ACCOUNT),
    // Says that a video has begun to play: nothing of it is changed.
    api(Verb::Post, "/videos/{id}/watched", Door::Video(VideoPart::Page), Action::See),
    // The players alone, in pages of other sites.
    embed("/embed/live/{slug}", Door::Live(LivePart::Page)),
    embed("/embed/videos/{id}", Door::Video(VideoPart::Page)),
    // Asked about one by one.
    api(Verb::Get, "/oembed", SITE, Action::See),
    page("/accessibility", SITE),
    // What it shows is asked for one by one.
    page("/search", SITE),
    page("/assets/{*path}", SITE),
    page("/favicon.svg", SITE),
    page("/theme.css", SITE),
    page("/logo", SITE),
    // Signing in is asking to be known: nothing of the site is changed.
    page("/sign-in", SITE),
    form("/sign-in", SITE, Action::See),
    form("/sign-out", SITE, Action::See),
    page("/forgotten", SITE),
    form("/forgotten", SITE, Action::See),
    page("/new-password", SITE),
    form("/new-password", SITE, Action::See),
    page("/account", ACCOUNT),
    form("/account/password", ACCOUNT, Action::Change),
    form("/account/sessions/end", ACCOUNT, Action::Change),
    // What operators work with. `_` begins no broadcaster's name.
    page("/operate", DESK),
    media("/operate/_/events", DESK),
    page("/operate/_/jobs", Door::Plain(Kind::Jobs)),
    media("/operate/_/jobs/events", Door::Plain(Kind::Jobs)),
    form("/operate/_/jobs/{id}/retry", Door::Job, Action::Change),
    form("/operate/_/jobs/{id}/cancel", Door::Job, Action::Change),
    page("/operate/_/log", Door::Plain(Kind::AuditLog)),
    page("/operate/_/machine", DESK),
    media("/operate/_/machine/events", DESK),
    page("/operate/_/new", DESK),
    form("/operate/_/new", Door::Plain(Kind::Live(LivePart::Record)), Action::Create),
    form("/operate/_/buildings", BUILDINGS, Action::Create),
    // For who may change it.
    page("/operate/_/buildings/{id}", BUILDINGS),
    form("/operate/_/buildings/{id}", BUILDINGS, Action::Change),
    form("/operate/_/buildings/{id}/remove", BUILDINGS, Action::Delete),
    page("/operate/{slug}", HALL_RIGHTS),
    form("/operate/{slug}/end", HALL, Action::Operate),
    form("/operate/{slug}/recording", HALL, Action::Operate),
    form("/operate/{slug}/contribution", HALL, Action::Change),
    form("/operate/{slug}/names", HALL, Action::Change),
    form("/operate/{slug}/engine", HALL, Action::Operate),
    form("/operate/{slug}/settings", HALL, Action::Change),
    form("/operate/{slug}/about", HALL, Action::Change),
    form("/operate/{slug}/building", HALL_RIGHTS, Action::Change),
    page("/operate/{slug}/rights", HALL_RIGHTS),
    form("/operate/{slug}/rights", HALL_RIGHTS, Action::Change),
    page("/operate/{slug}/remove", HALL_RIGHTS),
    form("/operate/{slug}/remove", HALL, Action::Delete),
    form("/operate/{slug}/keys/add", KEYS, Action::Create),
    form("/operate/{slug}/keys/rotate", KEYS, Action::Change),
    form("/operate/{slug}/keys/revoke", KEYS, Action::Delete),
    page("/people", PEOPLE),
    form("/people", PEOPLE, Action::Create),
    page("/people/{id}", PEOPLE),
    form("/people/{id}", PEOPLE, Action::Change),
    form("/people/{id}/password", PEOPLE, Action::Change),
    form("/people/{id}/disabled", PEOPLE, Action::Change),
    page("/groups", PEOPLE),
    page("/site", PEOPLE),
    form("/site", PEOPLE, Action::Change),
    form("/site/neighbours", PEOPLE, Action::Change),
    form("/site/logo", PEOPLE, Action::Change),
    form("/groups", PEOPLE, Action::Create),
    form("/groups/{id}/remove", PEOPLE, Action::Delete),
    // To take away: a page's link, so that who has to sign in is asked to.
    page("/videos/{id}/download", DOWNLOAD),
    page("/videos/{id}/download/{file}", DOWNLOAD),
    // Pictures, sound, captions.
    media("/live/{slug}/master.m3u8", Door::Live(LivePart::Playlist)),
    media("/live/{slug}/pass", Door::Live(LivePart::Segment)),
    media("/live/{slug}/picture.jpg", Door::Live(LivePart::Page)),
    // As the media that they are made of.
    media("/live/{slug}/previews.json", Door::Live(LivePart::Segment)),
    media("/live/{slug}/previews/{file}", Door::Live(LivePart::Segment)),
    media("/live/{slug}/captions/{file}", Door::Live(LivePart::Caption)),
    media("/live/{slug}/{rendition}/{file}", Door::LiveFile),
    media("/videos/{id}/master.m3u8", Door::Video(VideoPart::Playlist)),
    media("/videos/{id}/pass", Door::Video(VideoPart::Segment)),
    media("/videos/{id}/captions/{file}", Door::Video(VideoPart::Caption)),
    media("/videos/{id}/chapters.vtt", Door::Video(VideoPart::Caption)),
    media("/videos/{id}/{rendition}/{file}", Door::VideoFile),
    media("/videos/{id}/poster.jpg", PICTURE),
    media("/videos/{id}/storyboard.jpg", PICTURE),
    media("/videos/{id}/storyboard.vtt", PICTURE),
    // The API. What lists show is asked for one by one.
    api(Verb::Get, "/api/v1/openapi.json", SITE, Action::See),
    api(Verb::Get, "/api/v1/broadcasters", SITE, Action::See),
    api(Verb::Post, "/api/v1/broadcasters", Door::Plain(Kind::Live(LivePart::Record)), Action::Create),
    api(Verb::Get, "/api/v1/broadcasters/{slug}", HALL, Action::See),
    api(Verb::Patch, "/api/v1/broadcasters/{slug}", HALL, Action::Change),
    api(Verb::Delete, "/api/v1/broadcasters/{slug}", HALL, Action::Delete),
    api(Verb::Post, "/api/v1/broadcasters/{slug}/end", HALL, Action::Operate),
    api(Verb::Post, "/api/v1/broadcasters/{slug}/retry", HALL, Action::Operate),
    api(Verb::Post, "/api/v1/broadcasters/{slug}/recording/start", HALL, Action::Operate),
    api(Verb::Post, "/api/v1/broadcasters/{slug}/recording/stop", HALL, Action::Operate),
    api(Verb::Get, "/api/v1/broadcasters/{slug}/keys", KEYS, Action::See),
    api(Verb::Post, "/api/v1/broadcasters/{slug}/keys", KEYS, Action::Create),
    api(Verb::Post, "/api/v1/broadcasters/{slug}/keys/rotate", KEYS, Action::Change),
    api(Verb::Delete, "/api/v1/broadcasters/{slug}/keys/{id}", KEYS, Action::Delete),
    api(Verb::Get, "/api/v1/broadcasters/{slug}/page", HALL, Action::See),
    api(Verb::Patch, "/api/v1/broadcasters/{slug}/page", HALL, Action::Change),
    api(Verb::Get, "/api/v1/broadcasters/{slug}/access", HALL_RIGHTS, Action::See),
    api(Verb::Patch, "/api/v1/broadcasters/{slug}/access", HALL_RIGHTS, Action::Change),
    api(Verb::Get, "/api/v1/buildings", BUILDINGS, Action::See),
    api(Verb::Post, "/api/v1/buildings", BUILDINGS, Action::Create),
    api(Verb::Patch, "/api/v1/buildings/{id}", BUILDINGS, Action::Change),
    api(Verb::Delete, "/api/v1/buildings/{id}", BUILDINGS, Action::Delete),
    api(Verb::Get, "/api/v1/lives", SITE, Action::See),
    api(Verb::Get, "/api/v1/search", SITE, Action::See),
    api(Verb::Get, "/api/v1/videos", SITE, Action::See),
    api(Verb::Get, "/api/v1/videos/{id}", VIDEO, Action::See),
    api(Verb::Patch, "/api/v1/videos/{id}", VIDEO, Action::Change),
    api(Verb::Delete, "/api/v1/videos/{id}", VIDEO, Action::Delete),
    api(Verb::Patch, "/api/v1/videos/{id}/cut", VIDEO, Action::Change),
    api(Verb::Put, "/api/v1/videos/{id}/captions/{language}", VIDEO, Action::Change),
    api(Verb::Delete, "/api/v1/videos/{id}/captions/{language}", VIDEO, Action::Change),
    api(Verb::Post, "/api/v1/videos/{id}/restore", VIDEO, Action::Restore),
    api(Verb::Get, "/api/v1/videos/{id}/access", RIGHTS, Action::See),
    api(Verb::Patch, "/api/v1/videos/{id}/access", RIGHTS, Action::Change),
    api(Verb::Get, "/api/v1/videos/{id}/links", RIGHTS, Action::See),
    api(Verb::Post, "/api/v1/videos/{id}/links", RIGHTS, Action::Create),
    api(Verb::Delete, "/api/v1/videos/{id}/links/{link}", RIGHTS, Action::Delete),
    api(Verb::Get, "/api/v1/jobs", Door::Plain(Kind::Jobs), Action::See),
    api(Verb::Post, "/api/v1/jobs/{id}/retry", Door::Job, Action::Change),
    api(Verb::Post, "/api/v1/jobs/{id}/cancel", Door::Job, Action::Change),
    // The server's own.
    api(Verb::Get, "/healthz", Door::Plain(Kind::ServerHealth), Action::See),
    api(Verb::Get, "/readyz", Door::Plain(Kind::ServerHealth), Action::See),
    api(Verb::Get, "/metrics", Door::Metrics, Action::See),
];

static BY_PATH: LazyLock<HashMap<&'static str, Vec<Rule>>> = LazyLock::new(|| {
    let mut by_path: HashMap<_, Vec<Rule>> = HashMap::with_capacity(RULES.len());
    for rule in RULES {
        by_path.entry(rule.path).or_default().push(*rule);
    }
    by_path
});

/// What the audit log calls it; `None` for what is not noted there.
pub(super) fn act(kind: Kind, rule: Rule) -> Option<&'static str> {
    Some(match (kind, rule.action) {
        (Kind::Live(LivePart::Rights), _) => "broadcaster.rights",
        (Kind::Live(LivePart::Keys), Action::Create) => "key.create",
        (Kind::Live(LivePart::Keys), Action::Change) => "key.rotate",
        (Kind::Live(LivePart::Keys), _) => "key.revoke",
        (Kind::Live(_), Action::Create) => "broadcaster.create",
        (Kind::Live(_), Action::Delete) => "broadcaster.delete",
        (Kind::Live(_), Action::Operate) => "broadcaster.operate",
        (Kind::Live(_), _) => "broadcaster.change",
        (Kind::Video(_), Action::Claim) => "video.claim",
        (Kind::Video(VideoPart::Rights), Action::Create) => "link.create",
        (Kind::Video(VideoPart::Rights), Action::Delete) => "link.revoke",
        (Kind::Video(VideoPart::Rights), _) => "video.rights",
        (Kind::Video(_), Action::Create) => "video.create",
        (Kind::Video(_), Action::Delete) => "video.delete",
        (Kind::Video(_), Action::Restore) => "video.restore",
        (Kind::Video(_), _) => "video.change",
        (Kind::Buildings, Action::Create) => "building.add",
        (Kind::Buildings, Action::Delete) => "building.remove",
        (Kind::Buildings, _) => "building.change",
        (Kind::Jobs, _) => "job.change",
        (Kind::People, Action::Create) if rule.path.starts_with("/groups") => "group.add",
        (Kind::People, Action::Create) => "person.add",
        (Kind::People, Action::Delete) => "group.remove",
        (Kind::People, _) if rule.path.starts_with("/site") => "site.change",
        (Kind::People, _) if rule.path.ends_with("/password") => "person.password",
        (Kind::People, _) => "person.change",
        (Kind::Tokens, _) => "token.change",
        (
            Kind::Site | Kind::Account | Kind::OperatorPage | Kind::AuditLog | Kind::ServerHealth | Kind::ServerMetrics,
            _,
        ) => return None,
    })
}

/// A route without a line, or a method that it does not have.
#[derive(Debug)]
pub(super) struct Unruled(Vec<&'static str>);

impl Unruled {
    pub(super) fn into_response(self) -> Response {
        if self.0.is_empty() {
            return refusal::plain(Problem::new(StatusCode::NOT_FOUND));
        }
        let mut response = refusal::plain(Problem::new(StatusCode::METHOD_NOT_ALLOWED));
        // Names of methods and commas.
        if let Ok(allow) = HeaderValue::from_str(&self.0.join(",")) {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }
}

/// The line for a request.
///
/// # Errors
/// There is none.
pub(super) fn rule(method: &Method, path: &str) -> Result<Rule, Unruled> {
    let Some(rules) = BY_PATH.get(path) else {
        tracing::error!(path, "a route has no line in the gate's table and is refused");
        return Err(Unruled(Vec::new()));
    };
    let found = Verb::of(method).and_then(|verb| rules.iter().find(|rule| rule.method == verb));
    found.copied().ok_or_else(|| Unruled(rules.iter().map(|rule| rule.method.name()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_route_has_one_line() {
        let seen: BTreeSet<_> = RULES.iter().map(|rule| (rule.path, rule.method.name())).collect();
        assert_eq!(seen.len(), RULES.len());
    }

    #[test]
    fn what_only_reads_is_never_a_way_to_write() {
        for rule in RULES {
            assert!(!(rule.method.is_safe() && rule.action.writes()), "{rule:?}");
        }
    }

    #[test]
    fn every_operation_of_the_api_has_a_line() {
        let described: serde_json::Value = serde_json::from_str(&crate::http::api::openapi()).unwrap();
        let mut count = 0;
        for (path, item) in described["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                let method: Method = method.to_uppercase().parse().unwrap();
                assert!(rule(&method, path).is_ok(), "{method} {path}");
                count += 1;
            }
        }
        assert!(count >= 20, "{count}");
    }

    #[test]
    fn what_has_no_line_is_refused() {
        assert!(rule(&Method::GET, "/novelty").unwrap_err().0.is_empty());
        assert_eq!(rule(&Method::PUT, "/api/v1/videos").unwrap_err().0, ["GET,HEAD"]);
        assert!(rule(&Method::HEAD, "/").is_ok());
    }
}
