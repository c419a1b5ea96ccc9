//! Follows every address that a page or the API gives, as every kind of person; then everybody asks for all that anybody was given.

use super::crawler::{CAST, Scene, Somebody, complaint, scene};
use crate::archive::transcript::tests::say;
use crate::http::gate::table::{RULES, Rule, Verb};
use crate::policy::state::Visibility;
use std::collections::{BTreeMap, BTreeSet};

/// Where everybody begins: the site's first page, and the API's lists.
const BEGINNINGS: [&str; 4] = ["/", "/api/v1/videos", "/api/v1/broadcasters", "/search?q=zyzzyva"];
/// Of one person: a page that makes up addresses without end is found.
const MOST: usize = 500;

/// Whether the words of a path are those of a pattern, as far as both go.
fn fit(pattern: &[&str], words: &[&str]) -> bool {
    pattern.iter().zip(words).all(|(p, w)| p.starts_with('{') || p == w)
}

/// The line that an address comes to: of those that fit, the one with the most words of its own.
fn rule_of(address: &str) -> Option<&'static Rule> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let words: Vec<&str> = path.split('/').collect();
    if path != "/" && words.iter().skip(1).any(|word| word.is_empty()) {
        return None;
    }
    let fits = |rule: &&Rule| {
        let pattern: Vec<&str> = rule.path.split('/').collect();
        let rest = pattern.last().is_some_and(|last| last.starts_with("{*"));
        (pattern.len() == words.len() || rest && pattern.len() <= words.len()) && fit(&pattern, &words)
    };
    let own = |rule: &&Rule| rule.path.split('/').filter(|word| !word.starts_with('{')).count();
    RULES.iter().filter(|rule| rule.method == Verb::Get).filter(fits).max_by_key(own)
}

/// The addresses on this site that an answer gives: what stands in quotes and is one, with the site's name or without.
fn given(text: &str) -> BTreeSet<String> {
    let address = |text: &str| {
        let text = text
            .split_once("://tv.example")
            .filter(|(scheme, _)| scheme.starts_with("http"))
            .map_or(text, |(_, path)| path);
        let strange = |c: char| c.is_whitespace() || "<>{}\\".contains(c);
        let is_one = text.starts_with('/') && !text.starts_with("//") && !text.contains(strange);
        is_one.then(|| text.replace("&amp;", "&"))
    };
    text.split(['"', '\'']).filter_map(address).collect()
}

/// All that somebody is given, with what it was found on; each is asked for, and those of pages are read.
async fn follow(scene: &Scene, name: &str, somebody: &Somebody<'_>, wrong: &mut Vec<String>) -> BTreeSet<String> {
    let mut found: BTreeMap<String, String> = BEGINNINGS.map(|path| (path.to_owned(), String::new())).into();
    let mut queue: Vec<String> = found.keys().cloned().collect();
    while let Some(path) = queue.pop() {
        let Some(rule) = rule_of(&path) else {
            // The target of a form, which is no page; what scripts put more behind; or nothing, and then it should not be given.
            if !RULES.iter().any(|rule| leads_to(rule, &path)) {
                wrong.push(format!("{name}: {path} is given by {} and is nothing", found[&path]));
            }
            continue;
        };
        let answer = somebody.send("GET", &path, "").await;
        let decision = scene.expected(name, rule).await;
        wrong.extend(complaint(rule, decision, &answer).map(|said| format!("{name}: {path}: {said}")));
        // A page that may be seen gives what can be had; the rest is a dead end. Tokens read no pages.
        let on_page = !found[&path].is_empty() && somebody.reads_pages();
        if on_page && !decision.is_allowed() {
            wrong.push(format!("{name}: {} leads to {path}, which is refused: {decision:?}", found[&path]));
        }
        if answer.status == 200 {
            for address in given(&answer.text) {
                if !found.contains_key(&address) {
                    found.insert(address.clone(), path.clone());
                    queue.push(address);
                }
            }
        }
        assert!(found.len() < MOST, "{name} is given more and more: {:?}", found.keys().collect::<Vec<_>>());
    }
    found.into_keys().collect()
}

/// Whether an address is where a form of a line is sent, or a folder above what a line is about.
fn leads_to(rule: &Rule, address: &str) -> bool {
    let path = address.split('?').next().unwrap_or_default().trim_end_matches('/');
    let (pattern, words): (Vec<_>, Vec<_>) = (rule.path.split('/').collect(), path.split('/').collect());
    let sent_to = rule.method != Verb::Get && pattern.len() == words.len();
    (sent_to || pattern.len() > words.len()) && fit(&pattern, &words)
}

#[tokio::test]
async fn whoever_follows_every_link_finds_what_the_policy_allows_and_no_dead_end() {
    let mut wrong = Vec::new();
    for visibility in Visibility::ALL {
        let scene = scene(visibility).await;
        say(&scene.world.layout, scene.video.id.as_str(), "fr", &[]);
        let mut everything = BTreeSet::new();
        let mut people = Vec::new();
        for name in CAST {
            people.push((name, scene.somebody(name).await));
        }
        let mut counts = BTreeMap::new();
        for (name, somebody) in &people {
            let mut own = Vec::new();
            let found = follow(&scene, name, somebody, &mut own).await;
            wrong.extend(own.into_iter().map(|line| format!("{visibility} {line}")));
            counts.insert(*name, found.len());
            everything.extend(found);
        }
        assert!(counts["administrator"] > counts["anonymous"] + 10, "{visibility}: {counts:?}");
        let of_video = everything.iter().filter(|path| path.contains(scene.video.id.as_str())).count();
        assert!(of_video >= 8, "{visibility}: what leads to the video: {everything:?}");
        for (name, somebody) in &people {
            for path in &everything {
                let Some(rule) = rule_of(path) else { continue };
                let answer = somebody.send("GET", path, "").await;
                let decision = scene.expected(name, rule).await;
                let said = complaint(rule, decision, &answer);
                wrong.extend(said.map(|said| format!("{visibility} {name}: {path}: {said}")));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
