//! Replicas: the same bytes whatever their clock and settings say, and nothing sent for nothing.

use std::process::Command;

use crate::support::answer::Answer;
use crate::support::history::Random;
use crate::support::scenario::{START, words};
use crate::support::server::{Server, run_on};

#[test]
fn a_replica_with_another_clock_and_other_settings_has_the_same_bytes() {
    let mut primary = Server::start(&["appendonly no", "save \"\""]);
    primary.must(&format!("FW.CLOCK SET {START}"));
    let mut replica = primary.replica(&[
        "appendonly no",
        "save \"\"",
        "fw.new-accounts reject",
        "fw.requests-per-minute 1",
        "fw.tokens-per-minute 1",
        "fw.concurrency 0",
        "fw.hold-ttl-ms 1",
        "fw.hold-memory-ms 0",
        "fw.tiers \"x 1 0\"",
        "fw.quotas \"\"",
        "fw.anchor-day 15",
        "fw.lease-ttl-ms 1",
        "fw.spend-memory-ms 0",
        "fw.billing-memory-ms 0",
    ]);
    replica.must(&format!("FW.CLOCK SET {}", START + 3_600_000));
    let mut random = Random::new();
    let mut connection = primary.connect();
    for _ in 0..10_000 {
        run_on(&mut connection, &words(&random.command()));
    }
    primary.wait_for_replica(&mut replica);
    assert_eq!(replica.digest(), primary.digest());
    for key in ["a", "b", "c", "\"\\xff\\xfe\"", "d{x}"] {
        let digest = format!("DEBUG DIGEST-VALUE {key}");
        assert_eq!(replica.says(&digest), primary.says(&digest), "{key}");
    }
    assert_eq!(replica.info("fw", "fw_divergences"), "0");
    assert_ne!(replica.info("fw", "fw_effects_applied"), "0");
}

#[test]
fn an_effect_for_a_key_that_holds_something_else_is_a_divergence_and_changes_nothing() {
    let mut primary = Server::start(&["appendonly no", "save \"\""]);
    let mut replica = primary.replica(&["appendonly no", "replica-read-only no"]);
    primary.wait_for_replica(&mut replica);
    replica.must("SET a x");
    primary.must("FW.ADMIT a");
    primary.wait_for_replica(&mut replica);
    assert_eq!(replica.info("fw", "fw_divergences"), "1");
    assert_eq!(replica.says("GET a"), "x");
}

#[test]
fn a_replica_answers_views_and_refuses_changes() {
    let mut primary = Server::start(&["appendonly no", "save \"\""]);
    primary.must(&format!("FW.CLOCK SET {START}"));
    primary.must("FW.ADMIT a");
    primary.must("FW.QUOTA a RESERVE l h100 1");
    primary.must("FW.ADMIT a SCOPE m TOKENS 5 HOLD h 1");
    let mut replica = primary.replica(&["appendonly no"]);
    replica.must(&format!("FW.CLOCK SET {START}"));
    primary.wait_for_replica(&mut replica);
    for view in [
        "PEEK a",
        "PEEK a TOKENS 5 HOLD h 1",
        "GET a",
        "QUOTAS a",
        "QUOTAS a h100",
        "HOLDS a",
        "LEASES a",
        "LOG a",
        "TIERS",
    ] {
        let view = format!("FW.{view}");
        let seen = replica.says(&view);
        assert!(!seen.starts_with("(error)"), "{view}: {seen}");
        assert_eq!(seen, primary.says(&view), "{view}");
    }
    for change in [
        "ADMIT a",
        "ADMIT a HOLD h 1",
        "SPEND a 1",
        "SPEND a 1 HOLD h",
        "VOID a h",
        "EXTEND a h 1000",
        "TOPUP a 1 ID t",
        "REFUND a 1 ID r",
        "INVOICE a FAILED i",
        "SUSPEND a fraud",
        "RESUME a",
        "SET a tier auto",
    ] {
        assert_eq!(replica.says(&format!("FW.{change}")), "(error) READONLY");
    }
    assert_eq!(replica.says("FW.LIMIT a requests VALUE 1"), "(error) READONLY");
    assert_eq!(replica.says("FW.QUOTA a RELEASE l"), "(error) READONLY");
}

/// Denials, errors, duplicates and views, and one millisecond in which a hold lapses.
const NOTHING: [&str; 37] = [
    "FW.ADMIT a",
    "FW.ADMIT a COST 601",
    "FW.ADMIT a COST 0",
    "FW.ADMIT b",
    "FW.PEEK a",
    "FW.PEEK missing",
    "FW.SPEND b 50 ID s",
    "FW.SPEND b 51 ID s",
    "FW.SPEND a 0",
    "FW.TOPUP a 1 ID t",
    "FW.QUOTA a RESERVE m h100 1",
    "FW.QUOTA a RESERVE l h100 8",
    "FW.QUOTA a RELEASE missing",
    "FW.QUOTA a RENEW l 9",
    "FW.QUOTA a SYNC 9 l",
    "FW.LIMIT a requests VALUE 601",
    "FW.SET a payment-method yes",
    "FW.GET a",
    "FW.QUOTAS a",
    "FW.LEASES a",
    "FW.LOG b",
    "FW.TIERS",
    "FW.CLOCK ADVANCE 1",
    "FW.ADMIT h HOLD k 50",
    "FW.ADMIT h HOLD h3 3",
    "FW.ADMIT h HOLD h3 4",
    "FW.PEEK h TOKENS 5 HOLD k 1",
    "FW.SPEND h 5 HOLD h1",
    "FW.SPEND h 6 HOLD h1",
    "FW.SPEND h 1 HOLD unknown",
    "FW.VOID h h1",
    "FW.EXTEND h h2 1000",
    "FW.REFUND h 1 ID r",
    "FW.INVOICE h FAILED i",
    "FW.SUSPEND s fraud",
    "FW.RESUME a",
    "FW.HOLDS h",
];

#[test]
fn what_changes_nothing_sends_nothing() {
    let mut server = Server::start(&["save \"\"", "repl-ping-replica-period 3600"]);
    server.must(&format!("FW.CLOCK SET {START}"));
    let mut replica = server.replica(&["appendonly no"]);
    server.must("FW.ADMIT a COST 600");
    server.must("FW.SPEND b 50 ID s");
    server.must("FW.TOPUP a 1 ID t");
    server.must("FW.QUOTA a RESERVE l h100 8");
    for line in ["ADMIT h COST 0 HOLD h1 20", "ADMIT h COST 0 HOLD h2 20 TTL 1"] {
        server.must(&format!("FW.{line}"));
    }
    for line in ["SPEND h 5 HOLD h1", "INVOICE h PAID i", "REFUND h 1 ID r", "ADMIT h HOLD h3 3"] {
        server.must(&format!("FW.{line}"));
    }
    server.must("FW.SUSPEND s fraud");
    server.wait_for_replica(&mut replica);
    // A slow disk lets what is to be written to the AOF wait.
    server.wait_for("persistence", "aof_buffer_length", "0");
    let sent = server.offset();
    let written = server.info("persistence", "aof_current_size");
    for line in NOTHING {
        server.ask(line);
        assert_eq!(server.offset(), sent, "{line} sent something");
        assert_eq!(server.info("persistence", "aof_current_size"), written, "{line}");
    }
    server.must("FW.QUOTA a RELEASE l");
    assert_ne!(server.offset(), sent, "a change is sent");
}

#[test]
fn a_watched_account_is_touched_by_a_change_and_not_by_a_denial() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT a COST 599");
    let mut other = server.connect();
    for (line, outcome) in [
        ("FW.ADMIT a COST 2", "[] PONG"),
        ("FW.PEEK a", "[] PONG"),
        ("FW.ADMIT a", "(nil)"),
        ("FW.SPEND a 1", "(nil)"),
        ("FW.QUOTA a RENEW l 1", "[] PONG"),
        ("FW.QUOTA a RESERVE l h100 1", "(nil)"),
        ("FW.ADMIT a COST 0 HOLD h 51", "[] PONG"),
        ("FW.ADMIT a COST 0 HOLD h 5", "(nil)"),
        ("FW.ADMIT a COST 0 HOLD h 5", "[] PONG"),
        ("FW.SPEND a 1 HOLD h PARTIAL", "(nil)"),
        ("FW.VOID a h", "(nil)"),
        ("FW.VOID a h", "[] PONG"),
    ] {
        server.must("WATCH a");
        run_on(&mut other, &words(line));
        server.must("MULTI");
        server.must("PING");
        let done = server.says("EXEC");
        assert_eq!(done == "(nil)", outcome == "(nil)", "{line}: {done}");
    }
}

#[test]
fn transactions_and_scripts_can_admit() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let mut replica = server.replica(&["appendonly no"]);
    server.must(&format!("FW.CLOCK SET {START}"));
    server.must("MULTI");
    server.must("FW.ADMIT a");
    server.must("FW.ADMIT a COST 601");
    server.must("FW.SPEND a 1");
    let wanted = "[OK requests 600 599 60000 0] [TOO_LARGE requests 600 599 60000 -1] \
                  [OK 1 50 0 0 tier-1 active]";
    assert_eq!(server.says("EXEC"), wanted);
    let script = "\"return redis.call('FW.ADMIT', KEYS[1], 'COST', ARGV[1])\"";
    let said = server.says(&format!("EVAL {script} 1 a 9"));
    assert_eq!(said, "OK requests 600 590 60000 0");
    server.wait_for_replica(&mut replica);
    assert_eq!(replica.digest(), server.digest());
}

fn signal(name: &str, pid: &str) {
    let told = Command::new("kill").args([name, pid]).status();
    assert!(told.expect("kill runs").success(), "{name} {pid}");
}

#[test]
fn a_replica_that_loads_anew_without_a_disk_goes_on_to_answer_views() {
    let lines = ["appendonly no", "save \"\"", "repl-backlog-size 16kb", "repl-diskless-sync yes"];
    let mut primary = Server::start(&lines);
    // Accounts so large that each is sent by itself: a replica looks at its clients in between.
    for number in 0..250 {
        primary.must(&format!("FW.SPEND k0 0.01 ID {number}{}", "x".repeat(120)));
    }
    for number in 1..50 {
        primary.must(&format!("COPY k0 k{number}"));
    }
    let mut replica = primary.replica(&[
        "appendonly no",
        "save \"\"",
        "repl-diskless-load swapdb",
        "replica-read-only no",
        "loading-process-events-interval-bytes 1024",
    ]);
    primary.wait_for_replica(&mut replica);
    let before = replica.says("FW.GET k7");
    // More than the backlog holds, while the replica cannot come back: it must load everything.
    let pid = replica.info("server", "process_id");
    signal("-STOP", &pid);
    primary.must("CLIENT KILL TYPE replica");
    for number in 0..2_000 {
        primary.must(&format!("FW.SPEND k{} 0.01 ID {number}", number % 50));
    }
    // So slow that it does not end by itself while somebody looks.
    primary.must("CONFIG SET rdb-key-save-delay 200000");
    signal("-CONT", &pid);
    replica.wait_for("persistence", "async_loading", "1");
    assert_eq!(replica.says("FW.GET k7"), before, "what it had is there while it loads");
    assert_eq!(replica.says("FW.APPLY k7 x"), "(error) NOTALLOWED");
    assert_eq!(replica.info("persistence", "async_loading"), "1", "it loads still");
    // That load fails, and the next one goes through. The connection is what ends, not the child that
    // saves: when that dies, a primary may still send its line feed that keeps replicas waiting, the
    // replica takes it for the next byte of the RDB and ends itself.
    primary.must("CONFIG SET rdb-key-save-delay 0");
    primary.must("CLIENT KILL TYPE replica");
    replica.wait_for("persistence", "async_loading", "0");
    replica.wait_for("replication", "master_link_status", "up");
    primary.wait_for_replica(&mut replica);
    assert_ne!(replica.says("FW.GET k7"), before);
    assert_eq!(replica.digest(), primary.digest());
    assert_eq!(replica.info("fw", "fw_divergences"), "0");
}

/// What a replica answers that takes over with another clock, after a full window, a hold and a lease
/// of 30 s, and a charge with an id.
struct Promoted {
    /// How far its clock is ahead of the former primary's.
    ahead: i64,
    admits: &'static str,
    spends: &'static str,
    held: &'static str,
    leases: &'static str,
}

const PROMOTED: [Promoted; 4] = [
    // A minute or less behind: for the account time stands still.
    Promoted {
        ahead: -60_000,
        admits: "RATE_LIMITED requests 600 0 60000 60000",
        spends: "DUPLICATE 1 50 5 0 tier-1 active",
        held: "5",
        leases: "1",
    },
    // Further behind: windows start empty, and nothing has more left than its own time.
    Promoted {
        ahead: -3_600_000,
        admits: "OK requests 600 599 60000 0",
        spends: "DUPLICATE 1 50 5 0 tier-1 active",
        held: "5",
        leases: "1",
    },
    // Ahead: what is due by its clock is due.
    Promoted {
        ahead: 3_600_000,
        admits: "OK requests 600 599 60000 0",
        spends: "DUPLICATE 1 50 0 0 tier-1 active",
        held: "0",
        leases: "0",
    },
    Promoted {
        ahead: 86_400_000,
        admits: "OK requests 600 599 60000 0",
        spends: "OK 2 50 0 0 tier-1 active",
        held: "0",
        leases: "0",
    },
];

#[test]
fn a_replica_that_takes_over_judges_by_its_own_clock_and_nothing_stays_stuck() {
    for Promoted { ahead, admits, spends, held, leases } in PROMOTED {
        let mut primary = Server::start(&["appendonly no", "save \"\""]);
        let mut replica = primary.replica(&["appendonly no", "save \"\""]);
        primary.must(&format!("FW.CLOCK SET {START}"));
        replica.must(&format!("FW.CLOCK SET {}", START + ahead));
        primary.must("FW.SPEND a 1 ID s");
        primary.must("FW.ADMIT a COST 0 HOLD h 5 TTL 30000");
        primary.must("FW.QUOTA a RESERVE l h100 8 TTL 30000");
        primary.must("FW.ADMIT a COST 600");
        primary.wait_for_replica(&mut replica);
        primary.kill();
        replica.must("REPLICAOF NO ONE");
        assert_eq!(replica.says("FW.ADMIT a"), admits, "{ahead}");
        assert_eq!(replica.says("FW.SPEND a 1 ID s"), spends, "{ahead}");
        let view = replica.must("FW.GET a");
        let figure = |view: &Answer, name| view.value(name).map(Answer::word);
        assert_eq!(figure(&view, "held").as_deref(), Some(held), "{ahead}");
        assert_eq!(figure(&view, "leases").as_deref(), Some(leases), "{ahead}");
        // The clock is put right. Once something is stored, all is over after its own time.
        replica.must("FW.ADMIT a COST 0 HOLD late 7 TTL 30000");
        replica.must("FW.QUOTA a RESERVE late h100 8 TTL 30000");
        replica.must(&format!("FW.CLOCK SET {START}"));
        replica.must("FW.SPEND a 1");
        replica.must("FW.CLOCK ADVANCE 60000");
        let view = replica.must("FW.GET a");
        for name in ["held", "leases", "open_holds"] {
            assert_eq!(figure(&view, name).as_deref(), Some("0"), "{ahead}: {name} {view:?}");
        }
        let quota = "OK requests 600 0 60000 0";
        assert_eq!(replica.says("FW.ADMIT a COST 600"), quota, "{ahead}: the window is whole");
    }
}
