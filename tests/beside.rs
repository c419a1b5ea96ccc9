//! Pages of other sites beside a live, in Chromium: sites of the setting are shown, may lead to each other and nowhere else, and the one that was
//! chosen may use camera and microphone.

use crate::browser::wait_within;
use crate::support::peers::Peer;
use crate::support::server::{Options, Server};
use crate::support::stream::{amphi, token, write};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// For one page, on a machine that also compiles.
const STEP: Duration = Duration::from_secs(60);

/// What stands beside the live of each broadcaster.
const BESIDE: [(&str, &str); 4] = [
    ("own", "https://chat.example/room"),
    ("led-on", "https://chat.example/to?site=https://bbb.meet.example/room"),
    ("led-astray", "https://chat.example/to?site=https://elsewhere.example/room"),
    ("not-listed", "https://elsewhere.example/room"),
];

#[test]
fn browser_shows_tools_of_listed_sites_follows_them_among_these_and_refuses_all_others() {
    let listed = r#"["https://chat.example", "https://*.meet.example"]"#;
    let server = Server::start(Options::with(&[("AMPHI_HTTP__TOOLS", listed)]));
    let token = token(&server);
    for (slug, url) in BESIDE {
        amphi(&server, &["broadcaster", "add", slug]);
        let body = json!({ "tool_url": url }).to_string();
        let answer = write(&server, "PATCH", &format!("/api/v1/broadcasters/{slug}/page"), &token, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let made = rcgen::generate_simple_self_signed(vec!["chat.example".into()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut node = Command::new("node");
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/peers/tool.mjs"));
    node.arg(format!("http://{}", server.http())).args([&certificate, &key]).args(BESIDE.map(|(slug, _)| slug));
    let mut viewer = Peer::spawn("node", &mut node);
    let seen = BESIDE.map(|(slug, _)| wait_within(STEP, &viewer, slug, 1));
    assert!(viewer.finish(STEP).success(), "{}", viewer.log());
    let [own, led_on, led_astray, not_listed] = &seen;

    assert_eq!((&own["at"], &own["ran"]), (&json!("chat.example"), &json!("chat.example")), "{own}");
    assert_eq!((&own["devices"], &own["screen"]), (&json!(2), &json!(true)), "{own}");
    assert_eq!(led_on["ran"], "bbb.meet.example", "{led_on}");
    assert_eq!((&led_on["devices"], &led_on["screen"]), (&json!("NotAllowedError"), &json!(false)), "{led_on}");
    for good in [own, led_on] {
        assert_eq!(good["refused"], json!([]), "{good}");
    }

    let refused: Vec<&Value> = led_astray["refused"].as_array().unwrap().iter().collect();
    assert!(refused.len() == 1 && refused[0].as_str().unwrap().starts_with("frame-src "), "{led_astray}");
    assert_eq!(led_astray["asked"], json!(["chat.example"]), "the other one was not even asked: {led_astray}");
    assert_eq!((&not_listed["framed"], &not_listed["asked"]), (&json!(false), &json!([])), "{not_listed}");
}
