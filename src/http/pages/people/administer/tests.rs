//! What an administrator does with people and groups by the forms, and what nobody can.

use crate::catalogue::access::AccessChange;
use crate::catalogue::person::Person;
use crate::http::support::{Browser, World, now};
use crate::policy::state::Visibility;
use crate::policy::who::{Audience, Buildings, Role};
use axum::body::Body;
use axum::http::Request;
use std::collections::BTreeSet;

async fn administrator(world: &World) -> Browser<'_> {
    let admin = world.person("admin", Role::Administrator).await;
    let mut browser = world.browser_of(&admin).await;
    assert_eq!(browser.get("/people").await.status, 200);
    browser
}

async fn find(world: &World, login: &str) -> Person {
    world.catalogue.person_by_login(login).await.unwrap().unwrap()
}

/// The password of the page that shows it once.
fn shown(text: &str) -> String {
    text.split("<code>")
        .nth(2)
        .and_then(|rest| rest.split_once("</code>"))
        .unwrap_or_else(|| panic!("{text}"))
        .0
        .to_owned()
}

async fn signs_in(world: &World, login: &str, password: &str) -> bool {
    let mut browser = world.browser();
    browser.get("/sign-in").await;
    browser.post("/sign-in", &format!("login={login}&password={password}")).await.status == 303
}

#[tokio::test]
async fn somebody_who_is_added_signs_in_with_what_was_shown_once() {
    let world = World::new().await;
    let mut admin = administrator(&world).await;
    let added = admin.post("/people", "login=Zoe&name=Zo%C3%A9+Martin&mail=zoe%40uni.example&role=contributor").await;
    assert!(added.status == 200 && added.header("cache-control") == "no-store", "{added:?}");
    let password = shown(&added.text);
    assert!(signs_in(&world, "zoe", &password).await);
    let zoe = find(&world, "zoe").await;
    assert_eq!(
        (zoe.name.as_str(), zoe.mail.as_deref(), zoe.role),
        ("Zoé Martin", Some("zoe@uni.example"), Role::Contributor)
    );

    let listed = admin.get("/people?q=zoe+mart").await;
    assert!(
        listed.text.contains(&format!("/people/{}", zoe.id)) && !listed.text.contains(&password),
        "{}",
        listed.text
    );
    assert!(!listed.text.contains(">admin</a></th>"), "who is not looked for");
    assert!(admin.get("/people?q=xyzzy").await.text.contains("There is nobody like this."));
    let log = world.catalogue.audit_log(9).await.unwrap();
    assert_eq!((log.len(), log[0].act.as_str()), (1, "person.add"));
    assert!(log[0].detail.contains("zoe") && !log[0].detail.contains(&password), "{}", log[0].detail);
}

#[tokio::test]
async fn what_cannot_be_is_said_and_what_was_typed_is_kept() {
    let world = World::new().await;
    let mut admin = administrator(&world).await;
    world.person("zoe", Role::Viewer).await;
    for (fields, status, said) in [
        ("login=zoe&role=viewer", 409, "Somebody has this identifier already."),
        ("login=a+b&name=Ada&role=viewer", 422, "The identifier must have"),
        ("login=ada&name=Ada&mail=nowhere&role=viewer", 422, "This can’t be a mail address."),
        ("login=ada&role=king", 403, "This form can no longer be sent"),
    ] {
        let answer = admin.post("/people", fields).await;
        assert!(answer.status == status && answer.text.contains(said), "{fields}: {} {}", answer.status, answer.text);
        assert!(!fields.contains("name=Ada") || answer.text.contains("value=\"Ada\""), "{fields}: {}", answer.text);
    }
    assert_eq!(world.catalogue.people().await.unwrap().len(), 2, "nobody was added");
    assert!(world.catalogue.audit_log(9).await.unwrap().is_empty(), "and nothing is noted");
}

#[tokio::test]
async fn what_somebody_is_and_where_they_belong_is_changed_by_one_form() {
    let world = World::new().await;
    let mut admin = administrator(&world).await;
    let zoe = world.person("zoe", Role::Viewer).await;
    let group = world.catalogue.add_group("L1", now()).await.unwrap();
    world.catalogue.add_group("L2", now()).await.unwrap();
    let building = world.catalogue.add_building("Sciences", now()).await.unwrap();
    let path = format!("/people/{}", zoe.id);
    assert!(admin.get(&path).await.text.contains("Sciences"));
    let fields =
        format!("name=Zo%C3%A9&mail=&role=operator&group={}&buildings=shown&building={}", group.id, building.id);
    let changed = admin.post(&path, &fields).await;
    assert_eq!((changed.status, changed.header("location")), (303, format!("{path}?saved").as_str()), "{changed:?}");
    let zoe = find(&world, "zoe").await;
    assert_eq!((zoe.name.as_str(), zoe.role), ("Zoé", Role::Operator));
    assert_eq!(zoe.buildings, Buildings::Only(BTreeSet::from([building.id.to_string()])));
    assert_eq!(world.catalogue.groups_by_hand(&zoe.id).await.unwrap(), BTreeSet::from([group.id.clone()]));
    let shown = admin.get(&format!("{path}?saved")).await.text;
    assert!(shown.contains("Saved.") && shown.contains(&format!("value=\"{}\" checked", group.id)), "{shown}");
    let log = world.catalogue.audit_log(9).await.unwrap();
    assert_eq!((log[0].act.as_str(), log[0].object_id.as_str()), ("person.change", zoe.id.as_str()));

    admin.post(&path, "name=Zo%C3%A9&mail=&role=operator&buildings=shown&everywhere=yes").await;
    let zoe = find(&world, "zoe").await;
    assert_eq!(zoe.buildings, Buildings::All);
    assert!(world.catalogue.groups_by_hand(&zoe.id).await.unwrap().is_empty(), "no tick, no group");
    let gone = admin.post(&path, "name=Z&role=operator&group=aaaaaaaaaaaaaaaa").await;
    assert!(gone.status == 409 && gone.text.contains("has been removed meanwhile"), "{gone:?}");
    assert_eq!(admin.post("/people/aaaaaaaaaaaaaaaa", "name=Z&role=viewer").await.status, 404);
    assert_eq!(admin.get("/people/%3Cscript%3E").await.status, 404);
}

#[tokio::test]
async fn another_password_and_being_disabled_end_every_session() {
    let world = World::new().await;
    let mut admin = administrator(&world).await;
    let zoe = world.person("zoe", Role::Viewer).await;
    let path = format!("/people/{}", zoe.id);
    let mut signed_in = world.browser_of(&zoe).await;
    let made = admin.post(&format!("{path}/password"), "x=1").await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    let password = shown(&made.text);
    assert_eq!(signed_in.get("/account").await.status, 401);
    assert!(signs_in(&world, "zoe", &password).await);

    let mut signed_in = world.browser_of(&zoe).await;
    assert_eq!(admin.post(&format!("{path}/disabled"), "disabled=yes").await.status, 303);
    assert_eq!(signed_in.get("/account").await.status, 401);
    assert!(!signs_in(&world, "zoe", &password).await);
    assert!(admin.get("/people").await.text.contains("disabled"));
    assert_eq!(admin.post(&format!("{path}/disabled"), "disabled=perhaps").await.status, 403);
    assert_eq!(admin.post(&format!("{path}/disabled"), "disabled=no").await.status, 303);
    assert!(signs_in(&world, "zoe", &password).await);
    let log = world.catalogue.audit_log(9).await.unwrap();
    let acts: BTreeSet<&str> = log.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, BTreeSet::from(["person.password", "person.change"]));
    assert!(log.iter().all(|entry| entry.object_id == zoe.id.as_str() && !entry.detail.contains(&password)));
}

#[tokio::test]
async fn nobody_locks_themselves_out() {
    let world = World::new().await;
    let mut admin = administrator(&world).await;
    let own = find(&world, "admin").await;
    let path = format!("/people/{}", own.id);
    let page = admin.get(&path).await.text;
    assert!(!page.contains("name=\"role\"") && !page.contains("/disabled"), "{page}");
    for (door, fields) in [
        (path.clone(), "name=Admin&role=viewer"),
        (format!("{path}/disabled"), "disabled=yes"),
        (format!("{path}/password"), "x=1"),
    ] {
        let answer = admin.post(&door, fields).await;
        assert!(answer.status == 409 && answer.text.contains("Nobody changes their own role"), "{door}: {answer:?}");
    }
    assert_eq!(find(&world, "admin").await, own);
    assert_eq!(
        admin.post(&path, "name=Admin&mail=admin%40uni.example").await.status,
        303,
        "name and address are one's own"
    );
    assert_eq!(find(&world, "admin").await.role, Role::Administrator);
}

#[tokio::test]
async fn only_administrators_are_shown_who_there_is_and_only_their_own_forms_count() {
    let world = World::new().await;
    let zoe = world.person("zoe", Role::Viewer).await;
    let path = format!("/people/{}", zoe.id);
    for role in [Role::Viewer, Role::Contributor, Role::Operator] {
        let person = world.person(role.name(), role).await;
        let mut browser = world.browser_of(&person).await;
        assert!(!browser.get("/account").await.text.contains("href=\"/people\""), "{role}");
        for door in ["/people", "/groups", &path] {
            let answer = browser.get(door).await;
            assert!(answer.status == 403 && !answer.text.contains("zoe"), "{role} {door}: {answer:?}");
        }
        assert_eq!(browser.post(&path, "name=Zoe&role=administrator").await.status, 403, "{role}");
        assert_eq!(browser.post(&format!("/people/{}", person.id), "name=x&role=administrator").await.status, 403);
    }
    assert_eq!(world.browser().get("/people").await.status, 401);
    let mut admin = administrator(&world).await;
    assert!(admin.get("/account").await.text.contains("href=\"/people\""));
    for headers in [[("origin", "https://evil.example")], [("sec-fetch-site", "cross-site")]] {
        let word = admin.cookies["amphi-form"].clone();
        let answer = admin.send("POST", &path, &headers, &format!("name=Z&role=administrator&form={word}")).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let own = [("sec-fetch-site", "same-origin")];
    assert_eq!(admin.send("POST", &path, &own, "name=Z&role=administrator&form=x").await.status, 403, "no word");
    assert_eq!(find(&world, "zoe").await.role, Role::Viewer);
}

#[tokio::test]
async fn groups_are_added_counted_and_removed_with_what_was_for_them() {
    let world = World::new().await;
    let mut admin = administrator(&world).await;
    assert!(admin.get("/groups").await.text.contains("There are no groups yet."));
    assert_eq!(admin.post("/groups", "title=L1+%3Cb%3E").await.status, 303);
    let taken = admin.post("/groups", "title=L1+%3Cb%3E").await;
    assert!(taken.status == 409 && taken.text.contains("There is such a group already."), "{taken:?}");
    assert_eq!(admin.post("/groups", "title=").await.status, 422);
    let group = world.catalogue.groups().await.unwrap().remove(0);
    let zoe = world.person("zoe", Role::Viewer).await;
    world.catalogue.set_groups(&zoe.id, &BTreeSet::from([group.id.clone()])).await.unwrap();
    let page = admin.get("/groups").await.text;
    assert!(page.contains("one person") && page.contains("L1 &#60;b&#62;"), "{page}");

    let hall = world.hall("hall").await;
    let change = AccessChange {
        visibility: Some(Visibility::Groups),
        audience: Some(BTreeSet::from([Audience::Group(group.id.to_string())])),
        ..AccessChange::default()
    };
    world.catalogue.change_broadcaster_access(&hall.id, change).await.unwrap();
    let mut browser = world.browser_of(&zoe).await;
    assert_eq!(browser.get("/live/hall").await.status, 200);
    let path = format!("/groups/{}/remove", group.id);
    assert_eq!(admin.post(&path, "x=1").await.status, 403, "without saying that one is sure");
    assert_eq!(admin.post(&path, "sure=yes").await.status, 303);
    assert_eq!(browser.get("/live/hall").await.status, 403);
    assert_eq!(admin.post(&path, "sure=yes").await.status, 404, "it is gone");
    let log = world.catalogue.audit_log(9).await.unwrap();
    let acts: BTreeSet<&str> = log.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, BTreeSet::from(["group.add", "group.remove"]));
}

#[tokio::test]
async fn the_pages_are_french_to_who_reads_french() {
    let world = World::new().await;
    let admin = administrator(&world).await;
    let zoe = world.person("zoe", Role::Viewer).await;
    let cookies: Vec<String> = admin.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for (door, said) in [
        ("/people".to_owned(), "Ajouter une personne"),
        (format!("/people/{}", zoe.id), "Désactiver"),
        ("/groups".to_owned(), "Ajouter un groupe"),
    ] {
        let request = Request::get(&door).header("accept-language", "fr").header("cookie", cookies.join("; "));
        let answer = world.ask(request.body(Body::empty()).unwrap()).await;
        assert!(answer.text.contains("<html lang=\"fr\">") && answer.text.contains(said), "{door}: {}", answer.text);
    }
}
