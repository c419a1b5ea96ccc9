//! Operators' pages as browsers ask for them: whole, with the gate before them.

use crate::catalogue::access::AccessChange;
use crate::catalogue::id::BuildingId;
use crate::catalogue::person::PersonChange;
use crate::catalogue::recordings::ToolPlace;
use crate::http::support::{Browser, World, now};
use crate::live::status::{Finding, Level, Rendition, State, Status};
use crate::policy::state::Visibility;
use crate::policy::who::{Buildings, Role};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use media::ingest::StreamKey;
use std::collections::BTreeSet;
use std::time::Duration;

mod log;
mod progress;
mod removals;
mod rights;

async fn operator(world: &World) -> Browser<'_> {
    let person = world.person("marie", Role::Operator).await;
    let change = PersonChange { buildings: Some(Buildings::All), ..PersonChange::default() };
    world.catalogue.change_person(&person.id, change, now()).await.unwrap();
    world.browser_of(&person).await
}

/// One who is limited to a building, in which `hall` is.
async fn limited<'a>(world: &'a World, hall: &str) -> (Browser<'a>, BuildingId) {
    let building = world.catalogue.add_building("North", now()).await.unwrap();
    let hall = world.catalogue.broadcaster_by_slug(&hall.parse().unwrap()).await.unwrap().unwrap();
    let change = AccessChange { building: Some(Some(building.id.clone())), ..AccessChange::default() };
    world.catalogue.change_broadcaster_access(&hall.id, change).await.unwrap();
    let person = world.person("paul", Role::Operator).await;
    let buildings = Buildings::Only(BTreeSet::from([building.id.to_string()]));
    let change = PersonChange { buildings: Some(buildings), ..PersonChange::default() };
    world.catalogue.change_person(&person.id, change, now()).await.unwrap();
    (world.browser_of(&person).await, building.id)
}

fn on_air(viewers: u64, health: Vec<Finding>) -> Status {
    Status { state: State::OnAir, started_at: Some(now()), viewers, health, ..Status::starting() }
}

#[tokio::test]
async fn the_wall_shows_an_operator_what_is_in_their_buildings_and_others_nothing() {
    let world = World::new().await;
    world.hall("north").await;
    world.hall("south").await;
    let finding = Finding { level: Level::Error, code: "starved", message: "Only 40 %.".into() };
    world.lives.show("north", on_air(12, vec![finding]));
    let (mut paul, _) = limited(&world, "north").await;
    let wall = paul.get("/operate").await;
    assert_eq!(wall.status, 200);
    assert!(wall.text.contains("data-slug=\"north\" data-state=\"on_air\" data-level=\"error\""), "{}", wall.text);
    assert!(wall.text.contains("Too little arrives") && wall.text.contains("<dd data-f=\"viewers\">12</dd>"));
    assert!(!wall.text.contains("data-slug=\"south\""), "another building's");
    assert_eq!(paul.get("/operate/south").await.status, 403, "public, but not theirs to operate");
    assert!(operator(&world).await.get("/operate").await.text.contains("data-slug=\"south\""));
    let viewer = world.person("eve", Role::Contributor).await;
    assert_eq!(world.browser_of(&viewer).await.get("/operate").await.status, 403);
    assert_eq!(world.browser().get("/operate").await.status, 401);
}

/// The next message of a stream: event and JSON.
async fn next(body: &mut Body) -> (String, serde_json::Value) {
    loop {
        let frame =
            tokio::time::timeout(Duration::from_secs(30), body.frame()).await.expect("in time").unwrap().unwrap();
        let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        if let Some((event, data)) = text.strip_prefix("event: ").and_then(|rest| rest.split_once("\ndata: ")) {
            return (event.to_owned(), serde_json::from_str(data.trim_end()).unwrap());
        }
    }
}

#[tokio::test]
async fn the_stream_begins_with_all_and_goes_on_with_what_has_changed() {
    let world = World::new().await;
    world.hall("north").await;
    world.hall("south").await;
    world.lives.show("north", on_air(1, Vec::new()));
    let (paul, _) = limited(&world, "north").await;
    let cookie = paul.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let request = Request::get("/operate/_/events").header("cookie", cookie).body(Body::empty()).unwrap();
    let mut body = world.open(request).await.into_body();
    let (event, tiles) = next(&mut body).await;
    assert_eq!((event.as_str(), tiles.as_array().unwrap().len()), ("all", 1), "{tiles}");
    assert_eq!((tiles[0]["slug"].as_str(), tiles[0]["level"].as_str()), (Some("north"), Some("ok")));
    world.lives.show("south", on_air(9, Vec::new()));
    let finding = Finding { level: Level::Error, code: "silent", message: "Nothing.".into() };
    world.lives.show("north", on_air(1, vec![finding]));
    let (event, tiles) = next(&mut body).await;
    let bad = serde_json::json!([{"slug": "north", "level": "error", "alerts": [["error", "silent"]]}]);
    assert_eq!((event.as_str(), tiles), ("some", bad));
    world.lives.show("north", on_air(1, Vec::new()));
    let good = serde_json::json!([{"slug": "north", "level": "ok", "alerts": []}]);
    assert_eq!(next(&mut body).await, ("some".to_owned(), good));
}

#[tokio::test]
async fn a_key_is_shown_once_and_can_be_replaced_and_revoked() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let mut marie = operator(&world).await;
    assert!(marie.get("/operate/hall").await.text.contains("It has no key"));
    let made = marie.post("/operate/hall/keys/add", "label=Extron").await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    let key = made.text.split("hall?key=").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let opens = async |key: &str| {
        let key = StreamKey::new(key.to_owned());
        world.catalogue.find_by_key(Some("hall"), &key, now()).await.unwrap().is_some()
    };
    assert!(opens(&key).await);
    let again = marie.get("/operate/hall").await.text;
    assert!(again.contains("Extron") && !again.contains(&key), "never again");
    let rotated = marie.post("/operate/hall/keys/rotate", "label=OBS").await.text;
    let second = rotated.split("hall?key=").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(!opens(&key).await && opens(&second).await);
    let id = world.catalogue.keys(&hall.id).await.unwrap().into_iter().find(|k| k.revoked_at.is_none()).unwrap().id;
    assert_eq!(marie.post("/operate/hall/keys/revoke", &format!("key={id}")).await.status, 303);
    assert!(!opens(&second).await);
    let acts: Vec<_> = world.catalogue.audit_log(10).await.unwrap().into_iter().map(|entry| entry.act).collect();
    assert!(["key.create", "key.rotate", "key.revoke"].iter().all(|act| acts.iter().any(|a| a == act)), "{acts:?}");
    assert!(!format!("{:?}", world.catalogue.audit_log(10).await.unwrap()).contains(&second), "no secret is noted");
}

#[tokio::test]
async fn broadcasters_and_buildings_are_added_and_changed_by_form() {
    let world = World::new().await;
    let mut marie = operator(&world).await;
    assert_eq!(marie.get("/operate/_/new").await.status, 200);
    assert_eq!(marie.post("/operate/_/buildings", "title=North").await.status, 303);
    let building = world.catalogue.buildings().await.unwrap().remove(0);
    let added = marie.post("/operate/_/new", &format!("title=Amphi+3&slug=&building={}", building.id)).await;
    assert_eq!((added.status, added.header("location")), (303, "/operate/amphi-3"));
    let taken = marie.post("/operate/_/new", "title=Amphi+3&slug=&building=").await;
    assert_eq!(taken.status, 409);
    let fields = "title=Amphi+trois&preset=slides&captions=own&languages=fr+en-GB&grace_s=90&record_start=by_hand";
    assert_eq!(marie.post("/operate/amphi-3/settings", fields).await.status, 303);
    let hall = world.catalogue.broadcaster_by_slug(&"amphi-3".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((hall.title.as_str(), hall.preset.as_deref()), ("Amphi trois", Some("slides")));
    assert_eq!(hall.grace, Some(Duration::from_secs(90)));
    assert!(!hall.is_recorded());
    assert_eq!(hall.captions.languages.unwrap().len(), 2);
    let source = "rtsp_url=rtsp%3A%2F%2Fu%3Ahunter2%40cam%2F1&rtsp_transport=udp";
    assert_eq!(marie.post("/operate/amphi-3/contribution", source).await.status, 303);
    let page = marie.get("/operate/amphi-3").await.text;
    assert!(page.contains("value=\"rtsp://cam/1\"") && !page.contains("hunter2"), "{page}");
    // As the page shows it, it stays as it is.
    let shown = "rtsp_url=rtsp%3A%2F%2Fcam%2F1&rtsp_transport=tcp";
    assert_eq!(marie.post("/operate/amphi-3/contribution", shown).await.status, 303);
    let pulled = world.catalogue.broadcaster(&hall.id).await.unwrap().unwrap();
    assert_eq!(pulled.rtsp_url.unwrap().reveal().as_str(), "rtsp://u:hunter2@cam/1");
    assert_eq!(pulled.rtsp_transport.name(), "tcp");
    let wrong = marie.post("/operate/amphi-3/contribution", "rtsp_url=http%3A%2F%2Fcam&rtsp_transport=tcp").await;
    assert!(wrong.status == 422 && wrong.text.contains("Only rtsp:// addresses can be pulled."), "{}", wrong.text);
    assert_eq!(marie.post("/operate/amphi-3/contribution", "rtsp_url=&rtsp_transport=tcp").await.status, 303);
    let names = "vocabulary=Universit%C3%A9+de+Lille%0D%0Abig+blue+button+%3D+BigBlueButton%0D%0A&exclusive=yes";
    assert_eq!(marie.post("/operate/amphi-3/names", names).await.status, 303);
    let heard = world.catalogue.broadcaster(&hall.id).await.unwrap().unwrap();
    assert_eq!(heard.captions.vocabulary.lines(), ["Université de Lille", "big blue button = BigBlueButton"]);
    assert!(heard.captions.exclusive && heard.rtsp_url.is_none());
    let wrong = marie.post("/operate/amphi-3/names", "vocabulary=Lille%0A%3D").await;
    assert!(wrong.status == 422 && wrong.text.contains("Line 2 ("), "the line is named: {}", wrong.text);
    let wrong = "title=x&preset=none&captions=own&languages=&grace_s=&record_start=automatic";
    assert_eq!(marie.post("/operate/amphi-3/settings", wrong).await.status, 422);
    assert_eq!(marie.post("/operate/amphi-3/rights", "visibility=draft").await.status, 303);
    assert_eq!(marie.post("/operate/amphi-3/building", "building=").await.status, 303);
    let (_, standing) = world.catalogue.broadcaster_state(&hall.slug).await.unwrap().unwrap();
    assert_eq!((standing.visibility.name(), standing.building), ("draft", None));
}

#[tokio::test]
async fn where_a_tool_stands_is_chosen_by_form_and_stays_where_it_is_not_said() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let mut marie = operator(&world).await;
    let form = |more: &str| {
        format!("description=&speakers=&licence=&recordings=kept&owner=&tool_url=https%3A%2F%2Fchat.example%2F{more}")
    };
    let shown = marie.get("/operate/hall").await.text;
    assert!(shown.contains("<select id=\"tool_place\"") && !shown.contains("value=\"below\" selected"), "{shown}");
    assert_eq!(marie.post("/operate/hall/about", &form("&tool_place=below")).await.status, 303);
    assert!(marie.get("/operate/hall").await.text.contains("value=\"below\" selected"));
    for (more, status) in [("", 303), ("&tool_place=above", 422)] {
        assert_eq!(marie.post("/operate/hall/about", &form(more)).await.status, status, "{more}");
        let details = world.catalogue.broadcaster_details(&hall.id).await.unwrap().unwrap();
        assert_eq!(details.tool_place, ToolPlace::Below, "{more}");
    }
    assert!(world.browser().get("/live/hall").await.text.contains("class=\"beside-live below\""));
    assert_eq!(marie.post("/operate/hall/about", &form("&tool_place=beside")).await.status, 303);
    assert!(!world.browser().get("/live/hall").await.text.contains("class=\"beside-live below\""));
}

#[tokio::test]
async fn speakers_and_licence_are_set_and_cleared_by_form_and_the_live_shows_them() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let before = world.video(&hall, "Before").await;
    let mut marie = operator(&world).await;
    let form = |speakers: &str, licence: &str| {
        let fields = [("description", "*Ici*"), ("tool_url", ""), ("recordings", "kept"), ("owner", "")];
        let credits = [("speakers", speakers), ("licence", licence)];
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).extend_pairs(credits).finish()
    };
    let live = async || world.browser().get("/live/hall").await.text;
    let nothing = live().await;
    assert!(!nothing.contains("class=\"speakers\"") && !nothing.contains("<span>Licence:</span>"), "{nothing}");
    let speakers = "Émilie <Dupont>\r\n\r\n Jo \r\n";
    assert!(marie.get("/operate/hall").await.text.contains("name=\"speakers\""));
    assert_eq!(marie.post("/operate/hall/about", &form(speakers, "CC-BY-4.0")).await.status, 303);
    assert_eq!(world.catalogue.audit_log(1).await.unwrap()[0].act, "broadcaster.change");
    let shown = marie.get("/operate/hall").await.text;
    assert!(
        shown.contains("&#62;\nJo</textarea>") && shown.contains("name=\"licence\" value=\"CC-BY-4.0\""),
        "{shown}"
    );
    let said = "<p class=\"speakers\"><span class=\"soft\">With</span> <span>Émilie &#60;Dupont&#62;</span>, <span>Jo</span></p>\n\
                <div class=\"description\"><p><em>Ici</em></p>";
    let licence = "<a rel=\"license noopener\" href=\"https://creativecommons.org/licenses/by/4.0/\">CC BY 4.0</a></p>";
    let page = live().await;
    assert!(page.contains(said) && page.contains(licence), "{page}");

    // What is recorded from now on has them, on its own page.
    let after = world.video(&hall, "After").await;
    for (video, has) in [(&before, false), (&after, true)] {
        world.show_video_to(video, Visibility::Public).await;
        let page = world.browser().get(&video.page_url()).await.text;
        assert_eq!((page.contains("&#60;Dupont&#62;"), page.contains(licence)), (has, has), "{page}");
    }
    let thirty_one = "x\n".repeat(31);
    for (speakers, licence, why) in [(thirty_one.as_str(), "", "30 speakers"), ("Eve", "CC BY", "such as CC-BY-4.0")] {
        let refused = marie.post("/operate/hall/about", &form(speakers, licence)).await;
        assert!(refused.status == 422 && refused.text.contains(why), "{}", refused.text);
    }
    assert!(live().await.contains(said), "nothing has changed");
    // As much as may be written, each letter as long as it gets.
    let most = vec!["𝄞".repeat(200); 30].join("\n");
    let long = form(&most, "").replacen("*Ici*", &"%F0%9D%84%9E".repeat(10_000), 1);
    assert_eq!(marie.post("/operate/hall/about", &long).await.status, 303);
    assert_eq!(marie.post("/operate/hall/about", &form("", "")).await.status, 303);
    let cleared = live().await;
    assert!(!cleared.contains("class=\"speakers\"") && !cleared.contains("CC BY"), "{cleared}");
    assert!(world.browser().get(&after.page_url()).await.text.contains("&#60;Dupont&#62;"), "it keeps them");
    let viewer = world.person("eve", Role::Contributor).await;
    let mut eve = world.browser_of(&viewer).await;
    assert_eq!(eve.get("/account").await.status, 200);
    assert_eq!(eve.post("/operate/hall/about", &form("Eve", "")).await.status, 403);
    assert!(!live().await.contains("class=\"speakers\""));
}

#[tokio::test]
async fn recording_is_stopped_where_it_goes_on_and_started_where_it_does_not() {
    let world = World::new().await;
    world.hall("hall").await;
    let mut marie = operator(&world).await;
    let hidden = |text: &str, act: &str| {
        let form = text.split(&format!("data-record=\"{act}\"")).nth(1).expect("a form for each");
        form.starts_with(" hidden")
    };
    for recorded in [true, false] {
        world.lives.show("hall", Status { recorded, ..on_air(1, Vec::new()) });
        let page = marie.get("/operate/hall").await.text;
        assert_eq!((hidden(&page, "stop"), hidden(&page, "start")), (!recorded, recorded));
        assert_eq!(page.contains("<span class=\"badge\" data-recorded>"), recorded);
    }
    // Nobody makes this live.
    assert_eq!(marie.post("/operate/hall/recording", "recording=stop").await.status, 409);
    let viewer = world.person("eve", Role::Contributor).await;
    assert_eq!(world.browser_of(&viewer).await.post("/operate/hall/recording", "recording=stop").await.status, 403);
}

#[tokio::test]
async fn who_is_limited_to_a_building_moves_nothing_out_of_it_and_adds_none() {
    let world = World::new().await;
    world.hall("north").await;
    let (mut paul, building) = limited(&world, "north").await;
    let other = world.catalogue.add_building("South", now()).await.unwrap();
    let page = paul.get("/operate/_/new").await;
    assert!(page.text.contains("You operate in some buildings only"));
    for to in ["", other.id.as_str()] {
        let moved = paul.post("/operate/north/building", &format!("building={to}")).await;
        assert_eq!(moved.status, 404, "{to}");
    }
    assert_eq!(paul.post("/operate/_/new", "title=x&slug=&building=").await.status, 403);
    assert_eq!(paul.post("/operate/north/building", &format!("building={building}")).await.status, 303);
    assert_eq!(paul.post("/operate/north/rights", "visibility=draft").await.status, 303);
}

#[tokio::test]
async fn the_log_is_for_administrators_and_jobs_for_operators() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    world.video(&hall, "Algebra").await;
    let mut marie = operator(&world).await;
    let jobs = marie.get("/operate/_/jobs").await;
    assert!(jobs.text.contains("Algebra") && jobs.text.contains("poster and previews"), "{}", jobs.text);
    let id =
        world.catalogue.jobs(crate::catalogue::job::JobFilter { state: None, limit: 1 }).await.unwrap().remove(0).id;
    assert_eq!(marie.post(&format!("/operate/_/jobs/{id}/cancel"), "x=1").await.status, 303);
    assert!(marie.get("/operate/_/jobs").await.text.contains(">cancelled"));
    assert_eq!(marie.get("/operate/_/log").await.status, 403);
    let chief = world.person("chief", Role::Administrator).await;
    let log = world.browser_of(&chief).await.get("/operate/_/log").await;
    assert!(log.status == 200 && log.text.contains("job.change") && log.text.contains("marie"), "{}", log.text);
}

#[tokio::test]
async fn the_machine_says_how_long_its_disk_lasts_and_shows_an_operator_their_engines() {
    let world = World::new().await;
    world.hall("north").await;
    world.hall("south").await;
    let rendition = Rendition { name: "source".into(), codec: "avc1".into(), size: None, bitrate_bps: 4_000_000 };
    let renditions = vec![rendition];
    let shown = Status { renditions, encoder: Some("x264"), engine_speed: Some(1.5), ..on_air(0, Vec::new()) };
    std::fs::create_dir_all(world.layout.media()).unwrap();
    world.lives.show("south", shown.clone());
    world.lives.show("north", shown);
    let (mut paul, _) = limited(&world, "north").await;
    let page = paul.get("/operate/_/machine").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.text;
    assert!(page.contains("<dd>8000</dd>") && page.contains("At this rate it is full in"), "{page}");
    assert!(page.contains("Captions are turned off") && page.contains("None is installed"), "{page}");
    assert!(page.contains(">x264</td><td>150</td>") && page.contains("/operate/north"), "{page}");
    assert!(!page.contains("south"), "another building's: {page}");
    assert_eq!(world.browser().get("/operate/_/machine").await.status, 401);

    // The page follows: what it shows, once, and then what has changed.
    let cookie = paul.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let request = Request::get("/operate/_/machine/events").header("cookie", cookie).body(Body::empty()).unwrap();
    let response = world.open(request).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let (event, told) = next(&mut body).await;
    let (disk, engines) = (&told[0]["disk"], &told[0]["engines"]);
    assert_eq!((event.as_str(), disk["figures"][3].as_u64()), ("all", Some(8_000)), "{told}");
    assert!(disk["lasts"].as_str().unwrap().starts_with("At this rate it is full in"), "{told}");
    let engine =
        serde_json::json!([{ "slug": "north", "title": "Hall north", "encoder": "x264", "speed": 150, "lag": null }]);
    assert_eq!(*engines, engine, "another building's is not told");
    world.lives.show("south", Status { state: State::Ended, renditions: Vec::new(), ..on_air(0, Vec::new()) });
    world.lives.show("north", Status { state: State::Ended, renditions: Vec::new(), ..on_air(0, Vec::new()) });
    let (_, told) = next(&mut body).await;
    assert_eq!(
        (told[0]["engines"].as_array().map(Vec::len), told[0]["disk"]["figures"][3].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(world.browser().get("/operate/_/machine/events").await.status, 401);
}
