//! Asks for every URL of the table as every kind of person, of things that stand in every way, and compares with the policy.

use crate::catalogue::access::AccessChange;
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::id::{JobId, PersonId};
use crate::catalogue::job::JobFilter;
use crate::catalogue::link::Link as ShareLink;
use crate::catalogue::person::PersonChange;
use crate::catalogue::secret::{LinkToken, Password};
use crate::catalogue::video::Video;
use crate::http::gate::refusal::Surface;
use crate::http::gate::table::{Door, RULES, Rule, Verb};
use crate::http::support::{Answer, Browser, World, now};
use crate::policy::object::{Action, Kind, LivePart, Object, VideoPart};
use crate::policy::scope::Scope;
use crate::policy::state::{State, Visibility};
use crate::policy::who::{Audience, Buildings, Identity, Proof, Role, Token, Who};
use crate::policy::{Decision, Refusal, decide};
use std::collections::BTreeSet;

/// What a form's handler says to a form without its hidden word: the gate has let it through.
const REACHED: &str = "This form can no longer be sent";
/// What the gate says of what is hidden.
const HIDDEN: &str = "There is no such thing.";

/// Everybody who asks.
pub(super) const CAST: [&str; 15] = [
    "anonymous",
    "viewer",
    "member",
    "owner",
    "operator",
    // Operates somewhere else.
    "limited",
    "administrator",
    // Was signed in when it happened.
    "disabled",
    // Carries the link to the draft, and nothing else.
    "link",
    // Has typed the passwords, where there are some.
    "password",
    "videos:read",
    "broadcasters:write",
    "people:write",
    "metrics:read",
    "every scope",
];

/// What a token of the cast may do; `None`: it is none.
fn scopes(name: &str) -> Option<BTreeSet<Scope>> {
    match name {
        "every scope" => Some(BTreeSet::from(Scope::ALL)),
        name => name.parse().ok().map(|scope| BTreeSet::from([scope])),
    }
}

pub(super) struct Scene {
    pub(super) world: World,
    hall: Broadcaster,
    pub(super) video: Video,
    link: ShareLink,
    token: LinkToken,
    job: Option<JobId>,
}

pub(super) async fn scene(visibility: Visibility) -> Scene {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "Zyzzyva").await;
    let group = world.catalogue.add_group("members", now()).await.unwrap();
    let mut owner = None;
    for (login, role) in [
        ("viewer", Role::Viewer),
        ("member", Role::Viewer),
        ("owner", Role::Contributor),
        ("operator", Role::Operator),
        ("limited", Role::Operator),
        ("disabled", Role::Administrator),
        ("administrator", Role::Administrator),
    ] {
        let person = world.person(login, role).await;
        match login {
            "member" => {
                world.catalogue.set_groups(&person.id, &BTreeSet::from([group.id.clone()])).await.unwrap();
            }
            "owner" => owner = Some(person.id),
            "limited" => {
                let elsewhere = world.catalogue.add_building("elsewhere", now()).await.unwrap();
                let only = Buildings::Only(BTreeSet::from([elsewhere.id.to_string()]));
                let change = PersonChange { buildings: Some(only), ..PersonChange::default() };
                world.catalogue.change_person(&person.id, change, now()).await.unwrap();
            }
            _ => {}
        }
    }
    let (link, token) =
        world.catalogue.add_link(&video.id, "jury", now().plus_micros(3_600_000_000), now()).await.unwrap();
    // The rights come last: a hash takes its time, and most scenes need none.
    let password = (visibility == Visibility::Password)
        .then(|| Some(Password::shared("sesame".to_owned()).unwrap().hash().unwrap()));
    let change = AccessChange {
        visibility: Some(visibility),
        audience: Some(BTreeSet::from([Audience::Group(group.id.to_string())])),
        password,
        ..AccessChange::default()
    };
    world.catalogue.change_broadcaster_access(&hall.id, change.clone()).await.unwrap();
    let owners: BTreeSet<PersonId> = owner.into_iter().collect();
    world.catalogue.change_video_access(&video.id, AccessChange { owners: Some(owners), ..change }).await.unwrap();
    let jobs = world.catalogue.jobs(JobFilter { state: None, limit: 9 }).await.unwrap();
    Scene { job: jobs.first().map(|job| job.id.clone()), link, token, world, hall, video }
}

/// With what they carry.
pub(super) struct Somebody<'a> {
    browser: Browser<'a>,
    bearer: Option<String>,
}

impl Scene {
    /// The video is nobody's, and waits to be claimed.
    async fn wait_for_an_owner(&self) {
        self.world.catalogue.give_back_video(&self.video.id).await.unwrap();
    }

    /// The address of a line. A job that there is not has one, too.
    fn path(&self, rule: &Rule) -> String {
        let job = self.job.as_ref().map_or("aaaaaaaaaaaaaaaa", JobId::as_str);
        let id = match rule.door {
            Door::Job => job,
            _ if rule.path.contains("/keys/") => "aaaaaaaaaaaaaaaa",
            _ => self.video.id.as_str(),
        };
        rule.path
            .replace("{slug}", "hall")
            .replace("{name}", &format!("{}-{}", self.video.id, self.video.slug))
            .replace("{id}", id)
            .replace("{language}", "fr")
            .replace("{link}", self.link.id.as_str())
            .replace("{rendition}", "source")
            .replace("captions/{file}", "captions/fr.vtt")
            .replace("{file}", "media.m3u8")
            .replace("{*path}", "none.js")
    }

    /// What the policy says now of what a line leads to. What is asked for is found without the gate.
    pub(super) async fn expected(&self, name: &str, rule: &Rule) -> Decision {
        let catalogue = &self.world.catalogue;
        let hall = catalogue.broadcaster_state(&self.hall.slug).await.unwrap().map(|(_, state)| state);
        let (hall, video) = (hall.unwrap_or_else(State::absent), catalogue.video_state(&self.video.id).await.unwrap());
        let proofs = self.proofs(name, &hall, video.as_ref());
        let video = video.unwrap_or_else(State::absent);
        let (hall_id, video_id) = (self.hall.id.as_str(), self.video.id.as_str());
        let plain = State::default();
        let (kind, mut id, state) = match rule.door {
            Door::Plain(kind @ Kind::Live(_)) => (kind, "", State::absent()),
            Door::Plain(kind) => (kind, "", plain),
            Door::Metrics => (Kind::ServerMetrics, "", plain),
            Door::Live(part) | Door::UnlockLive(part) => (Kind::Live(part), hall_id, hall),
            Door::LiveFile => (Kind::Live(LivePart::Playlist), hall_id, hall),
            Door::Video(part) | Door::UnlockVideo(part) => (Kind::Video(part), video_id, video),
            Door::VideoFile => (Kind::Video(VideoPart::Playlist), video_id, video),
            Door::Job => (Kind::Jobs, video_id, if self.job.is_some() { video } else { State::absent() }),
        };
        let tenant = catalogue.tenant().as_str();
        let person = match catalogue.person_by_login(name).await.unwrap() {
            Some(person) => catalogue.standing(&person.id).await.unwrap(),
            None => None,
        };
        let token = scopes(name).map(|scopes| Token { id: "t".into(), scopes });
        let identity = match (&person, &token) {
            (Some(person), _) => Identity::Person(person),
            (None, Some(token)) => Identity::Token(token),
            (None, None) => Identity::Anonymous,
        };
        if let (Kind::Account, Some(person)) = (kind, &person) {
            id = &person.id;
        }
        let who = Who { tenant, identity, proofs: &proofs, now: now() };
        decide(&who, &Object { tenant, id, kind }, rule.action, &state)
    }

    /// What somebody carries, besides who they are.
    fn proofs(&self, name: &str, hall: &State, video: Option<&State>) -> Vec<Proof> {
        let (hall_id, video_id) = (self.hall.id.to_string(), self.video.id.to_string());
        let versions = [(hall_id, hall.password_version), (video_id.clone(), video.and_then(|v| v.password_version))];
        match name {
            "link" => vec![Proof::Link { object: video_id, expires_at: self.link.expires_at, revoked: false }],
            "password" => versions
                .into_iter()
                .filter_map(|(object, version)| Some(Proof::Password { object, version: version? }))
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(super) async fn somebody(&self, name: &str) -> Somebody<'_> {
        let mut browser = match self.world.catalogue.person_by_login(name).await.unwrap() {
            Some(person) => self.world.browser_of(&person).await,
            None => self.world.browser(),
        };
        let (catalogue, cookies) = (&self.world.catalogue, self.world.gate.cookies());
        match name {
            "disabled" => {
                let person = catalogue.person_by_login(name).await.unwrap().unwrap();
                let change = PersonChange { disabled: Some(true), ..PersonChange::default() };
                catalogue.change_person(&person.id, change, now()).await.unwrap();
            }
            "link" => {
                browser.cookies.insert(cookies.link_to(self.video.id.as_str()), self.token.reveal().to_owned());
            }
            "password" => {
                let hall = catalogue.broadcaster_state(&self.hall.slug).await.unwrap().unwrap().1;
                let video = catalogue.video_state(&self.video.id).await.unwrap().unwrap();
                for (id, state) in [(self.hall.id.as_str(), hall), (self.video.id.as_str(), video)] {
                    let Some(version) = state.password_version else { continue };
                    let line = self.world.gate.password_cookie(id, version).unwrap();
                    let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                    browser.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            _ => {}
        }
        let bearer = match scopes(name) {
            Some(scopes) => {
                let (_, token) = catalogue.add_token("test", &scopes, None, now()).await.unwrap();
                Some(format!("Bearer {}", token.reveal()))
            }
            None => None,
        };
        Somebody { browser, bearer }
    }

    async fn ask(&self, somebody: &Somebody<'_>, rule: &Rule) -> Answer {
        let (method, body) = match (rule.method, rule.surface) {
            (Verb::Get, _) => ("GET", ""),
            (Verb::Delete, _) => ("DELETE", ""),
            // Nothing that could be taken: whether it is read is what counts.
            (Verb::Put, _) => ("PUT", r#"{"nothing":1}"#),
            (Verb::Patch, _) => ("PATCH", r#"{"nothing":1}"#),
            (Verb::Post, Surface::Page) => ("POST", "nothing=1"),
            (Verb::Post, _) => ("POST", r#"{"nothing":1}"#),
        };
        somebody.send(method, &self.path(rule), body).await
    }
}

impl Somebody<'_> {
    pub(super) fn reads_pages(&self) -> bool {
        self.bearer.is_none()
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        // What one answer leaves in a browser must not open the next door.
        let mut browser = self.browser.clone();
        let mut headers = vec![("sec-fetch-site", "same-origin")];
        headers.extend(self.bearer.as_deref().map(|bearer| ("authorization", bearer)));
        browser.send(method, path, &headers, body).await
    }
}

fn is_form(rule: &Rule) -> bool {
    rule.method == Verb::Post && rule.surface == Surface::Page
}

/// Whether an answer is what the policy says.
fn agrees(rule: &Rule, decision: Decision, answer: &Answer) -> bool {
    let unlocks = matches!(rule.door, Door::UnlockLive(_) | Door::UnlockVideo(_));
    match decision {
        Decision::Refused(Refusal::Password) if unlocks => answer.text.contains(REACHED),
        Decision::Allowed if is_form(rule) => answer.status == 403 && answer.text.contains(REACHED),
        // A file of media that this video does not have.
        Decision::Allowed if rule.path == "/videos/{id}/download/{file}" => {
            answer.status == 404 && answer.text.contains("a download is RENDITION.mp4")
        }
        Decision::Allowed
            if matches!(rule.surface, Surface::Page | Surface::Embed) && !matches!(rule.door, Door::Plain(_)) =>
        {
            answer.status < 400
        }
        Decision::Allowed => !matches!(answer.status, 401 | 403 | 405) && !answer.text.contains(HIDDEN),
        Decision::Refused(Refusal::Hidden) => answer.status == 404,
        Decision::Refused(Refusal::SignIn | Refusal::Password) => answer.status == 401,
        Decision::Refused(Refusal::Scope(_) | Refusal::Forbidden) => {
            answer.status == 403 && !answer.text.contains(REACHED)
        }
    }
}

/// What is wrong with an answer, by what the policy says: it is another, or it tells of what it refuses.
pub(super) fn complaint(rule: &Rule, decision: Decision, answer: &Answer) -> Option<String> {
    let wrong = !agrees(rule, decision, answer) || (!decision.is_allowed() && !tells_nothing(answer));
    wrong.then(|| format!("{decision:?}, but {} {:.120}", answer.status, answer.text))
}

/// What says nothing but the refusal: no title, no name, no address of what is refused.
fn tells_nothing(answer: &Answer) -> bool {
    !["Zyzzyva", "Hall hall", "captions/", "source"].iter().any(|word| answer.text.contains(word))
}

#[tokio::test]
async fn every_url_answers_everybody_as_the_policy_says() {
    // What is removed can't be asked for: removals come last, the hall's very last.
    let mut rules: Vec<&Rule> = RULES.iter().collect();
    rules.sort_by_key(|rule| match (rule.method, rule.path) {
        (Verb::Delete, "/api/v1/broadcasters/{slug}") => 3,
        (Verb::Delete, "/api/v1/videos/{id}") => 2,
        (Verb::Delete, _) => 1,
        _ => 0,
    });
    let (mut asked, mut wrong, mut allowed) = (0, Vec::new(), BTreeSet::new());
    let scenes = Visibility::ALL.into_iter().map(|visibility| (visibility, false)).chain([(Visibility::Draft, true)]);
    for (visibility, waits) in scenes {
        for name in CAST {
            let scene = scene(visibility).await;
            if waits {
                scene.wait_for_an_owner().await;
            }
            let somebody = scene.somebody(name).await;
            for rule in &rules {
                let decision = scene.expected(name, rule).await;
                let answer = scene.ask(&somebody, rule).await;
                asked += 1;
                if decision.is_allowed() {
                    allowed.insert((rule.path, format!("{:?}", rule.method)));
                }
                let (path, method) = (rule.path, rule.method);
                let said = complaint(rule, decision, &answer);
                wrong.extend(said.map(|said| format!("{visibility} {name}: {method:?} {path}: {said}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 5_000, "{asked}");
    let never: Vec<_> =
        RULES.iter().filter(|rule| !allowed.contains(&(rule.path, format!("{:?}", rule.method)))).collect();
    // There is no job.
    let expected = ["/api/v1/jobs/{id}/retry", "/api/v1/jobs/{id}/cancel"];
    assert!(never.iter().all(|rule| expected.contains(&rule.path)), "nobody was let in to {never:?}");
}

#[tokio::test]
async fn all_doors_to_a_video_give_the_same_answer() {
    for visibility in Visibility::ALL {
        let scene = scene(visibility).await;
        for name in CAST {
            let watches = |rule: &&Rule| {
                let of_video = matches!(rule.door, Door::Video(_) | Door::VideoFile);
                // Taking it away is another right, and so is to see whose it is.
                let others = [VideoPart::Rights, VideoPart::Download].map(Door::Video);
                of_video && rule.action == Action::See && !others.contains(&rule.door)
            };
            let somebody = scene.somebody(name).await;
            let mut seen = BTreeSet::new();
            for rule in RULES.iter().filter(watches) {
                let answer = scene.ask(&somebody, rule).await;
                seen.insert(agrees(rule, Decision::Allowed, &answer));
            }
            assert_eq!(seen.len(), 1, "{visibility} {name}");
        }
    }
}

/// Addresses that no line of the table has, and addresses of other things that somebody could guess.
fn guesses(scene: &Scene) -> Vec<String> {
    let (id, other) = (scene.video.id.as_str(), "aaaaaaaaaaaaaaaa");
    let mut guesses: Vec<String> = [
        "/admin",
        "/api",
        "/api/v1",
        "/api/v1/people",
        "/api/v1/tokens",
        "/api/v2/videos",
        "/.env",
        "/.git/config",
        "/media",
        "/db/catalogue.sqlite",
        "/data/db/catalogue.sqlite",
        "/assets/../db/catalogue.sqlite",
        "/assets/..%2f..%2fdb%2fcatalogue.sqlite",
        "/people/new",
        "/live",
        "/live/",
        "/live/%68all/keys",
        "/live/HALL",
        "/live/hall%00",
        "/videos/",
        "//videos",
    ]
    .map(str::to_owned)
    .into();
    for tail in [
        "",
        "/",
        "/x",
        "/index.json",
        "/media.json",
        "/source",
        "/source/",
        "/source/init.mp4",
        "/source/0.m4s",
        "/source/0.m4s.json",
        "/source/..%2fmaster.m3u8",
        "/audio/media.m3u8",
        "/captions",
        "/captions/fr.vtt",
        "/captions/fr.jsonl",
        "/captions/../master.m3u8",
        "/download",
        "/download/source.mp4",
        "/poster.png",
        "/poster.jpg?link=x",
        "/pass?link=x",
        "/master.m3u8?link=x",
        "/%6daster.m3u8",
        "/MASTER.M3U8",
        "/master.m3u8/",
    ] {
        guesses.push(format!("/videos/{id}{tail}"));
        guesses.push(format!("/videos/{}{tail}", id.to_uppercase()));
        guesses.push(format!("/videos/{id}-{}{tail}", scene.video.slug));
        guesses.push(format!("/videos/{other}{tail}"));
        guesses.push(format!("/live/hall{tail}"));
        guesses.push(format!("/live/{id}{tail}"));
        guesses.push(format!("/embed/videos/{id}{tail}"));
        guesses.push(format!("/embed/live/hall{tail}"));
        guesses.push(format!("/api/v1/videos/{id}{tail}"));
        guesses.push(format!("/api/v1/broadcasters/hall{tail}"));
        guesses.push(format!("/media/{id}{tail}"));
    }
    guesses
}

#[tokio::test]
async fn what_is_guessed_tells_nobody_of_a_draft_who_may_not_know_of_it() {
    let scene = scene(Visibility::Draft).await;
    let guesses = guesses(&scene);
    let mut asked = 0;
    for name in ["anonymous", "viewer", "member", "disabled", "password", "people:write", "metrics:read"] {
        let somebody = scene.somebody(name).await;
        for path in &guesses {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let answer = somebody.send(method, path, "").await;
                asked += 1;
                assert!(tells_nothing(&answer), "{name} {method} {path}: {} {}", answer.status, answer.text);
                // Nothing is there, nothing may be done, or (a preflight, the API's description) nothing is said.
                let good = matches!(answer.status, 400 | 401 | 403 | 404 | 405 | 415 | 422) || method == "OPTIONS";
                assert!(good, "{name} {method} {path}: {} {}", answer.status, answer.text);
                assert!(answer.cookie("amphi-pass").is_none(), "{name} {method} {path}");
            }
        }
    }
    assert!(asked > 10_000, "{asked}");
}
