//! The rules, as functions from text to findings. `ARCHITECTURE.md` says them in words.

/// `file:line: what is wrong`.
pub(super) type Finding = String;

/// Who may use whom inside `src/`; a module that is missing here can't be added without deciding. `cli` and `app` assemble, so they
/// may use everything; `main` and `lib` only name modules.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("archive", &["clock", "config", "lifecycle", "telemetry"]),
    ("catalogue", &["config", "policy", "telemetry"]),
    ("clock", &[]),
    ("config", &[]),
    (
        "http",
        &[
            "archive",
            "catalogue",
            "clock",
            "config",
            "jobs",
            "lifecycle",
            "live",
            "mail",
            "policy",
            "search",
            "telemetry",
        ],
    ),
    ("integrations", &["archive", "catalogue", "clock", "config", "jobs", "lifecycle", "live", "policy", "telemetry"]),
    ("jobs", &["archive", "catalogue", "clock", "config", "lifecycle", "live", "mail", "policy", "telemetry"]),
    ("lifecycle", &[]),
    ("live", &["archive", "catalogue", "clock", "config", "lifecycle", "models", "telemetry"]),
    ("mail", &[]),
    ("models", &["clock", "config"]),
    // Pure: it is told what it needs to know.
    ("policy", &[]),
    // Knows rights as little as lives: who may see what it finds is asked elsewhere.
    ("search", &["archive", "catalogue", "lifecycle"]),
    ("telemetry", &[]),
];
const ASSEMBLERS: &[&str] = &["app", "cli", "main", "lib"];

/// A name, and where it may stand (a path's beginning).
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx::", &["src/catalogue"]),
    ("axum::", &["src/http"]),
    ("hyper::", &["src/http"]),
    ("gst::", &["pipelines/"]),
    ("gstreamer::", &["pipelines/"]),
    ("vosk::", &["pipelines/"]),
    ("tokio::signal", &["src/lifecycle"]),
    ("tokio::spawn", &["src/lifecycle"]),
    ("task::spawn(", &["src/lifecycle"]),
    ("JoinSet", &["src/lifecycle"]),
    ("thread::spawn", &["src/lifecycle"]),
    ("sd_notify", &["src/lifecycle"]),
    ("retina::", &["media/src/ingest"]),
    // A second client would have its own limits and certificates.
    ("ureq::", &["src/models"]),
    ("lettre::", &["src/mail"]),
    ("tantivy::", &["src/search"]),
    ("frostem::", &["src/search"]),
    ("rml_rtmp::", &["media/src/ingest"]),
];

/// Folders at the top; a dot-folder is a tool's, `target` and `data` are git-ignored.
const FOLDERS: &[&str] =
    &["src", "media", "pipelines", "web", "config", "benches", "tests", "systemd", "target", "data"];

/// Lines per file; ARCHITECTURE.md asks for a reason above 400.
const MAX_LINES: usize = 600;

/// The lines of a file that ship, with their numbers from 1: without comments, and without the tests at the end of the file. Tests may
/// cross directions (they play the client). A string that contains `//` loses its end, which no rule here minds.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut lines = text.lines().enumerate().peekable();
    std::iter::from_fn(move || {
        let (index, line) = lines.next()?;
        let tests_begin = line.starts_with("#[cfg(test)]")
            && lines.peek().is_some_and(|(_, next)| next.contains("mod ") && next.ends_with('{'));
        if tests_begin {
            return None;
        }
        Some((index + 1, line.split("//").next().unwrap_or_default()))
    })
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.starts_with("benches/") || path.ends_with("tests.rs") || path.contains("/tests/")
}

pub(super) fn foreign_names(path: &str, text: &str) -> Vec<Finding> {
    if is_test(path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in code(text) {
        for (name, homes) in HOMES {
            if contains_word(line, name) && !homes.iter().any(|home| path.starts_with(home)) {
                findings.push(format!("{path}:{number}: {name} belongs to {}", homes.join(", ")));
            }
        }
        if path.starts_with("media/")
            && ["amphi::", "amphi_pipelines::", "pipelines::"].iter().any(|name| contains_word(line, name))
        {
            findings.push(format!("{path}:{number}: media knows neither pipelines nor the server"));
        }
    }
    findings
}

/// `name` in `line`, not as the end of a longer word.
fn contains_word(line: &str, name: &str) -> bool {
    line.match_indices(name)
        .any(|(at, _)| !line[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_'))
}

pub(super) fn directions(path: &str, text: &str) -> Vec<Finding> {
    let Some(inside) = path.strip_prefix("src/") else { return Vec::new() };
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    if is_test(path) || ASSEMBLERS.contains(&module) {
        return Vec::new();
    }
    let Some((_, allowed)) = DIRECTIONS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{path}:1: {module} has no line in DIRECTIONS: decide whom it may use")];
    };
    let mut findings = Vec::new();
    for (number, line) in code(text) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            // `use crate::{a, b::c}` names several.
            let named: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list
                    .trim_end_matches(['}', ';'])
                    .split(',')
                    .map(|item| item.trim().split("::").next().unwrap_or_default())
                    .collect(),
                None => vec![rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()],
            };
            for name in named {
                let is_module = DIRECTIONS.iter().any(|(known, _)| *known == name) || ASSEMBLERS.contains(&name);
                if is_module && name != module && !allowed.contains(&name) {
                    findings.push(format!("{path}:{number}: {module} may not use {name}"));
                }
            }
        }
    }
    findings
}

pub(super) fn banned_words(path: &str, text: &str) -> Vec<Finding> {
    // In two pieces, so that this file does not find itself.
    let banned = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("unimplemented", "!"),
        concat!("todo", "!"),
        concat!("#[ig", "nore"),
        concat!("#[al", "low("),
        concat!("#![al", "low("),
        concat!("unbounded", "_channel"),
        concat!("mpsc::un", "bounded"),
    ];
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in banned {
            if line.contains(word) {
                findings.push(format!("{path}:{}: {word}", index + 1));
            }
        }
    }
    findings
}

pub(super) fn shape(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        findings.push(format!("{path}: {lines} lines; {MAX_LINES} is the most"));
    }
    if !text.starts_with("//!") {
        findings.push(format!("{path}:1: the first line (//!) says what the file is for"));
    }
    for part in path.split(['/', '.']) {
        if ["utils", "util", "common", "helpers", "helper", "misc", "define", "prelude"].contains(&part) {
            findings.push(format!("{path}: {part} says nothing; name the thing"));
        }
    }
    findings
}

pub(super) fn top_level(names: &[String]) -> Vec<Finding> {
    names
        .iter()
        .filter(|name| !name.starts_with('.') && !FOLDERS.contains(&name.as_str()))
        .map(|name| format!("{name}/: not one of {}", FOLDERS.join(" ")))
        .collect()
}

pub(super) fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let banned =
        [concat!("/wo", "rk/"), concat!("/tm", "p/w/"), concat!("/ro", "ot/"), concat!("BEGIN RSA PRIV", "ATE KEY")];
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        findings.extend(
            banned.iter().filter(|word| line.contains(**word)).map(|word| format!("{path}:{}: {word}", index + 1)),
        );
    }
    findings
}

pub(super) fn metrics(table: &[&str], sources: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = Vec::new();
    for (path, text) in sources.iter().filter(|(path, _)| !is_test(path)) {
        for (number, line) in code(text) {
            for literal in line.split('"').skip(1).step_by(2) {
                let is_name = literal.starts_with("amphi_")
                    // Alone it is how API tokens begin.
                    && literal != "amphi_"
                    && literal.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                    && !["amphi_media", "amphi_pipelines", "amphi_engine"].contains(&literal);
                if !is_name {
                    continue;
                }
                if !table.contains(&literal) {
                    findings.push(format!("{path}:{number}: {literal} has no line in telemetry::METRICS"));
                }
                let is_table_line =
                    ["counter(", "gauge(", "histogram("].iter().any(|call| line.trim_start().starts_with(call));
                if !(path == "src/telemetry.rs" && is_table_line) {
                    used.push(literal.to_owned());
                }
            }
        }
    }
    findings.extend(
        table
            .iter()
            .filter(|name| !used.iter().any(|u| u == *name))
            .map(|name| format!("{name}: described, but nobody counts it")),
    );
    findings
}

pub(super) fn dead_links(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty()
                && !target.contains("://")
                && !target.starts_with("mailto:")
                && !exists(&format!("{folder}{target}"))
            {
                findings.push(format!("{path}:{}: {link} leads nowhere", index + 1));
            }
        }
    }
    findings
}

#[test]
fn the_rules_find_what_they_forbid() {
    let foreign = |path, line| foreign_names(path, line).len();
    assert_eq!(foreign("src/live/x.rs", "use sqlx::Row;"), 1);
    assert_eq!(foreign("src/catalogue/x.rs", "use sqlx::Row;"), 0);
    assert_eq!(foreign("src/live/x.rs", "fn a() { axum::serve() }"), 1);
    assert_eq!(foreign("src/live/x.rs", "// as axum::serve does"), 0);
    assert_eq!(foreign("src/live/x.rs", "let a = 1;\n#[cfg(test)]\nmod tests {\n axum::serve()\n"), 0);
    assert_eq!(foreign("src/live/x.rs", "#[cfg(test)]\nmod tests;\nuse axum::Json;\n"), 1);
    assert_eq!(foreign("media/src/feed/x.rs", "tokio::spawn(async {})"), 1);
    assert_eq!(foreign("media/src/feed/x.rs", "use amphi::live;"), 1);
    assert_eq!(foreign("src/http/x.rs", "use tokio::signal::ctrl_c;"), 1);
    assert_eq!(foreign("src/http/x.rs", "not_axum::a; tower_sqlx::b"), 0);

    let turns = |path, line| directions(path, line).len();
    assert_eq!(turns("src/live/x.rs", "use crate::http::server;"), 1);
    assert_eq!(turns("src/live.rs", "use crate::{catalogue::Video, http};"), 1);
    assert_eq!(turns("src/http/x.rs", "use crate::live::Handle;"), 0);
    assert_eq!(turns("src/http/x.rs", "use crate::app::App;"), 1);
    assert_eq!(turns("src/app.rs", "use crate::http;"), 0);
    assert_eq!(turns("src/novelty/mod.rs", ""), 1);

    assert_eq!(banned_words("a.rs", concat!("// TO", "DO: later")).len(), 1);
    assert_eq!(banned_words("a.rs", concat!("mpsc::un", "bounded_ch", "annel()")).len(), 2);
    assert_eq!(shape("src/a.rs", &"//! Long.\n".repeat(MAX_LINES + 1)).len(), 1);
    assert_eq!(shape("src/utils/a.rs", "fn a() {}").len(), 2);
    assert_eq!(shape("src/a.rs", "//! What.").len(), 0);
    assert_eq!(top_level(&["src".into(), "docs".into(), ".git".into()]).len(), 1);
    assert_eq!(machine_paths("a", concat!("cd /wo", "rk/x")).len(), 1);
    assert_eq!(
        dead_links("tests/a.md", "[x](support/README.md) [y](gone.md#z) [w](https://a)", &|to| to
            == "tests/support/README.md")
        .len(),
        1
    );

    let source = |text: &str| vec![("src/x.rs".to_owned(), text.to_owned())];
    assert_eq!(metrics(&["amphi_a_total"], &source("counter!(\"amphi_a_total\")")).len(), 0);
    assert_eq!(metrics(&["amphi_a_total"], &source("counter!(\"amphi_b_total\")")).len(), 2);
}
