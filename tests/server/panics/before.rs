//! A panic before the change began: an error, and nothing else.

use super::{CHANGES, FAILED, arm, fill, panics, start};
use std::time::Duration;

use crate::support::answer::Answer;
use crate::support::server::{Server, run_on};

/// How long a client waits for a reply, also where something slow watches the server.
const PATIENCE: Duration = Duration::from_secs(60);

/// All that could show a change: the accounts, what went to replicas, and the AOF's size.
fn everything(server: &mut Server) -> Vec<String> {
    let mut all = server.picture("a");
    all.push(server.digest());
    all.push(server.offset());
    all.push(server.info("persistence", "aof_current_size"));
    all
}

#[test]
fn it_is_an_error_changes_nothing_and_sends_nothing() {
    let mut server = start(&[]);
    let mut replica = server.replica(&["appendonly no"]);
    fill(&mut server);
    for (number, line) in CHANGES.into_iter().enumerate() {
        for (place, before) in [("parsed", 2 * number), ("judged", 2 * number + 1)] {
            assert_eq!(panics(&server), before, "{}", server.log());
            let was = everything(&mut server);
            arm(&mut server, place);
            assert_eq!(server.ask(line), Answer::Error(FAILED.to_owned()), "{place}: {line}");
            assert_eq!(everything(&mut server), was, "{place}: {line}");
        }
        // The key was closed, and the module's state is not in use: the same command goes well.
        assert!(server.must(line).line().starts_with("OK") || number == 5, "{line}");
    }
    assert_eq!(panics(&server), 2 * CHANGES.len());
    server.wait_for_replica(&mut replica);
    assert_eq!(replica.digest(), server.digest());
    server.must("DEL a");
    assert_eq!(server.says("FW.GET a"), "(nil)");
}

#[test]
fn it_makes_no_account() {
    let mut server = start(&[]);
    for place in ["parsed", "judged"] {
        arm(&mut server, place);
        assert_eq!(server.ask("FW.SPEND new 1 ID s"), Answer::Error(FAILED.to_owned()));
        assert_eq!(server.says("EXISTS new"), "0");
    }
    assert_eq!(server.says("FW.SPEND new 1 ID s"), "OK 1 50 0 0 tier-1 active");
}

#[test]
fn other_commands_of_a_transaction_and_of_a_script_go_on() {
    let mut server = start(&[]);
    fill(&mut server);
    // One of the two fails, the first; what the script does then is its own affair.
    let script = "redis.pcall('FW.SPEND','a','1','ID','n'); return redis.call('FW.GET','b')";
    arm(&mut server, "judged");
    assert!(server.must(&format!("EVAL \"{script}\" 2 a b")).line().contains("spent 3"));
    server.must("MULTI");
    server.must("FW.PANIC judged");
    server.must("FW.SPEND a 1 ID n");
    server.must("FW.SPEND b 1 ID n");
    let says = server.says("EXEC");
    assert!(says.contains("(error)") || says.contains("failed inside"), "{says}");
    let spent = |server: &mut Server, key: &str| server.says(&format!("FW.GET {key}"));
    assert!(spent(&mut server, "a").contains("spent 3 "), "a");
    assert!(spent(&mut server, "b").contains("spent 4 "), "b");
}

#[test]
fn a_reply_that_fails_half_way_is_ended_and_the_next_reply_is_its_own() {
    let mut server = start(&[]);
    fill(&mut server);
    let views = [
        "FW.GET a",
        "FW.QUOTAS a",
        "FW.HOLDS a",
        "FW.LEASES a",
        "FW.LOG a",
        "FW.EXPLAIN a COST 3",
        "FW.PEEK a TOKENS 3",
        "FW.TIERS",
        "FW.HELP",
    ];
    for protocol in ["", "?protocol=resp3"] {
        let mut connection = server.connect_with(protocol);
        // A client that is owed the rest would wait for ever.
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        for view in views {
            arm(&mut server, "reply");
            let words = crate::support::scenario::words(view);
            run_on(&mut connection, &words);
            let echo = [b"ECHO".to_vec(), view.as_bytes().to_vec()];
            assert_eq!(run_on(&mut connection, &echo), Answer::Text(view.into()), "{view}");
        }
    }
    assert_eq!(panics(&server), 2 * views.len());
}

#[test]
fn a_reply_that_fails_after_a_part_written_beforehand_is_ended_too() {
    let mut server = start(&[]);
    fill(&mut server);
    server.must("FW.LIMIT own requests MAX 20000");
    server.must("CONFIG SET fw.requests-per-minute 20000");
    for line in ["FW.ADMIT a HOLD x 1", "FW.SPEND a 1 HOLD x", "FW.ADMIT peeked"] {
        server.must(line);
    }
    // Views, and what changes nothing: a part of three slots of six, and one of one of seven.
    for line in ["FW.PEEK peeked", "FW.SPEND a 1 HOLD x"] {
        let mut connection = server.connect();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        arm(&mut server, "phrase");
        run_on(&mut connection, &crate::support::scenario::words(line));
        let echo = [b"ECHO".to_vec(), line.as_bytes().to_vec()];
        assert_eq!(run_on(&mut connection, &echo), Answer::Text(line.into()), "{line}");
    }
    assert_eq!(panics(&server), 2);
}
