//! The gate before the whole site: what is carried to it, and what it believes.

mod crawler;
mod links;

use super::pass::Signer;
use crate::catalogue::Catalogue;
use crate::catalogue::access::AccessChange;
use crate::catalogue::person::PersonChange;
use crate::catalogue::secret::Password;
use crate::catalogue::video::Video;
use crate::http::support::{Answer, Browser, World, now, pass};
use crate::policy::scope::Scope;
use crate::policy::state::Visibility;
use crate::policy::who::{Audience, Role};
use std::collections::BTreeSet;
use std::time::Duration;

/// Of a video that has nothing on disk: whether its media are refused, or there is only nothing to play.
fn is_let_in(answer: &Answer) -> bool {
    !matches!(answer.status, 401 | 403) && !answer.text.contains("There is no such thing.")
}

fn master(video: &Video) -> String {
    format!("/videos/{}/master.m3u8", video.id)
}

fn page(video: &Video) -> String {
    format!("/videos/{}-{}", video.id, video.slug)
}

async fn signer(catalogue: &Catalogue, tenant: &str) -> Signer {
    let signer = Signer::new(tenant.to_owned());
    signer.take(&catalogue.signing_keys(now()).await.unwrap());
    signer
}

/// A browser with nothing but a pass.
async fn with_pass(world: &World, path: &str, value: &str) -> Answer {
    let mut browser = world.browser();
    browser.cookies.insert(world.gate.cookies().pass().to_owned(), value.to_owned());
    browser.get(path).await
}

#[tokio::test]
async fn a_pass_opens_media_of_its_object_for_seconds_and_nothing_else() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let (video, other) = (world.video(&hall, "One").await, world.video(&hall, "Two").await);
    for video in [&video, &other] {
        world.show_video_to(video, Visibility::SignedIn).await;
    }
    let marie = world.person("marie", Role::Viewer).await;
    let mut browser = world.browser_of(&marie).await;
    let shown = browser.get(&page(&video)).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains(&format!("name=\"amphi-pass\" content=\"/videos/{}/pass\"", video.id)));
    let (value, attributes) = shown.cookie("amphi-pass").unwrap();
    assert_eq!(attributes, format!("Path=/videos/{}; Max-Age=5; HttpOnly; SameSite=Lax", video.id));

    assert_eq!(world.browser().get(&master(&video)).await.status, 401);
    let answer = with_pass(&world, &master(&video), &value).await;
    assert!(is_let_in(&answer) && answer.header("cache-control") == "no-store", "{answer:?}");
    assert!(is_let_in(&with_pass(&world, &format!("/videos/{}/source/0.m4s", video.id), &value).await));
    assert!(is_let_in(&with_pass(&world, &format!("/videos/{}/captions/fr.vtt", video.id), &value).await));
    assert_eq!(with_pass(&world, &master(&other), &value).await.status, 401, "another object");
    assert_eq!(with_pass(&world, &page(&video), &value).await.status, 401, "a page is not media");
    assert_eq!(with_pass(&world, &format!("/api/v1/videos/{}", video.id), &value).await.status, 401, "nor the API");
    pass(4);
    assert!(is_let_in(&with_pass(&world, &master(&video), &value).await));
    pass(1);
    assert_eq!(with_pass(&world, &master(&video), &value).await.status, 401, "expired");
    let renewed = browser.get(&format!("/videos/{}/pass", video.id)).await;
    assert_eq!((renewed.status, renewed.header("cache-control")), (204, "private, max-age=1"));
    assert!(is_let_in(&with_pass(&world, &master(&video), &renewed.cookie("amphi-pass").unwrap().0).await));
}

#[tokio::test]
async fn a_pass_that_somebody_made_up_is_worth_nothing() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "One").await;
    world.show_video_to(&video, Visibility::SignedIn).await;
    let (id, path) = (video.id.as_str(), master(&video));
    let ours = signer(&world.catalogue, world.catalogue.tenant().as_str()).await;
    let good = ours.pass("video", id, now()).unwrap();
    assert!(is_let_in(&with_pass(&world, &path, &good).await), "what follows differs from it in one thing");

    let parts: Vec<&str> = good.split('.').collect();
    let (ends_s, key, tag) = (parts[0].parse::<i64>().unwrap(), parts[1], parts[2]);
    let flipped = if tag.ends_with('0') { '1' } else { '0' };
    let elsewhere = signer(&world.catalogue, "elsewhere").await;
    let old = Signer::new(world.catalogue.tenant().as_str().to_owned());
    assert_eq!(old.pass("video", id, now()), None, "nothing is signed without a key");
    for bad in [
        format!("{}.{key}.{tag}", ends_s + 3_600),
        format!("{ends_s}.{key}.{}{flipped}", &tag[..tag.len() - 1]),
        format!("{ends_s}.{key}.{}", &tag[..16]),
        format!("{ends_s}.{key}."),
        format!("{ends_s}.aaaaaaaaaaaaaaaa.{tag}"),
        format!("{good}.0"),
        format!("-{good}"),
        String::new(),
        "9".repeat(4_000),
        // The same words under the same key, of something else.
        ours.pass("live", id, now()).unwrap(),
        ours.pass("video", hall.id.as_str(), now()).unwrap(),
        ours.password(id, 0, now()).unwrap(),
        elsewhere.pass("video", id, now()).unwrap(),
    ] {
        assert_eq!(with_pass(&world, &path, &bad).await.status, 401, "{bad}");
    }
}

#[tokio::test]
async fn a_cookie_that_is_no_session_any_more_is_nobody() {
    let world = World::new().await;
    let marie = world.person("marie", Role::Viewer).await;
    let name = world.gate.cookies().session();
    let mut browser = world.browser_of(&marie).await;
    assert_eq!(browser.get("/account").await.status, 200);
    let token = browser.cookies[name].clone();
    for bad in ["", "x", &token[1..], &token.to_uppercase(), &"a".repeat(8_000)] {
        let mut other = world.browser();
        other.cookies.insert(name.to_owned(), bad.to_owned());
        assert_eq!(other.get("/account").await.status, 401, "{bad:.20}");
    }
    pass(7 * 24 * 3_600);
    assert_eq!(browser.get("/account").await.status, 401, "not used for a week");
    let mut again = world.browser_of(&marie).await;
    let disabled = PersonChange { disabled: Some(true), ..PersonChange::default() };
    world.catalogue.change_person(&marie.id, disabled, now()).await.unwrap();
    assert_eq!(again.get("/account").await.status, 401, "disabled");
}

#[tokio::test]
async fn other_sites_cannot_make_a_browser_change_anything() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "One").await;
    let admin = world.person("admin", Role::Administrator).await;
    let mut browser = world.browser_of(&admin).await;
    let path = format!("/api/v1/videos/{}", video.id);
    let body = r#"{"title":"Other"}"#;
    for (headers, status) in [
        (&[][..], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "https://tv.example")], 200),
        (&[("sec-fetch-site", "same-origin")], 200),
    ] {
        let answer = browser.send("PATCH", &path, headers, body).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text);
    }
    // Programs send no cookie: nobody's browser can be made to send their token.
    let bearer = format!("Bearer {}", world.token(Scope::VideosWrite).await);
    let headers = [("authorization", bearer.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(world.browser().send("PATCH", &path, &headers, body).await.status, 200);
    let bad = [("authorization", "Bearer amphi_x")];
    assert_eq!(
        browser.send("PATCH", &path, &bad, body).await.status,
        401,
        "a wrong token is not made good by a cookie"
    );
}

async fn password(world: &World, video: &Video, text: &str) {
    let change = AccessChange {
        visibility: Some(Visibility::Password),
        password: Some(Some(Password::shared(text.to_owned()).unwrap().hash().unwrap())),
        ..AccessChange::default()
    };
    world.catalogue.change_video_access(&video.id, change).await.unwrap();
}

#[tokio::test]
async fn a_password_is_asked_for_once_and_again_when_it_is_another() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let (video, other) = (world.video(&hall, "One").await, world.video(&hall, "Two").await);
    password(&world, &video, "sesame").await;
    password(&world, &other, "sesame").await;
    let mut browser = world.browser();
    let asked = browser.get(&page(&video)).await;
    assert!(asked.status == 401 && asked.text.contains("This is protected by a password"), "{asked:?}");
    let form = format!("/videos/{}/password", video.id);
    assert_eq!(browser.post(&form, "password=wrong-one").await.status, 401);
    assert_eq!(browser.get(&page(&video)).await.status, 401);
    let stale = world.browser().post(&form, "password=sesame").await;
    assert!(stale.status == 403 && stale.cookie("amphi-form").is_none(), "a form that was never shown: {stale:?}");
    let opened = browser.post(&form, "password=sesame").await;
    assert_eq!((opened.status, opened.header("location")), (303, format!("/videos/{}", video.id).as_str()));
    assert_eq!(browser.get(&page(&video)).await.status, 200);
    assert!(is_let_in(&browser.get(&master(&video)).await));
    assert_eq!(browser.get(&format!("/api/v1/videos/{}", video.id)).await.status, 200);
    assert_eq!(browser.get(&page(&other)).await.status, 401, "the same password, typed elsewhere");
    pass(11 * 3_600);
    assert_eq!(browser.get(&page(&video)).await.status, 200, "a day of lectures");
    password(&world, &video, "open up").await;
    browser.cookies.remove("amphi-pass");
    assert_eq!(browser.get(&page(&video)).await.status, 401);
    browser.post(&form, "password=open+up").await;
    assert_eq!(browser.get(&page(&video)).await.status, 200);
    pass(12 * 3_600);
    assert_eq!(browser.get(&page(&video)).await.status, 401, "for ever it is not");
}

async fn opens(browser: &mut Browser<'_>, video: &Video) -> bool {
    // What is carried besides the link must not be what opens it.
    browser.cookies.remove("amphi-pass");
    let shown = browser.get(&page(video)).await.status;
    browser.cookies.remove("amphi-pass");
    let (media, api) =
        (browser.get(&master(video)).await, browser.get(&format!("/api/v1/videos/{}", video.id)).await.status);
    match (shown, is_let_in(&media), api) {
        (200, true, 200) => true,
        (404, false, 404) => false,
        doors => panic!("the doors do not agree: {doors:?}"),
    }
}

#[tokio::test]
async fn a_link_opens_its_draft_until_it_is_revoked_or_expires() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let (video, other) = (world.video(&hall, "One").await, world.video(&hall, "Two").await);
    for video in [&video, &other] {
        world.show_video_to(video, Visibility::Draft).await;
    }
    let expires_at = now().plus_micros(3_600_000_000);
    let (link, token) = world.catalogue.add_link(&video.id, "jury", expires_at, now()).await.unwrap();
    let mut browser = world.browser();
    assert!(!opens(&mut browser, &video).await);
    let came = browser.get(&format!("/videos/{}?link={}", video.id, token.reveal())).await;
    assert_eq!((came.status, came.header("location")), (303, format!("/videos/{}", video.id).as_str()));
    assert!(!came.header("location").contains(token.reveal()), "it is not in the address any more");
    assert!(opens(&mut browser, &video).await);
    assert!(!opens(&mut browser, &other).await);
    let elsewhere = world.browser().get(&format!("/videos/{}?link={}", other.id, token.reveal())).await;
    assert!(elsewhere.status == 404 && elsewhere.cookie(&format!("amphi-link-{}", other.id)).is_none());
    let listed = browser.get("/api/v1/videos").await;
    assert!(!listed.text.contains(video.id.as_str()), "a link is not a listing: {}", listed.text);
    let change = browser.send("PATCH", &format!("/api/v1/videos/{}", video.id), &[], r#"{"title":"x"}"#).await;
    assert_eq!(change.status, 401, "a link is to see");
    world.catalogue.revoke_link(&video.id, &link.id, now()).await.unwrap();
    assert!(!opens(&mut browser, &video).await, "revoked");

    let (_, token) = world.catalogue.add_link(&video.id, "jury", expires_at, now()).await.unwrap();
    let mut browser = world.browser();
    browser.get(&format!("/videos/{}?link={}", video.id, token.reveal())).await;
    assert!(opens(&mut browser, &video).await);
    pass(3_600);
    assert!(!opens(&mut browser, &video).await, "expired");
}

#[tokio::test]
async fn what_is_not_for_everybody_is_kept_by_no_cache_that_others_use() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "One").await;
    let marie = world.person("marie", Role::Viewer).await;
    let pass = format!("/videos/{}/pass", video.id);
    let open = world.browser().get(&pass).await;
    assert!(open.status == 204 && open.cookie("amphi-pass").is_none(), "nobody needs one for what is open");
    world.show_video_to(&video, Visibility::SignedIn).await;
    assert_eq!(world.browser().get(&pass).await.header("cache-control"), "no-store", "a refusal");
    let mut browser = world.browser_of(&marie).await;
    for path in [pass.clone(), master(&video), format!("/videos/{}/source/0.m4s", video.id)] {
        let answer = browser.get(&path).await;
        let kept = answer.header("cache-control");
        assert!(kept == "no-store" || kept.starts_with("private"), "{path}: {kept}");
    }
    assert!(browser.get(&page(&video)).await.header("cache-control").starts_with("private"));
}

#[tokio::test]
async fn what_the_api_changes_holds_at_once_and_what_others_change_within_seconds() {
    let world = World::believing(Duration::from_millis(300)).await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "One").await;
    assert_eq!(world.browser().get(&page(&video)).await.status, 200);
    let bearer = format!("Bearer {}", world.token(Scope::VideosWrite).await);
    let path = format!("/api/v1/videos/{}/access", video.id);
    let body = r#"{"visibility":"draft"}"#;
    let changed = world.browser().send("PATCH", &path, &[("authorization", &bearer)], body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(world.browser().get(&page(&video)).await.status, 404, "at once");
    world.show_video_to(&video, Visibility::Public).await;
    assert_eq!(world.browser().get(&page(&video)).await.status, 404, "another node's change is not known yet");
    tokio::time::sleep(Duration::from_millis(320)).await;
    assert_eq!(world.browser().get(&page(&video)).await.status, 200);
}

#[tokio::test]
async fn what_was_done_is_in_the_audit_log_and_what_was_refused_is_not() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "One").await;
    let admin = world.person("admin", Role::Administrator).await;
    let own = [("sec-fetch-site", "same-origin")];
    let path = format!("/api/v1/videos/{}", video.id);
    let mut browser = world.browser_of(&admin).await;
    assert_eq!(browser.send("PATCH", &path, &own, r#"{"title":""}"#).await.status, 422);
    assert_eq!(world.browser().send("DELETE", &path, &own, "").await.status, 401);
    assert!(world.catalogue.audit_log(9).await.unwrap().is_empty());
    assert_eq!(browser.send("DELETE", &path, &own, "").await.status, 204);
    let log = world.catalogue.audit_log(9).await.unwrap();
    assert_eq!((log.len(), log[0].act.as_str(), log[0].object_id.as_str()), (1, "video.delete", video.id.as_str()));
}

#[tokio::test]
async fn a_live_for_a_group_is_shown_told_and_listed_to_its_members_alone() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let group = world.catalogue.add_group("L1", now()).await.unwrap();
    let change = AccessChange {
        visibility: Some(Visibility::Groups),
        audience: Some(BTreeSet::from([Audience::Group(group.id.to_string())])),
        ..AccessChange::default()
    };
    world.catalogue.change_broadcaster_access(&hall.id, change).await.unwrap();
    let (marie, paul) = (world.person("marie", Role::Viewer).await, world.person("paul", Role::Viewer).await);
    world.catalogue.set_groups(&marie.id, &BTreeSet::from([group.id])).await.unwrap();
    for path in ["/live/hall", "/live/hall/events", "/live/hall/pass"] {
        assert_eq!(world.browser().get(path).await.status, 401, "{path}");
        assert_eq!(world.browser_of(&paul).await.get(path).await.status, 403, "{path}");
        assert!(world.browser_of(&marie).await.get(path).await.status < 300, "{path}");
    }
    for path in ["/", "/api/v1/broadcasters", "/api/v1/lives"] {
        assert!(!world.browser().get(path).await.text.contains("Hall hall"), "{path}");
    }
    assert!(world.browser_of(&marie).await.get("/api/v1/broadcasters").await.text.contains("Hall hall"));
}
