//! The errors that a command is documented with are those that it has.

use std::collections::BTreeSet;

use fw_limits::command::{Command, Keyless, Visitor, commands};

use crate::root;

/// Errors for which a scenario cannot arrange: tests/server has them.
const OF_THE_SERVER: [&str; 2] = ["WRONGTYPE", "OOM"];

struct Keyed(Vec<(&'static str, &'static [&'static str])>);

impl Visitor for Keyed {
    fn command<C: Command>(&mut self) {
        self.0.push((C::DOC.name, C::DOC.errors));
    }

    fn keyless<C: Keyless>(&mut self) {
        assert!(!C::DOC.errors.contains(&"WRONGTYPE"), "{} has no key", C::DOC.name);
    }
}

#[test]
fn the_errors_of_a_command_are_those_that_the_scenarios_have() {
    let seen = seen();
    assert!(seen.len() > 30, "{seen:?}");
    let mut keyed = Keyed(Vec::new());
    commands(&mut keyed);
    for (name, errors) in keyed.0 {
        assert_eq!(errors.first(), Some(&"WRONGTYPE"), "{name}");
        let said: BTreeSet<&str> =
            errors.iter().copied().filter(|code| !OF_THE_SERVER.contains(code)).collect();
        let had = seen.iter().filter(|(command, code)| command == name && code != "ERR");
        let had: BTreeSet<&str> = had.map(|(_, code)| code.as_str()).collect();
        assert_eq!(said, had, "{name}: said, and had by the scenarios");
    }
}

/// Every pair of a command and an error in the scenarios.
fn seen() -> BTreeSet<(String, String)> {
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("tests/scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "txt") {
            continue;
        }
        let mut command = String::new();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [">" | ">=", name, ..] => command = (*name).to_owned(),
                ["<", "(error)", code] => {
                    seen.insert((command.clone(), (*code).to_owned()));
                }
                _ => {}
            }
        }
    }
    seen
}
