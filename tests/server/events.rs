//! Events: what controllers hear of accounts, from a primary and from its replicas.

use crate::support::history::Random;
use crate::support::scenario::{START, words};
use crate::support::server::{Server, run_on};

/// Commands, and what is heard of their accounts.
const STORY: [(&str, &str); 20] = [
    ("FW.ADMIT a", "a fw.created"),
    ("FW.ADMIT a", ""),
    (
        "FW.SPEND a 50 ID s",
        "a fw.threshold, a fw.threshold, a fw.threshold, a fw.threshold, a fw.suspended",
    ),
    ("FW.SPEND a 50 ID s", ""),
    ("FW.SPEND a 51 ID s", ""),
    ("FW.ADMIT a", ""),
    ("FW.GET a", ""),
    ("FW.LOG a", ""),
    ("FW.TOPUP a 100 ID t", "a fw.tier, a fw.resumed"),
    ("FW.SUSPEND a \"a word\"", "a fw.suspended"),
    ("FW.INVOICE a FAILED i", "a fw.suspended"),
    ("FW.RESUME a", ""),
    ("FW.INVOICE a PAID i", "a fw.resumed"),
    ("FW.LIMIT a requests MAX 10", ""),
    ("FW.SET \"b\\xff\\x00\" tier tier-2", "b\u{fffd}\0 fw.created, b\u{fffd}\0 fw.tier"),
    ("FW.LIMIT a spend MAX 50", "a fw.suspended"),
    ("FW.CLOCK ADVANCE 2000000000", ""),
    ("FW.PEEK a", ""),
    ("FW.ADMIT a", "a fw.resumed"),
    ("FW.ADMIT a", ""),
];

fn shown(heard: &[(String, String)]) -> String {
    let rows: Vec<String> = heard.iter().map(|(key, event)| format!("{key} {event}")).collect();
    rows.join(", ")
}

#[test]
fn who_listens_to_an_account_hears_what_changed_and_nothing_else() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    let mut listener = server.listen();
    for (line, wanted) in STORY {
        server.ask(line);
        assert_eq!(shown(&listener.heard(&mut server)), wanted, "{line}");
    }
}

#[test]
fn a_replica_sends_the_events_of_its_primary_whatever_its_settings_are() {
    let mut primary = Server::start(&["appendonly no", "save \"\""]);
    let mut replica = primary.replica(&[
        "appendonly no",
        "save \"\"",
        "fw.thresholds \"1 2 3\"",
        "fw.tiers \"x 1 0\"",
        "fw.new-accounts reject",
    ]);
    primary.must(&format!("FW.CLOCK SET {START}"));
    let (mut near, mut far) = (primary.listen(), replica.listen());
    for (line, wanted) in STORY {
        primary.ask(line);
        primary.wait_for_replica(&mut replica);
        assert_eq!(shown(&far.heard(&mut replica)), wanted, "{line}");
    }
    near.heard(&mut primary);
    let mut random = Random::new();
    let mut connection = primary.connect();
    for _ in 0..3_000 {
        run_on(&mut connection, &words(&random.command()));
    }
    primary.wait_for_replica(&mut replica);
    let sent = shown(&near.heard(&mut primary));
    assert!(sent.len() > 1_000, "{sent}");
    assert_eq!(shown(&far.heard(&mut replica)), sent);
    for key in ["a", "b", "c"] {
        let log = format!("FW.LOG {key}");
        replica.must(&format!("FW.CLOCK SET {START}"));
        primary.must(&format!("FW.CLOCK SET {START}"));
        // Their tables differ, and with them what is due; what is stored does not.
        let digest = format!("DEBUG DIGEST-VALUE {key}");
        assert_eq!(replica.says(&digest), primary.says(&digest));
        // The history may have ended with the account's deletion.
        let exists = replica.says(&format!("EXISTS {key}")) == "1";
        assert_eq!(replica.says(&log).contains("time_ms"), exists, "{log}");
    }
}

#[test]
fn events_come_in_transactions_and_scripts_too() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let mut listener = server.listen();
    server.must("MULTI");
    server.must("FW.SUSPEND a fraud");
    server.must("FW.RESUME a");
    server.must("EXEC");
    let wanted = "a fw.created, a fw.suspended, a fw.resumed";
    assert_eq!(shown(&listener.heard(&mut server)), wanted);
    server.must("EVAL \"return redis.call('FW.SPEND', KEYS[1], '25')\" 1 b");
    assert_eq!(shown(&listener.heard(&mut server)), "b fw.created, b fw.threshold");
}

#[test]
fn without_the_setting_nothing_is_sent() {
    let mut server = Server::start(&["appendonly no", "save \"\"", "notify-keyspace-events \"\""]);
    let mut listener = server.listen();
    server.must("FW.SUSPEND a fraud");
    assert_eq!(shown(&listener.heard(&mut server)), "");
}
