//! Owners' pages as browsers ask for them: whole, with the gate before them.

use crate::archive::transcript::tests::say;
use crate::catalogue::access::AccessChange;
use crate::catalogue::details::Cut;
use crate::catalogue::recordings::{BroadcasterDetailsChange, Recordings};
use crate::catalogue::video::Video;
use crate::http::support::World;
use crate::http::support::{Browser, now, pass};
use crate::policy::state::Visibility;
use crate::policy::who::{Audience, Role};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a browser sends of the form, with some fields said otherwise.
fn form(other: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("title", "Analyse 1"),
        ("description", "*Un*\r\n\r\ncours"),
        ("speakers", "Zoé\r\n\r\nAda"),
        ("tags", "Fourier, L2,"),
        ("kind", "seminar"),
        ("language", "fr"),
        ("licence", "CC-BY-4.0"),
        ("chapters", "0:00 Rappels\r\n0:12 Séries"),
        ("from", ""),
        ("until", "0:00:20"),
    ];
    for (name, value) in other {
        let field = fields.iter_mut().find(|(known, _)| known == name).unwrap();
        field.1 = value;
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[tokio::test]
async fn an_owner_says_what_a_video_is_and_others_may_not() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Old").await;
    say(&world.layout, video.id.as_str(), "fr", &[]);
    let owner = world.person("zoe", Role::Contributor).await;
    let change = AccessChange { owners: Some(BTreeSet::from([owner.id.clone()])), ..AccessChange::default() };
    world.catalogue.change_video_access(&video.id, change).await.unwrap();
    let path = format!("/videos/{}/edit", video.id);
    let mut zoe = world.browser_of(&owner).await;
    let shown = zoe.get(&path).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("name=\"title\" value=\"Old\""), "{}", shown.text);
    let done = zoe.post(&path, &form(&[])).await;
    assert_eq!((done.status, done.header("location")), (303, format!("{path}?saved").as_str()), "{}", done.text);
    let details = world.catalogue.details(&video.id).await.unwrap().unwrap();
    assert_eq!((details.description.as_str(), details.speakers.len(), details.tags.len()), ("*Un*\n\ncours", 2, 2));
    assert_eq!(details.chapters.len(), 2);
    assert_eq!(details.cut, Cut { start: None, end: Some(Duration::from_secs(20)) });
    let again = zoe.get(&format!("{path}?saved")).await.text;
    assert!(again.contains("role=\"status\"") && again.contains("value=\"0:00:20\"") && again.contains("Zoé\nAda"));
    let page = world.catalogue.video(&video.id).await.unwrap().unwrap().page_url();
    assert!(zoe.get(&page).await.text.contains(&format!("href=\"{path}\"")), "the way there");
    assert_eq!(world.catalogue.audit_log(9).await.unwrap()[0].act, "video.change");

    // What can't be taken stays in the form, and nothing is stored.
    for (other, said) in [
        (("title", " "), "1 to 200"),
        (("chapters", "0:00 A\r\nB"), "Line 2 of"),
        (("chapters", "0:00 A\r\n0:00 B"), "different moments"),
        (("from", "0:00:25"), "last a second"),
        (("until", "soon"), "looks like"),
        (("language", "!"), "fr or en-GB"),
        (("licence", "a b"), "CC-BY-4.0."),
        (("kind", "film"), "Something in the form"),
    ] {
        let refused = zoe.post(&path, &form(&[("description", "lost"), other])).await;
        assert_eq!(refused.status, 422, "{other:?} {}", refused.text);
        assert!(refused.text.contains(said) && refused.text.contains(">lost</textarea>"), "{other:?} {}", refused.text);
        assert_eq!(world.catalogue.details(&video.id).await.unwrap().as_ref(), Some(&details), "{other:?}");
    }
    let undone = zoe.post(&path, &form(&[("until", "")])).await;
    assert_eq!(undone.status, 303);
    assert!(world.catalogue.details(&video.id).await.unwrap().unwrap().cut.is_none());

    let other = world.person("eve", Role::Contributor).await;
    let mut eve = world.browser_of(&other).await;
    assert_eq!(eve.get(&path).await.status, 403);
    assert_eq!(eve.post(&path, &form(&[])).await.status, 403);
    assert!(!eve.get(&page).await.text.contains("/edit"));
    assert_eq!(world.browser().get(&path).await.status, 401);
}

fn fields(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn own(world: &World, video: &Video, owner: &crate::catalogue::person::Person) {
    let change = AccessChange { owners: Some(BTreeSet::from([owner.id.clone()])), ..AccessChange::default() };
    world.catalogue.change_video_access(&video.id, change).await.unwrap();
}

#[tokio::test]
async fn an_owner_says_whom_a_video_is_for() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Old").await;
    let (zoe, eve) = (world.person("zoe", Role::Contributor).await, world.person("eve", Role::Viewer).await);
    own(&world, &video, &zoe).await;
    let group = world.catalogue.add_group("M1", now()).await.unwrap();
    world.catalogue.set_groups(&eve.id, &BTreeSet::from([group.id.clone()])).await.unwrap();
    let path = format!("/videos/{}/rights", video.id);
    let page = video.page_url();
    let (mut zoe, mut eve) = (world.browser_of(&zoe).await, world.browser_of(&eve).await);
    let state = || async { world.catalogue.video_state(&video.id).await.unwrap().unwrap() };
    let shown = zoe.get(&path).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains(">zoe</textarea>") && shown.text.contains(" M1</label>"), "{}", shown.text);

    let sent = |other: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("owners", "zoe"), ("affiliations", ""), ("password", "")];
        pairs.retain(|(name, _)| !other.iter().any(|(given, _)| given == name));
        pairs.extend(other);
        fields(&pairs)
    };
    // Groups.
    let id = group.id.to_string();
    let body = format!("{}&group={id}", sent(&[("visibility", "groups"), ("affiliations", "Staff, ")]));
    let done = zoe.post(&path, &body).await;
    assert_eq!((done.status, done.header("location")), (303, format!("{path}?saved").as_str()), "{}", done.text);
    let audience = BTreeSet::from([Audience::Group(id), Audience::Affiliation("staff".to_owned())]);
    assert_eq!((state().await.visibility, state().await.audience), (Visibility::Groups, audience));
    assert_eq!(world.catalogue.audit_log(9).await.unwrap()[0].act, "video.rights");
    assert_eq!((eve.get(&page).await.status, world.browser().get(&page).await.status), (200, 401));
    // A password, kept when the form is sent again without one, and whether it may be taken away.
    let body = sent(&[("visibility", "password"), ("password", "sésame"), ("downloadable", "yes")]);
    assert_eq!(zoe.post(&path, &body).await.status, 303);
    assert_eq!(zoe.post(&path, &sent(&[("visibility", "password")])).await.status, 303);
    let now_stands = state().await;
    assert_eq!((now_stands.password_version, now_stands.downloadable), (Some(1), false));
    assert!(zoe.get(&path).await.text.contains("It has one."));

    // What can't be taken changes nothing.
    for (other, said) in [
        (vec![("visibility", "groups")], "Choose a group"),
        (vec![("visibility", "draft"), ("password", "short")], "6 to 128"),
        (vec![("visibility", "draft"), ("owners", "zoe\r\nnobody")], "Nobody here"),
        (vec![("visibility", "draft"), ("owners", " ")], "needs an owner"),
        (vec![("visibility", "draft"), ("affiliations", "a b")], "An affiliation"),
        (vec![("visibility", "mine")], "Something in the form"),
    ] {
        let refused = zoe.post(&path, &sent(&other)).await;
        assert!(refused.status == 422 && refused.text.contains(said), "{other:?} {} {}", refused.status, refused.text);
        assert_eq!(state().await, now_stands, "{other:?}");
    }
    // Given away: she has nothing to do with it any more.
    let given = zoe.post(&path, &sent(&[("visibility", "draft"), ("owners", "eve")])).await;
    assert_eq!((given.status, given.header("location")), (303, "/my-videos"));
    assert_eq!(zoe.get(&path).await.status, 404);
    assert_eq!(eve.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_link_to_a_draft_is_shown_once_and_revoked() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Old").await;
    let zoe = world.person("zoe", Role::Contributor).await;
    own(&world, &video, &zoe).await;
    world.show_video_to(&video, Visibility::Draft).await;
    let mut zoe = world.browser_of(&zoe).await;
    let path = format!("/videos/{}/links", video.id);
    zoe.get(&format!("/videos/{}/rights", video.id)).await;
    let made = zoe.post(&path, &fields(&[("label", "jury"), ("days", "7")])).await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.text);
    let link = made.text.split("<code>").nth(1).unwrap().split("</code>").next().unwrap();
    let at = link.find("/videos/").unwrap();
    let mut guest = world.browser();
    assert_eq!(guest.get(&link[at..]).await.status, 303, "the address loses the link");
    assert_eq!(guest.get(&video.page_url()).await.status, 200);
    let listed = zoe.get(&format!("/videos/{}/rights", video.id)).await.text;
    assert!(listed.contains("jury") && !listed.contains("?link="), "{listed}");
    let id = world.catalogue.links(&video.id).await.unwrap()[0].id.clone();
    let revoked = zoe.post(&format!("{path}/{id}/revoke"), "").await;
    assert_eq!(revoked.status, 303, "{}", revoked.text);
    assert_eq!(guest.get(&video.page_url()).await.status, 404);
    assert_eq!(zoe.post(&path, &fields(&[("label", ""), ("days", "7")])).await.status, 422);
    assert_eq!(zoe.post(&path, &fields(&[("label", "x"), ("days", "400")])).await.status, 403);
}

#[tokio::test]
async fn many_videos_are_changed_at_once_and_each_is_asked_about() {
    let world = World::new().await;
    let hall = world.hall("a").await;
    let zoe = world.person("zoe", Role::Contributor).await;
    let (one, two) = (world.video(&hall, "One").await, world.video(&hall, "Two").await);
    let foreign = world.video(&hall, "Foreign").await;
    own(&world, &one, &zoe).await;
    own(&world, &two, &zoe).await;
    let mut zoe = world.browser_of(&zoe).await;
    let shown = zoe.get("/my-videos").await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains(">One</a>") && shown.text.contains(">Two</a>") && !shown.text.contains("Foreign"));
    assert!(zoe.get("/my-videos?view=grid").await.text.contains("class=\"cards\""));
    async fn send(zoe: &mut Browser<'_>, pairs: &[(&str, &str)]) -> String {
        pass(1);
        let done = zoe.post("/my-videos", &fields(pairs)).await;
        assert_eq!(done.status, 303, "{}", done.text);
        done.header("location").to_owned()
    }
    let (one_id, two_id, foreign_id) = (one.id.to_string(), two.id.to_string(), foreign.id.to_string());
    let to = send(&mut zoe, &[("act", "tag"), ("word", " Fourier"), ("video", &one_id), ("video", &foreign_id)]).await;
    assert_eq!(to, "/my-videos?done=change&changed=1&asked=2");
    assert!(zoe.get(&to).await.text.contains("Only one video could be changed"));
    let tags = |id| {
        let catalogue = world.catalogue.clone();
        async move { catalogue.details(&id).await.unwrap().unwrap().tags }
    };
    assert_eq!(tags(one.id.clone()).await, BTreeSet::from(["fourier".to_owned()]));
    assert!(tags(foreign.id.clone()).await.is_empty());
    let all = [("all", "yes"), ("shown", &*one_id), ("shown", &two_id)];
    send(&mut zoe, &[&[("act", "show:signed_in")], &all[..]].concat()).await;
    for video in [&one, &two] {
        let state = world.catalogue.video_state(&video.id).await.unwrap().unwrap();
        assert_eq!(state.visibility, Visibility::SignedIn);
    }
    let to = send(&mut zoe, &[&[("act", "delete")], &all[..]].concat()).await;
    let said = zoe.get(&to).await.text;
    assert!(said.contains("2 videos are deleted") && said.contains("You have no videos yet"), "{said}");
    assert_eq!(zoe.get(&one.page_url()).await.status, 404);
    assert!(zoe.get("/my-videos?show=deleted").await.text.contains("One"));
    send(&mut zoe, &[("act", "restore"), ("video", &one_id)]).await;
    assert_eq!(zoe.get(&one.page_url()).await.status, 200);
    let log = world.catalogue.audit_log(20).await.unwrap();
    let acts: BTreeSet<(&str, &str)> = log.iter().map(|entry| (entry.act.as_str(), entry.object_id.as_str())).collect();
    let expected = [
        ("video.change", &*one_id),
        ("video.rights", &one_id),
        ("video.rights", &two_id),
        ("video.delete", &one_id),
        ("video.delete", &two_id),
        ("video.restore", &one_id),
    ];
    assert_eq!((acts, log.len()), (BTreeSet::from(expected), expected.len()));
    assert_eq!(world.browser().get("/my-videos").await.status, 401);
}

#[tokio::test]
async fn many_get_a_group_an_owner_a_language_and_a_licence_and_a_form_that_is_none_comes_back_as_it_was() {
    let world = World::new().await;
    let hall = world.hall("a").await;
    let (zoe, max) = (world.person("zoe", Role::Contributor).await, world.person("max", Role::Contributor).await);
    let (one, two) = (world.video(&hall, "One").await, world.video(&hall, "Two").await);
    own(&world, &one, &zoe).await;
    own(&world, &two, &zoe).await;
    let group = world.catalogue.add_group("L2 physics", now()).await.unwrap();
    let mut browser = world.browser_of(&zoe).await;
    assert!(browser.get("/my-videos").await.text.contains("the group L2 physics"));
    let (one_id, two_id) = (one.id.to_string(), two.id.to_string());
    let act = format!("group:{}", group.id);
    for (act, word) in [(act.as_str(), ""), ("own", "max"), ("language", "fr"), ("licence", "CC-BY-4.0")] {
        let sent = fields(&[("act", act), ("word", word), ("video", &one_id), ("video", &two_id)]);
        let done = browser.post("/my-videos", &sent).await;
        assert_eq!((done.status, done.header("location")), (303, "/my-videos?done=change&changed=2&asked=2"), "{act}");
    }
    for video in [&one, &two] {
        let state = world.catalogue.video_state(&video.id).await.unwrap().unwrap();
        assert_eq!(state.visibility, Visibility::Groups);
        assert_eq!(state.audience, BTreeSet::from([Audience::Group(group.id.to_string())]));
        assert_eq!(state.owners, [&zoe, &max].into_iter().map(|person| person.id.to_string()).collect());
        let details = world.catalogue.details(&video.id).await.unwrap().unwrap();
        assert_eq!((details.language.unwrap().tag(), details.licence.as_str()), ("fr", "CC-BY-4.0"));
    }
    // The last owner stays: a video is nobody's only when it is given back.
    for (login, changed) in [("max", 1), ("zoe", 0)] {
        let done = browser.post("/my-videos", &fields(&[("act", "disown"), ("word", login), ("video", &one_id)])).await;
        assert_eq!(done.header("location"), format!("/my-videos?done=change&changed={changed}&asked=1"));
    }
    let said = world.catalogue.audit_log(20).await.unwrap();
    assert!(said.iter().any(|entry| entry.detail == format!("own:{}", max.id)), "{said:?}");

    let chosen = format!("value=\"{one_id}\" checked");
    for (act, word, video, why) in [
        ("own", "nobody@example.org", &*one_id, "Nobody here has this login or address"),
        ("tag", "", &one_id, "This needs a word beside it"),
        ("language", "Klingon!", &one_id, "A language is a tag"),
        ("film", "", &one_id, "be done to videos"),
        ("tag", "x", "", "No video is chosen"),
    ] {
        let sent = fields(&[("act", act), ("word", word), ("video", video), ("view", "grid")]);
        let back = browser.post("/my-videos", &sent).await;
        assert_eq!(back.status, 422, "{act}");
        assert!(back.text.contains(why) && back.text.contains("class=\"cards\""), "{act}: {}", back.text);
        assert_eq!(back.text.contains(&chosen), !video.is_empty(), "{act}");
        let kept = back.text.contains(&format!("value=\"{word}\" maxlength=\"200\""));
        assert!(kept, "{act}: what was typed is lost");
    }
}

#[tokio::test]
async fn a_recording_that_waits_is_claimed_once_given_back_and_attributed() {
    let world = World::new().await;
    let hall = world.hall("a").await;
    let waits = BroadcasterDetailsChange { recordings: Some(Recordings::ToClaim), ..Default::default() };
    world.catalogue.change_broadcaster_details(&hall.id, waits).await.unwrap();
    let video = world.video(&hall, "Monday").await;
    world.show_video_to(&video, Visibility::Draft).await;
    let [zoe, eve] = [world.person("zoe", Role::Contributor).await, world.person("eve", Role::Contributor).await];
    let (viewer, desk) = (world.person("vic", Role::Viewer).await, world.person("ops", Role::Operator).await);
    let mut zoe_browser = world.browser_of(&zoe).await;
    let (mut eve_browser, mut viewer) = (world.browser_of(&eve).await, world.browser_of(&viewer).await);
    let mut ops = world.browser_of(&desk).await;
    let list = zoe_browser.get("/recordings-to-claim").await.text;
    assert!(list.contains("Monday") && !list.contains("/attribute"), "{list}");
    assert_eq!(zoe_browser.get(&video.page_url()).await.status, 404, "to claim is not to watch");
    assert!(!viewer.get("/recordings-to-claim").await.text.contains("Monday"));
    let claim = format!("/videos/{}/claim", video.id);
    assert_eq!(viewer.post(&claim, "").await.status, 404);
    eve_browser.get("/recordings-to-claim").await;
    let done = zoe_browser.post(&claim, "").await;
    assert_eq!(done.header("location"), format!("/my-videos?done=claim&video={}", video.id), "{}", done.text);
    let mine = zoe_browser.get(done.header("location")).await.text;
    assert!(mine.contains("is yours now") && mine.contains("/give-back"), "{mine}");
    assert_eq!(zoe_browser.get(&video.page_url()).await.status, 200);
    assert_eq!(eve_browser.post(&claim, "").await.status, 404, "it is gone");
    pass(1);
    let back = zoe_browser.post(&format!("/videos/{}/give-back", video.id), "").await;
    assert_eq!(back.header("location"), "/recordings-to-claim?given-back", "{}", back.text);
    assert_eq!(zoe_browser.get(&video.page_url()).await.status, 404);

    let list = ops.get("/recordings-to-claim").await.text;
    assert!(list.contains("/attribute"), "{list}");
    let attribute = format!("/videos/{}/attribute", video.id);
    let nobody = ops.post(&attribute, "who=nobody").await;
    assert!(nobody.status == 422 && nobody.text.contains("value=\"nobody\""), "{}", nobody.text);
    assert_eq!(zoe_browser.post(&attribute, "who=zoe").await.status, 404);
    pass(1);
    let given = ops.post(&attribute, "who=eve").await;
    assert_eq!(given.header("location"), "/recordings-to-claim?attributed", "{}", given.text);
    assert_eq!(eve_browser.get(&video.page_url()).await.status, 200);
    assert!(ops.get("/recordings-to-claim").await.text.contains("No recording waits"));
    let log = world.catalogue.audit_log(20).await.unwrap();
    let acts: Vec<&str> = log.iter().rev().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, ["video.claim", "video.rights", "video.rights"]);
    assert_eq!(log[0].detail, "eve");
}

#[tokio::test]
async fn captions_are_mended_hidden_and_as_the_machine_heard_them_again() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Old").await;
    say(&world.layout, video.id.as_str(), "fr", &[(2, "bonjour a tous")]);
    let zoe = world.person("zoe", Role::Contributor).await;
    own(&world, &video, &zoe).await;
    let mut zoe = world.browser_of(&zoe).await;
    let path = format!("/videos/{}/subtitles", video.id);
    let shown = zoe.get(&format!("{path}?language=fr")).await.text;
    assert!(shown.contains("as a machine heard them") && shown.contains("Bonjour a tous"), "{shown}");
    let text = "WEBVTT\r\n\r\n00:00:02.000 --> 00:00:04.000\r\nBonjour à <i>tous</i>.\r\n";
    let send = |act: &str, text: &str| fields(&[("language", "fr"), ("text", text), ("act", act)]);
    let saved = zoe.post(&path, &send("save", text)).await;
    assert_eq!(saved.header("location"), format!("{path}?language=fr&saved"), "{}", saved.text);
    let shown = zoe.get(saved.header("location")).await.text;
    assert!(shown.contains("looked over") && shown.contains("Bonjour à tous."), "{shown}");
    let page = zoe.get(&video.page_url()).await.text;
    assert!(page.contains("/captions/fr.vtt") && !page.contains("by a machine"), "{page}");
    let vtt = zoe.get(&format!("/videos/{}/captions/fr.vtt", video.id)).await.text;
    assert!(vtt.contains("00:00:02.000 --> 00:00:04.000\nBonjour à tous."), "{vtt}");
    for (text, said) in [
        ("WEBVTT\n\n1\nbonjour", "Line 3: a text needs"),
        ("00:04.000 --> 00:02.000\nx", "Line 1: it ends before"),
        ("00:04 --> soon\nx", "Line 1: times look like"),
        ("WEBVTT\n", "There is no caption"),
    ] {
        let refused = zoe.post(&path, &send("save", text)).await;
        assert!(refused.status == 422 && refused.text.contains(said), "{said}: {}", refused.text);
    }
    assert_eq!(zoe.post(&path, &send("hide", "")).await.status, 303);
    let page = zoe.get(&video.page_url()).await.text;
    assert!(!page.contains("/captions/fr.vtt"), "{page}");
    assert_eq!(zoe.get(&format!("/videos/{}/captions/fr.vtt", video.id)).await.status, 404);
    assert_eq!(zoe.post(&path, &send("machine", "")).await.status, 303);
    assert!(zoe.get(&format!("{path}?language=fr")).await.text.contains("Bonjour a tous"));
    assert_eq!(world.catalogue.audit_log(9).await.unwrap()[0].detail, "captions fr");
}
