//! A panic once the change began: the server ends, and no account is half changed anywhere.

use std::os::unix::process::ExitStatusExt;

use redis::Value;

use super::{CHANGES, arm, fill, panics, set_clock, start};
use crate::support::scenario::words;
use crate::support::server::Server;

const ABORTED: i32 = 6;

/// Sends lines to which no answer comes, because the server ends itself.
fn ends(server: &mut Server, lines: &[&str]) {
    let mut connection = server.connect();
    let mut failed = false;
    for line in lines {
        let mut command = redis::Cmd::new();
        for word in words(line) {
            command.arg(word);
        }
        let answer = command.query::<Value>(&mut connection);
        failed = answer.is_err_and(|error| error.is_io_error() || error.is_connection_dropped());
    }
    assert!(failed, "the last of {lines:?} was answered");
    assert_eq!(server.ended().signal(), Some(ABORTED), "{}", server.log());
}

#[test]
fn the_server_ends_and_the_account_is_as_it_was_acknowledged() {
    let mut server = start(&[]);
    let mut replica = server.replica(&["appendonly no"]);
    set_clock(&mut replica);
    fill(&mut server);
    for (number, line) in CHANGES.into_iter().enumerate() {
        // All kinds of changes at one place, and one kind at all places.
        let places: &[&str] =
            if number == 0 { &["applied", "sent", "reply"] } else { &["applied"] };
        for place in places {
            server.wait_for_replica(&mut replica);
            let was = server.picture("a");
            arm(&mut server, place);
            ends(&mut server, &[line]);
            assert_eq!(replica.picture("a"), was, "the replica, {place}: {line}");
            server.restart();
            set_clock(&mut server);
            assert_eq!(server.picture("a"), was, "{place}: {line}");
            // It may not have seen yet that its primary ended.
            server.wait_for("replication", "connected_slaves", "1");
            replica.wait_for("replication", "master_link_status", "up");
            assert_eq!(replica.digest(), server.digest(), "{place}: {line}");
        }
        // It was not done: its id is new.
        assert!(server.must(line).line().starts_with("OK") || number == 5, "{line}");
    }
    assert_eq!(panics(&server), CHANGES.len() + 2);
}

#[test]
fn the_whole_of_a_transaction_is_undone() {
    let mut server = start(&[]);
    fill(&mut server);
    let was = server.digest();
    ends(
        &mut server,
        &["MULTI", "FW.SPEND a 1 ID n", "FW.PANIC applied", "FW.SPEND b 1 ID n", "EXEC"],
    );
    server.restart();
    set_clock(&mut server);
    assert_eq!(server.digest(), was);
    assert_eq!(server.says("FW.SPEND a 1 ID n"), "OK 4 500 2 146 tier-2 active");
}

#[test]
fn a_replica_that_fails_at_an_effect_counts_a_divergence_or_ends() {
    let mut primary = start(&[]);
    let mut replica = start(&[]);
    replica.must(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    replica.wait_for("replication", "master_link_status", "up");
    fill(&mut primary);
    primary.wait_for_replica(&mut replica);
    let was = replica.picture("a");

    arm(&mut replica, "received");
    primary.must("FW.SPEND a 1 ID n");
    primary.wait_for_replica(&mut replica);
    assert_eq!(replica.info("fw", "fw_divergences"), "1");
    assert_eq!(replica.picture("a"), was);

    arm(&mut replica, "taken");
    primary.must("FW.SPEND b 1 ID n");
    assert_eq!(replica.ended().signal(), Some(ABORTED), "{}", replica.log());
    replica.restart();
    replica.must(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    replica.wait_for("replication", "master_link_status", "up");
    assert_eq!(replica.digest(), primary.digest());
}
