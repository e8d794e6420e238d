//! What survives: restarts from RDB and AOF, rewrites, kills, and keys that are copied and moved.

use crate::support::answer::Answer;
use crate::support::history::Random;
use crate::support::scenario::START;
use crate::support::server::Server;

/// Two accounts in use, and one that is suspended.
const KEYS: [&str; 3] = ["a", "\"\\xff\\xfe\\x00\"", "suspended"];

/// One of everything that an account can have.
fn fill(server: &mut Server) {
    server.must(&format!("FW.CLOCK SET {START}"));
    for key in &KEYS[..2] {
        server.must(&format!("FW.SPEND {key} 12.5 ID s1"));
        server.must(&format!("FW.TOPUP {key} 150 ID t1"));
        server.must(&format!("FW.TOPUP {key} 3 ID p1 PROMO"));
        server.must(&format!("FW.SET {key} anchor-day 31 tier tier-3"));
        server.must(&format!("FW.LIMIT {key} requests VALUE 100 MAX 700"));
        server.must(&format!("FW.LIMIT {key} requests@m/x MAX 50"));
        server.must(&format!("FW.LIMIT {key} tokens MAX 1000"));
        server.must(&format!("FW.LIMIT {key} tokens@m/x MAX 9"));
        server.must(&format!("FW.QUOTA {key} RESERVE l1 h100 2 a100 1"));
        server.must(&format!("FW.QUOTA {key} RESERVE l2 a100 1 TTL 0"));
        hold(server, key);
        server.must(&format!("FW.REFUND {key} 0.5 ID r1"));
        server.must(&format!("FW.INVOICE {key} PAID i1 AMOUNT 1"));
        server.must(&format!("FW.INVOICE {key} VOIDED i2"));
        for _ in 0..3 {
            server.must(&format!("FW.ADMIT {key} COST 7"));
            server.must("FW.CLOCK ADVANCE 1500");
        }
        server.must(&format!("PEXPIRE {key} 100000000"));
        server.must(&format!("PERSIST {key}"));
    }
    server.must("FW.ADMIT suspended HOLD h 1 TTL 86400000");
    server.must("FW.INVOICE suspended FAILED i1");
    server.must("FW.SUSPEND suspended \"two \\xff words\"");
}

/// Holds that are open, partly charged, settled, voided and lapsed by the time of `pictures`.
fn hold(server: &mut Server, key: &str) {
    let long = "TTL 86400000";
    server.must(&format!("FW.ADMIT {key} COST 0 SCOPE m/x TOKENS 5 HOLD settled 2"));
    server.must(&format!("FW.SPEND {key} 1.5 HOLD settled TOKENS 3"));
    server.must(&format!("FW.ADMIT {key} COST 0 TOKENS 400 HOLD voided 2"));
    server.must(&format!("FW.VOID {key} voided"));
    server.must(&format!("FW.ADMIT {key} COST 0 HOLD lapsed 2 TTL 1000"));
    server.must(&format!("FW.ADMIT {key} COST 0 SCOPE m/x TOKENS 2 HOLD partial 4 {long}"));
    server.must(&format!("FW.SPEND {key} 1 HOLD partial TOKENS 4 PARTIAL"));
    server.must(&format!("FW.ADMIT {key} COST 0 HOLD open 6 {long}"));
}

fn pictures(server: &mut Server) -> Vec<Vec<String>> {
    server.must(&format!("FW.CLOCK SET {}", START + 20_000));
    KEYS.map(|key| server.picture(key)).to_vec()
}

/// The same accounts, windows, holds, leases, tokens and remembered ids, after a kill.
fn survives_a_kill(mut server: Server) {
    let before = pictures(&mut server);
    assert!(before[0][0].contains("tier tier-3"), "{before:?}");
    assert!(before[2][0].contains("standing blocked,payment_failed"), "{before:?}");
    server.kill();
    server.restart();
    assert_eq!(pictures(&mut server), before);
    // Spent are 12.5, 1.5 and 1, less the refund; of 137.5 + 3 the last two are gone, it came back.
    let money = "14.5 5000 9 138.5 tier-3 active";
    let row = "name tokens@m/x limit 9 max 9 used 7 remaining 2 source operator";
    for (line, says) in [
        ("FW.QUOTA a RESERVE l1 h100 2 a100 1", "OK 1 600000 \"\" 8 2".to_owned()),
        ("FW.QUOTAS a tokens@m/x", row.to_owned()),
        ("FW.SPEND a 12.5 ID s1", format!("DUPLICATE {money}")),
        ("FW.SPEND a 1.5 HOLD settled", format!("DUPLICATE {money}")),
        ("FW.VOID a voided", format!("DUPLICATE {money}")),
        ("FW.SPEND a 1.5 HOLD voided", "(error) CONFLICT".to_owned()),
        ("FW.TOPUP a 151 ID t1", "(error) CONFLICT".to_owned()),
        ("FW.REFUND a 0.5 ID r1", format!("DUPLICATE {money}")),
        ("FW.INVOICE a FAILED i1", format!("DUPLICATE {money}")),
        ("FW.INVOICE a PAID i2", "(error) CONFLICT".to_owned()),
        ("FW.ADMIT a COST 0 HOLD open 6", "DUPLICATE requests 100 79 43000 0".to_owned()),
        ("FW.ADMIT a COST 0 HOLD lapsed 2", "(error) CONFLICT".to_owned()),
        ("FW.SPEND a 2 HOLD lapsed", "LATE 16.5 5000 9 136.5 tier-3 active".to_owned()),
        ("FW.SPEND a 2 HOLD partial", "OK 17.5 5000 6 135.5 tier-3 active".to_owned()),
        ("FW.ADMIT a", "OK requests 100 78 60000 0".to_owned()),
        ("FW.QUOTA a RESERVE l3 a100 1", "OK 3 600000 \"\" 8 3".to_owned()),
        ("FW.INVOICE suspended VOIDED i1", "OK 0 50 1 0 tier-1 blocked".to_owned()),
        ("FW.RESUME suspended", "OK 0 50 1 0 tier-1 active".to_owned()),
    ] {
        assert_eq!(server.says(line), says, "{line}");
    }
    assert_eq!(server.info("fw", "fw_divergences"), "0");
}

#[test]
fn an_rdb_file_keeps_everything() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    fill(&mut server);
    server.must("SAVE");
    survives_a_kill(server);
}

#[test]
fn an_append_only_file_keeps_everything_that_was_acknowledged() {
    for preamble in ["yes", "no"] {
        let preamble = format!("aof-use-rdb-preamble {preamble}");
        let mut server = Server::start(&["appendfsync always", &preamble]);
        fill(&mut server);
        survives_a_kill(server);
    }
}

#[test]
fn a_rewritten_append_only_file_keeps_everything() {
    for preamble in ["yes", "no"] {
        let preamble = format!("aof-use-rdb-preamble {preamble}");
        let mut server = Server::start(&["appendfsync always", &preamble]);
        fill(&mut server);
        rewrite(&mut server);
        survives_a_kill(server);
    }
}

fn rewrite(server: &mut Server) {
    server.must("BGREWRITEAOF");
    server.wait_for("persistence", "aof_rewrite_in_progress", "0");
    server.wait_for("persistence", "aof_rewrite_scheduled", "0");
    assert_eq!(server.info("persistence", "aof_last_bgrewrite_status"), "ok");
}

#[test]
fn a_random_history_is_the_same_bytes_after_a_replay_and_after_a_rewrite() {
    let mut server = Server::start(&["appendfsync no", "aof-use-rdb-preamble no"]);
    let mut random = Random::new();
    server.must(&format!("FW.CLOCK SET {START}"));
    for _ in 0..3_000 {
        server.ask(&random.command());
    }
    let before = server.digest();
    server.restart();
    assert_eq!(server.digest(), before, "after a replay");
    rewrite(&mut server);
    server.restart();
    assert_eq!(server.digest(), before, "after a rewrite and a replay");
    assert_eq!(server.info("fw", "fw_divergences"), "0");
}

#[test]
fn keys_can_be_dumped_restored_copied_renamed_and_moved() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    fill(&mut server);
    server.must(&format!("FW.CLOCK SET {}", START + 20_000));
    let before = server.picture("a");
    let Answer::Text(payload) = server.must("DUMP a") else { panic!("a payload") };
    let restore = [b"RESTORE".to_vec(), b"b".to_vec(), b"0".to_vec(), payload];
    assert_eq!(server.run(&restore).line(), "OK");
    assert_eq!(server.picture("b"), before);
    assert_eq!(server.says("COPY a c"), "1");
    assert_eq!(server.picture("c"), before);
    server.must("FW.ADMIT c");
    assert_eq!(server.picture("a"), before, "a copy is a copy");
    server.must("RENAME b d");
    assert_eq!(server.picture("d"), before);
    assert_eq!(server.says("FW.GET b"), "(nil)");
    assert_eq!(server.says("MOVE d 1"), "1");
    server.must("SELECT 1");
    assert_eq!(server.picture("d"), before);
}

#[test]
fn the_server_knows_an_account_as_a_type_of_its_own() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT a");
    server.must("SET s x");
    assert_eq!(server.says("TYPE a"), "fwaccount");
    assert_eq!(server.says("SCAN 0 TYPE fwaccount COUNT 100"), "0 [a]");
    server.must("OBJECT IDLETIME a");
    assert_eq!(server.says("OBJECT ENCODING a"), "raw");
    let Answer::Int(small) = server.must("MEMORY USAGE a") else { panic!("a size") };
    for number in 0..500 {
        server.must(&format!("FW.SPEND a 0.01 ID a-rather-long-id-{number}"));
    }
    let Answer::Int(large) = server.must("MEMORY USAGE a") else { panic!("a size") };
    assert!(small > 128 && large > small + 500 * 20, "{small} {large}");
    assert_eq!(server.says("UNLINK a"), "1");
    server.must("FW.ADMIT b");
    server.must("FLUSHALL ASYNC");
    assert_eq!(server.says("FW.GET b"), "(nil)");
    assert_eq!(server.says("FW.ADMIT b"), "OK requests 600 599 60000 0");
}

#[test]
fn an_account_can_expire_and_no_command_changes_when() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must("FW.ADMIT a");
    server.must("PEXPIREAT a 4102444800000");
    for line in ["ADMIT a", "SPEND a 1 ID s", "TOPUP a 1 ID t", "SET a tier tier-2"] {
        server.must(&format!("FW.{line}"));
    }
    server.must("FW.LIMIT a requests VALUE 5");
    server.must("FW.QUOTA a RESERVE l h100 1");
    for line in ["ADMIT a HOLD h 1", "EXTEND a h 5", "VOID a h", "REFUND a 1 ID r"] {
        server.must(&format!("FW.{line}"));
    }
    for line in ["INVOICE a FAILED i", "SUSPEND a fraud", "RESUME a"] {
        server.must(&format!("FW.{line}"));
    }
    assert_eq!(server.says("PEXPIRETIME a"), "4102444800000");
}
