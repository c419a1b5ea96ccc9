//! A restart takes nothing away from anybody: sessions, passwords that were typed and links that were opened go on; what was taken away
//! stays away.

use super::{Browser, CUT, add, recording};
use crate::support::peers::wait_until;
use crate::support::stream::{Clip, SOON, amphi, token, url, wait_videos, write};

/// Opens the page and its playlist.
fn sees(browser: &mut Browser, id: &str) -> (u16, u16) {
    let mut page = browser.get(&format!("/videos/{id}"));
    if page.status == 307 {
        // To the address with the title.
        page = browser.get(page.header("location").unwrap());
    }
    (page.status, browser.get(&format!("/videos/{id}/master.m3u8")).status)
}

#[test]
fn a_server_that_was_killed_knows_everybody_again() {
    let mut server = recording(&[]);
    let clip = Clip::new("320x180", 6);
    let mut videos = Vec::new();
    for count in 1..=2 {
        clip.push(&url(&server, "demo", "demo")).finish(SOON);
        videos = wait_videos(&server, "demo", count);
    }
    let (secret, draft) = (videos[0]["id"].as_str().unwrap(), videos[1]["id"].as_str().unwrap());
    let token = token(&server);
    let set = |id: &str, body: &str| {
        let answer = write(&server, "PATCH", &format!("/api/v1/videos/{id}/access"), &token, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    set(secret, r#"{"visibility":"password","password":"open sesame"}"#);
    set(draft, r#"{"visibility":"draft"}"#);
    let links = format!("/api/v1/videos/{draft}/links");
    let link = |label: &str| {
        let made = write(&server, "POST", &links, &token, &format!(r#"{{"label":"{label}","days":1}}"#)).json();
        (made["id"].as_str().unwrap().to_owned(), made["url"].as_str().unwrap().to_owned())
    };
    let ((_, good), (revoked, bad)) = (link("jury"), link("gone"));

    let mut stranger = Browser::new(&server);
    let (mut typed, mut jury, mut gone) = (stranger.clone(), stranger.clone(), stranger.clone());
    let page = format!("/videos/{secret}");
    let (here, form) = (typed.get(&page), format!("{page}/password"));
    assert_eq!(here.status, 401, "{}", here.text());
    assert_eq!(typed.fill(&page, &form, "password=not+this+one").status, 401);
    assert_eq!(typed.fill(&page, &form, "password=open+sesame").status, 303);
    assert_eq!((jury.get(&good).status, gone.get(&bad).status), (303, 303));
    let (marie, paul) = (add(&server, "marie", "viewer"), add(&server, "paul", "viewer"));
    let (mut marie, mut paul) = (Browser::sign_in(&server, "marie", &marie), Browser::sign_in(&server, "paul", &paul));
    assert_eq!((marie.get("/account").status, paul.get("/account").status), (200, 200));
    assert_eq!(sees(&mut gone, draft), (200, 200));
    assert_eq!(write(&server, "DELETE", &format!("{links}/{revoked}"), &token, "").status, 204);
    amphi(&server, &["user", "change", "paul", "--disable"]);

    server.kill_9();
    server.restart();
    assert_eq!(marie.get("/account").status, 200, "signed in before");
    assert_eq!(paul.get("/account").status, 401, "disabled before");
    assert_eq!(sees(&mut typed, secret), (200, 200), "the password was typed before");
    assert_eq!(sees(&mut jury, draft), (200, 200), "the link was opened before");
    // A pass to its media that was given before lives on for seconds.
    let shut = wait_until(CUT, || sees(&mut gone, draft) == (404, 404));
    assert!(shut, "the link was revoked before: {:?}", sees(&mut gone, draft));
    assert_eq!((sees(&mut stranger, secret), sees(&mut stranger, draft)), ((401, 401), (404, 404)));
    assert_eq!(write(&server, "PATCH", &format!("/api/v1/videos/{draft}"), &token, r#"{"title":"x"}"#).status, 200);
}
