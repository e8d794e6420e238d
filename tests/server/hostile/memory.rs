//! A server without memory, under every policy: takers are refused, givers work.

use super::server;
use crate::support::scenario::START;
use crate::support::server::Server;

/// An account with something of everything, and the same one with a time to live.
fn fill(server: &mut Server, policy: &str) {
    server.must("CONFIG SET maxmemory 0");
    server.must("FLUSHALL");
    server.must(&format!("FW.CLOCK SET {START}"));
    for line in [
        "FW.ADMIT a COST 0 HOLD h 5",
        "FW.ADMIT a COST 0 HOLD v 5",
        "FW.QUOTA a RESERVE l h100 2 a100 1",
        "COPY a brief",
        "EXPIRE brief 100000",
    ] {
        server.must(line);
    }
    server.must(&format!("CONFIG SET maxmemory-policy {policy}"));
    server.must("CONFIG SET maxmemory 1");
}

/// New accounts are refused, but for what records something that happened.
fn refuses_new_accounts(server: &mut Server, policy: &str) {
    for line in [
        "FW.ADMIT new",
        "FW.ADMIT new COST 0 HOLD h 1",
        "FW.TOPUP new 1 ID t",
        "FW.SET new payment-method yes",
        "FW.LIMIT new requests MAX 5",
        "FW.SUSPEND new fraud",
        "FW.QUOTA new RESERVE l h100 1",
    ] {
        assert_eq!(server.says(line), "(error) OOM", "{policy}: {line}");
        assert_eq!(server.says("FW.GET new"), "(nil)", "{policy}: {line}");
    }
    assert_eq!(server.says("FW.SPEND spender 1 ID s"), "OK 1 50 0 0 tier-1 active", "{policy}");
    let failed = "OK 0 50 0 0 tier-1 payment_failed";
    assert_eq!(server.says("FW.INVOICE billed FAILED i"), failed, "{policy}");
    assert_eq!(server.says("FW.PEEK new COST 601"), "TOO_LARGE requests 600 600 0 -1", "{policy}");
}

#[test]
fn without_memory_takers_are_refused_and_givers_work_under_every_policy_that_keeps_accounts() {
    let mut server = server();
    for policy in ["noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]
    {
        fill(&mut server, policy);
        for (line, says) in [
            ("FW.ADMIT a COST 0 HOLD k 1", "(error) OOM"),
            ("FW.QUOTA a RESERVE l h100 3 a100 1", "(error) OOM"),
            ("FW.QUOTA a RESERVE m a100 1", "(error) OOM"),
            ("FW.ADMIT a COST 0 HOLD k 51", "TOO_LARGE spend 600 600 0 -1"),
            ("FW.ADMIT a COST 0 HOLD h 5", "DUPLICATE requests 600 600 0 0"),
            ("FW.ADMIT a", "OK requests 600 599 60000 0"),
            ("FW.SPEND a 1 HOLD h PARTIAL", "OK 1 50 9 0 tier-1 active"),
            ("FW.EXTEND a h 90000", "OK 1 50 9 0 tier-1 active"),
            ("FW.SPEND a 2 HOLD h", "OK 2 50 5 0 tier-1 active"),
            ("FW.VOID a v", "OK 2 50 0 0 tier-1 active"),
            ("FW.SPEND a 1 ID s", "OK 3 50 0 0 tier-1 active"),
            ("FW.TOPUP a 4 ID t", "OK 3 50 0 1 tier-1 active"),
            ("FW.REFUND a 1 ID r", "OK 2 50 0 2 tier-1 active"),
            ("FW.INVOICE a FAILED i", "OK 2 50 0 2 tier-1 payment_failed"),
            ("FW.INVOICE a VOIDED i", "OK 2 50 0 2 tier-1 active"),
            ("FW.QUOTA a RESERVE l h100 1", "OK 1 600000 \"\" 8 1"),
            ("FW.QUOTA a RENEW l 1", "OK 1 600000 \"\" 8 1"),
            ("FW.QUOTA a RELEASE l", "1"),
            ("FW.SET a payment-method yes", "OK 2 50 0 2 tier-1 active"),
            ("FW.SUSPEND a fraud", "OK 2 50 0 2 tier-1 blocked"),
            ("FW.RESUME a", "OK 2 50 0 2 tier-1 active"),
        ] {
            assert_eq!(server.says(line), says, "{policy}: {line}");
        }
        let is_kept = if policy == "noeviction" { "1" } else { "0" };
        assert_eq!(server.says("EXISTS brief"), is_kept, "{policy} evicts what has a time to live");
        refuses_new_accounts(&mut server, policy);
    }
}

#[test]
fn a_policy_that_evicts_accounts_still_records_what_was_used() {
    let mut server = server();
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        fill(&mut server, policy);
        assert_eq!(server.says("EXISTS a brief"), "0", "{policy}");
        refuses_new_accounts(&mut server, policy);
        assert_eq!(server.says("FW.VOID a h"), "(error) NOHOLD", "{policy}");
    }
}
