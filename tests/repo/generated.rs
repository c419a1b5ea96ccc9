//! What the binary generates is committed as it would be generated now.

use super::root;
use crate::support::peers::run;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);

/// Where the output of a subcommand is committed. A subcommand that the binary doesn't list has nothing to commit.
const GENERATED: &[(&str, &str)] = &[("write-config", "config/amphi.toml"), ("openapi", "web/src/api/openapi.json")];

#[test]
fn committed_files_are_what_the_binary_writes() {
    let amphi = env!("CARGO_BIN_EXE_amphi");
    let help = run(amphi, ["--help"], WITHIN);
    for (subcommand, path) in GENERATED {
        let listed = lists(&help, subcommand);
        let committed = std::fs::read_to_string(root().join(path)).ok();
        assert_eq!(listed, committed.is_some(), "{path} and `amphi {subcommand}` come together");
        if let Some(committed) = committed {
            assert!(run(amphi, [subcommand], WITHIN) == committed, "{path} is stale: run `make generate`");
        }
    }
}

fn lists(help: &str, subcommand: &str) -> bool {
    help.lines().any(|line| line.split_whitespace().next() == Some(subcommand))
}

#[test]
fn a_subcommand_is_found_in_claps_help() {
    let help = "Usage: amphi <COMMAND>\n\nCommands:\n  serve         Serve\n  write-config  Print the configuration\n";
    assert!(lists(help, "write-config") && !lists(help, "openapi") && !lists(help, "config"));
}
