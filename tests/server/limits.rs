//! What happens at the server's limits, and with payloads that nobody saved.

use crate::support::answer::Answer;
use crate::support::scenario::START;
use crate::support::server::Server;

#[test]
fn without_memory_takers_are_refused_and_recording_and_giving_back_work() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    server.must("FW.QUOTA a RESERVE l h100 2");
    server.must("CONFIG SET maxmemory 1");
    assert_eq!(server.says("FW.ADMIT new"), "(error) OOM");
    assert_eq!(server.says("FW.TOPUP new 1 ID t"), "(error) OOM");
    assert_eq!(server.says("FW.QUOTA a RESERVE l h100 3"), "(error) OOM");
    assert_eq!(server.says("FW.QUOTA a RESERVE m a100 1"), "(error) OOM");
    assert_eq!(server.says("FW.QUOTA a RESERVE l h100 9"), "QUOTA_EXCEEDED 1 600000 h100 8 2");
    assert_eq!(server.says("FW.ADMIT new COST 601"), "TOO_LARGE requests 600 600 0 -1");
    assert_eq!(server.says("FW.ADMIT a"), "OK requests 600 599 60000 0");
    assert_eq!(server.says("FW.SPEND spender 1"), "OK 1 50 0 0 tier-1 active");
    assert_eq!(server.says("FW.QUOTA a RESERVE l h100 1"), "OK 1 600000 \"\" 8 1");
    assert_eq!(server.says("FW.QUOTA a RELEASE l"), "1");
    assert_eq!(server.says("FW.TOPUP a 1 ID t"), "OK 0 50 0 1 tier-1 active");
}

#[test]
fn without_memory_new_holds_are_refused_and_those_that_are_open_can_be_settled() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    for hold in ["h", "g", "v"] {
        server.must(&format!("FW.ADMIT a COST 0 HOLD {hold} 5"));
    }
    server.must("CONFIG SET maxmemory 1");
    for (line, says) in [
        ("FW.ADMIT a COST 0 HOLD k 1", "(error) OOM"),
        ("FW.ADMIT new COST 0 HOLD k 1", "(error) OOM"),
        ("FW.SUSPEND new fraud", "(error) OOM"),
        ("FW.GET new", "(nil)"),
        ("FW.PEEK a COST 0 HOLD k 1", "OK requests 600 600 0 0"),
        ("FW.ADMIT a COST 0 HOLD k 51", "TOO_LARGE spend 600 600 0 -1"),
        ("FW.ADMIT a COST 0 HOLD k 50", "IN_FLIGHT spend 600 600 0 1000"),
        ("FW.ADMIT a COST 0 HOLD h 5", "DUPLICATE requests 600 600 0 0"),
        ("FW.ADMIT a COST 0 HOLD h 6", "(error) CONFLICT"),
        ("FW.ADMIT a SCOPE m TOKENS 9", "OK requests 600 599 60000 0 -1 -1 0"),
        ("FW.EXTEND a h 1000", "OK 0 50 15 0 tier-1 active"),
        ("FW.SPEND a 1 HOLD h PARTIAL", "OK 1 50 14 0 tier-1 active"),
        ("FW.SPEND a 2 HOLD h", "OK 2 50 10 0 tier-1 active"),
        ("FW.VOID a v", "OK 2 50 5 0 tier-1 active"),
        ("FW.REFUND a 3 ID r", "OK 0 50 5 1 tier-1 active"),
        ("FW.INVOICE a FAILED i", "OK 0 50 5 1 tier-1 payment_failed"),
        ("FW.INVOICE a PAID i AMOUNT 1", "OK 0 50 5 1 tier-1 active"),
        ("FW.INVOICE billed FAILED i", "OK 0 50 0 0 tier-1 payment_failed"),
        ("FW.SUSPEND a fraud", "OK 0 50 5 1 tier-1 blocked"),
        ("FW.ADMIT a COST 0 HOLD k 1", "SUSPENDED blocked 600 599 60000 -1"),
        ("FW.RESUME a", "OK 0 50 5 1 tier-1 active"),
        ("CONFIG SET maxmemory 0", "OK"),
        ("FW.ADMIT a COST 0 HOLD k 1", "OK requests 600 599 60000 0"),
    ] {
        assert_eq!(server.says(line), says, "{line}");
    }
}

/// Runs a command for every number from 1 to `count`, in one script.
fn repeat(server: &mut Server, count: u32, command: &str) {
    let script = format!("for i = 1, {count} do redis.call({command}) end return 1");
    assert_eq!(server.says(&format!("EVAL \"{script}\" 1 a")), "1", "{command}");
}

#[test]
fn an_account_has_at_most_ten_thousand_open_holds() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    let hold = "'FW.ADMIT', KEYS[1], 'COST', 0, 'HOLD', i, 0, 'TTL', 86400000";
    repeat(&mut server, 10_000, hold);
    let denied = "CONCURRENCY_LIMITED holds 600 600 0 1000";
    for (line, says) in [
        ("FW.ADMIT a COST 0 HOLD more 0", denied),
        ("FW.ADMIT a COST 0 HOLD 7 0", "DUPLICATE requests 600 600 0 0"),
        ("FW.ADMIT a COST 0 HOLD more 51", "TOO_LARGE spend 600 600 0 -1"),
        ("FW.ADMIT a COST 0", "OK requests 600 600 0 0"),
        ("FW.SPEND a 0 HOLD 7 PARTIAL", "DUPLICATE 0 50 0 0 tier-1 active"),
        ("FW.VOID a 7", "OK 0 50 0 0 tier-1 active"),
        ("FW.ADMIT a COST 0 HOLD more 0", "OK requests 600 600 0 0"),
        ("FW.ADMIT a COST 0 HOLD yet-more 0", denied),
        ("CONFIG SET fw.concurrency 10000", "OK"),
        ("FW.ADMIT a COST 0 HOLD yet-more 0", "CONCURRENCY_LIMITED concurrency 600 600 0 1000"),
    ] {
        assert_eq!(server.says(line), says, "{line}");
    }
    for (line, rows) in [("FW.HOLDS a", 100), ("FW.HOLDS a COUNT 20000", 10_000)] {
        let Answer::List(shown) = server.must(line) else { panic!("{line} is rows") };
        assert_eq!(shown.len(), rows, "{line}");
    }
    server.must("FW.CLOCK ADVANCE 86400000");
    assert_eq!(server.says("FW.ADMIT a COST 0 HOLD next 0"), "OK requests 600 600 0 0");
    let shown = server.must("FW.GET a");
    assert_eq!(shown.value("open_holds"), Some(&Answer::Int(1)));
}

#[test]
fn an_id_whose_time_is_over_is_not_counted_as_forgotten() {
    let settings = ["appendonly no", "save \"\"", "fw.billing-memory-ms 1000"];
    let mut server = Server::start(&settings);
    server.must(&format!("FW.CLOCK SET {START}"));
    repeat(&mut server, 10_000, "'FW.INVOICE', KEYS[1], 'PAID', i");
    server.must("FW.CLOCK ADVANCE 1000");
    server.must("FW.INVOICE a PAID last");
    assert_eq!(server.info("fw", "fw_forgotten_ids"), "0");
}

#[test]
fn top_ups_refunds_and_settled_invoices_share_ten_thousand_ids_and_the_first_is_forgotten() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    server.must("FW.INVOICE a FAILED kept");
    server.must("FW.TOPUP a 1 ID first");
    repeat(&mut server, 3_333, "'FW.REFUND', KEYS[1], '0.000000001', 'ID', i");
    repeat(&mut server, 3_333, "'FW.INVOICE', KEYS[1], 'PAID', i");
    repeat(&mut server, 3_333, "'FW.INVOICE', KEYS[1], 'VOIDED', 'v' .. i");
    let forgotten = server.info("fw", "fw_forgotten_ids");
    assert_eq!(forgotten, "0");
    assert!(server.says("FW.TOPUP a 1 ID first").starts_with("DUPLICATE "));
    assert!(server.says("FW.INVOICE a PAID last").starts_with("OK "));
    assert_eq!(server.info("fw", "fw_forgotten_ids"), "1");
    assert!(server.says("FW.TOPUP a 1 ID first").starts_with("OK "));
    assert!(server.says("FW.INVOICE a FAILED v3333").starts_with("DUPLICATE "));
    assert!(server.says("FW.INVOICE a FAILED kept").starts_with("DUPLICATE "));
}

#[test]
fn a_damaged_payload_is_refused_and_the_server_lives() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    for line in [
        "FW.SPEND a 1 ID s",
        "FW.QUOTA a RESERVE l h100 2",
        "FW.LIMIT a tokens@m MAX 9",
        "FW.ADMIT a SCOPE m TOKENS 5 HOLD open 7",
        "FW.SPEND a 1 HOLD open TOKENS 6 PARTIAL",
        "FW.ADMIT a HOLD settled 2",
        "FW.SPEND a 1 HOLD settled",
        "FW.ADMIT a HOLD voided 2",
        "FW.VOID a voided",
        "FW.INVOICE a VOIDED i",
        "FW.INVOICE a FAILED j",
        "FW.REFUND a 1 ID r",
        "FW.SUSPEND a fraud",
    ] {
        server.must(line);
    }
    let Answer::Text(payload) = server.must("DUMP a") else { panic!("a payload is bytes") };
    // Otherwise the server's own checksum refuses all of them.
    server.must("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
    let restore = |payload: &[u8]| {
        ["RESTORE".into(), "b".into(), "0".into(), payload.to_vec(), "REPLACE".into()]
    };
    assert_eq!(server.run(&restore(&payload)).line(), "OK");
    // The version and checksum of the server's envelope are not ours to judge.
    const ENVELOPE: usize = 10;
    for at in 1..payload.len() - ENVELOPE {
        let mut damaged = payload.clone();
        damaged[at] ^= 0x41;
        let answer = server.run(&restore(&damaged));
        assert!(matches!(answer, Answer::Error(_)), "byte {at}: {answer:?}");
    }
    assert_eq!(server.says("PING"), "PONG");
    let digests = server.says("DEBUG DIGEST-VALUE a b");
    let (a, b) = digests.split_once(' ').expect("two digests");
    assert_eq!(a, b);
}
