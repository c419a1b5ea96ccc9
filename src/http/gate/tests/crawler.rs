//! Asks for every URL of the table as every kind of person, of things that stand in every way, and compares with the policy.

use crate::catalogue::access::AccessChange;
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::id::{JobId, PersonId};
use crate::catalogue::job::JobFilter;
use crate::catalogue::secret::Password;
use crate::catalogue::video::Video;
use crate::http::gate::refusal::Surface;
use crate::http::gate::table::{Door, RULES, Rule, Verb};
use crate::http::support::{Answer, Browser, World, now};
use crate::policy::object::{Action, Kind, LivePart, Object, VideoPart};
use crate::policy::scope::Scope;
use crate::policy::state::{State, Visibility};
use crate::policy::who::{Audience, Identity, Role, Token, Who};
use crate::policy::{Decision, Refusal, decide};
use std::collections::BTreeSet;

/// What a form's handler says to a form without its hidden word: the gate has let it through.
const REACHED: &str = "This form can no longer be sent";
/// What the gate says of what is hidden.
const HIDDEN: &str = "There is no such thing.";

/// Everybody who asks.
const CAST: [&str; 8] =
    ["anonymous", "viewer", "member", "owner", "operator", "administrator", "videos:read", "broadcasters:write"];

struct Scene {
    world: World,
    hall: Broadcaster,
    video: Video,
    link: String,
    job: Option<JobId>,
}

async fn scene(visibility: Visibility) -> Scene {
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
        ("administrator", Role::Administrator),
    ] {
        let person = world.person(login, role).await;
        match login {
            "member" => {
                world.catalogue.set_groups(&person.id, &BTreeSet::from([group.id.clone()])).await.unwrap();
            }
            "owner" => owner = Some(person.id),
            _ => {}
        }
    }
    let (link, _) = world.catalogue.add_link(&video.id, "jury", now().plus_micros(3_600_000_000), now()).await.unwrap();
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
    Scene { job: jobs.first().map(|job| job.id.clone()), link: link.id.to_string(), world, hall, video }
}

/// With what they carry.
struct Somebody<'a> {
    browser: Browser<'a>,
    bearer: Option<String>,
}

impl Scene {
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
            .replace("{link}", &self.link)
            .replace("{rendition}", "source")
            .replace("captions/{file}", "captions/fr.vtt")
            .replace("{file}", "media.m3u8")
            .replace("{*path}", "none.js")
    }

    /// What the policy says now of what a line leads to. What is asked for is found without the gate.
    async fn expected(&self, name: &str, rule: &Rule) -> Decision {
        let catalogue = &self.world.catalogue;
        let hall = catalogue.broadcaster_state(&self.hall.slug).await.unwrap().map(|(_, state)| state);
        let (hall, video) = (hall.unwrap_or_else(State::absent), catalogue.video_state(&self.video.id).await.unwrap());
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
        let token = name.parse::<Scope>().ok().map(|scope| Token { id: "t".into(), scopes: BTreeSet::from([scope]) });
        let identity = match (&person, &token) {
            (Some(person), _) => Identity::Person(person),
            (None, Some(token)) => Identity::Token(token),
            (None, None) => Identity::Anonymous,
        };
        if let (Kind::Account, Some(person)) = (kind, &person) {
            id = &person.id;
        }
        let who = Who { tenant, identity, proofs: &[], now: now() };
        decide(&who, &Object { tenant, id, kind }, rule.action, &state)
    }

    async fn somebody(&self, name: &str) -> Somebody<'_> {
        let browser = match self.world.catalogue.person_by_login(name).await.unwrap() {
            Some(person) => self.world.browser_of(&person).await,
            None => self.world.browser(),
        };
        let bearer = match name.parse::<Scope>() {
            Ok(scope) => Some(format!("Bearer {}", self.world.token(scope).await)),
            Err(_) => None,
        };
        Somebody { browser, bearer }
    }

    async fn ask(&self, somebody: &Somebody<'_>, rule: &Rule) -> Answer {
        // What one answer leaves in a browser must not open the next door.
        let mut browser = somebody.browser.clone();
        let mut headers = vec![("sec-fetch-site", "same-origin")];
        headers.extend(somebody.bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let (method, body) = match (rule.method, rule.surface) {
            (Verb::Get, _) => ("GET", ""),
            (Verb::Delete, _) => ("DELETE", ""),
            // Nothing that could be taken: whether it is read is what counts.
            (Verb::Patch, _) => ("PATCH", r#"{"nothing":1}"#),
            (Verb::Post, Surface::Page) => ("POST", "nothing=1"),
            (Verb::Post, _) => ("POST", r#"{"nothing":1}"#),
        };
        browser.send(method, &self.path(rule), &headers, body).await
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
        Decision::Allowed if rule.surface == Surface::Page && !matches!(rule.door, Door::Plain(_)) => {
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
    for visibility in Visibility::ALL {
        for name in CAST {
            let scene = scene(visibility).await;
            let somebody = scene.somebody(name).await;
            for rule in &rules {
                let decision = scene.expected(name, rule).await;
                let answer = scene.ask(&somebody, rule).await;
                asked += 1;
                if decision.is_allowed() {
                    allowed.insert((rule.path, format!("{:?}", rule.method)));
                }
                let refused = matches!(decision, Decision::Refused(_));
                if !agrees(rule, decision, &answer) || (refused && !tells_nothing(&answer)) {
                    let (path, method) = (rule.path, rule.method);
                    wrong.push(format!(
                        "{visibility} {name}: {method:?} {path}: {decision:?}, but {} {:.120}",
                        answer.status, answer.text
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 2_000, "{asked}");
    let never: Vec<_> =
        RULES.iter().filter(|rule| !allowed.contains(&(rule.path, format!("{:?}", rule.method)))).collect();
    // Nobody of the cast may have all tenants' figures, and there is no job.
    let expected = ["/metrics", "/api/v1/jobs/{id}/retry", "/api/v1/jobs/{id}/cancel"];
    assert!(never.iter().all(|rule| expected.contains(&rule.path)), "nobody was let in to {never:?}");
}

#[tokio::test]
async fn all_doors_to_a_video_give_the_same_answer() {
    for visibility in Visibility::ALL {
        let scene = scene(visibility).await;
        for name in CAST {
            let watches = |rule: &&Rule| {
                let of_video = matches!(rule.door, Door::Video(_) | Door::VideoFile);
                of_video && rule.action == Action::See && rule.door != Door::Video(VideoPart::Rights)
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
