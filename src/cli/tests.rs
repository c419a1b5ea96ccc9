//! Commands as they are typed.

use super::{Cli, Error, run};
use crate::catalogue::Catalogue;
use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;
use std::path::Path;

pub(super) fn amphi(folder: &Path, words: &[&str]) -> Result<String, Error> {
    let data_dir = folder.to_str().unwrap();
    let words = ["amphi"].into_iter().chain(words.iter().copied()).chain(["--dev", "--data-dir", data_dir]);
    run(Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")), Vec::new()).map(|(text, _)| text)
}

pub(super) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_command_line_is_that_of_the_contract() {
    Cli::command().debug_assert();
    for words in [
        "serve --config f --data-dir d --http 127.0.0.1:0 --rtmp [::1]:0 --dev",
        "serve --http :0 --rtmp :1935",
        "worker",
        "check",
        "check --media --json",
        "write-config",
        "openapi",
        "migrate",
        "video list",
        "job list --state failed --json",
        "job retry aaaaaaaaaaaaaaaa",
        "job cancel aaaaaaaaaaaaaaaa",
        "search rebuild",
        "user add a",
        "user passwd a",
        "user add a --name A --mail a@example.org --role viewer",
        "user change a --role operator --building Sciences --group L1 --affiliation student",
        "user change a --disable",
        "user list",
        "group add L1",
        "building list --json",
        "building rename Sciences M1",
        "building remove M1",
        "video access aaaaaaaaaaaaaaaa --visibility groups --group L1 --owner a --downloadable true",
        "broadcaster access hall --visibility signed_in --building Sciences --open-figures false",
        "token create --label x --scope videos:write",
        "token revoke aaaaaaaaaaaaaaaa",
        "token list",
        "broadcaster add hall --title Hall",
        "broadcaster add hall --rtsp -",
        "broadcaster set-rtsp hall -",
        "broadcaster set-captions hall fr,en-GB",
        "broadcaster set-captions hall none",
        "broadcaster set-speakers hall Ada",
        "broadcaster set-licence hall CC-BY-4.0",
        "broadcaster set-tool hall",
        "broadcaster set-tool hall https://chat.example/room --place below",
        "broadcaster set-vocabulary hall",
        "broadcaster set-vocabulary hall - --exclusive",
        "broadcaster vocabulary hall",
        "broadcaster list --json",
        "broadcaster rotate-key hall",
        "tenant add B --host tv.b.example --host b.example --json",
        "tenant list --json",
        "tenant set tv.b.example --host b.example",
        "tenant set default --name B --accent-light #7a0019 --language fr --footer x --contact help@b.example --logo f.png",
        "user add a --tenant tv.b.example",
        "--tenant tv.b.example broadcaster list",
        "models list",
        "models list --json",
        "models install fr",
        "models install fr --mirror https://mirror.example/vosk",
        "models install ours --from m.zip --language fr --sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "models verify",
        "models verify vosk-model-small-fr-0.22",
        "models remove vosk-model-small-fr-0.22",
        "--config f serve",
    ] {
        let parsed = Cli::try_parse_from(["amphi"].into_iter().chain(words.split(' ')));
        assert!(parsed.is_ok(), "{words}: {}", parsed.unwrap_err());
    }
    for words in [
        "serve --http 8080",
        "broadcaster add Hall",
        "broadcaster set-captions hall",
        "broadcaster set-captions hall français",
        "broadcaster set-vocabulary hall --exclusive",
        "broadcaster set-tool hall https://chat.example/room --place above",
        "token create --label x --scope all",
        "token revoke x",
        "user add a --role king",
        "tenant add B --host https://b.example",
        "user change a --disable --enable",
        "video access aaaaaaaaaaaaaaaa --visibility secret",
        "job list --state new",
    ] {
        assert!(Cli::try_parse_from(["amphi"].into_iter().chain(words.split(' '))).is_err(), "{words}");
    }
}

#[test]
fn a_broadcaster_is_added_pulled_rotated_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let added = json(&amphi(here, &["broadcaster", "add", "hall", "--title", "Hall é", "--json"]).unwrap());
    let key = added["key"].as_str().unwrap();
    assert_eq!((added["slug"].as_str(), key.len()), (Some("hall"), 32));
    let again = amphi(here, &["broadcaster", "add", "hall"]).unwrap_err();
    assert_eq!(again.to_string(), "this slug is already taken");

    let rotated = json(&amphi(here, &["broadcaster", "rotate-key", "hall", "--json"]).unwrap());
    assert_ne!(rotated["key"].as_str().unwrap(), key);
    let url = "rtsp://u:hunter2@cam/extron1";
    let said = amphi(here, &["broadcaster", "set-rtsp", "hall", url]).unwrap();
    assert_eq!(said, "hall is pulled from rtsp://cam/extron1.\n");
    let listed = amphi(here, &["broadcaster", "list"]).unwrap();
    assert_eq!(listed, "SLUG  SOURCE              TITLE\nhall  rtsp://cam/extron1  Hall é\n");
    assert!(!amphi(here, &["broadcaster", "list", "--json"]).unwrap().contains("hunter2"));
    amphi(here, &["broadcaster", "remove", "hall"]).unwrap();
    assert_eq!(json(&amphi(here, &["broadcaster", "list", "--json"]).unwrap()), Value::Array(Vec::new()));
    let unknown = amphi(here, &["broadcaster", "rotate-key", "hall"]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no broadcaster hall");
}

#[test]
fn a_broadcaster_has_its_languages_and_its_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    amphi(here, &["broadcaster", "add", "hall"]).unwrap();
    let said = amphi(here, &["broadcaster", "set-captions", "hall", "fr,xx"]).unwrap();
    let fr = "hall is captioned in fr, xx.\nThere is no model of fr on this machine: amphi models install fr\n";
    assert!(said.starts_with(fr), "{said}");
    assert!(
        said.contains("There is no model of xx on this machine: none is known: amphi models install NAME"),
        "{said}"
    );
    let twice = amphi(here, &["broadcaster", "set-captions", "hall", "fr,FR"]).unwrap_err();
    assert_eq!(twice.to_string(), "caption_languages: must be at most 8 languages, each of them once");

    let names = here.join("names.txt");
    std::fs::write(&names, "# Noms\nLille\nbig blue button=BigBlueButton\n").unwrap();
    let file = names.to_str().unwrap();
    let said = amphi(here, &["broadcaster", "set-vocabulary", "hall", file]).unwrap();
    assert_eq!(said, "hall spells 2 entries.\n");
    let kept = amphi(here, &["broadcaster", "vocabulary", "hall"]).unwrap();
    assert_eq!(kept, "Lille\nbig blue button = BigBlueButton\n");
    std::fs::write(&names, "Lille\nun deux trois quatre cinq six sept huit neuf\n").unwrap();
    let wrong = amphi(here, &["broadcaster", "set-vocabulary", "hall", file, "--exclusive"]).unwrap_err().to_string();
    assert!(wrong.contains("names.txt: line 2 (\"un deux trois quatre cinq six\"…): more than 8 words"), "{wrong}");

    let listed = json(&amphi(here, &["broadcaster", "list", "--json"]).unwrap()).as_array().unwrap()[0].clone();
    assert_eq!(listed["caption_languages"], serde_json::json!(["fr", "xx"]));
    assert_eq!(listed["vocabulary"], serde_json::json!(["Lille", "big blue button = BigBlueButton"]), "it stays");
    let said = amphi(here, &["broadcaster", "set-captions", "hall", "none"]).unwrap();
    assert_eq!(said, "hall is captioned in no language.\n");
    let said = amphi(here, &["broadcaster", "set-captions", "hall", "default"]).unwrap();
    assert_eq!(said, "hall is captioned in what captions.languages says.\n");
    amphi(here, &["broadcaster", "set-vocabulary", "hall"]).unwrap();
    assert_eq!(amphi(here, &["broadcaster", "vocabulary", "hall"]).unwrap(), "");
    let listed = json(&amphi(here, &["broadcaster", "list", "--json"]).unwrap()).as_array().unwrap()[0].clone();
    assert_eq!((&listed["caption_languages"], &listed["vocabulary_exclusive"]), (&Value::Null, &Value::Bool(false)));
}

#[test]
fn a_broadcasters_speakers_and_licence_are_set_and_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let words = ["broadcaster", "add", "hall", "--speaker", "Zoé", "--speaker", "Ada", "--licence", "CC-BY-4.0"];
    amphi(here, &words).unwrap();
    let listed = || json(&amphi(here, &["broadcaster", "list", "--json"]).unwrap())[0].clone();
    assert_eq!(
        (&listed()["speakers"], &listed()["licence"]),
        (&serde_json::json!(["Zoé", "Ada"]), &"CC-BY-4.0".into())
    );
    let said = amphi(here, &["broadcaster", "set-speakers", "hall", "Jo", "Émilie du Châtelet"]).unwrap();
    assert_eq!(said, "hall names Jo, Émilie du Châtelet.\n");
    assert_eq!(amphi(here, &["broadcaster", "set-licence", "hall", "CC0-1.0"]).unwrap(), "hall has CC0-1.0.\n");
    let bad = amphi(here, &["broadcaster", "set-licence", "hall", "CC BY"]).unwrap_err();
    assert_eq!(bad.to_string(), "licence: must be an identifier such as CC-BY-4.0");
    assert!(amphi(here, &["broadcaster", "set-speakers", "hall", " "]).is_err());
    assert_eq!(listed()["speakers"], serde_json::json!(["Jo", "Émilie du Châtelet"]));
    assert_eq!(amphi(here, &["broadcaster", "set-speakers", "hall"]).unwrap(), "hall names nobody.\n");
    assert_eq!(amphi(here, &["broadcaster", "set-licence", "hall"]).unwrap(), "hall has no licence.\n");
    assert_eq!((&listed()["speakers"], &listed()["licence"]), (&serde_json::json!([]), &"".into()));
}

#[test]
fn a_page_with_the_lives_is_set_placed_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    amphi(here, &["broadcaster", "add", "hall"]).unwrap();
    let set = |words: &[&str]| amphi(here, &[&["broadcaster", "set-tool", "hall"], words].concat());
    let chat = "https://chat.example/room";
    assert_eq!(set(&[chat]).unwrap(), "hall shows https://chat.example/room beside its lives.\n");
    assert_eq!(set(&[chat, "--place", "below"]).unwrap(), "hall shows https://chat.example/room below its lives.\n");
    assert_eq!(set(&[chat]).unwrap(), "hall shows https://chat.example/room below its lives.\n", "it stays");
    assert_eq!(set(&["http://x"]).unwrap_err().to_string(), "tool_url: must look like https://HOST/PATH");
    assert_eq!(set(&[]).unwrap(), "hall shows no other page with its lives.\n");
}

#[test]
fn people_and_tokens_are_made_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let said = amphi(here, &["user", "add", "Marie"]).unwrap();
    assert!(said.starts_with("Added marie. Password, shown only now: "), "{said}");
    assert!(amphi(here, &["user", "passwd", "nobody"]).is_err());
    assert!(amphi(here, &["user", "passwd", "marie"]).unwrap().contains("shown only now"));
    assert_eq!(json(&amphi(here, &["user", "list", "--json"]).unwrap())[0]["login"], "marie");

    let words =
        ["token", "create", "--label", "script", "--scope", "videos:write,lives:write", "--days", "2", "--json"];
    let made = json(&amphi(here, &words).unwrap());
    assert!(made["token"].as_str().unwrap().starts_with("amphi_"));
    let id = made["id"].as_str().unwrap();
    assert!(amphi(here, &["token", "list"]).unwrap().contains("until "));
    amphi(here, &["token", "revoke", id]).unwrap();
    let listed = json(&amphi(here, &["token", "list", "--json"]).unwrap());
    assert_eq!(listed[0]["scopes"], serde_json::json!(["lives:write", "videos:write"]));
    assert!(listed[0]["revoked_at"].is_string());
    assert!(!listed.to_string().contains(made["token"].as_str().unwrap()));
}

#[test]
fn people_groups_and_buildings_are_changed_and_it_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    amphi(here, &["user", "add", "zoe", "--name", "Zoé", "--mail", "Zoe@Uni.example", "--role", "viewer"]).unwrap();
    amphi(here, &["building", "add", "Sciences"]).unwrap();
    amphi(here, &["group", "add", "L1"]).unwrap();
    let unknown = amphi(here, &["user", "change", "zoe", "--building", "Letters"]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no building Letters");
    let words = ["user", "change", "zoe", "--role", "operator", "--building", "Sciences", "--group", "L1"];
    amphi(here, &words).unwrap();
    let listed = json(&amphi(here, &["user", "list", "--json"]).unwrap());
    assert_eq!((&listed[0]["role"], &listed[0]["mail"]), (&"operator".into(), &"zoe@uni.example".into()));
    assert_eq!(listed[0]["buildings"].as_array().unwrap().len(), 1);
    amphi(here, &["user", "change", "zoe", "--everywhere", "--disable"]).unwrap();
    let listed = amphi(here, &["user", "list"]).unwrap();
    assert!(listed.contains("operator, disabled"), "{listed}");

    amphi(here, &["broadcaster", "add", "hall", "--visibility", "draft"]).unwrap();
    let words = ["broadcaster", "access", "hall", "--visibility", "groups", "--group", "L1", "--building", "Sciences"];
    amphi(here, &words).unwrap();
    let kept = amphi(here, &["building", "remove", "Sciences"]).unwrap_err().to_string();
    assert!(kept.ends_with("operators who are limited to it: hall"), "{kept}");
    amphi(here, &["building", "rename", "Sciences", "M1"]).unwrap();
    let listed = json(&amphi(here, &["building", "list", "--json"]).unwrap());
    assert_eq!((listed.as_array().unwrap().len(), listed[0]["title"].as_str()), (1, Some("M1")));
    amphi(here, &["building", "add", "Letters"]).unwrap();
    assert_eq!(amphi(here, &["building", "remove", "Letters"]).unwrap(), "Letters is removed.\n");
    let without = amphi(here, &["broadcaster", "access", "hall", "--visibility", "password"]).unwrap_err();
    assert!(without.to_string().contains("must be set for the visibility password"), "{without}");
    let unknown = amphi(here, &["video", "access", "aaaaaaaaaaaaaaaa", "--visibility", "public"]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no such video");

    let path = here.join("db").join("catalogue.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let acts: Vec<String> = runtime.block_on(async {
        let catalogue = Catalogue::open(path.to_str().unwrap()).await.unwrap();
        catalogue.audit_log(20).await.unwrap().into_iter().map(|entry| entry.act).collect()
    });
    let count = |act: &str| acts.iter().filter(|known| *known == act).count();
    assert_eq!((count("person.add"), count("person.change"), count("broadcaster.rights")), (1, 2, 1), "{acts:?}");
    let of_buildings = (count("building.add"), count("building.change"), count("building.remove"));
    assert_eq!(of_buildings, (2, 1, 1), "{acts:?}");
}

#[test]
fn a_tenant_has_what_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let added = json(&amphi(here, &["tenant", "add", "Université B", "--host", "TV.b.example", "--json"]).unwrap());
    let id = added["id"].as_str().unwrap();
    assert_eq!((id.len(), &added["hosts"]), (16, &serde_json::json!(["tv.b.example"])));
    for whose in [id, "tv.b.example", "TV.B.example"] {
        let said = amphi(here, &["broadcaster", "list", "--tenant", whose]).unwrap();
        assert!(said.starts_with("There are no broadcasters yet"), "{said}");
    }
    amphi(here, &["broadcaster", "add", "hall", "--tenant", id]).unwrap();
    amphi(here, &["broadcaster", "add", "hall"]).unwrap();
    amphi(here, &["user", "add", "marie", "--tenant", id]).unwrap();
    assert!(amphi(here, &["user", "passwd", "marie"]).is_err());
    assert!(amphi(here, &["user", "list", "--tenant", id]).unwrap().contains("marie"));
    let said = amphi(here, &["tenant", "set", id, "--host", "b.example"]).unwrap();
    let reached = "A server that runs answers to b.example within seconds, and to no other name for it.";
    assert_eq!(said, format!("Université B is changed. {reached}\n"));
    let pale = amphi(here, &["tenant", "set", id, "--accent-light", "#ffd000"]).unwrap_err().to_string();
    assert!(pale.starts_with("accent_light: its contrast on pages is 1.3") && pale.contains("4.5:1"), "{pale}");
    let logo = here.join("logo.svg");
    std::fs::write(&logo, "<svg/>").unwrap();
    let refused = amphi(here, &["tenant", "set", id, "--logo", logo.to_str().unwrap()]).unwrap_err().to_string();
    assert!(refused.starts_with("logo: must be a PNG"), "{refused}");
    std::fs::write(&logo, b"\x89PNG\r\n\x1a\n...").unwrap();
    let words = ["tenant", "set", id, "--logo", logo.to_str().unwrap(), "--accent-dark", "#ffd000", "--name", "B"];
    assert_eq!(amphi(here, &words).unwrap(), "Université B is changed.\n");
    for (sites, said) in [
        (&["--embedder", "https://moodle.b.example", "--embedder", "https://*.b.example", "--tool", "none"][..], None),
        (&["--embedder", "server"], None),
        (&["--tool", "moodle"], Some("moodle: a site is like https://HOST")),
        (&["--embedder", "https://a;"], Some("https://a;: a site is like")),
    ] {
        let done = amphi(here, &[&["tenant", "set", id], sites].concat());
        match said {
            None => assert_eq!(done.unwrap(), "B is changed.\n", "{sites:?}"),
            Some(said) => assert!(done.unwrap_err().to_string().starts_with(said), "{sites:?}"),
        }
    }
    let unknown = amphi(here, &["user", "list", "--tenant", "tv.b.example"]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no tenant tv.b.example: amphi tenant list");
    let listed = amphi(here, &["tenant", "list"]).unwrap();
    assert!(listed.contains(id) && listed.lines().nth(1).unwrap().starts_with("default "), "{listed}");
    let all = amphi(here, &["migrate", "--tenant", id]).unwrap_err();
    assert_eq!(all.to_string(), "this is about all tenants: leave --tenant out");
}

#[test]
fn the_catalogue_is_made_before_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(amphi(folder.path(), &["migrate"]).unwrap(), "13 migrations were applied.\n");
    assert_eq!(amphi(folder.path(), &["migrate"]).unwrap(), "The catalogue is up to date.\n");
    assert_eq!(amphi(folder.path(), &["video", "list"]).unwrap(), "There are no videos yet.\n");
    assert_eq!(amphi(folder.path(), &["job", "list"]).unwrap(), "There are no such jobs.\n");
    for verb in ["retry", "cancel"] {
        let unknown = amphi(folder.path(), &["job", verb, "aaaaaaaaaaaaaaaa"]).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no such job");
    }
    let unknown = amphi(folder.path(), &["video", "list", "--broadcaster", "demo"]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no broadcaster demo");
}

#[test]
fn check_says_what_is_missing_and_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let good = amphi(&folder.path().join("not/yet"), &["check"]).unwrap();
    assert!(good.contains("ok      data_dir: ") && good.contains("will be made at the first start"), "{good}");
    assert!(!folder.path().join("not").exists(), "looking changes nothing");

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let bad = amphi(&file.join("data"), &["check"]).unwrap_err();
    assert!(matches!(bad, Error::Missing(_)), "{bad}");
    assert!(bad.to_string().contains("missing data_dir: "), "{bad}");

    let config = folder.path().join("amphi.toml");
    std::fs::write(&config, "[catalogue]\nurl = 'postgres://u:hunter2@127.0.0.1:1/n'\n").unwrap();
    let bad = amphi(folder.path(), &["check", "--json", "--config", config.to_str().unwrap()]).unwrap_err().to_string();
    assert!(bad.contains("the catalogue can't be opened at postgres://127.0.0.1:1/n"), "{bad}");
    assert!(!bad.contains("hunter2"));
    let findings = json(&bad);
    let catalogue = findings.as_array().unwrap().iter().find(|finding| finding["what"] == "catalogue").unwrap();
    assert_eq!(catalogue["verdict"], "missing");

    assert!(catalogue["text"].as_str().unwrap().contains("pg_isready"), "{catalogue}");

    for (text, advice) in [
        (
            "[http]\ntls_certificate = '/nowhere/c.pem'\ntls_key = '/nowhere/k.pem'\n",
            "correct http.tls_certificate, or put",
        ),
        ("[rtmp]\ntls_listen = ':1936'\n", "set http.tls_certificate and http.tls_key"),
    ] {
        std::fs::write(&config, text).unwrap();
        let words = ["check", "--config", config.to_str().unwrap()];
        let bad = amphi(folder.path(), &words).unwrap_err().to_string();
        assert!(bad.contains("missing TLS: ") && bad.contains(advice), "{bad}");
    }

    std::fs::write(&config, "[live]\ngrase = '1s'\n").unwrap();
    let bad = amphi(folder.path(), &["check", "--config", config.to_str().unwrap()]).unwrap_err().to_string();
    assert!(bad.contains(":2: there is no setting live.grase; did you mean live.grace?"), "{bad}");
}

#[test]
fn what_comes_later_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert!(amphi(folder.path(), &["worker"]).unwrap_err().to_string().contains("comes with renditions"));
}

#[test]
fn a_postgresql_catalogue_is_taken_from_the_environment_without_telling_its_password() {
    let env = vec![("AMPHI_CATALOGUE__URL".to_owned(), "postgres://u:hunter2@127.0.0.1:1/n".to_owned())];
    let cli = Cli::try_parse_from(["amphi", "--dev", "video", "list"]).unwrap();
    let error = run(cli, env).unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1/n") && !error.contains("hunter2"), "{error}");
}

#[test]
fn the_catalogue_of_a_command_is_the_servers() {
    let folder = tempfile::tempdir().unwrap();
    amphi(folder.path(), &["broadcaster", "add", "hall"]).unwrap();
    let path = folder.path().join("db").join("catalogue.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let slug = runtime.block_on(async {
        let catalogue = Catalogue::open(path.to_str().unwrap()).await.unwrap();
        catalogue.broadcasters().await.unwrap()[0].slug.to_string()
    });
    assert_eq!(slug, "hall");
}
