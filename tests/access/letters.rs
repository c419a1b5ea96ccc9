//! A forgotten password, from the form to the mail that a real mail server took, and from its link to being signed in again.

use super::{Browser, add, recording};
use crate::support::peers::{Peer, wait_until};
use crate::support::stream::{Clip, SOON, amphi, wait_videos};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// aiosmtpd, which prints each mail that it takes.
fn mail_server() -> (SocketAddr, Peer) {
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments =
        ["-u", "-m", "aiosmtpd", "-n", "-l", &at.to_string(), "-c", "aiosmtpd.handlers.Debugging", "stdout"];
    let peer = Peer::start("/usr/bin/python3", arguments);
    assert!(wait_until(SOON, || TcpStream::connect(at).is_ok()), "{}", peer.log());
    (at, peer)
}

#[test]
fn a_forgotten_password_is_replaced_by_what_comes_by_mail() {
    let (at, mut post) = mail_server();
    let server = recording(&[
        ("AMPHI_SMTP__URL", &format!("smtp://{at}")),
        ("AMPHI_SMTP__FROM", "Amphi <amphi@uni.example>"),
        ("AMPHI_HTTP__PUBLIC_URL", "http://tv.uni.example"),
    ]);
    let old = add(&server, "marie", "viewer");
    amphi(&server, &["user", "change", "marie", "--mail", "marie@uni.example", "--name", "Marie Curie-Skłodowska"]);
    let mut signed_in = Browser::sign_in(&server, "marie", &old);

    let mut browser = Browser::new(&server);
    let nobody = browser.fill("/forgotten", "/forgotten", "who=nobody%40uni.example");
    let asked = browser.fill("/forgotten", "/forgotten", "who=Marie%40uni.example");
    assert_eq!((asked.status, asked.text()), (200, nobody.text()), "nobody learns who has an account");
    post.wait_for("------------ END MESSAGE ------------", SOON);
    let log = post.log();
    // Quoted-printable, if it is: joined again.
    let mail = log.replace("=\n", "").replace("=3D", "=");
    assert!(mail.contains("To: marie@uni.example") && mail.contains("amphi@uni.example"), "{log}");
    assert_eq!(log.matches("MESSAGE FOLLOWS").count(), 1, "nobody else is written to: {log}");
    let at = mail.find("http://tv.uni.example/new-password?token=").unwrap_or_else(|| panic!("no link: {log}"));
    let link = mail[at..].split_whitespace().next().unwrap().strip_prefix("http://tv.uni.example").unwrap().to_owned();
    let token = link.split_once("token=").unwrap().1;
    assert!(!server.log().contains(token), "a link that can be used is in the log");

    let set = browser.fill(&link, "/new-password", "password=a+new+password");
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(signed_in.get("/account").status, 401, "whoever was signed in is not");
    assert_eq!(browser.get(&link).status, 410, "once");
    let refused = Browser::new(&server).fill("/sign-in", "/sign-in", &format!("login=marie&password={old}"));
    assert_eq!(refused.status, 401);
    let mut again = Browser::sign_in(&server, "marie", "a+new+password");
    assert!(again.get("/account").text().contains("Marie Curie-Skłodowska"));
}

#[test]
fn a_mail_server_that_is_gone_is_told_to_nobody_who_asks() {
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = recording(&[
        ("AMPHI_SMTP__URL", &format!("smtp://user:hunter2@{at}")),
        ("AMPHI_SMTP__FROM", "amphi@uni.example"),
        ("AMPHI_HTTP__PUBLIC_URL", "http://tv.uni.example"),
    ]);
    add(&server, "marie", "viewer");
    amphi(&server, &["user", "change", "marie", "--mail", "marie@uni.example"]);
    let asked = Browser::new(&server).fill("/forgotten", "/forgotten", "who=marie");
    assert_eq!(asked.status, 200, "{}", asked.text());
    let told = wait_until(SOON, || server.log().contains("a mail can't be sent"));
    assert!(told && !server.log().contains("hunter2"), "operators are told, without the password: {}", server.log());
    let failed =
        wait_until(SOON, || crate::support::http::metric(server.http(), "amphi_mails_total{result=\"failed\"}") >= 1.0);
    assert!(failed, "and it is counted");
}

#[test]
fn whoever_owns_a_recording_is_written_to_when_it_is_there_and_when_it_is_given_to_them() {
    let (at, mut post) = mail_server();
    let server = recording(&[
        ("AMPHI_SMTP__URL", &format!("smtp://{at}")),
        ("AMPHI_SMTP__FROM", "Amphi <amphi@uni.example>"),
        ("AMPHI_HTTP__PUBLIC_URL", "http://tv.uni.example"),
        ("AMPHI_JOBS__AT_ONCE", "1"),
    ]);
    for (login, role) in [("zoe", "contributor"), ("eve", "contributor")] {
        add(&server, login, role);
        amphi(&server, &["user", "change", login, "--mail", &format!("{login}@uni.example")]);
    }
    let password = add(&server, "ops", "operator");
    let mut ops = Browser::sign_in(&server, "ops", &password);
    let about =
        |rule: &str, owner: &str| format!("description=&speakers=&licence=&tool_url=&recordings={rule}&owner={owner}");
    let kept = ops.fill("/operate/demo", "/operate/demo/about", &about("kept", "zoe"));
    assert_eq!(kept.status, 303, "{}", kept.text());
    let clip = Clip::new("320x180", 4);
    let record = || {
        let mut encoder = clip.push(&format!("rtmp://{}/live/demo?key=demo", server.rtmp()));
        assert!(encoder.finish(SOON).success(), "{}", encoder.log());
    };
    record();
    post.wait_for("------------ END MESSAGE ------------", SOON);
    let first = wait_videos(&server, "demo", 1)[0]["id"].as_str().unwrap().to_owned();
    let mails = || post.log().replace("=\n", "").replace("=3D", "=");
    let told = mails();
    assert!(told.contains("To: zoe@uni.example"), "{told}");
    assert!(told.contains(&format!("http://tv.uni.example/videos/{first}/edit")), "{told}");
    assert_eq!(told.matches("MESSAGE FOLLOWS").count(), 1, "{told}");

    ops.fill("/operate/demo", "/operate/demo/about", &about("to_claim", ""));
    record();
    let second = wait_videos(&server, "demo", 2);
    let second = second.iter().map(|video| video["id"].as_str().unwrap()).find(|id| *id != first).unwrap().to_owned();
    let given = ops.fill("/recordings-to-claim", &format!("/videos/{second}/attribute"), "who=eve%40uni.example");
    assert_eq!(given.status, 303, "{}", given.text());
    assert!(wait_until(SOON, || mails().matches("MESSAGE FOLLOWS").count() == 2), "{}", mails());
    let told = mails();
    let told = &told[told.rfind("MESSAGE FOLLOWS").unwrap()..];
    assert!(told.contains("To: eve@uni.example") && told.contains(&format!("/videos/{second}/edit")), "{told}");
}

#[test]
fn operators_are_told_once_an_hour_that_recordings_wait_for_an_owner() {
    let (at, mut post) = mail_server();
    let server = recording(&[
        ("AMPHI_SMTP__URL", &format!("smtp://{at}")),
        ("AMPHI_SMTP__FROM", "Amphi <amphi@uni.example>"),
        ("AMPHI_HTTP__PUBLIC_URL", "http://tv.uni.example"),
        ("AMPHI_JOBS__AT_ONCE", "1"),
    ]);
    amphi(&server, &["building", "add", "Elsewhere"]);
    let mut passwords = Vec::new();
    for (login, role) in
        [("ops", "operator"), ("limited", "operator"), ("chief", "administrator"), ("eve", "contributor")]
    {
        passwords.push(add(&server, login, role));
        amphi(&server, &["user", "change", login, "--mail", &format!("{login}@uni.example")]);
    }
    amphi(&server, &["user", "change", "limited", "--building", "Elsewhere"]);
    let mut ops = Browser::sign_in(&server, "ops", &passwords[0]);
    let about = "description=&speakers=&licence=&tool_url=&recordings=to_claim&owner=";
    assert_eq!(ops.fill("/operate/demo", "/operate/demo/about", about).status, 303);
    let clip = Clip::new("320x180", 4);
    let record = || {
        let mut encoder = clip.push(&format!("rtmp://{}/live/demo?key=demo", server.rtmp()));
        assert!(encoder.finish(SOON).success(), "{}", encoder.log());
    };
    record();
    post.wait_for("------------ END MESSAGE ------------", SOON);
    let mails = || post.log().replace("=\n", "").replace("=3D", "=");
    let told = mails();
    assert!(told.contains("To: ops@uni.example"), "{told}");
    assert!(told.contains("http://tv.uni.example/recordings-to-claim"), "{told}");
    assert!(told.contains("Recordings to claim: 1") && told.contains("one recording waits for an owner"), "{told}");

    record();
    wait_videos(&server, "demo", 2);
    // Its mail waits for the hour to pass: it is put back, and nobody else is written to instead.
    let put_back = "its operators were written to within the hour";
    assert!(wait_until(SOON, || ops.get("/operate/_/jobs").text().contains(put_back)), "{}", server.log());
    let told = mails();
    assert_eq!(told.matches("MESSAGE FOLLOWS").count(), 1, "nobody but who may say whose it is, once: {told}");
    let page = ops.get("/recordings-to-claim").text();
    assert_eq!(page.matches("/attribute\"").count(), 2, "{page}");
}
