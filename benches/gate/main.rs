//! What the gate costs a request for a segment: of a live that everybody may watch, of one that needs a pass, and where the pass is wrong.

use amphi::catalogue::Catalogue;
use amphi::catalogue::access::AccessChange;
use amphi::catalogue::broadcaster::NewBroadcaster;
use amphi::catalogue::identity::NewPerson;
use amphi::catalogue::secret::PasswordHash;
use amphi::clock;
use amphi::http::assets::Assets;
use amphi::http::gate::{AtOnce, Gate, Settings};
use amphi::http::state::Clock;
use amphi::policy::state::Visibility;
use amphi::policy::who::Role;
use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Request};
use axum::routing::get;
use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

const GOAL: Duration = Duration::from_micros(5);
const ROUNDS: u32 = 200_000;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(measure())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<bool, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("catalogue.sqlite");
    let catalogue = Catalogue::open(&path.to_string_lossy()).await?;
    catalogue.migrate().await?;
    for (slug, visibility) in [("open", Visibility::Public), ("members", Visibility::SignedIn)] {
        let hall = catalogue.add_broadcaster(NewBroadcaster::new(slug.parse()?, slug), clock::now()).await?;
        let change = AccessChange { visibility: Some(visibility), ..AccessChange::default() };
        catalogue.change_broadcaster_access(&hall.id, change).await?;
    }
    let believed_for = Duration::from_secs(3_600);
    let gate =
        Gate::believing(catalogue.clone(), Clock(clock::now), Assets::embedded(), Settings::default(), believed_for);
    gate.take_keys().await?;
    let new = NewPerson::new("marie", Role::Viewer);
    let marie = catalogue.add_person(new, &PasswordHash::of_nobody(), clock::now()).await?;
    let (_, token) = catalogue.begin_session(&marie.id, "", clock::now()).await?;
    let session = format!("amphi={}", token.reveal());
    // What is known of both lives is looked up now, as the first viewer makes it be.
    let router = gate.guard(Router::new().route("/live/{slug}/pass", get(async || ())));
    let mut pass = None;
    for slug in ["open", "members"] {
        let request = Request::get(format!("/live/{slug}/pass")).header(COOKIE, session.as_str());
        let answer = router.clone().oneshot(request.body(Body::empty())?).await?;
        let set = answer.headers().get(SET_COOKIE).and_then(|line| line.to_str().ok()?.split(';').next());
        pass = set.and_then(|pair| pair.strip_prefix("amphi-pass=")).map(str::to_owned);
    }
    let pass = pass.ok_or("no pass")?;
    let wrong: String = pass.chars().rev().collect();
    let mut good = true;
    for (what, slug, pass, expected) in [
        ("for everybody", "open", None, AtOnce::Open),
        ("with a pass", "members", Some(pass), AtOnce::Passed),
        ("with a wrong pass", "members", Some(wrong), AtOnce::Ask),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(pass) = pass {
            headers.insert(COOKIE, HeaderValue::from_str(&format!("{session}; amphi-pass={pass}"))?);
        }
        let said = gate.at_once(slug, &headers);
        let began = Instant::now();
        for _ in 0..ROUNDS {
            // A pass that ends meanwhile is looked at all the same.
            black_box(gate.at_once(black_box(slug), black_box(&headers)));
        }
        let each = began.elapsed() / ROUNDS;
        let met = each <= GOAL && said == expected;
        println!("{what}: {each:?} a request; goal <= {GOAL:?}: {}", if met { "met" } else { "MISSED" });
        good &= met;
    }
    Ok(good)
}
