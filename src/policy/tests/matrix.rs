//! `matrix.txt`, row by row.

use super::super::object::{Action, Kind};
use super::super::state::{State, Visibility};
use super::super::{Decision, Refusal};
use super::cast::{Somebody, blocks, kinds, name, state};
use std::collections::BTreeSet;

const TABLE: &str = include_str!("matrix.txt");

/// One line, expanded: what is asked, how it stands, and an answer for each of the four blocks.
struct Row {
    line: usize,
    asked: Vec<(Kind, Action)>,
    state: State,
    answers: Vec<String>,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(index, line)| row(index + 1, line)).collect()
}

fn row(line: usize, text: &str) -> Row {
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.len() >= 7, "line {line}: objects, actions, a visibility and four blocks");
    let (asked, answers) = words.split_at(words.len() - 4);
    let objects = objects(line, asked[0]);
    let actions = asked[1].split(',').map(|word| {
        let found = Action::ALL.into_iter().find(|action| name(action) == word);
        found.unwrap_or_else(|| panic!("line {line}: {word} is no action"))
    });
    Row {
        line,
        asked: actions.flat_map(|action| objects.iter().map(move |kind| (*kind, action))).collect(),
        state: standing(line, &asked[2..]),
        answers: answers.iter().map(|block| (*block).to_owned()).collect(),
    }
}

/// `live.page,record` → both of them.
fn objects(line: usize, text: &str) -> Vec<Kind> {
    let prefix = text.split_once('.').map_or(String::new(), |(prefix, _)| format!("{prefix}."));
    let kinds = kinds();
    let find = |word: &str| {
        let wanted = if word.starts_with(&prefix) { word.to_owned() } else { format!("{prefix}{word}") };
        let found = kinds.iter().find(|(known, _)| *known == wanted);
        found.unwrap_or_else(|| panic!("line {line}: {wanted} is no object")).1
    };
    text.split(',').map(find).collect()
}

fn standing(line: usize, words: &[&str]) -> State {
    let visibility = words.iter().find_map(|word| word.parse::<Visibility>().ok()).unwrap_or(Visibility::Draft);
    let mut stands = state(visibility);
    for word in words.iter().filter(|word| word.parse::<Visibility>().is_err()) {
        match *word {
            "unowned" => stands.owners.clear(),
            "waits" => stands.claimable = true,
            "nowhere" => stands.building = None,
            "deleted" => stands.deleted = true,
            "absent" => stands.exists = false,
            "short" => stands.listed = false,
            "downloadable" => stands.downloadable = true,
            "open" => stands.open_figures = true,
            "audience-of-none" => stands.audience.clear(),
            other => panic!("line {line}: {other} is no way to stand"),
        }
    }
    stands
}

fn sign(decision: Decision) -> char {
    match decision {
        Decision::Allowed => '+',
        Decision::Refused(Refusal::SignIn) => '1',
        Decision::Refused(Refusal::Password) => 'p',
        Decision::Refused(Refusal::Forbidden) => '3',
        Decision::Refused(Refusal::Scope(_)) => 's',
        Decision::Refused(Refusal::Hidden) => '.',
    }
}

#[test]
fn every_row_of_the_table_holds_for_everybody() {
    let blocks = blocks();
    let mut asserted = 0;
    let mut wrong = Vec::new();
    for row in rows() {
        for (kind, action) in &row.asked {
            for (block, expected) in blocks.iter().zip(&row.answers) {
                assert_eq!(block.len(), expected.len(), "line {}: one answer for each of {:?}", row.line, names(block));
                for (somebody, expected) in block.iter().zip(expected.chars()) {
                    let found = sign(somebody.asks(*kind, *action, &row.state));
                    if found != expected {
                        wrong.push(format!(
                            "line {}: {} {action:?} {kind:?}: {found}, not {expected}",
                            row.line, somebody.name
                        ));
                    }
                    asserted += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(asserted >= 5_000, "only {asserted} answers were compared: the table is not read");
}

fn names(block: &[Somebody]) -> Vec<&str> {
    block.iter().map(|somebody| somebody.name.as_str()).collect()
}

#[test]
fn every_object_action_and_visibility_has_a_row() {
    let rows = rows();
    let seen: BTreeSet<String> =
        rows.iter().flat_map(|row| row.asked.iter().map(|(kind, _)| format!("{kind:?}"))).collect();
    for (name, kind) in kinds() {
        assert!(seen.contains(&format!("{kind:?}")), "{name}");
    }
    for action in Action::ALL {
        assert!(rows.iter().any(|row| row.asked.iter().any(|(_, asked)| *asked == action)), "{action:?}");
    }
    for kind in ["Live(Page)", "Live(Segment)", "Video(Page)", "Video(Segment)", "Video(Caption)", "Video(Picture)"] {
        for visibility in Visibility::ALL {
            let found = rows.iter().any(|row| {
                row.state.visibility == visibility && row.asked.iter().any(|(asked, _)| format!("{asked:?}") == kind)
            });
            assert!(found, "{kind} {visibility}");
        }
    }
}
