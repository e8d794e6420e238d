//! A disk that is full: the append-only file cannot grow, as `ulimit -f` has it.

use std::path::Path;

use crate::answer::Answer;
use crate::client::blob;
use crate::damage::{copy, divergences};
use crate::memory::Memory;
use crate::scenario::{START, Target, words};
use crate::started::Started;
use crate::support::server::answered;

/// Large enough to begin with, small enough to be full soon.
const KILOBYTES: u64 = 48;

/// Charges until one is not taken; replies with how many were, and what was said then.
fn fill(server: &mut Started, memory: &mut Memory) -> (Vec<Vec<u8>>, String) {
    let mut connection = server.connect().expect("the server is up");
    let mut ask = |line: &str| {
        let mut command = redis::Cmd::new();
        for word in words(line) {
            command.arg(word);
        }
        connection.send_packed_command(&command.get_packed_command()).ok()?;
        connection.recv_response().ok().map(answered)
    };
    ask(&format!("FW.CLOCK SET {START}")).expect("the clock is set");
    memory.clock(START);
    let mut images = vec![Vec::new()];
    for number in 1..100_000 {
        let line = format!("FW.SPEND a 0.01 ID {number}");
        match ask(&line) {
            Some(Answer::Error(line)) => {
                // What only reads goes on; what was denied changed nothing.
                let view = ask("FW.GET a").expect("a view");
                assert!(view.value("spent").is_some(), "{view:?}");
                return (images, line);
            }
            Some(answer) => assert_eq!(memory.run(&words(&line)), answer),
            None => return (images, "gone".to_owned()),
        }
        images.push(memory.image(b"a"));
    }
    panic!("the disk is never full");
}

/// What the account is stored as after a start with room on the disk.
fn stored(from: &Path, lines: &[&str]) -> Vec<u8> {
    let mut server = Started::new(lines, |folder| copy(from, folder));
    let mut connection = server.connect().expect("it loads");
    assert_eq!(divergences(&mut connection), 0);
    blob(&redis::cmd("DUMP").arg("a").query::<Vec<u8>>(&mut connection).expect("a payload"))
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged_under_always() {
    let lines = ["appendonly yes", "appendfsync always", "fw.new-accounts open"];
    let mut server = Started::limited(KILOBYTES, &lines, |_| ());
    let (images, said) = fill(&mut server, &mut Memory::default());
    assert!(images.len() > 100, "{} charges", images.len() - 1);
    // The server ends by itself: it cannot keep what it would acknowledge.
    assert_eq!(said, "gone");
    server.refused().expect("it ends in good order");
    let found = stored(&server.folder, &lines);
    assert!(found == images[images.len() - 1], "all that was acknowledged, and no more");
}

#[test]
fn a_full_disk_refuses_changes_and_serves_views_where_not_every_change_is_synced() {
    // A write that finds the disk full comes after its reply. Under `everysec` it also waits while a
    // sync runs, so more than one reply may come before it.
    for (policy, unheard) in [("no", 1), ("everysec", usize::MAX)] {
        let lines = ["appendonly yes", &format!("appendfsync {policy}"), "fw.new-accounts open"];
        let mut server = Started::limited(KILOBYTES, &lines, |_| ());
        let (images, said) = fill(&mut server, &mut Memory::default());
        assert!(said.starts_with("MISCONF"), "{policy}: {said}");
        let found = stored(&server.folder, &lines);
        let last = images.len() - 1;
        let at = images.iter().position(|image| *image == found);
        let lost = at.map(|at| last - at);
        assert!(lost.is_some_and(|lost| lost <= unheard), "{policy}: {lost:?} of {last} lost");
        println!("full: appendfsync {policy}: {last} acknowledged, {lost:?} of them lost");
    }
}
