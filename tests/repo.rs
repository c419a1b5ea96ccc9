//! The repository's own rules: who may know whom, where things stand, and that what is generated is fresh.
//!
//! Each rule is a function from text to findings, and is shown to find something on an example: a rule that can't fail holds nothing.

mod generated;
mod rules;
mod systemd;

use rules::Finding;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` whose name ends so, as paths from the root with `/`, sorted. Skips what is built or installed.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "node_modules", "dist", ".git", "corpus", "artifacts"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push((shown(&path), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

fn rust() -> Vec<(String, String)> {
    let all: Vec<_> =
        ["src", "media", "pipelines", "tests", "benches"].iter().flat_map(|folder| files(folder, &[".rs"])).collect();
    assert!(all.len() > 20, "the sources are not where they are looked for");
    all
}

fn assert_none(findings: &[Finding]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// Applies a rule to every Rust file.
fn hold(rule: impl Fn(&str, &str) -> Vec<Finding>) {
    let findings: Vec<_> = rust().iter().flat_map(|(path, text)| rule(path, text)).collect();
    assert_none(&findings);
}

#[test]
fn each_library_is_named_in_its_one_place() {
    hold(rules::foreign_names);
}

#[test]
fn modules_of_the_server_look_one_way() {
    hold(rules::directions);
}

#[test]
fn nothing_unfinished_unbounded_or_silenced() {
    hold(rules::banned_words);
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    hold(rules::shape);
}

#[test]
fn the_top_level_has_the_agreed_folders_only() {
    let names: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_none(&rules::top_level(&names));
}

#[test]
fn no_machine_path_nor_key_stands_in_a_file() {
    let mut all = rust();
    let texts = [".md", ".toml", ".service", "run", "demo", "prerequisites", ".json", ".ts", ".mjs", ".html", ".ftl"];
    for folder in [".config", ".ci", "systemd", "config", "web"] {
        all.extend(files(folder, &texts).into_iter().filter(|(path, _)| !path.ends_with("package-lock.json")));
    }
    for name in ["Makefile", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml", "clippy.toml", "deny.toml"] {
        all.push((name.into(), fs::read_to_string(root().join(name)).unwrap()));
    }
    assert_none(&all.iter().flat_map(|(path, text)| rules::machine_paths(path, text)).collect::<Vec<_>>());
}

#[test]
fn every_metric_is_described_and_used() {
    let table: Vec<&str> = amphi::telemetry::METRICS.iter().map(|metric| metric.name).collect();
    let mut sources = files("src", &[".rs"]);
    sources.extend(files("media/src", &[".rs"]));
    sources.extend(files("pipelines/src", &[".rs"]));
    assert_none(&rules::metrics(&table, &sources));
}

/// The documents' relative links lead somewhere.
#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut all: Vec<_> = ["src", "media", "pipelines", "web", "config", "benches", "tests", "systemd"]
        .iter()
        .flat_map(|folder| files(folder, &[".md"]))
        .collect();
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        all.push((name.into(), fs::read_to_string(root().join(name)).unwrap()));
    }
    assert_none(
        &all.iter()
            .flat_map(|(path, text)| rules::dead_links(path, text, &|to| root().join(to).exists()))
            .collect::<Vec<_>>(),
    );
}
