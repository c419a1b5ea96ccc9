//! A restart takes nothing away from anybody: sessions, passwords that were typed and links that were opened go on, what was written of a video
//! and what was cut of it is as it was left; what was taken away stays away.

use super::{Browser, CUT, add, recording};
use crate::support::http::{Ask, ask, get};
use crate::support::peers::wait_until;
use crate::support::server::Server;
use crate::support::stream::{Clip, SOON, amphi, token, url, wait_videos, write};
use serde_json::{Value, json};

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

/// SIGKILL the moment that something was answered, and the server that comes after it.
fn kill(server: &mut Server) {
    server.kill_9();
    server.restart();
}

fn video(server: &Server, id: &str) -> Value {
    let answer = get(server.http(), &format!("/api/v1/videos/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn listed(server: &Server, id: &str) -> Vec<String> {
    let list = get(server.http(), &format!("/videos/{id}/source/media.m3u8")).text();
    list.lines().filter(|line| line.ends_with(".m4s")).map(str::to_owned).collect()
}

#[test]
fn what_was_edited_the_moment_before_a_kill_is_there_after_it() {
    let mut server = recording(&[]);
    let clip = Clip::new("320x180", 12);
    clip.push(&url(&server, "demo", "demo")).finish(SOON);
    let id = wait_videos(&server, "demo", 1)[0]["id"].as_str().unwrap().to_owned();
    let whole = listed(&server, &id);
    let token = token(&server);
    let marie = add(&server, "marie", "contributor");
    amphi(&server, &["video", "access", &id, "--owner", "marie"]);
    let mut marie = Browser::sign_in(&server, "marie", &marie);

    // The owner's form: what is said of it, its chapters and its cut.
    let fields = [
        ("title", "Séries de Fourier"),
        ("description", "*Un*"),
        ("speakers", "Émilie\nJo"),
        ("tags", "algèbre, fourier"),
        ("kind", "lecture"),
        ("language", "fr"),
        ("licence", "CC-BY-4.0"),
        ("chapters", "0:00 Début\n0:06 Suite"),
        ("from", "0:05"),
        ("until", ""),
        ("poster", ""),
    ];
    let edit = format!("/videos/{id}/edit");
    assert!(wait_until(CUT, || marie.get(&edit).status == 200), "whose it is was said on the command line");
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let answer = marie.fill(&edit, &edit, &form);
    assert_eq!(answer.status, 303, "{}", answer.text());
    kill(&mut server);
    let edited = video(&server, &id);
    for (field, value) in [
        ("title", json!("Séries de Fourier")),
        ("description", json!("*Un*")),
        ("speakers", json!(["Émilie", "Jo"])),
        ("tags", json!(["algèbre", "fourier"])),
        ("language", json!("fr")),
        ("licence", json!("CC-BY-4.0")),
        ("chapters", json!([{"start_ms": 0, "title": "Début"}, {"start_ms": 6_000, "title": "Suite"}])),
    ] {
        assert_eq!(edited[field], value, "{field}: {edited}");
    }
    let shown = listed(&server, &id);
    assert!(!shown.is_empty() && shown.len() < whole.len() && whole.ends_with(&shown), "{shown:?} of {whole:?}");
    let first = format!("/videos/{id}/source/{}", whole[0]);
    assert_eq!(get(server.http(), &first).status, 404, "what was cut away");
    assert_eq!(marie.get(&edit).status, 200, "who edited is still signed in");

    // A program: captions, then another title, then all of it is shown again.
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/vtt")];
    let vtt = "WEBVTT\n\n00:00.500 --> 00:01.500\nBonjour à tous\n";
    let path = format!("/api/v1/videos/{id}");
    let captions = format!("{path}/captions/fr");
    let put = ask(server.http(), &captions, &Ask { method: "PUT", headers: &headers, body: vtt });
    assert!(put.status < 300, "{} {}", put.status, put.text());
    kill(&mut server);
    let said = get(server.http(), &format!("/videos/{id}/captions/fr.vtt"));
    assert!(said.text().contains("00:00:00.500 --> 00:00:01.500\nBonjour à tous"), "{} {}", said.status, said.text());

    assert_eq!(write(&server, "PATCH", &path, &token, r#"{"title":"Fourier","tags":[]}"#).status, 200);
    kill(&mut server);
    let again = video(&server, &id);
    assert_eq!(
        (&again["title"], &again["tags"], &again["speakers"]),
        (&json!("Fourier"), &json!([]), &edited["speakers"])
    );
    assert_eq!(listed(&server, &id), shown, "the cut of before");

    assert_eq!(write(&server, "PATCH", &format!("{path}/cut"), &token, r#"{"start_ms":null}"#).status, 200);
    kill(&mut server);
    assert_eq!(listed(&server, &id), whole, "nothing was lost");
}
