//! Whom a broadcaster's lives are for, by its own page.

use super::{limited, operator};
use crate::http::support::{World, now, pass};
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_live_is_for_groups_or_who_has_the_password() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let group = world.catalogue.add_group("L2 <maths>", now()).await.unwrap();
    let student = world.person("ada", Role::Viewer).await;
    world.catalogue.set_groups(&student.id, &BTreeSet::from([group.id.clone()])).await.unwrap();
    let other = world.person("eve", Role::Viewer).await;
    let (mut ada, mut eve) = (world.browser_of(&student).await, world.browser_of(&other).await);
    let mut marie = operator(&world).await;
    let page = "/operate/hall/rights";
    let hall_page = marie.get("/operate/hall").await.text;
    assert!(hall_page.contains("<strong>everybody</strong>") && hall_page.contains(&format!("href=\"{page}\"")));
    let shown = marie.get(page).await;
    assert!(shown.status == 200 && shown.text.contains("> L2 &#60;maths&#62;</label>"), "{}", shown.text);

    let sent = format!("visibility=groups&group={}&affiliations=Staff&open_figures=yes", group.id);
    let saved = marie.post(page, &sent).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/operate/hall/rights?saved"));
    let entry = world.catalogue.audit_log(1).await.unwrap().remove(0);
    assert_eq!((entry.act.as_str(), entry.object_id.as_str()), ("broadcaster.rights", hall.id.as_str()));
    assert_eq!(entry.detail, "visibility public → groups, audience of 0 → 2");
    let shown = marie.get("/operate/hall/rights?saved").await.text;
    let chosen = [
        "<option value=\"groups\" selected>".to_owned(),
        format!("value=\"{}\" checked", group.id),
        "name=\"affiliations\" value=\"staff\"".to_owned(),
        "name=\"open_figures\" value=\"yes\" checked".to_owned(),
        "role=\"status\"".to_owned(),
    ];
    assert!(chosen.iter().all(|part| shown.contains(part)), "{shown}");
    let watches = [ada.get("/live/hall").await, eve.get("/live/hall").await, world.browser().get("/live/hall").await];
    assert_eq!(watches.map(|answer| answer.status), [200, 403, 401]);

    pass(1);
    let password = "visibility=password&affiliations=&password=";
    let missing = marie.post(page, password).await;
    assert!(missing.status == 422 && missing.text.contains("It needs a password first"), "{}", missing.text);
    assert_eq!(marie.post(page, &format!("{password}sesame")).await.status, 303);
    let noted = world.catalogue.audit_log(1).await.unwrap().remove(0).detail;
    assert_eq!(noted, "visibility groups → password, audience of 2 → 0, another password");
    let asked = ada.get("/live/hall").await;
    assert!(asked.status == 401 && asked.text.contains("type=\"password\""), "{}", asked.text);
    assert_eq!(ada.post("/live/hall/password", "password=sesame").await.status, 303);
    assert_eq!(ada.get("/live/hall").await.status, 200);
    // Left empty, it stays; another one is typed again.
    let page_text = marie.get(page).await.text;
    assert!(page_text.contains("Leave this empty to keep it") && !page_text.contains("sesame"), "{page_text}");
    assert_eq!(marie.post(page, password).await.status, 303);
    assert_eq!(ada.get("/live/hall").await.status, 200);
    assert_eq!(marie.post(page, &format!("{password}alibaba")).await.status, 303);
    assert_eq!(ada.get("/live/hall").await.status, 401);
    assert!(!format!("{:?}", world.catalogue.audit_log(9).await.unwrap()).contains("alibaba"), "no secret is noted");
}

#[tokio::test]
async fn what_the_rights_form_cannot_take_changes_nothing_and_is_said() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let (mut paul, _) = limited(&world, "hall").await;
    world.hall("south").await;
    let page = "/operate/hall/rights";
    assert_eq!(paul.get(page).await.status, 200);
    for (sent, why) in [
        ("visibility=groups&affiliations=", "Choose a group or an affiliation"),
        ("visibility=groups&group=aaaaaaaaaaaaaaaa&affiliations=", "role=\"alert\""),
        ("visibility=groups&affiliations=a+b", "An affiliation has 1 to 64"),
        ("visibility=password&affiliations=&password=short", "A password has 6 to 128"),
        ("visibility=secret&affiliations=", "role=\"alert\""),
    ] {
        let refused = paul.post(page, sent).await;
        assert!(refused.status == 422 && refused.text.contains(why), "{sent}: {}", refused.text);
    }
    assert_eq!(paul.post("/operate/south/rights", "visibility=draft").await.status, 403, "another building's");
    let contributor = world.person("eve", Role::Contributor).await;
    let mut eve = world.browser_of(&contributor).await;
    assert_eq!((eve.get(page).await.status, eve.post(page, "visibility=draft").await.status), (403, 403));
    let (_, standing) = world.catalogue.broadcaster_state(&hall.slug).await.unwrap().unwrap();
    assert_eq!((standing.visibility, standing.open_figures), (Visibility::Public, true));
    assert!(world.catalogue.audit_log(9).await.unwrap().is_empty());
}
