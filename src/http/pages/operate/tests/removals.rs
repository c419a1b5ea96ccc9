//! What is removed: broadcasters, of which recordings stay, and buildings in which nothing is.

use super::{limited, on_air, operator};
use crate::catalogue::person::PersonChange;
use crate::http::support::{World, now, pass};
use crate::live::status::{State, Status};
use crate::policy::scope::Scope;
use crate::policy::state::Visibility;
use crate::policy::who::{Buildings, Role};

/// The newest act and its detail; what follows comes later.
async fn last_act(world: &World) -> (String, String) {
    let entry = world.catalogue.audit_log(1).await.unwrap().remove(0);
    pass(1);
    (entry.act, entry.detail)
}

#[tokio::test]
async fn a_building_is_renamed_and_stays_while_something_is_in_it() {
    let world = World::new().await;
    let hall = world.hall("north").await;
    let mut marie = operator(&world).await;
    let (mut paul, building) = limited(&world, "north").await;
    let page = format!("/operate/_/buildings/{building}");
    let shown = marie.get(&page).await;
    let inside = ["<a href=\"/operate/north\">Hall north</a>", "<li>paul</li>", "Move its broadcasters first"];
    assert!(shown.status == 200 && inside.iter().all(|part| shown.text.contains(part)), "{}", shown.text);
    assert!(!shown.text.contains("/remove\""), "nothing to press");
    assert!(marie.get("/operate/_/new").await.text.contains(&page));

    assert_eq!(marie.post(&page, "title=North+wing").await.status, 303);
    assert_eq!(last_act(&world).await, ("building.change".to_owned(), "North wing".to_owned()));
    assert_eq!(marie.post("/operate/_/buildings", "title=South").await.status, 303);
    assert_eq!(last_act(&world).await.0, "building.add");
    assert_eq!(marie.post(&page, "title=South").await.status, 409, "another one's name");
    assert_eq!(marie.post(&page, "title=").await.status, 422);
    assert!(marie.get(&page).await.text.contains("value=\"North wing\""));

    // Somebody had the page open before the hall was moved there.
    let remove = format!("{page}/remove");
    let kept = marie.post(&remove, "x=1").await;
    assert!(kept.status == 409 && inside.iter().all(|part| kept.text.contains(part)), "{}", kept.text);
    assert!(kept.text.contains("It was not removed"));
    assert_eq!(last_act(&world).await.0, "building.add", "a refusal is no act");
    world.catalogue.remove_broadcaster(&hall.id, now()).await.unwrap();
    assert_eq!(marie.post(&remove, "x=1").await.status, 409, "paul is limited to it");
    // Who operates in some of them changes none, and is told of none.
    assert_eq!(paul.get(&page).await.status, 404);
    for (path, fields) in [(&page, "title=x"), (&remove, "x=1"), (&"/operate/_/buildings".to_owned(), "title=x")] {
        assert_eq!(paul.post(path, fields).await.status, 403, "{path}");
    }
    let person = world.catalogue.person_by_login("paul").await.unwrap().unwrap();
    let freed = PersonChange { buildings: Some(Buildings::All), ..PersonChange::default() };
    world.catalogue.change_person(&person.id, freed, now()).await.unwrap();
    assert!(marie.get(&page).await.text.contains("no operator is limited to it"));
    let removed = marie.post(&remove, "x=1").await;
    assert_eq!((removed.status, removed.header("location")), (303, "/operate/_/new"));
    assert_eq!(last_act(&world).await, ("building.remove".to_owned(), "North wing".to_owned()));
    assert_eq!(marie.get(&page).await.status, 404);
    assert_eq!(world.catalogue.buildings().await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_operates_nowhere_any_more_keeps_no_building() {
    let world = World::new().await;
    let hall = world.hall("north").await;
    let (_, building) = limited(&world, "north").await;
    let person = world.catalogue.person_by_login("paul").await.unwrap().unwrap();
    let change = PersonChange { role: Some(Role::Viewer), ..PersonChange::default() };
    world.catalogue.change_person(&person.id, change, now()).await.unwrap();
    let video = world.video(&hall, "Algebra").await;
    world.catalogue.remove_broadcaster(&hall.id, now()).await.unwrap();
    let of_video = async || world.catalogue.video_state(&video.id).await.unwrap().unwrap().building;
    assert_eq!(of_video().await, Some(building.to_string()));
    world.catalogue.remove_building(&building).await.unwrap();
    assert_eq!(of_video().await, None, "for operators of all buildings");
}

#[tokio::test]
async fn a_broadcaster_is_removed_after_its_page_has_said_what_stays() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "Algebra").await;
    world.show_video_to(&video, Visibility::Public).await;
    let mut marie = operator(&world).await;
    assert!(marie.get("/operate/hall").await.text.contains("href=\"/operate/hall/remove\""));
    let asked = marie.get("/operate/hall/remove").await;
    assert!(asked.status == 200 && asked.text.contains("Its recording stays"), "{}", asked.text);
    assert!(asked.text.contains("action=\"/operate/hall/remove\""));

    for state in [State::Starting, State::OnAir, State::Dropped] {
        world.lives.show("hall", Status { state, ..on_air(1, Vec::new()) });
        let asked = marie.get("/operate/hall/remove").await;
        assert!(asked.text.contains("end the live first") && !asked.text.contains("action=\"/operate/hall/remove\""));
        let refused = marie.post("/operate/hall/remove", "x=1").await;
        assert!(refused.status == 409 && refused.text.contains("end the live first"), "{state:?} {}", refused.text);
    }
    assert!(world.catalogue.audit_log(1).await.unwrap().is_empty(), "nothing was done");
    world.lives.show("hall", Status { state: State::Ended, ..on_air(0, Vec::new()) });
    let viewer = world.person("eve", Role::Contributor).await;
    let mut eve = world.browser_of(&viewer).await;
    assert_eq!(eve.get("/operate/hall/remove").await.status, 403);
    assert_eq!(eve.post("/operate/hall/remove", "x=1").await.status, 403);
    let forged = marie.send("POST", "/operate/hall/remove", &[("sec-fetch-site", "same-origin")], "x=1").await;
    assert_eq!(forged.status, 403, "a form that nobody was shown");

    let removed = marie.post("/operate/hall/remove", "x=1").await;
    assert_eq!((removed.status, removed.header("location")), (303, "/operate"));
    assert_eq!(last_act(&world).await, ("broadcaster.delete".to_owned(), "hall Hall hall".to_owned()));
    assert_eq!(world.browser().get("/live/hall").await.status, 404);
    assert_eq!(world.browser().get(&video.page_url()).await.status, 200, "it stays");
    let token = world.token(Scope::BroadcastersRead).await;
    let bearer = format!("Bearer {token}");
    let gone = world.browser().send("GET", "/api/v1/broadcasters/hall", &[("authorization", &bearer)], "").await;
    assert_eq!(gone.status, 404);
}
