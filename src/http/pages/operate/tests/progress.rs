//! Jobs as their page has them, and as it follows them.

use super::{limited, next, operator};
use crate::catalogue::id::JobId;
use crate::catalogue::job::{JobFilter, JobKind};
use crate::catalogue::lease::Owner;
use crate::http::support::{Browser, World, now, pass};
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

async fn newest(world: &World) -> JobId {
    world.catalogue.jobs(JobFilter { state: None, limit: 1 }).await.unwrap().remove(0).id
}

async fn follow(world: &World, browser: &Browser<'_>) -> Body {
    let cookie = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let request = Request::get("/operate/_/jobs/events").header("cookie", cookie).body(Body::empty()).unwrap();
    let response = world.open(request).await;
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// The job of a message that is so; no message names one of another building.
async fn told_of(body: &mut Body, is: impl Fn(&Value) -> bool) -> Value {
    loop {
        let (_, jobs) = next(body).await;
        assert!(!jobs.to_string().contains("Elsewhere"), "{jobs}");
        if let Some(job) = jobs.as_array().unwrap().iter().find(|job| is(job)) {
            return job.clone();
        }
    }
}

#[tokio::test]
async fn a_job_that_failed_is_tried_again_by_the_pages_form() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    world.video(&hall, "Algebra").await;
    let id = newest(&world).await;
    let mut marie = operator(&world).await;
    pass(60);
    let me = Owner::random().unwrap();
    let begun = world.catalogue.claim_job(JobKind::ALL, &me, now(), now()).await.unwrap().unwrap();
    assert_eq!(begun.id, id);
    world.catalogue.fail_job(&id, &me, "no picture in <it>", None, now()).await.unwrap();
    let hidden =
        |page: &str, act: &str| page.split(&format!("data-act=\"{act}\"")).nth(1).unwrap().starts_with(" hidden");
    let page = marie.get("/operate/_/jobs").await.text;
    assert!(page.contains(">failed</span>") && page.contains("no picture in &#60;it&#62;"), "{page}");
    assert_eq!((hidden(&page, "retry"), hidden(&page, "cancel")), (false, true));
    let retry = format!("/operate/_/jobs/{id}/retry");
    let done = marie.post(&retry, "x=1").await;
    assert_eq!((done.status, done.header("location")), (303, "/operate/_/jobs"));
    let page = marie.get("/operate/_/jobs").await.text;
    assert!(page.contains(">waits</span>") && !page.contains("no picture in"), "{page}");
    assert_eq!((hidden(&page, "retry"), hidden(&page, "cancel")), (true, false));
    assert_eq!(world.catalogue.audit_log(1).await.unwrap()[0].act, "job.change");
    assert!(world.catalogue.claim_job(JobKind::ALL, &me, now().plus_micros(1), now()).await.unwrap().is_some());
    let running = marie.post(&retry, "x=1").await;
    assert!(running.status == 409 && running.text.contains("This can’t be done now"), "{}", running.text);
    world.hall("south").await;
    let (mut paul, _) = limited(&world, "south").await;
    assert_eq!(paul.get("/operate/_/jobs").await.status, 200);
    assert_eq!(paul.post(&retry, "x=1").await.status, 403, "another building's");
}

#[tokio::test]
async fn the_page_of_the_jobs_is_told_how_far_they_are() {
    let world = World::new().await;
    let (north, south) = (world.hall("north").await, world.hall("south").await);
    world.video(&north, "Algebra").await;
    let id = newest(&world).await;
    pass(60);
    let (paul, _) = limited(&world, "north").await;
    let mut body = follow(&world, &paul).await;
    let (event, jobs) = next(&mut body).await;
    assert_eq!((event.as_str(), jobs.as_array().unwrap().len()), ("all", 1), "{jobs}");
    let job = &jobs[0];
    let said = ["id", "kind", "title", "state"].map(|name| job[name].as_str().unwrap());
    assert_eq!(said, [id.as_str(), "storyboard", "Algebra", "queued"]);
    assert_eq!((job["percent"].as_u64(), job["error"].is_null()), (Some(0), true));

    let (me, later) = (Owner::random().unwrap(), now().plus_micros(60_000_000));
    // What goes on elsewhere is told to nobody here.
    world.video(&south, "Elsewhere").await;
    world.catalogue.claim_job(JobKind::ALL, &me, later, now()).await.unwrap().unwrap();
    world.catalogue.renew_job(&id, &me, later, 420).await.unwrap();
    let told = told_of(&mut body, |job| job["percent"] == 42).await;
    assert_eq!((told["id"].as_str(), told["state"].as_str()), (Some(id.as_str()), Some("running")));
    world.catalogue.finish_job(&id, &me, now()).await.unwrap();
    let told = told_of(&mut body, |job| job["state"] == "done").await;
    assert_eq!(told["id"].as_str(), Some(id.as_str()));
    world.video(&north, "Topology").await;
    assert_eq!(told_of(&mut body, |job| job["title"] == "Topology").await["state"], "queued");

    assert_eq!(world.browser().get("/operate/_/jobs/events").await.status, 401);
    let page = operator(&world).await.get("/operate/_/jobs").await.text;
    assert!(page.contains("data-events=\"/operate/_/jobs/events\"") && page.contains("Elsewhere"), "{page}");
}
