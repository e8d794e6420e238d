//! The transcripts of the README and of transcripts.md, played against a real server and compared to
//! the letter.
//!
//! In a `console` block a line that begins with `$ ` runs in bash, and what follows is what it prints
//! on both outputs. There, `fwctl` and `redis-cli` talk to the test's server, whose clock stands still
//! from one full hour, at the start of a block, to the next; `sleep N` moves it; and the server's port
//! reads 6379.

use std::process::Command;

use crate::program::at;
use crate::program::url;
use crate::support::server::Server;

/// 2026-01-01T00:00:00Z, at which the first block begins.
const START_MS: u64 = 1_767_225_600_000;
const HOUR_MS: u64 = 3_600_000;

#[test]
fn the_readme_shows_what_happens() {
    let differences = differences(include_str!("../../README.md"));
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn every_face_is_as_it_was() {
    let differences = differences(include_str!("transcripts.md"));
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn a_transcript_that_is_not_true_is_found() {
    let text = "```console\n$ redis-cli PING\nPONG\n$ fwctl holds x\nID\n```\n";
    let differences = differences(text);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].contains("no such account"), "{differences:?}");
}

/// Plays all blocks of a text, and returns the commands that printed something else.
fn differences(text: &str) -> Vec<String> {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let blocks = text.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split_once("```").expect("a block ends").0);
    let mut differences = Vec::new();
    let mut count = 0;
    for (hour, block) in (0..).zip(blocks) {
        server.must(&format!("FW.CLOCK SET {}", START_MS + hour * HOUR_MS));
        for step in block.split("$ ").filter(|step| !step.is_empty()) {
            let (command, printed) = step.split_once('\n').expect("a command ends");
            let came = play(&server, command);
            count += 1;
            if came != printed {
                differences.push(format!("$ {command}\nprints\n{came}and not\n{printed}"));
            }
        }
    }
    assert!(count > 1, "no commands were found");
    differences
}

fn play(server: &Server, line: &str) -> String {
    let cli = format!("command redis-cli --no-raw -p {}", server.port);
    let script = format!(
        "redis-cli() {{ {cli} \"$@\"; }}\n\
         now() {{ command redis-cli -p {} FW.CLOCK ADVANCE 0; }}\n\
         fwctl() {{ \"$FWCTL\" --now-ms \"$(now)\" \"$@\"; }}\n\
         sleep() {{ {cli} FW.CLOCK ADVANCE $(($1 * 1000)) >/dev/null; }}\n\
         exec 2>&1\n{line}",
        server.port
    );
    // The same variables as every other test.
    let program = at(&url(server));
    let mut bash = Command::new("bash");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    let output = bash.env("FWCTL", program.get_program()).args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace(&format!(":{}", server.port), ":6379")
}
