//! Pages of the whole site as files, for the browser tests that look at each of them (axe, reflow, both languages): those that need people, halls
//! and rights. With `AMPHI_WRITE_PAGES=1` this writes them into `web/tests/pages`, without it compares.

use crate::archive::transcript::tests::say;
use crate::catalogue::access::AccessChange;
use crate::catalogue::credits::CreditsChange;
use crate::catalogue::job::JobFilter;
use crate::catalogue::recordings::{BroadcasterDetailsChange, ToolPlace};
use crate::catalogue::secret::Password;
use crate::http::security::PERMISSIONS_POLICY;
use crate::http::support::{Browser, World, now, pass};
use crate::live::status::{Contribution, Finding, Level, State, Status, Video};
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use media::ingest::Protocol;
use std::path::Path;

/// The page in a language, with other words in place of what is random.
pub(super) async fn page(browser: &mut Browser<'_>, path: &str, language: &str, random: &[(String, &str)]) -> String {
    // An answer before it has set the cookie that forms repeat.
    browser.get(path).await;
    let mut text = browser.send("GET", path, &[("accept-language", language)], "").await.text;
    if let Some(word) = browser.cookies.get("amphi-form") {
        text = text.replace(word.as_str(), "form-word");
    }
    random.iter().fold(text, |text, (id, name)| text.replace(id.as_str(), name))
}

/// Who is heard in a hall, and what others may do with that.
fn credits() -> CreditsChange {
    let speakers = ["Émilie Dupont", "Jean-Baptiste Lefèvre"].map(str::to_owned).to_vec();
    CreditsChange { speakers: Some(speakers), licence: Some("CC-BY-SA-4.0".to_owned()) }
}

#[tokio::test]
async fn pages_that_are_looked_at_are_what_the_server_sends() {
    let world = World::new().await;
    let (hall, closed) = (world.hall("hall").await, world.hall("closed").await);
    let video = world.video(&hall, "Séries de Fourier").await;
    world.show_video_to(&video, Visibility::SignedIn).await;
    let beside = BroadcasterDetailsChange {
        description: Some("Amphithéâtre du **bâtiment M1**, cité scientifique.".to_owned()),
        credits: credits(),
        tool_url: Some(Some("https://chat.example/hall?layout=embedded".to_owned())),
        ..BroadcasterDetailsChange::default()
    };
    world.catalogue.change_broadcaster_details(&hall.id, beside).await.unwrap();
    let password = Some(Some(Password::shared("sesame".to_owned()).unwrap().hash().unwrap()));
    let change = AccessChange { visibility: Some(Visibility::Password), password, ..AccessChange::default() };
    world.catalogue.change_broadcaster_access(&closed.id, change).await.unwrap();
    let (marie, admin) = (world.person("marie", Role::Viewer).await, world.person("admin", Role::Administrator).await);

    let found = world.video(&hall, "Analyse 2 : séries de Fourier").await;
    world.show_video_to(&found, Visibility::Public).await;
    world.index().await;
    let mut anybody = world.browser();
    let mut signed_in = world.browser_of(&marie).await;
    let mut administrator = world.browser_of(&admin).await;
    let embedded = format!("/embed/videos/{}", video.id);
    let random = [(video.id.to_string(), "v1"), (found.id.to_string(), "v2"), (marie.id.to_string(), "p1")];
    for (language, asked) in [("fr", "fr-FR"), ("en", "en-GB")] {
        let mut pages = Vec::new();
        for (path, name) in [
            ("/sign-in", "sign-in"),
            ("/forgotten", "forgotten"),
            ("/accessibility", "accessibility"),
            ("/search?q=fourier", "search"),
            ("/live/hall", "live-tool"),
            ("/live/closed", "password"),
            (embedded.as_str(), "embed-refused"),
        ] {
            pages.push((name, page(&mut anybody, path, asked, &random).await));
        }
        pages.push(("account", page(&mut signed_in, "/account", asked, &random).await));
        pages.push(("site", page(&mut administrator, "/site", asked, &random).await));
        keep(language, pages);
    }
}

#[tokio::test]
async fn pages_of_who_works_here_are_what_the_server_sends() {
    let world = World::new().await;
    let (hall, _) = (world.hall("hall").await, world.hall("lab").await);
    let building = world.catalogue.add_building("Bâtiment M1", now()).await.unwrap();
    let inside = AccessChange { building: Some(Some(building.id.clone())), ..AccessChange::default() };
    world.catalogue.change_broadcaster_access(&hall.id, inside).await.unwrap();
    let said = BroadcasterDetailsChange { credits: credits(), ..BroadcasterDetailsChange::default() };
    world.catalogue.change_broadcaster_details(&hall.id, said).await.unwrap();
    let (key, _) = world.catalogue.add_key(&hall.id, "Extron SMP 351", now()).await.unwrap();
    let video = world.video(&hall, "Analyse 2 : séries de Fourier").await;
    let job = world.catalogue.jobs(JobFilter { state: None, limit: 1 }).await.unwrap().remove(0);
    pass(60);
    let chief = world.person("chief", Role::Administrator).await;
    let marie = world.person("marie", Role::Contributor).await;
    let group = world.catalogue.add_group("L2 mathématiques", now()).await.unwrap();
    for (minute, viewers) in [(0, 3), (1, 41), (2, 128)] {
        let at = now().plus_micros(minute * 60_000_000);
        world.catalogue.add_viewer_minute(at, &[(hall.slug.clone(), viewers)]).await.unwrap();
    }
    world.lives.show("hall", worried());
    std::fs::create_dir_all(world.layout.media()).unwrap();

    let mut chief_browser = world.browser_of(&chief).await;
    for act in ["first", "second"] {
        pass(60);
        chief_browser.get("/groups").await;
        assert_eq!(chief_browser.post("/groups", &format!("title={act}")).await.status, 303);
    }
    let groups = world.catalogue.groups().await.unwrap();
    let mut random = vec![
        (hall.id.to_string(), "h1".to_owned()),
        (building.id.to_string(), "b1".to_owned()),
        (key.id.to_string(), "k1".to_owned()),
        (video.id.to_string(), "v1".to_owned()),
        (job.id.to_string(), "j1".to_owned()),
        (chief.id.to_string(), "p1".to_owned()),
        (marie.id.to_string(), "p2".to_owned()),
        (group.id.to_string(), "g0".to_owned()),
    ];
    random.extend(groups.iter().zip(1..).map(|(group, n)| (group.id.to_string(), format!("g{n}"))));
    let random: Vec<(String, &str)> = random.iter().map(|(id, name)| (id.clone(), name.as_str())).collect();
    let person = format!("/people/{}", marie.id);
    let edit = format!("/videos/{}/edit", video.id);
    let inside = format!("/operate/_/buildings/{}", building.id);
    for (language, asked) in [("fr", "fr-FR"), ("en", "en-GB")] {
        let mut pages = Vec::new();
        for (path, name) in [
            ("/operate", "operate"),
            ("/operate/hall", "operate-hall"),
            ("/operate/_/new", "operate-new"),
            ("/operate/_/jobs", "operate-jobs"),
            ("/operate/_/log", "operate-log"),
            ("/operate/_/machine", "operate-machine"),
            ("/operate/hall/rights", "operate-rights"),
            ("/operate/lab/remove", "operate-remove"),
            (inside.as_str(), "operate-building"),
            ("/people", "people"),
            (person.as_str(), "person"),
            ("/groups", "groups"),
            (edit.as_str(), "video-edit"),
        ] {
            let text = page(&mut chief_browser, path, asked, &random).await;
            pages.push((name, if name == "operate-machine" { of_any_machine(&text) } else { text }));
        }
        keep(language, pages);
    }
}

#[tokio::test]
async fn pages_of_who_has_videos_are_what_the_server_sends() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "Analyse 2 : séries de Fourier").await;
    pass(60);
    let other = world.video(&hall, "Bref").await;
    pass(60);
    let waits = world.video(&hall, "Hall hall 2026-01-12").await;
    world.catalogue.give_back_video(&waits.id).await.unwrap();
    say(&world.layout, video.id.as_str(), "fr", &[(2, "bonjour à tous"), (9, "les séries de Fourier")]);
    let zoe = world.person("zoe", Role::Contributor).await;
    let chief = world.person("chief", Role::Administrator).await;
    let group = world.catalogue.add_group("L2 mathématiques", now()).await.unwrap();
    for mine in [&video, &other] {
        let change = AccessChange { owners: Some([zoe.id.clone()].into()), ..AccessChange::default() };
        world.catalogue.change_video_access(&mine.id, change).await.unwrap();
    }
    let (link, _) =
        world.catalogue.add_link(&video.id, "Jury", now().plus_micros(86_400_000_000), now()).await.unwrap();
    let random = [
        (video.id.to_string(), "v1"),
        (other.id.to_string(), "v2"),
        (waits.id.to_string(), "v3"),
        (group.id.to_string(), "g1"),
        (link.id.to_string(), "l1"),
    ];
    let of = |what: &str| format!("/videos/{}/{what}", video.id);
    let (rights, subtitles, download) = (of("rights"), of("subtitles?language=fr"), of("download"));
    let (mut zoe, mut chief) = (world.browser_of(&zoe).await, world.browser_of(&chief).await);
    for (language, asked) in [("fr", "fr-FR"), ("en", "en-GB")] {
        let mut pages = Vec::new();
        for (path, name) in [
            ("/my-videos", "my-videos"),
            ("/my-videos?view=grid", "my-videos-grid"),
            (rights.as_str(), "video-rights"),
            (subtitles.as_str(), "video-subtitles"),
            (download.as_str(), "video-download"),
        ] {
            pages.push((name, page(&mut zoe, path, asked, &random).await));
        }
        pages.push(("recordings-to-claim", page(&mut chief, "/recordings-to-claim", asked, &random).await));
        keep(language, pages);
    }
}

/// Without the figures of this machine's disk, and of this version.
fn of_any_machine(text: &str) -> String {
    let (before, rest) = text.split_once("<dl class=\"figures\" data-disk>").expect("figures");
    let (figures, after) = rest.split_once("</dl>").expect("their end");
    let digits = figures.split("<dd>").map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    let figures = digits.collect::<Vec<_>>().join("<dd>7");
    let after = after.replace(concat!("Amphi ", env!("CARGO_PKG_VERSION")), "Amphi 7");
    format!("{before}<dl class=\"figures\" data-disk>{figures}</dl>{after}")
}

/// On air, with something of each level to be said.
fn worried() -> Status {
    let finding = |level, code| Finding { level, code, message: String::new() };
    Status {
        state: State::OnAir,
        started_at: Some(now()),
        viewers: 128,
        peak_viewers: 131,
        health: vec![
            finding(Level::Error, "starved"),
            finding(Level::Warning, "keyframe_interval"),
            finding(Level::Notice, "no_audio"),
        ],
        contribution: Some(Contribution {
            protocol: Protocol::Rtmp,
            peer: "192.0.2.7:50000".parse().unwrap(),
            since: now(),
            video: Some(Video { codec: "avc1.640028".to_owned(), width: 1920, height: 1080, frame_rate: 25.0 }),
            audio: None,
            bitrate_bps: 2_400_000,
            keyframe_interval_ms: Some(8_000),
            av_drift_ms: -12,
            pace_permille: Some(620),
            silent_ms: 40,
            timestamp_jumps: 0,
            dropped_frames: 3,
        }),
        ..Status::starting()
    }
}

/// Writes or compares.
pub(super) fn keep(language: &str, pages: Vec<(&str, String)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/pages");
    let write = std::env::var_os("AMPHI_WRITE_PAGES").is_some();
    for (name, text) in pages {
        assert!(text.contains(&format!("<html lang=\"{language}\"")), "{name}: {text}");
        let file = folder.join(format!("{name}.{language}.html"));
        if write {
            std::fs::write(&file, &text).expect("writing a page");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let how = "AMPHI_WRITE_PAGES=1 cargo test what_the_server_sends";
        assert!(kept == text, "{} differs: {how}", file.display());
    }
}

#[tokio::test]
async fn a_tool_beside_a_live_is_of_a_site_of_the_setting_and_the_policy_names_it() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let set = async |url: &str| {
        let change =
            BroadcasterDetailsChange { tool_url: Some(Some(url.to_owned())), ..BroadcasterDetailsChange::default() };
        world.catalogue.change_broadcaster_details(&hall.id, change).await.unwrap();
        world.browser().get("/live/hall").await
    };
    let shown = set("https://chat.example/a?b=c&d").await;
    assert_eq!(shown.status, 200);
    let policy = shown.header("content-security-policy");
    let named = "frame-ancestors 'self'; frame-src 'self' https://chat.example https://*.meet.example";
    assert!(policy.ends_with(named), "{policy}");
    assert!(shown.header("permissions-policy").contains("camera=(self \"https://chat.example\")"));
    assert!(
        shown.text.contains(" allow=\"camera https://chat.example; microphone https://chat.example; "),
        "{}",
        shown.text
    );
    assert!(
        shown.text.contains("<iframe src=\"https://chat.example/a") && shown.text.contains(" sandbox=\"allow-scripts")
    );
    assert!(shown.text.contains("<div class=\"beside-live\" data-split>"));
    let below = BroadcasterDetailsChange { tool_place: Some(ToolPlace::Below), ..BroadcasterDetailsChange::default() };
    world.catalogue.change_broadcaster_details(&hall.id, below).await.unwrap();
    let shown = world.browser().get("/live/hall").await.text;
    assert!(shown.contains("<div class=\"beside-live below\" data-split>"), "{shown}");
    for other in ["https://evil.example/", "https://chat.example:444/", "https://tv.example/account"] {
        let hidden = set(other).await;
        assert!(!hidden.text.contains("<iframe src=") && !hidden.text.contains("data-split"), "{other}");
        assert!(!hidden.header("content-security-policy").contains("frame-src"), "{other}");
        assert_eq!(hidden.header("permissions-policy"), PERMISSIONS_POLICY, "{other}");
    }
}
