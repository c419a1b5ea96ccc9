//! Two institutions on one server, each reached by its own name: what one has does not exist for the other, by any door and for anybody,
//! and what encoders send comes out where their key belongs.

use super::*;
use crate::support::http::{Answer, metric};
use crate::support::peers::run;
use crate::support::stream::PATIENCE;
use std::collections::VecDeque;

/// By which name the second one is reached.
const B: &str = "tv.b.example";
/// Its pages may show the players of the second one.
const MOODLE: &str = "https://moodle.b.example";
/// Pages that are looked at when everything that leads on is followed.
const MOST_PAGES: usize = 150;

/// An institution, and what the test has made in it.
struct Theirs {
    /// What only they say, in titles and names.
    word: &'static str,
    /// What goes before commands that are about them.
    option: &'static [&'static str],
    host: String,
    key: String,
    administrator: Browser,
    token: String,
    password: String,
}

impl Theirs {
    fn new(server: &Server, word: &'static str, option: &'static [&'static str], host: &str) -> Self {
        let typed = |words: &[&str]| amphi(server, &[words, option].concat());
        let title = format!("Amphi {word}");
        let said = typed(&["broadcaster", "add", "hall", "--title", &title, "--json"]);
        let key = serde_json::from_str::<serde_json::Value>(&said).unwrap()["key"].as_str().unwrap().to_owned();
        typed(&["broadcaster", "add", "lab", "--title", &format!("Labo {word}"), "--visibility", "signed_in"]);
        typed(&["group", "add", &format!("Groupe {word}")]);
        typed(&["building", "add", &format!("Site {word}")]);
        let name = format!("Marie {word}");
        let said = typed(&["user", "add", "marie", "--role", "administrator", "--name", &name]);
        let password = said.trim().rsplit(' ').next().unwrap().to_owned();
        let scopes = "broadcasters:write,lives:write,videos:write,people:write,audit:read,metrics:read";
        let said = typed(&["token", "create", "--label", word, "--scope", scopes, "--json"]);
        let token = serde_json::from_str::<serde_json::Value>(&said).unwrap()["token"].as_str().unwrap().to_owned();
        let administrator = Browser::new(server).named(host).signed_in("marie", &password);
        Self { word, option, host: host.to_owned(), key, administrator, token, password }
    }

    /// Somebody who carries nothing, at their door.
    fn stranger(&self, server: &Server) -> Browser {
        Browser::new(server).named(&self.host)
    }

    /// Asks with their token at somebody's door.
    fn by_token(&self, server: &Server, host: &str, method: &str, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        ask(server.http(), path, &Ask { method, headers: &[("host", host), ("authorization", &bearer)], body: "" })
    }

    fn on_air(&mut self) -> bool {
        let shown = self.administrator.get("/api/v1/broadcasters/hall").json();
        shown["on_air"] == true && self.administrator.get("/live/hall/master.m3u8").status == 200
    }

    /// Waits for the video of what was pushed.
    fn video(&mut self) -> serde_json::Value {
        let mut items = serde_json::Value::Null;
        let there = wait_until(SOON, || {
            items = self.administrator.get("/api/v1/videos").json()["items"].take();
            items.as_array().is_some_and(|items| items.len() == 1 && items[0]["state"] == "ended")
        });
        assert!(there, "{}: {items}", self.word);
        items[0].take()
    }

    /// Everything that a page or an answer leads to, from the beginning on; what it says.
    fn everything(&mut self) -> Vec<(String, String)> {
        let begin = [
            "/",
            "/videos",
            "/accessibility",
            "/sign-in",
            "/account",
            "/people",
            "/groups",
            "/operate",
            "/operate/_/log",
            "/operate/_/jobs",
            "/search?q=amphi",
            "/search?q=alpha",
            "/search?q=beta",
            "/live/hall",
            "/embed/live/hall",
            "/api/v1/broadcasters",
            "/api/v1/videos",
            "/api/v1/lives",
            "/api/v1/jobs",
            "/api/v1/search?q=alpha",
            "/api/v1/search?q=beta",
            "/nowhere",
        ];
        let mut due: VecDeque<String> = begin.map(str::to_owned).into();
        let mut known: BTreeSet<String> = due.iter().cloned().collect();
        let mut said = Vec::new();
        while let Some(path) = due.pop_front()
            && said.len() < MOST_PAGES
        {
            let text = self.administrator.get(&path).text();
            for quote in ["href=\"", "action=\"", "_url\":\""] {
                for rest in text.split(quote).skip(1) {
                    let to = rest.split(['"', '#']).next().unwrap().replace("&amp;", "&");
                    let further = to.starts_with('/') && !to.starts_with("/assets/") && !to.ends_with("/events");
                    if further && known.insert(to.clone()) {
                        due.push_back(to);
                    }
                }
            }
            said.push((path, text));
        }
        said
    }
}

#[test]
fn two_tenants_see_nothing_of_each_other_by_any_door() {
    built();
    let data = tempfile::Builder::new().prefix("amphi-test-").tempdir().unwrap();
    let typed =
        ["tenant", "add", "Université Beta", "--host", B, "--json", "--data-dir", data.path().to_str().unwrap()];
    let said = run(env!("CARGO_BIN_EXE_amphi"), typed, PATIENCE);
    let id = serde_json::from_str::<serde_json::Value>(&said).unwrap()["id"].as_str().unwrap().to_owned();
    let moodle = ["tenant", "set", B, "--embedder", MOODLE, "--data-dir", data.path().to_str().unwrap()];
    run(env!("CARGO_BIN_EXE_amphi"), moodle, PATIENCE);
    let settings = [("AMPHI_LIVE__GRACE", "1s"), SHORT, ("AMPHI_JOBS__AT_ONCE", "1")];
    let server = Server::start_on(Options::with(&settings), data);
    let here = server.http().to_string();
    let mut a = Theirs::new(&server, "Alpha", &[], &here);
    let mut b = Theirs::new(&server, "Beta", &["--tenant", B], B);

    // The key says whose hall is meant, with the hall's name and without; the same name is another hall elsewhere.
    let clip = Clip::new("320x180", 12);
    assert!(!clip.push(&url(&server, "lab", &b.key)).finish(PATIENCE).success(), "the key of another hall");
    let mut encoder = clip.push(&format!("rtmp://{}/live/{}", server.rtmp(), b.key));
    assert!(wait_until(SOON, || b.on_air()), "{}", server.log());
    assert!(!a.on_air(), "the hall of this name elsewhere");
    let (at_a, at_b) = (a.administrator.listen("/live/hall/events"), b.administrator.listen("/live/hall/events"));
    assert!(wait_until(SOON, || at_a.text().contains("idle") && at_b.text().contains("on_air")), "{}", at_a.text());
    let figure = |label: &str| metric(server.http(), &format!("amphi_live_on_air{{broadcaster=\"{label}\"}}"));
    assert_eq!((figure("hall"), figure(&format!("{id}/hall"))), (0.0, 1.0));
    for (path, there, elsewhere) in
        [("/live/hall/master.m3u8", 200, 404), ("/api/v1/lives", 200, 200), ("/live/hall/source/media.m3u8", 200, 404)]
    {
        let (there_now, elsewhere_now) = (b.stranger(&server).get(path), a.stranger(&server).get(path));
        assert_eq!((there_now.status, elsewhere_now.status), (there, elsewhere), "{path}");
        assert!(!elsewhere_now.text().contains("Beta"), "{path}");
    }
    // Nobody ends what is elsewhere.
    let end = "/api/v1/broadcasters/hall/end";
    assert_eq!(a.by_token(&server, B, "POST", end).status, 401);
    assert_eq!(a.by_token(&server, &here, "POST", end).status, 409, "nothing is on air at home");
    assert!(b.on_air());
    // Both at once under one name.
    let mut other = clip.push(&url(&server, "hall", &a.key));
    assert!(wait_until(SOON, || a.on_air()), "{}", server.log());
    assert!(encoder.finish(SOON).success() && other.finish(SOON).success());
    drop((at_a, at_b));

    let (of_a, of_b) = (a.video(), b.video());
    let (id_a, id_b) = (of_a["id"].as_str().unwrap().to_owned(), of_b["id"].as_str().unwrap().to_owned());
    assert_ne!(id_a, id_b);
    for (theirs, id) in [(&mut a, &id_a), (&mut b, &id_b)] {
        complete_seen_by(&server, &mut theirs.stranger(&server), id);
        amphi(
            &server,
            &[&["video", "access", id, "--visibility", "draft", "--owner", "marie"], theirs.option].concat(),
        );
        let mut stranger = theirs.stranger(&server);
        assert!(wait_until(CUT, || stranger.get(&format!("/api/v1/videos/{id}")).status == 404), "still for everybody");
    }
    // What one made, from both sides.
    apart(&server, &mut a, &id_a, &mut b);
    apart(&server, &mut b, &id_b, &mut a);

    looks(&server, &mut a, &mut b);

    // Everything that can be reached by links, as who may see all of it.
    for (theirs, word, id) in [(&mut a, "Beta", &id_b), (&mut b, "Alpha", &id_a)] {
        let everything = theirs.everything();
        assert!(everything.len() > 40, "{:?}", everything.iter().map(|(path, _)| path).collect::<Vec<_>>());
        let mut own = 0;
        for (path, text) in &everything {
            assert!(!text.contains(word) && !text.contains(id.as_str()), "{word} at {}{path}: {text}", theirs.host);
            own += usize::from(text.contains(theirs.word));
        }
        assert!(own > 12, "{}: {own}", theirs.word);
    }

    // The figures are those of all.
    assert_eq!(a.by_token(&server, &here, "GET", "/metrics").status, 200);
    assert_eq!(b.by_token(&server, B, "GET", "/metrics").status, 404);
    assert_eq!(b.stranger(&server).get("/readyz").status, 200);
    let unknown = Browser::new(&server).named("unknown.example").get("/live/hall").text();
    assert!(unknown.contains("Amphi Alpha"), "a name that leads to nobody: {unknown}");
    let checked = amphi(&server, &["check", "--media"]);
    assert!(checked.contains("2 recordings are as written"), "{checked}");
}

/// What the one has made is nothing at the other's door, whoever knocks with whatever, and nothing of it opens to the other.
fn apart(server: &Server, theirs: &mut Theirs, id: &str, others: &mut Theirs) {
    let doors = doors(&mut theirs.administrator, id);
    assert!(doors.len() >= 18, "{doors:?}");
    let here = theirs.host.clone();
    let mut strayed = theirs.administrator.clone().named(&others.host);
    let mut came_over = others.administrator.clone().named(&here);
    for (who, browser) in [
        ("who sees it at home", &mut strayed),
        ("the other's administrator", &mut others.administrator),
        ("the other's administrator who came over", &mut came_over),
    ] {
        all(browser, &doors, 404, who);
        let pass = browser.get(&format!("/videos/{id}/pass"));
        assert_eq!((pass.status, pass.header("set-cookie")), (404, None), "{who}");
    }
    // Signed in here is not signed in there; nor do the same login and that password open the other's account.
    assert_eq!(strayed.get("/account").status, 401, "as nobody");
    let form = format!("login=marie&password={}", theirs.password);
    let refused = others.stranger(server).fill("/sign-in", "/sign-in", &form);
    assert_eq!(refused.status, 401, "{}", refused.text());
    // A token is one of its tenant.
    assert_eq!(theirs.by_token(server, &here, "GET", &format!("/api/v1/videos/{id}")).status, 200);
    for path in ["/api/v1/videos", &format!("/api/v1/videos/{id}"), "/api/v1/broadcasters/hall/keys", "/metrics"] {
        let refused = theirs.by_token(server, &others.host, "GET", path).status;
        assert!(matches!(refused, 401 | 404), "{path}: {refused}");
    }
    for (method, path) in [("DELETE", format!("/api/v1/videos/{id}")), ("POST", format!("/api/v1/videos/{id}/links"))] {
        let refused = others.by_token(server, &others.host, method, &path).status;
        assert!(matches!(refused, 404 | 415 | 422), "{method} {path}: {refused}");
    }
    // A link opens its draft at home, and what it left in the browser opens it nowhere else.
    let bearer = format!("Bearer {}", theirs.token);
    let headers = [("host", here.as_str()), ("authorization", bearer.as_str())];
    let body = r#"{"label":"jury","days":1}"#;
    let made =
        ask(server.http(), &format!("/api/v1/videos/{id}/links"), &Ask { method: "POST", headers: &headers, body });
    assert_eq!(made.status, 201, "{}", made.text());
    let link = made.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(others.stranger(server).get(&link).status, 404);
    let mut jury = theirs.stranger(server);
    assert_eq!(jury.get(&link).status, 303);
    all(&mut jury, &doors, 200, "who has the link");
    all(&mut jury.named(&others.host), &doors, 404, "who has the link, elsewhere");
    // How other sites are told to show it.
    let shown = format!("/oembed?url=http://{here}/embed/videos/{id}");
    assert_eq!(theirs.administrator.get(&shown).status, 200);
    for host in [&here, &others.host] {
        let asked = format!("/oembed?url=http://{host}/embed/videos/{id}");
        assert_eq!(others.administrator.get(&asked).status, 404, "{asked}");
    }
    let embedded = format!("/embed/videos/{id}");
    assert_eq!((theirs.administrator.get(&embedded).status, others.administrator.get(&embedded).status), (200, 404));
    let named = |answer: &Answer| answer.header("content-security-policy").unwrap_or_default().contains(MOODLE);
    let second = theirs.host == B;
    assert_eq!(named(&theirs.administrator.get(&embedded)), second, "who may show its players is a tenant's own");
}

/// Each looks as it says, from some seconds after it was said.
fn looks(server: &Server, a: &mut Theirs, b: &mut Theirs) {
    let logo = server.data_dir().join("logo");
    std::fs::write(&logo, b"\x89PNG\r\n\x1a\nof Beta").unwrap();
    let said =
        ["--accent-light", "#7a0019", "--language", "fr", "--footer", "Service Beta", "--logo", logo.to_str().unwrap()];
    amphi(server, &[&["tenant", "set", B], &said[..]].concat());
    let mut page = String::new();
    let shown = wait_until(CUT, || {
        page = b.administrator.get("/").text();
        page.contains("Service Beta")
    });
    assert!(shown && page.contains("<html lang=\"fr\"") && page.contains("· Université Beta</title>"), "{page}");
    let address = |path: &str| {
        let rest = page.split(&format!("=\"{path}?")).nth(1).unwrap_or_else(|| panic!("no {path}: {page}"));
        format!("{path}?{}", rest.split('"').next().unwrap())
    };
    let (sheet, picture) = (address("/theme.css"), address("/logo"));
    let (theirs, ours) = (b.stranger(server).get(&sheet), a.stranger(server).get(&sheet));
    assert!(theirs.text().contains("--brand: #7a0019") && ours.body.is_empty(), "{}", ours.text());
    let (theirs, ours) = (b.stranger(server).get(&picture), a.stranger(server).get(&picture));
    assert_eq!(
        (theirs.header("content-type"), theirs.header("x-content-type-options")),
        (Some("image/png"), Some("nosniff"))
    );
    assert!(theirs.body.ends_with(b"of Beta") && ours.status == 404);
    let page = a.administrator.get("/").text();
    assert!(page.contains("<html lang=\"en\"") && !page.contains("theme.css") && !page.contains("/logo"), "{page}");
}
